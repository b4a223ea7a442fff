//! Typed columns of query answers.

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, RecordBatch, StringArray,
};

use crate::error::{Error, Result};

/// Columns of one batch by name. A missing or differently typed column is a fault of our query.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a>(pub &'a RecordBatch);

impl<'a> Columns<'a> {
    pub fn any(&self, name: &str) -> Result<&'a ArrayRef> {
        self.0.column_by_name(name).ok_or_else(|| wrong(name))
    }

    pub fn text(&self, name: &str) -> Result<&'a StringArray> {
        self.any(name)?.as_string_opt().ok_or_else(|| wrong(name))
    }

    pub fn bool(&self, name: &str) -> Result<&'a BooleanArray> {
        self.any(name)?.as_boolean_opt().ok_or_else(|| wrong(name))
    }

    pub fn number<T: ArrowPrimitiveType>(&self, name: &str) -> Result<&'a PrimitiveArray<T>> {
        self.any(name)?.as_primitive_opt().ok_or_else(|| wrong(name))
    }
}

fn wrong(name: &str) -> Error {
    Error::internal(anyhow::anyhow!("a lake query gave no usable column {name}"))
}

/// The text of a row, if there is one.
pub fn text_at(column: &StringArray, row: usize) -> Option<String> {
    column.is_valid(row).then(|| column.value(row).to_owned())
}

/// The value of a row, if there is one.
pub fn value_at<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    column.is_valid(row).then(|| column.value(row))
}

/// A time as RFC 3339 in UTC, with microseconds only where there are any.
pub fn rfc3339(micros: i64) -> Option<String> {
    jiff::Timestamp::from_microsecond(micros).ok().map(|time| time.to_string())
}
