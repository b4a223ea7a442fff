use super::interval::{Made, estimate, fisher_z, student};
use super::measure::{Divisor, Kind, Limits, PairMeasure};
use super::moments::{Moments, Sums};
use super::pairs::{Pair, Pairs};
use super::ranks::Scratch;
use crate::distribution::chi_squared_quantile;
use crate::estimate::{Estimate, Undefined};
use crate::interval::{Interval, ROUNDING, UPPER_TAIL};
use crate::parallel::Threads;
use crate::sum::order_free_sum;

/// A figure of two raters, `rater < other`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairEstimate {
    pub rater: u32,
    pub other: u32,
    pub estimate: Estimate,
}

/// A measure for every pair of raters with a shared item, in ascending order of the codes.
pub fn by_pair(pairs: &Pairs, measure: PairMeasure, threads: Threads) -> Vec<PairEstimate> {
    for_each_pair(pairs, threads, |observed, scratch| {
        let estimate = observed.estimate(measure, scratch);
        PairEstimate { rater: observed.pair.rater, other: observed.pair.other, estimate }
    })
}

/// One result for each pair, in their order.
pub(super) fn for_each_pair<T: Send>(
    pairs: &Pairs,
    threads: Threads,
    figure: impl Fn(Observed<'_>, &mut Scratch) -> T + Sync,
) -> Vec<T> {
    let parts = threads.map_ranges(pairs.len(), |places| {
        let mut scratch = Scratch::default();
        let of_pairs = pairs.pairs[places].iter().map(|pair| figure(Observed::new(pairs, pair), &mut scratch));
        of_pairs.collect::<Vec<T>>()
    });
    parts.into_iter().flatten().collect()
}

/// One pair as observed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observed<'a> {
    pairs: &'a Pairs,
    pub(super) pair: &'a Pair,
}

impl<'a> Observed<'a> {
    pub(super) fn new(pairs: &'a Pairs, pair: &'a Pair) -> Self {
        Self { pairs, pair }
    }

    fn moments(self) -> Result<Moments, Undefined> {
        Sums::observed(self.pairs, self.pair).moments().ok_or(Undefined::NoPairableItems)
    }

    pub(super) fn value(self, measure: PairMeasure, scratch: &mut Scratch) -> Result<f64, Undefined> {
        match measure.kind() {
            Kind::Moments(measure) => self.moments().and_then(|moments| moments.value(measure)),
            Kind::Ranks(measure) => {
                let value = measure.value(self.pairs.entries(self.pair), self.pairs.observed(), scratch);
                value.ok_or(if self.pair.items < 2 { Undefined::OneItem } else { Undefined::ZeroVariance })
            }
        }
    }

    /// By entry, the derivative of the value with respect to the weight of one of its items, times the number of items.
    pub(super) fn influence(self, measure: PairMeasure, value: f64) -> Vec<f64> {
        let entries = self.pairs.entries(self.pair);
        match (measure.kind(), self.moments()) {
            (Kind::Ranks(measure), _) => measure.influence(entries, self.pairs.observed(), value),
            (Kind::Moments(measure), Ok(moments)) => entries
                .iter()
                .map(|entry| moments.influence(measure, value, moments.of_entry(self.pairs, entry)))
                .collect(),
            (Kind::Moments(_), Err(_)) => vec![0.0; entries.len()],
        }
    }

    pub(super) fn estimate(self, measure: PairMeasure, scratch: &mut Scratch) -> Estimate {
        let value = self.value(measure, scratch);
        estimate(value, |value| self.interval(measure, value), self.pair.sample(), measure.method())
    }

    fn interval(self, measure: PairMeasure, value: f64) -> Result<Made, Undefined> {
        let items = self.pair.items;
        let n = items as f64;
        match measure {
            PairMeasure::PearsonR | PairMeasure::SpearmanRho if items < 4 => Err(Undefined::TooFewItems),
            PairMeasure::PearsonR => fisher_z(value, (n - 3.0).sqrt().recip()),
            PairMeasure::SpearmanRho => fisher_z(value, ((1.0 + value * value / 2.0) / (n - 3.0)).sqrt()),
            PairMeasure::KendallTauB => {
                fisher_z(value, self.large_sample_error(measure, value) / (1.0 - value * value))
            }
            PairMeasure::LinCcc(_) if items < 3 => Err(Undefined::TooFewItems),
            PairMeasure::LinCcc(_) => lin_interval(value, &self.moments()?),
            PairMeasure::MeanDifference => {
                student(value, self.moments()?.difference_sd()? / n.sqrt(), items, measure.bounds())
            }
            PairMeasure::DifferenceSd if value == 0.0 => Err(Undefined::ZeroVariance),
            PairMeasure::DifferenceSd => {
                let bound = |p| value * ((n - 1.0) / chi_squared_quantile(p, n - 1.0)).sqrt();
                Ok(Interval { low: bound(UPPER_TAIL), high: bound(1.0 - UPPER_TAIL) }.into())
            }
            PairMeasure::LowerLimit(limits) | PairMeasure::UpperLimit(limits) => {
                student(value, self.limits_error(limits)?, items, measure.bounds())
            }
        }
    }

    /// The delta method: √(Σ L²) / n over items with influence L.
    fn large_sample_error(self, measure: PairMeasure, value: f64) -> f64 {
        let (entries, observed) = (self.pairs.entries(self.pair), self.pairs.observed());
        let changes = self.influence(measure, value);
        let squares = entries.iter().zip(&changes).map(|(entry, l)| observed(entry.unit) as f64 * l * l);
        order_free_sum(squares).sqrt() / self.pair.items as f64
    }

    /// The standard error of either limit of agreement.
    pub(super) fn limits_error(self, limits: Limits) -> Result<f64, Undefined> {
        let sd = self.moments()?.difference_sd()?;
        if sd == 0.0 {
            return Err(Undefined::ZeroVariance);
        }
        Ok(limits.standard_error(sd, self.pair.items as f64))
    }
}

/// Lin (1989) with the correction of 2000, written with the accuracy C = ρc / r in place of the quotient, which is 0/0 without correlation.
fn lin_interval(value: f64, moments: &Moments) -> Result<Made, Undefined> {
    let (r, ccc) = (moments.pearson()?, moments.lin_ccc(Divisor::N)?);
    let (u2, accuracy) = moments.shift_and_accuracy();
    let rest = 1.0 - ccc * ccc;
    if rest <= ROUNDING {
        return Err(Undefined::ZeroVariance);
    }
    let of_correlation = (1.0 - r * r) * accuracy * accuracy * rest;
    let of_shift = 2.0 * ccc * ccc * (1.0 - ccc) * u2 * accuracy - (ccc * accuracy * u2).powi(2) / 2.0;
    let variance = (of_correlation + of_shift) / (moments.items - 2.0);
    if variance < 0.0 {
        return Err(Undefined::NonPositiveVariance);
    }
    fisher_z(value, variance.sqrt() / rest)
}
