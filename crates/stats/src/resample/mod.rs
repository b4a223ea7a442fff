//! Intervals by counting items anew: jackknife, bootstrap and two-way bootstrap of any figure that implements [`Statistic`].

/// Figures that are functions of how often each unit is counted.
///
/// A unit is what is drawn: an item, or several items that carry the same information. Figures that share their sums are one
/// statistic, so that a draw is counted once for all of them.
pub trait Statistic: Sync {
    /// How many items each unit stands for, in an order that the data alone determines.
    fn multiplicities(&self) -> &[u64];

    /// How many figures [`evaluate`](Self::evaluate) writes.
    fn figures(&self) -> usize;

    /// Writes the figures for unit `u` being counted `times[u]` times; `None` is undefined.
    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]);

    /// Writes the figures with one item of `unit` left out, everything else as observed.
    ///
    /// The default counts everything again; statistics of sums subtract instead.
    fn evaluate_without(&self, unit: usize, figures: &mut [Option<f64>]) {
        let mut times = self.multiplicities().to_vec();
        times[unit] -= 1;
        self.evaluate(&times, figures);
    }
}

/// Figures whose items and raters can both be drawn anew.
///
/// In a draw, the rating of item `i` by rater `g` counts `items[i] · raters[g]` times; two copies of one rater are never compared
/// with each other (the pigeonhole bootstrap of Owen 2007).
pub trait TwoWayStatistic: Sync {
    fn n_items(&self) -> usize;

    fn n_raters(&self) -> usize;

    fn figures(&self) -> usize;

    fn evaluate(&self, items: &[u64], raters: &[u64], figures: &mut [Option<f64>]);
}
