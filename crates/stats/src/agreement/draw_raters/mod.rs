//! Coefficients as functions of how often each item and each rater is counted.

mod batch;
mod both;
mod crew;
mod kappas;
mod left_out;

use std::sync::OnceLock;

use self::batch::MOST_COUNTS;
use self::crew::Crew;
use self::left_out::LeftOut;
use super::cohen::kappa_of_counts;
use super::draw::{Coefficient, alpha, of_totals, ordinal_alpha};
use super::facts::Facts;
use super::totals::{Drawn, Totals};
use super::weights::Weights;
use crate::resample::{BatchStatistic, BatchTwoWayStatistic, Statistic, TwoWayStatistic};

/// Any coefficients with the same weights, counted rating by rating: what needs to know the raters, and draws of raters.
///
/// A bootstrap counts draws of items in batches. A jackknife takes from what was observed what the item adds, so that its time grows with the
/// number of ratings; for Cohen's kappas with that of pairs of ratings.
#[derive(Debug)]
pub struct RaterCoefficients<'a> {
    facts: &'a Facts,
    weights: &'a Weights,
    members: Vec<Coefficient>,
    /// By pattern of label counts: its disagreement.
    disagreements: Vec<f64>,
    /// Each item is a unit of its own.
    ones: Vec<u64>,
    /// Made when the first item is left out.
    left_out: OnceLock<LeftOut<'a>>,
    /// How many counts of a batch are kept at a time.
    most_counts: usize,
}

impl<'a> RaterCoefficients<'a> {
    pub fn new(facts: &'a Facts, weights: &'a Weights, members: Vec<Coefficient>) -> Self {
        let disagreements = facts.patterns.iter().map(|pattern| pattern.disagreement(weights)).collect();
        let ones = vec![1; facts.ratings().n_items()];
        Self { facts, weights, members, disagreements, ones, left_out: OnceLock::new(), most_counts: MOST_COUNTS }
    }

    /// The answers of the items that are drawn, with how often.
    fn drawn<'d>(&'d self, items: &'d [u64]) -> impl Iterator<Item = (&'d [(u32, u32)], f64)> {
        let all = self.facts.ratings().items().zip(items);
        all.filter(|&(_, &times)| times > 0).map(|(answers, &times)| (answers, times as f64))
    }

    /// The sums of a draw of items by all raters: pattern by pattern, which are fewer than the ratings.
    fn totals_of_patterns(&self, times: &[u64]) -> Totals {
        let mut totals = Totals::zero(self.weights.n_labels());
        for ((pattern, &disagreement), &times) in self.facts.patterns.iter().zip(&self.disagreements).zip(times) {
            if times > 0 {
                totals.add_pattern(pattern, disagreement, times as f64);
            }
        }
        totals
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
                ratings += n;
                copies += n * n;
                // A label that nobody drawn gave keeps its place, so that sums have the same order in all draws.
                match labels.iter_mut().find(|(known, _)| *known == label) {
                    Some((_, count)) => *count += n,
                    None => labels.push((label, n)),
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

    fn conger(&self, totals: &Totals, crew: &Crew) -> Option<f64> {
        totals.check().ok()?;
        let expected = crew.expected(self.weights);
        (expected > 0.0).then(|| 1.0 - totals.mean_disagreement() / expected)
    }

    fn crew(&self, items: &[u64], raters: &[u64]) -> Crew {
        let labels = self.weights.n_labels();
        let mut margins = vec![0.0; raters.len() * labels];
        for (answers, times) in self.drawn(items) {
            for &(rater, label) in answers {
                margins[rater as usize * labels + label as usize] += times;
            }
        }
        let mut crew = Crew::empty(labels);
        for (counts, &copies) in margins.chunks_mut(labels.max(1)).zip(raters) {
            crew.add(counts, copies as f64, self.weights);
        }
        crew
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

impl Statistic for RaterCoefficients<'_> {
    fn multiplicities(&self) -> &[u64] {
        &self.ones
    }

    fn figures(&self) -> usize {
        self.members.len()
    }

    fn evaluate(&self, items: &[u64], figures: &mut [Option<f64>]) {
        let times = self.facts.pattern_times(items);
        let totals = self.totals_of_patterns(&times);
        let everyone = vec![1; self.facts.ratings().n_raters()];
        for (figure, &member) in figures.iter_mut().zip(&self.members) {
            *figure = match member {
                Coefficient::CongerKappa => self.conger(&totals, &self.crew(items, &everyone)),
                Coefficient::MeanPairwiseCohenKappa { min_shared } => self.mean_cohen(items, &everyone, min_shared),
                Coefficient::KrippendorffOrdinalAlpha => {
                    ordinal_alpha(self.facts, &totals, |place| times[place] as f64)
                }
                _ => of_totals(member, &totals, self.weights),
            };
        }
    }

    fn evaluate_without(&self, unit: usize, figures: &mut [Option<f64>]) {
        let left_out = self.left_out.get_or_init(|| LeftOut::new(self.facts, self.weights, &self.members));
        left_out.write(unit, self.weights, figures);
    }

    fn batched(&self) -> Option<&dyn BatchStatistic> {
        Some(self)
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
        for (figure, &member) in figures.iter_mut().zip(&self.members) {
            *figure = match member {
                Coefficient::CongerKappa => self.conger(&totals, &self.crew(items, raters)),
                Coefficient::MeanPairwiseCohenKappa { min_shared } => self.mean_cohen(items, raters, min_shared),
                Coefficient::KrippendorffOrdinalAlpha => self.ordinal_alpha(&totals, items, raters),
                _ => of_totals(member, &totals, self.weights),
            };
        }
    }

    fn batched(&self) -> Option<&dyn BatchTwoWayStatistic> {
        Some(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::super::ratings::Ratings;
    use super::*;
    use crate::resample::{Resampling, bootstrap, two_way};

    /// What is too much for one pass is counted in several.
    #[test]
    fn passes_add_up() {
        let (items, per_item, raters, labels) = (60, 3, 7, 5);
        let cell = |place: usize| {
            let (item, answer) = (place / per_item, place % per_item);
            (((item + 2 * answer) % raters) as u32, ((item * item + answer * item / 3) % labels) as u32)
        };
        let offsets = (0..=items).map(|item| item * per_item).collect();
        let cells = (0..items * per_item).map(cell).collect();
        let facts = Facts::new(Ratings::from_cells(offsets, cells, raters, labels).unwrap());
        let members = vec![
            Coefficient::CongerKappa,
            Coefficient::MeanPairwiseCohenKappa { min_shared: 1 },
            Coefficient::KrippendorffOrdinalAlpha,
            Coefficient::GwetAc,
        ];
        let resampling = Resampling { resamples: 50, seed: 4, threads: 1 };
        for weights in [Weights::identity(labels), Weights::by_rank(super::super::Scheme::Quadratic, labels)] {
            let all_at_once = RaterCoefficients::new(&facts, &weights, members.clone());
            for most_counts in [1, 7, 12] {
                let in_passes =
                    RaterCoefficients { most_counts, ..RaterCoefficients::new(&facts, &weights, members.clone()) };
                let (found, expected) = (bootstrap(&in_passes, &resampling), bootstrap(&all_at_once, &resampling));
                for figure in 0..members.len() {
                    assert!(expected.values(figure).any(|value| value.is_some()));
                    assert!(found.values(figure).eq(expected.values(figure)), "{most_counts} {:?}", members[figure]);
                }
                assert_eq!(two_way(&in_passes, &resampling), two_way(&all_at_once, &resampling));
            }
        }
    }
}
