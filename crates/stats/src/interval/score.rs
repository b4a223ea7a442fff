//! Score intervals of agreement: Wilson's idea for figures whose variance is known only where they were observed.

use super::{Interval, UPPER_TAIL};
use crate::distribution::student_t_quantile;

/// How the variance of an agreement figure depends on its true value, for so many items with so many raters each.
///
/// In terms of the disagreement left, c = 1 - figure, an item contributes a variance V(c) = c (a - b c - d c²). It follows from the model
/// in which an item is clear with some probability, so that all its raters give one label, and else everybody picks a label by the overall
/// shares: for two raters that is the usual model of intraclass kappa (Bloch and Kraemer 1989, Donner and Eliasziw 1992). The
/// model gives the shape only; its height is fitted to the figure's standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VarianceCurve {
    items: u64,
    /// a, b and d.
    linear: f64,
    quadratic: f64,
    cubic: f64,
    /// What V is multiplied with where nearly all agree: there disagreement is one rater who differs, not an item without a label.
    dissenter: f64,
}

/// What labels drawn by the overall shares say: sums over labels k and l drawn independently, disagreeing by d(k, l).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ChanceMoments {
    /// The mean of d: expected disagreement.
    pub(crate) mean: f64,
    /// The mean of d².
    pub(crate) square: f64,
    /// The mean over k of the square of what k disagrees with labels drawn by the shares.
    pub(crate) of_label: f64,
}

/// Items with the model's variance halfway from full to no agreement that are added to the observed ones when the height of V is fitted, so that
/// it does not vanish where no disagreement was seen. Four, as in "plus four" (Agresti and Coull 1998).
const ADDED: f64 = 4.0;

impl VarianceCurve {
    /// Of 1 - observed / expected disagreement, when label shares matter little for the expected: V = c (1 / expected - c).
    ///
    /// With `expected` 1 the figure is a share, and V the binomial variance.
    pub(crate) fn of_fixed_chance(expected: f64, items: u64, raters: f64) -> Self {
        Self { items, linear: 1.0 / expected, quadratic: 1.0, cubic: 0.0, dissenter: 2.0 / raters }
    }

    /// Of 1 - observed / expected disagreement with the expected taken from the label shares: kappas and alpha.
    pub(crate) fn of_margins(chance: ChanceMoments, items: u64, raters: f64) -> Self {
        let mean_square = chance.mean * chance.mean;
        // Hoeffding's parts of the variance of d: of one label alone, and of two together.
        let one = chance.of_label - mean_square;
        let both = chance.square - mean_square - 2.0 * one;
        let linear = (4.0 * one / raters + 2.0 * both / (raters * (raters - 1.0)) + mean_square) / mean_square;
        let of_two = chance.square / mean_square;
        Self {
            items,
            linear,
            quadratic: (8.0 * one / raters - 4.0 * one + mean_square) / mean_square,
            cubic: 4.0 * one * (1.0 - 1.0 / raters) / mean_square,
            dissenter: 2.0 / raters * of_two / linear,
        }
    }

    /// Of specific agreement on a label with this share of all ratings.
    pub(crate) fn of_label(share: f64, items: u64, raters: f64) -> Self {
        let others = raters - 1.0;
        let spread = (raters - 2.0) * (raters - 3.0) * share * (1.0 - share);
        let linear = (others + spread) / (raters * others * share);
        Self {
            items,
            linear,
            quadratic: -(raters - 2.0) * (1.0 - 2.0 * share) / (raters * share),
            cubic: others / (raters * share),
            dissenter: 1.0 / (raters * share * linear),
        }
    }

    /// The same for another number of items, of the same kind.
    pub(crate) fn of_items(self, items: u64) -> Self {
        Self { items, ..self }
    }

    fn at(&self, c: f64) -> f64 {
        c * (self.linear - (self.quadratic + self.cubic * c) * c)
    }

    /// The largest c, where V is 0 again: everybody differs as much as the label shares allow.
    fn end(&self) -> f64 {
        let root = (self.quadratic * self.quadratic + 4.0 * self.cubic * self.linear).sqrt();
        2.0 * self.linear / (self.quadratic + root)
    }

