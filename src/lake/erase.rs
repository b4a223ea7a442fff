//! Taking a person or an item out of the rows of a table. What would be changed is what holds something of them: looking and erasing are one
//! function, so that neither finds what the other does not.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, MapArray, RecordBatch, StringArray, StructArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Int64Type};

use super::Table;
use super::scrub::{ERASED, Scrubber, Subject};
use super::stage::text_column;
use crate::error::{Error, Result};

/// What became of a table's rows.
#[derive(Debug, Clone, Default)]
pub struct Erased {
    /// None when they hold nothing of the subject: then they stay as they are.
    pub rows: Option<RecordBatch>,
    /// Rows removed; of annotations without predictions.
    pub removed: u64,
    /// Of annotations: removed predictions, and the results that removed rows had.
    pub removed_predictions: u64,
    pub removed_results: u64,
    /// Rows that stay, without what identified the subject.
    pub scrubbed: u64,
}

impl Erased {
    pub fn is_touched(&self) -> bool {
        self.rows.is_some()
    }
}

/// How a column is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Treatment {
    /// Refers to rows of other tables, and is made from ids of the source: not changed, and refused when it names the subject.
    Id,
    Json,
    Text,
    /// Text where the row is about a model; the rows of the subject are gone, and the ids of other people are not changed.
    ModelText,
}

fn treatment(table: Table, column: &str) -> Treatment {
    match (table, column) {
        (Table::Raters, "source") | (_, "item_id" | "annotation_id" | "from_prediction_id" | "source") => Treatment::Id,
        (Table::Items | Table::Annotations, "native_id") => Treatment::Id,
        (Table::Items, "data" | "meta" | "raw") | (Table::Annotations | Table::Results, "raw") => Treatment::Json,
        (Table::Annotations | Table::Results, "rater_id") | (Table::Raters, _) => Treatment::ModelText,
        _ => Treatment::Text,
    }
}

/// The rows without the subject.
///
/// # Errors
/// `Conflict` when an id that cannot be changed names the subject.
pub fn erase_rows(table: Table, batch: &RecordBatch, scrubber: &Scrubber) -> Result<Erased> {
    let stays = staying(table, batch, scrubber)?;
    let mut erased = Erased::default();
    count_removed(table, batch, &stays, &mut erased)?;
    let left = if stays.true_count() == batch.num_rows() {
        batch.clone()
    } else {
        filter_record_batch(batch, &stays).map_err(Error::internal)?
    };
    let mut touched = vec![false; left.num_rows()];
    let mut columns = left.columns().to_vec();
    let mut changed = left.num_rows() < batch.num_rows();
    for (at, field) in left.schema().fields().iter().enumerate() {
        if let Some(column) = scrub_column(table, field.name(), &left, scrubber, &mut touched)? {
            columns[at] = column;
            changed = true;
        }
    }
    erased.scrubbed = touched.iter().filter(|touched| **touched).count() as u64;
    if changed {
        erased.rows = Some(RecordBatch::try_new(left.schema(), columns).map_err(Error::internal)?);
    }
    Ok(erased)
}

/// Which rows are not the subject's own.
fn staying(table: Table, batch: &RecordBatch, scrubber: &Scrubber) -> Result<BooleanArray> {
    let by_text = |name: &str, is_own: &dyn Fn(&str) -> bool| -> Result<BooleanArray> {
        Ok(text_column(batch, name)?.iter().map(|value| Some(!value.is_some_and(is_own))).collect())
    };
    match (table, scrubber.subject()) {
        (Table::Rejects, _) => staying_rejects(batch, scrubber),
        (Table::Raters, Subject::Item(_)) | (Table::Items, Subject::Person(_)) => {
            Ok(BooleanArray::from(vec![true; batch.num_rows()]))
        }
        (_, Subject::Person(person)) => by_text("rater_id", &|id| person.rater_ids.contains(id)),
        (_, Subject::Item(item)) => by_text("item_id", &|id| id == item.item_id),
    }
}

