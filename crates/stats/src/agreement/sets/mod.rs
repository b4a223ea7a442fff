//! Agreement on labels that are sets, for example several categories chosen for one item.
//!
//! | figure | function | source |
//! | --- | --- | --- |
//! | alpha with a distance between sets | [`krippendorff_alpha_sets`] | Krippendorff (2011), Passonneau (2006) |
//! | alpha of each element, and their mean | [`krippendorff_alpha_per_label`] | alpha of "in the set or not" |
//!
//! Both count items with at least two ratings. Ratings are condensed into counts of distinct sets ([`SetFacts`]), so that the work
//! depends on how many different sets occur and not on how many ratings there are.

mod alpha;
mod distance;
mod elements;
mod expected;
mod facts;
mod linearised;

use std::fmt;

pub use alpha::{SetAlpha, krippendorff_alpha_sets};
pub use distance::SetDistance;
pub use elements::{ElementAlpha, ElementAlphas, PerLabelAlpha, krippendorff_alpha_per_label};
pub use facts::{EmptySets, SetFacts};

/// The set of element codes behind each label code: label `k` owns the positions `offsets[k]..offsets[k + 1]` of the elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSets {
    offsets: Vec<usize>,
    /// Ascending within each set, each once.
    elements: Vec<u32>,
    n_elements: usize,
}

/// Why arrays are not sets of elements, or do not fit the ratings. Positions count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelSetsError {
    /// Offsets start at 0, never descend, and end at the number of elements.
    BadOffsets { position: usize },
    /// Element codes are below the number of elements.
    ElementOutOfRange { position: usize, element: u32, n_elements: usize },
    /// The ratings can hold more label codes than there are sets.
    LabelWithoutSet { n_labels: usize, n_sets: usize },
}

impl fmt::Display for LabelSetsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BadOffsets { position } => {
                write!(f, "offset {position}: offsets must start at 0, ascend and end at the number of elements")
            }
            Self::ElementOutOfRange { position, element, n_elements } => {
                write!(f, "position {position}: element code {element}, but there are {n_elements} elements")
            }
            Self::LabelWithoutSet { n_labels, n_sets } => {
                write!(f, "the ratings have {n_labels} labels, but only {n_sets} sets are given")
            }
        }
    }
}

impl std::error::Error for LabelSetsError {}

impl LabelSets {
    /// Elements may be in any order within a set; a repeated element counts once. Several labels may have the same set.
    ///
    /// # Errors
    /// When offsets or codes do not fit.
    pub fn new(offsets: &[usize], elements: &[u32], n_elements: usize) -> Result<Self, LabelSetsError> {
        check_offsets(offsets, elements.len())?;
        if let Some(position) = elements.iter().position(|&element| element as usize >= n_elements) {
            return Err(LabelSetsError::ElementOutOfRange { position, element: elements[position], n_elements });
        }
        let mut sets = Self { offsets: vec![0], elements: Vec::with_capacity(elements.len()), n_elements };
        for bounds in offsets.windows(2) {
            let mut set = elements[bounds[0]..bounds[1]].to_vec();
            set.sort_unstable();
            set.dedup();
            sets.push(&set);
        }
        Ok(sets)
    }

    fn none(n_elements: usize) -> Self {
        Self { offsets: vec![0], elements: Vec::new(), n_elements }
    }

    /// Adds a set whose elements ascend.
    fn push(&mut self, set: &[u32]) {
        self.elements.extend_from_slice(set);
        self.offsets.push(self.elements.len());
    }

    /// How many sets there are.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn n_elements(&self) -> usize {
        self.n_elements
    }

    /// The elements of set `label`, ascending.
    pub fn get(&self, label: usize) -> &[u32] {
        &self.elements[self.offsets[label]..self.offsets[label + 1]]
    }
}

fn check_offsets(offsets: &[usize], elements: usize) -> Result<(), LabelSetsError> {
    if offsets.first() != Some(&0) {
        return Err(LabelSetsError::BadOffsets { position: 0 });
    }
    if let Some(place) = offsets.windows(2).position(|two| two[0] > two[1]) {
        return Err(LabelSetsError::BadOffsets { position: place + 1 });
    }
    match offsets.last() {
        Some(&end) if end == elements => Ok(()),
        _ => Err(LabelSetsError::BadOffsets { position: offsets.len() - 1 }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn sets_are_sorted_and_hold_each_element_once() {
        let sets = LabelSets::new(&[0, 3, 3, 4], &[2, 0, 2, 1], 3).unwrap();
        assert_eq!((sets.get(0), sets.get(1), sets.get(2)), (&[0, 2][..], &[][..], &[1][..]));
        assert_eq!((sets.len(), sets.n_elements(), sets.is_empty()), (3, 3, false));
    }

    #[test]
    fn arrays_that_do_not_fit_are_refused_with_their_place() {
        let error = |offsets: &[usize], elements: &[u32]| LabelSets::new(offsets, elements, 2).unwrap_err();
        assert_eq!(error(&[], &[]), LabelSetsError::BadOffsets { position: 0 });
        assert_eq!(error(&[0, 2, 1], &[0]), LabelSetsError::BadOffsets { position: 2 });
        assert_eq!(error(&[0, 2], &[0]), LabelSetsError::BadOffsets { position: 1 });
        assert_eq!(
            error(&[0, 2], &[1, 2]),
            LabelSetsError::ElementOutOfRange { position: 1, element: 2, n_elements: 2 }
        );
    }
}
