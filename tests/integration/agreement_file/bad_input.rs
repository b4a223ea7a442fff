//! What is wrong with a table, or not defined by it.

use std::path::Path;
use std::sync::Arc;

use arrow::array::ListArray;
use arrow::datatypes::Int32Type;
use serde_json::{Value, json};

use super::{Folder, RATINGS, figure, typed_columns};

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
