use std::fmt;

use crate::distribution::normal_quantile;

/// Why a study of kappa cannot be planned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KappaPlanError {
    /// The share of the trait lies between 0 and 1.
    Prevalence { prevalence: f64 },
    /// 0 < low < kappa < 1, and kappa < high < 1 if an upper end is given.
    Order { low: f64, kappa: f64, high: Option<f64> },
}

impl fmt::Display for KappaPlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Prevalence { prevalence } => {
                write!(f, "prevalence {prevalence}: the share of the trait must lie between 0 and 1")
            }
            Self::Order { low, kappa, high: None } => {
                write!(f, "low {low}, kappa {kappa}: they must ascend between 0 and 1")
            }
            Self::Order { low, kappa, high: Some(high) } => {
                write!(f, "low {low}, kappa {kappa}, high {high}: they must ascend between 0 and 1")
            }
        }
    }
}

impl std::error::Error for KappaPlanError {}

/// Items that two raters have to label with two labels so that a 95 % interval of kappa is expected to lie within `low` and `high`,
/// when kappa is `kappa` and the trait has the share `prevalence` for both raters. Without `high` the interval is one-sided.
///
/// Goodness of fit of the common correlation model (Donner and Eliasziw 1992, Statistics in Medicine 11, 1511-1519), from the interval's
/// ends (Donner and Rotondi 2010; R's kappaSize takes this approach): n = χ² / Σ (Pₖ(kappa) - Pₖ(end))² / Pₖ(end) over the three outcomes
/// yes-yes, mixed and no-no. With both ends the larger number counts.
///
/// # Errors
/// When the numbers are outside their ranges.
pub fn kappa_items(prevalence: f64, kappa: f64, low: f64, high: Option<f64>) -> Result<u64, KappaPlanError> {
    if !(prevalence > 0.0 && prevalence < 1.0) {
        return Err(KappaPlanError::Prevalence { prevalence });
    }
    let ascends = 0.0 < low && low < kappa && kappa < 1.0 && high.is_none_or(|high| kappa < high && high < 1.0);
    if !ascends {
        return Err(KappaPlanError::Order { low, kappa, high });
    }
    let critical = normal_quantile(if high.is_some() { 0.975 } else { 0.95 }).powi(2);
    let expected = outcomes(prevalence, kappa);
    let items = |end: f64| {
        let fit: f64 = outcomes(prevalence, end).iter().zip(expected).map(|(p, e)| (e - p).powi(2) / p).sum();
        (critical / fit).ceil() as u64
    };
    Ok(items(low).max(high.map_or(0, items)))
}

/// The probabilities of yes-yes, mixed and no-no.
fn outcomes(prevalence: f64, kappa: f64) -> [f64; 3] {
    let rest = 1.0 - prevalence;
    let shared = kappa * prevalence * rest;
    [prevalence * prevalence + shared, 2.0 * prevalence * rest - 2.0 * shared, rest * rest + shared]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    /// With even labels the interval is that of a share of agreement: (κ₀ - κ)² n = χ² (1 - κ²), solved by hand for κ = 0.6.
    #[test]
    fn even_labels_have_a_closed_form() {
        let by_hand = 1.959_963_984_540_054_f64.powi(2) * (1.0 - 0.4 * 0.4) / (0.6 - 0.4_f64).powi(2);
        assert_eq!(kappa_items(0.5, 0.6, 0.4, Some(0.9)), Ok(by_hand.ceil() as u64));
        let one_sided = 1.644_853_626_951_472_f64.powi(2) * (1.0 - 0.4 * 0.4) / (0.6 - 0.4_f64).powi(2);
        assert_eq!(kappa_items(0.5, 0.6, 0.4, None), Ok(one_sided.ceil() as u64));
    }

    #[test]
    fn rare_traits_and_narrow_intervals_take_more() {
        let items = |prevalence, low| kappa_items(prevalence, 0.6, low, Some(0.8)).unwrap();
        assert!(items(0.1, 0.4) > items(0.3, 0.4) && items(0.3, 0.4) > items(0.5, 0.4));
        assert!(items(0.3, 0.5) > items(0.3, 0.4));
        assert_eq!(items(0.3, 0.4), items(0.7, 0.4));
    }

    #[test]
    fn what_cannot_be_planned_is_refused() {
        assert_eq!(kappa_items(0.0, 0.6, 0.4, None), Err(KappaPlanError::Prevalence { prevalence: 0.0 }));
        for (kappa, low, high) in [(0.6, 0.6, None), (0.6, 0.0, None), (1.0, 0.5, None), (0.6, 0.4, Some(0.6))] {
            assert_eq!(kappa_items(0.3, kappa, low, high), Err(KappaPlanError::Order { low, kappa, high }));
        }
        assert!(kappa_items(f64::NAN, 0.6, 0.4, None).is_err() && kappa_items(0.3, f64::NAN, 0.4, None).is_err());
    }
}
