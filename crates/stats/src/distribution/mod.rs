//! Distribution functions, survival functions and quantiles: normal, Student's t, chi-squared and F, for any real degrees of freedom.
//!
//! Both tails are computed, never one as 1 minus the other where that would lose digits, so that p-values far below 1e-16 keep their
//! precision (relative error about 1e-12 for degrees of freedom from 0.1 to 1e7). Nothing here panics or loops without end; outside of a
//! function's domain the result is NaN, which figures never pass on.
//!
//! The t, F and chi-squared distributions are regularised incomplete beta and gamma functions. Quantiles solve ln(tail) = ln(p) in the
//! logarithm of the variable, where the logarithms of both tails are concave: Newton's method then converges from everywhere.

mod beta;
mod chi_squared;
mod f;
mod gamma;
mod normal;
mod solve;
mod student_t;

pub use chi_squared::{chi_squared_cdf, chi_squared_quantile, chi_squared_sf};
pub use f::{f_cdf, f_quantile, f_sf};
pub use normal::{normal_cdf, normal_quantile, normal_sf};
pub use student_t::{student_t_cdf, student_t_quantile, student_t_sf};

/// Logarithms of the two tails of a distribution on the positive numbers, and of the density of the variable's logarithm.
#[derive(Debug, Clone, Copy)]
struct LogTails {
    lower: f64,
    upper: f64,
    density: f64,
}

impl LogTails {
    const NOT_A_NUMBER: Self = Self { lower: f64::NAN, upper: f64::NAN, density: f64::NAN };

    /// `lower` is known to be the better conditioned one.
    fn of_lower(lower: f64, density: f64) -> Self {
        Self { lower, upper: log_complement(lower), density }
    }

    fn of_upper(upper: f64, density: f64) -> Self {
        Self { lower: log_complement(upper), upper, density }
    }

    fn swapped(self) -> Self {
        Self { lower: self.upper, upper: self.lower, ..self }
    }
}

/// ln(1 - exp(x)) for x <= 0; rounding may have carried x above.
fn log_complement(x: f64) -> f64 {
    if x > -std::f64::consts::LN_2 { (-x.min(0.0).exp_m1()).ln() } else { (-x.exp()).ln_1p() }
}
