//! Reading exports from memory, and rows as text.

use std::collections::BTreeSet;
use std::io::Read;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;
use assay_formats::FormatError;
use assay_formats::label_studio::{Counts, ParseOptions, Parsed, RaterMention, SplitOptions, Splitter, parse_chunk};
use assay_formats::schema;

/// Everything in a file.
#[derive(Debug, PartialEq)]
pub struct Whole {
    pub items: RecordBatch,
    pub annotations: RecordBatch,
    pub results: RecordBatch,
    pub rejects: RecordBatch,
    pub raters: BTreeSet<RaterMention>,
    pub counts: Counts,
    pub positions: Vec<(u64, u64)>,
}

pub fn read(json: impl AsRef<[u8]>) -> Result<Whole, FormatError> {
    read_in_chunks(json, SplitOptions::new("export.json").chunk_bytes)
}

pub fn read_in_chunks(json: impl AsRef<[u8]>, chunk_bytes: usize) -> Result<Whole, FormatError> {
    read_from(json.as_ref(), SplitOptions { chunk_bytes, ..SplitOptions::new("export.json") })
}

pub fn read_from(reader: impl Read, split: SplitOptions) -> Result<Whole, FormatError> {
    let mut splitter = Splitter::new(reader, split);
    let mut parts: Vec<Parsed> = Vec::new();
    while let Some(chunk) = splitter.next_chunk()? {
        assert!(chunk.tasks().len() > 0);
        parts.push(parse_chunk(&chunk, &options())?);
    }
    Ok(whole(parts))
}

pub fn options() -> ParseOptions {
    ParseOptions { source: "demo".to_owned(), file: "export.json".to_owned() }
}

fn whole(parts: Vec<Parsed>) -> Whole {
    let table = |schema, of: fn(&Parsed) -> &RecordBatch| concat_batches(&schema, parts.iter().map(of)).unwrap();
    Whole {
        items: table(schema::items(), |part| &part.items),
        annotations: table(schema::annotations(), |part| &part.annotations),
        results: table(schema::results(), |part| &part.results),
        rejects: table(schema::rejects(), |part| &part.rejects),
        raters: parts.iter().flat_map(|part| part.raters.iter().cloned()).collect(),
        counts: parts.iter().fold(Counts::default(), |mut sum, part| {
            sum += part.counts;
            sum
        }),
        positions: parts.iter().flat_map(|part| part.positions.iter().copied()).collect(),
    }
}

/// A cell as text: null is empty, numbers as Rust prints them, times in microseconds.
pub fn cell(batch: &RecordBatch, column: &str, row: usize) -> String {
    let array = batch.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
    if array.is_null(row) {
        return String::new();
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_string(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Timestamp(..) => array.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
        _ => array_value_to_string(array, row).unwrap(),
    }
}

/// A column as text.
pub fn column(batch: &RecordBatch, name: &str) -> Vec<String> {
    (0..batch.num_rows()).map(|row| cell(batch, name, row)).collect()
}

/// A row's columns that are not null, as `name=value`.
pub fn row(batch: &RecordBatch, row: usize) -> Vec<String> {
    let schema = batch.schema();
    let names = schema.fields().iter().map(|field| field.name().clone());
    names
        .filter(|name| batch.column_by_name(name).unwrap().is_valid(row))
        .map(|name| format!("{name}={}", cell(batch, &name, row)))
        .collect()
}

/// A task with one annotation of these fields.
pub fn annotation(fields: &str) -> String {
    format!(r#"[{{"id":7,"data":{{}},"annotations":[{{"id":70,{fields}}}]}}]"#)
}

/// A task with one annotation that holds `results`.
pub fn task_with(results: &str) -> String {
    format!(
        r#"[{{"id":7,"annotations":[{{"id":70,"completed_by":3,"result":{results},"was_cancelled":false}}],"data":{{"text":"x"}}}}]"#
    )
}

/// The rows of results, without the columns that say whose they are.
pub fn results_of(results: &str) -> Vec<Vec<String>> {
    let whole = read(task_with(results)).unwrap();
    assert_eq!(column(&whole.rejects, "reason"), Vec::<String>::new());
    let owners = ["annotation_id=", "item_id=", "rater_id=", "rater_kind=", "result_index="];
    let rows = (0..whole.results.num_rows()).map(|number| row(&whole.results, number));
    rows.map(|row| row.into_iter().filter(|cell| !owners.iter().any(|owner| cell.starts_with(owner))).collect())
        .collect()
}
