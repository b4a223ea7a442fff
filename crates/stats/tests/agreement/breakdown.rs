use assay_stats::agreement::breakdown::{by_rater_group, krippendorff_alpha_without_each, leave_one_rater_out};
use std::num::NonZeroUsize;

use assay_stats::agreement::xrr::CrossReplication;
use assay_stats::agreement::{Facts, Ratings, Weights};
use assay_stats::{Estimate, Threads, Undefined};
use proptest::prelude::*;

use super::properties::items;
use super::table::nominal::{fleiss_kappa, krippendorff_alpha, percent_agreement};
use super::table::ratings;

fn threads(n: usize) -> Threads {
    Threads::new(NonZeroUsize::new(n).unwrap())
}

fn alpha(ratings: &Ratings) -> Estimate {
    krippendorff_alpha(&Facts::new(ratings.clone()))
}

/// The example of Krippendorff (2011), C: four observers, twelve units, five values. krippendorff 0.9.0 on three of the four.
#[test]
fn alpha_without_each_observer_of_krippendorff() {
    let rows = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ];
    let items: Vec<Vec<(u32, u32)>> = (0..12)
        .map(|unit| (0..4).map(|rater| (rater, rows[rater as usize][unit])).filter(|&(_, label)| label > 0).collect())
        .collect();
    let ratings = ratings(&items, 4, 6);
    let expected = [0.714_673_913_043_478_3, 0.704_081_632_653_061_2, 0.867_924_528_301_886_8, 0.675_257_731_958_762_9];
    let all = leave_one_rater_out(&ratings, threads(3), alpha);
    for ((one, direct), expected) in all.raters.iter().zip(krippendorff_alpha_without_each(&ratings)).zip(expected) {
        assert!((one.without.value.unwrap() - expected).abs() < 1e-12, "{one:?}");
        assert!((one.without.value.unwrap() - direct.unwrap()).abs() < 1e-12);
        assert_eq!(one.change, Some(one.without.value.unwrap() - all.overall.value.unwrap()));
    }
    assert!((all.overall.value.unwrap() - 0.743_421_052_631_579).abs() < 1e-12);
}

#[test]
fn a_rater_whose_leaving_ends_all_comparison_has_no_change() {
    let ratings = ratings(&[vec![(0, 0), (2, 1)], vec![(0, 1), (2, 1)]], 3, 2);
    let all = leave_one_rater_out(&ratings, Threads::ONE, alpha);
    assert_eq!(all.raters.iter().map(|one| one.rater).collect::<Vec<_>>(), [0, 2]);
    assert!(all.raters.iter().all(|one| one.change.is_none() && one.without.value == Err(Undefined::OneRater)));
}

#[test]
fn groups_agree_within_and_between() {
    let items: Vec<Vec<(u32, u32)>> = (0..12)
        .map(|item| (0..4).map(|rater| (rater, (item + u32::from(rater > 1 && item % 3 == 0)) % 3)).collect())
        .collect();
    let ratings = ratings(&items, 5, 3);
    let groups = by_rater_group(
        &ratings,
        |rater| [Some(7), Some(7), Some(9), None][rater as usize],
        &Weights::identity(3),
        alpha,
    );
    let groups = groups.unwrap();
    assert_eq!(groups.within.iter().map(|one| one.group).collect::<Vec<_>>(), [7, 9]);
    assert_eq!(groups.within[0].estimate.value, Ok(1.0));
    assert_eq!(groups.within[1].estimate.value, Err(Undefined::OneRater));
    let (a, b) = (ratings.of_raters(|rater| rater < 2), ratings.of_raters(|rater| rater == 2));
    let expected = CrossReplication::new(&a, &b, Weights::identity(3)).unwrap().estimate();
    assert_eq!((groups.between.len(), groups.between[0].group, groups.between[0].other), (1, 7, 9));
    assert_eq!(groups.between[0].xrr, expected);
    assert!(expected.kappa_x.value.unwrap() < 0.6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn one_pass_gives_what_leaving_each_out_gives(items in items(30)) {
        let ratings = ratings(&items, 5, 4);
        let each = krippendorff_alpha_without_each(&ratings);
        for rater in 0..5 {
            match (each[rater as usize], alpha(&ratings.without_rater(rater)).value) {
                (Ok(one), Ok(other)) => prop_assert!((one - other).abs() < 1e-12, "{} {}", one, other),
                (one, other) => prop_assert_eq!(one, other),
            }
        }
        for figure in [percent_agreement, fleiss_kappa] {
            let figure = |ratings: &Ratings| figure(&Facts::new(ratings.clone()));
            prop_assert_eq!(leave_one_rater_out(&ratings, Threads::ONE, figure), leave_one_rater_out(&ratings, threads(4), figure));
        }
    }
}
