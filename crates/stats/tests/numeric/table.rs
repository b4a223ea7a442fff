use assay_stats::agreement::Ratings;
use assay_stats::numeric::{BlandAltman, Complete, Limits, Missing, PairMeasure, Pairs, Scores, bland_altman, by_pair};
use assay_stats::{Estimate, Threads};

/// Scores of items by raters; `None` is missing.
pub fn scores(items: &[Vec<Option<f64>>]) -> Scores {
    let n_raters = items.iter().map(Vec::len).max().unwrap_or(0);
    let mut values: Vec<f64> = items.iter().flatten().copied().flatten().collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let (mut offsets, mut raters, mut labels) = (vec![0], Vec::new(), Vec::new());
    for item in items {
        for (rater, value) in (0..).zip(item).filter_map(|(rater, value)| Some((rater, (*value)?))) {
            raters.push(rater);
            labels.push(values.partition_point(|known| *known < value) as u32);
        }
        offsets.push(raters.len());
    }
    let ratings = Ratings::new(offsets, &raters, &labels, n_raters, values.len()).unwrap();
    let values: Vec<Option<f64>> = values.into_iter().map(Some).collect();
    Scores::new(&ratings, &values).unwrap()
}

pub fn full<const K: usize>(items: &[[f64; K]]) -> Scores {
    scores(&items.iter().map(|item| item.iter().copied().map(Some).collect()).collect::<Vec<_>>())
}

pub fn complete<const K: usize>(items: &[[f64; K]]) -> Complete {
    Complete::new(&full(items))
}

/// The figure of the first two raters.
pub fn pair<const K: usize>(items: &[[f64; K]], measure: PairMeasure) -> Estimate {
    by_pair(&Pairs::new(&full(items), Missing::Pairwise, Threads::ONE), measure, Threads::ONE)[0].estimate
}

pub fn differences<const K: usize>(items: &[[f64; K]], limits: Limits) -> BlandAltman {
    bland_altman(&Pairs::new(&full(items), Missing::Pairwise, Threads::ONE), limits, Threads::ONE)[0]
}

#[track_caller]
pub fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1e-3), "{found} is not {expected}");
}

#[track_caller]
pub fn assert_estimate(found: &Estimate, value: f64, low: f64, high: f64) {
    assert_close(found.value.unwrap(), value, 1e-9);
    let interval = found.interval.unwrap();
    assert_close(interval.low, low, 1e-9);
    assert_close(interval.high, high, 1e-9);
}

/// Shrout and Fleiss (1979), table 2: 6 targets by 4 judges.
pub const SHROUT_FLEISS: [[f64; 4]; 6] = [
    [9.0, 2.0, 5.0, 8.0],
    [6.0, 1.0, 3.0, 2.0],
    [8.0, 4.0, 6.0, 8.0],
    [7.0, 1.0, 2.0, 6.0],
    [10.0, 5.0, 6.0, 9.0],
    [6.0, 2.0, 4.0, 7.0],
];

/// Bland and Altman (1986), table 1: peak expiratory flow in l/min, first readings of a Wright and a mini Wright meter.
pub const PEAK_FLOW: [[f64; 2]; 17] = [
    [494.0, 512.0],
    [395.0, 430.0],
    [516.0, 520.0],
    [434.0, 428.0],
    [476.0, 500.0],
    [557.0, 600.0],
    [413.0, 364.0],
    [442.0, 380.0],
    [650.0, 658.0],
    [433.0, 445.0],
    [417.0, 432.0],
    [656.0, 626.0],
    [267.0, 260.0],
    [478.0, 477.0],
    [178.0, 259.0],
    [423.0, 350.0],
    [427.0, 451.0],
];

/// Two raters on a scale of five, with ties.
pub const TIED: [[f64; 2]; 12] = [
    [1.0, 1.0],
    [1.0, 2.0],
    [2.0, 1.0],
    [2.0, 2.0],
    [2.0, 3.0],
    [3.0, 3.0],
    [3.0, 2.0],
    [4.0, 4.0],
    [4.0, 3.0],
    [5.0, 5.0],
    [5.0, 4.0],
    [5.0, 5.0],
];
