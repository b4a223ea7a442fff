//! Figures as functions of how often each item is counted.

use std::num::NonZeroUsize;

use assay_stats::Threads;
use assay_stats::distribution::{normal_quantile, student_t_quantile};
use assay_stats::interval::Bounds;
use assay_stats::numeric::{
    Complete, IccFigures, KendallWFigures, Limits, Missing, PairFigures, PairMeasure, Pairs, bland_altman, by_pair,
    intraclass_correlations, kendall_w, mean_over_pairs,
};
use assay_stats::resample::{Resampling, Statistic, TwoWayStatistic, bootstrap, jackknife};

use super::table::{PEAK_FLOW, SHROUT_FLEISS, TIED, full, scores};
use super::undefined::MEASURES;

fn evaluate(statistic: &dyn Statistic, times: &[u64]) -> Vec<Option<f64>> {
    let mut figures = vec![None; statistic.figures()];
    statistic.evaluate(times, &mut figures);
    figures
}

#[track_caller]
fn assert_same(found: &[Option<f64>], expected: &[Option<f64>], tolerance: f64) {
    for (place, (a, b)) in found.iter().zip(expected).enumerate() {
        match (a, b) {
            (Some(a), Some(b)) => assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{place}: {a} is not {b}"),
            (a, b) => assert_eq!(a, b, "{place}"),
        }
    }
}

/// Three raters with ties, equal items, and missing ratings.
fn incomplete() -> Vec<Vec<Option<f64>>> {
    let cell = |code: u8| if code == b'.' { None } else { Some(f64::from(code - b'0') * 0.1) };
    ["112", "123", "2.3", "221", "112", "33.", "343", "45.", ".54", "554", "331", "..5", "224", "15."]
        .map(|row| row.bytes().map(cell).collect())
        .to_vec()
}

#[test]
fn counted_as_observed_they_are_the_figures() {
    let scores = scores(&incomplete());
    let complete = Complete::new(&scores);
    let icc = IccFigures::new(&complete);
    let expected = intraclass_correlations(&complete).map(|icc| icc.estimate.value.ok());
    assert_same(&evaluate(&icc, icc.multiplicities()), &expected, 0.0);
    let (figures, w) = (KendallWFigures::new(&complete), kendall_w(&complete));
    assert_same(
        &evaluate(&figures, figures.multiplicities()),
        &[w.corrected.value.ok(), w.uncorrected.value.ok()],
        0.0,
    );
    for missing in [Missing::Pairwise, Missing::Listwise] {
        let pairs = Pairs::new(&scores, missing, Threads::ONE);
        let figures = PairFigures::new(&pairs, MEASURES.to_vec(), Threads::ONE);
        let expected = MEASURES.map(|measure| mean_over_pairs(&pairs, measure, Threads::ONE).value.ok());
        assert_same(&evaluate(&figures, figures.multiplicities()), &expected, 1e-15);
    }
}

#[test]
fn items_counted_twice_are_items_that_occur_twice() {
    let mut items = incomplete();
    let twice = scores(&items);
    items.extend(items.clone());
    let doubled = scores(&items);
    let (complete, expected) = (Complete::new(&twice), intraclass_correlations(&Complete::new(&doubled)));
    let statistic = IccFigures::new(&complete);
    let times: Vec<u64> = statistic.multiplicities().iter().map(|n| 2 * n).collect();
    assert_same(&evaluate(&statistic, &times), &expected.map(|icc| icc.estimate.value.ok()), 1e-14);
    let pairs = Pairs::new(&twice, Missing::Pairwise, Threads::ONE);
    let statistic = PairFigures::new(&pairs, MEASURES.to_vec(), Threads::ONE);
    let times: Vec<u64> = statistic.multiplicities().iter().map(|n| 2 * n).collect();
    let doubled = Pairs::new(&doubled, Missing::Pairwise, Threads::ONE);
    let expected = MEASURES.map(|measure| mean_over_pairs(&doubled, measure, Threads::ONE).value.ok());
    assert_same(&evaluate(&statistic, &times), &expected, 1e-14);
}

