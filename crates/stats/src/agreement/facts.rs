use std::sync::OnceLock;

use super::margins::Margins;
use super::pairs::PairTables;
use super::ratings::Ratings;
use super::rows::{Counter, Row, RowCounts};
use super::weights::Weights;
use crate::estimate::{Sample, Undefined};
use crate::parallel::Threads;

/// Ratings with the counts that agreement figures are functions of. What only some figures need is counted when first asked for.
#[derive(Debug, Clone)]
pub struct Facts {
    pub(super) ratings: Ratings,
    pub(super) patterns: Patterns,
    /// By item: the place of its pattern; items without ratings have none.
    pattern_of: Vec<u32>,
    pairs: OnceLock<PairTables>,
    margins: OnceLock<Margins>,
    sample: Sample,
    pairable: Sample,
}

const NO_PATTERN: u32 = u32::MAX;

/// Distinct patterns of label counts per item: what coefficients without rater identity need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Patterns {
    pub(super) rows: RowCounts,
    pub(super) n_labels: usize,
}

/// One pattern: the labels of an item with their counts, the number of ratings, and how many items show it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pattern<'a> {
    pub(super) labels: &'a Row,
    pub(super) ratings: u64,
    pub(super) items: u64,
}

impl<'a> Pattern<'a> {
    pub(super) fn of((labels, items): (&'a Row, u64)) -> Self {
        Self { labels, ratings: labels.iter().map(|&(_, count)| u64::from(count)).sum(), items }
    }

    /// Ordered pairs of raters who agree.
    pub(super) fn agreeing_pairs(&self) -> u64 {
        self.labels.iter().map(|&(_, count)| u64::from(count) * u64::from(count.saturating_sub(1))).sum()
    }

    /// Ordered pairs of raters.
    pub(super) fn pairs(&self) -> u64 {
        self.ratings * self.ratings.saturating_sub(1)
    }

    pub(super) fn is_pairable(&self) -> bool {
        self.ratings >= 2
    }

    /// How much the ordered pairs of raters disagree together: their number, each pair weighed by its labels.
    pub(super) fn disagreement(&self, weights: &Weights) -> f64 {
        if weights.is_identity() {
            return (self.pairs() - self.agreeing_pairs()) as f64;
        }
        let mut sum = 0.0;
        for (place, &(label, n)) in self.labels.iter().enumerate() {
            for &(other, m) in &self.labels[place + 1..] {
                sum += f64::from(n) * f64::from(m) * weights.disagreement(label, other);
            }
        }
        2.0 * sum
    }

    /// What `times` items add to the disagreement per rating, as alpha weighs items.
    pub(super) fn rating_disagreement(&self, weights: &Weights, times: f64) -> f64 {
        if times > 0.0 && self.is_pairable() {
            times * self.disagreement(weights) / (self.ratings - 1) as f64
        } else {
            0.0
        }
    }
}

impl Patterns {
    pub(super) fn iter(&self) -> impl Iterator<Item = Pattern<'_>> {
        self.rows.iter().map(Pattern::of)
    }

    pub(super) fn get(&self, place: usize) -> Pattern<'_> {
        Pattern::of(self.rows.get(place))
    }

    pub(super) fn pairable(&self) -> impl Iterator<Item = Pattern<'_>> {
        self.iter().filter(Pattern::is_pairable)
    }
}

impl Facts {
    pub fn new(ratings: Ratings) -> Self {
        let (patterns, pattern_of) = count_patterns(&ratings);
        let (sample, pairable) = samples(&ratings);
        Self {
            patterns: Patterns { rows: patterns, n_labels: ratings.n_labels },
            ratings,
            pattern_of,
            pairs: OnceLock::new(),
            margins: OnceLock::new(),
            sample,
            pairable,
        }
    }

    pub fn ratings(&self) -> &Ratings {
        &self.ratings
    }

    /// The place of an item's pattern; none without ratings.
    pub(super) fn pattern_of(&self, item: usize) -> Option<usize> {
        Some(self.pattern_of[item]).filter(|&place| place != NO_PATTERN).map(|place| place as usize)
    }

    /// The items with at least two ratings: their answers, each with the pattern of the item.
    pub(super) fn pairable_items(&self) -> impl Iterator<Item = (&[(u32, u32)], Pattern<'_>)> {
        self.rated_items().filter(|(_, pattern)| pattern.is_pairable())
    }

