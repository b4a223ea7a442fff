use super::complete::Complete;
use crate::sum::{CompensatedSum, Sum, order_free_sum, tally};

/// The share of a sum of squares below which what is left of it after a subtraction is rounding.
pub(super) const CANCELLED: f64 = 1e-14;

/// What a two-way analysis of variance needs of each distinct row.
///
/// Values are taken from their rater's median, so that no sum cancels badly and whole numbers stay whole.
#[derive(Debug)]
pub(super) struct Anova {
    n_raters: usize,
    /// By row: the mean over raters.
    effects: Vec<f64>,
    /// Row by row and rater by rater: the deviation from the row's mean.
    residuals: Vec<f64>,
    /// By row: the sum of its squared residuals.
    squares: Vec<f64>,
    /// By rater: the median that values are taken from.
    medians: Vec<f64>,
    noise: f64,
}

/// Sums over items: all that mean squares are functions of.
#[derive(Debug, Clone)]
pub(super) struct AnovaTotals {
    items: u64,
    effects: f64,
    effect_squares: f64,
    residual_squares: f64,
    /// By rater.
    residuals: Vec<f64>,
}

/// Mean squares of n >= 2 items by k >= 2 raters; each is 0 when it is nothing but rounding.
#[derive(Debug, Clone, Copy)]
pub(super) struct MeanSquares {
    pub(super) items: u64,
    pub(super) raters: u64,
    /// Between items: MSR of McGraw and Wong (1996), BMS of Shrout and Fleiss (1979).
    pub(super) rows: f64,
    /// Between raters: MSC, JMS.
    pub(super) columns: f64,
    /// Residual: MSE, EMS.
    pub(super) error: f64,
    /// Within items: MSW, WMS.
    pub(super) within: f64,
}

impl Anova {
    pub(super) fn new(complete: &Complete) -> Self {
        let k = complete.n_raters;
        let medians: Vec<f64> = complete.columns().map(|column| median(column, complete)).collect();
        let mut anova = Self {
            n_raters: k,
            effects: Vec::with_capacity(complete.items.len()),
            residuals: Vec::with_capacity(complete.cells.len()),
            squares: Vec::with_capacity(complete.items.len()),
            medians,
            noise: complete.noise,
        };
        for row in complete.cells.chunks_exact(k.max(1)) {
            let centred: Vec<f64> =
                row.iter().zip(&anova.medians).map(|(&code, median)| complete.values[code as usize] - median).collect();
            // From the smallest one: equal values then have residuals of exactly 0.
            let least = centred.iter().copied().fold(f64::INFINITY, f64::min);
            let above = order_free_sum(centred.iter().map(|value| value - least)) / k as f64;
            let noise = anova.noise;
            let residuals = centred.iter().map(|value| unless_noise(value - least - above, noise));
            anova.effects.push(unless_noise(least + above, noise));
            anova.squares.push(order_free_sum(residuals.clone().map(|residual| residual * residual)));
            anova.residuals.extend(residuals);
        }
        anova
    }

    fn row_residuals(&self, row: usize) -> &[f64] {
        &self.residuals[row * self.n_raters..(row + 1) * self.n_raters]
    }

    /// The sums as observed, the same to the last bit in whatever order the raters are.
    pub(super) fn observed(&self, items: &[u64]) -> AnovaTotals {
        self.totals::<CompensatedSum>(items)
    }

    /// The sums with row `r` counted `times[r]` times.
    pub(super) fn drawn(&self, times: &[u64]) -> AnovaTotals {
        self.totals::<f64>(times)
    }

    fn totals<S: Sum>(&self, times: &[u64]) -> AnovaTotals {
        let mut sums = [S::default(); 3];
        let mut residuals = vec![S::default(); self.n_raters];
        for (row, &n) in times.iter().enumerate().filter(|&(_, &n)| n > 0) {
            let (times, effect) = (n as f64, self.effects[row]);
            sums[0].add(times * effect);
            sums[1].add(times * effect * effect);
            sums[2].add(times * self.squares[row]);
            for (sum, residual) in residuals.iter_mut().zip(self.row_residuals(row)) {
                sum.add(times * residual);
            }
        }
        let [effects, effect_squares, residual_squares] = sums.map(S::total);
        AnovaTotals {
            items: times.iter().sum(),
            effects,
            effect_squares,
            residual_squares,
            residuals: residuals.into_iter().map(S::total).collect(),
        }
    }

    /// The sums with one item of `row` less.
    pub(super) fn without(&self, totals: &AnovaTotals, row: usize) -> AnovaTotals {
        let effect = self.effects[row];
        AnovaTotals {
            items: totals.items - 1,
            effects: totals.effects - effect,
            effect_squares: totals.effect_squares - effect * effect,
            residual_squares: totals.residual_squares - self.squares[row],
            residuals: totals.residuals.iter().zip(self.row_residuals(row)).map(|(sum, own)| sum - own).collect(),
        }
    }

    /// None with fewer than two items or raters.
    pub(super) fn mean_squares(&self, totals: &AnovaTotals) -> Option<MeanSquares> {
        if totals.items < 2 || self.n_raters < 2 {
            return None;
        }
        let (n, k) = (totals.items as f64, self.n_raters as f64);
        let noise = n * k * self.noise * self.noise;
        let rows = k * unless_rounding(totals.effect_squares, totals.effects * totals.effects / n, noise / k);
        let shifts = order_free_sum(totals.residuals.iter().map(|residual| residual * residual)) / n;
        let error = unless_rounding(totals.residual_squares, shifts, noise);
        // Raters' means, less a number that is the same for all; over raters, residuals add up to 0.
        let means: Vec<f64> =
            self.medians.iter().zip(&totals.residuals).map(|(median, residual)| median + residual / n).collect();
        let grand_mean = order_free_sum(means.iter().copied()) / k;
        let columns = n * order_free_sum(means.iter().map(|mean| (mean - grand_mean).powi(2)));
        let columns = unless_rounding(columns, 0.0, noise);
        Some(MeanSquares {
            items: totals.items,
            raters: self.n_raters as u64,
            rows: rows / (n - 1.0),
            columns: columns / (k - 1.0),
            error: error / ((n - 1.0) * (k - 1.0)),
            within: (columns + error) / (n * (k - 1.0)),
        })
    }
}

/// What is no more than the rounding of values is 0, not a small number whose last bit depends on the order of the raters.
fn unless_noise(deviation: f64, noise: f64) -> f64 {
    if deviation.abs() <= noise { 0.0 } else { deviation }
}

/// `squares - shift`, or 0 where that is no more than rounding.
fn unless_rounding(squares: f64, shift: f64, noise: f64) -> f64 {
    let left = squares - shift;
    if left <= CANCELLED * squares || left <= noise { 0.0 } else { left }
}

fn median(column: impl Iterator<Item = u32>, complete: &Complete) -> f64 {
    let counts = tally(column.zip(complete.items.iter().copied()).collect());
    middle(&counts).map_or(0.0, |code| complete.values[code as usize])
}

/// The median of ascending codes with their counts: the lower one where there are two.
pub(super) fn middle(counts: &[(u32, u64)]) -> Option<u32> {
    let total: u64 = counts.iter().map(|&(_, n)| n).sum();
    let mut before = 0;
    counts.iter().find_map(|&(code, n)| {
        before += n;
        (2 * before >= total).then_some(code)
    })
}
