//! Every format of table and of output.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::Int32Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use super::{Folder, RATINGS, csv, figure, typed_columns};
use crate::support::{choice, task};

fn json_lines() -> String {
    let row = |(item, annotator, label)| json!({ "note": [1, { "x": 2 }], "item": item, "annotator": annotator, "label": label });
    RATINGS.map(|ratings| row(ratings).to_string() + "\n").concat()
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