    /// The items with a rating: their answers, each with the pattern of the item.
    pub(super) fn rated_items(&self) -> impl Iterator<Item = (&[(u32, u32)], Pattern<'_>)> {
        let rated = self.ratings.items().zip(&self.pattern_of).filter(|&(_, &place)| place != NO_PATTERN);
        rated.map(|(answers, &place)| (answers, self.patterns.get(place as usize)))
    }

    /// How often each pattern is counted when each item is counted so often.
    pub(super) fn pattern_times(&self, items: &[u64]) -> Vec<u64> {
        let mut times = vec![0; self.patterns.rows.len()];
        for (&place, &n) in self.pattern_of.iter().zip(items).filter(|&(&place, _)| place != NO_PATTERN) {
            times[place as usize] += n;
        }
        times
    }

    /// For every pair of raters who share an item the table of their labels.
    pub(super) fn pairs(&self, threads: Threads) -> &PairTables {
        self.pairs.get_or_init(|| PairTables::new(&self.ratings, threads))
    }

    /// How often each rater chose each label.
    pub(super) fn margins(&self) -> &Margins {
        self.margins.get_or_init(|| Margins::new(&self.ratings))
    }

    /// All items with a rating.
    pub fn sample(&self) -> Sample {
        self.sample
    }

    /// Items with at least two ratings, and who rated them.
    pub fn pairable_sample(&self) -> Sample {
        self.pairable
    }

    /// How often each label was given, by label code.
    pub fn label_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.ratings.n_labels];
        for pattern in self.patterns.iter() {
            for &(label, count) in pattern.labels {
                counts[label as usize] += u64::from(count) * pattern.items;
            }
        }
        counts
    }

    /// How often each label was given to an item with at least two ratings, by label code.
    pub fn pairable_label_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.ratings.n_labels];
        for pattern in self.patterns.pairable() {
            for &(label, count) in pattern.labels {
                counts[label as usize] += u64::from(count) * pattern.items;
            }
        }
        counts
    }

    /// How many labels were given to an item with at least two ratings.
    pub(super) fn labels_in_use(&self) -> usize {
        self.pairable_label_counts().iter().filter(|&&n| n > 0).count()
    }

    /// What makes every comparison of raters impossible.
    pub(super) fn check_pairable(&self) -> Result<(), Undefined> {
        check_pairable(self.sample, self.pairable)
    }
}

/// The same of all items with a rating, and of those with two.
pub(super) fn check_pairable(all: Sample, pairable: Sample) -> Result<(), Undefined> {
    if all.ratings == 0 {
        Err(Undefined::NoRatings)
    } else if all.raters < 2 {
        Err(Undefined::OneRater)
    } else if pairable.items == 0 {
        Err(Undefined::NoPairableItems)
    } else {
        Ok(())
    }
}

fn count_patterns(ratings: &Ratings) -> (RowCounts, Vec<u32>) {
    let mut counter = Counter::new();
    let mut labels: Vec<u32> = Vec::new();
    let mut row: Vec<(u32, u32)> = Vec::new();
    let mut pattern_of: Vec<u32> = Vec::with_capacity(ratings.n_items());
    for answers in ratings.items() {
        if answers.is_empty() {
            pattern_of.push(NO_PATTERN);
            continue;
        }
        labels.clear();
        labels.extend(answers.iter().map(|&(_, label)| label));
        labels.sort_unstable();
        row.clear();
        row.extend(labels.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)));
        pattern_of.push(counter.add(&row, 1));
    }
    let (rows, places) = counter.finish();
    for place in pattern_of.iter_mut().filter(|place| **place != NO_PATTERN) {
        *place = places[*place as usize];
    }
    (rows, pattern_of)
}

/// Of all items with a rating, and of those with at least two.
fn samples(ratings: &Ratings) -> (Sample, Sample) {
    let mut seen = vec![0_u8; ratings.n_raters];
    let (mut all, mut pairable) = (Sample::default(), Sample::default());
    for answers in ratings.items().filter(|answers| !answers.is_empty()) {
        let is_pairable = answers.len() >= 2;
        all.items += 1;
        all.ratings += answers.len() as u64;
        if is_pairable {
            pairable.items += 1;
            pairable.ratings += answers.len() as u64;
        }
        for &(rater, _) in answers {
            seen[rater as usize] |= 1 + 2 * u8::from(is_pairable);
        }
    }
    all.raters = seen.iter().filter(|&&seen| seen != 0).count() as u64;
    pairable.raters = seen.iter().filter(|&&seen| seen > 1).count() as u64;
    (all, pairable)
}
