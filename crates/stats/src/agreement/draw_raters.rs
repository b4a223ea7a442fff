//! Coefficients as functions of how often each item and each rater is counted.

use super::cohen::kappa_of_counts;
use super::draw::{Coefficient, alpha, of_totals};
use super::facts::Facts;
use super::totals::{Drawn, Totals};
use super::weights::Weights;
use crate::resample::{Statistic, TwoWayStatistic};

/// Any coefficients with the same weights, counted rating by rating: what needs to know the raters, and draws of raters.
#[derive(Debug)]
pub struct RaterCoefficients<'a> {
    facts: &'a Facts,
    weights: &'a Weights,
    members: Vec<Coefficient>,
    /// By pattern of label counts: its disagreement.
    disagreements: Vec<f64>,
    /// Each item is a unit of its own.
    ones: Vec<u64>,
}

impl<'a> RaterCoefficients<'a> {
    pub fn new(facts: &'a Facts, weights: &'a Weights, members: Vec<Coefficient>) -> Self {
        let disagreements = facts.patterns.iter().map(|pattern| pattern.disagreement(weights)).collect();
        Self { facts, weights, members, disagreements, ones: vec![1; facts.ratings().n_items()] }
    }

    /// The answers of the items that are drawn, with how often.
    fn drawn<'d>(&'d self, items: &'d [u64]) -> impl Iterator<Item = (&'d [(u32, u32)], f64)> {
        let all = self.facts.ratings().items().zip(items);
        all.filter(|&(_, &times)| times > 0).map(|(answers, &times)| (answers, times as f64))
    }

    /// The sums of a draw of items by all raters: pattern by pattern, which are fewer than the ratings.
    fn totals_of_items(&self, items: &[u64]) -> Totals {
        let mut totals = Totals::zero(self.weights.n_labels());
        let times = self.facts.pattern_times(items);
        for ((pattern, &disagreement), times) in self.facts.patterns.iter().zip(&self.disagreements).zip(times) {
            if times > 0 {
                totals.add_pattern(pattern, disagreement, times as f64);
            }
        }
        totals
    }

    fn write(&self, items: &[u64], raters: &[u64], totals: &Totals, figures: &mut [Option<f64>]) {
        for (figure, &member) in figures.iter_mut().zip(&self.members) {
            *figure = match member {
                Coefficient::CongerKappa => self.conger(totals, items, raters),
                Coefficient::MeanPairwiseCohenKappa { min_shared } => self.mean_cohen(items, raters, min_shared),
                Coefficient::KrippendorffOrdinalAlpha => self.ordinal_alpha(totals, items, raters),
                _ => of_totals(member, totals, self.weights),
            };
        }
    }

    /// Copies of one rater give the same label, so they add nothing to an item's disagreement; but they are not pairs either.
    fn totals(&self, items: &[u64], raters: &[u64], weights: &Weights) -> Totals {
        let mut totals = Totals::zero(weights.n_labels());
        let mut labels: Vec<(u32, f64)> = Vec::new();
        for (answers, times) in self.drawn(items) {
            labels.clear();
            let (mut ratings, mut copies) = (0.0, 0.0);
            for &(rater, label) in answers {
                let n = raters[rater as usize] as f64;
                if n > 0.0 {
                    ratings += n;
                    copies += n * n;
                    match labels.iter_mut().find(|(known, _)| *known == label) {
                        Some((_, count)) => *count += n,
                        None => labels.push((label, n)),
                    }
                }
            }
            if ratings > 0.0 {
                let disagreement = disagreement(&labels, weights);
                let drawn = Drawn { ratings, pairs: ratings * ratings - copies, disagreement };
                totals.add(labels.iter().copied(), drawn, times);
            }
        }
        totals
    }

    fn ordinal_alpha(&self, totals: &Totals, items: &[u64], raters: &[u64]) -> Option<f64> {
        totals.check().ok()?;
        let ranks = Weights::of_mean_ranks(&totals.pairable_counts);
        alpha(&self.totals(items, raters, &ranks), &ranks)
    }

    fn conger(&self, totals: &Totals, items: &[u64], raters: &[u64]) -> Option<f64> {
        totals.check().ok()?;
        let labels = self.weights.n_labels();
        let mut margins = vec![0.0; raters.len() * labels];
        for (answers, times) in self.drawn(items) {
            for &(rater, label) in answers {
                margins[rater as usize * labels + label as usize] += times;
            }
        }
        let (mut all, mut within, mut n, mut squares) = (vec![0.0; labels], 0.0, 0.0, 0.0);
        for (shares, &copies) in margins.chunks_mut(labels).zip(raters) {
            let ratings: f64 = shares.iter().sum();
            if ratings > 0.0 && copies > 0 {
                let copies = copies as f64;
                shares.iter_mut().for_each(|share| *share *= copies / ratings);
                all.iter_mut().zip(shares.iter()).for_each(|(all, share)| *all += share);
                within += spread(shares, self.weights);
                n += copies;
                squares += copies * copies;
            }
        }
        let expected = (spread(&all, self.weights) - within) / (n * n - squares);
        (n * n > squares && expected > 0.0).then(|| 1.0 - totals.mean_disagreement() / expected)
    }

    fn mean_cohen(&self, items: &[u64], raters: &[u64], min_shared: u64) -> Option<f64> {
        let mut counts: Vec<((u32, u32, u32, u32), u64)> = Vec::new();
        for (answers, &times) in self.facts.ratings().items().zip(items).filter(|&(_, &times)| times > 0) {
            for (place, &(rater, label)) in
                answers.iter().enumerate().filter(|&(_, &(rater, _))| raters[rater as usize] > 0)
            {
                let others = answers[place + 1..].iter().filter(|&&(other, _)| raters[other as usize] > 0);
                counts.extend(others.map(|&(other, other_label)| ((rater, other, label, other_label), times)));
            }
        }
        let counts = crate::sum::tally(counts);
        let (mut sum, mut n) = (0.0, 0.0);
        for pair in counts.chunk_by(|a, b| (a.0.0, a.0.1) == (b.0.0, b.0.1)) {
            let (rater, other, ..) = pair[0].0;
            let cells: Vec<(u32, u32, u64)> = pair.iter().map(|&((_, _, label, other), n)| (label, other, n)).collect();
            if let Some(kappa) = kappa_of_counts(&cells, self.weights, min_shared) {
                let copies = (raters[rater as usize] * raters[other as usize]) as f64;
                sum += copies * kappa;
                n += copies;
            }
        }
        (n > 0.0).then(|| sum / n)
    }
}

