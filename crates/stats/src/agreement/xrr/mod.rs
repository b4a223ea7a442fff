//! Cross-replication reliability: how well two pools of raters agree with each other on the same items.
//!
//! Wong, Paritosh and Aroyo (2021), "Cross-replication Reliability - An Empirical Approach to Interpreting Inter-rater Reliability".
//! The pools may be two vendors, two groups of raters, or one crew at two times; a rater may be in both.

mod units;

use std::fmt;

use units::{Pool, Unit};

use super::ratings::Ratings;
use super::weights::Weights;
use crate::estimate::{Estimate, Method, Sample, Undefined};
use crate::interval::{self, Bounds};
use crate::resample::Statistic;
use crate::sum::order_free_sum;

/// Agreement between two pools, and within each, over the items that both rated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Xrr {
    /// Agreement of a rating of pool A with one of pool B beyond chance. With one rating per item and pool it is (weighted) Cohen's
    /// kappa of the two.
    pub kappa_x: Estimate,
    /// Krippendorff's alpha within pool A, with the same weights, over the items that both pools rated.
    pub irr_a: Estimate,
    pub irr_b: Estimate,
    /// kappa_x / √(IRR_A · IRR_B): what the agreement of the pools would be if each were perfectly reliable. It can exceed 1.
    pub normalised: Estimate,
}

/// Why two sets of ratings cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XrrError {
    /// Item `i` of one pool is item `i` of the other; items may have no rating.
    ItemsDiffer { a: usize, b: usize },
    /// Every label code has weights.
    LabelWithoutWeights { n_labels: usize, weights: usize },
}

impl fmt::Display for XrrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ItemsDiffer { a, b } => {
                write!(f, "{a} items in one pool, {b} in the other: both must cover the same items")
            }
            Self::LabelWithoutWeights { n_labels, weights } => {
                write!(f, "the ratings have {n_labels} labels, but only {weights} have weights")
            }
        }
    }
}

impl std::error::Error for XrrError {}

/// Two pools of ratings of the same items, condensed to what cross-replication reliability is a function of.
///
/// As a [`Statistic`] it has four figures: kappa_x, the alpha of pool A and of pool B, and the normalised kappa_x.
#[derive(Debug, Clone)]
pub struct CrossReplication {
    weights: Weights,
    units: Vec<Unit>,
    multiplicities: Vec<u64>,
    sample: Sample,
    /// Why there is nothing to compare.
    empty: Option<Undefined>,
    /// Of all items, to leave one out.
    totals: Totals,
}

impl CrossReplication {
    /// The codes of items and labels must mean the same in both pools.
    ///
    /// # Errors
    /// When the pools have different numbers of items, or a label code has no weights.
    pub fn new(a: &Ratings, b: &Ratings, weights: Weights) -> Result<Self, XrrError> {
        if a.n_items() != b.n_items() {
            return Err(XrrError::ItemsDiffer { a: a.n_items(), b: b.n_items() });
        }
        let n_labels = a.n_labels.max(b.n_labels);
        if weights.n_labels() < n_labels {
            return Err(XrrError::LabelWithoutWeights { n_labels, weights: weights.n_labels() });
        }
        let (units, multiplicities) = units::count(a, b, &weights);
        let sample = units::sample_of_shared(a, b);
        let empty = if a.cells.is_empty() || b.cells.is_empty() {
            Some(Undefined::NoRatings)
        } else {
            units.is_empty().then_some(Undefined::NoPairableItems)
        };
        let totals = Totals::of(&units, &multiplicities, &weights);
        Ok(Self { weights, units, multiplicities, sample, empty, totals })
    }

