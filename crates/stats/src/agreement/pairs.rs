use std::ops::Range;

use super::ratings::Ratings;
use crate::sum::tally;

/// For every pair of raters who share an item the sparse table of their labels, in ascending order of (rater, other).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PairTables {
    pairs: Vec<Pair>,
    cells: Vec<Cell>,
}

/// Two raters and where their cells lie.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    raters: (u32, u32),
    cells: Range<usize>,
}

/// `items` times the first rater chose `label` and the second `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) label: u32,
    pub(super) other: u32,
    pub(super) items: u64,
}

/// Where equal keys are first added up; bounds the memory of tables with few distinct cells.
const COMPACT_FROM: usize = 1 << 22;

/// A table of all possible cells is taken where it has at most so many cells per pair of ratings.
const DENSE: u64 = 8;

impl PairTables {
    pub(super) fn new(ratings: &Ratings) -> Self {
        let pairs: u64 =
            ratings.items().map(|answers| (answers.len() as u64 * answers.len().saturating_sub(1) as u64) / 2).sum();
        let (raters, labels) = (ratings.n_raters as u64, ratings.n_labels as u64);
        let cells = (raters * raters.saturating_sub(1) / 2).saturating_mul(labels.saturating_mul(labels));
        if cells <= pairs.saturating_mul(DENSE) && pairs < u64::from(u32::MAX) {
            Self::dense(ratings, cells as usize)
        } else {
            Self::sorted(ratings)
        }
    }

    /// Counts in one table of all cells: no key is built, sorted or hashed.
    fn dense(ratings: &Ratings, cells: usize) -> Self {
        let (raters, labels) = (ratings.n_raters, ratings.n_labels);
        let per_pair = labels * labels;
        let row_starts = row_starts(raters);
        let mut counts = vec![0_u32; cells];
        for answers in ratings.items() {
            for (position, &(rater, label)) in answers.iter().enumerate() {
                let row = row_starts[rater as usize];
                for &(other, other_label) in &answers[position + 1..] {
                    let pair = row + (other - rater) as usize - 1;
                    counts[pair * per_pair + label as usize * labels + other_label as usize] += 1;
                }
            }
        }
        let mut tables = Self::default();
        let mut of_pairs = counts.chunks(per_pair.max(1));
        for rater in 0..raters as u32 {
            for (other, counts) in (rater + 1..raters as u32).zip(of_pairs.by_ref()) {
                let start = tables.cells.len();
                for (place, &items) in counts.iter().enumerate().filter(|&(_, &items)| items > 0) {
                    let (label, other) = ((place / labels) as u32, (place % labels) as u32);
                    tables.cells.push(Cell { label, other, items: u64::from(items) });
                }
                if tables.cells.len() > start {
                    tables.pairs.push(Pair { raters: (rater, other), cells: start..tables.cells.len() });
                }
            }
        }
        tables
    }

    fn sorted(ratings: &Ratings) -> Self {
        let mut counts: Vec<(u128, u64)> = Vec::new();
        let mut limit = COMPACT_FROM;
        for answers in ratings.items() {
            for (position, &(rater, label)) in answers.iter().enumerate() {
                let others = answers[position + 1..].iter();
                counts.extend(others.map(|&(other, other_label)| (pack([rater, other, label, other_label]), 1)));
            }
            if counts.len() >= limit {
                counts = tally(counts);
                limit = COMPACT_FROM.max(2 * counts.len());
            }
        }
        let mut tables = Self::default();
        for (key, items) in tally(counts) {
            let [rater, other, label, other_label] = unpack(key);
            let end = tables.cells.len() + 1;
            match tables.pairs.last_mut() {
                Some(pair) if pair.raters == (rater, other) => pair.cells.end = end,
                _ => tables.pairs.push(Pair { raters: (rater, other), cells: end - 1..end }),
            }
            tables.cells.push(Cell { label, other: other_label, items });
        }
        tables
    }