/// The disagreement of all ordered pairs of an item's ratings together.
fn disagreement(labels: &[(u32, f64)], weights: &Weights) -> f64 {
    let later = |(place, &(label, n)): (usize, &(u32, f64))| {
        labels[place + 1..].iter().map(|&(other, m)| n * m * weights.disagreement(label, other)).sum::<f64>()
    };
    2.0 * labels.iter().enumerate().map(later).sum::<f64>()
}

/// Σ (1 - wₖₗ) sharesₖ sharesₗ.
fn spread(shares: &[f64], weights: &Weights) -> f64 {
    weights.disagreements(shares).iter().zip(shares).map(|(apart, share)| apart * share).sum()
}

impl Statistic for RaterCoefficients<'_> {
    fn multiplicities(&self) -> &[u64] {
        &self.ones
    }

    fn figures(&self) -> usize {
        self.members.len()
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        let totals = self.totals_of_items(times);
        self.write(times, &vec![1; self.facts.ratings().n_raters()], &totals, figures);
    }
}

impl TwoWayStatistic for RaterCoefficients<'_> {
    fn n_items(&self) -> usize {
        self.facts.ratings().n_items()
    }

    fn n_raters(&self) -> usize {
        self.facts.ratings().n_raters()
    }

    fn figures(&self) -> usize {
        self.members.len()
    }

    fn evaluate(&self, items: &[u64], raters: &[u64], figures: &mut [Option<f64>]) {
        let totals = self.totals(items, raters, self.weights);
        self.write(items, raters, &totals, figures);
    }
}
