use std::ops::Range;

use super::rows::RowCounts;
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

impl PairTables {
    pub(super) fn new(answers: &RowCounts) -> Self {
        let mut counts: Vec<(u128, u64)> = Vec::new();
        let mut limit = COMPACT_FROM;
        for (row, items) in answers.iter() {
            for (position, &(rater, label)) in row.iter().enumerate() {
                counts.extend(
                    row[position + 1..]
                        .iter()
                        .map(|&(other, other_label)| (pack([rater, other, label, other_label]), items)),
                );
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

    /// Where the pairs begin whose first rater has each code, and the end of the last.
    pub(super) fn first_rater_offsets(&self, n_raters: usize) -> Vec<usize> {
        (0..=n_raters).map(|rater| self.pairs.partition_point(|pair| (pair.raters.0 as usize) < rater)).collect()
    }

    /// The place of a cell in the order of [`iter`](Self::iter); `pairs` are those of its first rater.
    pub(super) fn find(&self, pairs: Range<usize>, other: u32, labels: (u32, u32)) -> Option<usize> {
        let place = self.pairs[pairs.clone()].binary_search_by_key(&other, |pair| pair.raters.1).ok()? + pairs.start;
        let cells = self.pairs[place].cells.clone();
        let cell = self.cells[cells.clone()].binary_search_by_key(&labels, |cell| (cell.label, cell.other)).ok()?;
        Some(cells.start + cell)
    }
}

fn pack(codes: [u32; 4]) -> u128 {
    codes.iter().fold(0, |key, &code| key << 32 | u128::from(code))
}

fn unpack(key: u128) -> [u32; 4] {
    [96, 64, 32, 0].map(|shift| (key >> shift) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_packing_and_sort_like_the_codes() {
        let codes = [u32::MAX, 7, 0, u32::MAX - 1];
        assert_eq!(unpack(pack(codes)), codes);
        assert!(pack([1, 0, 0, 0]) > pack([0, u32::MAX, u32::MAX, u32::MAX]));
    }

    #[test]
    fn tables_hold_each_pair_once_and_are_found_again() {
        let (answers, _) = RowCounts::count(&[(&[(0, 5), (2, 5), (3, 6)], 2), (&[(0, 5), (2, 6)], 1), (&[(1, 5)], 9)]);
        let tables = PairTables::new(&answers);
        let cell = |label, other, items| Cell { label, other, items };
        let all: Vec<_> = tables.iter().collect();
        assert_eq!(
            all,
            [
                ((0, 2), &[cell(5, 5, 2), cell(5, 6, 1)][..]),
                ((0, 3), &[cell(5, 6, 2)][..]),
                ((2, 3), &[cell(5, 6, 2)][..])
            ]
        );
        let offsets = tables.first_rater_offsets(4);
        assert_eq!(offsets, [0, 2, 2, 3, 3]);
        assert_eq!(tables.find(offsets[0]..offsets[1], 2, (5, 6)), Some(1));
        assert_eq!(tables.find(offsets[2]..offsets[3], 3, (5, 6)), Some(3));
        assert_eq!(tables.find(offsets[0]..offsets[1], 2, (6, 6)), None);
    }
}
