//! What happens to ratings of one item by one annotator.

use std::collections::{BTreeMap, BTreeSet};

use super::Repeats;
use super::labels::Labels;
use super::sort::{Rating, Sorted};

/// Rows that were left out or merged. Rows count from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resolved {
    pub rows: u64,
    pub first_row: u64,
}

/// A rating that repeats another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat {
    pub item: u32,
    pub rater: u32,
    /// From 1.
    pub row: u64,
    pub first_row: u64,
    /// Rows that repeat another, in all.
    pub rows: u64,
}

/// Leaves one rating per item and rater, or makes raters of the repeats.
///
/// # Errors
/// The first row that repeats another, if repeats are refused.
pub fn resolve(
    sorted: &mut Sorted,
    policy: Repeats,
    raters: &mut Vec<String>,
    labels: &mut Labels,
) -> Result<Resolved, Repeat> {
    if !sorted.repeats {
        return Ok(Resolved::default());
    }
    match policy {
        Repeats::Refuse => first_repeat(sorted).map_or(Ok(Resolved::default()), Err),
        Repeats::First => Ok(merge(sorted, |run| run[0], 1)),
        Repeats::Last => Ok(merge(sorted, |run| run[run.len() - 1], 0)),
        Repeats::Mean => Ok(average(sorted, labels)),
        Repeats::All => {
            as_raters(sorted, raters);
            Ok(Resolved::default())
        }
    }
}

/// The ratings of each item by each rater.
fn runs(sorted: &Sorted) -> impl Iterator<Item = (u32, &[Rating])> {
    sorted.offsets.windows(2).zip(0..).flat_map(|(bounds, item)| {
        let ratings = &sorted.ratings[bounds[0]..bounds[1]];
        ratings.chunk_by(|a, b| a.rater == b.rater).map(move |run| (item, run))
    })
}

fn first_repeat(sorted: &Sorted) -> Option<Repeat> {
    let repeats = || runs(sorted).filter(|(_, run)| run.len() > 1);
    let rows = repeats().map(|(_, run)| run.len() as u64 - 1).sum();
    repeats().min_by_key(|(_, run)| run[1].row).map(|(item, run)| Repeat {
        item,
        rater: run[0].rater,
        row: u64::from(run[1].row) + 1,
        first_row: u64::from(run[0].row) + 1,
        rows,
    })
}

/// Replaces each run by one rating; `left_out` is the place in a run of the first row that goes.
fn merge(sorted: &mut Sorted, mut choose: impl FnMut(&[Rating]) -> Rating, left_out: usize) -> Resolved {
    let mut resolved = Resolved { rows: 0, first_row: u64::MAX };
    let (mut kept, mut start) = (0, 0);
    for item in 1..sorted.offsets.len() {
        let end = sorted.offsets[item];
        while start < end {
            let rater = sorted.ratings[start].rater;
            let length = sorted.ratings[start..end].iter().take_while(|rating| rating.rater == rater).count();
            let run = &sorted.ratings[start..start + length];
            if length > 1 {
                resolved.rows += length as u64 - 1;
                resolved.first_row = resolved.first_row.min(u64::from(run[left_out].row) + 1);
            }
            let chosen = choose(run);
            sorted.ratings[kept] = chosen;
            kept += 1;
            start += length;
        }
        sorted.offsets[item] = kept;
    }
    sorted.ratings.truncate(kept);
    resolved
}

/// The mean counts where the numbers differ.
fn average(sorted: &mut Sorted, labels: &mut Labels) -> Resolved {
    let values = labels.values.clone().unwrap_or_default();
    let mut means = Vec::new();
    let choose = |run: &[Rating]| {
        let first = run[0];
        if run.iter().all(|rating| rating.label == first.label) {
            return first;
        }
        // By value, so that the order of rows has no say in the last bit.
        let mut codes: Vec<u32> = run.iter().map(|rating| rating.label).collect();
        codes.sort_unstable();
        means.push(codes.iter().map(|&code| values[code as usize]).sum::<f64>() / run.len() as f64);
        Rating { label: (values.len() + means.len() - 1) as u32, ..first }
    };
    let resolved = merge(sorted, choose, 1);
    let recode = labels.add(&means);
    for rating in &mut sorted.ratings {
        rating.label = recode[rating.label as usize];
    }
    resolved
}

