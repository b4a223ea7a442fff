//! `assay agreement FILE`, with the binary as a user has it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int8Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
};
use arrow::datatypes::Int32Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{choice, task};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }

    fn parquet(&self, name: &str, columns: Vec<(&str, ArrayRef)>) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        self.file(name, writer.into_inner().unwrap());
    }

    /// Exit code, standard output, standard error.
    fn run(&self, arguments: &[&str]) -> (i32, Vec<u8>, String) {
        let done =
            Command::new(env!("CARGO_BIN_EXE_assay")).current_dir(self.0.path()).args(arguments).output().unwrap();
        (done.status.code().unwrap(), done.stdout, String::from_utf8(done.stderr).unwrap())
    }

    #[track_caller]
    fn print(&self, arguments: &[&str]) -> Vec<u8> {
        let (code, out, err) = self.run(&[&["agreement"], arguments].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
        out
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_slice(&self.print(&[arguments, &["--format", "json"]].concat())).unwrap()
    }

    /// The message without "error: ".
    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(&[&["agreement"], arguments].concat());
        assert_eq!((code, out.len()), (1, 0), "{arguments:?}: {err}");
        err.strip_prefix("error: ").unwrap().trim_end().to_owned()
    }

    /// The same of a CSV file with this content.
    #[track_caller]
    fn refused_csv(&self, content: impl AsRef<[u8]>, arguments: &[&str]) -> String {
        self.file("t.csv", content);
        self.refused(&[&["t.csv"], arguments].concat())
    }
}

fn figure<'a>(report: &'a Value, measure: &str) -> &'a Value {
    let measures = report["measures"].as_array().unwrap();
    measures.iter().find(|row| row["measure"] == measure && row["scope"]["by"] == "overall").unwrap()
}

/// (item, annotator, label), a missing label among them.
const RATINGS: [(i64, i64, Option<i64>); 11] = [
    (7, 1, Some(3)),
    (5, 1, Some(1)),
    (7, 2, Some(3)),
    (5, 2, Some(2)),
    (9, 1, Some(2)),
    (9, 2, Some(2)),
    (9, 3, Some(3)),
    (5, 3, None),
    (11, 1, Some(1)),
    (11, 3, Some(1)),
    (13, 2, Some(3)),
];

fn csv(delimiter: char) -> String {
    let mut text = ["item", "annotator", "label"].join(&delimiter.to_string()) + "\n";
    for (item, annotator, label) in RATINGS {
        let label = label.map_or_else(String::new, |label| label.to_string());
        text += &format!("{item}{delimiter}{annotator}{delimiter}{label}\n");
    }
    text
}

fn json_lines() -> String {
    let row = |(item, annotator, label)| json!({ "note": [1, { "x": 2 }], "item": item, "annotator": annotator, "label": label });
    RATINGS.map(|ratings| row(ratings).to_string() + "\n").concat()
}

fn typed_columns() -> (ArrayRef, ArrayRef, ArrayRef) {
    (
        Arc::new(RATINGS.iter().map(|row| Some(row.0 as i32)).collect::<Int32Array>()),
        Arc::new(RATINGS.iter().map(|row| Some(row.1)).collect::<Int64Array>()),
        Arc::new(RATINGS.iter().map(|row| row.2.map(|label| label as i8)).collect::<Int8Array>()),
    )
}

