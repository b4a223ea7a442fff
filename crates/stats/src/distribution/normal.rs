use super::gamma::gamma_tails;

/// P(Z <= z) of the standard normal distribution.
pub fn normal_cdf(z: f64) -> f64 {
    normal_sf(-z)
}

/// P(Z > z) of the standard normal distribution.
pub fn normal_sf(z: f64) -> f64 {
    // Z² / 2 has the gamma distribution with shape 1/2.
    let tails = gamma_tails(0.5, z * z / 2.0);
    if z > 0.0 { 0.5 * tails.upper.exp() } else { 0.5 + 0.5 * tails.lower.exp() }
}

/// The quantile of the standard normal distribution at 0 <= `p` <= 1, to full double precision.
///
/// Rational approximations PPND16 of Wichura, Applied Statistics 37 (1988), algorithm AS 241.
pub fn normal_quantile(p: f64) -> f64 {
    let centred = p - 0.5;
    if centred.abs() <= 0.425 {
        let r = 0.425 * 0.425 - centred * centred;
        return centred * polynomial(&CENTRE_NUMERATOR, r) / polynomial(&CENTRE_DENOMINATOR, r);
    }
    let tail = if centred < 0.0 { p } else { 1.0 - p };
    if tail == 0.0 {
        return f64::INFINITY.copysign(centred);
    }
    let r = (-tail.ln()).sqrt();
    let quantile = if r <= 5.0 {
        polynomial(&MIDDLE_NUMERATOR, r - 1.6) / polynomial(&MIDDLE_DENOMINATOR, r - 1.6)
    } else {
        polynomial(&TAIL_NUMERATOR, r - 5.0) / polynomial(&TAIL_DENOMINATOR, r - 5.0)
    };
    quantile.copysign(centred)
}

fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

const CENTRE_NUMERATOR: [f64; 8] = [
    3.387_132_872_796_366_5,
    133.141_667_891_784_38,
    1_971.590_950_306_551_3,
    13_731.693_765_509_46,
    45_921.953_931_549_87,
    67_265.770_927_008_7,
    33_430.575_583_588_13,
    2_509.080_928_730_122_7,
];
const CENTRE_DENOMINATOR: [f64; 8] = [
    1.0,
    42.313_330_701_600_91,
    687.187_007_492_057_9,
    5_394.196_021_424_751,
    21_213.794_301_586_597,
    39_307.895_800_092_71,
    28_729.085_735_721_943,
    5_226.495_278_852_854,
];
const MIDDLE_NUMERATOR: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    0.241_780_725_177_450_6,
    0.022_723_844_989_269_184,
    7.745_450_142_783_414e-4,
];
const MIDDLE_DENOMINATOR: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    0.689_767_334_985_1,
    0.148_103_976_427_480_08,
    0.015_198_666_563_616_457,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const TAIL_NUMERATOR: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    0.296_560_571_828_504_87,
    0.026_532_189_526_576_124,
    0.001_242_660_947_388_078_4,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const TAIL_DENOMINATOR: [f64; 8] = [
    1.0,
    0.599_832_206_555_888,
    0.136_929_880_922_735_8,
    0.014_875_361_290_850_615,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// √2 · erfinv(2p - 1) with 40 digits.
    #[test]
    fn matches_high_precision_values() {
        for (p, expected) in [
            (0.6, 0.253_347_103_135_799_8),
            (0.9, 1.281_551_565_544_600_5),
            (0.975, 1.959_963_984_540_054_2),
            (0.1, -1.281_551_565_544_600_5),
            (1e-6, -4.753_424_308_822_899),
            (1e-20, -9.262_340_089_798_408),
        ] {
            let quantile = normal_quantile(p);
            assert!((quantile - expected).abs() <= 1e-14 * expected.abs(), "{p}: {quantile} is not {expected}");
        }
        assert_eq!(normal_quantile(0.5), 0.0);
    }

    #[test]
    fn probabilities_match_high_precision_values() {
        // scipy.stats.norm.cdf, 1.12
        for (z, expected) in [
            (0.1, 0.539_827_837_277_029),
            (-1.0, 0.158_655_253_931_457_07),
            (1.959_963_984_540_054, 0.975),
            (-3.0, 0.001_349_898_031_630_093_3),
            (5.0, 0.999_999_713_348_428_1),
            (-6.0, 9.865_876_450_376_946e-10),
            (8.0, 0.999_999_999_999_999_3),
        ] {
            let probability = normal_cdf(z);
            assert!((probability - expected).abs() < 3e-16, "{z}: {probability} is not {expected}");
        }
    }

    #[test]
    fn quantile_and_probability_are_inverse() {
        for p in [0.001, 0.025, 0.3, 0.5, 0.77, 0.999] {
            assert!((normal_cdf(normal_quantile(p)) - p).abs() < 1e-15, "{p}");
        }
    }

    #[test]
    fn tails_match_high_precision_values() {
        // mpmath, 60 digits: erfc(z/sqrt(2))/2
        for (z, upper) in [
            (0.0, 0.5),
            (1e-6, 0.499_999_601_057_719_6),
            (0.3, 0.382_088_577_811_047_4),
            (1.0, 0.158_655_253_931_457_05),
            (1.7, 0.044_565_462_758_543_04),
            (1.96, 0.024_997_895_148_220_435),
            (5.0, 2.866_515_718_791_939e-7),
            (12.0, 1.776_482_112_077_679e-33),
            (37.0, 5.725_571_222_524_577e-300),
        ] {
            for found in [normal_sf(z), normal_cdf(-z)] {
                assert!((found / upper - 1.0).abs() < 1e-13, "{z}: {found} is not {upper}");
            }
            assert!((normal_cdf(z) - (1.0 - upper)).abs() < 1e-15);
        }
    }

    #[test]
    fn ends_and_outside() {
        assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!((normal_cdf(f64::INFINITY), normal_sf(f64::INFINITY)), (1.0, 0.0));
        assert!(normal_cdf(f64::NAN).is_nan() && normal_quantile(f64::NAN).is_nan() && normal_quantile(1.1).is_nan());
    }
}
