//! Draws that are counted in batches, and items that are left out by subtraction, give what counting everything anew gives.

use assay_stats::agreement::{Coefficient, Facts, RaterCoefficients, Scheme, Weights};
use assay_stats::resample::{Generator, Resampling, Statistic, TwoWayStatistic, bootstrap, jackknife, two_way};
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::table::facts;

const RATERS: usize = 6;
const LABELS: usize = 4;
const MEMBERS: [Coefficient; 6] = [
    Coefficient::CongerKappa,
    Coefficient::MeanPairwiseCohenKappa { min_shared: 2 },
    Coefficient::KrippendorffOrdinalAlpha,
    Coefficient::KrippendorffAlpha,
    Coefficient::FleissKappa,
    Coefficient::PercentAgreement,
];

/// The same figures without batches and without subtraction.
struct CountedAnew<'a>(&'a RaterCoefficients<'a>);

impl Statistic for CountedAnew<'_> {
    fn multiplicities(&self) -> &[u64] {
        self.0.multiplicities()
    }

    fn figures(&self) -> usize {
        Statistic::figures(self.0)
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        Statistic::evaluate(self.0, times, figures);
    }
}

impl TwoWayStatistic for CountedAnew<'_> {
    fn n_items(&self) -> usize {
        self.0.n_items()
    }

    fn n_raters(&self) -> usize {
        self.0.n_raters()
    }

    fn figures(&self) -> usize {
        Statistic::figures(self.0)
    }

    fn evaluate(&self, items: &[u64], raters: &[u64], figures: &mut [Option<f64>]) {
        TwoWayStatistic::evaluate(self.0, items, raters, figures);
    }
}

/// Items without a rating, with one, and with many; the last label is rare, so that leaving an item out can take it away.
fn items() -> impl Strategy<Value = Vec<Vec<(u32, u32)>>> {
    let label = prop_oneof![8 => 0..LABELS as u32 - 1, 1 => Just(LABELS as u32 - 1)];
    let item = subsequence((0..RATERS as u32).collect::<Vec<_>>(), 0..=RATERS)
        .prop_flat_map(move |raters| raters.into_iter().map(|rater| (Just(rater), label.clone())).collect::<Vec<_>>());
    prop::collection::vec(item, 0..12)
}

fn all_weights() -> [Weights; 4] {
    // Labels 0 and 1 agree as if they were one: different labels need not mean disagreement.
    let matrix = [1.0, 1.0, 0.5, 0.0, 1.0, 1.0, 0.5, 0.0, 0.5, 0.5, 1.0, 0.25, 0.0, 0.0, 0.25, 1.0];
    [
        Weights::identity(LABELS),
        Weights::by_rank(Scheme::Linear, LABELS),
        Weights::by_rank(Scheme::Radical, LABELS),
        Weights::matrix(matrix.to_vec(), LABELS).unwrap(),
    ]
}

fn assert_batches_change_nothing(facts: &Facts, weights: &Weights, resampling: Resampling) {
    let statistic = RaterCoefficients::new(facts, weights, MEMBERS.to_vec());
    let anew = CountedAnew(&statistic);
    let (batched, expected) = (bootstrap(&statistic, &resampling), bootstrap(&anew, &resampling));
    for (figure, member) in MEMBERS.iter().enumerate() {
        let bits = |values: &mut dyn Iterator<Item = Option<f64>>| -> Vec<Option<u64>> {
            values.map(|value| value.map(f64::to_bits)).collect()
        };
        let (found, expected) = (bits(&mut batched.values(figure)), bits(&mut expected.values(figure)));
        assert_eq!(found, expected, "{member:?}, {} weights", weights.name());
    }
    assert_eq!(two_way(&statistic, &resampling), two_way(&anew, &resampling), "{} weights", weights.name());
}

fn assert_left_out_is_counted_without(facts: &Facts, weights: &Weights) {
    let statistic = RaterCoefficients::new(facts, weights, MEMBERS.to_vec());
    let anew = CountedAnew(&statistic);
    for item in 0..facts.ratings().n_items() {
        let (mut found, mut expected) = ([None; MEMBERS.len()], [None; MEMBERS.len()]);
        statistic.evaluate_without(item, &mut found);
        anew.evaluate_without(item, &mut expected);
        for ((found, expected), member) in found.iter().zip(expected).zip(MEMBERS) {
            let same = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
                (found, expected) => *found == expected,
            };
            assert!(same, "{member:?}, {} weights, item {item}: {found:?} is not {expected:?}", weights.name());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn draws_in_batches_equal_draws_one_by_one(items in items(), seed in 0..1000_u64) {
        let facts = facts(&items, RATERS, LABELS);
        for weights in all_weights() {
            // Two full batches and a part of one.
            assert_batches_change_nothing(&facts, &weights, Resampling { resamples: 41, seed, threads: 1 });
        }
    }

    #[test]
    fn an_item_left_out_is_not_counted(items in items()) {
        let facts = facts(&items, RATERS, LABELS);
        all_weights().iter().for_each(|weights| assert_left_out_is_counted_without(&facts, weights));
    }
}

/// `n` items of `RATERS` raters, about half of them missing, who agree more often than not.
fn crowd(n: usize) -> Facts {
    let mut generator = Generator::stream(7, 0);
    let item = |_| {
        let truth = generator.below(LABELS as u64) as u32;
        let mut answers = Vec::new();
        for rater in 0..RATERS as u32 {
            if generator.below(2) == 0 {
                let label = if generator.below(3) < 2 { truth } else { generator.below(LABELS as u64) as u32 };
                answers.push((rater, label));
            }
        }
        answers
    };
    facts(&(0..n).map(item).collect::<Vec<_>>(), RATERS, LABELS)
}

#[test]
fn many_items_in_batches_are_the_same_on_any_number_of_threads() {
    let facts = crowd(200);
    for weights in all_weights() {
        for threads in [1, 3] {
            assert_batches_change_nothing(&facts, &weights, Resampling { resamples: 50, seed: 3, threads });
        }
        assert_left_out_is_counted_without(&facts, &weights);
    }
}

/// Summed over hundreds of items the small differences between the two ways must still be rounding.
#[test]
fn the_jackknife_by_subtraction_is_that_by_counting() {
    let facts = crowd(300);
    for weights in all_weights() {
        let statistic = RaterCoefficients::new(&facts, &weights, MEMBERS.to_vec());
        let (found, expected) = (jackknife(&statistic, 2), jackknife(&CountedAnew(&statistic), 2));
        assert_eq!(found, jackknife(&statistic, 1));
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!((found.value, found.items), (expected.value, expected.items));
            let (error, by_counting) = (found.standard_error.unwrap(), expected.standard_error.unwrap());
            assert!((error / by_counting - 1.0).abs() < 1e-9, "{error} is not {by_counting}");
            let bias = found.bias_corrected.unwrap() - expected.bias_corrected.unwrap();
            assert!(bias.abs() < 1e-10, "{found:?} is not {expected:?}");
        }
    }
}
