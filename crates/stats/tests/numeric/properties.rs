use assay_stats::numeric::{
    Complete, Divisor, IccForm, Limits, Missing, PairMeasure, Pairs, Scores, bland_altman, by_pair,
    intraclass_correlations, kendall_w, mean_over_pairs,
};
use assay_stats::{Estimate, Threads, Undefined};
use proptest::prelude::*;

use super::table::scores;
use super::undefined::MEASURES;

type Items = Vec<Vec<Option<f64>>>;

/// Items by raters: most are there, in steps of `step`, around a mean of their own.
fn items(raters: usize, step: f64, missing: f64) -> impl Strategy<Value = Items> {
    let cell = move |level: i32| {
        prop::option::weighted(1.0 - missing, (-2..3).prop_map(move |off| f64::from(level + off) * step))
    };
    let row = (0..6).prop_flat_map(move |level| prop::collection::vec(cell(level), raters));
    prop::collection::vec(row, 0..30)
}

fn any_items() -> impl Strategy<Value = Items> {
    (2..5_usize, prop::sample::select(vec![1.0, 0.5, 0.1, 1e6, 1e98, 1e-98]))
        .prop_flat_map(|(raters, step)| items(raters, step, 0.15))
}

/// Every figure that does not depend on which rater is the first of two.
fn figures(scores: &Scores) -> Vec<Estimate> {
    let complete = Complete::new(scores);
    let w = kendall_w(&complete);
    let mut figures: Vec<Estimate> = intraclass_correlations(&complete).map(|icc| icc.estimate).to_vec();
    figures.extend([w.corrected, w.uncorrected]);
    for missing in [Missing::Pairwise, Missing::Listwise] {
        let pairs = Pairs::new(scores, missing, Threads::ONE);
        figures.extend(MEASURES[..5].iter().map(|&measure| mean_over_pairs(&pairs, measure, Threads::ONE)));
    }
    figures
}

fn of_pairs(scores: &Scores, measure: PairMeasure) -> Vec<Estimate> {
    by_pair(&Pairs::new(scores, Missing::Pairwise, Threads::ONE), measure, Threads::ONE)
        .iter()
        .map(|pair| pair.estimate)
        .collect()
}

fn map(items: &Items, change: impl Fn(usize, f64) -> f64) -> Items {
    let row = |row: &Vec<Option<f64>>| {
        row.iter().enumerate().map(|(rater, value)| value.map(|value| change(rater, value))).collect()
    };
    items.iter().map(row).collect()
}

fn close(a: Result<f64, Undefined>, b: Result<f64, Undefined>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
        (a, b) => a == b,
    }
}

/// Kendall's tau-b from its definition.
fn tau_b(values: &[(f64, f64)]) -> Option<f64> {
    let (mut excess, mut first, mut second) = (0.0, 0.0, 0.0);
    for a in values {
        for b in values {
            let (x, y) = (order(a.0, b.0), order(a.1, b.1));
            excess += x * y;
            first += x.abs();
            second += y.abs();
        }
    }
    (first > 0.0 && second > 0.0).then(|| excess / (first * second).sqrt())
}

