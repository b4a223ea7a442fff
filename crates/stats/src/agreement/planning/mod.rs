//! How much to label for an interval of a wanted width.
//!
//! [`items_needed`] extrapolates any figure in the number of items. [`DesignPlan`] predicts figures for other numbers of items *and* ratings per
//! item from the parts of the variance, and finds the cheapest design. [`kappa_items`] needs no data, for two raters and two labels.

mod design;
mod kappa;
mod variance;

pub use design::{Costs, Design, DesignPlan, HalfWidth, PlannedFigure};
pub use kappa::{KappaPlanError, kappa_items};

use crate::distribution::chi_squared_quantile;
use crate::estimate::{Estimate, Spread, Undefined};
use crate::interval::{Bounds, Interval, UPPER_TAIL};

/// No plan goes beyond so many items.
const MOST_ITEMS: u64 = 1 << 50;

/// How many items give a half-width, if further ones are like those seen and have as many ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemsNeeded {
    /// In all, those already labelled included.
    pub items: u64,
    /// How many more that are than there are; 0 when the interval is narrow enough.
    pub more: u64,
    /// A 95 % range of `items`, as the spread between items was itself estimated from few or many.
    pub low: u64,
    pub high: u64,
}

/// How many items a 95 % interval of `value ± half_width` takes: the smallest N with t(N - 1) · se · √(n / N) ≤ half_width.
///
/// The standard error is taken to shrink with √N, so `half_width` is before an end of the interval is cut. The range takes the linearised
/// values for normal: (n - 1) s² / σ² is chi-squared with n - 1 degrees of freedom. Items with rare, large effects make it wider than said.
///
/// # Errors
/// The reason why the estimate has no standard error; `zero_variance` also when `half_width` is not above 0.
pub fn items_needed(estimate: &Estimate, half_width: f64) -> Result<ItemsNeeded, Undefined> {
    estimate.value?;
    let spread = estimate.spread.ok_or(estimate.interval.err().unwrap_or(Undefined::ZeroVariance))?;
    needed(estimate.sample.items, spread.standard_error, half_width, |error, items| {
        half_width_of(error * (items as f64).sqrt(), items)
    })
}

/// How many items a score interval takes that is 2 · `half_width` wide: the smallest N whose [score interval](Estimate::score) is, with the
/// value as it is and the standard error shrinking with √N. Score intervals are not symmetric, so neither end need lie `half_width` away.
///
/// The range is that of [`items_needed`].
///
/// # Errors
/// As [`items_needed`]; `no_analytic_interval` when the figure has no score interval.
pub fn items_needed_by_score(estimate: &Estimate, half_width: f64) -> Result<ItemsNeeded, Undefined> {
    let value = estimate.value?;
    let curve = estimate.curve.ok_or(Undefined::NoAnalyticInterval)?;
    let standard_error = match (estimate.spread, estimate.interval) {
        (Some(spread), _) => spread.standard_error,
        (None, Err(Undefined::ZeroVariance)) => 0.0,
        (None, interval) => return Err(interval.err().unwrap_or(Undefined::NoAnalyticInterval)),
    };
    needed(estimate.sample.items, standard_error, half_width, |error, items| {
        let Interval { low, high } = curve.of_items(items).interval(value, error);
        (high - low) / 2.0
    })
}

/// The smallest numbers of items whose half-width, from their standard error, is small enough.
fn needed(
    n: u64,
    standard_error: f64,
    half_width: f64,
    half_width_of: impl Fn(f64, u64) -> f64,
) -> Result<ItemsNeeded, Undefined> {
    if half_width.is_nan() || half_width <= 0.0 || n < 2 {
        return Err(Undefined::ZeroVariance);
    }
    let deviation = standard_error * (n as f64).sqrt();
    let items =
        |deviation: f64| smallest(|items| half_width_of(deviation / (items as f64).sqrt(), items) <= half_width);
    let needed = items(deviation);
    let degrees = (n - 1) as f64;
    let bound = |p: f64| items(deviation * (degrees / chi_squared_quantile(p, degrees)).sqrt());
    Ok(ItemsNeeded {
        items: needed,
        more: needed.saturating_sub(n),
        low: bound(UPPER_TAIL),
        high: bound(1.0 - UPPER_TAIL),
    })
}

/// t(N - 1) · deviation / √N.
fn half_width_of(deviation: f64, items: u64) -> f64 {
    let spread = Spread { standard_error: deviation / (items as f64).sqrt(), degrees: Some(items - 1) };
    -spread.interval(0.0, Bounds::NONE).low
}

/// The smallest number of items from 2 that is enough; enough once is enough for more.
fn smallest(enough: impl Fn(u64) -> bool) -> u64 {
    let mut high = 2;
    while high < MOST_ITEMS && !enough(high) {
        high *= 2;
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    high
}
