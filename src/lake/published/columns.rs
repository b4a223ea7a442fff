//! The types of published columns, in words that every reader's type system has an answer to.

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use serde::{Deserialize, Serialize};

use super::comments::comment;
use crate::error::{Error, Result};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub r#type: ColumnType,
    pub nullable: bool,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub comment: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    String,
    Boolean,
    /// 64 bits, signed.
    Int64,
    Float32,
    Float64,
    /// Microseconds, UTC.
    Timestamp,
    Binary,
    /// Elements may be null.
    List(Box<Self>),
    /// From text that is never null; values may be null.
    Map(Box<Self>),
    Struct(Vec<Column>),
}

/// The columns of `table` whose files have this schema.
///
/// # Errors
/// `Internal` for a type that some reader does not know.
pub fn columns(table: &str, schema: &Schema) -> Result<Vec<Column>> {
    let described = schema.fields().iter().map(|field| {
        let comment = comment(table, field.name()).unwrap_or_default().to_owned();
        Ok(Column { comment, ..column(field)? })
    });
    described.collect()
}

fn column(field: &Field) -> Result<Column> {
    Ok(Column {
        name: field.name().clone(),
        r#type: column_type(field.data_type())?,
        nullable: field.is_nullable(),
        comment: String::new(),
    })
}

fn column_type(data_type: &DataType) -> Result<ColumnType> {
    Ok(match data_type {
        DataType::Utf8 => ColumnType::String,
        DataType::Boolean => ColumnType::Boolean,
        DataType::Int64 => ColumnType::Int64,
        DataType::Float32 => ColumnType::Float32,
        DataType::Float64 => ColumnType::Float64,
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => ColumnType::Timestamp,
        DataType::Binary => ColumnType::Binary,
        DataType::List(element) => ColumnType::List(Box::new(column_type(element.data_type())?)),
        DataType::Map(entries, _) => ColumnType::Map(Box::new(map_value(entries)?)),
        DataType::Struct(fields) => {
            ColumnType::Struct(fields.iter().map(|field| column(field)).collect::<Result<_>>()?)
        }
        other => return Err(not_published(other)),
    })
}

fn map_value(entries: &Field) -> Result<ColumnType> {
    match entries.data_type() {
        DataType::Struct(fields) if fields.len() == 2 && fields[0].data_type() == &DataType::Utf8 => {
            column_type(fields[1].data_type())
        }
        other => Err(not_published(other)),
    }
}

fn not_published(data_type: &DataType) -> Error {
    Error::internal(anyhow::anyhow!("{data_type} is a type that not every reader knows, so it cannot be published"))
}

impl std::fmt::Display for ColumnType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Boolean => f.write_str("boolean"),
            Self::Int64 => f.write_str("int64"),
            Self::Float32 => f.write_str("float32"),
            Self::Float64 => f.write_str("float64"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Binary => f.write_str("binary"),
            Self::List(element) => write!(f, "list<{element}>"),
            Self::Map(value) => write!(f, "map<string, {value}>"),
            Self::Struct(fields) => {
                let parts: Vec<String> =
                    fields.iter().map(|field| format!("{}: {}", field.name, field.r#type)).collect();
                write!(f, "struct<{}>", parts.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::Table;

    #[test]
    fn every_stored_column_can_be_published_and_is_described() {
        for table in Table::ALL {
            for column in columns(table.name(), &table.schema()).unwrap() {
                assert!(!column.comment.is_empty(), "{}.{} has no comment", table.name(), column.name);
            }
        }
    }

    #[test]
    fn types_are_written_in_one_way() {
        let found = columns("results", &Table::Results.schema()).unwrap();
        let text = |name: &str| found.iter().find(|column| column.name == name).unwrap().r#type.to_string();
        assert_eq!(text("points"), "list<struct<x: float64, y: float64>>");
        assert_eq!(text("probabilities"), "map<string, float64>");
        assert_eq!(text("rle"), "binary");
        let json = serde_json::to_string(&found[0]).unwrap();
        assert!(json.starts_with(r#"{"name":"annotation_id","type":"string","nullable":false"#), "{json}");
    }

    #[test]
    fn types_that_some_reader_lacks_are_refused() {
        for data_type in [DataType::UInt64, DataType::Timestamp(TimeUnit::Microsecond, None), DataType::Null] {
            let schema = Schema::new(vec![Field::new("x", data_type, true)]);
            assert!(columns("items", &schema).is_err(), "{schema}");
        }
    }
}