fn order(a: f64, b: f64) -> f64 {
    f64::from(u8::from(a > b)) - f64::from(u8::from(a < b))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn order_of_items_and_raters_never_changes_a_bit(items in any_items(), by in 0..30_usize) {
        let plain = scores(&items);
        let mut turned = items.clone();
        let n = turned.len().max(1);
        turned.rotate_left(by % n);
        prop_assert_eq!(figures(&plain), figures(&scores(&turned)));
        for measure in MEASURES {
            prop_assert_eq!(of_pairs(&plain, measure), of_pairs(&scores(&turned), measure));
        }
        let renamed: Items = turned.iter().map(|row| row.iter().rev().copied().collect()).collect();
        prop_assert_eq!(figures(&plain), figures(&scores(&renamed)));
    }

    #[test]
    fn figures_are_finite_and_within_bounds(items in any_items()) {
        let scores = scores(&items);
        let coefficients = figures(&scores);
        let differences = MEASURES[5..].iter().flat_map(|&measure| of_pairs(&scores, measure)).collect::<Vec<_>>();
        for estimate in coefficients.iter().chain(&differences) {
            match (estimate.value, estimate.interval) {
                (Ok(value), Ok(interval)) => {
                    prop_assert!(value.is_finite() && interval.low.is_finite() && interval.high.is_finite());
                    prop_assert!(interval.low <= value && value <= interval.high, "{value} {interval:?}");
                }
                (value, _) => prop_assert!(value.is_ok_and(f64::is_finite) || estimate.interval.err() == value.err()),
            }
        }
        for estimate in coefficients {
            prop_assert!(estimate.value.is_err() || estimate.value.unwrap() <= 1.0);
            prop_assert!(estimate.interval.is_err() || estimate.interval.unwrap().high <= 1.0);
        }
    }

    #[test]
    fn another_unit_of_measurement_changes_no_coefficient(items in items(3, 1.0, 0.1)) {
        let plain = figures(&scores(&items));
        let changed = figures(&scores(&map(&items, |_, value| 1e3 - value / 3.0)));
        for (a, b) in plain.iter().zip(&changed) {
            // ICC(A,k) and its lower end have poles: near them rounding of the values moves them far.
            let near_pole = |end: Result<f64, Undefined>| end.is_ok_and(|end| end < -1e3);
            let (low, high) = (a.interval.map(|a| a.low), a.interval.map(|a| a.high));
            prop_assert!(near_pole(a.value) || close(a.value, b.value), "{a:?} {b:?}");
            prop_assert!(near_pole(low) || close(low, b.interval.map(|b| b.low)), "{a:?} {b:?}");
            prop_assert!(near_pole(low) || close(high, b.interval.map(|b| b.high)), "{a:?} {b:?}");
        }
    }

    #[test]
    fn shifted_raters_are_as_consistent_and_as_concordant(items in items(3, 1.0, 0.1)) {
        let shifted = scores(&map(&items, |rater, value| value + 10.0 * rater as f64));
        let plain = scores(&items);
        let consistency = |scores| {
            intraclass_correlations(&Complete::new(scores))
                .map(|icc| if matches!(icc.form, IccForm::ConsistencySingle | IccForm::ConsistencyAverage) { icc.estimate.value } else { Ok(0.0) })
        };
        prop_assert_eq!(consistency(&plain), consistency(&shifted));
        prop_assert_eq!(kendall_w(&Complete::new(&plain)), kendall_w(&Complete::new(&shifted)));
        for measure in &MEASURES[..3] {
            for (a, b) in of_pairs(&plain, *measure).iter().zip(of_pairs(&shifted, *measure)) {
                prop_assert!(close(a.value, b.value));
            }
        }
    }

    #[test]
    fn tau_b_is_what_its_definition_says(items in items(2, 1.0, 0.05)) {
        let both: Vec<(f64, f64)> = items.iter().filter_map(|row| Some((row[0]?, row[1]?))).collect();
        let found = of_pairs(&scores(&items), PairMeasure::KendallTauB);
        match (found.first().map(|tau| tau.value), tau_b(&both)) {
            (Some(Ok(found)), Some(expected)) => prop_assert!((found - expected).abs() < 1e-12),
            (found, expected) => prop_assert!(expected.is_none() && found.is_none_or(|found| found.is_err())),
        }
    }

    #[test]
    fn concordance_never_exceeds_correlation(items in items(2, 1.0, 0.05)) {
        let scores = scores(&items);
        let ccc = of_pairs(&scores, PairMeasure::LinCcc(Divisor::N));
        for (ccc, r) in ccc.iter().zip(of_pairs(&scores, PairMeasure::PearsonR)) {
            if let (Ok(ccc), Ok(r)) = (ccc.value, r.value) {
                prop_assert!(ccc.abs() <= r.abs() + 1e-15);
            }
        }
    }

    #[test]
    fn missing_ratings_are_left_out(items in items(3, 0.5, 0.2)) {
        let full: Items = items.iter().filter(|row| row.iter().all(Option::is_some)).cloned().collect();
        let (some, all) = (scores(&items), scores(&full));
        let complete = Complete::new(&some);
        if some.raters().len() < 3 || full.is_empty() {
            return Ok(());
        }
        prop_assert_eq!(intraclass_correlations(&complete), intraclass_correlations(&Complete::new(&all)));
        prop_assert_eq!(kendall_w(&complete), kendall_w(&Complete::new(&all)));
        let incomplete = items.iter().filter(|row| row.iter().any(Option::is_some)).count() - full.len();
        prop_assert_eq!(complete.incomplete_items(), incomplete as u64);
        let listwise = Pairs::new(&some, Missing::Listwise, Threads::ONE);
        prop_assert_eq!(bland_altman(&listwise, Limits::default(), Threads::ONE), bland_altman(&Pairs::new(&all, Missing::Pairwise, Threads::ONE), Limits::default(), Threads::ONE));
        let two: Items = items.iter().map(|row| row[..2].to_vec()).collect();
        let pair = Pairs::new(&some.of_raters(&[0, 1]), Missing::Pairwise, Threads::ONE);
        prop_assert_eq!(by_pair(&pair, PairMeasure::PearsonR, Threads::ONE), by_pair(&Pairs::new(&scores(&two), Missing::Listwise, Threads::ONE), PairMeasure::PearsonR, Threads::ONE));
    }
}
