use assay_stats::numeric::{
    Complete, Divisor, Icc, IccForm, Limits, Missing, PairMeasure, Pairs, by_pair, intraclass_correlations, kendall_w,
    mean_over_pairs,
};
use assay_stats::{Estimate, Threads, Undefined};

use super::table::{SHROUT_FLEISS, complete, differences, full, pair, scores};

pub const MEASURES: [PairMeasure; 9] = [
    PairMeasure::PearsonR,
    PairMeasure::SpearmanRho,
    PairMeasure::KendallTauB,
    PairMeasure::LinCcc(Divisor::N),
    PairMeasure::LinCcc(Divisor::NMinusOne),
    PairMeasure::MeanDifference,
    PairMeasure::DifferenceSd,
    PairMeasure::LowerLimit(LIMITS),
    PairMeasure::UpperLimit(LIMITS),
];
const LIMITS: Limits = Limits {
    multiplier: assay_stats::numeric::Multiplier::Two,
    error: assay_stats::numeric::LimitsError::BlandAltman1999,
};

fn icc(found: &[Icc; 6], form: IccForm) -> Icc {
    *found.iter().find(|icc| icc.form == form).unwrap()
}

fn reasons(estimate: &Estimate) -> (Option<Undefined>, Option<Undefined>) {
    (estimate.value.err(), estimate.interval.err())
}

#[track_caller]
fn nothing_is_defined(items: &[Vec<Option<f64>>], of_all: Undefined, of_pairs: Undefined) {
    let scores = scores(items);
    let complete = Complete::new(&scores);
    for icc in intraclass_correlations(&complete) {
        assert_eq!((reasons(&icc.estimate), icc.test), ((Some(of_all), Some(of_all)), Err(of_all)));
    }
    let w = kendall_w(&complete);
    assert_eq!((w.corrected.value, w.uncorrected.value, w.test), (Err(of_all), Err(of_all), Err(of_all)));
    let pairs = Pairs::new(&scores, Missing::Pairwise, Threads::ONE);
    assert!(pairs.is_empty() && by_pair(&pairs, PairMeasure::PearsonR, Threads::ONE).is_empty());
    for measure in MEASURES {
        assert_eq!(reasons(&mean_over_pairs(&pairs, measure, Threads::ONE)), (Some(of_pairs), Some(of_pairs)));
    }
}

#[test]
fn nothing_to_compare() {
    nothing_is_defined(&[], Undefined::NoRatings, Undefined::NoRatings);
    nothing_is_defined(&[vec![None, None]], Undefined::NoRatings, Undefined::NoRatings);
    nothing_is_defined(&[vec![Some(1.0)], vec![Some(2.0)]], Undefined::OneRater, Undefined::OneRater);
    let apart = [vec![Some(1.0), None], vec![None, Some(2.0)]];
    nothing_is_defined(&apart, Undefined::NoCompleteItems, Undefined::NoPairableItems);
    let listwise = Pairs::new(&scores(&apart), Missing::Listwise, Threads::ONE);
    assert_eq!(mean_over_pairs(&listwise, PairMeasure::PearsonR, Threads::ONE).value, Err(Undefined::NoCompleteItems));
    assert_eq!(listwise.dropped_items(), 2);
}

#[test]
fn one_item_has_a_difference_and_nothing_else() {
    let one = [[1.0, 3.0]];
    assert_eq!(intraclass_correlations(&complete(&one))[0].estimate.value, Err(Undefined::OneItem));
    assert_eq!(kendall_w(&complete(&one)).corrected.value, Err(Undefined::OneItem));
    for measure in MEASURES {
        let expected = if measure == PairMeasure::MeanDifference { Ok(-2.0) } else { Err(Undefined::OneItem) };
        let found = pair(&one, measure);
        assert_eq!((found.value, found.interval), (expected, Err(Undefined::OneItem)), "{measure:?}");
        let mean = mean_over_pairs(&Pairs::new(&full(&one), Missing::Pairwise, Threads::ONE), measure, Threads::ONE);
        assert_eq!(mean.value, expected.map_err(|_| Undefined::NoDefinedPair));
        assert!(mean.interval.is_err());
    }
}

#[test]
fn nobody_tells_items_apart() {
    let constant = [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0], [2.0, 2.0, 2.0]];
    for icc in intraclass_correlations(&complete(&constant)) {
        assert_eq!((icc.estimate.value, icc.test), (Err(Undefined::ZeroVariance), Err(Undefined::ZeroVariance)));
    }
    let w = kendall_w(&complete(&constant));
    assert_eq!((w.corrected.value, w.uncorrected.value), (Err(Undefined::ZeroVariance), Err(Undefined::ZeroVariance)));
    for measure in &MEASURES[..5] {
        assert_eq!(pair(&constant, *measure).value, Err(Undefined::ZeroVariance));
        let mean =
            mean_over_pairs(&Pairs::new(&full(&constant), Missing::Pairwise, Threads::ONE), *measure, Threads::ONE);
        assert_eq!(mean.value, Err(Undefined::NoDefinedPair));
    }
    let differences = differences(&constant, LIMITS);
    assert_eq!((differences.bias.value, differences.bias.interval), (Ok(0.0), Err(Undefined::ZeroVariance)));
    assert_eq!((differences.sd.value, differences.sd.interval), (Ok(0.0), Err(Undefined::ZeroVariance)));
    assert_eq!((differences.lower.value, differences.limits_error), (Ok(0.0), Err(Undefined::ZeroVariance)));
}

