use super::pairs::PairTables;
use super::ratings::Ratings;
use super::rows::{Row, RowCounts};
use crate::estimate::{Sample, Undefined};

/// The additive counts that every agreement figure is a function of.
///
/// Facts of disjoint sets of items [merge](Self::merge) to the facts of all the items, provided that both use the same codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Distinct sets of (rater, label), with the number of items answered so.
    pub(super) answers: RowCounts,
    /// For each distinct set of answers the place of its pattern.
    pub(super) pattern_of: Vec<usize>,
    pub(super) patterns: Patterns,
    pub(super) pairs: PairTables,
    pub(super) n_raters: usize,
    pub(super) n_labels: usize,
    sample: Sample,
    pairable: Sample,
}

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
}

impl Patterns {
    pub(super) fn iter(&self) -> impl Iterator<Item = Pattern<'_>> {
        self.rows.iter().map(Pattern::of)
    }

    pub(super) fn pairable(&self) -> impl Iterator<Item = Pattern<'_>> {
        self.iter().filter(Pattern::is_pairable)
    }
}

impl Facts {
    pub fn new(ratings: &Ratings) -> Self {
        let rows: Vec<(&Row, u64)> = ratings
            .offsets
            .windows(2)
            .map(|bounds| (&ratings.cells[bounds[0]..bounds[1]], 1))
            .filter(|(row, _)| !row.is_empty())
            .collect();
        Self::from_answers(&rows, ratings.n_raters, ratings.n_labels)
    }

    /// The facts of the items of both. The codes of raters and labels must mean the same in both.
    pub fn merge(&self, other: &Self) -> Self {
        let rows: Vec<(&Row, u64)> = self.answers.iter().chain(other.answers.iter()).collect();
        Self::from_answers(&rows, self.n_raters.max(other.n_raters), self.n_labels.max(other.n_labels))
    }

    fn from_answers(rows: &[(&Row, u64)], n_raters: usize, n_labels: usize) -> Self {
        let (answers, _) = RowCounts::count(rows);
        let (patterns, pattern_of) = count_patterns(&answers);
        let pairs = PairTables::new(&answers);
        let sample = sample_of(&answers, n_raters, 1);
        let pairable = sample_of(&answers, n_raters, 2);
        let patterns = Patterns { rows: patterns, n_labels };
        Self { answers, pattern_of, patterns, pairs, n_raters, n_labels, sample, pairable }
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
        let mut counts = vec![0; self.n_labels];
        for pattern in self.patterns.iter() {
            for &(label, count) in pattern.labels {
                counts[label as usize] += u64::from(count) * pattern.items;
            }
        }
        counts
    }

    /// What makes every comparison of raters impossible.
    pub(super) fn check_pairable(&self) -> Result<(), Undefined> {
        if self.sample.ratings == 0 {
            Err(Undefined::NoRatings)
        } else if self.sample.raters < 2 {
            Err(Undefined::OneRater)
        } else if self.pairable.items == 0 {
            Err(Undefined::NoPairableItems)
        } else {
            Ok(())
        }
    }
}

fn count_patterns(answers: &RowCounts) -> (RowCounts, Vec<usize>) {
    let mut cells: Vec<(u32, u32)> = Vec::new();
    let mut bounds = Vec::new();
    let mut labels: Vec<u32> = Vec::new();
    for (row, items) in answers.iter() {
        labels.clear();
        labels.extend(row.iter().map(|&(_, label)| label));
        labels.sort_unstable();
        let start = cells.len();
        for same in labels.chunk_by(|a, b| a == b) {
            cells.push((same[0], same.len() as u32));
        }
        bounds.push((start..cells.len(), items));
    }
    let rows: Vec<(&Row, u64)> = bounds.into_iter().map(|(range, items)| (&cells[range], items)).collect();
    RowCounts::count(&rows)
}

fn sample_of(answers: &RowCounts, n_raters: usize, at_least: usize) -> Sample {
    let mut seen = vec![false; n_raters];
    let mut sample = Sample::default();
    for (row, items) in answers.iter().filter(|(row, _)| row.len() >= at_least) {
        sample.items += items;
        sample.ratings += items * row.len() as u64;
        for &(rater, _) in row {
            seen[rater as usize] = true;
        }
    }
    sample.raters = seen.iter().filter(|&&seen| seen).count() as u64;
    sample
}