    /// The figures with their intervals. Only items count that have a rating in both pools. With Rᵢ, Sᵢ ratings of item i in pool A
    /// and B, R and S in all, and rₖ, sₖ those that are label k, d = 1 - w:
    ///
    /// - observed: Σᵢ (Rᵢ + Sᵢ) cᵢ / (R + S), where cᵢ is the mean disagreement d of a rating of A and one of B on item i
    /// - expected: Σₖₗ rₖ sₗ d(k, l) / (R S)
    /// - kappa_x = 1 - observed / expected
    ///
    /// as equations 9 and 10 of the paper and its authors' library (`XrrMetrics.WITH_MISSING_DATA`) have it. Intervals: infinitesimal
    /// jackknife over items, t(n - 1). That of the normalised figure is not cut at 1.
    ///
    /// Undefined: `no_ratings` (one pool is empty), `no_pairable_items` (no item was rated by both; for the alphas: by two of the
    /// pool), `single_category` (only one label in both pools, or none that disagree), and `irr_not_positive` for
    /// the normalised figure: unless both pools agree better than chance, there is nothing to measure their agreement by.
    pub fn estimate(&self) -> Xrr {
        let undefined = |reason| Estimate::undefined(reason, self.sample, Method::InfinitesimalJackknife);
        if let Some(reason) = self.empty {
            let none = undefined(reason);
            return Xrr { kappa_x: none, irr_a: none, irr_b: none, normalised: none };
        }
        let kappa_x = self.cross_influence(&self.totals);
        let irr = [Pool::A, Pool::B].map(|pool| self.irr_influence(&self.totals, pool));
        let normalised = normalised(&kappa_x, &irr);
        let finish = |figure: &Result<Influence, Undefined>| match figure {
            Ok(figure) => {
                let spread = interval::from_items(0.0, &self.by_item(figure));
                Estimate::spread(figure.value, spread, self.sample, Method::InfinitesimalJackknife)
            }
            Err(reason) => undefined(*reason),
        };
        let mut normalised = finish(&normalised);
        // Nothing keeps this figure below 1, so that its interval is not cut there.
        if let (Ok(value), Some(spread)) = (normalised.value, normalised.spread) {
            normalised.interval = Ok(spread.interval(value, Bounds::NONE));
        }
        Xrr { kappa_x: finish(&kappa_x), irr_a: finish(&irr[0]), irr_b: finish(&irr[1]), normalised }
    }

    fn by_item(&self, figure: &Influence) -> Vec<(f64, u64)> {
        figure.by_unit.iter().copied().zip(self.multiplicities.iter().copied()).collect()
    }

    fn cross_influence(&self, totals: &Totals) -> Result<Influence, Undefined> {
        let value = totals.kappa_x().ok_or(Undefined::SingleCategory)?;
        let [(a, in_a), (b, in_b)] = [Pool::A, Pool::B].map(|pool| {
            let counts = &totals.shared[pool as usize];
            (disagreements(&self.weights, counts), counts.iter().sum::<u64>() as f64)
        });
        let (observed, expected) = (totals.observed / totals.weight, totals.expected / (in_a * in_b));
        let by_unit = self.units.iter().map(|unit| {
            let of = |pool: Pool, to: &[f64]| unit.sum_over(pool, |label| to[label as usize]);
            let own = (unit.ratings(Pool::A) / in_a, unit.ratings(Pool::B) / in_b);
            let more_observed = unit.weight() * (unit.cross - observed) / totals.weight;
            let more_expected = (of(Pool::A, &b) + of(Pool::B, &a)) / (in_a * in_b) - expected * (own.0 + own.1);
            self.sample.items as f64 * (observed * more_expected / expected - more_observed) / expected
        });
        Ok(Influence { value, by_unit: by_unit.collect() })
    }

