//! Which figures there are, and what they are.

use serde_json::{Value, json};

use super::{Folder, assert_close, csv, figure, krippendorff};

#[test]
fn measures_intervals_and_breakdowns_are_what_was_asked_for() {
    let folder = Folder::new();
    folder.file("a.csv", csv(','));
    let names = |report: &Value| -> Vec<String> {
        let rows = report["measures"].as_array().unwrap().iter();
        rows.map(|row| format!("{}/{}", row["scope"]["by"].as_str().unwrap(), row["measure"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(names(&folder.json(&["a.csv"])).len(), 8);
    let some = folder.json(&["a.csv", "--measures", "gwet_ac1,cohen_kappa", "--interval", "none"]);
    assert_eq!(names(&some), ["overall/gwet_ac1", "pair/cohen_kappa", "pair/cohen_kappa", "pair/cohen_kappa"]);
    for row in some["measures"].as_array().unwrap() {
        assert_eq!((&row["ci_low"], &row["method"]), (&Value::Null, &json!("no interval: not asked for")));
    }
    assert_eq!(some["params"]["measures"], json!(["cohen_kappa", "gwet_ac1"]));
    let message = folder.refused(&["a.csv", "--measures", "kapa"]);
    assert!(message.starts_with("there is no measure \"kapa\"; the measures are bland_altman_bias"), "{message}");
}

#[test]
fn levels_and_weights_give_the_figures_of_the_libraries() {
    let folder = Folder::new();
    folder.file("c.csv", krippendorff());
    // krippendorff.alpha(..., level_of_measurement=...) 0.9.0
    for (level, alpha) in
        [("nominal", 0.743_421), ("ordinal", 0.815_388), ("interval", 0.849_107), ("ratio", 0.797_403)]
    {
        let report = folder.json(&["c.csv", "--level", level]);
        assert_close(&figure(&report, "krippendorff_alpha")["value"], alpha);
        assert_eq!(figure(&report, "krippendorff_alpha")["options"]["level"], json!(level));
    }
    // irrCAC.raw.CAC(..., weights=...).krippendorff() and .gwet() 0.4.4
    for (weights, alpha) in [("ordinal", 0.833_638), ("linear", 0.800_384), ("quadratic", 0.849_107)] {
        let report = folder.json(&["c.csv", "--level", "ordinal", "--weights", weights]);
        assert_close(&figure(&report, "krippendorff_alpha")["value"], alpha);
        assert!(figure(&report, "gwet_ac2")["value"].as_f64().unwrap() > alpha);
    }
    folder.file("w.csv", "1,0.5,0,0,0\n0.5,1,0.5,0,0\n0,0.5,1,0.5,0\n0,0,0.5,1,0.5\n0,0,0,0.5,1\n");
    let own = folder.json(&["c.csv", "--weights", "w.csv"]);
    assert_eq!(figure(&own, "fleiss_kappa")["options"]["weights"], json!("matrix"));
    folder.file("w.csv", "1,0.5\n0.4,x\n");
    assert_eq!(
        folder.refused(&["c.csv", "--weights", "w.csv"]),
        "w.csv: row 2, column 2: expected a weight from 0 to 1, found \"x\""
    );
    folder.file("w.csv", "1,0.5\n0.4,1\n");
    let message = folder.refused(&["c.csv", "--weights", "w.csv"]);
    assert_eq!(
        message,
        "weights: 5 labels need a matrix of 5 x 5 weights, but there are 4; the labels are 1, 2, 3, 4, 5"
    );
    folder.file("w.csv", "1,0.5\n0.4\n");
    assert!(
        folder
            .refused(&["c.csv", "--weights", "w.csv"])
            .starts_with("w.csv: row 2 has 1 weights, but there are 2 rows")
    );
    folder.file("w.csv", "1,0.5,0,0,0\n0.4,1,0.5,0,0\n0,0.5,1,0.5,0\n0,0,0.5,1,0.5\n0,0,0,0.5,1\n");
    assert!(
        folder.refused(&["c.csv", "--weights", "w.csv"]).starts_with("weights: that of \"1\" and \"2\" is not that of")
    );
    folder.file("n.csv", "item,annotator,label\n1,a,-1\n1,b,2\n2,a,3\n2,b,3\n");
    assert_eq!(
        folder.refused(&["n.csv", "--level", "ratio"]),
        "ratio weights: \"-1\" is negative, and a ratio scale has no negative values; choose level interval"
    );
    assert!(folder.refused(&["c.csv", "--weights", "cubic"]).contains("this is none of identity, linear"));
}

#[test]
fn a_measure_that_the_options_rule_out_is_refused() {
    let folder = Folder::new();
    folder.file("c.csv", krippendorff());
    for (arguments, why) in [
        (&["--measures", "gwet_ac2"][..], "there can be no gwet_ac2 here: without weights it is gwet_ac1"),
        (
            &["--measures", "gwet_ac1", "--level", "ordinal"],
            "there can be no gwet_ac1 here: with weights it is gwet_ac2",
        ),
        (&["--measures", "krippendorff_alpha_masi"], "there can be no krippendorff_alpha_masi here: it compares sets"),
        (&["--measures", "fleiss_kappa", "--sets", ","], "there can be no fleiss_kappa here: labels are sets"),
        (&["--measures", "xrr"], "xrr compares pools of ratings: name the column"),
    ] {
        let message = folder.refused(&[&["c.csv"], arguments].concat());
        assert!(message.starts_with(why), "{message}");
    }
    // With four annotators Bland-Altman is a figure of pairs.
    let report = folder.json(&["c.csv", "--level", "interval", "--measures", "bland_altman_bias"]);
    let rows = report["measures"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["scope"]["by"]), (6, &json!("pair")));
}

#[test]
fn scales_of_texts_need_an_order() {
    let folder = Folder::new();
    folder.file("t.csv", "item,annotator,label\n1,a,low\n1,b,mid\n2,a,high\n2,b,high\n3,a,mid\n3,b,high\n");
    let message = folder.refused(&["t.csv", "--level", "ordinal"]);
    assert!(message.contains("level ordinal without --order needs"), "{message}");
    let message = folder.refused(&["t.csv", "--level", "interval"]);
    assert!(message.contains("row 1, column \"label\""), "{message}");
    let ordered = folder.json(&["t.csv", "--level", "ordinal", "--order", "low,mid,high"]);
    let turned = folder.json(&["t.csv", "--level", "ordinal", "--order", "high,mid,low"]);
    let mixed = folder.json(&["t.csv", "--level", "ordinal", "--order", "mid,low,high"]);
    let alpha = |report: &Value| figure(report, "krippendorff_alpha")["value"].as_f64().unwrap();
    assert!((alpha(&ordered) - alpha(&turned)).abs() < 1e-12);
    assert!((alpha(&ordered) - alpha(&mixed)).abs() > 0.01);
}

#[test]
fn sets_of_labels_agree_in_part() {
    let folder = Folder::new();
    folder.file(
        "s.csv",
        "item,annotator,label\n1,a,\"x,y\"\n1,b,\"y, x\"\n2,a,x\n2,b,\"x,y\"\n3,a,z\n3,b,z\n4,a,y\n4,b,z\n",
    );
    let report = folder.json(&["s.csv", "--sets", ",", "--by", "label"]);
    let value = |name: &str| figure(&report, name)["value"].as_f64().unwrap();
    let (masi, jaccard, nominal) =
        (value("krippendorff_alpha_masi"), value("krippendorff_alpha_jaccard"), value("krippendorff_alpha"));
    assert!(nominal < jaccard && masi < jaccard, "{masi} {jaccard} {nominal}");
    let labels: Vec<&Value> = report["measures"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["scope"]["by"] == "label")
        .map(|row| &row["scope"]["label"])
        .collect();
    assert_eq!(labels, ["x", "y", "z"]);
    assert!(folder.refused(&["s.csv", "--sets", ""]).contains("--sets needs the text between"));
}

#[test]
fn a_report_says_what_its_figures_mean() {
    let folder = Folder::new();
    let mut rows = "item,annotator,label\n".to_owned();
    for item in 0..100 {
        let (a, b) = if item < 90 {
            ("ok", "ok")
        } else if item < 95 {
            ("ok", "spam")
        } else {
            ("spam", "ok")
        };
        rows += &format!("{item},a,{a}\n{item},b,{b}\n");
    }
    folder.file("p.csv", rows);
    let insight = &folder.json(&["p.csv"])["data"]["insight"];
    assert_eq!(insight["explanation"]["reasons"], json!(["prevalence"]));
    assert!(insight["explanation"]["text"].as_str().unwrap().contains("95"), "{insight}");
    assert!(insight["planning"]["items_needed"].as_u64().unwrap() > 0);
    assert!(insight["benchmarks"].as_array().unwrap().len() >= 5);
    let table = String::from_utf8(folder.print(&["p.csv"])).unwrap();
    assert!(table.contains("Landis and Koch"), "{table}");
}

/// Feinstein and Cicchetti (1990): 40, 9, 6, 45 has kappa 0.70 and 80, 10, 5, 5 has 0.32 at the same agreement of 85 %.
#[test]
fn pairs_say_what_limits_their_kappa() {
    let folder = Folder::new();
    for (cells, kappa, prevalence, bias) in
        [([40, 9, 6, 45], 0.699_519, 0.05, 0.03), ([80, 10, 5, 5], 0.318_182, 0.75, 0.05)]
    {
        let mut rows = "item,annotator,label\n".to_owned();
        let mut item = 0;
        for (times, labels) in cells.iter().zip([("y", "y"), ("y", "n"), ("n", "y"), ("n", "n")]) {
            for _ in 0..*times {
                rows += &format!("{item},a,{}\n{item},b,{}\n", labels.0, labels.1);
                item += 1;
            }
        }
        folder.file("p.csv", rows);
        let report = folder.json(&["p.csv", "--by", "pair"]);
        for by in ["overall", "pair"] {
            let rows = report["measures"].as_array().unwrap();
            let of =
                |measure: &str| rows.iter().find(|row| row["measure"] == measure && row["scope"]["by"] == by).unwrap();
            let found = of("cohen_kappa");
            assert_close(&found["value"], kappa);
            assert_close(&found["detail"]["prevalence_index"], prevalence);
            assert_close(&found["detail"]["bias_index"], bias);
            let [value, most] = [&found["value"], &found["detail"]["kappa_max"]].map(|number| number.as_f64().unwrap());
            assert!(value < most && most < 1.0, "{found}");
            // Two annotators with two labels: PABAK is also Bennett's S, and so is its interval.
            let (pabak, s) = (of("pabak"), figure(&report, "brennan_prediger"));
            assert_close(&pabak["value"], 0.7);
            for field in ["value", "ci_low", "ci_high"] {
                assert_close(&pabak[field], s[field].as_f64().unwrap());
            }
            assert_eq!(pabak["scope"]["annotator"].is_null(), by == "overall");
        }
    }
    let weighted = folder.json(&["p.csv", "--order", "n,y", "--level", "ordinal"]);
    assert_eq!(figure(&weighted, "cohen_kappa")["detail"]["kappa_max"], Value::Null, "it is that of unweighted kappa");
}

#[test]
fn entropy_says_how_divided_items_are() {
    let folder = Folder::new();
    folder.file("e.csv", "item,annotator,label\n1,a,x\n1,b,x\n2,a,x\n2,b,y\n3,a,x\n");
    let report = folder.json(&["e.csv", "--measures", "mean_label_entropy"]);
    let found = figure(&report, "mean_label_entropy");
    assert_close(&found["value"], 2.0_f64.ln() / 3.0);
    assert_eq!((&found["n_items"], &found["ci_low"]), (&json!(3), &json!(0.0)));
    let usual = folder.json(&["e.csv"]);
    assert!(usual["measures"].as_array().unwrap().iter().all(|row| row["measure"] != "mean_label_entropy"));
}
