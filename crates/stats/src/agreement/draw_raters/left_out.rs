//! Each item left out in turn: what its ratings take away, in a time that grows with their number alone.

use super::super::cohen::kappa_of_counts;
use super::super::draw::{Coefficient, Coefficients};
use super::super::facts::Facts;
use super::super::margins::Margins;
use super::super::pairs::Lookup;
use super::super::weights::Weights;
use super::crew::{Crew, spread};
use crate::parallel::Threads;
use crate::resample::Statistic;

/// What subtraction left of an expected disagreement of 0: one rating that differs adds at least 2 / ratings.
const NONE: f64 = 1e-12;

/// All that a jackknife of some coefficients needs, with the figures that know no raters, which are those of the item's pattern.
#[derive(Debug)]
pub(super) struct LeftOut<'a> {
    facts: &'a Facts,
    members: Vec<Member<'a>>,
    /// By pattern: the mean disagreement without one of its items; none when that leaves nothing to correct for chance. Then that of all items.
    disagreements: Vec<Option<f64>>,
}

#[derive(Debug)]
enum Member<'a> {
    Conger(LeftOutOfCrew<'a>),
    MeanCohen(LeftOutOfPairs<'a>),
    /// By pattern, then that of all items.
    OfPatterns(Vec<Option<f64>>),
}

impl<'a> LeftOut<'a> {
    pub(super) fn new(facts: &'a Facts, weights: &Weights, members: &[Coefficient]) -> Self {
        let patterns = 0..facts.patterns.rows.len();
        let all = Coefficients::new(facts, weights, Vec::new());
        let totals = patterns.clone().map(|place| all.totals_without(place)).chain([all.totals().clone()]);
        let disagreements = totals.map(|totals| totals.check().ok().map(|()| totals.mean_disagreement())).collect();
        let of_patterns = |member: Coefficient| {
            let statistic = Coefficients::new(facts, weights, vec![member]);
            let mut figures = vec![None; patterns.len() + 1];
            for (place, figure) in figures.iter_mut().enumerate() {
                let figure = std::slice::from_mut(figure);
                if place < patterns.len() {
                    statistic.evaluate_without(place, figure);
                } else {
                    statistic.evaluate(statistic.multiplicities(), figure);
                }
            }
            figures
        };
        let of_member = |&member: &Coefficient| match member {
            Coefficient::CongerKappa => Member::Conger(LeftOutOfCrew::new(facts, weights)),
            Coefficient::MeanPairwiseCohenKappa { min_shared } => {
                Member::MeanCohen(LeftOutOfPairs::new(facts, weights, min_shared))
            }
            other => Member::OfPatterns(of_patterns(other)),
        };
        Self { facts, members: members.iter().map(of_member).collect(), disagreements }
    }

    /// The figures without an item.
    pub(super) fn write(&self, item: usize, weights: &Weights, figures: &mut [Option<f64>]) {
        let answers = self.facts.ratings().item(item);
        let pattern = self.facts.pattern_of(item).unwrap_or(self.disagreements.len() - 1);
        for (figure, member) in figures.iter_mut().zip(&self.members) {
            *figure = match member {
                Member::Conger(crew) => self.disagreements[pattern].and_then(|observed| {
                    let expected = crew.expected(answers, weights);
                    (expected > 0.0).then(|| 1.0 - observed / expected)
                }),
                Member::MeanCohen(pairs) => pairs.mean(answers),
                Member::OfPatterns(figures) => figures[pattern],
            };
        }
    }
}

/// Conger's chance disagreement as observed, and how each rating changes it.
#[derive(Debug)]
pub(super) struct LeftOutOfCrew<'a> {
    crew: Crew,
    margins: &'a Margins,
    /// By cell of the margins: how the rater's own spread changes without one such rating.
    within: Vec<f64>,
    label_counts: Vec<u64>,
}

impl<'a> LeftOutOfCrew<'a> {
    pub(super) fn new(facts: &'a Facts, weights: &Weights) -> Self {
        let margins = facts.margins();
        let (mut crew, mut within) = (Crew::empty(weights.n_labels()), Vec::new());
        let mut counts = vec![0.0; weights.n_labels()];
        for labels in margins.iter() {
            within.extend(changes(labels, weights, &mut counts));
            counts.fill(0.0);
            labels.iter().for_each(|&(label, n)| counts[label as usize] = n as f64);
            crew.add(&mut counts, 1.0, weights);
        }
        Self { crew, margins, within, label_counts: facts.label_counts() }
    }

