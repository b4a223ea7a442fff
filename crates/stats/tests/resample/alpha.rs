use std::collections::{BTreeMap, BTreeSet};

use assay_stats::resample::{Statistic, TwoWayStatistic};

/// Nominal alpha from the definition, slowly: the figure on which the engine is tested.
pub struct Alpha {
    /// By item: (rater, label).
    items: Vec<Vec<(usize, usize)>>,
    /// Distinct label counts of items with two ratings or more, and how many items have them.
    patterns: Vec<Vec<u64>>,
    multiplicities: Vec<u64>,
    raters: usize,
    labels: usize,
}

impl Alpha {
    pub fn new(items: Vec<Vec<(usize, usize)>>, raters: usize, labels: usize) -> Self {
        let mut patterns: BTreeMap<Vec<u64>, u64> = BTreeMap::new();
        for item in items.iter().filter(|item| item.len() >= 2) {
            let mut counts = vec![0; labels];
            item.iter().for_each(|&(_, label)| counts[label] += 1);
            *patterns.entry(counts).or_default() += 1;
        }
        let (patterns, multiplicities) = patterns.into_iter().unzip();
        Self { items, patterns, multiplicities, raters, labels }
    }

    /// Reads `item,rater,rater…` lines; an empty field is a missing rating.
    pub fn read(text: &str) -> Self {
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').skip(1).collect()).collect();
        let labels: BTreeSet<&str> = rows[1..].iter().flatten().copied().filter(|label| !label.is_empty()).collect();
        let code = |label: &str| labels.iter().position(|&known| known == label);
        let items = rows[1..]
            .iter()
            .map(|row| row.iter().enumerate().filter_map(|(rater, label)| Some((rater, code(label)?))).collect());
        Self::new(items.collect(), rows[0].len(), labels.len())
    }
}

/// 1 - (N - 1) Σ pairs that differ / (n - 1) / (N² - Σ N_k²), from label counts that may be fractions of copies.
fn alpha<'a>(items: impl Iterator<Item = (&'a [u64], u64)>, labels: usize) -> Option<f64> {
    let (mut totals, mut disagreement) = (vec![0_u64; labels], 0.0);
    for (counts, times) in items {
        let n: u64 = counts.iter().sum();
        let agreeing: u64 = counts.iter().map(|&count| count * count).sum();
        disagreement += times as f64 * (n * n - agreeing) as f64 / (n - 1) as f64;
        totals.iter_mut().zip(counts).for_each(|(total, count)| *total += times * count);
    }
    let all: u64 = totals.iter().sum();
    let squares: u64 = totals.iter().map(|&total| total * total).sum();
    (all * all > squares).then(|| 1.0 - (all - 1) as f64 * disagreement / (all * all - squares) as f64)
}

impl Statistic for Alpha {
    fn multiplicities(&self) -> &[u64] {
        &self.multiplicities
    }

    fn figures(&self) -> usize {
        1
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        figures[0] = alpha(self.patterns.iter().map(Vec::as_slice).zip(times.iter().copied()), self.labels);
    }
}

impl TwoWayStatistic for Alpha {
    fn n_items(&self) -> usize {
        self.items.len()
    }

    fn n_raters(&self) -> usize {
        self.raters
    }

    fn figures(&self) -> usize {
        1
    }

    /// Copies of one rater are not compared with each other: pairs are counted between different raters only.
    fn evaluate(&self, items: &[u64], raters: &[u64], figures: &mut [Option<f64>]) {
        let (mut totals, mut disagreement) = (vec![0.0; self.labels], 0.0);
        for (item, &times) in self.items.iter().zip(items) {
            let n: u64 = item.iter().map(|&(rater, _)| raters[rater]).sum();
            let (mut pairs, mut differing) = (0, 0);
            for &(rater, label) in item {
                for &(other, other_label) in item.iter().filter(|&&(other, _)| other != rater) {
                    let product = raters[rater] * raters[other];
                    pairs += product;
                    differing += if label == other_label { 0 } else { product };
                }
            }
            if pairs == 0 {
                continue;
            }
            disagreement += times as f64 * n as f64 * differing as f64 / pairs as f64;
            for &(rater, label) in item {
                totals[label] += (times * raters[rater]) as f64;
            }
        }
        let all: f64 = totals.iter().sum();
        let squares: f64 = totals.iter().map(|total| total * total).sum();
        figures[0] = (all * all > squares).then(|| 1.0 - (all - 1.0) * disagreement / (all * all - squares));
    }
}
