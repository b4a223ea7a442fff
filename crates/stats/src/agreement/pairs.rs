use std::ops::Range;

use super::ratings::Ratings;
use crate::parallel::{Threads, in_parts};
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
    pub(super) fn new(ratings: &Ratings, threads: Threads) -> Self {
        let pairs_of = |answers: &[(u32, u32)]| (answers.len() * answers.len().saturating_sub(1) / 2) as u64;
        let pairs: u64 = ratings.items().map(pairs_of).sum();
        let (raters, labels) = (ratings.n_raters as u64, ratings.n_labels as u64);
        let cells = (raters * raters.saturating_sub(1) / 2).saturating_mul(labels.saturating_mul(labels));
        if cells <= pairs.saturating_mul(DENSE) && pairs < u64::from(u32::MAX) {
            Self::dense(ratings, threads)
        } else {
            Self::sorted(ratings)
        }
    }

    /// Counts in tables of all cells, rater by rater: no key is built, sorted or hashed, and the table of one first rater fits into the cache.
    fn dense(ratings: &Ratings, threads: Threads) -> Self {
        let index = ByRater::new(ratings);
        let parts = in_parts(&index.shares(threads), |raters| {
            let mut part = Self::default();
            let mut counts = Vec::new();
            for rater in raters {
                index.count(ratings, rater as u32, &mut counts);
                part.compress(rater as u32, &counts, ratings.n_labels);
            }
            part
        });
        let mut parts = parts.into_iter();
        let mut tables = parts.next().unwrap_or_default();
        for part in parts {
            let start = tables.cells.len();
            tables.cells.extend(part.cells);
            let moved = |pair: Pair| Pair { cells: pair.cells.start + start..pair.cells.end + start, ..pair };
            tables.pairs.extend(part.pairs.into_iter().map(moved));
        }
        tables
    }

    /// Appends the pairs of a first rater, of whose pairs with each later one `counts` has a table.
    fn compress(&mut self, rater: u32, counts: &[u32], labels: usize) {
        for (other, counts) in (rater + 1..).zip(counts.chunks_exact((labels * labels).max(1))) {
            let start = self.cells.len();
            for (place, &items) in counts.iter().enumerate().filter(|&(_, &items)| items > 0) {
                let (label, other) = ((place / labels) as u32, (place % labels) as u32);
                self.cells.push(Cell { label, other, items: u64::from(items) });
            }
            if self.cells.len() > start {
                self.pairs.push(Pair { raters: (rater, other), cells: start..self.cells.len() });
            }
        }
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

    /// All pairs in stretches of so many cells at most, or of one first rater.
    pub(super) fn stretches(&self, most_cells: usize) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for of_rater in self.pairs.chunk_by(|a, b| a.raters.0 == b.raters.0) {
            let start = stretches.last().map_or(0, |last| last.pairs.end);
            let (rater, end) = (of_rater[0].raters.0, start + of_rater.len());
            let cells = of_rater[0].cells.start..of_rater[of_rater.len() - 1].cells.end;
            match stretches.last_mut() {
                Some(last) if cells.end - last.cells.start <= most_cells => {
                    last.raters.end = rater + 1;
                    last.pairs.end = end;
                    last.cells.end = cells.end;
                }
                _ => stretches.push(Stretch { raters: rater..rater + 1, pairs: start..end, cells }),
            }
        }
        stretches
    }

    pub(super) fn lookup(&self, n_raters: usize) -> Lookup<'_> {
        /// A table of all pairs of 4096 raters takes 64 MB.
        const LARGEST: usize = 1 << 24;
        let mut places = Vec::new();
        if n_raters.saturating_mul(n_raters) <= LARGEST {
            places = vec![NO_PAIR; n_raters * n_raters];
            for (place, pair) in (0..).zip(&self.pairs) {
                places[pair.raters.0 as usize * n_raters + pair.raters.1 as usize] = place;
            }
        }
        Lookup { tables: self, n_raters, places }
    }
}

/// Neighbouring pairs, all those of their first raters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) raters: Range<u32>,
    /// Places of the pairs, and of their cells among all cells.
    pub(super) pairs: Range<usize>,
    pub(super) cells: Range<usize>,
}

/// Finds cells by raters and labels.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    tables: &'a PairTables,
    n_raters: usize,
    /// By (rater, other): the place of the pair, where a table of all pairs is small enough; else empty.
    places: Vec<u32>,
}

const NO_PAIR: u32 = u32::MAX;

