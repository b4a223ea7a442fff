use super::super::facts::check_pairable;
use super::super::ratings::Ratings;
use super::super::rows::{Counter, Row, RowCounts};
use super::{LabelSets, LabelSetsError};
use crate::estimate::{Sample, Undefined};
use crate::sum::tally;

/// What an empty set says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EmptySets {
    /// "None of them" is an answer: equal to another empty set, and far from all others.
    Value,
    /// It is no rating.
    Missing,
}

/// The counts that agreement on sets is a function of: distinct sets, and which of them meet on items with two ratings or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetFacts {
    /// The distinct sets on pairable items, ascending by their elements, whatever label codes they came with.
    pub(super) sets: LabelSets,
    /// Distinct patterns of (set, count) of pairable items, with the number of items that show each.
    pub(super) patterns: RowCounts,
    /// By set: its ratings on pairable items.
    pub(super) counts: Vec<u64>,
    sample: Sample,
    pairable: Sample,
}

impl SetFacts {
    /// # Errors
    /// When the ratings have more labels than `sets` has sets.
    pub fn new(ratings: &Ratings, sets: &LabelSets, empty: EmptySets) -> Result<Self, LabelSetsError> {
        if ratings.n_labels > sets.len() {
            return Err(LabelSetsError::LabelWithoutSet { n_labels: ratings.n_labels, n_sets: sets.len() });
        }
        let counts_as_rating = |label: u32| empty == EmptySets::Value || !sets.get(label as usize).is_empty();
        let rated = || {
            ratings.items().map(|answers| {
                let counts = answers.iter().copied().filter(|&(_, set)| counts_as_rating(set));
                counts.collect::<Vec<(u32, u32)>>()
            })
        };
        let (mut samples, mut occurs) = (Samples::new(ratings.n_raters), vec![false; sets.len()]);
        for row in rated() {
            samples.add(&row);
            if row.len() >= 2 {
                row.iter().for_each(|&(_, label)| occurs[label as usize] = true);
            }
        }
        let (distinct, code_of) = distinct_sets(sets, &occurs);
        let mut patterns = Counter::new();
        for row in rated().filter(|row| row.len() >= 2) {
            patterns.add(&count_sets(&row, &code_of), 1);
        }
        let (patterns, _) = patterns.finish();
        let mut counts = vec![0; distinct.len()];
        for (row, items) in patterns.iter() {
            row.iter().for_each(|&(set, count)| counts[set as usize] += u64::from(count) * items);
        }
        let [sample, pairable] = samples.finish();
        Ok(Self { sets: distinct, patterns, counts, sample, pairable })
    }

    /// All items with a rating that counts.
    pub fn sample(&self) -> Sample {
        self.sample
    }

    /// Items with at least two ratings, and who rated them.
    pub fn pairable_sample(&self) -> Sample {
        self.pairable
    }

    /// How many different sets were given to items with two ratings or more.
    pub fn n_distinct_sets(&self) -> usize {
        self.sets.len()
    }

    pub(super) fn check_pairable(&self) -> Result<(), Undefined> {
        check_pairable(self.sample, self.pairable)
    }
}

/// All items with a rating, and those with two.
struct Samples {
    counts: [Sample; 2],
    seen: [Vec<bool>; 2],
}

impl Samples {
    fn new(n_raters: usize) -> Self {
        Self { counts: [Sample::default(); 2], seen: [vec![false; n_raters], vec![false; n_raters]] }
    }

    fn add(&mut self, row: &Row) {
        for (least, (sample, seen)) in (1..).zip(self.counts.iter_mut().zip(&mut self.seen)) {
            if row.len() >= least {
                sample.items += 1;
                sample.ratings += row.len() as u64;
                row.iter().for_each(|&(rater, _)| seen[rater as usize] = true);
            }
        }
    }

    fn finish(mut self) -> [Sample; 2] {
        for (sample, seen) in self.counts.iter_mut().zip(&self.seen) {
            sample.raters = seen.iter().filter(|&&seen| seen).count() as u64;
        }
        self.counts
    }
}

/// The distinct ones of the sets that occur, and by label the place of its set among them.
fn distinct_sets(sets: &LabelSets, occurs: &[bool]) -> (LabelSets, Vec<u32>) {
    let mut labels: Vec<usize> = (0..sets.len()).filter(|&label| occurs[label]).collect();
    labels.sort_by(|&a, &b| sets.get(a).cmp(sets.get(b)));
    let mut distinct = LabelSets::none(sets.n_elements());
    let mut code_of = vec![0; sets.len()];
    for same in labels.chunk_by(|&a, &b| sets.get(a) == sets.get(b)) {
        same.iter().for_each(|&label| code_of[label] = distinct.len() as u32);
        distinct.push(sets.get(same[0]));
    }
    (distinct, code_of)
}

/// The distinct sets of an item's answers, each with its count.
fn count_sets(answers: &Row, code_of: &[u32]) -> Vec<(u32, u32)> {
    let counted = tally(answers.iter().map(|&(_, label)| (code_of[label as usize], 1)).collect());
    counted.into_iter().map(|(set, count)| (set, count as u32)).collect()
}
