use std::ops::Range;

use super::anova::middle;
use super::rows::Rows;
use super::scores::Scores;
use crate::estimate::{Sample, Undefined};
use crate::parallel::Threads;
use crate::sum::tally;

/// Which items count when two of several raters are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Missing {
    /// Those that the two rated (pairwise deletion).
    Pairwise,
    /// Those that all raters of the scores rated (listwise deletion), as for [`Complete`](super::Complete) items.
    Listwise,
}

/// Every pair of raters with what they gave to the items they share.
///
/// Its units, for resampling, are the distinct rows of items with at least two ratings, in ascending order.
#[derive(Debug, Clone)]
pub struct Pairs {
    pub(super) rows: Rows,
    pub(super) values: Vec<f64>,
    pub(super) noise: f64,
    pub(super) pairs: Vec<Pair>,
    /// By the code of the first rater, where its pairs begin, and where the last one's end.
    starts: Vec<usize>,
    /// By pair, the second rater: small enough to be searched for every two ratings of an item.
    others: Vec<u32>,
    entries: Vec<Entry>,
    n_raters: usize,
    missing: Missing,
    dropped_items: u64,
}

/// Two raters, `rater < other`, and where their entries lie.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) rater: u32,
    pub(super) other: u32,
    entries: Range<usize>,
    pub(super) items: u64,
    /// The median of what each of the two gave to the shared items.
    pub(super) medians: (f64, f64),
}

/// Value codes that the two of a pair gave in one unit. Entries of a pair ascend by `first`, then `second`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) first: u32,
    pub(super) second: u32,
    /// The place of `second` among the distinct ones of the pair.
    pub(super) second_place: u32,
    pub(super) unit: u32,
}

impl Pairs {
    pub fn new(scores: &Scores, missing: Missing, threads: Threads) -> Self {
        let least = match missing {
            Missing::Pairwise => 2,
            Missing::Listwise => scores.raters.len().max(2),
        };
        let kept = scores.rows.iter().filter(|(row, _)| row.len() >= least).collect();
        let dropped_items = scores.rows.iter().filter(|(row, _)| row.len() < least).map(|(_, items)| items).sum();
        let (rows, values) = (Rows::count(kept), scores.values.clone());
        let (starts, units) = units_by_rater(&rows);
        let parts = threads.map_ranges(starts.len() - 1, |raters| {
            let mut part = Part::default();
            for rater in raters {
                part.gather(rater as u32, &units[starts[rater]..starts[rater + 1]], &rows, &values);
            }
            part
        });
        let part = Part::joined(parts);
        let others = part.pairs.iter().map(|pair| pair.other).collect();
        Self {
            rows,
            values,
            noise: scores.noise(),
            starts: first_pairs(&part.pairs, starts.len() - 1),
            pairs: part.pairs,
            others,
            entries: part.entries,
            n_raters: scores.raters.len(),
            missing,
            dropped_items,
        }
    }

    /// Items with a number that do not count: with too few of them.
    pub fn dropped_items(&self) -> u64 {
        self.dropped_items
    }

    /// How many pairs of raters share an item.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    pub(super) fn entries(&self, pair: &Pair) -> &[Entry] {
        &self.entries[pair.entries.clone()]
    }

    /// The entries of all pairs, one pair after the other.
    pub(super) fn all_entries(&self) -> &[Entry] {
        &self.entries
    }

    /// As often as they were observed.
    pub(super) fn observed(&self) -> impl Fn(u32) -> u64 + Copy {
        |unit| self.rows.items()[unit as usize]
    }

    /// The places of the pairs of a unit in [`pairs`](Self::pairs), with the places of the two raters in the unit's row.
    pub(super) fn pairs_of(&self, unit: usize) -> impl Iterator<Item = (usize, [usize; 2])> {
        let row = self.rows.get(unit);
        row.iter().enumerate().flat_map(move |(first, &(rater, _))| {
            let start = self.starts[rater as usize];
            let others = &self.others[start..self.starts[rater as usize + 1]];
            // The others ascend in the row as among the pairs: look from where the last one was.
            let mut from = 0;
            row.iter().enumerate().skip(first + 1).map(move |(second, &(other, _))| {
                from += others[from..].partition_point(|&known| known < other);
                (start + from, [first, second])
            })
        })
    }

    /// What makes every comparison of two raters impossible, in the order in which it is looked at.
    pub(super) fn check(&self) -> Result<(), Undefined> {
        match (self.n_raters, self.is_empty(), self.missing) {
            (0, ..) => Err(Undefined::NoRatings),
            (1, ..) => Err(Undefined::OneRater),
            (_, true, Missing::Pairwise) => Err(Undefined::NoPairableItems),
            (_, true, Missing::Listwise) => Err(Undefined::NoCompleteItems),
            _ => Ok(()),
        }
    }
}

