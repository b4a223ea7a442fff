use assay_stats::Undefined;
use assay_stats::interval::Bounds;
use assay_stats::resample::{Statistic, jackknife};

use super::alpha::Alpha;
use super::mean::{MEAN, Moments, VARIANCE};

const NUMBERS: [f64; 6] = [3.1, 0.2, -4.0, 7.7, 1.5, 0.2];

#[track_caller]
fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
}

#[test]
fn jackknife_of_the_mean_is_the_textbook_standard_error() {
    let mean = jackknife(&Moments::of(&NUMBERS), 1)[MEAN];
    // scipy.stats.sem(x); x.mean(); scipy.stats.t.interval(0.95, 5, x.mean(), sem(x))
    assert_near(mean.standard_error.unwrap(), 1.577_075_352_247_528_7);
    assert_near(mean.bias_corrected.unwrap(), 1.45);
    let interval = mean.interval(Bounds::NONE).unwrap();
    assert_near(interval.low, -2.604_001_255_460_289_6);
    assert_near(interval.high, 5.504_001_255_460_29);
    assert_eq!(mean.items, 6);
}

/// Efron and Tibshirani (1993), problem 11.1: the jackknife turns the variance divided by n into that divided by n - 1.
#[test]
fn bias_of_the_plug_in_variance_is_removed() {
    let variance = jackknife(&Moments::of(&NUMBERS), 1)[VARIANCE];
    assert_near(variance.bias_corrected.unwrap(), 14.923);
    assert_near(variance.value.unwrap(), 14.923 * 5.0 / 6.0);
}

/// The recipe of the peer's figures: delete-one over items with two ratings, on the tables of Krippendorff (2011), "C", and Fleiss (1971).
#[test]
fn jackknife_of_alpha_equals_the_peers() {
    let goldens = [
        (include_str!("../data/krippendorff_2011.csv"), 0.146_326_652_200_706_34, 0.759_216_689_579_058_2, 11),
        (include_str!("../data/fleiss_1971.csv"), 0.054_738_314_522_954_35, 0.440_490_691_594_057_2, 30),
    ];
    for (text, standard_error, bias_corrected, items) in goldens {
        let alpha = jackknife(&Alpha::read(text), 1)[0];
        assert_near(alpha.standard_error.unwrap(), standard_error);
        assert_near(alpha.bias_corrected.unwrap(), bias_corrected);
        assert_eq!(alpha.items, items);
    }
}

#[test]
fn units_count_with_the_items_they_stand_for() {
    let grouped = jackknife(&Moments::new(&[(3.0, 2), (1.0, 3), (9.0, 0), (-2.0, 1)]), 1);
    let apart = jackknife(&Moments::of(&[3.0, 3.0, 1.0, 1.0, 1.0, -2.0]), 1);
    for (grouped, apart) in grouped.iter().zip(&apart) {
        assert_near(grouped.standard_error.unwrap(), apart.standard_error.unwrap());
        assert_near(grouped.bias_corrected.unwrap(), apart.bias_corrected.unwrap());
        assert_eq!(grouped.items, 6);
    }
}

#[test]
fn threads_never_change_a_bit() {
    let numbers: Vec<(f64, u64)> = (0..300_u64).map(|n| ((n as f64).sin(), 1 + n % 5)).collect();
    let one = format!("{:?}", jackknife(&Moments::new(&numbers), 1));
    for threads in [0, 2, 3, 16] {
        assert_eq!(one, format!("{:?}", jackknife(&Moments::new(&numbers), threads)));
    }
}

#[test]
fn bounds_cut_only_what_they_are_told_to() {
    let ones = jackknife(&Moments::of(&[1.0, 1.0, 1.0, 0.0, 1.0]), 1)[MEAN];
    let (free, cut) = (ones.interval(Bounds::NONE).unwrap(), ones.interval(Bounds::SHARE).unwrap());
    assert!(free.high > 1.0 && cut.high == 1.0 && cut.low == free.low);
}

/// Two figures on different items: the mean of all, and the mean of the positive numbers, undefined when there is none.
struct OfPositive(Vec<f64>, Vec<u64>);

impl Statistic for OfPositive {
    fn multiplicities(&self) -> &[u64] {
        &self.1
    }

    fn figures(&self) -> usize {
        2
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        let mean = |of: fn(f64) -> bool| {
            let counted = || self.0.iter().zip(times).filter(|(number, _)| of(**number));
            let n: u64 = counted().map(|(_, times)| times).sum();
            (n > 0).then(|| counted().map(|(number, &times)| number * times as f64).sum::<f64>() / n as f64)
        };
        figures[0] = mean(|_| true);
        figures[1] = mean(|number| number > 0.0);
    }

    fn counts(&self, unit: usize, figure: usize) -> bool {
        figure == 0 || self.0[unit] > 0.0
    }
}

#[test]
fn a_figure_is_left_alone_by_items_that_do_not_count_in_it() {
    let numbers = vec![3.0, -1.0, 5.0, -2.0, 4.0];
    let both = jackknife(&OfPositive(numbers, vec![1; 5]), 1);
    let positive = jackknife(&Moments::of(&[3.0, 5.0, 4.0]), 1)[MEAN];
    assert_eq!(both[1].items, 3);
    assert_near(both[1].standard_error.unwrap(), positive.standard_error.unwrap());
    assert_eq!(both[0].items, 5);
}

#[test]
fn what_is_undefined_has_its_reason() {
    let reason = |statistic: &OfPositive, figure: usize| {
        let jackknife = jackknife(statistic, 1)[figure];
        assert_eq!(jackknife.interval(Bounds::NONE).err(), jackknife.standard_error.err());
        jackknife.standard_error.unwrap_err()
    };
    let statistic = |numbers: &[f64]| OfPositive(numbers.to_vec(), vec![1; numbers.len()]);
    assert_eq!(reason(&statistic(&[1.0, -1.0, -2.0]), 1), Undefined::UndefinedWithoutItem, "without the 1");
    assert_eq!(reason(&statistic(&[-1.0, -2.0]), 1), Undefined::UndefinedWithoutItem, "at all");
    assert_eq!(reason(&statistic(&[]), 0), Undefined::UndefinedWithoutItem);
    assert_eq!(reason(&statistic(&[f64::NAN, 1.0]), 0), Undefined::UndefinedWithoutItem, "not a number is no figure");
    let same = jackknife(&statistic(&[0.1, 0.1, 0.1]), 1)[0];
    assert_eq!((same.standard_error, same.interval(Bounds::NONE)), (Ok(0.0), Err(Undefined::ZeroVariance)));
}

#[test]
fn one_item_has_no_jackknife() {
    /// A figure that is there without items too.
    struct Always([u64; 1]);
    impl Statistic for Always {
        fn multiplicities(&self) -> &[u64] {
            &self.0
        }
        fn figures(&self) -> usize {
            1
        }
        fn evaluate(&self, _: &[u64], figures: &mut [Option<f64>]) {
            figures[0] = Some(1.0);
        }
    }
    assert_eq!(jackknife(&Always([1]), 1)[0].standard_error, Err(Undefined::OneItem));
    assert!(jackknife(&Always([2]), 1)[0].standard_error.is_ok());
}
