//! `assay agreement FILE`, with the binary as a user has it.

mod bad_input;
mod formats;
mod intervals;
mod measures;
mod splits;

use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int8Array, Int32Array, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use serde_json::Value;
use tempfile::TempDir;

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

fn typed_columns() -> (ArrayRef, ArrayRef, ArrayRef) {
    (
        Arc::new(RATINGS.iter().map(|row| Some(row.0 as i32)).collect::<Int32Array>()),
        Arc::new(RATINGS.iter().map(|row| Some(row.1)).collect::<Int64Array>()),
        Arc::new(RATINGS.iter().map(|row| row.2.map(|label| label as i8)).collect::<Int8Array>()),
    )
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
