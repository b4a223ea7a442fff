use super::LogTails;
use super::gamma::{MOST_ITERATIONS, deviance, stirling_error};

/// The beta distribution with parameters `a`, `b` > 0 at `x`, given with `y` = 1 - x so that neither loses digits: the regularised
/// incomplete beta functions I(x; a, b) and I(y; b, a).
///
/// The density is that of ln(x / y).
pub(super) fn beta_tails(a: f64, b: f64, x: f64, y: f64) -> LogTails {
    let usable = |parameter: f64| parameter > 0.0 && parameter.is_finite();
    if !(usable(a) && usable(b) && x >= 0.0 && y >= 0.0) {
        return LogTails::NOT_A_NUMBER;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return lower_tail(b, a, y, x).swapped();
    }
    lower_tail(a, b, x, y)
}

fn lower_tail(a: f64, b: f64, x: f64, y: f64) -> LogTails {
    let n = a + b;
    // ln(xᵃ yᵇ / B(a, b))
    let density = 0.5 * (a / n * b / std::f64::consts::TAU).ln() + stirling_error(n)
        - stirling_error(a)
        - stirling_error(b)
        - deviance(a, n * x)
        - deviance(b, n * y);
    if density == f64::NEG_INFINITY {
        return LogTails::of_lower(density, density);
    }
    LogTails::of_lower(density + continued_fraction(a, b, x, y).ln(), density)
}

/// The fraction BFRAC of DiDonato and Morris (1992), "Algorithm 708", by the method of Lentz; for x up to about a / (a + b).
///
/// Other fractions subtract near-equal numbers when one parameter is large and the other small.
fn continued_fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let excess = if a > b { (a + b) * y - b } else { a - (a + b) * x };
    let mut inverse = a / (a + 1.0) * (excess + 1.0);
    let (mut c, mut d) = (inverse, 0.0);
    for n in 1..MOST_ITERATIONS {
        let n = f64::from(n);
        let shift = a + 2.0 * n - 1.0;
        let common = n * (b - n) * x / shift;
        let numerator = common * (a + n - 1.0) * (a + b + n - 1.0) * x / shift;
        let denominator = n + common + (a + n) / (shift + 2.0) * (excess + 1.0 + n * (1.0 + y));
        d = 1.0 / (denominator + numerator * d);
        c = denominator + numerator / c;
        inverse *= c * d;
        if (c * d - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    1.0 / inverse
}