    fn irr_influence(&self, totals: &Totals, pool: Pool) -> Result<Influence, Undefined> {
        let value = totals.irr(pool)?;
        let counts = &totals.pairable[pool as usize];
        let ratings = counts.iter().sum::<u64>() as f64;
        let to_all = disagreements(&self.weights, counts);
        let disagreement = totals.within[pool as usize];
        let expected = totals.within_expected[pool as usize];
        // Of alpha without its small-sample term, 1 - N · disagreement / expected: as Gwet has it, and free of how large N is.
        let by_unit = self.units.iter().map(|unit| {
            let n = unit.ratings(pool);
            if n < 2.0 {
                return 0.0;
            }
            let more_expected = 2.0 * unit.sum_over(pool, |label| to_all[label as usize]);
            let change =
                n * disagreement + ratings * (unit.within[pool as usize] - disagreement * more_expected / expected);
            -(self.sample.items as f64) * change / expected
        });
        Ok(Influence { value, by_unit: by_unit.collect() })
    }
}

/// A figure and, by unit, its derivative with respect to the weight of one of the unit's items, times the number of items.
struct Influence {
    value: f64,
    by_unit: Vec<f64>,
}

fn normalised(
    kappa_x: &Result<Influence, Undefined>,
    irr: &[Result<Influence, Undefined>; 2],
) -> Result<Influence, Undefined> {
    let [kappa, a, b] = [kappa_x, &irr[0], &irr[1]].map(|figure| figure.as_ref().map_err(|&reason| reason));
    let (kappa, a, b) = (kappa?, a?, b?);
    let value = normalise(kappa.value, a.value, b.value).ok_or(Undefined::IrrNotPositive)?;
    let scale = (a.value * b.value).sqrt();
    let parts = kappa.by_unit.iter().zip(&a.by_unit).zip(&b.by_unit);
    let by_unit =
        parts.map(|((kappa, in_a), in_b)| kappa / scale - value / 2.0 * (in_a / a.value + in_b / b.value)).collect();
    Ok(Influence { value, by_unit })
}

fn normalise(kappa_x: f64, irr_a: f64, irr_b: f64) -> Option<f64> {
    // An alpha that is 0 but for rounding is not positive.
    (irr_a > 1e-12 && irr_b > 1e-12).then(|| kappa_x / (irr_a * irr_b).sqrt())
}

/// By label k: Σₗ nₗ d(k, l).
fn disagreements(weights: &Weights, counts: &[u64]) -> Vec<f64> {
    weights.disagreements(&counts.iter().map(|&n| n as f64).collect::<Vec<_>>())
}

/// Σₖ Σₗ aₖ bₗ d(k, l); 0 when only one label is used.
fn total(weights: &Weights, a: &[u64], b: &[u64]) -> f64 {
    if a.iter().zip(b).filter(|&(&n, &m)| n + m > 0).count() < 2 {
        return 0.0;
    }
    let to_b = disagreements(weights, b);
    order_free_sum(a.iter().zip(to_b).filter(|&(&n, _)| n > 0).map(|(&n, apart)| n as f64 * apart))
}

/// The sums that all four figures come from. Arrays are by pool.
#[derive(Debug, Clone)]
struct Totals {
    /// Σᵢ (Rᵢ + Sᵢ) cᵢ and Σᵢ (Rᵢ + Sᵢ).
    observed: f64,
    weight: f64,
    /// Σₖₗ rₖ sₗ d(k, l).
    expected: f64,
    /// By label: ratings on items that both pools rated, and those on items with two ratings of the pool.
    shared: [Vec<u64>; 2],
    pairable: [Vec<u64>; 2],
    within: [f64; 2],
    within_expected: [f64; 2],
}

impl Totals {
    fn of(units: &[Unit], times: &[u64], weights: &Weights) -> Self {
        let mut totals = Self::counts(units, times, weights);
        let over = |term: &dyn Fn(&Unit) -> f64| {
            order_free_sum(units.iter().zip(times).map(|(unit, &times)| times as f64 * term(unit)))
        };
        totals.observed = over(&|unit| unit.weight() * unit.cross);
        totals.weight = over(&Unit::weight);
        totals.within = [0, 1].map(|pool| over(&|unit| unit.within[pool]));
        totals
    }