/// A reject is dropped whole: what is left of a broken record helps nobody.
fn staying_rejects(batch: &RecordBatch, scrubber: &Scrubber) -> Result<BooleanArray> {
    let (positions, reasons) = (text_column(batch, "position")?, text_column(batch, "reason")?);
    let raws = text_column(batch, "raw")?;
    let holds = |row: usize| {
        let raw = raws.is_valid(row).then(|| raws.value(row));
        scrubber.is_position(positions.value(row))
            || scrubber.text(reasons.value(row)).is_some()
            || raw.is_some_and(|raw| scrubber.json(raw, scrubber.native_ids(None)).is_some())
    };
    Ok((0..batch.num_rows()).map(|row| Some(!holds(row))).collect())
}

fn count_removed(table: Table, batch: &RecordBatch, stays: &BooleanArray, erased: &mut Erased) -> Result<()> {
    if table != Table::Annotations {
        erased.removed = (batch.num_rows() - stays.true_count()) as u64;
        return Ok(());
    }
    let kinds = text_column(batch, "kind")?;
    let results = batch
        .column_by_name("result_count")
        .and_then(|column| column.as_primitive_opt::<Int64Type>())
        .ok_or_else(|| Error::internal(anyhow::anyhow!("annotations lack result_count")))?;
    for row in (0..batch.num_rows()).filter(|&row| !stays.value(row)) {
        let count =
            if kinds.value(row) == "prediction" { &mut erased.removed_predictions } else { &mut erased.removed };
        *count += 1;
        erased.removed_results += u64::try_from(results.value(row)).unwrap_or_default();
    }
    Ok(())
}

fn scrub_column(
    table: Table,
    name: &str,
    rows: &RecordBatch,
    scrubber: &Scrubber,
    touched: &mut [bool],
) -> Result<Option<ArrayRef>> {
    let Some(column) = rows.column_by_name(name) else { return Ok(None) };
    let treatment = treatment(table, name);
    let Some(texts) = column.as_string_opt::<i32>() else {
        // Aliases of other people are ids of theirs.
        if table == Table::Raters {
            return Ok(None);
        }
        let nested = scrub_nested(column, scrubber)?;
        if (table, name) != (Table::Items, "slices") {
            return Ok(nested);
        }
        let users = scrub_users(nested.as_ref().unwrap_or(column), text_column(rows, "source")?, scrubber)?;
        return Ok(users.or(nested));
    };
    let of_model = match treatment {
        Treatment::ModelText => Some(text_column(rows, if table == Table::Raters { "kind" } else { "rater_kind" })?),
        _ => None,
    };
    let sources = if treatment == Treatment::Json { sources_of(table, rows)? } else { None };
    let mut changed = false;
    let mut scrubbed = Vec::with_capacity(texts.len());
    for (row, (value, touched)) in texts.iter().zip(touched).enumerate() {
        let found = value.and_then(|value| match treatment {
            Treatment::Json => {
                let source = sources.as_ref().map(|sources| source_of(table, sources.value(row), scrubber));
                scrubber.json(value, scrubber.native_ids(source.flatten()))
            }
            Treatment::ModelText if of_model.is_some_and(|kinds| kinds.value(row) != "model") => None,
            Treatment::Id | Treatment::Text | Treatment::ModelText => scrubber.text(value),
        });
        if found.is_some() {
            if treatment == Treatment::Id {
                return Err(names_subject(table, name));
            }
            changed = true;
            *touched = true;
        }
        scrubbed.push(found.map_or(value.map(std::borrow::Cow::Borrowed), |text| Some(text.into())));
    }
    Ok(changed.then(|| Arc::new(scrubbed.into_iter().collect::<StringArray>()) as ArrayRef))
}

/// What tells the source of a row: results carry it at the beginning of their annotation's id alone.
fn sources_of(table: Table, rows: &RecordBatch) -> Result<Option<StringArray>> {
    let column = match table {
        Table::Items | Table::Annotations => "source",
        Table::Results => "annotation_id",
        Table::Raters | Table::Rejects => return Ok(None),
    };
    text_column(rows, column).map(|column| Some(column.clone()))
}

fn source_of<'a>(table: Table, text: &'a str, scrubber: &'a Scrubber) -> Option<&'a str> {
    match (table, scrubber.subject()) {
        (Table::Results, Subject::Person(person)) => {
            let is_prefix =
                |source: &&String| text.strip_prefix(source.as_str()).is_some_and(|rest| rest.starts_with('/'));
            // Of a source that the person is not known in: an id that means nobody.
            Some(person.native_ids.keys().find(is_prefix).map_or("", String::as_str))
        }
        _ => Some(text),
    }
}