impl Lookup<'_> {
    /// The place of the cell among all cells, in the order of [`PairTables::iter`]; the first rater has the smaller code.
    pub(super) fn find(&self, raters: (u32, u32), labels: (u32, u32)) -> Option<usize> {
        let place = if self.places.is_empty() {
            self.tables.pairs.binary_search_by_key(&raters, |pair| pair.raters).ok()?
        } else {
            match self.places[raters.0 as usize * self.n_raters + raters.1 as usize] {
                NO_PAIR => return None,
                place => place as usize,
            }
        };
        let range = self.tables.pairs[place].cells.clone();
        let cells = &self.tables.cells[range.clone()];
        Some(range.start + cells.binary_search_by_key(&labels, |cell| (cell.label, cell.other)).ok()?)
    }
}

/// Where each rater's ratings lie that later raters of the same item follow.
#[derive(Debug)]
struct ByRater {
    /// Rater `r` has the places `offsets[r]..offsets[r + 1]`.
    offsets: Vec<usize>,
    /// Positions among the ratings, ascending for each rater.
    places: Vec<u32>,
    /// A bit for each rating: whether it is the last of its item.
    last: Vec<u64>,
}

impl ByRater {
    /// Ratings must number less than 2³².
    fn new(ratings: &Ratings) -> Self {
        let mut offsets = vec![0; ratings.n_raters + 1];
        let mut last = vec![0_u64; ratings.cells.len().div_ceil(64)];
        for bounds in ratings.offsets.windows(2).filter(|bounds| bounds[0] < bounds[1]) {
            let end = bounds[1] - 1;
            last[end / 64] |= 1 << (end % 64);
            for &(rater, _) in &ratings.cells[bounds[0]..end] {
                offsets[rater as usize + 1] += 1;
            }
        }
        for rater in 0..ratings.n_raters {
            offsets[rater + 1] += offsets[rater];
        }
        let mut next = offsets.clone();
        let mut places = vec![0; offsets[ratings.n_raters]];
        for bounds in ratings.offsets.windows(2).filter(|bounds| bounds[0] < bounds[1]) {
            for position in bounds[0]..bounds[1] - 1 {
                let next = &mut next[ratings.cells[position].0 as usize];
                places[*next] = position as u32;
                *next += 1;
            }
        }
        Self { offsets, places, last }
    }

    /// Ranges of raters with about as many ratings each.
    fn shares(&self, threads: Threads) -> Vec<Range<usize>> {
        let (raters, parts) = (self.offsets.len() - 1, threads.get());
        let bound = |part: usize| match part {
            0 => 0,
            part if part == parts => raters,
            part => self.offsets.partition_point(|&offset| offset < self.places.len() * part / parts).min(raters),
        };
        (0..parts).map(|part| bound(part)..bound(part + 1)).collect()
    }

    /// The table of labels of `rater` with each later one, one after the other.
    fn count(&self, ratings: &Ratings, rater: u32, counts: &mut Vec<u32>) {
        let labels = ratings.n_labels;
        let per_pair = labels * labels;
        counts.clear();
        counts.resize((ratings.n_raters - rater as usize - 1) * per_pair, 0);
        for &place in &self.places[self.offsets[rater as usize]..self.offsets[rater as usize + 1]] {
            let mut position = place as usize;
            let row = ratings.cells[position].1 as usize * labels;
            // The last of an item is in no list, so there is a next one.
            loop {
                position += 1;
                let (other, label) = ratings.cells[position];
                counts[(other - rater - 1) as usize * per_pair + row + label as usize] += 1;
                if self.last[position / 64] >> (position % 64) & 1 == 1 {
                    break;
                }
            }
        }
    }
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
        let (sorted, dense) = (PairTables::sorted(&ratings), PairTables::dense(&ratings, Threads::ONE));
        assert_eq!(sorted.iter().collect::<Vec<_>>(), expected);
        assert_eq!(dense.iter().collect::<Vec<_>>(), expected);
        let lookup = sorted.lookup(4);
        let without_table = Lookup { places: Vec::new(), ..sorted.lookup(4) };
        for lookup in [lookup, without_table] {
            assert_eq!(lookup.find((0, 2), (5, 6)), Some(1));
            assert_eq!(lookup.find((2, 3), (5, 6)), Some(3));
            assert_eq!(lookup.find((0, 2), (6, 6)), None);
            assert_eq!(lookup.find((0, 1), (5, 6)), None);
        }
    }
}
