//! Score intervals of agreement: Wilson's idea for figures whose variance is known only where they were observed.

use super::{Interval, UPPER_TAIL, student_t_quantile};

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

/// Items with the model's variance at half agreement that are added to the observed ones when the height of V is fitted, so that
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
    /// The height is (n · n se² + 4 h V(1/2)) / (n V(value) + 4 V(1/2)), with h for a single dissenter. For the share of two raters' items
    /// that are alike it is 1 and the interval Wilson's (1927), with t for z. The value lies in the interval, which never leaves the
    /// possible figures; there is one where the standard error is 0, too. `items` are at least 2.
    pub(crate) fn interval(&self, value: f64, standard_error: f64) -> Interval {
        let n = self.items as f64;
        let end = self.end();
        let centre = (1.0 - value).clamp(0.0, end);
        let added = ADDED * self.at(0.5);
        let observed = n * (n * standard_error * standard_error);
        let height = (observed + self.dissenter * added) / (n * self.at(centre).max(0.0) + added);
        let reach = student_t_quantile(UPPER_TAIL, self.items - 1).powi(2) * height / n;
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
