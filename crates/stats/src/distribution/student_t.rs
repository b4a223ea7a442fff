use super::f::{f_quantile, f_tails};
use super::normal::normal_quantile;

/// From here on the expansion in powers of 1/df is as exact as the finite sum, and does not grow with df.
const MANY_DEGREES: f64 = 400.0;

/// Where the two fast ways are exact to full precision.
const ORDINARY: std::ops::RangeInclusive<f64> = 0.5..=0.9995;

/// P(T <= t) of Student's t distribution with real `df` > 0 degrees of freedom.
pub fn student_t_cdf(t: f64, df: f64) -> f64 {
    student_t_sf(-t, df)
}

/// P(T > t) of Student's t distribution with real `df` > 0 degrees of freedom.
pub fn student_t_sf(t: f64, df: f64) -> f64 {
    // T² has the F distribution with 1 and df degrees of freedom.
    let tails = f_tails(t * t, 1.0, df);
    if t > 0.0 { 0.5 * tails.upper.exp() } else { 0.5 + 0.5 * tails.lower.exp() }
}

/// The t with P(T <= t) = `p`, for 0 <= `p` <= 1, of Student's t distribution with real `df` > 0 degrees of freedom.
///
/// Intervals ask for it once per figure, often for half a million pairs: whole degrees of freedom and ordinary `p` have ways of their own.
pub fn student_t_quantile(p: f64, df: f64) -> f64 {
    let whole = df.fract() == 0.0 && df >= 1.0;
    if p < 0.5 {
        -positive_quantile(1.0 - 2.0 * p, p, df)
    } else if ORDINARY.contains(&p) && df.is_finite() && df >= MANY_DEGREES {
        expansion(normal_quantile(p), df)
    } else if ORDINARY.contains(&p) && whole && df < MANY_DEGREES {
        by_newton(2.0 * p - 1.0, df as u64)
    } else {
        positive_quantile(2.0 * p - 1.0, 1.0 - p, df)
    }
}

/// The t with P(T > t) = `tail` or, which is the same, P(|T| <= t) = `central`.
fn positive_quantile(central: f64, tail: f64, df: f64) -> f64 {
    // The reciprocal of F(1, df) has the distribution F(df, 1): whichever tail is the smaller one is asked for by itself.
    let square = if central < 0.5 { f_quantile(central, 1.0, df) } else { 1.0 / f_quantile(2.0 * tail, df, 1.0) };
    square.sqrt()
}

/// Cornish-Fisher expansion: Abramowitz and Stegun (1964), 26.7.5, with the term of order five.
fn expansion(z: f64, n: f64) -> f64 {
    let s = z * z;
    let g1 = (s + 1.0) / 4.0;
    let g2 = ((5.0 * s + 16.0) * s + 3.0) / 96.0;
    let g3 = (((3.0 * s + 19.0) * s + 17.0) * s - 15.0) / 384.0;
    let g4 = ((((79.0 * s + 776.0) * s + 1482.0) * s - 1920.0) * s - 945.0) / 92_160.0;
    let g5 = (((((27.0 * s + 339.0) * s + 930.0) * s - 1782.0) * s - 765.0) * s + 17_955.0) / 368_640.0;
    z * (1.0 + (g1 + (g2 + (g3 + (g4 + g5 / n) / n) / n) / n) / n)
}

/// Solves P(|T| <= t) = `central` in the angle θ = atan(t / √df). The probability is concave in θ, so Newton's steps from 0
/// approach the solution from below and end where rounding stops them.
fn by_newton(central: f64, df: u64) -> f64 {
    let mut angle = 0.0_f64;
    loop {
        let (probability, density) = central_probability(angle, df);
        let next = angle + (central - probability) / density;
        if next <= angle || next >= std::f64::consts::FRAC_PI_2 {
            return (df as f64).sqrt() * angle.tan();
        }
        angle = next;
    }
}

