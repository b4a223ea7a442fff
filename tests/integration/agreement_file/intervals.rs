//! How intervals are made.

use serde_json::{Value, json};

use super::{Folder, figure, krippendorff};

#[test]
fn an_interval_that_gave_way_says_why() {
    let folder = Folder::new();
    // All items but one are alike: leaving one of them out changes too little to tell an acceleration, or every replicate lies on one side.
    let mut rows = "item,annotator,label\n".to_owned();
    for item in 0..30 {
        rows += &format!("{item},a,x\n{item},b,{}\n", if item == 0 { "y" } else { "x" });
    }
    folder.file("g.csv", rows);
    let report = folder.json(&["g.csv", "--interval", "bootstrap", "--bootstrap", "bca"]);
    let rows = report["measures"].as_array().unwrap();
    let methods: Vec<&str> = rows.iter().map(|row| row["method"].as_str().unwrap()).collect();
    assert!(methods.iter().any(|method| method.contains("percentile") && method.contains("; no bca: ")), "{methods:?}");
}

/// What each kind of interval says it is.
const KINDS: [(&str, &[&str], &str); 4] = [
    ("jackknife", &[], "jackknife over items, t(n-1)"),
    ("bootstrap", &["--resamples", "400", "--seed", "7"], "bootstrap over items, percentile"),
    ("bootstrap", &["--resamples", "400", "--bootstrap", "bca"], "bootstrap over items, bca"),
    ("two-way", &["--resamples", "400", "--seed", "7"], "two-way bootstrap over items and raters, percentile"),
];

/// The same at one, two and three threads.
#[track_caller]
fn same_at_any_threads(folder: &Folder, arguments: &[&str]) -> Value {
    let [one, two, three] =
        ["1", "2", "3"].map(|threads| folder.print(&[arguments, &["--threads", threads, "--format", "json"]].concat()));
    assert!(one == two && two == three, "{arguments:?}: threads change a byte");
    serde_json::from_slice(&one).unwrap()
}

#[test]
fn every_interval_is_made_the_same_on_any_number_of_threads() {
    let folder = Folder::new();
    folder.file("c.csv", krippendorff());
    for (kind, more, method) in KINDS {
        let report = same_at_any_threads(&folder, &[&["c.csv", "--interval", kind], more].concat());
        let alpha = figure(&report, "krippendorff_alpha");
        assert_eq!(alpha["method"], json!(method));
        assert!(
            alpha["ci_low"].as_f64() < alpha["value"].as_f64() && alpha["value"].as_f64() <= alpha["ci_high"].as_f64()
        );
        for name in ["percent_agreement", "conger_kappa", "mean_pairwise_cohen_kappa"] {
            assert_eq!(figure(&report, name)["method"], json!(method), "{name}");
        }
    }
    let other = folder.json(&["c.csv", "--interval", "bootstrap", "--seed", "2"]);
    let first = folder.json(&["c.csv", "--interval", "bootstrap"]);
    assert_ne!(figure(&other, "krippendorff_alpha")["ci_low"], figure(&first, "krippendorff_alpha")["ci_low"]);
}

/// Five annotators give 40 items numbers from 1 to 5 that mostly follow the item's own; the last one is half a step higher.
fn numbers() -> String {
    let mut text = "item,annotator,label\n".to_owned();
    let mut state = 7_u64;
    for item in 0..40 {
        for annotator in 0..5 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise = (state >> 33) % 4;
            let label = 1 + (item % 4) + u64::from(noise == 0) + u64::from(annotator == 4 && noise == 1);
            text += &format!("{item},r{annotator},{label}\n");
        }
    }
    text
}

/// Figures that have an interval of this kind, and those that have none; every other one says why.
fn by_method(report: &Value, method: &str) -> (Vec<String>, Vec<String>) {
    let rows = report["measures"].as_array().unwrap().iter().filter(|row| !row["value"].is_null());
    let name = |row: &Value| format!("{}/{}", row["scope"]["by"].as_str().unwrap(), row["measure"].as_str().unwrap());
    let (with, without): (Vec<&Value>, Vec<&Value>) = rows.partition(|row| row["method"] == method);
    for row in &with {
        let [low, value, high] = ["ci_low", "value", "ci_high"].map(|end| row[end].as_f64().unwrap());
        assert!(low < high && low <= value + 1e-9 && value <= high + 1e-9, "{row}");
        assert!(row["detail"]["standard_error"].as_f64().unwrap() > 0.0, "{row}");
    }
    let names = |rows: Vec<&Value>| {
        let mut names: Vec<String> = rows.into_iter().map(name).collect();
        names.sort();
        names.dedup();
        names
    };
    for row in &without {
        assert!(row["method"].as_str().unwrap().contains("; no "), "{row}");
    }
    (names(with), names(without))
}

