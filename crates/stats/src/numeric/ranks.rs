//! Rank correlations of weighted entries: all counts are whole numbers, and exact.

use super::influence::{spearman_influence, tau_b_influence};
use super::pairs::Entry;

/// A measure that is a function of ranks.
#[derive(Debug, Clone, Copy)]
pub(super) enum RankMeasure {
    Spearman,
    TauB,
}

impl RankMeasure {
    /// None when one of the two raters has a single rank.
    pub(super) fn value(
        self,
        entries: &[Entry],
        times: impl Fn(u32) -> u64 + Copy,
        scratch: &mut Scratch,
    ) -> Option<f64> {
        match self {
            Self::Spearman => spearman_rho(entries, times, scratch),
            Self::TauB => PairCounts::of(entries, times, scratch).tau_b(),
        }
    }

    /// By entry, the derivative of the value with respect to the weight of one of its items, times the number of items.
    pub(super) fn influence(self, entries: &[Entry], times: impl Fn(u32) -> u64, value: f64) -> Vec<f64> {
        match self {
            Self::Spearman => spearman_influence(entries, times, value),
            Self::TauB => tau_b_influence(entries, times, value),
        }
    }
}

/// A value code and how many items have it.
type Weighted = (u32, u64);

/// Memory that is used again from pair to pair.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// By place of the second value: how many items.
    counts: Vec<u64>,
    /// Second value and weight, in the order of the entries.
    weighted: Vec<Weighted>,
    merged: Vec<Weighted>,
}

impl Scratch {
    fn count_seconds(&mut self, entries: &[Entry], times: impl Fn(u32) -> u64) {
        let places = entries.iter().map(|entry| entry.second_place as usize + 1).max().unwrap_or(0);
        self.counts.clear();
        self.counts.resize(places, 0);
        for entry in entries {
            self.counts[entry.second_place as usize] += times(entry.unit);
        }
    }
}

/// Spearman's rho: Pearson's r of mid-ranks. None when one of the two has a single rank.
fn spearman_rho(entries: &[Entry], times: impl Fn(u32) -> u64 + Copy, scratch: &mut Scratch) -> Option<f64> {
    scratch.count_seconds(entries, times);
    let n = scratch.counts.iter().sum::<u64>() as i128;
    // Twice the mid-rank less its mean, n + 1: between -n and n.
    let mut before = 0;
    for count in &mut scratch.counts {
        let tied = *count;
        *count = 2 * before + tied;
        before += tied;
    }
    let (mut xx, mut yy, mut xy, mut before) = (0_i128, 0_i128, 0_i128, 0_u64);
    for group in entries.chunk_by(|a, b| a.first == b.first) {
        let (mut tied, mut y_sum) = (0, 0);
        for entry in group {
            let y = i128::from(scratch.counts[entry.second_place as usize]) - n;
            let weight = times(entry.unit);
            tied += weight;
            y_sum += i128::from(weight) * y;
            yy += i128::from(weight) * y * y;
        }
        let x = i128::from(2 * before + tied) - n;
        xx += i128::from(tied) * x * x;
        xy += x * y_sum;
        before += tied;
    }
    (xx > 0 && yy > 0).then(|| (xy as f64 / (xx as f64 * yy as f64).sqrt()).clamp(-1.0, 1.0))
}

/// Pairs of items by how two raters order them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PairCounts {
    all: u128,
    /// Tied by the first rater, by the second, by both.
    tied: [u128; 3],
    discordant: u128,
}

impl PairCounts {
    /// Counts in O(n log n), by merging: Knight (1966), with weights.
    fn of(entries: &[Entry], times: impl Fn(u32) -> u64, scratch: &mut Scratch) -> Self {
        scratch.weighted.clear();
        let (mut tied_first, mut tied_both, mut n) = (0, 0, 0);
        for group in entries.chunk_by(|a, b| a.first == b.first) {
            let mut of_first = 0;
            for same in group.chunk_by(|a, b| a.second == b.second) {
                let weight = same.iter().map(|entry| times(entry.unit)).sum();
                if weight > 0 {
                    scratch.weighted.push((same[0].second, weight));
                }
                tied_both += pairs_among(weight);
                of_first += weight;
            }
            tied_first += pairs_among(of_first);
            n += of_first;
        }
        let discordant = inversions(&mut scratch.weighted, &mut scratch.merged);
        let by_second = scratch.weighted.chunk_by(|a, b| a.0 == b.0);
        let tied_second = by_second.map(|tied| pairs_among(tied.iter().map(|&(_, weight)| weight).sum())).sum();
        Self { all: pairs_among(n), tied: [tied_first, tied_second, tied_both], discordant }
    }

    /// Pairs that the first rater, and the second, tell apart.
    fn told_apart(&self) -> (f64, f64) {
        ((self.all - self.tied[0]) as f64, (self.all - self.tied[1]) as f64)
    }

    /// (concordant - discordant) / √(told apart by the first · by the second). None when one of the two ties everything.
    fn tau_b(&self) -> Option<f64> {
        let (first, second) = self.told_apart();
        if first == 0.0 || second == 0.0 {
            return None;
        }
        let untied = (self.all + self.tied[2]) - (self.tied[0] + self.tied[1]);
        let excess = untied as i128 - 2 * self.discordant as i128;
        Some((excess as f64 / (first * second).sqrt()).clamp(-1.0, 1.0))
    }
}

fn pairs_among(items: u64) -> u128 {
    u128::from(items) * u128::from(items.saturating_sub(1)) / 2
}

/// Sorts by value and gives the weight of the pairs that stood in the wrong order.
fn inversions(values: &mut Vec<Weighted>, merged: &mut Vec<Weighted>) -> u128 {
    let (mut total, mut width) = (0, 1);
    while width < values.len() {
        merged.clear();
        for run in values.chunks(2 * width) {
            total += merge(run.split_at(width.min(run.len())), merged);
        }
        std::mem::swap(values, merged);
        width *= 2;
    }
    total
}

fn merge((mut left, mut right): (&[Weighted], &[Weighted]), merged: &mut Vec<Weighted>) -> u128 {
    let mut total = 0;
    let mut waiting: u64 = left.iter().map(|&(_, weight)| weight).sum();
    while let ([first, left_rest @ ..], [second, right_rest @ ..]) = (left, right) {
        if first.0 <= second.0 {
            merged.push(*first);
            waiting -= first.1;
            left = left_rest;
        } else {
            merged.push(*second);
            total += u128::from(second.1) * u128::from(waiting);
            right = right_rest;
        }
    }
    merged.extend_from_slice(left);
    merged.extend_from_slice(right);
    total
}
