use assay_stats::resample::{Resampling, TwoWayStatistic, bootstrap, two_way};
use assay_stats::{Method, Undefined};

use super::alpha::Alpha;

const PLAN: Resampling = Resampling { resamples: 2000, seed: 1, threads: 2 };

const FLEISS: &str = include_str!("../data/fleiss_1971.csv");

#[test]
fn threads_never_change_a_bit() {
    let alpha = Alpha::read(FLEISS);
    let one = two_way(&alpha, &Resampling { threads: 1, ..PLAN });
    for threads in [0, 2, 3, 16] {
        assert_eq!(one, two_way(&alpha, &Resampling { threads, ..PLAN }));
    }
    assert_ne!(one, two_way(&alpha, &Resampling { seed: 2, ..PLAN }));
}

#[test]
fn the_figure_of_everything_once_is_alpha() {
    let alpha = Alpha::read(FLEISS);
    let (mut both, mut items) = ([None], [None]);
    TwoWayStatistic::evaluate(&alpha, &[1; 30], &[1; 6], &mut both);
    let counted = assay_stats::resample::jackknife(&alpha, 1)[0].value;
    items[0] = counted;
    assert!((both[0].unwrap() - items[0].unwrap()).abs() < 1e-12);
}

/// A sum over items and raters x_i + y_g: its variance over both draws is known exactly.
struct Additive {
    items: Vec<f64>,
    raters: Vec<f64>,
}

impl TwoWayStatistic for Additive {
    fn n_items(&self) -> usize {
        self.items.len()
    }

    fn n_raters(&self) -> usize {
        self.raters.len()
    }

    fn figures(&self) -> usize {
        1
    }

    fn evaluate(&self, items: &[u64], raters: &[u64], figures: &mut [Option<f64>]) {
        let mean = |times: &[u64], numbers: &[f64]| {
            times.iter().zip(numbers).map(|(&times, number)| times as f64 * number).sum::<f64>() / numbers.len() as f64
        };
        figures[0] = Some(mean(items, &self.items) + mean(raters, &self.raters));
    }
}

#[test]
fn items_and_raters_vary_independently() {
    let additive = Additive {
        items: (0..40).map(|n| f64::from(n * n % 17)).collect(),
        raters: (0..12).map(|n| f64::from(n * 5 % 7)).collect(),
    };
    let variance = |numbers: &[f64]| {
        let n = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / n;
        numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / n / n
    };
    let expected = (variance(&additive.items) + variance(&additive.raters)).sqrt();
    let found = two_way(&additive, &Resampling { resamples: 20_000, ..PLAN })[0];
    assert!((found.standard_error.unwrap() / expected - 1.0).abs() < 0.02, "{found:?} is not {expected}");
    assert_eq!((found.method, found.undefined), (Method::TwoWayBootstrap, 0));
}

/// Who rates matters too, so that the interval is wider than that of items alone.
#[test]
fn other_raters_widen_the_interval() {
    let alpha = Alpha::read(FLEISS);
    let both = two_way(&alpha, &PLAN)[0].interval.unwrap();
    let items = bootstrap(&alpha, &PLAN).percentile(0).interval.unwrap();
    assert!(both.high - both.low > items.high - items.low, "{both:?} {items:?}");
}

/// Copies of one rater are never compared: k raters leave nothing to compare in k / k^k of the draws.
#[test]
fn fewer_than_four_raters_cannot_be_drawn_anew() {
    let crew = |raters: usize| {
        let item = |item: usize| (0..raters).map(|rater| (rater, (item + item * rater / 7) % 3)).collect();
        two_way(&Alpha::new((0..60).map(item).collect(), raters, 3), &PLAN)[0]
    };
    for (raters, share) in [(2, 1.0 / 2.0), (3, 1.0 / 9.0), (4, 1.0 / 64.0)] {
        let found = crew(raters);
        let undefined = found.undefined as f64 / found.resamples as f64;
        assert!((undefined - share).abs() < 4.0 * (share / 2000.0_f64).sqrt(), "{raters}: {undefined} is not {share}");
        assert_eq!(found.interval.err(), (raters < 4).then_some(Undefined::UndefinedInResamples), "{raters}");
    }
}

#[test]
fn nothing_to_draw_is_undefined() {
    let found = two_way(&Alpha::new(Vec::new(), 0, 0), &PLAN)[0];
    assert_eq!(found.interval, Err(Undefined::OneItem));
}
