use super::LogTails;
use super::beta::beta_tails;
use super::solve::log_quantile;

/// P(F <= x) of the F distribution with real degrees of freedom `df1`, `df2` > 0.
pub fn f_cdf(x: f64, df1: f64, df2: f64) -> f64 {
    f_tails(x, df1, df2).lower.exp()
}

/// P(F > x) of the F distribution with real degrees of freedom `df1`, `df2` > 0.
pub fn f_sf(x: f64, df1: f64, df2: f64) -> f64 {
    f_tails(x, df1, df2).upper.exp()
}

/// The x with P(F <= x) = `p`, for 0 <= `p` <= 1, of the F distribution with real degrees of freedom `df1`, `df2` > 0.
///
/// What lies outside of e⁻⁷⁰⁰ … e⁷⁰⁰ is given as that bound; it takes degrees of freedom far below 1 to get there.
pub fn f_quantile(p: f64, df1: f64, df2: f64) -> f64 {
    let usable = |df: f64| df > 0.0 && df.is_finite();
    if !((0.0..=1.0).contains(&p) && usable(df1) && usable(df2)) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 { 0.0 } else { f64::INFINITY };
    }
    log_quantile(p, 0.0, |u| f_tails(u.exp(), df1, df2)).exp()
}

pub(super) fn f_tails(x: f64, df1: f64, df2: f64) -> LogTails {
    let odds = if x < 0.0 { 0.0 } else { df1 / df2 * x };
    // odds / (1 + odds) with neither of the two overflowing.
    let (share, rest) = if odds > 1.0 {
        (1.0 / (1.0 + 1.0 / odds), 1.0 / odds / (1.0 + 1.0 / odds))
    } else {
        (odds / (1.0 + odds), 1.0 / (1.0 + odds))
    };
    beta_tails(df1 / 2.0, df2 / 2.0, share, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tails_match_high_precision_values() {
        // mpmath, 60 digits: betainc(df1/2, df2/2, 0, df1*x/(df1*x + df2), regularized=True), and the other way round
        for (x, df1, df2, lower, upper) in [
            (1.794_678_492_239_47, 5.0, 18.0, 0.835_231_191_655_360_7, 0.164_768_808_344_639_25),
            (11.027_247_956_403_3, 5.0, 15.0, 0.999_865_433_483_515_6, 0.000_134_566_516_484_334_8),
            (0.01, 5.0, 15.0, 3.655_399_303_635_347e-5, 0.999_963_446_006_963_6),
            (3.3, 7.25, 0.8, 0.548_473_340_538_684_5, 0.451_526_659_461_315_5),
            (1e-9, 0.5, 3.0, 0.004_110_940_791_753_062, 0.995_889_059_208_246_9),
            (250.0, 1.3, 2.7, 0.999_076_368_441_422_9, 0.000_923_631_558_577_117_9),
            (1e6, 3.0, 4.5, 0.999_999_999_999_845_8, 1.541_561_613_898_754e-13),
            (1.9, 1599.0, 3198.0, 1.0, 9.240_109_644_893_44e-53),
            (0.97, 99_999.0, 123_456.5, 2.102_227_079_011_792_2e-7, 0.999_999_789_777_292_1),
            (30.0, 1.0, 1e6, 0.999_999_956_785_007_7, 4.321_499_222_254_309_5e-8),
            (0.5, 0.1, 0.1, 0.483_801_720_027_169_15, 0.516_198_279_972_830_9),
        ] {
            let found = (f_cdf(x, df1, df2), f_sf(x, df1, df2));
            assert!((found.0 / lower - 1.0).abs() < 1e-12, "{x} {df1} {df2}: {found:?} is not {lower}");
            assert!((found.1 / upper - 1.0).abs() < 1e-12, "{x} {df1} {df2}: {found:?} is not {upper}");
        }
    }

    #[test]
    fn quantiles_match_scipy() {
        // scipy 1.17: stats.f.ppf(p, df1, df2)
        for (p, df1, df2, expected) in [
            (0.975, 5.0, 15.0, 3.576_415_349_279_060_7),
            (0.975, 6.17, 5.0, 6.953_943_611_859_213),
            (0.025, 2.3, 0.9, 0.035_690_901_415_403_88),
            (1e-12, 3.0, 7.5, 7.580_841_356_208_52e-9),
            (0.5, 1e5, 2e5, 0.999_996_666_662_139_8),
            (0.975, 1599.0, 3198.0, 1.087_967_036_076_071_8),
            (0.975, 3.0, 1.02, 761.199_017_573_041_3),
        ] {
            let quantile = f_quantile(p, df1, df2);
            assert!((quantile / expected - 1.0).abs() < 1e-12, "{p} {df1} {df2}: {quantile} is not {expected}");
        }
    }

    #[test]
    fn tails_lead_back_to_quantiles() {
        for df1 in [0.3, 1.0, 7.7, 250.0, 1e5] {
            for df2 in [0.4, 2.0, 9.1, 800.0, 1e6] {
                for p in [1e-250, 1e-9, 0.025, 0.4, 0.6, 0.975, 1.0 - 1e-9] {
                    let x = f_quantile(p, df1, df2);
                    let back = if p > 0.5 { f_sf(x, df1, df2) / (1.0 - p) } else { f_cdf(x, df1, df2) / p };
                    let out_of_range = x < 1e-303;
                    assert!(out_of_range || (back - 1.0).abs() < 1e-10, "{p} {df1} {df2}: {x} {back}");
                    let other = 1.0 / f_quantile(1.0 - p, df2, df1);
                    assert!(p < 1e-3 || (x / other - 1.0).abs() < 1e-9, "{p} {df1} {df2}: {x} {other}");
                }
            }
        }
    }

    #[test]
    fn ends_and_outside() {
        assert_eq!((f_quantile(0.0, 3.0, 4.0), f_quantile(1.0, 3.0, 4.0)), (0.0, f64::INFINITY));
        assert_eq!((f_cdf(-1.0, 3.0, 4.0), f_sf(0.0, 3.0, 4.0)), (0.0, 1.0));
        assert_eq!((f_cdf(f64::INFINITY, 3.0, 4.0), f_sf(f64::INFINITY, 3.0, 4.0)), (1.0, 0.0));
        for (x, df1, df2) in [(f64::NAN, 3.0, 4.0), (1.0, 0.0, 4.0), (1.0, 3.0, -1.0), (1.0, f64::INFINITY, 4.0)] {
            assert!(f_cdf(x, df1, df2).is_nan() && f_sf(x, df1, df2).is_nan() && f_quantile(x, df1, df2).is_nan());
        }
    }
}