#[test]
fn without_one_item_subtraction_equals_counting_again() {
    for scores in [scores(&incomplete()), full(&SHROUT_FLEISS), full(&PEAK_FLOW), full(&TIED)] {
        let complete = Complete::new(&scores);
        let pairs = Pairs::new(&scores, Missing::Pairwise, Threads::ONE);
        let statistics: [&dyn Statistic; 3] = [
            &IccFigures::new(&complete),
            &KendallWFigures::new(&complete),
            &PairFigures::new(&pairs, MEASURES.to_vec(), Threads::ONE),
        ];
        for statistic in statistics {
            for unit in 0..statistic.multiplicities().len() {
                let mut times = statistic.multiplicities().to_vec();
                times[unit] -= 1;
                let mut figures = vec![None; statistic.figures()];
                statistic.evaluate_without(unit, &mut figures);
                assert_same(&figures, &evaluate(statistic, &times), 1e-12);
            }
        }
    }
}

/// The interval of a mean over pairs is ± t · √(Σ L² / (n (n - 1))) with L n times the derivative by the weight of an item.
#[test]
fn intervals_of_means_are_made_of_derivatives() {
    const MANY: u64 = 1_000_000;
    for scores in [scores(&incomplete()), full(&SHROUT_FLEISS), full(&PEAK_FLOW), full(&TIED)] {
        let pairs = Pairs::new(&scores, Missing::Pairwise, Threads::ONE);
        // Divisors n - 1 are constants of the figure, not of the derivative: the two measures that have them scale with the sample.
        for measure in MEASURES.into_iter().take(4).chain([MEASURES[5]]) {
            let statistic = PairFigures::new(&pairs, vec![measure], Threads::ONE);
            let times: Vec<u64> = statistic.multiplicities().iter().map(|n| n * MANY).collect();
            let value = evaluate(&statistic, &times)[0].unwrap();
            let items: u64 = statistic.multiplicities().iter().sum();
            let n = items as f64;
            let squares: f64 = (0..times.len())
                .map(|unit| {
                    let mut more = times.clone();
                    more[unit] += MANY / 1000;
                    let change = (evaluate(&statistic, &more)[0].unwrap() - value) * 1000.0;
                    statistic.multiplicities()[unit] as f64 * (n * change).powi(2)
                })
                .sum();
            let half_width = student_t_quantile(0.975, n - 1.0) * (squares / (n * (n - 1.0))).sqrt();
            let estimate = mean_over_pairs(&pairs, measure, Threads::ONE);
            let found = estimate.value.unwrap() - estimate.interval.unwrap().low;
            assert!((found / half_width - 1.0).abs() < 5e-3, "{measure:?}: {found} is not {half_width}");
        }
    }
}

#[test]
fn a_draw_without_a_value_is_none() {
    let scores = full(&SHROUT_FLEISS);
    let (complete, pairs) = (Complete::new(&scores), Pairs::new(&scores, Missing::Pairwise, Threads::ONE));
    let mut times = vec![0; 6];
    for count in [0, 1] {
        times[2] = count;
        assert_eq!(evaluate(&IccFigures::new(&complete), &times), [None; 6]);
        assert_eq!(evaluate(&KendallWFigures::new(&complete), &times), [None; 2]);
        assert_eq!(evaluate(&PairFigures::new(&pairs, MEASURES[..5].to_vec(), Threads::ONE), &times), [None; 5]);
    }
    times[2] = 6;
    assert_eq!(
        evaluate(&IccFigures::new(&complete), &times)[2],
        None,
        "one item six times has no variance between items"
    );
    assert_eq!(evaluate(&PairFigures::new(&pairs, MEASURES[..3].to_vec(), Threads::ONE), &times), [None; 3]);
}

