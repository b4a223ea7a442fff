use std::fmt;

use super::rows::{Row, Rows};
use crate::agreement::Ratings;

/// Numbers that raters gave to items: a matrix of items by raters in which any cell may be missing.
///
/// Only what was given is stored, so a thousand raters with a few items each cost no more than their ratings. Items with the same numbers
/// by the same raters are kept once, with their count.
#[derive(Debug, Clone)]
pub struct Scores {
    /// The distinct values in ascending order; cells hold places in it.
    pub(super) values: Vec<f64>,
    pub(super) rows: Rows,
    /// The raters who gave a number, ascending.
    pub(super) raters: Vec<u32>,
    dropped: Dropped,
}

/// What was left out when ratings became numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Ratings whose label has no value.
    pub ratings_without_value: u64,
    /// Items that are left without any number.
    pub items_without_value: u64,
}

/// Why labels are not numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScoresError {
    /// There is one value, or none, per label code.
    LengthsDiffer { values: usize, n_labels: usize },
    /// Values are 0 or between 1e-100 and 1e100 in size, so that no square leaves the range of numbers.
    ValueOutOfRange { label: usize, value: f64 },
    /// Items are numbered in 32 bits.
    TooManyItems { items: usize },
}

impl fmt::Display for ScoresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LengthsDiffer { values, n_labels } => write!(f, "{values} values for {n_labels} labels"),
            Self::ValueOutOfRange { label, value } => {
                write!(f, "label code {label}: value {value}, but values must be 0 or from 1e-100 to 1e100 in size")
            }
            Self::TooManyItems { items } => write!(f, "{items} items, but at most {} can be compared", u32::MAX),
        }
    }
}

impl std::error::Error for ScoresError {}

impl Scores {
    /// The numbers behind `ratings`: `values` holds for each label code what it stands for, `None` being a missing rating.
    ///
    /// # Errors
    /// When there are not as many values as label codes, a value is no number or out of range, or there are 2³² items or more.
    pub fn new(ratings: &Ratings, values: &[Option<f64>]) -> Result<Self, ScoresError> {
        if values.len() != ratings.n_labels() {
            return Err(ScoresError::LengthsDiffer { values: values.len(), n_labels: ratings.n_labels() });
        }
        for (label, value) in values.iter().enumerate().filter_map(|(label, value)| Some((label, (*value)?))) {
            if value != 0.0 && !(1e-100..=1e100).contains(&value.abs()) {
                return Err(ScoresError::ValueOutOfRange { label, value });
            }
        }
        let items = ratings.items().len();
        if u32::try_from(items).is_err() {
            return Err(ScoresError::TooManyItems { items });
        }
        let (distinct, codes) = code_values(values);
        let mut dropped = Dropped::default();
        let (mut offsets, mut cells) = (vec![0], Vec::new());
        for row in ratings.items() {
            let before = cells.len();
            cells.extend(row.iter().filter_map(|&(rater, label)| Some((rater, codes[label as usize]?))));
            dropped.ratings_without_value += (before + row.len() - cells.len()) as u64;
            dropped.items_without_value += u64::from(cells.len() == before);
            offsets.push(cells.len());
        }
        let rows = offsets.windows(2).map(|bounds| (&cells[bounds[0]..bounds[1]], 1)).collect();
        Ok(Self::of_rows(distinct, rows, dropped))
    }

    /// Only what these raters said: `[a, b]` makes every measure one of the pair a, b.
    pub fn of_raters(&self, raters: &[u32]) -> Self {
        let (mut offsets, mut cells) = (vec![0], Vec::new());
        for (row, _) in self.rows.iter() {
            cells.extend(row.iter().filter(|(rater, _)| raters.contains(rater)));
            offsets.push(cells.len());
        }
        let kept = offsets.windows(2).map(|bounds| &cells[bounds[0]..bounds[1]]);
        let rows = kept.zip(self.rows.items().iter().copied()).collect();
        Self::of_rows(self.values.clone(), rows, self.dropped)
    }

    fn of_rows(values: Vec<f64>, mut rows: Vec<(&Row, u64)>, dropped: Dropped) -> Self {
        rows.retain(|(row, _)| !row.is_empty());
        let rows = Rows::count(rows);
        let mut raters: Vec<u32> = Vec::new();
        for (row, _) in rows.iter() {
            raters.extend(row.iter().map(|&(rater, _)| rater));
            if raters.len() > 1 << 20 {
                raters.sort_unstable();
                raters.dedup();
            }
        }
        raters.sort_unstable();
        raters.dedup();
        Self { values, rows, raters, dropped }
    }

    /// The codes of the raters who gave a number, ascending.
    pub fn raters(&self) -> &[u32] {
        &self.raters
    }

    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Deviations of this size are rounding, not differences between ratings.
    pub(super) fn noise(&self) -> f64 {
        let given = self.rows.iter().flat_map(|(row, _)| row).map(|&(_, value)| self.values[value as usize]);
        let largest = given.fold(0.0, |largest: f64, value| largest.max(value.abs()));
        8.0 * f64::EPSILON * largest
    }
}

/// The distinct values in ascending order, and for each label the place of its value.
fn code_values(values: &[Option<f64>]) -> (Vec<f64>, Vec<Option<u32>>) {
    // Adding 0 makes -0 a 0.
    let mut distinct: Vec<f64> = values.iter().flatten().map(|value| value + 0.0).collect();
    distinct.sort_unstable_by(f64::total_cmp);
    distinct.dedup();
    let place = |value: f64| distinct.partition_point(|&known| known < value) as u32;
    let codes = values.iter().map(|value| value.map(place)).collect();
    (distinct, codes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn ratings() -> Ratings {
        Ratings::new(vec![0, 2, 4, 5, 5, 7], &[0, 1, 0, 1, 2, 1, 0], &[0, 1, 1, 0, 2, 1, 3], 3, 4).unwrap()
    }

    #[test]
    fn labels_of_equal_value_are_one_and_labels_without_value_are_missing() {
        let scores = Scores::new(&ratings(), &[Some(2.5), Some(-0.0), None, Some(0.0)]).unwrap();
        assert_eq!(scores.values, [0.0, 2.5]);
        let rows: Vec<_> = scores.rows.iter().collect();
        assert_eq!(rows, [(&[(0, 0), (1, 0)][..], 1), (&[(0, 0), (1, 1)][..], 1), (&[(0, 1), (1, 0)][..], 1)]);
        assert_eq!(scores.raters(), [0, 1]);
        assert_eq!(scores.dropped(), Dropped { ratings_without_value: 1, items_without_value: 2 });
        assert_eq!(scores.of_raters(&[1]).rows.iter().collect::<Vec<_>>(), [(&[(1, 0)][..], 2), (&[(1, 1)][..], 1)]);
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_place() {
        let error = |values: &[Option<f64>]| Scores::new(&ratings(), values).unwrap_err();
        assert_eq!(error(&[None]), ScoresError::LengthsDiffer { values: 1, n_labels: 4 });
        for value in [f64::INFINITY, -1e101, 1e-101] {
            assert_eq!(error(&[None, None, Some(value), None]), ScoresError::ValueOutOfRange { label: 2, value });
        }
        assert!(error(&[None, Some(f64::NAN), None, None]).to_string().contains("label code 1: value NaN"));
    }
}
