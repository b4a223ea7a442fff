//! Items as the two pools see them, equal ones counted once.

use super::super::ratings::Ratings;
use super::super::rows::{Counter, Row};
use super::super::weights::Weights;
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
    fn new(a: &Row, b: &Row, weights: &Weights) -> Self {
        let labels = [a.to_vec(), b.to_vec()];
        let ratings = [a, b].map(|row| row.iter().map(|&(_, n)| f64::from(n)).sum::<f64>());
        let total = |first: &Row, second: &Row| {
            order_free_sum(first.iter().flat_map(|&(label, n)| {
                second.iter().map(move |&(other, m)| f64::from(n) * f64::from(m) * weights.disagreement(label, other))
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

    /// Changes the counts of the labels given by `change(count, times given)`.
    pub(super) fn count(&self, pool: Pool, counts: &mut [u64], change: impl Fn(u64, u64) -> u64) {
        for &(label, n) in &self.labels[pool as usize] {
            counts[label as usize] = change(counts[label as usize], u64::from(n));
        }
    }
}

/// The distinct units of items that both pools rated, and how many items show each.
pub(super) fn count(a: &Ratings, b: &Ratings, weights: &Weights) -> (Vec<Unit>, Vec<u64>) {
    let (mut rows_a, mut rows_b) = (Counter::new(), Counter::new());
    let mut shared = Vec::new();
    for (in_a, in_b) in a.items().zip(b.items()) {
        if !in_a.is_empty() && !in_b.is_empty() {
            shared.push((rows_a.add(&label_counts(in_a), 1), rows_b.add(&label_counts(in_b), 1)));
        }
    }
    let ((rows_a, places_a), (rows_b, places_b)) = (rows_a.finish(), rows_b.finish());
    let places = shared.into_iter().map(|(a, b)| ((places_a[a as usize], places_b[b as usize]), 1));
    tally(places.collect())
        .into_iter()
        .map(|((a, b), items)| (Unit::new(rows_a.get(a as usize).0, rows_b.get(b as usize).0, weights), items))
        .unzip()
}

/// Items that both pools rated, their ratings in both, and the raters of both pools who gave these.
pub(super) fn sample_of_shared(a: &Ratings, b: &Ratings) -> Sample {
    let mut seen = [vec![false; a.n_raters], vec![false; b.n_raters]];
    let mut sample = Sample::default();
    for (in_a, in_b) in a.items().zip(b.items()) {
        let cells = [in_a, in_b];
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

fn label_counts(answers: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let labels = tally(answers.iter().map(|&(_, label)| (label, 1)).collect());
    labels.into_iter().map(|(label, n)| (label, n as u32)).collect()
}
