//! Why chance-corrected agreement can be low where raters mostly agree: skewed labels, raters with different habits, few items.
//!
//! Feinstein and Cicchetti (1990) describe the paradoxes, Byrt, Bishop and Carlin (1993) the indices for two raters and two labels.
//! The generalisations here reduce to theirs.

mod explain;
mod pair;

use std::collections::BTreeMap;

pub use explain::{
    Explanation, HIGH_AGREEMENT, LOW_CHANCE_CORRECTED, Names, Reason, SHIFTED, SIGNIFICANT_SHIFT, SKEWED, explain,
};
pub(super) use pair::pabak_of_counts;
pub use pair::{PairParadox, TwoByTwo, by_pair_paradox};

use super::facts::Facts;
use crate::estimate::Undefined;
use crate::parallel::Threads;
use crate::sum::order_free_sum;

/// How evenly labels are used, and how far raters differ in their use, over items with at least two ratings.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// The labels that occur, by their code, with their share of all ratings.
    pub label_shares: Vec<(u32, f64)>,
    /// √((q Σ πₖ² - 1) / (q - 1)) for q labels with shares π: 0 when all occur equally often, 1 when only one does. With two labels
    /// it is |π₁ - π₂|, the prevalence index of Byrt, Bishop and Carlin. None with one label.
    pub prevalence_index: Option<f64>,
    /// Entropy of the shares by that of equal ones: 1 is even, 0 one label. None with one label.
    pub normalised_entropy: Option<f64>,
    /// The mean of the raters' shifts, weighed by their items. With two raters and two labels it is the bias index of Byrt, Bishop and
    /// Carlin. Chance alone makes it positive: look at the raters' significance, too.
    pub bias_index: f64,
    /// Raters who share an item with another, in ascending order of their codes.
    pub raters: Vec<RaterShift>,
}

/// How a rater's use of labels differs from that of the others on the same items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RaterShift {
    pub rater: u32,
    /// Items shared with at least one other.
    pub items: u64,
    /// Half the sum of the absolute differences of shares: the share of ratings that would have to change.
    pub shift: f64,
    /// The label whose share differs most, and the rater's share minus that of the others.
    pub label: u32,
    pub difference: f64,
    /// The difference by its standard error after McNemar (1947), taking no more comparisons than the rater has items. None when the
    /// standard error is 0: the rater and the others never differ on the label, or always in the same way.
    pub z: Option<f64>,
}

impl Diagnosis {
    /// The label given most often, with its share.
    pub fn most_frequent(&self) -> (u32, f64) {
        self.extreme(|share, best| share > best)
    }

    /// The label given least often of those that occur, with its share.
    pub fn rarest(&self) -> (u32, f64) {
        self.extreme(|share, best| share < best)
    }

    fn extreme(&self, better: impl Fn(f64, f64) -> bool) -> (u32, f64) {
        let mut labels = self.label_shares.iter().copied();
        let first = labels.next().unwrap_or((0, 1.0));
        labels.fold(first, |best, next| if better(next.1, best.1) { next } else { best })
    }
}

/// The balance of labels and the habits of raters behind a chance-corrected figure of nominal labels.
///
/// # Errors
/// `no_ratings`, `one_rater`, `no_pairable_items`.
pub fn diagnose(facts: &Facts, threads: Threads) -> Result<Diagnosis, Undefined> {
    facts.check_pairable()?;
    let counts = facts.pairable_label_counts();
    let total: u64 = counts.iter().sum();
    let used = (0_u32..).zip(&counts).filter(|&(_, &n)| n > 0);
    let label_shares: Vec<(u32, f64)> = used.map(|(label, &n)| (label, n as f64 / total as f64)).collect();
    let shares: Vec<f64> = label_shares.iter().map(|&(_, share)| share).collect();
    let raters = rater_shifts(facts, threads);
    let items: u64 = raters.iter().map(|rater| rater.items).sum();
    let bias_index = order_free_sum(raters.iter().map(|rater| rater.items as f64 * rater.shift)) / items as f64;
    Ok(Diagnosis {
        prevalence_index: prevalence_index(&shares, shares.len()),
        normalised_entropy: normalised_entropy(&shares),
        label_shares,
        bias_index,
        raters,
    })
}

/// Of shares of `labels` labels, some of which may be 0.
fn prevalence_index(shares: &[f64], labels: usize) -> Option<f64> {
    let q = labels as f64;
    let squares = order_free_sum(shares.iter().map(|share| share * share));
    (labels >= 2).then(|| ((q * squares - 1.0) / (q - 1.0)).max(0.0).sqrt())
}

fn normalised_entropy(shares: &[f64]) -> Option<f64> {
    let entropy = -order_free_sum(shares.iter().map(|share| share * share.ln()));
    (shares.len() >= 2).then(|| entropy / (shares.len() as f64).ln())
}

/// Label counts of a rater and of the raters compared with, over all comparisons; by label how often both had it.
#[derive(Debug, Clone, Default)]
struct Habits {
    comparisons: u64,
    labels: BTreeMap<u32, LabelUse>,
}

#[derive(Debug, Clone, Copy, Default)]
struct LabelUse {
    own: u64,
    others: u64,
    both: u64,
}

impl Habits {
    fn add(&mut self, own: u32, other: u32, items: u64) {
        self.comparisons += items;
        self.labels.entry(own).or_default().own += items;
        self.labels.entry(other).or_default().others += items;
        if own == other {
            self.labels.entry(own).or_default().both += items;
        }
    }

    /// Half the sum of the absolute differences of shares.
    fn shift(&self) -> f64 {
        let apart: u64 = self.labels.values().map(|label| label.own.abs_diff(label.others)).sum();
        apart as f64 / (2 * self.comparisons) as f64
    }
}

fn rater_shifts(facts: &Facts, threads: Threads) -> Vec<RaterShift> {
    let mut habits = vec![Habits::default(); facts.ratings().n_raters()];
    for ((rater, other), cells) in facts.pairs(threads).iter() {
        for cell in cells {
            habits[rater as usize].add(cell.label, cell.other, cell.items);
            habits[other as usize].add(cell.other, cell.label, cell.items);
        }
    }
    let mut items = vec![0_u64; habits.len()];
    for (answers, _) in facts.pairable_items() {
        answers.iter().for_each(|&(rater, _)| items[rater as usize] += 1);
    }
    let shared = (0_u32..).zip(habits).zip(items).filter(|&(_, items)| items > 0);
    shared.map(|((rater, habits), items)| of_rater(rater, &habits, items)).collect()
}

fn of_rater(rater: u32, habits: &Habits, items: u64) -> RaterShift {
    // The first of equals, so that names do not matter more than they must.
    let apart = |label: &LabelUse| label.own.abs_diff(label.others);
    let largest = habits.labels.values().map(apart).max().unwrap_or(0);
    let most = habits.labels.iter().find(|(_, label)| apart(label) == largest);
    let (label, most) = most.map_or((0, LabelUse::default()), |(&label, &most)| (label, most));
    let n = habits.comparisons as f64;
    let difference = (most.own as f64 - most.others as f64) / n;
    let discordant = (most.own + most.others - 2 * most.both) as f64 / n;
    let variance = (discordant - difference * difference) / items as f64;
    let z = (discordant > 0.0).then(|| difference / variance.sqrt()).filter(|z| z.is_finite());
    RaterShift { rater, items, shift: habits.shift(), label, difference, z }
}
