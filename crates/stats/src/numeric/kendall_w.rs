use super::complete::Complete;
use super::hypothesis::ChiSquaredTest;
use super::interval::estimate;
use crate::estimate::{Estimate, Method, Undefined};
use crate::interval::Interval;
use crate::resample::Statistic;
use crate::sum::tally;

/// Kendall's coefficient of concordance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KendallW {
    /// Corrected for ties. Has no interval by formula.
    pub corrected: Estimate,
    pub uncorrected: Estimate,
    /// χ² = k (n - 1) W with n - 1 degrees of freedom, W being corrected for ties.
    pub test: Result<ChiSquaredTest, Undefined>,
}

/// How far do k raters agree on the order of n complete items? 1 is the same order, 0 no common order at all.
///
/// W = 12 S / (k² (n³ - n) - k Σ T), with S the sum of squared deviations of the items' rank sums from their mean, mid-ranks for ties, and
/// T = Σ (t³ - t) over the tied groups of a rater, of t items each; without T for `uncorrected`. Kendall and Babington Smith (1939); ties as
/// in Siegel and Castellan (1988). Equals `irr::kendall(correct = TRUE)`.
///
/// Undefined: `no_ratings`, `one_rater`, `no_complete_items`, `one_item`; `zero_variance` when no rater tells any two items apart. The
/// interval is `no_analytic_interval`.
pub fn kendall_w(complete: &Complete) -> KendallW {
    let (sample, figures) = (complete.sample(), KendallWFigures::new(complete));
    let both = complete.check().and_then(|()| figures.of(&complete.items).ok_or(Undefined::ZeroVariance));
    let figure =
        |value| estimate(value, |_| Err::<Interval, _>(Undefined::NoAnalyticInterval), sample, Method::NoFormula);
    let test = both.map(|(corrected, _)| {
        let df = sample.items - 1;
        ChiSquaredTest::new(sample.raters as f64 * df as f64 * corrected, df)
    });
    KendallW { corrected: figure(both.map(|both| both.0)), uncorrected: figure(both.map(|both| both.1)), test }
}

/// Kendall's W, corrected for ties and uncorrected, as functions of how often each distinct row of complete items is counted.
#[derive(Debug)]
pub struct KendallWFigures<'a> {
    complete: &'a Complete,
    /// Row by row the place of each rater's value among all values of all raters.
    slots: Vec<u32>,
    /// Where each rater's places end; within a rater they ascend with the value.
    ends: Vec<usize>,
}

impl<'a> KendallWFigures<'a> {
    pub fn new(complete: &'a Complete) -> Self {
        let k = complete.n_raters;
        let (mut slots, mut ends, mut start) = (vec![0; complete.cells.len()], Vec::with_capacity(k), 0);
        for (rater, column) in complete.columns().enumerate() {
            let codes: Vec<u32> = column.collect();
            let distinct = tally(codes.iter().map(|&code| (code, 1)).collect());
            for (row, code) in codes.iter().enumerate() {
                slots[row * k + rater] = (start + distinct.partition_point(|(known, _)| known < code)) as u32;
            }
            start += distinct.len();
            ends.push(start);
        }
        Self { complete, slots, ends }
    }

    /// W, corrected and not. None with fewer than two items, or when no rater tells any two of them apart.
    fn of(&self, times: &[u64]) -> Option<(f64, f64)> {
        let (n, k) = (u128::from(times.iter().sum::<u64>()), self.ends.len() as u128);
        let (ranks, ties) = self.ranks(times);
        let rows = self.slots.chunks_exact(self.ends.len().max(1)).zip(times);
        let squares: u128 = rows
            .map(|(slots, &times)| {
                let doubled_sum: u128 = slots.iter().map(|&slot| u128::from(ranks[slot as usize])).sum();
                u128::from(times) * doubled_sum * doubled_sum
            })
            .sum();
        // Ranks are doubled, so this is 4 S; the mean of the doubled rank sums is k (n + 1).
        let spread = squares - n * k * k * (n + 1) * (n + 1);
        let most = k * k * (n * n * n - n);
        if n < 2 || most == k * ties {
            return None;
        }
        Some((3.0 * spread as f64 / (most - k * ties) as f64, 3.0 * spread as f64 / most as f64))
    }

    /// Twice the mid-rank of each slot, and Σ (t³ - t) over the tied groups of all raters.
    fn ranks(&self, times: &[u64]) -> (Vec<u64>, u128) {
        let mut counts = vec![0_u64; self.ends.last().copied().unwrap_or(0)];
        for (slots, &times) in self.slots.chunks_exact(self.ends.len().max(1)).zip(times) {
            for &slot in slots {
                counts[slot as usize] += times;
            }
        }
        let (mut start, mut ties) = (0, 0);
        for &end in &self.ends {
            let mut before = 0;
            for count in &mut counts[start..end] {
                let tied = *count;
                *count = 2 * before + tied + 1;
                before += tied;
                let tied = u128::from(tied);
                ties += tied * tied * tied - tied;
            }
            start = end;
        }
        (counts, ties)
    }
}

impl Statistic for KendallWFigures<'_> {
    fn multiplicities(&self) -> &[u64] {
        &self.complete.items
    }

    fn figures(&self) -> usize {
        2
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        let both = self.of(times);
        for (figure, value) in figures.iter_mut().zip([both.map(|both| both.0), both.map(|both| both.1)]) {
            *figure = value;
        }
    }
}
