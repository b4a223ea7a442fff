//! Checkpoints of a Delta log: the state of one version as Parquet, so that readers need not read the log from its beginning, and so that
//! its beginning can go.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, ListBuilder, MapBuilder, MapFieldNames, RecordBatch, StringArray,
    StringBuilder, StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Field, Schema};
use serde_json::Value;

use super::delta::Add;
use crate::error::{Error, Result};
use crate::lake::encode_report;

/// Rows come in this order: the protocol, the metadata, then the files.
const PROTOCOL: usize = 0;
const METADATA: usize = 1;
const FILES: usize = 2;

/// The checkpoint's bytes and its number of rows.
pub(super) fn checkpoint(metadata: &Value, adds: &[Add]) -> Result<(Vec<u8>, usize)> {
    let rows = adds.len() + FILES;
    let columns = [("protocol", protocol(rows)?), ("metaData", meta(metadata, rows)?), ("add", files(adds, rows)?)];
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(Error::internal)?;
    Ok((encode_report(&batch)?, rows))
}

fn protocol(rows: usize) -> Result<ArrayRef> {
    let number = |version: i32| (0..rows).map(|row| (row == PROTOCOL).then_some(version)).collect::<Int32Array>();
    group(
        vec![("minReaderVersion", Arc::new(number(1)) as ArrayRef), ("minWriterVersion", Arc::new(number(2)))],
        rows,
        |row| row == PROTOCOL,
    )
}

fn meta(metadata: &Value, rows: usize) -> Result<ArrayRef> {
    let here = |row| row == METADATA;
    let text = |value: &Value| -> ArrayRef {
        Arc::new((0..rows).map(|row| value.as_str().filter(|_| here(row))).collect::<StringArray>())
    };
    let made = metadata["createdTime"].as_i64();
    let format = group(
        vec![("provider", text(&metadata["format"]["provider"])), ("options", empty_map(rows, here)?)],
        rows,
        here,
    )?;
    let mut partitions = ListBuilder::new(StringBuilder::new());
    for row in 0..rows {
        for name in metadata["partitionColumns"].as_array().into_iter().flatten().filter(|_| here(row)) {
            partitions.values().append_option(name.as_str());
        }
        partitions.append(here(row));
    }
    group(
        vec![
            ("id", text(&metadata["id"])),
            ("name", text(&metadata["name"])),
            ("description", text(&metadata["description"])),
            ("format", format),
            ("schemaString", text(&metadata["schemaString"])),
            ("partitionColumns", Arc::new(partitions.finish())),
            ("configuration", empty_map(rows, here)?),
            ("createdTime", Arc::new((0..rows).map(|row| made.filter(|_| here(row))).collect::<Int64Array>())),
        ],
        rows,
        here,
    )
}

fn files(adds: &[Add], rows: usize) -> Result<ArrayRef> {
    let of = |row: usize| row.checked_sub(FILES).and_then(|at| adds.get(at));
    let text = |value: fn(&Add) -> &str| -> ArrayRef {
        Arc::new((0..rows).map(|row| of(row).map(value)).collect::<StringArray>())
    };
    let number = |value: fn(&Add) -> i64| -> ArrayRef {
        Arc::new((0..rows).map(|row| of(row).map(value)).collect::<Int64Array>())
    };
    let mut partitions = map_builder();
    for row in 0..rows {
        for (name, value) in of(row).into_iter().flat_map(|add| &add.partition_values) {
            partitions.keys().append_value(name);
            partitions.values().append_value(value);
        }
        partitions.append(of(row).is_some()).map_err(Error::internal)?;
    }
    group(
        vec![
            ("path", text(|add| &add.path)),
            ("partitionValues", Arc::new(partitions.finish())),
            ("size", number(|add| add.size as i64)),
            ("modificationTime", number(|add| add.modification_time)),
            ("dataChange", Arc::new((0..rows).map(|row| of(row).map(|_| false)).collect::<BooleanArray>())),
            ("stats", text(|add| &add.stats)),
        ],
        rows,
        |row| of(row).is_some(),
    )
}

fn map_builder() -> MapBuilder<StringBuilder, StringBuilder> {
    let names = MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
    MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new())
}

fn empty_map(rows: usize, here: impl Fn(usize) -> bool) -> Result<ArrayRef> {
    let mut builder = map_builder();
    for row in 0..rows {
        builder.append(here(row)).map_err(Error::internal)?;
    }
    Ok(Arc::new(builder.finish()))
}

/// A struct column that is null where it is not `here`.
fn group(columns: Vec<(&str, ArrayRef)>, rows: usize, here: impl Fn(usize) -> bool) -> Result<ArrayRef> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, column)| column).collect();
    let valid: NullBuffer = (0..rows).map(here).collect();
    let made = StructArray::try_new(fields.into(), arrays, Some(valid)).map_err(Error::internal)?;
    Ok(Arc::new(made))
}