fn names_subject(table: Table, column: &str) -> Error {
    Error::Conflict(format!(
        "{}.{column} holds what is to be erased, and ids cannot be changed: the source (--source) of an import was named after it; \
         import the project anew under another source and remove this one",
        table.name()
    ))
}

/// Slices are made of fields of the item's documents, among them those that name users by number.
fn scrub_users(column: &ArrayRef, sources: &StringArray, scrubber: &Scrubber) -> Result<Option<ArrayRef>> {
    let slices = column.as_map();
    let (names, values) = (slices.keys().as_string::<i32>(), slices.values().as_string::<i32>());
    let mut scrubbed: Vec<Option<&str>> = values.iter().collect();
    let mut changed = false;
    for row in 0..slices.len() {
        let ids = scrubber.native_ids(Some(sources.value(row)));
        let entries = slices.value_offsets()[row] as usize..slices.value_offsets()[row + 1] as usize;
        for (value, entry) in scrubbed[entries.clone()].iter_mut().zip(entries) {
            if value.is_some_and(|text| scrubber.is_user_field(names.value(entry), text, ids)) {
                *value = Some(ERASED);
                changed = true;
            }
        }
    }
    let DataType::Map(field, ordered) = column.data_type() else { return Ok(None) };
    if !changed {
        return Ok(None);
    }
    let (fields, parts, nulls) = slices.entries().clone().into_parts();
    let entries = StructArray::try_new(fields, vec![parts[0].clone(), Arc::new(StringArray::from(scrubbed))], nulls);
    let entries = entries.map_err(Error::internal)?;
    let rebuilt =
        MapArray::try_new(field.clone(), slices.offsets().clone(), entries, slices.nulls().cloned(), *ordered);
    rebuilt.map(|map| Some(Arc::new(map) as ArrayRef)).map_err(Error::internal)
}

/// Texts inside lists, maps and structs.
fn scrub_nested(column: &ArrayRef, scrubber: &Scrubber) -> Result<Option<ArrayRef>> {
    Ok(match column.data_type() {
        DataType::Utf8 => {
            let texts = column.as_string::<i32>();
            let scrubbed: Vec<Option<String>> =
                texts.iter().map(|text| text.and_then(|text| scrubber.text(text))).collect();
            scrubbed.iter().any(Option::is_some).then(|| {
                let merged = texts.iter().zip(&scrubbed).map(|(old, new)| new.as_deref().or(old));
                Arc::new(merged.collect::<StringArray>()) as ArrayRef
            })
        }
        DataType::List(field) => {
            let list = column.as_list::<i32>();
            let values = scrub_nested(list.values(), scrubber)?;
            let rebuilt = values
                .map(|values| ListArray::try_new(field.clone(), list.offsets().clone(), values, list.nulls().cloned()));
            rebuilt.transpose().map_err(Error::internal)?.map(|list| Arc::new(list) as ArrayRef)
        }
        DataType::Map(field, ordered) => {
            let map = column.as_map();
            let entries = scrub_nested(&(Arc::new(map.entries().clone()) as ArrayRef), scrubber)?;
            let rebuilt = entries.map(|entries| {
                let entries = entries.as_struct().clone();
                MapArray::try_new(field.clone(), map.offsets().clone(), entries, map.nulls().cloned(), *ordered)
            });
            rebuilt.transpose().map_err(Error::internal)?.map(|map| Arc::new(map) as ArrayRef)
        }
        DataType::Struct(fields) => {
            let parts = column.as_struct();
            let mut columns = parts.columns().to_vec();
            let mut changed = false;
            for part in &mut columns {
                if let Some(scrubbed) = scrub_nested(part, scrubber)? {
                    *part = scrubbed;
                    changed = true;
                }
            }
            let rebuilt = changed.then(|| StructArray::try_new(fields.clone(), columns, parts.nulls().cloned()));
            rebuilt.transpose().map_err(Error::internal)?.map(|parts| Arc::new(parts) as ArrayRef)
        }
        _ => None,
    })
}