    /// All figures that the observed one does not contradict: (value - figure)² <= t(n - 1)² · V(figure) / n, V times its height.
    ///
    /// The height is (n · n se² + 4 h V(m)) / (n V(value) + 4 V(m)), with h for a single dissenter and m = 1/2, or half of the largest c
    /// where that is below 1: a label that nearly everybody uses is agreed on by chance. For the share of two raters' items
    /// that are alike it is 1 and the interval Wilson's (1927), with t for z. The value lies in the interval, which never leaves the
    /// possible figures; there is one where the standard error is 0, too. `items` are at least 2.
    pub(crate) fn interval(&self, value: f64, standard_error: f64) -> Interval {
        let n = self.items as f64;
        let end = self.end();
        let centre = (1.0 - value).clamp(0.0, end);
        let added = ADDED * self.at(end.min(1.0) / 2.0);
        let observed = n * (n * standard_error * standard_error);
        let height = (observed + self.dissenter * added) / (n * self.at(centre).max(0.0) + added);
        let reach = student_t_quantile(UPPER_TAIL, (self.items - 1) as f64).powi(2) * height / n;
        let fits = |c: f64| (c - centre) * (c - centre) <= reach * self.at(c);
        let (least, most) = (last_that_fits(centre, 0.0, fits), last_that_fits(centre, end, fits));
        Interval { low: (1.0 - most).min(value), high: (1.0 - least).max(value) }
    }
}

