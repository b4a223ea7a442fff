//! How divided the raters of an item are, as entropy.

use super::facts::{Facts, Pattern};
use crate::estimate::{Estimate, Method, Undefined};
use crate::interval::{self, Bounds};
use crate::resample::Statistic;
use crate::sum::order_free_sum;

/// No entropy is below 0; how large it can be depends on the labels.
const BOUNDS: Bounds = Bounds { low: 0.0, high: f64::INFINITY };

/// The entropy of an item's labels in nats, -Σ s ln s over the shares s of its ratings: 0 when all its raters agree, ln q when q labels are given
/// equally often. The mean over all items with a rating; an item with a single one counts with 0.
///
/// Interval: of a mean over items. Undefined: `no_ratings`; interval `one_item`, `zero_variance`. Equals crowd-kit's
/// `uncertainty(compute_by="task")`.
pub fn mean_label_entropy(facts: &Facts) -> Estimate {
    let sample = facts.sample();
    if sample.ratings == 0 {
        return Estimate::undefined(Undefined::NoRatings, sample, Method::ItemMean);
    }
    let by_item: Vec<(f64, u64)> = facts.patterns.iter().map(|pattern| (entropy(pattern), pattern.items)).collect();
    let value = order_free_sum(by_item.iter().map(|&(entropy, items)| entropy * items as f64)) / sample.items as f64;
    let spread = interval::from_items(value, &by_item);
    let interval = spread.map(|spread| spread.interval(value, BOUNDS));
    Estimate { interval, ..Estimate::spread(value, spread, sample, Method::ItemMean) }
}

fn entropy(pattern: Pattern<'_>) -> f64 {
    if pattern.labels.len() < 2 {
        return 0.0;
    }
    let shares = pattern.labels.iter().map(|&(_, n)| f64::from(n) / pattern.ratings as f64);
    -order_free_sum(shares.map(|share| share * share.ln()))
}

/// The [mean label entropy](mean_label_entropy) as a function of how often each pattern of label counts is counted; one figure.
#[derive(Debug)]
pub struct LabelEntropy<'a> {
    facts: &'a Facts,
    entropies: Vec<f64>,
}

impl<'a> LabelEntropy<'a> {
    pub const BOUNDS: Bounds = BOUNDS;

    pub fn new(facts: &'a Facts) -> Self {
        Self { facts, entropies: facts.patterns.iter().map(entropy).collect() }
    }
}

impl Statistic for LabelEntropy<'_> {
    fn multiplicities(&self) -> &[u64] {
        self.facts.patterns.rows.items()
    }

    fn figures(&self) -> usize {
        1
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        let items: u64 = times.iter().sum();
        let sum: f64 = self.entropies.iter().zip(times).map(|(entropy, &times)| entropy * times as f64).sum();
        figures[0] = (items > 0).then(|| sum / items as f64);
    }
}
