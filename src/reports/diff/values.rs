//! Fields of two versions of a row, as JSON where they differ.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Number, Value};

use crate::error::{Error, Result};
use crate::reports::columns::rfc3339;
use crate::reports::views::FieldChange;

/// Columns that hold JSON.
const JSON: [&str; 3] = ["data", "meta", "raw"];

/// A row of a batch.
pub(super) type Row<'a> = (&'a RecordBatch, usize);

/// The fields that differ, in the order of the schema, without the columns `left_out`. Of an object only the keys that differ are told,
/// as `data.text`.
pub(super) fn field_changes(old: Row<'_>, new: Row<'_>, left_out: &[&str]) -> Result<Vec<FieldChange>> {
    let mut changes = Vec::new();
    for (at, field) in old.0.schema().fields().iter().enumerate() {
        let (before, after) = (old.0.column(at), new.0.column(at));
        if left_out.contains(&field.name().as_str()) || equal(before.as_ref(), old.1, after.as_ref(), new.1) {
            continue;
        }
        let (old, new) = (shown(field, before.as_ref(), old.1)?, shown(field, after.as_ref(), new.1)?);
        push(&mut changes, field.name(), old, new);
    }
    Ok(changes)
}

/// A column's value; of one that holds JSON, what the JSON says.
fn shown(field: &Field, column: &dyn Array, row: usize) -> Result<Value> {
    Ok(match json_at(column, row)? {
        Value::String(text) if JSON.contains(&field.name().as_str()) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        other => other,
    })
}

fn push(changes: &mut Vec<FieldChange>, name: &str, old: Value, new: Value) {
    match (old, new) {
        (Value::Object(mut old), Value::Object(mut new)) => {
            let keys: BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
            for key in keys {
                let values = (old.remove(&key).unwrap_or_default(), new.remove(&key).unwrap_or_default());
                if values.0 != values.1 {
                    changes.push(FieldChange { field: format!("{name}.{key}"), old: values.0, new: values.1 });
                }
            }
        }
        (old, new) if old != new => changes.push(FieldChange { field: name.to_owned(), old, new }),
        // Written differently, they say the same.
        _ => {}
    }
}

fn equal(a: &dyn Array, i: usize, b: &dyn Array, j: usize) -> bool {
    match (a.as_string_opt::<i32>(), b.as_string_opt::<i32>()) {
        (Some(a), Some(b)) => a.is_valid(i) == b.is_valid(j) && (a.is_null(i) || a.value(i) == b.value(j)),
        _ => a.slice(i, 1).to_data() == b.slice(j, 1).to_data(),
    }
}

/// A value of a column as JSON: times as RFC 3339, bytes as base64, null where there is none.
fn json_at(array: &dyn Array, row: usize) -> Result<Value> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    let float = |value: f64| Number::from_f64(value).map_or_else(|| Value::from(value.to_string()), Value::Number);
    let all = |items: &dyn Array| -> Result<Vec<Value>> { (0..items.len()).map(|row| json_at(items, row)).collect() };
    Ok(match array.data_type() {
        DataType::Utf8 => Value::from(array.as_string::<i32>().value(row)),
        DataType::Boolean => Value::from(array.as_boolean().value(row)),
        DataType::Int64 => Value::from(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => float(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Value::from(rfc3339(array.as_primitive::<TimestampMicrosecondType>().value(row)))
        }
        DataType::Binary => Value::from(BASE64_STANDARD.encode(array.as_binary::<i32>().value(row))),
        DataType::List(_) => Value::from(all(array.as_list::<i32>().value(row).as_ref())?),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let named = fields
                .iter()
                .zip(columns)
                .map(|(field, column)| Ok((field.name().clone(), json_at(column.as_ref(), row)?)));
            Value::Object(named.collect::<Result<Map<_, _>>>()?)
        }
        DataType::Map(_, _) => {
            let entries = array.as_map().value(row);
            let keys = entries.column(0).as_string::<i32>();
            let values = all(entries.column(1).as_ref())?;
            Value::Object(keys.iter().flatten().map(str::to_owned).zip(values).collect())
        }
        other => return Err(Error::internal(anyhow::anyhow!("a column of type {other} cannot be shown"))),
    })
}

/// The fields of a row that say something, as changes from nothing (`is_new`) or to nothing.
pub(super) fn all_fields((batch, row): Row<'_>, left_out: &[&str], is_new: bool) -> Result<Vec<FieldChange>> {
    let mut fields = Vec::new();
    for (at, field) in batch.schema().fields().iter().enumerate() {
        let value = shown(field, batch.column(at).as_ref(), row)?;
        if !value.is_null() && !left_out.contains(&field.name().as_str()) {
            let (old, new) = if is_new { (Value::Null, value) } else { (value, Value::Null) };
            fields.push(FieldChange { field: field.name().clone(), old, new });
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_objects_only_the_keys_that_differ_are_told() {
        let mut changes = Vec::new();
        push(&mut changes, "data", json!({ "a": 1, "b": [1], "c": null }), json!({ "a": 2, "b": [1], "d": "x" }));
        push(&mut changes, "meta", Value::Null, json!({ "k": 1 }));
        push(&mut changes, "raw", json!({ "same": 1 }), json!({ "same": 1 }));
        let told: Vec<_> = changes.iter().map(|change| (change.field.as_str(), &change.old, &change.new)).collect();
        assert_eq!(
            told,
            [
                ("data.a", &json!(1), &json!(2)),
                ("data.d", &Value::Null, &json!("x")),
                ("meta", &Value::Null, &json!({ "k": 1 }))
            ]
        );
    }
}