/// P(|T| <= √df · tan θ) and its derivative with respect to θ: Abramowitz and Stegun (1964), 26.7.3 and 26.7.4, as a recurrence
/// over the degrees of freedom of one parity.
fn central_probability(angle: f64, df: u64) -> (f64, f64) {
    let (sin, cos) = angle.sin_cos();
    let (mut probability, mut scale, mut power, mut n) = if df % 2 == 1 {
        (angle * std::f64::consts::FRAC_2_PI, std::f64::consts::FRAC_2_PI, 1.0 / cos, 1)
    } else {
        (sin, 1.0, 1.0, 2)
    };
    // Here `power` is cos^(n-2) θ and `scale` the constant of the density, scale · cos^(n-1) θ.
    while n < df {
        n += 2;
        scale *= (n - 1) as f64 / (n - 2) as f64;
        power *= cos * cos;
        probability += scale * power * sin / (n - 1) as f64;
    }
    (probability, scale * power * cos)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Roots of the regularised incomplete beta function with 40 digits.
    #[test]
    fn matches_high_precision_values() {
        for (p, df, expected) in [
            (0.9, 1, 3.077_683_537_175_253_4),
            (0.975, 1, 12.706_204_736_174_705),
            (0.9995, 1, 636.619_248_768_719_6),
            (0.9, 2, 1.885_618_083_164_126_7),
            (0.975, 2, 4.302_652_729_749_464),
            (0.975, 3, 3.182_446_305_283_709_6),
            (0.9995, 4, 8.610_301_581_379_275),
            (0.975, 7, 2.364_624_251_592_785_3),
            (0.975, 10, 2.228_138_851_986_275),
            (0.975, 29, 2.045_229_642_132_703),
            (0.975, 100, 1.983_971_518_523_552_2),
            (0.9995, 100, 3.390_491_311_164_23),
            (0.975, 999, 1.962_341_461_133_45),
            (0.9995, 999, 3.300_292_440_398_735_5),
            (0.9, 1000, 1.282_398_721_460_924_4),
            (0.975, 5000, 1.960_438_551_706_508),
            (0.975, 1_000_000, 1.959_966_356_814_107),
            (0.975, 1_000_000_000, 1.959_963_986_912_325_5),
        ] {
            let quantile = student_t_quantile(p, f64::from(df));
            assert!((quantile / expected - 1.0).abs() < 1e-12, "{p} {df}: {quantile} is not {expected}");
        }
    }

    #[test]
    fn upper_tail_matches_high_precision_values() {
        // mpmath, 60 digits: betainc(df/2, 1/2, 0, df/(df + t*t), regularized=True)/2
        for (t, df, upper) in [
            (0.001, 3.0, 0.499_632_447_484_730_46),
            (2.5, 0.4, 0.228_475_757_776_293_14),
            (1.96, 1.0, 0.150_171_445_888_016_56),
            (3.2, 7.3, 0.007_119_834_019_329_156_6),
            (12.0, 4.0, 0.000_138_214_274_251_486_49),
            (40.0, 50.5, 3.287_886_345_628_384e-40),
            (1e5, 2.0, 4.999_999_999_25e-11),
            (5.0, 1e6, 2.866_998_935_445_371e-7),
            (1e-9, 10.0, 0.499_999_999_610_891_64),
        ] {
            for found in [student_t_sf(t, df), student_t_cdf(-t, df)] {
                assert!((found / upper - 1.0).abs() < 1e-12, "{t} {df}: {found} is not {upper}");
            }
            assert!((student_t_cdf(t, df) - (1.0 - upper)).abs() < 1e-15);
        }
    }

    #[test]
    fn fractions_of_degrees_and_far_tails_match_scipy() {
        // scipy 1.17: stats.t.ppf(p, df)
        for (p, df, expected) in [
            (0.975, 3.5, 2.940_088_637_982_728_2),
            (1e-12, 5.0, -393.956_959_577_603_75),
            (0.25, 0.6, -1.333_797_950_928_976_6),
            (0.999_999, 1000.0, 4.781_608_620_452_439),
            (1e-300, 30.0, -50_178_575_360.505_08),
        ] {
            let quantile = student_t_quantile(p, df);
            assert!((quantile / expected - 1.0).abs() < 1e-12, "{p} {df}: {quantile} is not {expected}");
        }
    }

    #[test]
    fn ends_and_outside() {
        assert_eq!((student_t_quantile(0.0, 3.0), student_t_quantile(1.0, 3.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!((student_t_sf(f64::INFINITY, 3.0), student_t_cdf(f64::INFINITY, 3.0)), (0.0, 1.0));
        for (p, df) in [(-0.1, 3.0), (1.1, 3.0), (f64::NAN, 3.0), (0.9, 0.0), (0.9, f64::NAN), (0.9, f64::INFINITY)] {
            assert!(student_t_quantile(p, df).is_nan(), "{p} {df}");
        }
    }

    #[test]
    fn the_two_ways_meet() {
        let below = by_newton(0.95, MANY_DEGREES as u64);
        let above = expansion(normal_quantile(0.975), MANY_DEGREES);
        assert!((below / above - 1.0).abs() < 1e-13, "{below} {above}");
    }

    #[test]
    fn the_median_is_zero() {
        assert_eq!(student_t_quantile(0.5, 5.0), 0.0);
        assert_eq!(student_t_quantile(0.5, 5000.0), 0.0);
    }
}