#[test]
fn every_format_of_the_same_rows_gives_the_same_figures() {
    let folder = Folder::new();
    folder.file("a.csv", csv(','));
    folder.file("semicolons.csv", csv(';').replace('\n', "\r\n"));
    folder.file("a.tsv", csv('\t'));
    folder.file("bom.csv", format!("\u{feff}{}", csv(',')));
    folder.file("no-extension", csv(','));
    folder.file("a.jsonl", json_lines());
    folder.file("a.json", format!("\n{}\n\n", json_lines().replace("\"label\":1", "\"label\":1.0")));
    let (item, annotator, label) = typed_columns();
    folder
        .parquet("a.parquet", vec![("item", item.clone()), ("annotator", annotator.clone()), ("label", label.clone())]);
    let floats = RATINGS.iter().map(|row| row.2.map_or(f64::NAN, |label| label as f64)).collect::<Vec<_>>();
    let texts: DictionaryArray<Int32Type> =
        RATINGS.iter().map(|row| Some(["a", "b", "c"][row.1 as usize - 1])).collect();
    folder.parquet(
        "b.parquet",
        vec![
            ("ITEM", Arc::new(RATINGS.iter().map(|row| Some(format!("item {}", row.0))).collect::<StringArray>())),
            ("Rater", Arc::new(texts)),
            ("value", Arc::new(Float64Array::from(floats))),
        ],
    );

    let by = ["--by", "pair", "--by", "label", "--by", "annotator"];
    let of = |name: &str| folder.json(&[&[name], &by[..]].concat());
    let expected = of("a.csv");
    assert_eq!(
        expected["source"],
        json!({ "file": "a.csv", "format": "csv", "rows": 11, "columns": { "item": "item", "annotator": "annotator", "label": "label" } })
    );
    assert_eq!(
        (&expected["data"]["ratings"], &expected["data"]["items"], &expected["data"]["annotators"]),
        (&json!(10), &json!(5), &json!(3))
    );
    assert_eq!(expected["data"]["dropped"], json!([{ "reason": "missing_label", "rows": 1, "first_row": 8 }]));
    assert_eq!(
        expected["data"]["labels"],
        json!([{ "label": "1", "n": 3 }, { "label": "2", "n": 3 }, { "label": "3", "n": 4 }])
    );
    for name in ["semicolons.csv", "a.tsv", "bom.csv", "no-extension", "a.jsonl", "a.json", "a.parquet"] {
        let report = of(name);
        assert_eq!((&report["measures"], &report["data"]), (&expected["measures"], &expected["data"]), "{name}");
    }
    let renamed = of("b.parquet");
    for measure in ["percent_agreement", "krippendorff_alpha", "fleiss_kappa", "gwet_ac1", "mean_pairwise_cohen_kappa"]
    {
        assert_eq!(figure(&renamed, measure)["value"], figure(&expected, measure)["value"], "{measure}");
    }
    assert_eq!(renamed["source"]["columns"], json!({ "item": "ITEM", "annotator": "Rater", "label": "value" }));
    // Items 7 and 11 agree, 5 does not, and 1 of 3 pairs does in 9.
    assert_eq!(figure(&expected, "percent_agreement")["value"], json!((2.0 + 1.0 / 3.0) / 4.0));
    for threads in ["1", "2", "7"] {
        let again = folder.json(&[&["a.parquet", "--threads", threads], &by[..]].concat());
        assert_eq!(again["measures"], expected["measures"], "{threads} threads");
    }
}

#[test]
fn a_table_gives_the_figures_that_a_project_with_the_same_ratings_gives() {
    let folder = Folder::new();
    let answers =
        [(1, 1, "good"), (1, 2, "bad"), (2, 1, "bad"), (2, 2, "bad"), (2, 3, "bad"), (3, 1, "good"), (3, 3, "good")];
    let tasks = (1..=3).map(|item| {
        let of_item = (0..).zip(&answers).filter(|(_, (of, ..))| *of == item);
        task(item, of_item.map(|(id, (_, annotator, label))| choice(id + 1, *annotator, label, 0)).collect())
    });
    folder.file("export.json", Value::from(tasks.collect::<Vec<_>>()).to_string());
    let lines = answers.map(|(item, annotator, label)| format!("{item},reviews/user/{annotator},{label}\n"));
    folder.file("t.csv", format!("item,annotator,label\n{}", lines.concat()));

    let (code, _, err) = folder.run(&["import", "export.json", "--project", "reviews"]);
    assert_eq!(code, 0, "{err}");
    let (_, out, _) = folder.run(&["report", "agreement", "--project", "reviews", "--format", "json"]);
    let project: Value = serde_json::from_slice(&out).unwrap();
    let table = folder.json(&["t.csv", "--by", "label", "--by", "pair", "--by", "annotator"]);
    let figures = |report: &Value| -> Vec<Value> {
        let mut rows = report["measures"].as_array().unwrap().clone();
        // Only annotations have times of their own.
        rows.retain(|row| row["scope"]["by"] != "period");
        for row in &mut rows {
            row["scope"]["control"] = Value::Null;
            row["options"] = Value::Null;
            for who in ["annotator", "other"] {
                let short = row["scope"][who].as_str().and_then(|name| name.rsplit('/').next()).map(str::to_owned);
                row["scope"][who] = json!(short);
            }
        }
        rows
    };
    assert_eq!(figures(&table), figures(&project));
    assert!(table["measures"].as_array().unwrap().len() > 15);
}

