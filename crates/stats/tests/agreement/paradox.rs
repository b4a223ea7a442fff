use assay_stats::agreement::paradox::{
    Explanation, Names, PairParadox, Reason, TwoByTwo, by_pair_paradox, diagnose, explain,
};
use assay_stats::agreement::{Facts, by_label};
use assay_stats::{Threads, Undefined};
use proptest::prelude::*;

use super::properties::items;
use super::table::facts;
use super::table::nominal::{by_pair, krippendorff_alpha, percent_agreement};

struct Codes;

impl Names for Codes {
    fn coefficient(&self) -> String {
        "Krippendorff's alpha".to_owned()
    }

    fn label(&self, code: u32) -> String {
        format!("'{}'", ["ok", "spam", "other"][code as usize])
    }

    fn rater(&self, code: u32) -> String {
        format!("rater {code}")
    }
}

/// Two raters: so many items for each pair of labels.
fn table(cells: &[(u32, u32, usize)]) -> Facts {
    let items: Vec<Vec<(u32, u32)>> = cells
        .iter()
        .flat_map(|&(first, second, items)| std::iter::repeat_n(vec![(0, first), (1, second)], items))
        .collect();
    facts(&items, 2, 3)
}

fn pair(facts: &Facts) -> PairParadox {
    by_pair_paradox(facts, Threads::ONE)[0]
}

fn told(facts: &Facts) -> Explanation {
    let diagnosis = diagnose(facts, Threads::ONE).unwrap();
    let specific = by_label(facts)[diagnosis.rarest().0 as usize].specific.value.ok();
    explain(&diagnosis, &percent_agreement(facts), &krippendorff_alpha(facts), specific, &Codes)
}

fn close(value: Option<f64>, expected: f64) {
    assert!(value.is_some_and(|value| (value - expected).abs() < 1e-12), "{value:?} is not {expected}");
}

/// Byrt, Bishop and Carlin (1993), tables 1 and 2 after Feinstein and Cicchetti (1990): a, b, c, d = 40, 9, 6, 45 has kappa 0.70 and 80, 10, 5,
/// 5 has 0.32 at the same agreement of 85 %, so PABAK is 0.70 for both.
#[test]
fn prevalence_lowers_kappa_at_the_same_agreement() {
    for ((a, b, c, d), kappa, prevalence) in [((40, 9, 6, 45), 0.70, 0.05), ((80, 10, 5, 5), 0.32, 0.75)] {
        let two = TwoByTwo { both: a, first: b, second: c, neither: d };
        close(two.pabak(), 0.7);
        close(two.prevalence_index(), prevalence);
        assert!((two.kappa().unwrap() - kappa).abs() < 0.005, "{two:?}");
        let facts = table(&[(0, 0, a as usize), (0, 1, b as usize), (1, 0, c as usize), (1, 1, d as usize)]);
        let pair = pair(&facts);
        close(pair.pabak.value.ok(), 0.7);
        close(pair.prevalence_index, prevalence);
        close(Some(pair.bias_index), two.bias_index().unwrap());
        close(by_pair(&facts)[0].kappa.value.ok(), two.kappa().unwrap());
        let all = diagnose(&facts, Threads::ONE).unwrap();
        close(all.prevalence_index, prevalence);
        close(Some(all.bias_index), two.bias_index().unwrap());
    }
}

/// Cohen (1960), table 2: shares 0.60, 0.30, 0.10 and 0.50, 0.30, 0.20 with chance 0.41 leave a largest kappa of 0.831.
#[test]
fn different_shares_limit_kappa() {
    let facts = table(&[
        (0, 0, 88),
        (0, 1, 14),
        (0, 2, 18),
        (1, 0, 10),
        (1, 1, 40),
        (1, 2, 10),
        (2, 0, 2),
        (2, 1, 6),
        (2, 2, 12),
    ]);
    close(pair(&facts).kappa_max, (0.9 - 0.41) / (1.0 - 0.41));
    close(Some(pair(&facts).bias_index), 0.1);
}

#[test]
fn empty_tables_and_one_label_have_no_index() {
    let empty = TwoByTwo { both: 0, first: 0, second: 0, neither: 0 };
    assert_eq!((empty.pabak(), empty.prevalence_index(), empty.kappa()), (None, None, None));
    let one = TwoByTwo { both: 5, ..empty };
    assert_eq!((one.pabak(), one.kappa()), (Some(1.0), None));
    let facts = table(&[(0, 0, 5)]);
    let pair = pair(&facts);
    assert_eq!(pair.pabak.value, Err(Undefined::SingleCategory));
    assert_eq!((pair.kappa_max, pair.prevalence_index, pair.bias_index), (None, None, 0.0));
    assert_eq!(diagnose(&table(&[]), Threads::ONE), Err(Undefined::NoRatings));
}

