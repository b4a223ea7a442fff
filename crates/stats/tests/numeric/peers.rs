//! Figures of reference libraries, with the call that made them.

use assay_stats::numeric::{Divisor, IccForm, Limits, PairMeasure, intraclass_correlations, kendall_w};

use super::table::{PEAK_FLOW, SHROUT_FLEISS, TIED, assert_close, assert_estimate, complete, differences, pair};

#[test]
fn intraclass_correlations_equal_psych() {
    // R, psych 2.2.9: ICC(sf, lmer = FALSE)
    let expected = [
        (IccForm::OneWaySingle, 0.165741768405476, -0.132932324874751, 0.722560062328121),
        (IccForm::AgreementSingle, 0.289763779527559, 0.018786513374712, 0.761084369648953),
        (IccForm::ConsistencySingle, 0.714840714840715, 0.342464765033925, 0.94585825995536),
        (IccForm::OneWayAverage, 0.442797133679269, -0.884442155238119, 0.912415420340776),
        (IccForm::AgreementAverage, 0.620050547598989, 0.0711368153025035, 0.927232040167722),
        (IccForm::ConsistencyAverage, 0.909315542377069, 0.675674713816305, 0.985891678169062),
    ];
    for (icc, (form, value, low, high)) in intraclass_correlations(&complete(&SHROUT_FLEISS)).iter().zip(expected) {
        assert_eq!(icc.form, form);
        assert_estimate(&icc.estimate, value, low, high);
        let test = icc.test.unwrap();
        let one_way = matches!(form, IccForm::OneWaySingle | IccForm::OneWayAverage);
        assert_eq!((test.df1, test.df2), (5, if one_way { 18 } else { 15 }));
        assert_close(test.f, if one_way { 1.79467849223947 } else { 11.0272479564033 }, 1e-9);
        assert_close(test.p, if one_way { 0.16476880834464 } else { 0.000134566516484337 }, 1e-9);
    }
}

#[test]
fn concordance_with_ties_equals_the_r_package() {
    // R, irr 0.84: kendall(t(matrix(…)), correct = TRUE) of the same ranks: Wt, Chisq, p; and 12 S / (k² (n³ - n))
    let w = kendall_w(&complete(&SHROUT_FLEISS));
    assert_close(w.corrected.value.unwrap(), 0.887037037037037, 1e-12);
    assert_close(w.uncorrected.value.unwrap(), 0.855357142857143, 1e-12);
    let test = w.test.unwrap();
    assert_close(test.chi_squared, 17.7407407407407, 1e-12);
    assert_eq!(test.df, 5);
    assert_close(test.p, 0.003289509243680281, 1e-12);
}

#[test]
fn correlations_of_continuous_values_equal_scipy() {
    // scipy 1.17: pearsonr(x, y), pearsonr(x, y).confidence_interval()
    let pearson = pair(&PEAK_FLOW, PairMeasure::PearsonR);
    assert_estimate(&pearson, 0.9432794468909461, 0.8463588087924647, 0.9797313373519239);
    // spearmanr(x, y); tanh(arctanh(rho) ± norm.ppf(.975) * sqrt((1 + rho**2/2) / (n - 3)))
    assert_estimate(
        &pair(&PEAK_FLOW, PairMeasure::SpearmanRho),
        0.8995098039215688,
        0.690464083903149,
        0.969890653627779,
    );
    // kendalltau(x, y); Brown and Benedetti's ASE1 from the table of counts, numpy
    assert_estimate(
        &pair(&PEAK_FLOW, PairMeasure::KendallTauB),
        0.764705882352941,
        0.47597462654021366,
        0.9046293963170776,
    );
}

#[test]
fn correlations_with_ties_equal_scipy() {
    // as above
    assert_estimate(&pair(&TIED, PairMeasure::PearsonR), 0.8797202473667961, 0.6176567862240746, 0.9659432972442488);
    assert_estimate(&pair(&TIED, PairMeasure::SpearmanRho), 0.8763636363636363, 0.5308163024501973, 0.972064293092274);
    assert_estimate(&pair(&TIED, PairMeasure::KendallTauB), 0.7894736842105263, 0.5871954988163458, 0.8989443974227189);
}

#[test]
fn concordance_correlation_equals_epi_ccc() {
    // numpy: the formulas of R, epiR's epi.ccc(x, y, ci = "z-transform")
    assert_estimate(
        &pair(&PEAK_FLOW, PairMeasure::LinCcc(Divisor::N)),
        0.9427424314274845,
        0.8504918731685603,
        0.9787262791701226,
    );
    assert_estimate(
        &pair(&TIED, PairMeasure::LinCcc(Divisor::N)),
        0.8700361010830326,
        0.6212313961003982,
        0.9594902446781569,
    );
    // 2 cov(x, y)[0, 1] / (var(x, ddof=1) + var(y, ddof=1) + (mean(x) - mean(y))**2)
    let n_minus_one = PairMeasure::LinCcc(Divisor::NMinusOne);
    assert_close(pair(&PEAK_FLOW, n_minus_one).value.unwrap(), 0.9427524674224534, 1e-12);
    assert_close(pair(&TIED, n_minus_one).value.unwrap(), 0.8705599036724866, 1e-12);
}

#[test]
fn differences_equal_scipy() {
    let found = differences(&PEAK_FLOW, Limits::default());
    // numpy mean(d); scipy t.interval(.95, 16, mean(d), sem(d))
    assert_estimate(&found.bias, -2.1176470588235294, -22.048837696642877, 17.81354357899582);
    // std(d, ddof=1); sd * sqrt(16 / chi2.ppf([.975, .025], 16))
    assert_estimate(&found.sd, 38.76512987360738, 28.871099451857706, 58.99777336142173);
    // mean ± 1.96 sd, each ± t.ppf(.975, 16) * sd * sqrt(1/17 + 1.96**2/32)
    assert_estimate(&found.lower, -78.097301611094, -112.85337790919502, -43.34122531299298);
    assert_estimate(&found.upper, 73.86200749344692, 39.10593119534591, 108.61808379154795);
}
