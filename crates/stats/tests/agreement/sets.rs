use assay_stats::agreement::sets::{
    ElementAlphas, EmptySets, LabelSets, LabelSetsError, SetAlpha, SetDistance, SetFacts, krippendorff_alpha_per_label,
    krippendorff_alpha_sets,
};
use assay_stats::agreement::{Facts, Ratings};
use assay_stats::resample::Statistic;
use assay_stats::{Estimate, Undefined};
use proptest::prelude::*;

use super::table::nominal::krippendorff_alpha;
use super::table::ratings;

const DISTANCES: [SetDistance; 3] = [SetDistance::Nominal, SetDistance::Jaccard, SetDistance::Masi];

/// Items of (rater, elements): the label codes are made here, one for each rating, so that equal sets have several codes.
fn with_sets(items: &[Vec<(u32, Vec<u32>)>], n_elements: usize) -> (Ratings, LabelSets) {
    let (mut offsets, mut elements, mut rows) = (vec![0], Vec::new(), Vec::new());
    for item in items {
        let mut row = Vec::new();
        for (rater, set) in item {
            row.push((*rater, offsets.len() as u32 - 1));
            elements.extend_from_slice(set);
            offsets.push(elements.len());
        }
        rows.push(row);
    }
    let n_labels = offsets.len() - 1;
    let sets = LabelSets::new(&offsets, &elements, n_elements).unwrap();
    (ratings(&rows, 5, n_labels), sets)
}

fn facts_of(items: &[Vec<(u32, Vec<u32>)>], empty: EmptySets) -> SetFacts {
    let (ratings, sets) = with_sets(items, 4);
    SetFacts::new(&ratings, &sets, empty).unwrap()
}

/// Three raters, six items, elements x = 0, y = 1, z = 2; item 5 has one rating.
fn example() -> Vec<Vec<(u32, Vec<u32>)>> {
    vec![
        vec![(0, vec![0]), (1, vec![0, 1]), (2, vec![0])],
        vec![(0, vec![1, 2]), (1, vec![1, 0])],
        vec![(0, vec![2]), (1, vec![2]), (2, vec![2])],
        vec![(0, vec![0, 1, 2]), (2, vec![1])],
        vec![(1, vec![0])],
        vec![(0, vec![0]), (1, vec![1]), (2, vec![1])],
    ]
}

fn close(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-12, "{value} is not {expected}");
}

/// nltk 3.10.4, `AnnotationTask(data, distance=masi_distance | jaccard_distance | binary_distance).alpha()` without item 5.
#[test]
fn alpha_of_sets_is_that_of_nltk() {
    let facts = facts_of(&example(), EmptySets::Value);
    for (distance, expected) in [
        (SetDistance::Masi, 0.315_589_353_612_167_1),
        (SetDistance::Jaccard, 0.362_5),
        (SetDistance::Nominal, 5.0 / 17.0),
    ] {
        close(krippendorff_alpha_sets(&facts, distance).value.unwrap(), expected);
    }
    assert_eq!((facts.sample().items, facts.pairable_sample().items, facts.n_distinct_sets()), (6, 5, 6));
}

/// krippendorff 0.9.0, `alpha(0/1 by element, level_of_measurement="nominal")`.
#[test]
fn alpha_per_label_is_that_of_the_binary_columns() {
    let facts = facts_of(&example(), EmptySets::Value);
    let all = krippendorff_alpha_per_label(&facts);
    for (element, expected) in all.elements.iter().zip([1.0 / 7.0, 3.0 / 7.0, 0.4]) {
        close(element.alpha.value.unwrap(), expected);
    }
    assert_eq!(all.elements[3].alpha.value, Err(Undefined::LabelNotUsed));
    assert_eq!(all.defined, 3);
    close(all.mean.value.unwrap(), (4.0 / 7.0 + 0.4) / 3.0);
}

