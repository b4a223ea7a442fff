//! Items as the two pools see them, equal ones counted once.

use super::super::ratings::Ratings;
use super::super::rows::{Row, RowCounts};
use super::distance::LabelDistance;
use crate::estimate::Sample;
use crate::sum::{order_free_sum, tally};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pool {
    A = 0,
    B = 1,
}

/// The labels that items got in both pools, with their counts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unit {
    labels: [Vec<(u32, u32)>; 2],
    ratings: [f64; 2],
    /// The mean distance of a rating of A and one of B.
    pub(super) cross: f64,
    /// By pool: Σₖₗ nₖ nₗ d(k, l) / (n - 1) over its own ratings; 0 with fewer than two.
    pub(super) within: [f64; 2],
}

impl Unit {
    fn new(a: &Row, b: &Row, distance: &LabelDistance) -> Self {
        let labels = [a.to_vec(), b.to_vec()];
        let ratings = [a, b].map(|row| row.iter().map(|&(_, n)| f64::from(n)).sum::<f64>());
        let total = |first: &Row, second: &Row| {
            order_free_sum(first.iter().flat_map(|&(label, n)| {
                second.iter().map(move |&(other, m)| f64::from(n) * f64::from(m) * distance.between(label, other))
            }))
        };
        let within = |pool: usize| {
            if ratings[pool] < 2.0 { 0.0 } else { total(&labels[pool], &labels[pool]) / (ratings[pool] - 1.0) }
        };
        Self { cross: total(a, b) / (ratings[0] * ratings[1]), within: [0, 1].map(within), ratings, labels }
    }

    pub(super) fn ratings(&self, pool: Pool) -> f64 {
        self.ratings[pool as usize]
    }

    /// What the item weighs in observed disagreement: all its ratings.
    pub(super) fn weight(&self) -> f64 {
        self.ratings[0] + self.ratings[1]
    }

    pub(super) fn sum_over(&self, pool: Pool, value: impl Fn(u32) -> f64) -> f64 {
        order_free_sum(self.labels[pool as usize].iter().map(|&(label, n)| f64::from(n) * value(label)))
    }

    pub(super) fn add_to(&self, pool: Pool, times: u64, counts: &mut [u64]) {
        for &(label, n) in &self.labels[pool as usize] {
            counts[label as usize] += u64::from(n) * times;
        }
    }
}

/// The distinct units of items that both pools rated, and how many items show each.
pub(super) fn count(a: &Ratings, b: &Ratings, distance: &LabelDistance) -> (Vec<Unit>, Vec<u64>) {
    let (rows_a, rows_b) = (label_counts(a), label_counts(b));
    let (patterns_a, places_a) = RowCounts::count(&borrow(&rows_a));
    let (patterns_b, places_b) = RowCounts::count(&borrow(&rows_b));
    let shared = places_a.into_iter().zip(places_b).zip(rows_a.iter().zip(&rows_b));
    let pairs = shared.filter(|(_, (a, b))| !a.is_empty() && !b.is_empty()).map(|(places, _)| (places, 1)).collect();
    tally(pairs)
        .into_iter()
        .map(|((a, b), items)| (Unit::new(patterns_a.get(a).0, patterns_b.get(b).0, distance), items))
        .unzip()
}

/// Items that both pools rated, their ratings in both, and the raters of both pools who gave these.
pub(super) fn sample_of_shared(a: &Ratings, b: &Ratings) -> Sample {
    let mut seen = [vec![false; a.n_raters], vec![false; b.n_raters]];
    let mut sample = Sample::default();
    for (in_a, in_b) in a.offsets.windows(2).zip(b.offsets.windows(2)) {
        let cells = [&a.cells[in_a[0]..in_a[1]], &b.cells[in_b[0]..in_b[1]]];
        if cells.iter().all(|cells| !cells.is_empty()) {
            sample.items += 1;
            for (cells, seen) in cells.into_iter().zip(&mut seen) {
                sample.ratings += cells.len() as u64;
                cells.iter().for_each(|&(rater, _)| seen[rater as usize] = true);
            }
        }
    }
    sample.raters = seen.iter().flatten().filter(|&&seen| seen).count() as u64;
    sample
}

fn label_counts(ratings: &Ratings) -> Vec<Vec<(u32, u32)>> {
    let counted = |cells: &[(u32, u32)]| {
        let labels = tally(cells.iter().map(|&(_, label)| (label, 1)).collect());
        labels.into_iter().map(|(label, n)| (label, n as u32)).collect()
    };
    ratings.offsets.windows(2).map(|bounds| counted(&ratings.cells[bounds[0]..bounds[1]])).collect()
}

fn borrow(rows: &[Vec<(u32, u32)>]) -> Vec<(&Row, u64)> {
    rows.iter().map(|row| (&row[..], 1)).collect()
}
