use super::LogTails;

/// Iterations needed grow with the square root of the parameters; this many are never reached below 1e12.
pub(super) const MOST_ITERATIONS: u32 = 10_000_000;

/// δ(z) in Γ(z) = √(2π/z) (z/e)ᶻ exp(δ(z)), for z > 0.
///
/// Densities are products of such factors: with δ and [`deviance`] their large parts never cancel (Loader 2000, "Fast and accurate
/// computation of binomial probabilities").
pub(super) fn stirling_error(z: f64) -> f64 {
    const SERIES_FROM: f64 = 15.0;
    let (mut z, mut error) = (z, 0.0);
    while z < SERIES_FROM {
        error += (z + 0.5) * (1.0 / z).ln_1p() - 1.0;
        z += 1.0;
    }
    let s = 1.0 / (z * z);
    let series = [-691.0 / 360_360.0, 1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0];
    error + series.iter().fold(0.0, |sum, coefficient| sum * s + coefficient) / z
}

/// m ln(m / x) + x - m for m > 0, x >= 0, without cancellation where x is near m.
pub(super) fn deviance(m: f64, x: f64) -> f64 {
    let v = (x - m) / (x + m);
    if v.abs() > 0.3 || v.is_nan() {
        return if x == 0.0 { f64::INFINITY } else { m * (m / x).ln() + x - m };
    }
    // ln(x / m) = 2 artanh(v).
    let square = v * v;
    let (mut power, mut divisor, mut sum) = (v, 1.0, (x - m) * v);
    loop {
        power *= square;
        divisor += 2.0;
        let next = sum - 2.0 * m * power / divisor;
        if next == sum {
            return sum;
        }
        sum = next;
    }
}

/// The gamma distribution with shape `a` > 0 and scale 1 at `x` >= 0: the regularised incomplete gamma functions P and Q.
pub(super) fn gamma_tails(a: f64, x: f64) -> LogTails {
    if !(a > 0.0 && a.is_finite() && x >= 0.0) {
        return LogTails::NOT_A_NUMBER;
    }
    if x == f64::INFINITY {
        return LogTails::of_upper(f64::NEG_INFINITY, f64::NEG_INFINITY);
    }
    // ln(xᵃ e⁻ˣ / Γ(a)); the density of ln x.
    let density = 0.5 * (a / std::f64::consts::TAU).ln() - stirling_error(a) - deviance(a, x);
    if density == f64::NEG_INFINITY {
        return if x < a { LogTails::of_lower(density, density) } else { LogTails::of_upper(density, density) };
    }
    if x < a + 1.0 {
        LogTails::of_lower(density - a.ln() + series(a, x).ln(), density)
    } else {
        LogTails::of_upper(density + continued_fraction(a, x).ln(), density)
    }
}

/// Σ xⁿ / ((a + 1) … (a + n)): Abramowitz and Stegun (1964), 6.5.29.
fn series(a: f64, x: f64) -> f64 {
    let (mut sum, mut term, mut n) = (1.0, 1.0, a);
    for _ in 0..MOST_ITERATIONS {
        n += 1.0;
        term *= x / n;
        sum += term;
        if term <= sum * f64::EPSILON / 4.0 {
            break;
        }
    }
    sum
}

/// Γ(a, x) / (xᵃ e⁻ˣ): Abramowitz and Stegun (1964), 6.5.31, contracted, by the modified method of Lentz.
fn continued_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = f64::INFINITY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for i in 1..MOST_ITERATIONS {
        let i = f64::from(i);
        let numerator = -i * (i - a);
        b += 2.0;
        d = 1.0 / (numerator * d + b);
        c = b + numerator / c;
        fraction *= c * d;
        if (c * d - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stirling_error_matches_the_log_gamma_function() {
        // mpmath, 40 digits: loggamma(z) - (log(2*pi/z)/2 + z*log(z) - z)
        for (z, expected) in [
            (0.05, 0.751_861_144_747_762_1),
            (0.5, 0.153_426_409_720_027_36),
            (1.0, 0.081_061_466_795_327_26),
            (3.7, 0.022_468_770_580_143_144),
            (14.999, 0.005_555_103_782_742_007),
            (15.0, 0.005_554_733_551_962_801),
            (200.5, 0.000_415_627_253_043_912_44),
            (1e6, 8.333_333_333_333_056e-8),
        ] {
            let error = stirling_error(z);
            assert!((error - expected).abs() <= 2e-15 * (1.0 + expected), "{z}: {error} is not {expected}");
        }
    }

    #[test]
    fn deviance_keeps_its_digits_near_zero() {
        // mpmath, 40 digits: m*log(m/x) + x - m, of the doubles m and x
        for (m, x, expected) in [
            (1000.5, 1003.25, 0.003_772_449_200_374_833_7),
            (3.0, 1.7, 0.403_952_112_817_817_9),
            (3.0, 1.5, 0.579_441_541_679_836),
            (3.0, 9.0, 2.704_163_133_995_671),
            (1e6, 1.0001e6, 0.004_999_666_691_664_667),
            (0.5, 400.0, 396.157_694_136_166),
        ] {
            let d = deviance(m, x);
            assert!((d / expected - 1.0).abs() < 1e-14, "{m} {x}: {d} is not {expected}");
        }
        assert_eq!(deviance(3.0, 3.0), 0.0);
        assert_eq!(deviance(3.0, 0.0), f64::INFINITY);
    }
}