    /// The expected disagreement without an item; 0 where nothing is left to disagree about.
    pub(super) fn expected(&self, answers: &[(u32, u32)], weights: &Weights) -> f64 {
        let Crew { mut all, mut within, mut raters, .. } = self.crew.clone();
        for &(rater, label) in answers {
            let (start, labels) = self.margins.get(rater as usize);
            let ratings = labels.iter().map(|&(_, n)| n).sum::<u64>() as f64;
            if ratings <= 1.0 {
                all[label as usize] -= 1.0;
                raters -= 1.0;
                continue;
            }
            labels.iter().for_each(|&(other, n)| all[other as usize] += n as f64 / (ratings * (ratings - 1.0)));
            all[label as usize] -= 1.0 / (ratings - 1.0);
            if let Ok(place) = labels.binary_search_by_key(&label, |&(label, _)| label) {
                within += self.within[start + place];
            }
        }
        for &(_, label) in answers {
            let own = answers.iter().filter(|&&(_, other)| other == label).count() as u64;
            if self.label_counts[label as usize] == own {
                all[label as usize] = 0.0;
            }
        }
        let expected = (spread(&all, weights) - within) / (raters * (raters - 1.0));
        if raters > 1.0 && expected > NONE { expected } else { 0.0 }
    }
}

/// For each label of a rater: how the spread of the rater's shares changes without one such rating. `counts` is used meanwhile.
fn changes(labels: &[(u32, u64)], weights: &Weights, counts: &mut [f64]) -> Vec<f64> {
    if weights.is_identity() {
        let ratings: u64 = labels.iter().map(|&(_, n)| n).sum();
        let squares: u128 = labels.iter().map(|&(_, n)| u128::from(n) * u128::from(n)).sum();
        let spread = |ratings: u64, squares: u128| {
            let pairs = u128::from(ratings) * u128::from(ratings);
            if pairs == 0 { 0.0 } else { (pairs - squares) as f64 / pairs as f64 }
        };
        let whole = spread(ratings, squares);
        let without = |&(_, n): &(u32, u64)| spread(ratings - 1, squares + 1 - 2 * u128::from(n)) - whole;
        return labels.iter().map(without).collect();
    }
    let mut spread_without = |without: Option<u32>| {
        counts.fill(0.0);
        let left = |&(label, n): &(u32, u64)| (label, (n - u64::from(without == Some(label))) as f64);
        let ratings: f64 = labels.iter().map(left).map(|(_, n)| n).sum();
        labels.iter().map(left).for_each(|(label, n)| counts[label as usize] = n / ratings.max(1.0));
        spread(counts, weights)
    };
    let whole = spread_without(None);
    labels.iter().map(|&(label, _)| spread_without(Some(label)) - whole).collect()
}

/// The mean over pairs of Cohen's kappa as observed, and how an item of each cell changes it.
#[derive(Debug)]
pub(super) struct LeftOutOfPairs<'a> {
    lookup: Lookup<'a>,
    sum: f64,
    defined: i64,
    /// By cell of all pairs: how the sum of kappas changes without one of the cell's items, and the number of those defined.
    changes: Vec<(f64, i8)>,
}

impl<'a> LeftOutOfPairs<'a> {
    pub(super) fn new(facts: &'a Facts, weights: &Weights, min_shared: u64) -> Self {
        let pairs = facts.pairs(Threads::ONE);
        let (mut sum, mut defined, mut changes) = (0.0, 0, Vec::new());
        let mut counts: Vec<(u32, u32, u64)> = Vec::new();
        for (_, cells) in pairs.iter() {
            let observed = cells.iter().map(|cell| (cell.label, cell.other, cell.items));
            counts.clear();
            counts.extend(observed.clone());
            let whole = kappa_of_counts(&counts, weights, min_shared);
            sum += whole.unwrap_or(0.0);
            defined += i64::from(whole.is_some());
            for place in 0..cells.len() {
                counts.clear();
                let left = observed.clone().enumerate().map(|(other, (label, other_label, items))| {
                    (label, other_label, items - u64::from(other == place))
                });
                counts.extend(left.filter(|&(.., items)| items > 0));
                let without = if counts.is_empty() { None } else { kappa_of_counts(&counts, weights, min_shared) };
                let change = without.unwrap_or(0.0) - whole.unwrap_or(0.0);
                changes.push((change, i8::from(without.is_some()) - i8::from(whole.is_some())));
            }
        }
        Self { lookup: pairs.lookup(facts.ratings().n_raters()), sum, defined, changes }
    }

    /// The mean without an item.
    pub(super) fn mean(&self, answers: &[(u32, u32)]) -> Option<f64> {
        let (mut change, mut defined) = (0.0, self.defined);
        for (place, &(rater, label)) in answers.iter().enumerate() {
            for &(other, other_label) in &answers[place + 1..] {
                if let Some(cell) = self.lookup.find((rater, other), (label, other_label)) {
                    change += self.changes[cell].0;
                    defined += i64::from(self.changes[cell].1);
                }
            }
        }
        (defined > 0).then(|| (self.sum + change) / defined as f64)
    }
}
