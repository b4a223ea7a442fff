//! Figures of one pair of raters as functions of how often each cell of their table is counted.

use super::cohen::figures_of_counts;
use super::facts::Facts;
use super::pairs::Cell;
use super::paradox::pabak_of_counts;
use super::weights::Weights;
use crate::parallel::Threads;
use crate::resample::Statistic;

/// Percent agreement, Cohen's kappa, Scott's pi and PABAK of one pair, in this order. The units are the cells of the pair's table.
#[derive(Debug)]
pub struct PairCoefficients<'a> {
    pub rater: u32,
    pub other: u32,
    cells: &'a [Cell],
    weights: &'a Weights,
    /// Labels that occur anywhere.
    labels: usize,
    items: Vec<u64>,
}

impl<'a> PairCoefficients<'a> {
    /// One for each pair of raters with a shared item, in the order of [`by_pair`](super::by_pair).
    pub fn of_each(facts: &'a Facts, weights: &'a Weights, threads: Threads) -> impl Iterator<Item = Self> {
        let labels = facts.labels_in_use();
        facts.pairs(threads).iter().map(move |((rater, other), cells)| Self {
            rater,
            other,
            cells,
            weights,
            labels,
            items: cells.iter().map(|cell| cell.items).collect(),
        })
    }
}

impl Statistic for PairCoefficients<'_> {
    fn multiplicities(&self) -> &[u64] {
        &self.items
    }

    fn figures(&self) -> usize {
        4
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        let drawn = self.cells.iter().zip(times).filter(|&(_, &times)| times > 0);
        let drawn: Vec<(u32, u32, u64)> = drawn.map(|(cell, &times)| (cell.label, cell.other, times)).collect();
        let items: u64 = drawn.iter().map(|&(.., n)| n).sum();
        if items == 0 {
            return;
        }
        let agreeing = drawn.iter().filter(|(label, other, _)| label == other).map(|&(.., n)| n).sum();
        let [percent, kappa, pi] = figures_of_counts(&drawn, self.weights);
        figures.copy_from_slice(&[percent, kappa, pi, pabak_of_counts(agreeing, items, self.labels)]);
    }
}
