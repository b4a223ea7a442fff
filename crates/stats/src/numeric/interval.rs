use crate::distribution::normal_quantile;
use crate::estimate::{Estimate, Method, Sample, Spread, Undefined};
use crate::interval::{Bounds, Interval, ROUNDING, UPPER_TAIL};

/// An interval, with the standard error it rests on if there is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    interval: Interval,
    spread: Option<Spread>,
}

impl From<Interval> for Made {
    fn from(interval: Interval) -> Self {
        Self { interval, spread: None }
    }
}

/// A value that may be undefined, with an interval that is made only if it is not.
pub(super) fn estimate<M: Into<Made>>(
    value: Result<f64, Undefined>,
    interval: impl FnOnce(f64) -> Result<M, Undefined>,
    sample: Sample,
    method: Method,
) -> Estimate {
    let made = match value {
        Ok(figure) => interval(figure).map(Into::into).and_then(Made::finite),
        Err(reason) => Err(reason),
    };
    let (interval, spread) = match made {
        Ok(made) => (Ok(made.interval), made.spread),
        Err(reason) => (Err(reason), None),
    };
    Estimate { value, interval, sample, method, spread, chance: None, curve: None }
}

impl Made {
    /// Overflow of extreme inputs is no interval.
    fn finite(self) -> Result<Self, Undefined> {
        let is_finite = self.interval.low.is_finite() && self.interval.high.is_finite();
        if is_finite { Ok(self) } else { Err(Undefined::NonPositiveVariance) }
    }
}

/// tanh(artanh(value) ± z · se) for a correlation, `standard_error` being that of artanh(value).
pub(super) fn fisher_z(value: f64, standard_error: f64) -> Result<Made, Undefined> {
    if 1.0 - value.abs() <= ROUNDING || standard_error <= ROUNDING {
        return Err(Undefined::ZeroVariance);
    }
    let (z, half_width) = (value.atanh(), normal_quantile(UPPER_TAIL) * standard_error);
    let interval = Interval { low: (z - half_width).tanh(), high: (z + half_width).tanh() };
    // The derivative of tanh.
    let standard_error = standard_error * (1.0 - value * value);
    Ok(Made { interval, spread: Some(Spread { standard_error, degrees: None }) })
}

/// `value ± t(n - 1) · se`, cut at the bounds.
pub(super) fn student(value: f64, standard_error: f64, items: u64, bounds: Bounds) -> Result<Made, Undefined> {
    if items < 2 {
        return Err(Undefined::OneItem);
    }
    if standard_error <= 0.0 {
        return Err(Undefined::ZeroVariance);
    }
    let spread = Spread { standard_error, degrees: Some(items - 1) };
    Ok(Made { interval: spread.interval(value, bounds), spread: Some(spread) })
}
