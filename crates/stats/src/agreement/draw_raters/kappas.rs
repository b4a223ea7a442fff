use std::array::from_fn;

use super::super::cohen::kappa_of_counts;
use super::super::pairs::Cell;
use super::super::weights::Weights;
use super::batch::{Lanes, add};
use crate::resample::LANES;

/// Margins of one pair of raters, by label, used again for every pair.
pub(super) struct Table {
    first: Vec<Lanes>,
    second: Vec<Lanes>,
}

impl Table {
    pub(super) fn new(labels: usize) -> Self {
        Self { first: vec![[0; LANES]; labels], second: vec![[0; LANES]; labels] }
    }

    /// Cohen's kappa in each draw of a pair of raters with these cells, which each draw counts so often.
    pub(super) fn kappas(
        &mut self,
        cells: &[Cell],
        counts: &[Lanes],
        weights: &Weights,
        min_shared: u64,
    ) -> [Option<f64>; LANES] {
        if weights.is_identity() {
            return self.nominal(cells, counts, min_shared);
        }
        from_fn(|lane| {
            let of_lane = cells.iter().zip(counts).map(|(cell, counts)| (cell, counts[lane]));
            let drawn: Vec<(u32, u32, u64)> =
                of_lane.filter(|&(_, n)| n > 0).map(|(cell, n)| (cell.label, cell.other, u64::from(n))).collect();
            if drawn.is_empty() { None } else { kappa_of_counts(&drawn, weights, min_shared) }
        })
    }

    /// In whole numbers until the last step: the same as [`kappa_of_counts`] to the last bit.
    fn nominal(&mut self, cells: &[Cell], counts: &[Lanes], min_shared: u64) -> [Option<f64>; LANES] {
        let (mut items, mut agreeing, mut same) = ([0; LANES], [0; LANES], [0_u64; LANES]);
        for (cell, counts) in cells.iter().zip(counts) {
            add(&mut items, counts);
            add(&mut self.first[cell.label as usize], counts);
            add(&mut self.second[cell.other as usize], counts);
            if cell.label == cell.other {
                add(&mut agreeing, counts);
            }
        }
        for of_label in cells.chunk_by(|a, b| a.label == b.label) {
            let label = of_label[0].label as usize;
            for (same, (&first, &second)) in same.iter_mut().zip(self.first[label].iter().zip(&self.second[label])) {
                *same += u64::from(first) * u64::from(second);
            }
        }
        for cell in cells {
            self.first[cell.label as usize] = [0; LANES];
            self.second[cell.other as usize] = [0; LANES];
        }
        from_fn(|lane| {
            let items = u64::from(items[lane]);
            let (pairs, differing) = (items * items, items - u64::from(agreeing[lane]));
            if items == 0 || items < min_shared || pairs == same[lane] {
                return None;
            }
            let expected = (pairs - same[lane]) as f64 / pairs as f64;
            Some(1.0 - differing as f64 / items as f64 / expected)
        })
    }
}
