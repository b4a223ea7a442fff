//! 95 % intervals.

mod score;

pub(crate) use score::ChanceMoments;
pub use score::VarianceCurve;

use crate::distribution::{normal_quantile, student_t_quantile};
use crate::estimate::{Spread, Undefined};
use crate::sum::order_free_sum;

/// The confidence level of every interval.
pub const LEVEL: f64 = 0.95;
pub(crate) const UPPER_TAIL: f64 = 1.0 - (1.0 - LEVEL) / 2.0;

/// Deviations below this share of the figure's scale are rounding, not spread.
pub(crate) const ROUNDING: f64 = 1e-12;

/// A two-sided interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// Where the values of a figure end. Intervals that are not made of possible values are cut there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    pub low: f64,
    pub high: f64,
}

impl Bounds {
    /// Any number: limits of agreement, differences of means.
    pub const NONE: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };
    /// Chance-corrected agreement: at most 1; how low it can be depends on the data.
    pub const AGREEMENT: Self = Self { low: f64::NEG_INFINITY, high: 1.0 };
    /// A share.
    pub const SHARE: Self = Self { low: 0.0, high: 1.0 };
    /// A correlation.
    pub const CORRELATION: Self = Self { low: -1.0, high: 1.0 };

    pub(crate) fn cut(self, interval: Interval) -> Interval {
        Interval { low: interval.low.max(self.low), high: interval.high.min(self.high) }
    }
}

/// Whether a difference is rounding and not spread, for a figure of this size.
pub(crate) fn is_rounding(difference: f64, size: f64) -> bool {
    difference.abs() <= ROUNDING * size.abs().max(1.0)
}

/// `value ± t(degrees) · standard error`.
pub(crate) fn student_t_interval(value: f64, standard_error: f64, degrees: u64) -> Interval {
    let half_width = student_t_quantile(UPPER_TAIL, degrees as f64) * standard_error;
    Interval { low: value - half_width, high: value + half_width }
}

impl Spread {
    /// `value ± quantile · standard error`, cut where the figure's values end.
    pub(crate) fn interval(self, value: f64, bounds: Bounds) -> Interval {
        let quantile = match self.degrees {
            Some(degrees) => student_t_quantile(UPPER_TAIL, degrees as f64),
            None => normal_quantile(UPPER_TAIL),
        };
        let half_width = quantile * self.standard_error;
        bounds.cut(Interval { low: value - half_width, high: value + half_width })
    }
}

/// t(n-1) and se² = Σ (uᵢ - centre)² / (n (n - 1)), over items i with linearised values uᵢ.
///
/// `linearised` holds pairs (u, number of items with this u). `centre` is the mean of the linearised values as the method at
/// hand defines it, mostly the figure's value.
pub(crate) fn from_items(centre: f64, linearised: &[(f64, u64)]) -> Result<Spread, Undefined> {
    let items: u64 = linearised.iter().map(|&(_, items)| items).sum();
    if items < 2 {
        return Err(Undefined::OneItem);
    }
    if linearised.iter().all(|&(u, items)| items == 0 || (u - centre).abs() <= ROUNDING * centre.abs().max(1.0)) {
        return Err(Undefined::ZeroVariance);
    }
    let n = items as f64;
    let squares = order_free_sum(linearised.iter().map(|&(u, items)| items as f64 * (u - centre).powi(2)));
    Ok(Spread { standard_error: (squares / (n * (n - 1.0))).sqrt(), degrees: Some(items - 1) })
}

/// Normal with se² = Σ L² / n², over items with influence L (of mean 0): the delta method for large n.
pub(crate) fn from_influence(influence: &[(f64, u64)]) -> Result<Spread, Undefined> {
    let items: u64 = influence.iter().map(|&(_, items)| items).sum();
    if items < 2 {
        return Err(Undefined::OneItem);
    }
    if influence.iter().all(|&(l, _)| l.abs() <= ROUNDING) {
        return Err(Undefined::ZeroVariance);
    }
    let squares = order_free_sum(influence.iter().map(|&(l, items)| items as f64 * l * l));
    Ok(Spread { standard_error: squares.sqrt() / items as f64, degrees: None })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn mean_of_four_items_has_the_textbook_interval() {
        // scipy.stats.t.interval(0.95, 3, 0.5, sem([0.1, 0.4, 0.6, 0.9]))
        let interval =
            from_items(0.5, &[(0.1, 1), (0.4, 1), (0.6, 1), (0.9, 1)]).unwrap().interval(0.5, Bounds::AGREEMENT);
        assert!((interval.low - -0.035_685_536_271_416).abs() < 1e-12, "{interval:?}");
        assert_eq!(interval.high, 1.0, "cut at 1");
    }

    #[test]
    fn repeated_values_count_as_often_as_they_occur() {
        let once = from_items(0.5, &[(0.4, 1), (0.6, 1), (0.4, 1), (0.6, 1)]);
        assert_eq!(once, from_items(0.5, &[(0.6, 2), (0.4, 2)]));
    }

    #[test]
    fn one_item_and_no_spread_have_no_interval() {
        assert_eq!(from_items(0.5, &[(0.5, 1)]), Err(Undefined::OneItem));
        assert_eq!(from_items(1.0, &[(1.0, 7), (0.0, 0)]), Err(Undefined::ZeroVariance));
        assert_eq!(from_influence(&[(0.0, 7)]), Err(Undefined::ZeroVariance));
        assert_eq!(from_influence(&[(0.5, 1)]), Err(Undefined::OneItem));
    }
}
