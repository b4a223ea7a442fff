//! Figures as they are printed in papers and textbooks.

use assay_stats::Threads;
use assay_stats::numeric::{
    Limits, LimitsError, Missing, Multiplier, PairMeasure, Pairs, intraclass_correlations, kendall_w, mean_over_pairs,
};

use super::table::{PEAK_FLOW, SHROUT_FLEISS, complete, differences, full, pair};

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// Shrout and Fleiss (1979), table 4.
#[test]
fn intraclass_correlations_of_shrout_and_fleiss() {
    let found = intraclass_correlations(&complete(&SHROUT_FLEISS)).map(|icc| rounded(icc.estimate.value.unwrap(), 2));
    assert_eq!(found, [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]);
    let names = intraclass_correlations(&complete(&SHROUT_FLEISS)).map(|icc| icc.form.shrout_fleiss());
    assert_eq!(names, ["ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)"]);
}

/// Bland and Altman (1986): bias -2.1, sd 38.8, limits -79.7 and 75.5 (from the rounded sd), standard error of the limits 16.3, and their
/// intervals.
#[test]
fn limits_of_agreement_of_bland_and_altman() {
    let limits = Limits { multiplier: Multiplier::Two, error: LimitsError::BlandAltman1986 };
    let found = differences(&PEAK_FLOW, limits);
    assert_eq!(rounded(found.bias.value.unwrap(), 1), -2.1);
    assert_eq!(rounded(found.sd.value.unwrap(), 1), 38.8);
    assert_eq!(rounded(found.limits_error.unwrap(), 1), 16.3);
    let bias = found.bias.interval.unwrap();
    assert_eq!((rounded(bias.low, 1), rounded(bias.high, 1)), (-22.0, 17.8));
    for (estimate, [value, low, high]) in [(found.lower, [-79.7, -114.3, -45.1]), (found.upper, [75.5, 40.9, 110.1])] {
        let interval = estimate.interval.unwrap();
        for (found, printed) in [(estimate.value.unwrap(), value), (interval.low, low), (interval.high, high)] {
            assert!((found - printed).abs() < 0.2, "{found} is not {printed}");
        }
    }
}

/// Bland and Altman (1986): r = 0.94 between the two meters.
#[test]
fn correlation_of_bland_and_altman() {
    assert_eq!(rounded(pair(&PEAK_FLOW, PairMeasure::PearsonR).value.unwrap(), 2), 0.94);
}

/// Siegel (1956), chapter 9: six applicants ranked by three executives; s = 25.5, W = 0.16.
#[test]
fn concordance_of_siegel() {
    let ranks = [[1.0, 1.0, 6.0], [6.0, 5.0, 3.0], [3.0, 6.0, 2.0], [2.0, 4.0, 5.0], [5.0, 2.0, 4.0], [4.0, 3.0, 1.0]];
    let w = kendall_w(&complete(&ranks));
    assert_eq!(rounded(w.corrected.value.unwrap(), 2), 0.16);
    assert_eq!(w.corrected.value, w.uncorrected.value, "no ties");
    // Kendall: the mean of Spearman's rho over pairs of k raters is (k W - 1) / (k - 1).
    let mean = mean_over_pairs(
        &Pairs::new(&full(&ranks), Missing::Pairwise, Threads::ONE),
        PairMeasure::SpearmanRho,
        Threads::ONE,
    )
    .value
    .unwrap();
    assert!((mean - (3.0 * w.corrected.value.unwrap() - 1.0) / 2.0).abs() < 1e-15);
}
