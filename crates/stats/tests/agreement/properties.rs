use std::collections::BTreeMap;

use assay_stats::agreement::{Facts, by_label, label_pairs};
use assay_stats::{Estimate, Undefined};
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::table::facts;
use super::table::nominal::{
    brennan_prediger, by_pair, by_rater, conger_kappa, fleiss_kappa, gwet_ac1, krippendorff_alpha, mean_pairwise_cohen,
    percent_agreement, pooled_percent_agreement,
};

const RATERS: usize = 5;
const LABELS: usize = 4;

pub type Items = Vec<Vec<(u32, u32)>>;

/// Items with any subset of the raters, each with any label.
pub fn items(max: usize) -> impl Strategy<Value = Items> {
    let item = subsequence((0..RATERS as u32).collect::<Vec<_>>(), 0..=RATERS)
        .prop_flat_map(|raters| raters.into_iter().map(|rater| (Just(rater), 0..LABELS as u32)).collect::<Vec<_>>());
    prop::collection::vec(item, 0..max)
}

fn shuffled(n: u32) -> impl Strategy<Value = Vec<u32>> {
    Just((0..n).collect::<Vec<u32>>()).prop_shuffle()
}

fn facts_of(items: &Items) -> Facts {
    facts(items, RATERS, LABELS)
}

/// Every figure, under names that do not depend on the codes once `raters` and `labels` translate them.
fn figures(facts: &Facts, raters: &[u32], labels: &[u32]) -> BTreeMap<(&'static str, u32, u32), Estimate> {
    let rater = |code: u32| raters[code as usize];
    let mut figures = BTreeMap::from([
        (("percent", 0, 0), percent_agreement(facts)),
        (("alpha", 0, 0), krippendorff_alpha(facts)),
        (("fleiss", 0, 0), fleiss_kappa(facts)),
        (("ac1", 0, 0), gwet_ac1(facts)),
        (("cohen", 0, 0), mean_pairwise_cohen(facts)),
        (("conger", 0, 0), conger_kappa(facts)),
        (("brennan prediger", 0, 0), brennan_prediger(facts)),
        (("pooled percent", 0, 0), pooled_percent_agreement(facts)),
    ]);
    for pair in by_pair(facts) {
        let (a, b) = (rater(pair.rater), rater(pair.other));
        figures.insert(("pair percent", a.min(b), a.max(b)), pair.percent);
        figures.insert(("pair kappa", a.min(b), a.max(b)), pair.kappa);
        figures.insert(("pair pi", a.min(b), a.max(b)), pair.pi);
    }
    for one in by_rater(facts) {
        figures.insert(("rater percent", rater(one.rater), 0), one.percent);
        figures.insert(("rater kappa", rater(one.rater), 0), one.kappa);
    }
    for label in by_label(facts) {
        figures.insert(("label alpha", labels[label.label as usize], 0), label.alpha);
        figures.insert(("label specific", labels[label.label as usize], 0), label.specific);
    }
    figures
}

fn same_codes(n: usize) -> Vec<u32> {
    (0..n as u32).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn order_and_names_never_change_a_bit(
        items in items(40),
        seed in any::<u64>(),
        raters in shuffled(RATERS as u32),
        labels in shuffled(LABELS as u32),
    ) {
        let plain = figures(&facts_of(&items), &same_codes(RATERS), &same_codes(LABELS));
        let mut renamed: Items = items
            .iter()
            .map(|item| {
                item.iter()
                    .rev()
                    .map(|&(rater, label)| {
                        let rater = raters.iter().position(|&name| name == rater).unwrap() as u32;
                        (rater, labels.iter().position(|&name| name == label).unwrap() as u32)
                    })
                    .collect()
            })
            .collect();
        renamed.rotate_left(if items.is_empty() { 0 } else { seed as usize % items.len() });
        prop_assert_eq!(plain, figures(&facts_of(&renamed), &raters, &labels));
    }

    #[test]
    fn figures_are_finite_and_within_bounds(items in items(40)) {
        for ((name, ..), estimate) in figures(&facts_of(&items), &same_codes(RATERS), &same_codes(LABELS)) {
            let is_share = name.ends_with("percent") || name.ends_with("specific");
            if let Ok(value) = estimate.value {
                prop_assert!(value.is_finite() && value <= 1.0, "{name}: {value}");
                prop_assert!(!is_share || value >= 0.0, "{name}: {value}");
            } else {
                prop_assert_eq!(estimate.interval.err(), estimate.value.err());
            }
            if let Ok(interval) = estimate.interval {
                let value = estimate.value.unwrap();
                prop_assert!(interval.low.is_finite() && interval.high <= 1.0, "{name}: {interval:?}");
                prop_assert!(interval.low <= value && value <= interval.high, "{name}: {value} {interval:?}");
                prop_assert!(!is_share || interval.low >= 0.0, "{name}: {interval:?}");
                prop_assert!(estimate.sample.items >= 2);
            }
        }
    }

    #[test]
    fn perfect_agreement_is_exactly_one(truth in prop::collection::vec(0..LABELS as u32, 1..40)) {
        let items: Items = truth
            .iter()
            .enumerate()
            .map(|(item, &label)| (0..2 + item as u32 % 4).map(|rater| (rater, label)).collect())
            .collect();
        for ((name, ..), estimate) in figures(&facts_of(&items), &same_codes(RATERS), &same_codes(LABELS)) {
            prop_assert!(estimate.value.is_err() || estimate.value == Ok(1.0), "{name}: {estimate:?}");
            prop_assert!(estimate.interval.is_err(), "{name}: {estimate:?}");
        }
    }

    #[test]
    fn two_raters_agree_on_what_their_kappa_is(labels in prop::collection::vec((0..LABELS as u32, 0..LABELS as u32), 2..40)) {
        let items: Items = labels.iter().map(|&(a, b)| vec![(0, a), (1, b)]).collect();
        let facts = facts_of(&items);
        let pair = by_pair(&facts)[0];
        let mean = mean_pairwise_cohen(&facts);
        for rater in &by_rater(&facts)[..2] {
            prop_assert_eq!(rater.percent.value, pair.percent.value);
            match (rater.kappa.value, pair.kappa.value, mean.value) {
                (Ok(ours), Ok(cohen), Ok(mean)) => {
                    prop_assert!((ours - cohen).abs() < 1e-12 && (mean - cohen).abs() < 1e-12);
                }
                (ours, cohen, mean) => {
                    prop_assert_eq!((ours, cohen), (Err(Undefined::SingleCategory), Err(Undefined::SingleCategory)));
                    prop_assert_eq!(mean, Err(Undefined::NoDefinedPair));
                }
            }
        }
    }

    #[test]
    fn label_pairs_count_every_pair_of_ratings(items in items(30)) {
        let pairs: u64 = label_pairs(&facts_of(&items)).iter().map(|count| count.pairs).sum();
        let expected: usize = items.iter().map(|item| item.len() * item.len().saturating_sub(1) / 2).sum();
        prop_assert_eq!(pairs, expected as u64);
    }
}
