//! How far each distinct set is from all ratings together: the sums behind expected disagreement.
//!
//! Disjoint sets are at distance 1, so only sets that share an element need a look. With up to 64 elements a set is a word and all
//! pairs of sets are compared; with more, the sets that share an element are found through lists of sets by element.

use super::distance::SetDistance;
use super::facts::SetFacts;
use crate::estimate::Undefined;
use crate::sum::order_free_sum;

/// Comparisons of two sets (or steps through the lists of sets by element) that are still done: a little over a minute on one
/// core. 100,000 distinct sets over 40 elements take 10^10 and some 40 s, over 1000 elements 4 · 10^8 and some 3 s.
const MOST_STEPS: u64 = 1 << 34;

/// Pairs of overlapping sets that are kept in memory, at 12 bytes each.
const MOST_PAIRS: usize = 1 << 24;

/// By distinct set k: Σₗ nₗ d(k, l) over the ratings of all sets l.
///
/// Exact whole numbers are counted for each (shared elements, size) before distances come in, so the order of sets changes no bit.
pub(super) fn distances_to_all(facts: &SetFacts, distance: SetDistance) -> Result<Vec<f64>, Undefined> {
    let ratings: u64 = facts.counts.iter().sum();
    if distance == SetDistance::Nominal {
        return Ok(facts.counts.iter().map(|&count| (ratings - count) as f64).collect());
    }
    let sets = &facts.sets;
    let mut neighbours = Neighbours::new(facts)?;
    let size_of: Vec<usize> = (0..sets.len()).map(|set| sets.get(set).len()).collect();
    let sizes = 1 + size_of.iter().max().copied().unwrap_or(0);
    let mut by_kind: Vec<u64> = Vec::new();
    Ok((0..sets.len())
        .map(|set| {
            let size = size_of[set];
            by_kind.clear();
            by_kind.resize((size + 1) * sizes, 0);
            let mut near = 0;
            neighbours.visit(set, |other, shared| {
                near += facts.counts[other];
                by_kind[shared * sizes + size_of[other]] += facts.counts[other];
            });
            let kinds = by_kind.iter().enumerate().filter(|&(_, &n)| n > 0);
            let terms = kinds.map(|(kind, &n)| n as f64 * distance.between(kind / sizes, size, kind % sizes));
            order_free_sum(terms.chain([(ratings - near) as f64]))
        })
        .collect())
}

/// The similarities 1 - d of each set to itself and to later overlapping sets, kept for counting anew.
#[derive(Debug, Clone)]
pub(super) struct Similarities {
    offsets: Vec<usize>,
    others: Vec<u32>,
    values: Vec<f64>,
}

impl Similarities {
    pub(super) fn new(facts: &SetFacts, distance: SetDistance) -> Result<Self, Undefined> {
        let sets = &facts.sets;
        let mut kept = Self { offsets: vec![0], others: Vec::new(), values: Vec::new() };
        let mut neighbours = (distance != SetDistance::Nominal).then(|| Neighbours::new(facts)).transpose()?;
        for set in 0..sets.len() {
            let mut row: Vec<(u32, f64)> = vec![(set as u32, 1.0)];
            if let Some(neighbours) = &mut neighbours {
                neighbours.visit(set, |other, shared| {
                    if other > set {
                        let apart = distance.between(shared, sets.get(set).len(), sets.get(other).len());
                        row.push((other as u32, 1.0 - apart));
                    }
                });
            }
            row.sort_unstable_by_key(|&(other, _)| other);
            if kept.others.len() + row.len() > MOST_PAIRS {
                return Err(Undefined::TooManyDistinctSets);
            }
            kept.others.extend(row.iter().map(|&(other, _)| other));
            kept.values.extend(row.iter().map(|&(_, value)| value));
            kept.offsets.push(kept.others.len());
        }
        Ok(kept)
    }

    /// By set k: Σₗ nₗ s(k, l).
    pub(super) fn times(&self, counts: &[u64]) -> Vec<f64> {
        let mut sums = vec![0.0; counts.len()];
        for set in 0..counts.len() {
            for place in self.offsets[set]..self.offsets[set + 1] {
                let other = self.others[place] as usize;
                sums[set] += self.values[place] * counts[other] as f64;
                if other != set {
                    sums[other] += self.values[place] * counts[set] as f64;
                }
            }
        }
        sums
    }

    /// s(k, l).
    pub(super) fn of(&self, a: u32, b: u32) -> f64 {
        let (first, second) = (a.min(b) as usize, a.max(b));
        let row = self.offsets[first]..self.offsets[first + 1];
        self.others[row.clone()].binary_search(&second).map_or(0.0, |place| self.values[row.start + place])
    }
}

/// Finds the sets that overlap with one, and how many elements they share.
struct Neighbours<'a> {
    facts: &'a SetFacts,
    index: Index,
}

enum Index {
    /// By set its elements as the bits of a word.
    Words(Vec<u64>),
    /// By element the sets that hold it; and for the sets met on a visit how many elements they share.
    Lists { holders: Vec<Vec<u32>>, shared: Vec<usize>, met: Vec<u32> },
}

impl<'a> Neighbours<'a> {
    fn new(facts: &'a SetFacts) -> Result<Self, Undefined> {
        let sets = &facts.sets;
        let (index, steps) = if sets.n_elements() <= 64 {
            let word = |set| sets.get(set).iter().fold(0_u64, |word, &element| word | 1 << element);
            (Index::Words((0..sets.len()).map(word).collect()), (sets.len() as u64).pow(2))
        } else {
            let mut holders: Vec<Vec<u32>> = vec![Vec::new(); sets.n_elements()];
            for set in 0..sets.len() {
                sets.get(set).iter().for_each(|&element| holders[element as usize].push(set as u32));
            }
            let steps = holders.iter().map(|sets| (sets.len() as u64).pow(2)).sum();
            (Index::Lists { holders, shared: vec![0; sets.len()], met: Vec::new() }, steps)
        };
        if steps > MOST_STEPS { Err(Undefined::TooManyDistinctSets) } else { Ok(Self { facts, index }) }
    }

    /// Calls `seen` with each set that shares an element with `set` and how many, and with the set itself even if it is empty.
    fn visit(&mut self, set: usize, mut seen: impl FnMut(usize, usize)) {
        let elements = self.facts.sets.get(set);
        if elements.is_empty() {
            return seen(set, 0);
        }
        match &mut self.index {
            Index::Words(words) => {
                for (other, word) in words.iter().enumerate() {
                    let shared = word & words[set];
                    if shared != 0 {
                        seen(other, shared.count_ones() as usize);
                    }
                }
            }
            Index::Lists { holders, shared, met } => {
                for &other in elements.iter().flat_map(|&element| &holders[element as usize]) {
                    if shared[other as usize] == 0 {
                        met.push(other);
                    }
                    shared[other as usize] += 1;
                }
                for other in met.drain(..) {
                    seen(other as usize, std::mem::take(&mut shared[other as usize]));
                }
            }
        }
    }
}
