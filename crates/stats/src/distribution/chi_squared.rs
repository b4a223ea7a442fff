use super::gamma::gamma_tails;
use super::normal::normal_quantile;
use super::solve::log_quantile;

/// P(X <= x) of the chi-squared distribution with real `df` > 0 degrees of freedom.
pub fn chi_squared_cdf(x: f64, df: f64) -> f64 {
    gamma_tails(df / 2.0, if x < 0.0 { 0.0 } else { x / 2.0 }).lower.exp()
}

/// P(X > x) of the chi-squared distribution with real `df` > 0 degrees of freedom.
pub fn chi_squared_sf(x: f64, df: f64) -> f64 {
    gamma_tails(df / 2.0, if x < 0.0 { 0.0 } else { x / 2.0 }).upper.exp()
}

/// The x with P(X <= x) = `p`, for 0 <= `p` <= 1, of the chi-squared distribution with real `df` > 0 degrees of freedom.
pub fn chi_squared_quantile(p: f64, df: f64) -> f64 {
    if !((0.0..=1.0).contains(&p) && df > 0.0 && df.is_finite()) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 { 0.0 } else { f64::INFINITY };
    }
    log_quantile(p, start(p, df), |u| gamma_tails(df / 2.0, u.exp() / 2.0)).exp()
}

/// The logarithm of Wilson and Hilferty's (1931) approximation, where it is positive; of the mean otherwise.
fn start(p: f64, df: f64) -> f64 {
    let c = 2.0 / (9.0 * df);
    let root = 1.0 - c + normal_quantile(p) * c.sqrt();
    df.ln() + if root > 0.01 { 3.0 * root.ln() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tails_match_high_precision_values() {
        // mpmath, 60 digits: gammainc(df/2, 0, x/2, regularized=True) and gammainc(df/2, x/2, inf, regularized=True)
        for (x, df, lower, upper) in [
            (0.004, 1.0, 0.050_429_028_848_894_91, 0.949_570_971_151_105_1),
            (3.84, 1.0, 0.949_956_478_751_294_9, 0.050_043_521_248_705_106),
            (17.740_740_740_740_74, 5.0, 0.996_710_490_756_319_7, 0.003_289_509_243_680_281),
            (1e-8, 3.5, 1.848_478_479_006_242_6e-15, 0.999_999_999_999_998_1),
            (1400.0, 2.5, 1.0, 5.597_202_323_991_38e-304),
            (1.2, 0.3, 0.925_960_072_518_399_5, 0.074_039_927_481_600_5),
            (2100.0, 1599.0, 0.999_999_999_999_999_7, 3.112_913_637_836_982_4e-16),
            (3697.0, 1599.0, 1.0, 2.982_969_430_324_949_4e-167),
            (1_000_500.0, 1e6, 0.638_317_768_289_695_7, 0.361_682_231_710_304_4),
            (990_000.0, 1e6, 6.500_171_180_085_838e-13, 0.999_999_999_999_35),
        ] {
            let found = (chi_squared_cdf(x, df), chi_squared_sf(x, df));
            assert!((found.0 / lower - 1.0).abs() < 1e-12, "{x} {df}: {found:?} is not {lower}");
            assert!((found.1 / upper - 1.0).abs() < 1e-12, "{x} {df}: {found:?} is not {upper}");
        }
    }

    #[test]
    fn quantiles_match_scipy() {
        // scipy 1.17: stats.chi2.ppf(p, df)
        for (p, df, expected) in [
            (0.975, 3.5, 10.262_104_227_928_704),
            (1e-10, 0.7, 3.860_163_949_546_055_3e-29),
            (1e-300, 2.0, 2e-300),
            (0.5, 1e6, 999_999.333_333_412_3),
            (0.025, 1599.0, 1_490.068_642_804_401_2),
            (0.999, 0.2, 6.727_354_023_437_507),
        ] {
            let quantile = chi_squared_quantile(p, df);
            assert!((quantile / expected - 1.0).abs() < 1e-12, "{p} {df}: {quantile} is not {expected}");
        }
    }

    #[test]
    fn ends_and_outside() {
        assert_eq!((chi_squared_quantile(0.0, 3.0), chi_squared_quantile(1.0, 3.0)), (0.0, f64::INFINITY));
        assert_eq!((chi_squared_cdf(-1.0, 3.0), chi_squared_sf(-1.0, 3.0)), (0.0, 1.0));
        assert_eq!((chi_squared_cdf(f64::INFINITY, 3.0), chi_squared_sf(f64::INFINITY, 3.0)), (1.0, 0.0));
        for (x, df) in [(f64::NAN, 3.0), (1.0, 0.0), (1.0, -2.0), (1.0, f64::NAN), (1.0, f64::INFINITY)] {
            assert!(chi_squared_cdf(x, df).is_nan() && chi_squared_sf(x, df).is_nan());
            assert!(chi_squared_quantile(x, df).is_nan());
        }
    }
}