#[test]
fn formats_of_the_output_hold_the_same_figures() {
    let folder = Folder::new();
    folder.file("a.csv", csv(','));
    let by = ["a.csv", "--by", "pair", "--by", "annotator"];
    let report = folder.json(&by);
    let measures = report["measures"].as_array().unwrap();

    let text = String::from_utf8(folder.print(&[&by[..], &["--format", "csv"]].concat())).unwrap();
    assert_eq!(text.lines().count(), measures.len() + 1);
    assert!(
        text.starts_with("control,measure,by,label,annotator,other,column,column_value,value,ci_low,ci_high,n_items,")
    );

    assert_eq!(folder.print(&[&by[..], &["--format", "parquet", "--output", "out.parquet"]].concat()), b"");
    let file = std::fs::File::open(folder.0.path().join("out.parquet")).unwrap();
    let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = batches.map(Result::unwrap).collect();
    let values = batches.iter().flat_map(|batch| {
        let values = batch.column_by_name("value").unwrap();
        values.as_any().downcast_ref::<Float64Array>().unwrap().iter().collect::<Vec<_>>()
    });
    assert_eq!(values.collect::<Vec<_>>(), measures.iter().map(|row| row["value"].as_f64()).collect::<Vec<_>>());
    let piped = folder.print(&[&by[..], &["--format", "parquet"]].concat());
    assert_eq!(piped, std::fs::read(folder.0.path().join("out.parquet")).unwrap());

    let table = String::from_utf8(folder.print(&by)).unwrap();
    for line in [
        "a.csv: 11 rows, 10 ratings of 5 items by 3 annotators\n",
        "  left out: 1 missing label, first in row 8\n",
        "label: 1 (3), 2 (3), 3 (4)\n",
        "  Cohen's kappa of each pair\n",
    ] {
        assert!(table.contains(line), "{line} is missing in {table}");
    }
    let message = folder.refused(&["a.csv", "--output", "no/such/folder.json"]);
    assert!(message.starts_with("no/such/folder.json: the output cannot be written"), "{message}");
}

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

/// Krippendorff (2011), example C: twelve units, four observers, five values.
fn krippendorff() -> String {
    let observers =
        ["1,2,3,3,2,1,4,1,2,,,", "1,2,3,3,2,2,4,1,2,5,,3", ",3,3,3,2,3,4,2,2,5,1,", "1,2,3,3,2,4,4,1,2,5,1,"];
    let mut text = "item,annotator,label\n".to_owned();
    for (observer, values) in observers.iter().enumerate() {
        for (unit, value) in values.split(',').enumerate().filter(|(_, value)| !value.is_empty()) {
            text += &format!("{unit},{observer},{value}\n");
        }
    }
    text
}

