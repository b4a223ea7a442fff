use super::facts::Facts;
use crate::estimate::{Estimate, Method};
use crate::interval::{self, Interval};
use crate::sum::FractionSum;

/// Percent agreement: the mean over items with at least two ratings of the share of the item's rater pairs who agree.
///
/// The interval is that of a mean over items. For two raters it is irrCAC's `pa2` with n - 1 in place of n in the variance.
pub fn percent_agreement(facts: &Facts) -> Estimate {
    let sample = facts.pairable_sample();
    if let Err(reason) = facts.check_pairable() {
        return Estimate::undefined(reason, sample, Method::ItemMean);
    }
    let mut total = FractionSum::default();
    let mut by_item = Vec::new();
    for pattern in facts.patterns.pairable() {
        let (agreeing, pairs) = (pattern.agreeing_pairs(), pattern.pairs());
        total.add(agreeing, pairs, pattern.items);
        by_item.push((agreeing as f64 / pairs as f64, pattern.items));
    }
    let value = total.total() / sample.items as f64;
    Estimate {
        value: Ok(value),
        interval: interval::from_items(value, value, &by_item).map(Interval::of_share),
        sample,
        method: Method::ItemMean,
    }
}