#[test]
fn figures_of_numbers_and_parts_are_resampled() {
    let folder = Folder::new();
    folder.file("n.csv", numbers());
    let level = ["n.csv", "--level", "interval", "--by", "pair", "--by", "label", "--by", "annotator"];
    for (kind, more, method) in KINDS {
        let report = same_at_any_threads(&folder, &[&level[..], &["--interval", kind], more].concat());
        let (with, without) = by_method(&report, method);
        let with: Vec<&str> = with.iter().map(String::as_str).collect();
        let expected_without: &[&str] = if kind == "two-way" {
            assert!(with.contains(&"overall/pearson_r") && with.contains(&"without_annotator/krippendorff_alpha"));
            assert!(without.iter().any(|name| name == "pair/cohen_kappa"), "{without:?}");
            continue;
        } else {
            &[]
        };
        assert_eq!(without, expected_without, "{kind}");
        for name in [
            "overall/icc_a_1",
            "overall/kendall_w",
            "overall/spearman_rho",
            "overall/kendall_tau_b",
            "overall/lin_ccc",
            "pair/pearson_r",
            "pair/bland_altman_bias",
            "pair/bland_altman_upper",
            "pair/cohen_kappa",
            "pair/pabak",
            "label/krippendorff_alpha",
            "label/specific_agreement",
            "annotator/percent_agreement",
            "annotator/kappa_against_others",
            "without_annotator/krippendorff_alpha",
        ] {
            assert!(with.contains(&name), "{kind}: {name} is not among {with:?}");
        }
    }
    let report = folder.json(&[&level[..], &["--interval", "two-way"]].concat());
    let method = figure(&report, "icc_a_1")["method"].as_str().unwrap();
    assert!(method.ends_with("; no two-way: all annotators are compared at once"), "{method}");
}

/// The bias of Bland and Altman is a mean: its jackknife is the t interval of the textbook to the last digits.
#[test]
fn the_jackknife_of_a_mean_is_its_t_interval() {
    let folder = Folder::new();
    folder.file("n.csv", numbers());
    let arguments = ["n.csv", "--level", "interval", "--measures", "bland_altman_bias"];
    let formula = folder.json(&[&arguments[..], &["--interval", "analytic"]].concat());
    let jackknife = folder.json(&[&arguments[..], &["--interval", "jackknife"]].concat());
    let rows = |report: &Value| report["measures"].as_array().unwrap().clone();
    for (formula, jackknife) in rows(&formula).iter().zip(&rows(&jackknife)) {
        assert_eq!(jackknife["method"], "jackknife over items, t(n-1)");
        for end in ["ci_low", "ci_high"] {
            assert!((formula[end].as_f64().unwrap() - jackknife[end].as_f64().unwrap()).abs() < 1e-9, "{formula}");
        }
        let corrected = jackknife["detail"]["bias_corrected"].as_f64().unwrap();
        assert!((corrected - jackknife["value"].as_f64().unwrap()).abs() < 1e-9, "a mean has no bias: {jackknife}");
    }
}

#[test]
fn sets_and_groups_are_resampled() {
    let folder = Folder::new();
    let mut rows = "item,annotator,label,crew\n".to_owned();
    for item in 0..40 {
        for (place, annotator) in ["a", "b", "c", "d"].iter().enumerate() {
            let labels = if (item + place) % 7 == 0 { "x,y" } else { ["x", "y", "z"][item % 3] };
            rows += &format!("{item},{annotator},\"{labels}\",{}\n", place / 2);
        }
    }
    folder.file("s.csv", rows);
    for (kind, more, method) in &KINDS[..3] {
        let how = [&["s.csv", "--interval", kind], *more].concat();
        let sets = same_at_any_threads(&folder, &[&how[..], &["--sets", ",", "--by", "label"]].concat());
        let (with, without) = by_method(&sets, method);
        assert_eq!(without, [""; 0]);
        assert_eq!(
            with,
            [
                "label/krippendorff_alpha",
                "overall/krippendorff_alpha",
                "overall/krippendorff_alpha_jaccard",
                "overall/krippendorff_alpha_masi",
                "overall/krippendorff_alpha_per_label"
            ]
        );
        let crews = same_at_any_threads(&folder, &[&how[..], &["--group-by", "crew"]].concat());
        let (with, _) = by_method(&crews, method);
        assert!(
            with.contains(&"group/xrr".to_owned()) && with.contains(&"group/xrr_normalised".to_owned()),
            "{with:?}"
        );
    }
}

#[test]
fn options_of_draws_need_an_interval_that_draws() {
    let folder = Folder::new();
    folder.file("c.csv", krippendorff());
    for arguments in [
        &["--resamples", "500"][..],
        &["--seed", "3", "--interval", "jackknife"],
        &["--bootstrap", "bca", "--interval", "analytic"],
    ] {
        let message = folder.refused(&[&["c.csv"], arguments].concat());
        assert!(
            message.starts_with(&format!("{} changes nothing here: intervals are drawn only", arguments[0])),
            "{message}"
        );
    }
    let message = folder.refused(&["c.csv", "--interval", "two-way", "--bootstrap", "bca"]);
    assert!(message.starts_with("--bootstrap bca: two-way intervals are percentiles"), "{message}");
    assert_eq!(folder.json(&["c.csv"])["params"]["seed"], Value::Null);
    assert_eq!(folder.json(&["c.csv", "--interval", "bootstrap"])["params"]["resamples"], json!(1000));
}
