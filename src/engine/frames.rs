//! Reshaping of bounded results in memory. The only user of Polars.
#![expect(clippy::disallowed_types, reason = "src/engine alone uses polars, and this is it")]

use anyhow::Context;
use arrow::array::RecordBatch;
use polars_core::prelude::{ChunkSort, DataFrame, StringChunked};

use super::bridge::to_frame;
use crate::error::Result;

/// A long table turned wide.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matrix {
    /// Sorted.
    pub rows: Vec<String>,
    /// Sorted.
    pub columns: Vec<String>,
    /// By row and column; none where the long table has no row or a null.
    pub values: Vec<Vec<Option<f64>>>,
}

/// Pivots a long table by two text columns and a number. Of repeated cells the last one stands.
pub fn matrix(batches: &[RecordBatch], row: &str, column: &str, value: &str) -> Result<Matrix> {
    let frame = to_frame(batches)?;
    if frame.height() == 0 {
        return Ok(Matrix::default());
    }
    let (rows, columns) = (distinct(&frame, row)?, distinct(&frame, column)?);
    let mut values = vec![vec![None; columns.len()]; rows.len()];
    let (row_names, column_names) = (texts(&frame, row)?, texts(&frame, column)?);
    let numbers = frame.column(value).and_then(|column| column.f64()).context("a column of numbers")?;
    for ((row, column), number) in row_names.iter().zip(column_names.iter()).zip(numbers.iter()) {
        let (Some(row), Some(column)) = (row, column) else { continue };
        if let (Ok(at), Ok(across)) = (
            rows.binary_search_by(|name| name.as_str().cmp(row)),
            columns.binary_search_by(|name| name.as_str().cmp(column)),
        ) {
            values[at][across] = number;
        }
    }
    Ok(Matrix { rows, columns, values })
}

fn texts<'f>(frame: &'f DataFrame, name: &str) -> Result<&'f StringChunked> {
    Ok(frame.column(name).and_then(|column| column.str()).context("a column of texts")?)
}

fn distinct(frame: &DataFrame, name: &str) -> Result<Vec<String>> {
    let sorted = texts(frame, name)?.sort(false);
    let mut names: Vec<String> = sorted.iter().flatten().map(str::to_owned).collect();
    names.dedup();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, StringArray};

    use super::*;

    #[test]
    fn long_becomes_wide_with_gaps() {
        let batch = RecordBatch::try_from_iter([
            ("a", Arc::new(StringArray::from(vec!["y", "x", "x"])) as ArrayRef),
            ("b", Arc::new(StringArray::from(vec!["q", "q", "p"])) as ArrayRef),
            ("v", Arc::new(Float64Array::from(vec![Some(1.0), None, Some(3.0)])) as ArrayRef),
        ]);
        let matrix = matrix(&[batch.unwrap()], "a", "b", "v").unwrap();
        assert_eq!((matrix.rows, matrix.columns), (vec!["x".to_owned(), "y".into()], vec!["p".to_owned(), "q".into()]));
        assert_eq!(matrix.values, [[Some(3.0), None], [None, Some(1.0)]]);
    }
}