    /// The pairs with their cells.
    pub(super) fn iter(&self) -> impl Iterator<Item = ((u32, u32), &[Cell])> {
        self.pairs.iter().map(|pair| (pair.raters, &self.cells[pair.cells.clone()]))
    }

    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    pub(super) fn get(&self, place: usize) -> ((u32, u32), &[Cell]) {
        let pair = &self.pairs[place];
        (pair.raters, &self.cells[pair.cells.clone()])
    }

    /// Finds cells by raters and labels.
    pub(super) fn lookup(&self, n_raters: usize) -> Lookup<'_> {
        Lookup { tables: self, offsets: (0..=n_raters).map(|rater| self.starts(rater)).collect() }
    }

    /// Where the pairs begin whose first rater has this code or a greater one.
    fn starts(&self, rater: usize) -> usize {
        self.pairs.partition_point(|pair| (pair.raters.0 as usize) < rater)
    }
}

/// Pairs by their first rater.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    tables: &'a PairTables,
    offsets: Vec<usize>,
}

impl Lookup<'_> {
    /// The place of the pair, and that of the cell among its cells; the first rater has the smaller code.
    pub(super) fn find(&self, raters: (u32, u32), labels: (u32, u32)) -> Option<(usize, usize)> {
        let start = self.offsets[raters.0 as usize];
        let pairs = &self.tables.pairs[start..self.offsets[raters.0 as usize + 1]];
        // Where every rater met every other, the place follows from the codes.
        let guess = (raters.1 - raters.0) as usize - 1;
        let place = match pairs.get(guess) {
            Some(pair) if pair.raters == raters => guess,
            _ => pairs.binary_search_by_key(&raters.1, |pair| pair.raters.1).ok()?,
        };
        let cells = &self.tables.cells[pairs[place].cells.clone()];
        let cell = cells.binary_search_by_key(&labels, |cell| (cell.label, cell.other)).ok()?;
        Some((start + place, cell))
    }
}

/// By rater: the number of pairs whose first rater has a smaller code.
fn row_starts(raters: usize) -> Vec<usize> {
    (0..raters).scan(0, |start, rater| Some(std::mem::replace(start, *start + raters - rater - 1))).collect()
}

fn pack(codes: [u32; 4]) -> u128 {
    codes.iter().fold(0, |key, &code| key << 32 | u128::from(code))
}

fn unpack(key: u128) -> [u32; 4] {
    [96, 64, 32, 0].map(|shift| (key >> shift) as u32)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_packing_and_sort_like_the_codes() {
        let codes = [u32::MAX, 7, 0, u32::MAX - 1];
        assert_eq!(unpack(pack(codes)), codes);
        assert!(pack([1, 0, 0, 0]) > pack([0, u32::MAX, u32::MAX, u32::MAX]));
    }

    fn cell(label: u32, other: u32, items: u64) -> Cell {
        Cell { label, other, items }
    }

    #[test]
    fn tables_hold_each_pair_once_and_are_found_again() {
        let (raters, labels) = ([0, 2, 3, 0, 2, 3, 0, 2, 1], [5, 5, 6, 5, 5, 6, 5, 6, 5]);
        let ratings = Ratings::new(vec![0, 3, 6, 8, 9], &raters, &labels, 4, 7).unwrap();
        let expected = [
            ((0, 2), &[cell(5, 5, 2), cell(5, 6, 1)][..]),
            ((0, 3), &[cell(5, 6, 2)][..]),
            ((2, 3), &[cell(5, 6, 2)][..]),
        ];
        let (sorted, dense) = (PairTables::sorted(&ratings), PairTables::dense(&ratings, 6 * 49));
        assert_eq!(sorted.iter().collect::<Vec<_>>(), expected);
        assert_eq!(dense.iter().collect::<Vec<_>>(), expected);
        let lookup = sorted.lookup(4);
        assert_eq!(lookup.find((0, 2), (5, 6)), Some((0, 1)));
        assert_eq!(lookup.find((2, 3), (5, 6)), Some((2, 0)));
        assert_eq!(lookup.find((0, 2), (6, 6)), None);
        assert_eq!(lookup.find((0, 1), (5, 6)), None);
    }
}
