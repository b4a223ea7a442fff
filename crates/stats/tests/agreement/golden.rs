//! `data/golden.csv` holds what krippendorff, irrCAC, scikit-learn and statsmodels say; `data/peers.py` wrote it.

use std::collections::BTreeMap;

use assay_stats::Estimate;
use assay_stats::agreement::by_label;

use super::table::Table;
use super::table::nominal::{
    by_pair, by_rater, fleiss_kappa, gwet_ac1, krippendorff_alpha, mean_pairwise_cohen, percent_agreement,
};

const TABLES: [(&str, &str); 3] = [
    ("animals", include_str!("../data/animals.csv")),
    ("fleiss_1971", include_str!("../data/fleiss_1971.csv")),
    ("krippendorff_2011", include_str!("../data/krippendorff_2011.csv")),
];
const GOLDEN: &str = include_str!("../data/golden.csv");
const TOLERANCE: f64 = 1e-9;

fn number(field: &str) -> f64 {
    field.parse().unwrap()
}

fn figures(table: &Table) -> BTreeMap<(&'static str, String), Estimate> {
    let facts = &table.facts;
    let mut figures = BTreeMap::from([
        (("percent_agreement", String::new()), percent_agreement(facts)),
        (("krippendorff_alpha", String::new()), krippendorff_alpha(facts)),
        (("fleiss_kappa", String::new()), fleiss_kappa(facts)),
        (("gwet_ac1", String::new()), gwet_ac1(facts)),
        (("mean_pairwise_cohen", String::new()), mean_pairwise_cohen(facts)),
    ]);
    for pair in by_pair(facts) {
        let scope = format!("{}|{}", table.raters[pair.rater as usize], table.raters[pair.other as usize]);
        figures.insert(("pair_percent_agreement", scope.clone()), pair.percent);
        figures.insert(("pair_cohen_kappa", scope), pair.kappa);
    }
    for rater in by_rater(facts) {
        let scope = &table.raters[rater.rater as usize];
        figures.insert(("rater_percent_agreement", scope.clone()), rater.percent);
        figures.insert(("rater_kappa", scope.clone()), rater.kappa);
    }
    for label in by_label(facts) {
        let scope = &table.labels[label.label as usize];
        figures.insert(("label_krippendorff_alpha", scope.clone()), label.alpha);
        figures.insert(("specific_agreement", scope.clone()), label.specific);
    }
    figures
}

#[test]
fn every_figure_and_interval_equals_the_peers() {
    let tables: BTreeMap<&str, _> = TABLES.iter().map(|&(name, text)| (name, figures(&Table::read(text)))).collect();
    let mut compared = 0;
    for line in GOLDEN.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let estimate = tables[fields[0]]
            .iter()
            .find(|((measure, scope), _)| *measure == fields[1] && scope == fields[2])
            .map(|(_, estimate)| estimate)
            .unwrap();
        if fields[3].is_empty() {
            assert!(estimate.value.is_err(), "{line}: {estimate:?}");
        } else {
            let value = estimate.value.unwrap();
            assert!((value - number(fields[3])).abs() <= TOLERANCE, "{line}: {estimate:?}");
        }
        if fields[4].is_empty() {
            assert!(estimate.interval.is_err(), "{line}: {estimate:?}");
        } else {
            // A share has no negative lower end here; irrCAC leaves it.
            let is_share = fields[1].ends_with("percent_agreement") || fields[1] == "specific_agreement";
            let low = if is_share { number(fields[4]).max(0.0) } else { number(fields[4]) };
            let interval = estimate.interval.unwrap();
            assert!((interval.low - low).abs() <= TOLERANCE, "{line}: {estimate:?}");
            assert!((interval.high - number(fields[5])).abs() <= TOLERANCE, "{line}: {estimate:?}");
        }
        compared += 1;
    }
    assert_eq!(compared, GOLDEN.lines().count() - 1);
}

#[test]
fn figures_printed_in_the_papers() {
    let fleiss = Table::read(TABLES[1].1);
    let kappa = fleiss_kappa(&fleiss.facts).value.unwrap();
    assert!((kappa - 0.430).abs() < 5e-4, "Fleiss (1971): {kappa}");
    let krippendorff = Table::read(TABLES[2].1);
    let alpha = krippendorff_alpha(&krippendorff.facts).value.unwrap();
    assert!((alpha - 0.743).abs() < 5e-4, "Krippendorff (2011): {alpha}");
}

#[test]
fn samples_say_what_was_counted() {
    let table = Table::read(TABLES[2].1);
    let alpha = krippendorff_alpha(&table.facts).sample;
    assert_eq!((alpha.items, alpha.ratings, alpha.raters), (11, 40, 4));
    let kappa = fleiss_kappa(&table.facts).sample;
    assert_eq!((kappa.items, kappa.ratings, kappa.raters), (12, 41, 4), "the unit with one rating counts in chance");
    let pair = by_pair(&table.facts)[0].kappa.sample;
    assert_eq!((pair.items, pair.ratings, pair.raters), (9, 18, 2));
    assert_eq!(table.facts.label_counts(), [9, 13, 11, 5, 3]);
}
