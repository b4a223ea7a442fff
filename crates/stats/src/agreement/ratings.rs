use std::fmt;
use std::ops::Range;

/// Ratings sorted by item: item `i` owns the positions `offsets[i]..offsets[i + 1]` of raters and labels.
///
/// Raters and labels are codes below `n_raters` and `n_labels`; a rater rates an item at most once. Items may have no rating.
#[derive(Debug, Clone)]
pub struct Ratings {
    pub(super) offsets: Vec<usize>,
    /// (rater, label), sorted within each item.
    pub(super) cells: Vec<(u32, u32)>,
    pub(super) n_raters: usize,
    pub(super) n_labels: usize,
}

impl Default for Ratings {
    /// No items.
    fn default() -> Self {
        Self { offsets: vec![0], cells: Vec::new(), n_raters: 0, n_labels: 0 }
    }
}

/// Why arrays are not ratings. Items and positions count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatingsError {
    /// There are as many raters as labels.
    LengthsDiffer {
        raters: usize,
        labels: usize,
    },
    /// Offsets start at 0, never descend, and end at the number of ratings.
    BadOffsets {
        position: usize,
    },
    RaterOutOfRange {
        position: usize,
        rater: u32,
        n_raters: usize,
    },
    LabelOutOfRange {
        position: usize,
        label: u32,
        n_labels: usize,
    },
    RepeatedRater {
        item: usize,
        rater: u32,
    },
}

impl fmt::Display for RatingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LengthsDiffer { raters, labels } => write!(f, "{raters} rater codes but {labels} label codes"),
            Self::BadOffsets { position } => {
                write!(f, "offset {position}: offsets must start at 0, ascend and end at the number of ratings")
            }
            Self::RaterOutOfRange { position, rater, n_raters } => {
                write!(f, "rating {position}: rater code {rater}, but there are {n_raters} raters")
            }
            Self::LabelOutOfRange { position, label, n_labels } => {
                write!(f, "rating {position}: label code {label}, but there are {n_labels} labels")
            }
            Self::RepeatedRater { item, rater } => {
                write!(f, "item {item}: rater {rater} occurs twice; decide which rating counts first")
            }
        }
    }
}

impl std::error::Error for RatingsError {}

impl Ratings {
    /// # Errors
    /// When lengths, offsets or codes do not fit, or a rater rates an item twice.
    pub fn new(
        offsets: Vec<usize>,
        raters: &[u32],
        labels: &[u32],
        n_raters: usize,
        n_labels: usize,
    ) -> Result<Self, RatingsError> {
        if raters.len() != labels.len() {
            return Err(RatingsError::LengthsDiffer { raters: raters.len(), labels: labels.len() });
        }
        let cells = raters.iter().copied().zip(labels.iter().copied()).collect();
        Self::from_cells(offsets, cells, n_raters, n_labels)
    }

    /// The same of pairs (rater, label), which are not copied.
    ///
    /// # Errors
    /// When offsets or codes do not fit, or a rater rates an item twice.
    pub fn from_cells(
        offsets: Vec<usize>,
        mut cells: Vec<(u32, u32)>,
        n_raters: usize,
        n_labels: usize,
    ) -> Result<Self, RatingsError> {
        check_offsets(&offsets, cells.len())?;
        for (position, &(rater, label)) in cells.iter().enumerate() {
            if rater as usize >= n_raters {
                return Err(RatingsError::RaterOutOfRange { position, rater, n_raters });
            }
            if label as usize >= n_labels {
                return Err(RatingsError::LabelOutOfRange { position, label, n_labels });
            }
        }
        for (item, bounds) in offsets.windows(2).enumerate() {
            let cells = &mut cells[bounds[0]..bounds[1]];
            cells.sort_unstable();
            if let Some(twice) = cells.windows(2).find(|two| two[0].0 == two[1].0) {
                return Err(RatingsError::RepeatedRater { item, rater: twice[0].0 });
            }
        }
        Ok(Self { offsets, cells, n_raters, n_labels })
    }
}

impl Ratings {
    pub fn n_items(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn n_ratings(&self) -> usize {
        self.cells.len()
    }

    pub fn n_raters(&self) -> usize {
        self.n_raters
    }

    pub fn n_labels(&self) -> usize {
        self.n_labels
    }

    /// The (rater, label) codes of each item, ascending by rater.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &[(u32, u32)]> {
        self.items_in(0..self.n_items())
    }

    /// The answers of an item, ascending by rater.
    pub(crate) fn item(&self, item: usize) -> &[(u32, u32)] {
        &self.cells[self.offsets[item]..self.offsets[item + 1]]
    }

    /// The answers of these items, by their places.
    pub(crate) fn items_in(&self, items: Range<usize>) -> impl ExactSizeIterator<Item = &[(u32, u32)]> {
        self.offsets[items.start..=items.end].windows(2).map(|bounds| &self.cells[bounds[0]..bounds[1]])
    }
}

fn check_offsets(offsets: &[usize], ratings: usize) -> Result<(), RatingsError> {
    if offsets.first() != Some(&0) {
        return Err(RatingsError::BadOffsets { position: 0 });
    }
    if let Some(before) = offsets.windows(2).position(|two| two[0] > two[1]) {
        return Err(RatingsError::BadOffsets { position: before + 1 });
    }
    if offsets.last() != Some(&ratings) {
        return Err(RatingsError::BadOffsets { position: offsets.len() - 1 });
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn error(offsets: &[usize], raters: &[u32], labels: &[u32]) -> RatingsError {
        Ratings::new(offsets.to_vec(), raters, labels, 2, 2).unwrap_err()
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_place() {
        assert_eq!(error(&[0, 1], &[0], &[]), RatingsError::LengthsDiffer { raters: 1, labels: 0 });
        assert_eq!(error(&[], &[], &[]), RatingsError::BadOffsets { position: 0 });
        assert_eq!(error(&[1], &[0], &[0]), RatingsError::BadOffsets { position: 0 });
        assert_eq!(error(&[0, 2, 1], &[0], &[0]), RatingsError::BadOffsets { position: 2 });
        assert_eq!(error(&[0, 2], &[0], &[0]), RatingsError::BadOffsets { position: 1 });
        assert_eq!(error(&[0, 1], &[2], &[0]), RatingsError::RaterOutOfRange { position: 0, rater: 2, n_raters: 2 });
        assert_eq!(error(&[0, 1], &[1], &[9]), RatingsError::LabelOutOfRange { position: 0, label: 9, n_labels: 2 });
        let repeated = error(&[0, 1, 3], &[0, 1, 1], &[0, 0, 1]);
        assert_eq!(repeated, RatingsError::RepeatedRater { item: 1, rater: 1 });
        assert!(repeated.to_string().contains("item 1: rater 1 occurs twice"));
    }

    #[test]
    fn no_items_and_items_without_ratings_are_fine() {
        assert!(Ratings::new(vec![0], &[], &[], 0, 0).is_ok());
        assert!(Ratings::new(vec![0, 0, 1, 1], &[0], &[1], 1, 2).is_ok());
    }
}