/// The second rating of an item is that of another rater, and so on.
fn as_raters(sorted: &mut Sorted, raters: &mut Vec<String>) {
    let mut repeated: BTreeSet<(u32, usize)> = BTreeSet::new();
    for (_, run) in runs(sorted) {
        repeated.extend((1..run.len()).map(|repeat| (run[0].rater, repeat)));
    }
    let mut taken: BTreeSet<String> = raters.iter().cloned().collect();
    let mut codes = BTreeMap::new();
    for (rater, repeat) in repeated {
        let mut name = format!("{} ({})", raters[rater as usize], repeat + 1);
        while !taken.insert(name.clone()) {
            name.push('*');
        }
        codes.insert((rater, repeat), raters.len() as u32);
        raters.push(name);
    }
    for item in 1..sorted.offsets.len() {
        let ratings = &mut sorted.ratings[sorted.offsets[item - 1]..sorted.offsets[item]];
        for run in ratings.chunk_by_mut(|a, b| a.rater == b.rater) {
            for (repeat, rating) in run.iter_mut().enumerate() {
                rating.rater = codes.get(&(rating.rater, repeat)).copied().unwrap_or(rating.rater);
            }
        }
        ratings.sort_unstable_by_key(|rating| rating.rater);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sort::{Rows, by_item};
    use super::*;

    /// Rater 0 rates item 0 with 1, 3, 3 and item 1 once; rater 1 rates item 0 with 2 and item 1 with 1 twice.
    fn example() -> (Sorted, Vec<String>, Labels) {
        let rows =
            Rows { items: &[0, 1, 0, 0, 0, 1, 1], raters: &[0, 0, 1, 0, 0, 1, 1], labels: &[0, 1, 1, 2, 2, 0, 0] };
        let labels = Labels {
            codes: Vec::new(),
            names: ["1", "2", "3"].map(str::to_owned).to_vec(),
            values: Some(vec![1.0, 2.0, 3.0]),
            fixed: false,
        };
        (by_item(rows, 2, 1), vec!["a".into(), "b".into()], labels)
    }

    /// What is left under a policy.
    struct Left {
        resolved: Result<Resolved, Repeat>,
        cells: Vec<(u32, u32)>,
        offsets: Vec<usize>,
        raters: String,
        labels: Vec<String>,
    }

    fn left(policy: Repeats) -> Left {
        let (mut sorted, mut raters, mut labels) = example();
        let resolved = resolve(&mut sorted, policy, &mut raters, &mut labels);
        let cells = sorted.ratings.iter().map(|rating| (rating.rater, rating.label)).collect();
        Left { resolved, cells, offsets: sorted.offsets, raters: raters.join(", "), labels: labels.names }
    }

    #[test]
    fn each_policy_leaves_what_it_says() {
        let first = left(Repeats::First);
        assert_eq!(first.resolved, Ok(Resolved { rows: 3, first_row: 4 }));
        assert_eq!((first.cells, first.offsets), (vec![(0, 0), (1, 1), (0, 1), (1, 0)], vec![0, 2, 4]));
        let last = left(Repeats::Last);
        assert_eq!((last.resolved, last.cells[0]), (Ok(Resolved { rows: 3, first_row: 1 }), (0, 2)));
        let mean = left(Repeats::Mean);
        assert_eq!(mean.resolved, Ok(Resolved { rows: 3, first_row: 4 }));
        assert_eq!(mean.labels, ["1", "2", "2.3333333333333335", "3"]);
        assert_eq!(mean.cells, [(0, 2), (1, 1), (0, 1), (1, 0)]);
        let all = left(Repeats::All);
        assert_eq!((all.resolved, &all.raters[..]), (Ok(Resolved::default()), "a, b, a (2), a (3), b (2)"));
        assert_eq!(all.cells, [(0, 0), (1, 1), (2, 2), (3, 2), (0, 1), (1, 0), (4, 0)]);
        assert_eq!(all.offsets, [0, 4, 7]);
        let refused = left(Repeats::Refuse);
        assert_eq!(refused.resolved, Err(Repeat { item: 0, rater: 0, row: 4, first_row: 1, rows: 3 }));
    }
}