/// Where `fits` ends on the way from `from`, where it holds, to `to`. V has one end in each direction: a cubic that grows without
/// bound and is negative at `from` has one root above it, one between 0 and it, and one below 0.
fn last_that_fits(from: f64, to: f64, fits: impl Fn(f64) -> bool) -> f64 {
    let (mut inside, mut outside) = (from, to);
    for _ in 0..64 {
        let middle = (inside + outside) / 2.0;
        if fits(middle) { inside = middle } else { outside = middle }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }

    /// Wilson (1927), with t(n - 1) for z.
    #[test]
    fn shares_of_two_raters_have_wilsons_interval() {
        for (n, agreeing) in [(50, 50.0), (50, 47.0), (20, 3.0), (400, 0.0), (1000, 512.0)] {
            let (items, share) = (n as f64, agreeing / n as f64);
            let error = (share * (1.0 - share) / items).sqrt();
            let found = VarianceCurve::of_fixed_chance(1.0, n, 2.0).interval(share, error);
            let t = student_t_quantile(UPPER_TAIL, (n - 1) as f64);
            let centre = (share + t * t / (2.0 * items)) / (1.0 + t * t / items);
            let half = t / (1.0 + t * t / items) * (error * error + t * t / (4.0 * items * items)).sqrt();
            assert_near(found.low, centre - half);
            assert_near(found.high, centre + half);
        }
    }

    /// The variance of u over all ways in which `raters` may label an item of the model: clear with probability `clear`, and then of
    /// label k with probability `shares[k]`, or unclear, and then labelled independently by these shares.
    fn variance(shares: &[f64], raters: u32, clear: f64, u: impl Fn(&[usize]) -> f64) -> f64 {
        let (mut mean, mut square) = (0.0, 0.0);
        for code in 0..shares.len().pow(raters) {
            let labels: Vec<usize> = (0..raters).map(|place| code / shares.len().pow(place) % shares.len()).collect();
            let unclear = labels.iter().map(|&label| shares[label]).product::<f64>() * (1.0 - clear);
            let all_one = labels.iter().all(|&label| label == labels[0]);
            let probability = unclear + if all_one { clear * shares[labels[0]] } else { 0.0 };
            mean += probability * u(&labels);
            square += probability * u(&labels).powi(2);
        }
        square - mean * mean
    }

    /// The mean of `term` over ordered pairs of different raters of an item.
    fn mean_over_pairs(labels: &[usize], term: impl Fn(usize, usize) -> f64) -> f64 {
        let pairs = (0..labels.len()).flat_map(|a| (0..labels.len()).map(move |b| (a, b))).filter(|(a, b)| a != b);
        let terms: Vec<f64> = pairs.map(|(a, b)| term(labels[a], labels[b])).collect();
        terms.iter().sum::<f64>() / terms.len() as f64
    }

    #[test]
    fn curves_of_kappas_are_the_variance_of_the_model() {
        let nominal = |k: usize, l: usize| f64::from(u8::from(k != l));
        let linear = |k: usize, l: usize| k.abs_diff(l) as f64 / 2.0;
        let apart: [&dyn Fn(usize, usize) -> f64; 2] = [&nominal, &linear];
        for (shares, apart) in [(&[0.9, 0.1][..], apart[0]), (&[0.2, 0.3, 0.5], apart[0]), (&[0.2, 0.7, 0.1], apart[1])]
        {
            let against = |k: usize| -> f64 { (0..shares.len()).map(|l| shares[l] * apart(k, l)).sum() };
            let mean_of = |term: &dyn Fn(usize) -> f64| -> f64 { (0..shares.len()).map(|k| shares[k] * term(k)).sum() };
            let chance = ChanceMoments {
                mean: mean_of(&against),
                square: mean_of(&|k| (0..shares.len()).map(|l| shares[l] * apart(k, l).powi(2)).sum()),
                of_label: mean_of(&|k| against(k).powi(2)),
            };
            for raters in [2, 3, 4] {
                let curve = VarianceCurve::of_margins(chance, 50, f64::from(raters));
                for kappa in [0.0, 0.3, 0.8, 1.0] {
                    // What an item contributes to 1 - observed / expected, with what its labels do to the expected.
                    let u = |labels: &[usize]| {
                        let observed = mean_over_pairs(labels, apart);
                        let expected = mean_over_pairs(labels, |k, l| against(k) + against(l));
                        (observed - (1.0 - kappa) * expected) / chance.mean
                    };
                    assert_near(curve.at(1.0 - kappa), variance(shares, raters, kappa, u));
                }
            }
        }
    }

    #[test]
    fn curves_of_specific_agreement_are_the_variance_of_the_model() {
        for share in [0.1, 0.5, 0.7] {
            for raters in [2, 3, 4, 6] {
                let curve = VarianceCurve::of_label(share, 50, f64::from(raters));
                for clear in [0.0, 0.3, 0.8, 1.0] {
                    let specific = clear + (1.0 - clear) * share;
                    // Both of a pair chose the label, or one did: code 1 is the label.
                    let u = |labels: &[usize]| {
                        mean_over_pairs(labels, |k, l| (k * l) as f64 - specific * (k + l) as f64 / 2.0) / share
                    };
                    let expected = variance(&[1.0 - share, share], raters, clear, u);
                    assert_near(curve.at(1.0 - specific), expected);
                }
            }
        }
    }

    #[test]
    fn one_dissenter_decides_where_all_agree() {
        // The slope at c = 0 that an item with one dissenter among r raters gives: D = 2 / r, with probability c expected / D.
        for raters in [2.0, 3.0, 7.0] {
            let chance = ChanceMoments { mean: 0.5, square: 0.5, of_label: 0.25 };
            let curve = VarianceCurve::of_margins(chance, 50, raters);
            assert_near(curve.dissenter * curve.linear, 2.0 / raters / 0.5);
            let curve = VarianceCurve::of_fixed_chance(0.5, 50, raters);
            assert_near(curve.dissenter * curve.linear, 2.0 / raters / 0.5);
        }
    }

    #[test]
    fn intervals_hold_the_value_and_only_possible_figures() {
        let rare = ChanceMoments { mean: 0.18, square: 0.18, of_label: 0.09 };
        let curves = [
            VarianceCurve::of_fixed_chance(0.3, 30, 4.5),
            VarianceCurve::of_margins(rare, 30, 2.0),
            VarianceCurve::of_margins(rare, 30, 6.0),
            VarianceCurve::of_label(0.03, 30, 3.0),
            VarianceCurve::of_label(0.86, 30, 3.5),
            VarianceCurve::of_label(0.97, 30, 10.0),
        ];
        for curve in curves {
            assert_near(curve.at(curve.end()), 0.0);
            for value in [1.0, 0.95, 0.5, 0.0, 1.0 - curve.end(), -0.9] {
                for error in [0.0, 1e-3, 0.1, 5.0] {
                    let found = curve.interval(value, error);
                    let least = (1.0 - curve.end()).min(value) - 1e-12;
                    assert!(
                        least <= found.low && found.low <= value && value <= found.high,
                        "{curve:?} {value} {found:?}"
                    );
                    assert!(found.high <= 1.0 && found.high - found.low > 1e-3, "{curve:?} {value} {found:?}");
                }
            }
        }
    }
}