#[test]
fn one_constant_rater_is_no_correlation_but_no_concordance_either() {
    let items = [[1.0, 2.0], [2.0, 2.0], [3.0, 2.0], [5.0, 2.0]];
    for measure in &MEASURES[..3] {
        assert_eq!(pair(&items, *measure).value, Err(Undefined::ZeroVariance));
    }
    let ccc = pair(&items, PairMeasure::LinCcc(Divisor::N));
    assert_eq!((ccc.value, ccc.interval), (Ok(0.0), Err(Undefined::ZeroVariance)));
    assert!(kendall_w(&complete(&items)).corrected.value.is_ok());
}

#[test]
fn perfect_agreement_is_one_without_interval_or_finite_f() {
    let same = [[0.1, 0.1, 0.1], [0.7, 0.7, 0.7], [0.3, 0.3, 0.3], [12.9, 12.9, 12.9], [0.2, 0.2, 0.2]];
    for icc in intraclass_correlations(&complete(&same)) {
        let found = (icc.estimate.value, icc.estimate.interval, icc.test);
        assert_eq!(found, (Ok(1.0), Err(Undefined::ZeroVariance), Err(Undefined::InfiniteF)), "{:?}", icc.form);
    }
    let w = kendall_w(&complete(&same));
    assert_eq!((w.corrected.value, w.corrected.interval), (Ok(1.0), Err(Undefined::NoAnalyticInterval)));
    for measure in &MEASURES[..5] {
        let found = pair(&same, *measure);
        assert_eq!((found.value, found.interval), (Ok(1.0), Err(Undefined::ZeroVariance)), "{measure:?}");
    }
}

#[test]
fn a_constant_shift_spoils_agreement_but_not_consistency() {
    let shifted = [[0.1, 0.4], [0.7, 1.0], [0.3, 0.6], [12.9, 13.2], [0.2, 0.5]];
    let found = intraclass_correlations(&complete(&shifted));
    let consistency = icc(&found, IccForm::ConsistencySingle);
    assert_eq!((consistency.estimate.value, consistency.test), (Ok(1.0), Err(Undefined::InfiniteF)));
    let agreement = icc(&found, IccForm::AgreementSingle).estimate;
    let interval = agreement.interval.unwrap();
    assert!(interval.low < agreement.value.unwrap() && agreement.value.unwrap() < interval.high && interval.high < 1.0);
    let differences = differences(&shifted, LIMITS);
    assert_eq!((differences.sd.value, differences.bias.interval), (Ok(0.0), Err(Undefined::ZeroVariance)));
}

#[test]
fn items_that_do_not_differ_have_single_forms_only() {
    // Both items have the mean 2.
    let found = intraclass_correlations(&complete(&[[1.0, 3.0], [3.0, 1.0]]));
    for form in [IccForm::OneWaySingle, IccForm::ConsistencySingle] {
        assert_eq!(icc(&found, form).estimate.value, Ok(-1.0));
        assert_eq!(icc(&found, form).test.unwrap().p, 1.0);
    }
    for form in [IccForm::OneWayAverage, IccForm::ConsistencyAverage] {
        assert_eq!(icc(&found, form).estimate.value, Err(Undefined::ZeroVariance));
    }
    assert_eq!(icc(&found, IccForm::AgreementAverage).estimate.value, Err(Undefined::NonPositiveVariance));
}

#[test]
fn extreme_units_of_measurement_change_nothing() {
    let plain = intraclass_correlations(&complete(&SHROUT_FLEISS));
    // Powers of two, which change no digit.
    for unit in [2.0_f64.powi(320), 2.0_f64.powi(-320)] {
        let items = SHROUT_FLEISS.map(|row| row.map(|value| value * unit));
        assert_eq!(intraclass_correlations(&complete(&items)), plain);
        for measure in &MEASURES[..5] {
            assert_eq!(pair(&items, *measure), pair(&SHROUT_FLEISS, *measure));
        }
        let bias = pair(&items, PairMeasure::MeanDifference).value.unwrap();
        assert_eq!(bias, pair(&SHROUT_FLEISS, PairMeasure::MeanDifference).value.unwrap() * unit);
    }
}

#[test]
fn intervals_need_items() {
    let three = [[1.0, 2.0], [2.0, 1.0], [3.0, 4.0]];
    assert!(pair(&three, PairMeasure::PearsonR).value.is_ok());
    assert_eq!(pair(&three, PairMeasure::PearsonR).interval, Err(Undefined::TooFewItems));
    assert_eq!(pair(&three, PairMeasure::SpearmanRho).interval, Err(Undefined::TooFewItems));
    assert!(pair(&three, PairMeasure::LinCcc(Divisor::N)).interval.is_ok());
    assert_eq!(pair(&three[..2], PairMeasure::LinCcc(Divisor::N)).interval, Err(Undefined::TooFewItems));
}

#[test]
fn codes_are_stable() {
    let codes = [
        (Undefined::NoCompleteItems, "no_complete_items"),
        (Undefined::TooFewItems, "too_few_items"),
        (Undefined::NonPositiveVariance, "non_positive_variance"),
        (Undefined::InfiniteF, "infinite_f"),
        (Undefined::NoAnalyticInterval, "no_analytic_interval"),
    ];
    for (reason, code) in codes {
        assert_eq!(reason.code(), code);
    }
}