#[track_caller]
fn assert_close(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() < 5e-7, "{value} is not {expected}");
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
fn every_interval_is_made_the_same_on_any_number_of_threads() {
    let folder = Folder::new();
    folder.file("c.csv", krippendorff());
    for (kind, method) in [
        ("jackknife", "jackknife over items, t(n-1)"),
        ("bootstrap", "bootstrap over items, percentile"),
        ("two-way", "two-way bootstrap over items and raters, percentile"),
    ] {
        let arguments = ["c.csv", "--interval", kind, "--resamples", "400", "--seed", "7"];
        let one = folder.json(&[&arguments[..], &["--threads", "1"]].concat());
        let three = folder.json(&[&arguments[..], &["--threads", "3"]].concat());
        assert_eq!(one, three, "{kind}");
        let alpha = figure(&one, "krippendorff_alpha");
        assert_eq!(alpha["method"], json!(method));
        assert!(
            alpha["ci_low"].as_f64() < alpha["value"].as_f64() && alpha["value"].as_f64() <= alpha["ci_high"].as_f64()
        );
        for name in ["percent_agreement", "conger_kappa", "mean_pairwise_cohen_kappa"] {
            assert_eq!(figure(&one, name)["method"], json!(method), "{name}");
        }
    }
    let bca = folder.json(&["c.csv", "--interval", "bootstrap", "--bootstrap", "bca"]);
    assert_eq!(figure(&bca, "krippendorff_alpha")["method"], json!("bootstrap over items, bca"));
    let other = folder.json(&["c.csv", "--interval", "bootstrap", "--seed", "2"]);
    let first = folder.json(&["c.csv", "--interval", "bootstrap"]);
    assert_ne!(figure(&other, "krippendorff_alpha")["ci_low"], figure(&first, "krippendorff_alpha")["ci_low"]);
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

#[test]
fn repeats_by_one_annotator_follow_the_policy() {
    let folder = Folder::new();
    folder.file("t.csv", "item,annotator,label\n1,a,x\n1,b,y\n1,a,y\n2,a,x\n2,b,x\n2,b,y\n");
    let of = |policy: &str| {
        let report = folder.json(&["t.csv", "--duplicates", policy]);
        let data = &report["data"];
        let percent = figure(&report, "percent_agreement");
        (percent["value"].clone(), data["dropped"].clone(), data["ratings"].clone(), data["annotators"].clone())
    };
    let dropped = |first_row: u64| json!([{ "reason": "repeat_by_same_annotator", "rows": 2, "first_row": first_row }]);
    assert_eq!(of("first"), (json!(0.5), dropped(3), json!(4), json!(2)));
    assert_eq!(of("last"), (json!(0.5), dropped(1), json!(4), json!(2)));
    assert_eq!(of("all"), (json!(1.0 / 3.0), json!([]), json!(6), json!(4)));
    let message = folder.refused(&["t.csv", "--duplicates", "error"]);
    assert_eq!(
        message,
        "t.csv: row 3, column \"annotator\": \"a\" rated item \"1\" in row 1 already (2 such rows in all); mend the table, or say which \
         rating counts: --duplicates first, last, mean or all"
    );
    assert!(folder.refused(&["t.csv", "--duplicates", "mean"]).contains("needs numbers"));
}

#[test]
fn what_ratings_do_not_define_is_null_with_a_reason() {
    let folder = Folder::new();
    let reason = |content: &str, measure: &str| {
        folder.file("t.csv", content);
        let report = folder.json(&["t.csv", "--by", "pair", "--by", "label", "--by", "annotator"]);
        let row = figure(&report, measure);
        assert_eq!(row["value"].is_null(), row["undefined_reason"].is_string());
        row["undefined_reason"].as_str().unwrap_or("defined").to_owned()
    };
    let header = "item,annotator,label\n";
    for (rows, expected) in [
        ("", "no_ratings"),
        ("1,a,\n2,b,NaN\n", "no_ratings"),
        ("1,a,x\n2,a,y\n", "one_rater"),
        ("1,a,x\n2,b,y\n", "no_pairable_items"),
        ("1,a,x\n1,b,x\n2,a,x\n2,b,x\n", "single_category"),
        ("1,a,x\n1,b,y\n", "defined"),
    ] {
        assert_eq!(reason(&format!("{header}{rows}"), "krippendorff_alpha"), expected, "{rows}");
    }
    folder.file("t.csv", "item,annotator,label\n,a,x\n1,,x\n1,a,\n,,\n1,b,x\n");
    let report = folder.json(&["t.csv"]);
    assert_eq!(
        report["data"]["dropped"],
        json!([
            { "reason": "missing_item", "rows": 2, "first_row": 1 },
            { "reason": "missing_annotator", "rows": 1, "first_row": 2 },
            { "reason": "missing_label", "rows": 1, "first_row": 3 },
        ])
    );
    assert_eq!(
        (&report["data"]["annotators"], &report["data"]["labels"]),
        (&json!(1), &json!([{ "label": "x", "n": 1 }]))
    );
}

#[test]
fn labels_of_numbers_and_texts_are_texts() {
    let folder = Folder::new();
    folder.file("t.csv", "item,annotator,label\n1,a,1\n1,b,1.0\n2,a,10\n2,b,9\n");
    let labels = |report: &Value| -> Vec<String> {
        report["data"]["labels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|label| label["label"].as_str().unwrap().to_owned())
            .collect()
    };
    let report = folder.json(&["t.csv"]);
    assert_eq!(labels(&report), ["1", "9", "10"]);
    assert_eq!(figure(&report, "percent_agreement")["value"], json!(0.5));
    folder.file("t.csv", "item,annotator,label\n1,a,1\n1,b,1.0\n2,a,10\n2,b,nine\n");
    assert_eq!(labels(&folder.json(&["t.csv"])), ["1", "1.0", "10", "nine"]);
    let report = folder.json(&["t.csv", "--order", "nine,10,1,1.0,\"a, b\""]);
    assert_eq!(labels(&report), ["nine", "10", "1", "1.0", "a, b"]);
    let message = folder.refused(&["t.csv", "--categories", "1,1.0,10"]);
    assert_eq!(message, "t.csv: row 4, column \"label\": label \"nine\" is not among the given labels: 1, 1.0, 10");
    folder.file(
        "t.jsonl",
        "{\"item\":1,\"annotator\":\"a\",\"label\":true}\n{\"item\":1,\"annotator\":\"b\",\"label\":false}\n",
    );
    assert_eq!(labels(&folder.json(&["t.jsonl"])), ["false", "true"]);
}

#[test]
fn many_categories_and_an_annotator_with_many_ratings_are_no_trouble() {
    let folder = Folder::new();
    let mut text = "item,annotator,label\n".to_owned();
    for n in 0..100_000 {
        text += &format!("{},a,label {n}\n{},b,label {n}\n", n / 2, n / 2);
    }
    folder.file("t.csv", text);
    let report = folder.json(&["t.csv", "--duplicates", "last", "--measures", "percent_agreement"]);
    assert_eq!(figure(&report, "percent_agreement")["value"], json!(1.0));
    assert_eq!(report["data"]["dropped"][0]["rows"], json!(100_000));
    assert_eq!(report["data"]["labels"].as_array().unwrap().len(), 50_000);
    let report = folder.json(&["t.csv", "--duplicates", "all", "--measures", "percent_agreement"]);
    assert_eq!((&report["data"]["annotators"], &report["data"]["ratings"]), (&json!(4), &json!(200_000)));
}

#[test]
fn files_that_are_no_tables_are_refused_with_what_to_do() {
    let folder = Folder::new();
    std::fs::create_dir(folder.0.path().join("folder")).unwrap();
    folder.file("empty.csv", "");
    folder.file("binary", [0, 159, 146, 150, 0, 1]);
    folder.file("gzip.csv.gz", b"\x1f\x8b\x08\0\0");
    folder.file("array.json", "[{\"item\": 1}]");
    folder.file("cut.parquet", b"PAR1\x15\x04");
    folder.file("other.parquet", "item,annotator,label\n");
    for (name, word) in [
        ("missing.csv", "there is no such file"),
        ("folder", "this is a folder"),
        ("empty.csv", "the file is empty"),
        ("binary", "neither text nor Parquet"),
        ("gzip.csv.gz", "gunzip"),
        ("array.json", "JSON array"),
        ("cut.parquet", "damaged or cut off"),
        ("other.parquet", "not a Parquet file"),
    ] {
        let message = folder.refused(&[name]);
        assert!(message.starts_with(&format!("{name}: ")) && message.contains(word), "{message}");
    }
}

#[test]
fn bad_rows_are_named() {
    let folder = Folder::new();
    let header = "item,annotator,label\n";
    for (content, expected) in [
        (format!("{header}1,a\n"), "t.csv: line 2 (row 1) has 2 fields, but the header has 3 columns"),
        (format!("{header}1,a,x\n\n1,b,x,y\n"), "t.csv: line 4 (row 2) has 4 fields, but the header has 3 columns"),
        (format!("{header}1,a,\"x\n1,b,x\n"), "t.csv: line 2: a field begins with a quote that is never closed"),
        (format!("{header}1,a,\"x\"y\n"), "t.csv: line 2: text follows a closing quote"),
        ("a,b,c\n".to_owned(), "t.csv: there is no column for the item; give --item COLUMN, one of: a, b, c"),
    ] {
        let message = folder.refused_csv(&content, &[]);
        assert!(message.starts_with(expected), "{message}");
    }
    let message = folder.refused_csv(b"item,annotator,label\n1,a,x\n1,b,caf\xe9\n", &[]);
    assert_eq!(
        message,
        "t.csv: row 2, column \"label\": the text is not UTF-8 (byte 0xe9 after 3 good ones); save the file as UTF-8"
    );
    let message = folder.refused_csv("item,annotator,label,label\n", &[]);
    assert!(message.contains("several columns \"label\""), "{message}");

    let good = "{\"item\":1,\"annotator\":\"a\",\"label\":\"x\"}\n";
    for (bad, expected) in [
        ("{\"item\":1,", "t.jsonl: line 2, character 10: "),
        ("[1]", "t.jsonl: line 2, character "),
        ("{\"item\":[1],\"annotator\":\"a\",\"label\":1}", "t.jsonl: row 2, column \"item\": a list, where a text"),
        ("{\"item\":1,\"annotator\":\"a\",\"label\":{}}", "t.jsonl: row 2, column \"label\": an object, where a text"),
    ] {
        folder.file("t.jsonl", format!("{good}{bad}\n"));
        let message = folder.refused(&["t.jsonl"]);
        assert!(message.starts_with(expected), "{message}");
    }

    let (item, annotator, _) = typed_columns();
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(RATINGS.map(|_| Some([Some(1)])));
    folder.parquet("lists.parquet", vec![("item", item), ("annotator", annotator), ("label", Arc::new(lists))]);
    let message = folder.refused(&["lists.parquet"]);
    assert!(message.starts_with("lists.parquet: column \"label\" holds List"), "{message}");
}

#[test]
fn a_damaged_parquet_file_is_refused_without_a_panic() {
    let folder = Folder::new();
    let (item, annotator, label) = typed_columns();
    folder.parquet("good.parquet", vec![("item", item), ("annotator", annotator), ("label", label)]);
    let bytes = std::fs::read(folder.0.path().join("good.parquet")).unwrap();
    let seen = |name: &str| Path::new(name).to_owned();
    for at in (4..bytes.len() - 8).step_by(29) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xff;
        folder.file("bad.parquet", damaged);
        let (code, _, err) = folder.run(&["agreement", "bad.parquet"]);
        // A value that changed is a value like any other; everything else is told.
        assert!(
            code == 0 || (code == 1 && err.starts_with("error: bad.parquet: ")),
            "{:?} at {at}: {err}",
            seen("bad.parquet")
        );
        assert!(!err.contains("panicked"), "at {at}: {err}");
    }
}

#[test]
fn several_threads_read_a_large_file_as_one_does() {
    let folder = Folder::new();
    let rows = 200_000_u32;
    let mixed = |row: u32, salt: u32| {
        row.wrapping_mul(2_654_435_761).wrapping_add(salt).rotate_left(13).wrapping_mul(0x9e37_79b9)
    };
    let ints = |salt: u32, below: u32| {
        Arc::new((0..rows).map(|row| Some((mixed(row, salt) % below) as i32)).collect::<Int32Array>()) as ArrayRef
    };
    folder.parquet("t.parquet", vec![("item", ints(1, 40_000)), ("annotator", ints(2, 50)), ("label", ints(3, 4))]);
    let of = |threads: &str| folder.json(&["t.parquet", "--threads", threads, "--by", "annotator"]);
    let one = of("1");
    assert_eq!(one["data"]["rows"], json!(rows));
    for threads in ["2", "3", "8"] {
        assert_eq!(of(threads), one, "{threads} threads");
    }
}
