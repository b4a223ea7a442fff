use super::measure::{Limits, PairMeasure};
use super::pair::for_each_pair;
use super::pairs::Pairs;
use crate::estimate::{Estimate, Undefined};
use crate::parallel::Threads;

/// How two raters, `rater < other`, differ in the units of the ratings: x - y, `rater` less `other`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlandAltman {
    pub rater: u32,
    pub other: u32,
    /// The mean difference.
    pub bias: Estimate,
    /// The standard deviation of the differences.
    pub sd: Estimate,
    /// Between the limits of agreement lie 95 % of the differences if these are normal.
    pub lower: Estimate,
    pub upper: Estimate,
    /// Of either limit.
    pub limits_error: Result<f64, Undefined>,
}

/// Bland-Altman figures for every pair of raters with a shared item: Bland and Altman (1986, 1999).
///
/// Values equal what pingouin's `plot_blandaltman` draws, intervals of the limits with [`BlandAltman1986`](super::LimitsError).
/// Undefined cases: see [`PairMeasure`].
pub fn bland_altman(pairs: &Pairs, limits: Limits, threads: Threads) -> Vec<BlandAltman> {
    for_each_pair(pairs, threads, |observed, scratch| {
        let mut figure = |measure| observed.estimate(measure, scratch);
        BlandAltman {
            rater: observed.pair.rater,
            other: observed.pair.other,
            bias: figure(PairMeasure::MeanDifference),
            sd: figure(PairMeasure::DifferenceSd),
            lower: figure(PairMeasure::LowerLimit(limits)),
            upper: figure(PairMeasure::UpperLimit(limits)),
            limits_error: observed.limits_error(limits),
        }
    })
}
