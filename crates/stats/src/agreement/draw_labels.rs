//! Figures of labels as functions of how often each item is counted.

use super::facts::{Facts, Pattern};
use crate::resample::Statistic;

/// Alpha against all other labels and specific agreement of every label of the code range: those of label k are the figures 2 k and 2 k + 1.
///
/// The units are the distinct patterns of label counts.
#[derive(Debug)]
pub struct LabelFigures<'a> {
    facts: &'a Facts,
    observed: Sums,
}

/// What items with two ratings or more bring in.
#[derive(Debug, Clone)]
struct Sums {
    ratings: u64,
    labels: Vec<LabelSums>,
}

/// Ratings of one label, the disagreement with all other labels (Σ 2 n (r - n) / (r - 1)), and ordered pairs of ratings with the label first:
/// those that agree, and all.
#[derive(Debug, Clone, Copy, Default)]
struct LabelSums {
    chosen: u64,
    disagreement: f64,
    agreeing: u64,
    pairs: u64,
}

impl Sums {
    fn none(n_labels: usize) -> Self {
        Self { ratings: 0, labels: vec![LabelSums::default(); n_labels] }
    }

    fn add(&mut self, pattern: Pattern<'_>, times: u64) {
        self.ratings += times * pattern.ratings;
        for &(label, n) in pattern.labels {
            let (n, sums) = (u64::from(n), &mut self.labels[label as usize]);
            sums.chosen += times * n;
            sums.disagreement += times as f64 * disagreement(pattern.ratings, n);
            sums.agreeing += times * n * (n - 1);
            sums.pairs += times * n * (pattern.ratings - 1);
        }
    }

    /// Takes away one item that was added.
    fn remove(&mut self, pattern: Pattern<'_>) {
        self.ratings -= pattern.ratings;
        for &(label, n) in pattern.labels {
            let (n, sums) = (u64::from(n), &mut self.labels[label as usize]);
            sums.chosen -= n;
            sums.disagreement -= disagreement(pattern.ratings, n);
            sums.agreeing -= n * (n - 1);
            sums.pairs -= n * (pattern.ratings - 1);
        }
    }

    fn write(&self, figures: &mut [Option<f64>]) {
        let all = self.ratings as f64;
        for (figures, sums) in figures.chunks_exact_mut(2).zip(&self.labels) {
            let expected = 2.0 * sums.chosen as f64 * (self.ratings - sums.chosen) as f64;
            figures[0] = (expected > 0.0).then(|| 1.0 - (all - 1.0) * sums.disagreement / expected);
            figures[1] = (sums.pairs > 0).then(|| sums.agreeing as f64 / sums.pairs as f64);
        }
    }
}

fn disagreement(ratings: u64, chosen: u64) -> f64 {
    (2 * chosen * (ratings - chosen)) as f64 / (ratings - 1) as f64
}

impl<'a> LabelFigures<'a> {
    pub fn new(facts: &'a Facts) -> Self {
        let mut observed = Sums::none(facts.ratings.n_labels);
        facts.patterns.pairable().for_each(|pattern| observed.add(pattern, pattern.items));
        Self { facts, observed }
    }

    fn pattern(&self, unit: usize) -> Pattern<'_> {
        Pattern::of(self.facts.patterns.rows.get(unit))
    }
}

impl Statistic for LabelFigures<'_> {
    fn multiplicities(&self) -> &[u64] {
        self.facts.patterns.rows.items()
    }

    fn figures(&self) -> usize {
        2 * self.observed.labels.len()
    }

    fn counts(&self, unit: usize, _: usize) -> bool {
        self.pattern(unit).is_pairable()
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        let mut sums = Sums::none(self.observed.labels.len());
        let drawn =
            self.facts.patterns.iter().zip(times).filter(|(pattern, times)| **times > 0 && pattern.is_pairable());
        drawn.for_each(|(pattern, &times)| sums.add(pattern, times));
        sums.write(figures);
    }

    fn evaluate_without(&self, unit: usize, figures: &mut [Option<f64>]) {
        let (mut sums, pattern) = (self.observed.clone(), self.pattern(unit));
        if pattern.is_pairable() {
            sums.remove(pattern);
        }
        sums.write(figures);
    }
}