impl Pair {
    pub(super) fn sample(&self) -> Sample {
        Sample { items: self.items, ratings: 2 * self.items, raters: 2 }
    }
}

/// Pairs of some raters, in order.
#[derive(Default)]
struct Part {
    pairs: Vec<Pair>,
    entries: Vec<Entry>,
}

impl Part {
    /// The pairs of which `rater` is the first, from the units that it rated: only one rater's pairs are ever sorted at once.
    fn gather(&mut self, rater: u32, units: &[u32], rows: &Rows, values: &[f64]) {
        let mut shared: Vec<(u32, Entry)> = Vec::new();
        for &unit in units {
            let row = rows.get(unit as usize);
            let own = row.partition_point(|&(known, _)| known < rater);
            shared.extend(
                row[own + 1..]
                    .iter()
                    .map(|&(other, second)| (other, Entry { first: row[own].1, second, second_place: 0, unit })),
            );
        }
        shared.sort_unstable_by_key(|&(other, entry)| (other, entry.first, entry.second, entry.unit));
        for of_pair in shared.chunk_by(|a, b| a.0 == b.0) {
            self.push(rater, of_pair, rows.items(), values);
        }
    }

    fn push(&mut self, rater: u32, of_pair: &[(u32, Entry)], items: &[u64], values: &[f64]) {
        let items = |entry: &Entry| items[entry.unit as usize];
        let first = tally(of_pair.iter().map(|(_, entry)| (entry.first, items(entry))).collect());
        let second = tally(of_pair.iter().map(|(_, entry)| (entry.second, items(entry))).collect());
        let median = |counts| middle(counts).map_or(0.0, |code| values[code as usize]);
        let start = self.entries.len();
        self.pairs.push(Pair {
            rater,
            other: of_pair[0].0,
            entries: start..start + of_pair.len(),
            items: first.iter().map(|&(_, items)| items).sum(),
            medians: (median(&first), median(&second)),
        });
        self.entries.extend(of_pair.iter().map(|&(_, entry)| {
            let second_place = second.partition_point(|&(code, _)| code < entry.second) as u32;
            Entry { second_place, ..entry }
        }));
    }

    fn joined(parts: Vec<Self>) -> Self {
        let mut all = Self::default();
        for mut part in parts {
            let start = all.entries.len();
            for pair in &mut part.pairs {
                pair.entries = pair.entries.start + start..pair.entries.end + start;
            }
            if start == 0 {
                all = part;
            } else {
                all.pairs.append(&mut part.pairs);
                all.entries.append(&mut part.entries);
            }
        }
        all
    }
}

/// By rater code, where the pairs begin of which it is the first rater, and where the last one's end.
fn first_pairs(pairs: &[Pair], codes: usize) -> Vec<usize> {
    (0..=codes).map(|rater| pairs.partition_point(|pair| (pair.rater as usize) < rater)).collect()
}

/// The units of each rater code, one after the other, and where each rater's begin and end.
fn units_by_rater(rows: &Rows) -> (Vec<usize>, Vec<u32>) {
    let codes = rows.iter().flat_map(|(row, _)| row).map(|&(rater, _)| rater as usize + 1).max().unwrap_or(0);
    let mut starts = vec![0; codes + 1];
    for &(rater, _) in rows.iter().flat_map(|(row, _)| row) {
        starts[rater as usize + 1] += 1;
    }
    for rater in 0..codes {
        starts[rater + 1] += starts[rater];
    }
    let mut next = starts.clone();
    let mut units = vec![0; starts[codes]];
    for (unit, (row, _)) in (0..).zip(rows.iter()) {
        for &(rater, _) in row {
            units[next[rater as usize]] = unit;
            next[rater as usize] += 1;
        }
    }
    (starts, units)
}
