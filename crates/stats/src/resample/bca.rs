use std::fmt;

use super::bootstrap::PERCENTILE_LEVELS;
use super::jackknife::Jackknife;
use crate::distribution::{normal_cdf, normal_quantile};
use crate::interval::is_rounding;

/// Why there is no bias-corrected and accelerated interval. The codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoBca {
    /// The figure is undefined, or it is when some item is left out, or leaving one out never changes it.
    NoAcceleration,
    /// All replicates lie on one side of the observed value, so that their bias is infinite.
    OneSided,
    /// The acceleration is so large that an end would lie beyond every quantile.
    TooAccelerated,
}

impl NoBca {
    pub fn code(self) -> &'static str {
        match self {
            Self::NoAcceleration => "no_acceleration",
            Self::OneSided => "replicates_on_one_side",
            Self::TooAccelerated => "too_accelerated",
        }
    }
}

impl fmt::Display for NoBca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The levels at which the quantiles of the replicates are the ends: Φ(z₀ + (z₀ + z) / (1 - a (z₀ + z))).
///
/// The last bit of Φ⁻¹ and Φ depends on the platform's logarithm and exponential; it moves an end by as little.
pub(super) fn adjusted_levels(replicates: &[f64], jackknife: &Jackknife) -> Result<[f64; 2], NoBca> {
    let (Some(value), Some(acceleration)) = (jackknife.value, jackknife.acceleration) else {
        return Err(NoBca::NoAcceleration);
    };
    let bias = normal_quantile(share_below(replicates, value)?);
    let mut levels = PERCENTILE_LEVELS;
    for level in &mut levels {
        let shifted = bias + normal_quantile(*level);
        let shrunk = 1.0 - acceleration * shifted;
        if shrunk <= 0.0 {
            return Err(NoBca::TooAccelerated);
        }
        *level = normal_cdf(bias + shifted / shrunk);
    }
    Ok(levels)
}

/// The share of the replicates below the value, with half of those that equal it but for rounding; neither 0 nor 1.
fn share_below(replicates: &[f64], value: f64) -> Result<f64, NoBca> {
    let equal = replicates.iter().filter(|&replicate| is_rounding(replicate - value, value)).count();
    let below =
        replicates.iter().filter(|&replicate| *replicate < value && !is_rounding(replicate - value, value)).count();
    let share = (below as f64 + equal as f64 / 2.0) / replicates.len() as f64;
    if share > 0.0 && share < 1.0 { Ok(share) } else { Err(NoBca::OneSided) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::Undefined;

    fn jackknife(value: Option<f64>, acceleration: Option<f64>) -> Jackknife {
        let reason = Err(Undefined::ZeroVariance);
        Jackknife { value, items: 9, standard_error: reason, bias_corrected: reason, acceleration }
    }

    #[test]
    fn levels_are_those_of_the_formula() {
        // z0 = norm.ppf(0.6); norm.cdf(z0 + (z0 + z) / (1 - 0.05 * (z0 + z))) for z = norm.ppf([0.025, 0.975]), SciPy 1.12
        let replicates: Vec<f64> = (0..100).map(f64::from).collect();
        let levels = adjusted_levels(&replicates, &jackknife(Some(59.5), Some(0.05)));
        let Ok([low, high]) = levels else { panic!("{levels:?}") };
        assert!(
            (low - 0.093_569_144_440_043_94).abs() < 1e-14 && (high - 0.996_947_376_285_070_6).abs() < 1e-14,
            "{low} {high}"
        );
    }

    #[test]
    fn replicates_equal_to_the_value_count_half() {
        assert_eq!(share_below(&[1.0, 2.0, 2.0 + 1e-15, 3.0], 2.0), Ok(0.5));
        assert_eq!(share_below(&[2.0, 2.0], 2.0), Ok(0.5));
        assert_eq!(share_below(&[1.0, 1.5], 2.0), Err(NoBca::OneSided));
        assert_eq!(share_below(&[2.5], 2.0), Err(NoBca::OneSided));
        assert_eq!(share_below(&[], 2.0), Err(NoBca::OneSided));
    }

    #[test]
    fn what_is_undefined_has_its_reason() {
        let around = [1.0, 3.0];
        assert_eq!(adjusted_levels(&around, &jackknife(None, None)), Err(NoBca::NoAcceleration));
        assert_eq!(adjusted_levels(&around, &jackknife(Some(2.0), None)), Err(NoBca::NoAcceleration));
        assert_eq!(adjusted_levels(&around, &jackknife(Some(2.0), Some(0.6))), Err(NoBca::TooAccelerated));
        assert_eq!(NoBca::OneSided.to_string(), "replicates_on_one_side");
    }
}
