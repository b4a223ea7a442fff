use super::scores::Scores;
use crate::estimate::{Sample, Undefined};

/// The items that every rater of the scores rated: a full matrix, for measures that compare all raters at once.
///
/// An item that misses a single rating is left out whole (listwise deletion), as pingouin's `nan_policy="omit"` does.
#[derive(Debug, Clone)]
pub struct Complete {
    pub(super) n_raters: usize,
    /// Row by row a place in `values` for each rater; rows are distinct and in ascending order.
    pub(super) cells: Vec<u32>,
    /// By row, how many items show it.
    pub(super) items: Vec<u64>,
    pub(super) values: Vec<f64>,
    pub(super) noise: f64,
    incomplete_items: u64,
}

impl Complete {
    pub fn new(scores: &Scores) -> Self {
        let n_raters = scores.raters.len();
        let (mut cells, mut items, mut incomplete_items) = (Vec::new(), Vec::new(), 0);
        for (row, n) in scores.rows.iter() {
            if row.len() == n_raters {
                cells.extend(row.iter().map(|&(_, value)| value));
                items.push(n);
            } else {
                incomplete_items += n;
            }
        }
        Self { n_raters, cells, items, values: scores.values.clone(), noise: scores.noise(), incomplete_items }
    }

    /// Items with a number from some of the raters but not from all.
    pub fn incomplete_items(&self) -> u64 {
        self.incomplete_items
    }

    pub fn sample(&self) -> Sample {
        let items: u64 = self.items.iter().sum();
        Sample { items, ratings: items * self.n_raters as u64, raters: self.n_raters as u64 }
    }

    /// The value codes of each rater in turn.
    pub(super) fn columns(&self) -> impl Iterator<Item = impl Iterator<Item = u32>> {
        (0..self.n_raters).map(|rater| self.cells.iter().skip(rater).step_by(self.n_raters).copied())
    }

    /// What makes every comparison of all raters impossible, in the order in which it is looked at.
    pub(super) fn check(&self) -> Result<(), Undefined> {
        match (self.n_raters, self.sample().items) {
            (0, _) => Err(Undefined::NoRatings),
            (1, _) => Err(Undefined::OneRater),
            (_, 0) => Err(Undefined::NoCompleteItems),
            (_, 1) => Err(Undefined::OneItem),
            _ => Ok(()),
        }
    }
}