    /// As [`of`](Self::of), with sums in the order of the units.
    fn drawn(units: &[Unit], times: &[u64], weights: &Weights) -> Self {
        let mut totals = Self::counts(units, times, weights);
        for (unit, &times) in units.iter().zip(times).filter(|&(_, &times)| times > 0) {
            totals.add_sums(unit, times as f64);
        }
        totals
    }

    /// Only what is counted in whole numbers, and what follows from it.
    fn counts(units: &[Unit], times: &[u64], weights: &Weights) -> Self {
        let none = || [vec![0; weights.n_labels()], vec![0; weights.n_labels()]];
        let (mut shared, mut pairable) = (none(), none());
        for (unit, &times) in units.iter().zip(times).filter(|&(_, &times)| times > 0) {
            for pool in [Pool::A, Pool::B] {
                unit.count(pool, &mut shared[pool as usize], |n, more| n + times * more);
                if unit.ratings(pool) >= 2.0 {
                    unit.count(pool, &mut pairable[pool as usize], |n, more| n + times * more);
                }
            }
        }
        let zero = [0.0; 2];
        Self { observed: 0.0, weight: 0.0, expected: 0.0, shared, pairable, within: zero, within_expected: zero }
            .expect_from_counts(weights)
    }

    fn without(&self, unit: &Unit, weights: &Weights) -> Self {
        let mut totals = self.clone();
        for pool in [Pool::A, Pool::B] {
            unit.count(pool, &mut totals.shared[pool as usize], |n, less| n - less);
            if unit.ratings(pool) >= 2.0 {
                unit.count(pool, &mut totals.pairable[pool as usize], |n, less| n - less);
            }
        }
        totals.add_sums(unit, -1.0);
        totals.expect_from_counts(weights)
    }

    fn add_sums(&mut self, unit: &Unit, times: f64) {
        self.observed += times * unit.weight() * unit.cross;
        self.weight += times * unit.weight();
        for pool in 0..2 {
            self.within[pool] += times * unit.within[pool];
        }
    }

    fn expect_from_counts(mut self, weights: &Weights) -> Self {
        self.expected = total(weights, &self.shared[0], &self.shared[1]);
        self.within_expected = [0, 1].map(|pool| total(weights, &self.pairable[pool], &self.pairable[pool]));
        self
    }

    fn kappa_x(&self) -> Option<f64> {
        let [a, b] = [0, 1].map(|pool| self.shared[pool].iter().sum::<u64>() as f64);
        (self.expected > 0.0).then(|| 1.0 - self.observed / self.weight * (a * b) / self.expected)
    }

    fn irr(&self, pool: Pool) -> Result<f64, Undefined> {
        let ratings: u64 = self.pairable[pool as usize].iter().sum();
        let expected = self.within_expected[pool as usize];
        if ratings == 0 {
            Err(Undefined::NoPairableItems)
        } else if expected > 0.0 {
            Ok(1.0 - (ratings as f64 - 1.0) * self.within[pool as usize] / expected)
        } else {
            Err(Undefined::SingleCategory)
        }
    }
}

impl Totals {
    fn write(&self, figures: &mut [Option<f64>]) {
        let (kappa_x, a, b) = (self.kappa_x(), self.irr(Pool::A).ok(), self.irr(Pool::B).ok());
        let normalised = match (kappa_x, a, b) {
            (Some(kappa_x), Some(a), Some(b)) => normalise(kappa_x, a, b),
            _ => None,
        };
        figures.copy_from_slice(&[kappa_x, a, b, normalised]);
    }
}

impl Statistic for CrossReplication {
    fn multiplicities(&self) -> &[u64] {
        &self.multiplicities
    }

    fn figures(&self) -> usize {
        4
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        Totals::drawn(&self.units, times, &self.weights).write(figures);
    }

    fn evaluate_without(&self, unit: usize, figures: &mut [Option<f64>]) {
        self.totals.without(&self.units[unit], &self.weights).write(figures);
    }
}
