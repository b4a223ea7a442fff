//! Counting items anew gives the figure of the items so counted.

use assay_stats::Threads;
use assay_stats::agreement::{
    Coefficient, Coefficients, Facts, RaterCoefficients, Scheme, Weights, brennan_prediger, conger_kappa, fleiss_kappa,
    gwet_ac, krippendorff_alpha, mean_pairwise_cohen, ordinal_weights, percent_agreement, pooled_percent_agreement,
};
use assay_stats::resample::{Statistic, TwoWayStatistic};
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::table::facts;

const RATERS: usize = 4;
const LABELS: usize = 3;
const COUNTED: [Coefficient; 7] = [
    Coefficient::PercentAgreement,
    Coefficient::PooledPercentAgreement,
    Coefficient::FleissKappa,
    Coefficient::GwetAc,
    Coefficient::BrennanPrediger,
    Coefficient::KrippendorffAlpha,
    Coefficient::KrippendorffOrdinalAlpha,
];
const ALL: [Coefficient; 9] = [
    COUNTED[0],
    COUNTED[1],
    COUNTED[2],
    COUNTED[3],
    COUNTED[4],
    COUNTED[5],
    COUNTED[6],
    Coefficient::CongerKappa,
    Coefficient::MeanPairwiseCohenKappa { min_shared: 2 },
];

type Items = Vec<Vec<(u32, u32)>>;

fn items() -> impl Strategy<Value = Vec<(Vec<(u32, u32)>, u64)>> {
    let item = subsequence((0..RATERS as u32).collect::<Vec<_>>(), 1..=RATERS)
        .prop_flat_map(|raters| raters.into_iter().map(|rater| (Just(rater), 0..LABELS as u32)).collect::<Vec<_>>());
    prop::collection::vec((item, 0..4_u64), 1..12)
}

fn expected(facts: &Facts, weights: &Weights) -> Vec<Option<f64>> {
    let estimates = [
        percent_agreement(facts, weights),
        pooled_percent_agreement(facts, weights),
        fleiss_kappa(facts, weights),
        gwet_ac(facts, weights),
        brennan_prediger(facts, weights),
        krippendorff_alpha(facts, weights),
        krippendorff_alpha(facts, &ordinal_weights(facts)),
        conger_kappa(facts, weights),
        mean_pairwise_cohen(facts, weights, 2, Threads::ONE),
    ];
    estimates.map(|estimate| estimate.value.ok()).to_vec()
}

fn assert_same(found: &[Option<f64>], expected: &[Option<f64>]) {
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        match (found, expected) {
            (Some(found), Some(expected)) => {
                assert!((found - expected).abs() < 1e-9, "{:?}: {found} {expected}", ALL[place]);
            }
            _ => assert_eq!(found, expected, "{:?}", ALL[place]),
        }
    }
}

fn repeated(items: &[(Vec<(u32, u32)>, u64)]) -> Items {
    items.iter().flat_map(|(item, times)| vec![item.clone(); *times as usize]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_drawn_item_counts_as_often_as_it_is_drawn(items in items()) {
        let once: Items = items.iter().map(|(item, _)| item.clone()).collect();
        let (once, drawn) = (facts(&once, RATERS, LABELS), facts(&repeated(&items), RATERS, LABELS));
        let weights = Weights::by_rank(Scheme::Linear, LABELS);
        let statistic = RaterCoefficients::new(&once, &weights, ALL.to_vec());
        let times: Vec<u64> = items.iter().map(|&(_, times)| times).collect();
        let mut found = [None; ALL.len()];
        Statistic::evaluate(&statistic, &times, &mut found);
        assert_same(&found, &expected(&drawn, &weights));
        found = [None; ALL.len()];
        TwoWayStatistic::evaluate(&statistic, &times, &[1; RATERS], &mut found);
        assert_same(&found, &expected(&drawn, &weights));
    }

    #[test]
    fn patterns_count_as_items_do(items in items()) {
        let facts = facts(&repeated(&items), RATERS, LABELS);
        let weights = Weights::by_rank(Scheme::Quadratic, LABELS);
        let counted = Coefficients::new(&facts, &weights, COUNTED.to_vec());
        let mut found = [None; COUNTED.len()];
        Statistic::evaluate(&counted, counted.multiplicities(), &mut found);
        assert_same(&found, &expected(&facts, &weights)[..COUNTED.len()]);
        for unit in 0..counted.multiplicities().len() {
            let mut times = counted.multiplicities().to_vec();
            times[unit] -= 1;
            let (mut without, mut recounted) = ([None; COUNTED.len()], [None; COUNTED.len()]);
            counted.evaluate_without(unit, &mut without);
            Statistic::evaluate(&counted, &times, &mut recounted);
            assert_same(&without, &recounted);
        }
    }

    #[test]
    fn a_rater_drawn_twice_is_two_raters_who_are_not_compared(items in items()) {
        // Without the copies' own pairs, one rater left out is the table without that rater.
        let once: Items = items.iter().map(|(item, _)| item.clone()).collect();
        let fewer: Items =
            once.iter().map(|item| item.iter().copied().filter(|&(rater, _)| rater != 1).collect()).collect();
        let (once, fewer) = (facts(&once, RATERS, LABELS), facts(&fewer, RATERS, LABELS));
        let weights = Weights::identity(LABELS);
        let statistic = RaterCoefficients::new(&once, &weights, ALL.to_vec());
        let ones = vec![1; once.ratings().n_items()];
        let mut found = [None; ALL.len()];
        TwoWayStatistic::evaluate(&statistic, &ones, &[1, 0, 1, 1], &mut found);
        assert_same(&found, &expected(&fewer, &weights));
        // Twice everybody compares everybody else as often as before.
        let (mut doubled, mut single) = ([None; ALL.len()], [None; ALL.len()]);
        TwoWayStatistic::evaluate(&statistic, &ones, &[2; RATERS], &mut doubled);
        TwoWayStatistic::evaluate(&statistic, &ones, &[1; RATERS], &mut single);
        for place in [0, 1, 2, 3, 4, 7, 8] {
            assert_same(&doubled[place..=place], &single[place..=place]);
        }
    }
}