#[test]
fn an_empty_set_is_an_answer_or_none() {
    let items = vec![
        vec![(0, vec![]), (1, vec![])],
        vec![(0, vec![]), (1, vec![1])],
        vec![(0, vec![1]), (1, vec![1])],
        vec![(0, vec![1]), (1, vec![2])],
    ];
    let value = facts_of(&items, EmptySets::Value);
    let missing = facts_of(&items, EmptySets::Missing);
    assert_eq!((value.pairable_sample().items, missing.pairable_sample().items), (4, 2));
    assert_eq!((missing.sample().items, missing.sample().ratings), (3, 5));
    // Two of eight ratings' pairs differ at distance 1; n = 3, 4, 1: D_o = 4/8, D_e = (64 - 26) / 56.
    for distance in DISTANCES {
        close(krippendorff_alpha_sets(&value, distance).value.unwrap(), 1.0 - 0.5 / (38.0 / 56.0));
        // n = 3, 1: D_o = 2/4, D_e = 6/12.
        close(krippendorff_alpha_sets(&missing, distance).value.unwrap(), 0.0);
    }
}

#[test]
fn what_is_undefined_says_why() {
    let reason = |items: &[Vec<(u32, Vec<u32>)>], empty| {
        let facts = facts_of(items, empty);
        let per_label = krippendorff_alpha_per_label(&facts);
        let all = krippendorff_alpha_sets(&facts, SetDistance::Masi).value.unwrap_err();
        assert_eq!(per_label.defined, 0);
        (all, per_label.mean.value.unwrap_err())
    };
    use Undefined::{NoDefinedLabel, NoPairableItems, NoRatings, OneRater, SingleCategory};
    assert_eq!(reason(&[], EmptySets::Value), (NoRatings, NoRatings));
    assert_eq!(reason(&[vec![(0, vec![])]], EmptySets::Missing), (NoRatings, NoRatings));
    assert_eq!(reason(&[vec![(0, vec![1])]], EmptySets::Value), (OneRater, OneRater));
    assert_eq!(reason(&[vec![(0, vec![1])], vec![(1, vec![])]], EmptySets::Value), (NoPairableItems, NoPairableItems));
    for set in [vec![], vec![0, 2]] {
        let same = vec![vec![(0, set.clone()), (1, set.clone())], vec![(0, set.clone()), (2, set)]];
        assert_eq!(reason(&same, EmptySets::Value), (SingleCategory, NoDefinedLabel));
    }
    let (ratings, sets) = with_sets(&example(), 4);
    let fewer = LabelSets::new(&[0, 0], &[], 0).unwrap();
    assert_eq!(
        SetFacts::new(&ratings, &fewer, EmptySets::Value).unwrap_err(),
        LabelSetsError::LabelWithoutSet { n_labels: sets.len(), n_sets: 1 }
    );
}

/// The same sets over more than 64 elements are found through lists instead of words: no bit may change.
#[test]
fn the_two_ways_of_comparing_sets_agree() {
    let items: Vec<Vec<(u32, Vec<u32>)>> = (0..60_u32)
        .map(|item| {
            (0..3)
                .map(|rater| (rater, (0..6).filter(|bit| (item * 7 + rater * 13) >> bit & 1 == 1).collect()))
                .collect()
        })
        .collect();
    let figures = |n_elements| {
        let (ratings, sets) = with_sets(&items, n_elements);
        let facts = SetFacts::new(&ratings, &sets, EmptySets::Value).unwrap();
        DISTANCES.map(|distance| krippendorff_alpha_sets(&facts, distance))
    };
    assert_eq!(figures(6), figures(65));
}

fn random_items() -> impl Strategy<Value = Vec<Vec<(u32, Vec<u32>)>>> {
    let rating = prop::collection::vec(0..4_u32, 0..4);
    let item = prop::collection::vec(prop::option::weighted(0.7, rating), 5)
        .prop_map(|ratings| (0_u32..).zip(ratings).filter_map(|(rater, set)| Some((rater, set?))).collect::<Vec<_>>());
    prop::collection::vec(item, 0..25)
}

