//! Figures within the values of a column and within groups of annotators, and between them.

use serde_json::{Value, json};

use super::Folder;

#[test]
fn pools_of_ratings_are_compared_item_by_item() {
    let folder = Folder::new();
    let mut rows = "item,annotator,label,vendor\n".to_owned();
    for item in 0..60 {
        let label = ["x", "y", "z"][item % 3];
        // Each vendor has two annotators; those of B take every tenth z for x.
        for (annotator, vendor) in [("a", "A"), ("b", "A"), ("c", "B"), ("d", "B")] {
            let label = if vendor == "B" && item % 30 == 2 { "x" } else { label };
            rows += &format!("{item},{annotator},{label},{vendor}\n");
        }
    }
    folder.file("v.csv", rows);
    let report = folder.json(&["v.csv", "--by", "vendor", "--measures", "xrr,xrr_normalised,krippendorff_alpha"]);
    let rows = report["measures"].as_array().unwrap();
    let of = |measure: &str, by: &str| -> Vec<&Value> {
        rows.iter().filter(|row| row["measure"] == measure && row["scope"]["by"] == by).collect()
    };
    for vendor in of("krippendorff_alpha", "column") {
        assert_eq!(vendor["value"], json!(1.0), "each vendor agrees with itself");
    }
    let between = of("xrr", "pools");
    assert_eq!(between.len(), 1);
    assert_eq!((&between[0]["scope"]["value"], &between[0]["scope"]["other"]), (&json!("A"), &json!("B")));
    let kappa = between[0]["value"].as_f64().unwrap();
    assert!(kappa > 0.9 && kappa < 1.0, "{kappa}");
    assert_eq!(of("xrr_normalised", "pools")[0]["value"], between[0]["value"], "alpha within is 1");
}

#[test]
fn columns_split_the_ratings() {
    let folder = Folder::new();
    folder.file(
        "t.csv",
        "item,annotator,label,language,created_at\n\
         1,a,x,de,2026-01-31T10:00:00Z\n1,b,x,de,2026-01-31T11:00:00Z\n2,a,x,en,2026-02-01\n2,b,y,en,2026-02-02 09:00:00\n\
         3,a,x,,2026-02-03\n3,b,x,,2026-02-03\n",
    );
    let report =
        folder.json(&["t.csv", "--measures", "percent_agreement", "--by", "language", "--by", "created_at:month"]);
    let rows = report["measures"].as_array().unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            let scope = &row["scope"];
            (
                scope["by"].clone(),
                scope["column"].clone(),
                scope["value"].clone(),
                row["value"].clone(),
                row["n_items"].clone(),
            )
        })
        .collect();
    let null = Value::Null;
    let column = json!("column");
    let expected = [
        (json!("overall"), null.clone(), null, json!(2.0 / 3.0), json!(3)),
        (column.clone(), json!("language"), json!("de"), json!(1.0), json!(1)),
        (column.clone(), json!("language"), json!("en"), json!(0.0), json!(1)),
        (column.clone(), json!("created_at:month"), json!("2026-01"), json!(1.0), json!(1)),
        (column, json!("created_at:month"), json!("2026-02"), json!(0.5), json!(2)),
    ];
    assert_eq!(told, expected);
    assert_eq!(report["data"]["by"][0], json!({ "column": "language", "values": 2, "ratings_without": 2 }));
    let message = folder.refused(&["t.csv", "--by", "language:week"]);
    assert_eq!(
        message,
        "t.csv: row 1, column \"language\": \"de\" is not a date or time; 2026-01-31 or 2026-01-31T12:00:00Z was expected"
    );
    assert!(folder.refused(&["t.csv", "--by", "country"]).contains("there is no column \"country\" (--by)"));
}

/// Three experts who agree, three of a crowd who take every tenth z for x, and one of neither.
fn crews() -> String {
    let mut rows = "item,annotator,label,crew\n".to_owned();
    for item in 0..60 {
        let label = ["x", "y", "z"][item % 3];
        for (annotator, crew) in [
            ("a", "expert"),
            ("b", "expert"),
            ("c", "expert"),
            ("d", "crowd"),
            ("e", "crowd"),
            ("f", "crowd"),
            ("g", ""),
        ] {
            let label = if crew == "crowd" && item % 30 == 2 { "x" } else { label };
            rows += &format!("{item},{annotator},{label},{crew}\n");
        }
    }
    rows
}

