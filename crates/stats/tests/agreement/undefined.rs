use assay_stats::agreement::{Facts, by_label};
use assay_stats::{Estimate, Undefined};

use super::table::facts;
use super::table::nominal::{
    brennan_prediger, by_pair, by_rater, conger_kappa, fleiss_kappa, gwet_ac1, krippendorff_alpha, mean_pairwise_cohen,
    percent_agreement, pooled_percent_agreement,
};

fn overall(facts: &Facts) -> [Estimate; 8] {
    [
        percent_agreement(facts),
        krippendorff_alpha(facts),
        fleiss_kappa(facts),
        gwet_ac1(facts),
        mean_pairwise_cohen(facts),
        conger_kappa(facts),
        brennan_prediger(facts),
        pooled_percent_agreement(facts),
    ]
}

#[track_caller]
fn assert_all(facts: &Facts, reason: Undefined) {
    for estimate in overall(facts) {
        assert_eq!(estimate.value, Err(reason));
        assert_eq!(estimate.interval, Err(reason));
    }
    for label in by_label(facts) {
        assert_eq!((label.alpha.value, label.specific.value), (Err(reason), Err(reason)));
    }
    for rater in by_rater(facts) {
        assert_eq!((rater.percent.value, rater.kappa.value), (Err(reason), Err(reason)));
    }
}

#[test]
fn nothing_to_compare() {
    assert_all(&facts(&[], 2, 2), Undefined::NoRatings);
    assert_all(&facts(&[vec![], vec![]], 2, 2), Undefined::NoRatings);
    assert_all(&facts(&[vec![(0, 0)], vec![(0, 1)]], 1, 2), Undefined::OneRater);
    assert_all(&facts(&[vec![(0, 0)], vec![(1, 1)]], 2, 2), Undefined::NoPairableItems);
}

#[test]
fn one_category_agrees_in_percent_and_has_no_chance_corrected_figure() {
    let facts = facts(&[vec![(0, 1), (1, 1)], vec![(0, 1), (1, 1)]], 2, 2);
    let [percent, alpha, fleiss, ac1, cohen, conger, s, pooled] = overall(&facts);
    for share in [percent, pooled] {
        assert_eq!((share.value, share.interval), (Ok(1.0), Err(Undefined::ZeroVariance)));
    }
    let pair = by_pair(&facts)[0];
    let others = [pair.kappa, pair.pi, by_rater(&facts)[0].kappa, by_label(&facts)[1].alpha];
    for estimate in [alpha, fleiss, ac1, conger, s].into_iter().chain(others) {
        assert_eq!(estimate.value, Err(Undefined::SingleCategory));
    }
    assert_eq!(cohen.value, Err(Undefined::NoDefinedPair));
    assert_eq!(by_label(&facts)[0].specific.value, Err(Undefined::LabelNotUsed));
}

#[test]
fn a_second_category_on_a_single_rating_defines_fleiss_but_not_alpha() {
    let facts = facts(&[vec![(0, 0), (1, 0)], vec![(0, 1)]], 2, 2);
    assert_eq!(krippendorff_alpha(&facts).value, Err(Undefined::SingleCategory));
    assert_eq!(fleiss_kappa(&facts).value, Ok(1.0));
    assert_eq!(gwet_ac1(&facts).value, Ok(1.0));
}

#[test]
fn one_item_has_a_value_but_no_interval() {
    let facts = facts(&[vec![(0, 0), (1, 1), (2, 0)]], 3, 2);
    for estimate in [percent_agreement(&facts), krippendorff_alpha(&facts), fleiss_kappa(&facts), gwet_ac1(&facts)] {
        assert!(estimate.value.is_ok());
        assert_eq!(estimate.interval, Err(Undefined::OneItem));
    }
    assert_eq!(percent_agreement(&facts).value, Ok(1.0 / 3.0));
}

#[test]
fn a_rater_who_shares_no_item_is_not_pairable() {
    let facts = facts(&[vec![(0, 0), (1, 1)], vec![(0, 0), (1, 0)], vec![(2, 1)]], 3, 2);
    let loner = by_rater(&facts)[2];
    assert_eq!(loner.percent.value, Err(Undefined::NoPairableItems));
    assert_eq!((loner.percent.sample.items, loner.percent.sample.raters), (0, 1));
    assert_eq!(by_pair(&facts).len(), 1);
}

#[test]
fn complete_disagreement_is_a_value_with_no_spread() {
    let facts = facts(&[vec![(0, 0), (1, 1)], vec![(0, 1), (1, 0)]], 2, 2);
    let kappa = fleiss_kappa(&facts);
    assert_eq!((kappa.value, kappa.interval), (Ok(-1.0), Err(Undefined::ZeroVariance)));
}

#[test]
fn codes_are_stable() {
    let codes = [
        (Undefined::NoRatings, "no_ratings"),
        (Undefined::OneRater, "one_rater"),
        (Undefined::NoPairableItems, "no_pairable_items"),
        (Undefined::SingleCategory, "single_category"),
        (Undefined::NoDefinedPair, "no_defined_pair"),
        (Undefined::LabelNotUsed, "label_not_used"),
        (Undefined::OneItem, "one_item"),
        (Undefined::ZeroVariance, "zero_variance"),
    ];
    for (reason, code) in codes {
        assert_eq!(reason.to_string(), code);
    }
}