fn same(a: Option<f64>, b: Result<f64, Undefined>) -> bool {
    match (a, b) {
        (Some(a), Ok(b)) => (a - b).abs() < 1e-9,
        (None, Err(_)) => true,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Identical sets as labels are nominal labels; the order of items, raters and label codes changes no bit.
    #[test]
    fn nominal_sets_are_labels_and_order_is_nothing(items in random_items()) {
        let facts = facts_of(&items, EmptySets::Value);
        let reversed: Vec<_> = items
            .iter()
            .rev()
            .map(|item| item.iter().rev().map(|(rater, set)| (4 - rater, set.iter().rev().copied().collect())).collect())
            .collect();
        let reversed = facts_of(&reversed, EmptySets::Value);
        for distance in DISTANCES {
            prop_assert_eq!(krippendorff_alpha_sets(&facts, distance), krippendorff_alpha_sets(&reversed, distance));
        }
        prop_assert_eq!(krippendorff_alpha_per_label(&facts), krippendorff_alpha_per_label(&reversed));

        let mut distinct: Vec<Vec<u32>> = items.iter().flatten().map(|(_, set)| sorted(set)).collect();
        distinct.sort();
        distinct.dedup();
        let nominal: Vec<Vec<(u32, u32)>> = items
            .iter()
            .map(|item| {
                item.iter().map(|(r, set)| (*r, distinct.binary_search(&sorted(set)).unwrap() as u32)).collect()
            })
            .collect();
        let plain = krippendorff_alpha(&Facts::new(ratings(&nominal, 5, distinct.len())));
        let sets = krippendorff_alpha_sets(&facts, SetDistance::Nominal);
        prop_assert_eq!(sets.sample, plain.sample);
        match (sets.value, plain.value) {
            (Ok(a), Ok(b)) => prop_assert!((a - b).abs() < 1e-12, "{} {}", a, b),
            (a, b) => prop_assert_eq!(a, b),
        }
        match (sets.interval, plain.interval) {
            (Ok(a), Ok(b)) => prop_assert!((a.low - b.low).abs() < 1e-9, "{:?} {:?}", a, b),
            (a, b) => prop_assert_eq!(a, b),
        }
    }

    /// A figure counted anew is the figure of items repeated or left out.
    #[test]
    fn statistics_are_the_estimates_of_the_items_they_count(items in random_items()) {
        let facts = facts_of(&items, EmptySets::Value);
        for distance in DISTANCES {
            let statistic = SetAlpha::new(&facts, distance).unwrap();
            let figure = |facts: &SetFacts| krippendorff_alpha_sets(facts, distance).value;
            check_statistic(&statistic, 0, &items, &figure)?;
        }
        let statistic = ElementAlphas::new(&facts);
        let last = statistic.figures() - 1;
        check_statistic(&statistic, last, &items, &|facts| krippendorff_alpha_per_label(facts).mean.value)?;
    }

    #[test]
    fn alpha_is_finite_and_at_most_one(items in random_items()) {
        let facts = facts_of(&items, EmptySets::Value);
        for estimate in DISTANCES.map(|distance| krippendorff_alpha_sets(&facts, distance)) {
            bounded(&estimate)?;
        }
        for element in krippendorff_alpha_per_label(&facts).elements {
            bounded(&element.alpha)?;
        }
    }
}

fn sorted(set: &[u32]) -> Vec<u32> {
    let mut set = set.to_vec();
    set.sort_unstable();
    set.dedup();
    set
}

fn bounded(estimate: &Estimate) -> Result<(), TestCaseError> {
    if let Ok(value) = estimate.value {
        prop_assert!(value.is_finite() && value <= 1.0, "{}", value);
        if let Ok(interval) = estimate.interval {
            prop_assert!(interval.low <= value && value <= interval.high, "{:?}", estimate);
        }
    }
    Ok(())
}

fn check_statistic(
    statistic: &dyn Statistic,
    place: usize,
    items: &[Vec<(u32, Vec<u32>)>],
    figure: &dyn Fn(&SetFacts) -> Result<f64, Undefined>,
) -> Result<(), TestCaseError> {
    let mut figures = vec![None; statistic.figures()];
    statistic.evaluate(statistic.multiplicities(), &mut figures);
    prop_assert!(same(figures[place], figure(&facts_of(items, EmptySets::Value))));
    let twice: Vec<u64> = statistic.multiplicities().iter().map(|&items| 2 * items).collect();
    statistic.evaluate(&twice, &mut figures);
    let doubled: Vec<_> = items.iter().chain(items).cloned().collect();
    prop_assert!(same(figures[place], figure(&facts_of(&doubled, EmptySets::Value))));
    for unit in 0..statistic.multiplicities().len() {
        let mut times = statistic.multiplicities().to_vec();
        times[unit] -= 1;
        let mut anew = vec![None; statistic.figures()];
        statistic.evaluate(&times, &mut anew);
        statistic.evaluate_without(unit, &mut figures);
        match (anew[place], figures[place]) {
            (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-9, "{} {}", a, b),
            (a, b) => prop_assert_eq!(a, b),
        }
    }
    Ok(())
}
