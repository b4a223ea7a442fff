//! Reports as tidy tables, for the Parquet files beside the data.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema, SchemaRef};

use super::disagreements::Differing;
use super::measure::Measure;
use super::views::{AgreementReport, DiffEntry};
use crate::error::{Error, Result};

const ROWS_PER_TABLE: usize = 8192;

/// `measures`: one row per figure. `report` names the report it belongs to.
pub fn measures(report: &AgreementReport, report_id: &str) -> Result<RecordBatch> {
    let rows = &report.measures;
    let origin: Vec<(&str, ArrayRef)> = vec![
        ("report_id", Arc::new(StringArray::from(vec![report_id; rows.len()]))),
        ("snapshot", Arc::new(Int64Array::from(vec![report.snapshot; rows.len()]))),
    ];
    table(origin.into_iter().chain(scopes(rows)).chain(figures(rows)).collect())
}

/// Figures alone, one row each, with what they are figures of.
pub fn figure_table(rows: &[Measure]) -> Result<RecordBatch> {
    table(scopes(rows).into_iter().chain(figures(rows)).collect())
}

/// Figures as tables of so many rows each.
pub fn figure_tables(rows: Vec<Measure>) -> impl Iterator<Item = Result<RecordBatch>> + Send {
    let mut next = 0;
    std::iter::from_fn(move || {
        let part = rows.get(next..(next + ROWS_PER_TABLE).min(rows.len())).filter(|part| !part.is_empty())?;
        next += part.len();
        Some(figure_table(part))
    })
}

/// The columns of [`figure_tables`].
pub fn figure_schema() -> Result<SchemaRef> {
    Ok(figure_table(&[])?.schema())
}

/// The columns of [`disagreements`].
pub fn disagreement_schema() -> Result<SchemaRef> {
    Ok(disagreements(&[], 0)?.schema())
}

/// The columns of [`differences`].
pub fn difference_schema() -> Result<SchemaRef> {
    Ok(differences(&[])?.schema())
}

fn texts(rows: &[Measure], of: impl Fn(&Measure) -> Option<String>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<StringArray>())
}

fn scopes(rows: &[Measure]) -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("control", texts(rows, |row| Some(row.scope.control.clone()))),
        ("measure", texts(rows, |row| Some(row.measure.clone()))),
        ("options", texts(rows, |row| serde_json::to_string(&row.options).ok())),
        ("by", texts(rows, |row| Some(row.scope.by.clone()))),
        ("label", texts(rows, |row| row.scope.label.clone())),
        ("annotator", texts(rows, |row| row.scope.annotator.clone())),
        ("other", texts(rows, |row| row.scope.other.clone())),
        ("column", texts(rows, |row| row.scope.column.clone())),
        ("column_value", texts(rows, |row| row.scope.value.clone())),
    ]
}

fn figures(rows: &[Measure]) -> Vec<(&'static str, ArrayRef)> {
    let number = |of: fn(&Measure) -> Option<f64>| Arc::new(rows.iter().map(of).collect::<Float64Array>()) as ArrayRef;
    // Warehouses know signed integers only.
    let count =
        |of: fn(&Measure) -> u64| Arc::new(rows.iter().map(|row| of(row) as i64).collect::<Int64Array>()) as ArrayRef;
    vec![
        ("value", number(|row| row.value)),
        ("ci_low", number(|row| row.ci_low)),
        ("ci_high", number(|row| row.ci_high)),
        ("n_items", count(|row| row.n_items)),
        ("n_ratings", count(|row| row.n_ratings)),
        ("n_raters", count(|row| row.n_raters)),
        ("method", texts(rows, |row| Some(row.method.clone().into_owned()))),
        ("undefined_reason", texts(rows, |row| row.undefined_reason.clone())),
        ("detail", texts(rows, |row| serde_json::to_string(&row.detail).ok())),
    ]
}

/// `disagreements`: one row per item and control on which annotators differ.
pub fn disagreements(list: &[Differing], snapshot: i64) -> Result<RecordBatch> {
    let text = |of: &dyn Fn(&Differing) -> String| {
        Arc::new(list.iter().map(|row| Some(of(row))).collect::<StringArray>()) as ArrayRef
    };
    let lists = |of: &dyn Fn(&super::views::Vote) -> String| {
        let mut builder = ListBuilder::new(StringBuilder::new());
        for found in list {
            for vote in &found.row.votes {
                builder.values().append_value(of(vote));
            }
            builder.append(true);
        }
        Arc::new(builder.finish()) as ArrayRef
    };
    let times = list.iter().map(|row| row.updated_at).collect::<TimestampMicrosecondArray>().with_timezone("UTC");
    table(vec![
        ("snapshot", Arc::new(Int64Array::from(vec![snapshot; list.len()]))),
        ("item_id", text(&|found| found.row.item_id.clone())),
        ("control", text(&|found| found.row.control.clone())),
        ("score", Arc::new(list.iter().map(|found| Some(found.row.score)).collect::<Float64Array>())),
        ("n_ratings", Arc::new(list.iter().map(|found| found.row.n_ratings as i64).collect::<Int64Array>())),
        ("annotators", lists(&|vote| vote.annotator.clone())),
        ("labels", lists(&|vote| vote.label.clone())),
        ("annotation_ids", lists(&|vote| vote.annotation_id.clone())),
        ("updated_at", Arc::new(times)),
    ])
}

/// One row per item, annotation or prediction that differs between two snapshots; what differs of it is JSON.
pub fn differences(list: &[DiffEntry]) -> Result<RecordBatch> {
    let text = |of: &dyn Fn(&DiffEntry) -> Result<String>| -> Result<ArrayRef> {
        Ok(Arc::new(list.iter().map(|entry| of(entry).map(Some)).collect::<Result<StringArray>>()?))
    };
    table(vec![
        ("kind", text(&|entry| name_of(&entry.kind))?),
        ("change", text(&|entry| name_of(&entry.change))?),
        ("id", text(&|entry| Ok(entry.id.clone()))?),
        ("item_id", text(&|entry| Ok(entry.item_id.clone()))?),
        ("fields", text(&|entry| serde_json::to_string(&entry.fields).map_err(Error::internal))?),
        ("results", text(&|entry| serde_json::to_string(&entry.results).map_err(Error::internal))?),
    ])
}

/// How a value without fields is called in JSON.
fn name_of(value: &impl serde::Serialize) -> Result<String> {
    let value = serde_json::to_value(value).map_err(Error::internal)?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

fn table(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(Error::internal)
}