#[test]
fn threads_never_change_a_bit() {
    let scores = scores(&incomplete());
    let one = Pairs::new(&scores, Missing::Pairwise, Threads::ONE);
    let figures = PairFigures::new(&one, MEASURES.to_vec(), Threads::ONE);
    let expected =
        MEASURES.map(|measure| (by_pair(&one, measure, Threads::ONE), mean_over_pairs(&one, measure, Threads::ONE)));
    let differences = bland_altman(&one, Limits::default(), Threads::ONE);
    for threads in [2, 3, 16] {
        let threads = Threads::new(NonZeroUsize::new(threads).unwrap());
        let pairs = Pairs::new(&scores, Missing::Pairwise, threads);
        let found =
            MEASURES.map(|measure| (by_pair(&pairs, measure, threads), mean_over_pairs(&pairs, measure, threads)));
        assert_eq!(found, expected);
        assert_eq!(bland_altman(&pairs, Limits::default(), threads), differences);
        let again = PairFigures::new(&pairs, MEASURES.to_vec(), threads);
        for unit in 0..figures.multiplicities().len() {
            let (mut found, mut expected) = ([None; 9], [None; 9]);
            again.evaluate_without(unit, &mut found);
            figures.evaluate_without(unit, &mut expected);
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn a_pair_counts_as_often_as_the_copies_of_its_raters_meet() {
    let scores = scores(&incomplete());
    let pairs = Pairs::new(&scores, Missing::Pairwise, Threads::ONE);
    for measure in MEASURES {
        let figures = PairFigures::new(&pairs, vec![measure], Threads::ONE);
        let of_pair = |place: usize| by_pair(&pairs, measure, Threads::ONE)[place].estimate.value.unwrap();
        let drawn = |raters: [u64; 3]| {
            let mut found = [None];
            let items = vec![1; TwoWayStatistic::n_items(&figures)];
            TwoWayStatistic::evaluate(&figures, &items, &raters, &mut found);
            found
        };
        assert_eq!((figures.n_items(), figures.n_raters()), (13, 3));
        assert_same(&drawn([1, 1, 1]), &evaluate(&figures, figures.multiplicities()), 1e-15);
        assert_same(&drawn([2, 0, 1]), &[Some(of_pair(1))], 1e-15);
        assert_same(&drawn([2, 1, 1]), &[Some((2.0 * of_pair(0) + 2.0 * of_pair(1) + of_pair(2)) / 5.0)], 1e-14);
        assert_eq!(drawn([0, 3, 0]), [None], "copies of one rater are not compared");
    }
}

/// Items count in both ways of drawing: by unit, and one by one.
#[test]
fn items_are_numbered_unit_by_unit() {
    let scores = scores(&incomplete());
    let pairs = Pairs::new(&scores, Missing::Pairwise, Threads::ONE);
    let figures = PairFigures::new(&pairs, MEASURES.to_vec(), Threads::ONE);
    let units = figures.multiplicities();
    assert!(units.iter().any(|&items| items > 1), "items with the same ratings");
    let mut items = vec![1; TwoWayStatistic::n_items(&figures)];
    let mut times = units.to_vec();
    for place in [0, 1, 5, 12] {
        items[place] += 2;
        let unit = units
            .iter()
            .scan(0, |end, &items| {
                *end += items as usize;
                Some(*end)
            })
            .position(|end| place < end)
            .unwrap();
        times[unit] += 2;
    }
    let mut found = [None; 9];
    TwoWayStatistic::evaluate(&figures, &items, &[1, 1, 1], &mut found);
    assert_same(&found, &evaluate(&figures, &times), 0.0);
}

/// On a large sample of normal ratings all ways to an interval agree.
#[test]
fn resampled_and_analytic_intervals_agree() {
    let items: Vec<[f64; 2]> = (0..400_u32)
        .map(|n| {
            let part = |by: u32| normal_quantile((f64::from((n * by) % 401) + 0.5) / 401.5);
            [part(7) + part(59), part(7) + part(211)]
        })
        .collect();
    let scores = full(&items);
    let pairs = Pairs::new(&scores, Missing::Pairwise, Threads::ONE);
    let measures: Vec<PairMeasure> = MEASURES[..4].iter().chain(&MEASURES[5..6]).copied().collect();
    let figures = PairFigures::new(&pairs, measures.clone(), Threads::ONE);
    let plan = Resampling { resamples: 999, seed: 7, threads: 2 };
    let (drawn, left_out) = (bootstrap(&figures, &plan), jackknife(&figures, 2));
    for (place, measure) in measures.into_iter().enumerate() {
        let analytic = by_pair(&pairs, measure, Threads::ONE)[0].estimate.interval.unwrap();
        for found in [drawn.percentile(place).interval.unwrap(), left_out[place].interval(Bounds::NONE).unwrap()] {
            let tolerance = 0.2 * (analytic.high - analytic.low);
            assert!((found.low - analytic.low).abs() < tolerance, "{measure:?}: {found:?} {analytic:?}");
            assert!((found.high - analytic.high).abs() < tolerance, "{measure:?}: {found:?} {analytic:?}");
        }
    }
}