#[test]
fn groups_of_annotators_are_compared_within_and_between() {
    let folder = Folder::new();
    folder.file("t.csv", crews());
    let rows = ["a,expert", "b,expert", "c,expert", "d,crowd", "e,crowd", "f,crowd", "nobody,expert"];
    folder.file("g.csv", format!("annotator,group\n{}\n", rows.join("\n")));
    let by_column = folder.json(&["t.csv", "--group-by", "crew"]);
    let by_file = folder.json(&["t.csv", "--groups", "g.csv"]);
    let of = |report: &Value, measure: &str| -> Vec<Value> {
        let rows = report["measures"].as_array().unwrap().iter();
        rows.filter(|row| row["measure"] == measure && row["scope"]["by"] == "group").cloned().collect()
    };
    for measure in ["krippendorff_alpha", "percent_agreement", "xrr", "xrr_normalised"] {
        let values = |report: &Value| of(report, measure).iter().map(|row| row["value"].clone()).collect::<Vec<_>>();
        assert_eq!(values(&by_column), values(&by_file), "{measure}");
    }
    let within = of(&by_column, "krippendorff_alpha");
    let groups: Vec<&Value> = within.iter().map(|row| &row["scope"]["value"]).collect();
    assert_eq!(groups, ["crowd", "expert"]);
    assert!(within.iter().all(|row| row["value"] == json!(1.0) && row["n_raters"] == json!(3)), "{within:?}");
    let between = of(&by_column, "xrr");
    assert_eq!((&between[0]["scope"]["value"], &between[0]["scope"]["other"]), (&json!("crowd"), &json!("expert")));
    assert_eq!(between[0]["n_raters"], json!(6));
    // 2 of 60 items differ; shares 20, 20, 20 and 22, 20, 18 of 60: kappa is Cohen's, 1 - (2 / 60) / (2 / 3).
    assert!((between[0]["value"].as_f64().unwrap() - 0.95).abs() < 1e-12, "{between:?}");
    let groups = &by_column["data"]["annotator_groups"];
    assert_eq!(groups["annotators_without"], json!(1));
    assert_eq!(
        groups["groups"],
        json!([{ "group": "crowd", "annotators": 3 }, { "group": "expert", "annotators": 3 }])
    );
    let table = String::from_utf8(folder.print(&["t.csv", "--groups", "g.csv"])).unwrap();
    assert!(table.contains("within and between groups of annotators"), "{table}");
    assert!(table.contains("group = expert") && table.contains("group: crowd / expert"), "{table}");
    assert!(table.contains("annotators without a \"group\": 1"), "{table}");
}

#[test]
fn an_annotator_of_two_groups_is_named_with_the_row() {
    let folder = Folder::new();
    folder.file("t.csv", "item,annotator,label,crew\n1,a,x,A\n1,b,x,B\n2,a,y,\n2,b,y,A\n");
    assert_eq!(
        folder.refused(&["t.csv", "--group-by", "crew"]),
        "t.csv: row 4, column \"crew\": annotator \"b\" is of group \"A\" here, but of \"B\" in row 2; an annotator has one group: mend one of them, or split ratings instead: --by crew"
    );
    let of_file = |content: &str| {
        folder.file("g.csv", content);
        folder.refused(&["t.csv", "--groups", "g.csv"])
    };
    assert_eq!(
        of_file("annotator,group\na,A\nb,B\na,B\n"),
        "g.csv: row 3, column \"group\": annotator \"a\" is of group \"B\" here, but of \"A\" in row 1; an annotator has one group: mend one of them"
    );
    assert!(of_file("annotator,crew\na,A\n").starts_with("g.csv: expected a CSV file with the header annotator,group"));
    assert!(of_file("annotator,group\na,\n").starts_with("g.csv: row 1, column \"group\": expected a name"));
    assert!(
        of_file("annotator,group\nA,x\n")
            .contains("none of its annotators rated anything; those of the table are a, b")
    );
    assert!(of_file("").starts_with("g.csv: expected a CSV file"));
    assert!(folder.refused(&["t.csv", "--groups", "none.csv"]).starts_with("--groups none.csv: cannot be read"));
    assert!(folder.refused(&["t.csv", "--group-by", "vendor"]).contains("there is no column \"vendor\" (--group-by)"));
    let message = folder.refused(&["t.csv", "--groups", "g.csv", "--duplicates", "all"]);
    assert!(message.starts_with("--duplicates all makes annotators of repeats"), "{message}");
}
