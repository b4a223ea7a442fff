use std::ops::Range;

use super::ratings::Ratings;
use crate::parallel::Threads;
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

    /// Counts in tables of all cells: no key is built, sorted or hashed. The tables of one block of first raters fit into the cache.
    fn dense(ratings: &Ratings, threads: Threads) -> Self {
        let blocks = Block::split(ratings);
        let parts = threads.map(blocks.len(), |place| blocks[place].count(ratings));
        let mut tables = Self::default();
        for part in parts {
            let start = tables.cells.len();
            tables.cells.extend(part.cells);
            let moved = |pair: Pair| Pair { cells: pair.cells.start + start..pair.cells.end + start, ..pair };
            tables.pairs.extend(part.pairs.into_iter().map(moved));
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

/// First raters whose pairs are counted in one table.
#[derive(Debug, Clone)]
struct Block {
    raters: Range<u32>,
}

impl Block {
    /// Blocks of whole raters, of so many cells each or of one rater.
    fn split(ratings: &Ratings) -> Vec<Self> {
        const CELLS: usize = 1 << 22;
        let per_pair = ratings.n_labels * ratings.n_labels;
        let mut blocks: Vec<Self> = Vec::new();
        let mut size = usize::MAX;
        for rater in 0..ratings.n_raters as u32 {
            let cells = (ratings.n_raters - rater as usize - 1).saturating_mul(per_pair);
            match blocks.last_mut() {
                Some(block) if size.saturating_add(cells) <= CELLS => {
                    block.raters.end += 1;
                    size += cells;
                }
                _ => {
                    blocks.push(Self { raters: rater..rater + 1 });
                    size = cells;
                }
            }
        }
        blocks
    }

    fn count(&self, ratings: &Ratings) -> PairTables {
        let (labels, per_pair) = (ratings.n_labels, ratings.n_labels * ratings.n_labels);
        let first = self.raters.start as usize;
        // By rater of the block: the number of pairs of the raters before.
        let starts: Vec<usize> = (first..=self.raters.end as usize)
            .scan(0, |start, rater| Some(std::mem::replace(start, *start + ratings.n_raters.saturating_sub(rater + 1))))
            .collect();
        let mut counts = vec![0_u32; starts[self.raters.len()] * per_pair];
        for answers in ratings.items() {
            let from = answers.partition_point(|&(rater, _)| rater < self.raters.start);
            for (position, &(rater, label)) in answers.iter().enumerate().skip(from) {
                if rater >= self.raters.end {
                    break;
                }
                let row = starts[rater as usize - first];
                for &(other, other_label) in &answers[position + 1..] {
                    let pair = row + (other - rater) as usize - 1;
                    counts[pair * per_pair + label as usize * labels + other_label as usize] += 1;
                }
            }
        }
        self.compress(&counts, labels, ratings.n_raters as u32)
    }

    fn compress(&self, counts: &[u32], labels: usize, n_raters: u32) -> PairTables {
        let mut tables = PairTables::default();
        let mut of_pairs = counts.chunks((labels * labels).max(1));
        for rater in self.raters.clone() {
            for (other, counts) in (rater + 1..n_raters).zip(of_pairs.by_ref()) {
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
