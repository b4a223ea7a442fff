//! Intervals by counting items anew: jackknife, bootstrap and two-way bootstrap of any figure that implements [`Statistic`].
//!
//! | what varies | function | interval |
//! | --- | --- | --- |
//! | items | [`jackknife`] | value ± t(m - 1) · standard error, [`Jackknife::interval`] |
//! | items | [`bootstrap`] | percentiles, [`Replicates::percentile`], or bias-corrected and accelerated, [`Replicates::bca`] |
//! | items and raters | [`two_way`] | percentiles |
//!
//! A replicate is drawn from a stream of random numbers that its seed and its number determine, and is counted by one thread from
//! beginning to end: results are the same to the last bit for any number of threads, and the first replicates of a longer run are
//! those of a shorter one.
//!
//! A replicate in which a figure does not exist (only one category was drawn, say) is left out of that figure's interval and
//! counted. When more than [`MOST_UNDEFINED`] of them do not exist there is no interval: those that are left would describe
//! other data than these.

mod alias;
mod batch;
mod bca;
mod bootstrap;
#[cfg(test)]
mod chi_squared;
mod draw;
mod generator;
mod jackknife;
mod two_way;
mod work;

pub use batch::{Batch, LANES};
pub use bca::NoBca;
pub use bootstrap::{FEWEST_RESAMPLES, MOST_UNDEFINED, Replicates, Resampled, bootstrap};
pub use generator::Generator;
pub use jackknife::{Jackknife, jackknife};
pub use two_way::two_way;

/// Figures that are functions of how often each unit is counted.
///
/// A unit is what is drawn: an item, or several items that carry the same information. Figures that share their sums are one
/// statistic, so that a draw is counted once for all of them.
pub trait Statistic: Sync {
    /// How many items each unit stands for, in an order that the data alone determines.
    fn multiplicities(&self) -> &[u64];

    /// How many figures [`evaluate`](Self::evaluate) writes.
    fn figures(&self) -> usize;

    /// Writes the figures for unit `u` being counted `times[u]` times; `None` is undefined.
    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]);

    /// Writes the figures with one item of `unit` left out, everything else as observed.
    ///
    /// The default counts everything again; statistics of sums subtract instead.
    fn evaluate_without(&self, unit: usize, figures: &mut [Option<f64>]) {
        let mut times = self.multiplicities().to_vec();
        times[unit] -= 1;
        self.evaluate(&times, figures);
    }

    /// Whether the items of `unit` count in the figure at all. Those that do not are no items of its jackknife.
    ///
    /// Alpha and Fleiss' kappa can then be one statistic, although items with a single rating count in kappa only.
    fn counts(&self, unit: usize, figure: usize) -> bool {
        let _ = (unit, figure);
        true
    }

    /// The same figures counted for several draws at once, by statistics whose every unit stands for one item.
    fn batched(&self) -> Option<&dyn BatchStatistic> {
        None
    }
}

/// Figures that are counted for [`LANES`] draws in one pass over the data, which is read once for all of them.
pub trait BatchStatistic: Sync {
    /// Writes the figures draw by draw: those of the first draw, then those of the second … Each is to the last bit what
    /// [`Statistic::evaluate`] writes. A draw that counts nothing may be written anything.
    fn evaluate_batch(&self, draws: &Batch, figures: &mut [Option<f64>]);
}

/// Figures whose items and raters can both be drawn anew.
///
/// In a draw, the rating of item `i` by rater `g` counts `items[i] · raters[g]` times; two copies of one rater are never compared
/// with each other (the pigeonhole bootstrap of Owen 2007).
pub trait TwoWayStatistic: Sync {
    fn n_items(&self) -> usize;

    fn n_raters(&self) -> usize;

    fn figures(&self) -> usize;

    fn evaluate(&self, items: &[u64], raters: &[u64], figures: &mut [Option<f64>]);

    /// The same figures counted for several draws at once.
    fn batched(&self) -> Option<&dyn BatchTwoWayStatistic> {
        None
    }
}

/// As [`BatchStatistic`], of draws of items and raters.
pub trait BatchTwoWayStatistic: Sync {
    /// Writes the figures draw by draw, each to the last bit what [`TwoWayStatistic::evaluate`] writes. A draw that counts nothing may be
    /// written anything.
    fn evaluate_batch(&self, items: &Batch, raters: &Batch, figures: &mut [Option<f64>]);
}

/// How often to draw, from which seed, on how many threads. The result does not depend on the threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resampling {
    pub resamples: usize,
    pub seed: u64,
    pub threads: usize,
}