/// The example of the measures' guide: 90 % agreement on a label with 95 % of the ratings.
#[test]
fn skewed_labels_are_told_with_their_numbers() {
    let told = told(&table(&[(0, 0, 90), (0, 1, 5), (1, 0, 5)]));
    assert_eq!(told.reasons, [Reason::Prevalence]);
    assert_eq!(
        told.text,
        "Krippendorff's alpha is only -0.05 although two raters of an item give the same label 90.0 % of the time. \
         Labels are skewed: 'ok' takes 95.0 % of the ratings (prevalence index 0.90), so chance alone would give 90.5 % \
         agreement. Were all 2 labels equally frequent, the same agreement would be worth 0.80. What matters is the rare \
         label: 'spam' takes 5.0 %, and when one rater gives it, another does 0.0 % of the time."
    );
}

#[test]
fn each_reason_is_told_when_it_holds_and_only_then() {
    let reasons = |cells: &[(u32, u32, usize)]| told(&table(cells)).reasons;
    assert_eq!(reasons(&[(0, 0, 45), (1, 1, 45), (0, 1, 5), (1, 0, 5)]), [Reason::NotLow]);
    assert_eq!(reasons(&[(0, 0, 20), (1, 1, 20), (0, 1, 20), (1, 0, 20)]), [Reason::LowAgreement]);
    assert_eq!(reasons(&[(0, 0, 20), (1, 1, 20), (0, 1, 40)]), [Reason::LowAgreement, Reason::Bias]);
    assert_eq!(reasons(&[(0, 0, 1), (1, 1, 1), (0, 1, 1)]), [Reason::LowAgreement, Reason::FewItems]);
    assert_eq!(reasons(&[(0, 0, 330), (1, 1, 80), (0, 1, 50), (1, 0, 50)]), [Reason::CloseToChance]);
    assert_eq!(reasons(&[(0, 0, 33), (1, 1, 8), (0, 1, 5), (1, 0, 5)]), [Reason::FewItems]);
    assert_eq!(reasons(&[(0, 0, 9)]), [Reason::NotDefined]);
    let one_sided = told(&table(&[(0, 0, 380), (1, 1, 30), (0, 1, 80)]));
    assert_eq!(one_sided.reasons, [Reason::Prevalence, Reason::Bias]);
    assert!(one_sided.text.contains(
        "Raters use labels in different proportions (bias index 0.16): rater 0 gives 'ok' 16.3 percentage points more \
         often than the others on the same 490 items."
    ), "{}", one_sided.text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Indices stay in bounds, kappa stays below its largest value, and a story is told for any ratings.
    #[test]
    fn indices_hold_for_any_ratings(items in items(30)) {
        let facts = facts(&items, 5, 4);
        for (pair, agreement) in by_pair_paradox(&facts, Threads::ONE).iter().zip(by_pair(&facts)) {
            prop_assert_eq!((pair.rater, pair.other, pair.items), (agreement.rater, agreement.other, agreement.kappa.sample.items));
            prop_assert_eq!(pair.kappa_max.is_some(), agreement.kappa.value.is_ok());
            if let (Some(most), Ok(kappa)) = (pair.kappa_max, agreement.kappa.value) {
                prop_assert!(kappa <= most + 1e-12 && most <= 1.0 + 1e-12);
            }
            prop_assert!((0.0..=1.0).contains(&pair.bias_index));
        }
        let Ok(diagnosis) = diagnose(&facts, Threads::ONE) else { return Ok(()) };
        prop_assert!((0.0..=1.0).contains(&diagnosis.bias_index));
        for index in [diagnosis.prevalence_index, diagnosis.normalised_entropy].into_iter().flatten() {
            prop_assert!((0.0..=1.0 + 1e-12).contains(&index));
        }
        struct Any;
        impl Names for Any {
            fn coefficient(&self) -> String { "Kappa".into() }
            fn label(&self, code: u32) -> String { code.to_string() }
            fn rater(&self, code: u32) -> String { code.to_string() }
        }
        let told = explain(&diagnosis, &percent_agreement(&facts), &krippendorff_alpha(&facts), None, &Any);
        prop_assert!(!told.reasons.is_empty() && !told.text.contains("NaN") && !told.text.contains("inf "), "{:?}", told);
    }
}
