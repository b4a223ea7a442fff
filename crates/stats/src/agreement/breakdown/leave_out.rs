use std::collections::BTreeMap;

use super::super::ratings::Ratings;
use crate::estimate::{Estimate, Undefined};
use crate::parallel::Threads;
use crate::sum::order_free_sum;

/// An overall figure, and what it would be without each rater.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaveOneOut {
    pub overall: Estimate,
    /// Raters with a rating, in ascending order of their codes.
    pub raters: Vec<WithoutRater>,
}

/// The figure of all ratings but one rater's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WithoutRater {
    pub rater: u32,
    pub without: Estimate,
    /// `without` - overall: above 0, the others agree better among themselves. None unless both are defined.
    pub change: Option<f64>,
}

/// Any figure with each rater left out in turn.
///
/// It costs one evaluation of `figure` for each rater, on so many threads at once; for Krippendorff's alpha of many raters
/// [`krippendorff_alpha_without_each`] is one pass. A change is part of the rater and part of the items that have too few
/// ratings without them.
pub fn leave_one_rater_out(
    ratings: &Ratings,
    threads: Threads,
    figure: impl Fn(&Ratings) -> Estimate + Sync,
) -> LeaveOneOut {
    let overall = figure(ratings);
    let active = active_raters(ratings);
    let raters = threads.map(active.len(), |place| {
        let without = figure(&ratings.without_rater(active[place]));
        let change = without.value.ok().zip(overall.value.ok()).map(|(without, all)| without - all);
        WithoutRater { rater: active[place], without, change }
    });
    LeaveOneOut { overall, raters }
}

fn active_raters(ratings: &Ratings) -> Vec<u32> {
    let mut seen = vec![false; ratings.n_raters];
    ratings.cells.iter().for_each(|&(rater, _)| seen[rater as usize] = true);
    (0_u32..).zip(seen).filter(|&(_, seen)| seen).map(|(rater, _)| rater).collect()
}

/// Krippendorff's alpha for nominal labels without each rater, by rater code: the value of
/// [`krippendorff_alpha`](super::super::krippendorff_alpha) on [`Ratings::without_rater`].
///
/// One pass over the ratings: each item is counted once with all its ratings and once without each of them, in whole numbers.
pub fn krippendorff_alpha_without_each(ratings: &Ratings) -> Vec<Result<f64, Undefined>> {
    let mut all = Counts { labels: vec![0; ratings.n_labels], ..Counts::default() };
    let mut removed = vec![Removed::default(); ratings.n_raters];
    let mut labels = Vec::new();
    for cells in ratings.items() {
        labels.clear();
        labels.extend(cells.iter().map(|&(_, label)| label));
        labels.sort_unstable();
        let with = Item::of(&labels);
        all.add(&with, &labels);
        for &(rater, own) in cells {
            removed[rater as usize].add(&with, &labels, own);
        }
    }
    let active = active_raters(ratings).len();
    let result = |removed: &Removed| {
        let others = ratings.cells.len() as u64 - removed.ratings;
        let left = active - usize::from(removed.ratings > 0);
        match (others, left) {
            (0, _) => Err(Undefined::NoRatings),
            (_, 0 | 1) => Err(Undefined::OneRater),
            _ => all.alpha_without(removed),
        }
    };
    removed.iter().map(result).collect()
}

/// One item: n ratings and the ordered pairs of them that differ.
#[derive(Debug, Clone, Copy)]
struct Item {
    ratings: u64,
    differing: u64,
}

impl Item {
    /// `labels` are sorted.
    fn of(labels: &[u32]) -> Self {
        let ratings = labels.len() as u64;
        let equal: u64 = labels.chunk_by(|a, b| a == b).map(|same| (same.len() as u64).pow(2)).sum();
        Self { ratings, differing: ratings.pow(2) - equal }
    }
}

/// The sums of alpha over pairable items, in whole numbers: differing pairs by n - 1, and ratings by label.
#[derive(Debug, Default)]
struct Counts {
    differing: BTreeMap<u64, i128>,
    labels: Vec<u64>,
}

/// What the sums lose when a rater leaves.
#[derive(Debug, Clone, Default)]
struct Removed {
    ratings: u64,
    differing: BTreeMap<u64, i128>,
    labels: BTreeMap<u32, u64>,
}

impl Counts {
    fn add(&mut self, item: &Item, labels: &[u32]) {
        if item.ratings >= 2 {
            *self.differing.entry(item.ratings - 1).or_default() += i128::from(item.differing);
            labels.iter().for_each(|&label| self.labels[label as usize] += 1);
        }
    }

    fn alpha_without(&self, removed: &Removed) -> Result<f64, Undefined> {
        let lost = |label: usize| removed.labels.get(&(label as u32)).copied().unwrap_or(0);
        let left = self.labels.iter().enumerate().map(|(label, &n)| u128::from(n - lost(label)));
        let (total, squares) = left.fold((0, 0), |(total, squares), n| (total + n, squares + n * n));
        if total == 0 {
            return Err(Undefined::NoPairableItems);
        }
        let expected = total * total - squares;
        if expected == 0 {
            return Err(Undefined::SingleCategory);
        }
        let fractions = self.differing.iter().map(|(others, &pairs)| {
            (pairs - removed.differing.get(others).copied().unwrap_or(0)) as f64 / *others as f64
        });
        // Without the rater items have fewer ratings: one less than any number before can be new.
        let new = removed.differing.iter().filter(|(others, _)| !self.differing.contains_key(others));
        let new = new.map(|(others, &pairs)| -pairs as f64 / *others as f64);
        let disagreement = order_free_sum(fractions.chain(new));
        Ok(1.0 - (total - 1) as f64 * disagreement / expected as f64)
    }
}

impl Removed {
    fn add(&mut self, with: &Item, labels: &[u32], own: u32) {
        self.ratings += 1;
        if with.ratings < 2 {
            return;
        }
        *self.differing.entry(with.ratings - 1).or_default() += i128::from(with.differing);
        if with.ratings == 2 {
            // The other rating is alone now.
            labels.iter().for_each(|&label| *self.labels.entry(label).or_default() += 1);
            return;
        }
        let same = labels.iter().filter(|&&label| label == own).count() as u64;
        let differing = with.differing - 2 * (with.ratings - same);
        *self.differing.entry(with.ratings - 2).or_default() -= i128::from(differing);
        *self.labels.entry(own).or_default() += 1;
    }
}
