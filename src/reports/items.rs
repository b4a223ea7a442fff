//! One item with every annotation and prediction on it.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, StructArray};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use datafusion::common::ScalarValue;
use serde_json::Value;

use super::agreement::rater_names;
use super::columns::{Columns, rfc3339, text_at, value_at};
use super::views::{AnnotationView, ItemView, ResultView};
use crate::engine::{Engine, TableSet};
use crate::error::{Error, Result};

/// The item with this id; `tables` need only hold its bucket and the raters.
pub async fn view(engine: &Engine, tables: &TableSet, item: &str, snapshot: i64) -> Result<ItemView> {
    let params = || vec![("item", ScalarValue::from(item))];
    let found = engine.query(tables, include_str!("../../queries/lake/item.sql"), params()).await?;
    let batch = found.iter().find(|batch| batch.num_rows() > 0).ok_or_else(|| Error::not_found("item", item))?;
    let json = |name: &str| -> Result<Value> {
        let text = text_at(Columns(batch).text(name)?, 0);
        Ok(text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::String(text))))
    };
    let (data, meta) = (json("data")?, json("meta")?);
    let names: BTreeMap<String, String> =
        rater_names(engine, tables).await?.into_iter().map(|rater| (rater.rater_id, rater.name)).collect();
    let mut results = results(engine, tables, item).await?;
    let mut annotations = Vec::new();
    for batch in engine.query(tables, include_str!("../../queries/lake/item_annotations.sql"), params()).await? {
        let columns = Columns(&batch);
        for row in 0..batch.num_rows() {
            let mut annotation = annotation(&columns, row)?;
            if let Some(name) = names.get(&annotation.rater_id) {
                annotation.rater_name.clone_from(name);
            }
            annotation.results = results.remove(&annotation.annotation_id).unwrap_or_default();
            annotations.push(annotation);
        }
    }
    Ok(ItemView { item_id: item.to_owned(), snapshot, data, meta, annotations })
}

/// The id of the item that the labelling tool knows by `native`.
pub async fn find_by_native_id(engine: &Engine, tables: &TableSet, native: &str) -> Result<String> {
    let params = vec![("native", ScalarValue::from(native))];
    for batch in engine.query(tables, include_str!("../../queries/lake/item_by_native_id.sql"), params).await? {
        if let Some(id) = Columns(&batch).text("item_id")?.iter().flatten().next() {
            return Ok(id.to_owned());
        }
    }
    Err(Error::not_found("item", native))
}

fn annotation(columns: &Columns<'_>, row: usize) -> Result<AnnotationView> {
    let time = |name: &str| -> Result<Option<String>> {
        Ok(value_at(columns.number::<TimestampMicrosecondType>(name)?, row).and_then(rfc3339))
    };
    let text = |name: &str| -> Result<Option<String>> { Ok(text_at(columns.text(name)?, row)) };
    let flag = |name: &str| -> Result<bool> { Ok(columns.bool(name)?.value(row)) };
    let rater_id = text("rater_id")?.unwrap_or_default();
    Ok(AnnotationView {
        annotation_id: text("annotation_id")?.unwrap_or_default(),
        kind: text("kind")?.unwrap_or_default(),
        rater_name: rater_id.clone(),
        rater_id,
        model_version: text("model_version")?,
        score: value_at(columns.number::<Float64Type>("score")?, row),
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
        lead_time_s: value_at(columns.number::<Float64Type>("lead_time_s")?, row),
        cancelled: flag("cancelled")?,
        ground_truth: flag("ground_truth")?,
        draft: flag("draft")?,
        results: Vec::new(),
    })
}

/// Results by annotation. Rows of one result, one per label, become one result with all its labels.
async fn results(engine: &Engine, tables: &TableSet, item: &str) -> Result<BTreeMap<String, Vec<ResultView>>> {
    let mut found: BTreeMap<String, Vec<ResultView>> = BTreeMap::new();
    let params = vec![("item", ScalarValue::from(item))];
    for batch in engine.query(tables, include_str!("../../queries/lake/item_results.sql"), params).await? {
        let columns = Columns(&batch);
        let (owners, label_index) = (columns.text("annotation_id")?, columns.number::<Int64Type>("label_index")?);
        let (labels, texts) = (columns.text("label")?, columns.text("text")?);
        for row in 0..batch.num_rows() {
            let of_annotation = found.entry(owners.value(row).to_owned()).or_default();
            if label_index.value(row) == 0 || of_annotation.is_empty() {
                of_annotation.push(result(&columns, row)?);
                continue;
            }
            if let Some(last) = of_annotation.last_mut() {
                let label = text_at(labels, row);
                if label.is_none()
                    && let Some(text) = text_at(texts, row)
                {
                    last.text = Some(last.text.take().map_or_else(|| text.clone(), |first| format!("{first}\n{text}")));
                }
                last.labels.extend(label);
            }
        }
    }
    Ok(found)
}

fn result(columns: &Columns<'_>, row: usize) -> Result<ResultView> {
    let text = |name: &str| -> Result<Option<String>> { Ok(text_at(columns.text(name)?, row)) };
    let number = |name: &str| -> Result<Option<f64>> { Ok(value_at(columns.number::<Float64Type>(name)?, row)) };
    let bbox = columns.any("bbox")?.as_struct();
    let points = columns.any("points")?.as_list::<i32>();
    Ok(ResultView {
        control: text("control")?.unwrap_or_default(),
        target: text("target")?,
        r#type: text("type")?.unwrap_or_default(),
        region_id: text("region_id")?,
        labels: text("label")?.into_iter().collect(),
        number: number("number")?,
        text: text("text")?,
        start: number("start")?,
        end: number("end")?,
        bbox: bbox.is_valid(row).then(|| numbers(bbox, row)),
        points: points.is_valid(row).then(|| {
            let points = points.value(row);
            let points = points.as_struct();
            (0..points.len()).map(|point| numbers(points, point)).collect()
        }),
        score: number("score")?,
        original_width: number("original_width")?,
        original_height: number("original_height")?,
        raw: text("raw")?.and_then(|raw| serde_json::from_str(&raw).ok()),
    })
}

/// The first N fields of a struct of numbers.
fn numbers<const N: usize>(fields: &StructArray, row: usize) -> [f64; N] {
    std::array::from_fn(|field| {
        let column = fields.columns().get(field).and_then(|column| column.as_primitive_opt::<Float64Type>());
        column.and_then(|column| value_at(column, row)).unwrap_or_default()
    })
}
