//! Counting items anew gives the figures of labels, pairs and raters of the items so counted.

use assay_stats::Threads;
use assay_stats::agreement::paradox::by_pair_paradox;
use assay_stats::agreement::{
    Facts, LabelEntropy, LabelFigures, PairCoefficients, RaterFigures, Scheme, Weights, by_label, by_pair, by_rater,
    mean_label_entropy,
};
use assay_stats::resample::Statistic;
use proptest::prelude::*;

use super::properties::{Items, items};
use super::table::facts;

const RATERS: usize = 5;
const LABELS: usize = 4;

fn assert_same(found: &[Option<f64>], expected: &[Option<f64>]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        match (found, expected) {
            (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-9, "{found} {expected}"),
            _ => assert_eq!(found, expected),
        }
    }
}

fn evaluated(statistic: &dyn Statistic, times: &[u64]) -> Vec<Option<f64>> {
    let mut figures = vec![None; statistic.figures()];
    statistic.evaluate(times, &mut figures);
    figures
}

/// The figures as observed, with every item twice, and leaving out an item as counting the others.
fn check(statistic: &dyn Statistic, observed: &[Option<f64>], doubled: &[Option<f64>]) {
    let items = statistic.multiplicities();
    assert_same(&evaluated(statistic, items), observed);
    assert_same(&evaluated(statistic, &items.iter().map(|n| 2 * n).collect::<Vec<_>>()), doubled);
    for unit in 0..items.len() {
        let mut times = items.to_vec();
        times[unit] -= 1;
        let mut without = vec![None; statistic.figures()];
        statistic.evaluate_without(unit, &mut without);
        assert_same(&without, &evaluated(statistic, &times));
    }
}

fn of_labels(facts: &Facts) -> Vec<Option<f64>> {
    by_label(facts).iter().flat_map(|label| [label.alpha.value.ok(), label.specific.value.ok()]).collect()
}

fn of_raters(facts: &Facts) -> Vec<Vec<Option<f64>>> {
    let of_rater =
        |rater: &assay_stats::agreement::RaterAgreement| vec![rater.percent.value.ok(), rater.kappa.value.ok()];
    by_rater(facts, Threads::ONE).iter().map(of_rater).collect()
}

fn of_pairs(facts: &Facts, weights: &Weights) -> Vec<Vec<Option<f64>>> {
    let paradoxes = by_pair_paradox(facts, Threads::ONE);
    let pairs = by_pair(facts, weights, Threads::ONE).into_iter().zip(paradoxes);
    pairs
        .map(|(pair, paradox)| {
            [pair.percent, pair.kappa, pair.pi, paradox.pabak].map(|estimate| estimate.value.ok()).to_vec()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn parts_of_drawn_items_are_parts_of_these_items(items in items(25)) {
        let twice: Items = items.iter().chain(&items).cloned().collect();
        let (facts, twice) = (facts(&items, RATERS, LABELS), facts(&twice, RATERS, LABELS));
        let entropy = |facts: &Facts| [mean_label_entropy(facts).value.ok()];
        check(&LabelEntropy::new(&facts), &entropy(&facts), &entropy(&twice));
        check(&LabelFigures::new(&facts), &of_labels(&facts), &of_labels(&twice));
        let raters = of_raters(&facts).into_iter().zip(of_raters(&twice));
        for (statistic, (once, twice)) in RaterFigures::of_each(&facts).iter().zip(raters) {
            check(statistic, &once, &twice);
        }
        for weights in [Weights::identity(LABELS), Weights::by_rank(Scheme::Linear, LABELS)] {
            let pairs = of_pairs(&facts, &weights).into_iter().zip(of_pairs(&twice, &weights));
            for (statistic, (once, twice)) in PairCoefficients::of_each(&facts, &weights, Threads::ONE).zip(pairs) {
                check(&statistic, &once, &twice);
            }
        }
    }
}
