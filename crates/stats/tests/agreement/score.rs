use assay_stats::agreement::{Facts, Weights, by_label, gwet_ac};
use assay_stats::resample::Generator;
use assay_stats::{Estimate, Undefined};
use proptest::prelude::*;

use super::table::{facts, nominal};

fn figures(facts: &Facts) -> Vec<(&'static str, Estimate)> {
    let mut figures = vec![
        ("percent", nominal::percent_agreement(facts)),
        ("pooled percent", nominal::pooled_percent_agreement(facts)),
        ("alpha", nominal::krippendorff_alpha(facts)),
        ("fleiss", nominal::fleiss_kappa(facts)),
        ("conger", nominal::conger_kappa(facts)),
        ("ac1", nominal::gwet_ac1(facts)),
        ("s", nominal::brennan_prediger(facts)),
        ("mean cohen", nominal::mean_pairwise_cohen(facts)),
        ("ac2", gwet_ac(facts, &Weights::by_rank(assay_stats::agreement::Scheme::Linear, facts.ratings().n_labels()))),
    ];
    for pair in nominal::by_pair(facts) {
        figures.extend([("pair percent", pair.percent), ("cohen", pair.kappa), ("scott", pair.pi)]);
    }
    for rater in nominal::by_rater(facts) {
        figures.extend([("rater percent", rater.percent), ("rater kappa", rater.kappa)]);
    }
    for label in by_label(facts) {
        figures.extend([("label alpha", label.alpha), ("specific", label.specific)]);
    }
    figures
}

fn items() -> impl Strategy<Value = Vec<Vec<(u32, u32)>>> {
    let item = prop::sample::subsequence(vec![0_u32, 1, 2, 3], 0..=4)
        .prop_flat_map(|raters| raters.into_iter().map(|rater| (Just(rater), 0..3_u32)).collect::<Vec<_>>());
    prop::collection::vec(item, 0..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_figure_with_two_items_has_a_score_interval_around_it(items in items()) {
        for (name, estimate) in figures(&facts(&items, 4, 3)) {
            let (Ok(value), Ok(_) | Err(Undefined::ZeroVariance)) = (estimate.value, estimate.interval) else {
                prop_assert!(!matches!(estimate.score(), Some(Ok(_))), "{name}: {estimate:?}");
                continue;
            };
            // Items with one rating alone do not count here: with a single one of two there is nothing to go by.
            let Some(score) = estimate.score() else {
                prop_assert!(name != "percent" && name != "alpha" && name != "cohen", "{name}: {estimate:?}");
                continue;
            };
            let score = score.unwrap();
            prop_assert!(score.low <= value && value <= score.high && score.low < score.high, "{name}: {score:?} {value}");
            // AC1, AC2 and S can be below -1, where chance agreement is above one half.
            let has_fixed_chance = ["ac1", "ac2", "s"].contains(&name);
            prop_assert!(has_fixed_chance || score.low >= -1.0 - 1e-9 || score.low == value, "{name}: {score:?} {value}");
            prop_assert!(score.high <= 1.0, "{name}: {score:?} {value}");
            let is_share = name.ends_with("percent") || name == "specific";
            prop_assert!(!is_share || score.low >= -1e-12, "{name}: {score:?} {value}");
        }
    }
}

#[test]
fn without_disagreement_the_interval_says_how_much_there_may_be() {
    let agreed: Vec<Vec<(u32, u32)>> = (0..50).map(|item| vec![(0, item % 2), (1, item % 2)]).collect();
    let facts = facts(&agreed, 2, 2);
    let percent = nominal::percent_agreement(&facts);
    assert_eq!(percent.interval, Err(Undefined::ZeroVariance));
    // 50 / (50 + t²) with t = scipy.stats.t.ppf(0.975, 49); the disagreement it allows is halved by chance.
    let low = percent.score().unwrap().unwrap().low;
    assert!((low - 0.925_268_083_911_361_2).abs() < 1e-9, "{low}");
    let kappa = nominal::fleiss_kappa(&facts).score().unwrap().unwrap();
    assert!(kappa.high == 1.0 && kappa.low > 0.8 && kappa.low < low, "{kappa:?}");
}

/// Two raters who know the label of an item with probability √0.4 each, so that kappa is 0.4, and else guess; one label has 90 %.
fn ratings(generator: &mut Generator) -> Facts {
    let draw = |generator: &mut Generator| u32::from(generator.unit() >= 0.9);
    let rate = |truth: u32, generator: &mut Generator| {
        if generator.unit() < 0.4_f64.sqrt() { truth } else { draw(generator) }
    };
    let item = |_| {
        let truth = draw(generator);
        vec![(0, rate(truth, generator)), (1, rate(truth, generator))]
    };
    facts(&(0..50).map(item).collect::<Vec<_>>(), 2, 2)
}

/// The full comparison is made by `examples/coverage`.
#[test]
fn score_intervals_cover_where_symmetric_ones_do_not() {
    let (mut score, mut symmetric) = (0, 0);
    for number in 0..1000 {
        let kappa = nominal::fleiss_kappa(&ratings(&mut Generator::stream(1, number)));
        score += i32::from(kappa.score().is_some_and(|score| score.is_ok_and(|it| it.low <= 0.4 && 0.4 <= it.high)));
        symmetric += i32::from(kappa.interval.is_ok_and(|it| it.low <= 0.4 && 0.4 <= it.high));
    }
    assert!((930..=975).contains(&score), "{score}");
    assert!(symmetric < 910, "{symmetric}");
}
