//! The tables that are one file each: raters and rejects.

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};

use super::RejectView;
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::{DataFile, Table, read_rows};

/// At most so many rejects are repeated in a summary; all of them are in the `rejects` table.
const REJECTS_SHOWN: usize = 100;

/// A table that is one file; empty when the snapshot has none.
pub(super) async fn read_single(app: &App, files: &[DataFile], table: Table) -> Result<RecordBatch> {
    match files.iter().find(|file| file.table == table) {
        Some(file) => read_rows(table, app.lake.get_data(file).await?),
        None => Ok(RecordBatch::new_empty(table.schema())),
    }
}

/// The rejects with the new ones added; None when all of them are known, as when a file is imported again.
pub(super) fn add_rejects(old: &RecordBatch, new: &[RecordBatch]) -> Result<Option<RecordBatch>> {
    let schema = Table::Rejects.schema();
    let new = concat_batches(&schema, new).map_err(Error::internal)?;
    let key = |batch: &RecordBatch, row: usize| -> Vec<Option<String>> {
        let text = |column: &dyn Array| {
            column.as_string_opt::<i32>().filter(|c| c.is_valid(row)).map(|c| c.value(row).to_owned())
        };
        batch.columns().iter().map(|column| text(column.as_ref())).collect()
    };
    let known: std::collections::HashSet<_> = (0..old.num_rows()).map(|row| key(old, row)).collect();
    let fresh: BooleanArray = (0..new.num_rows()).map(|row| Some(!known.contains(&key(&new, row)))).collect();
    let fresh = filter_record_batch(&new, &fresh).map_err(Error::internal)?;
    if fresh.num_rows() == 0 {
        return Ok(None);
    }
    concat_batches(&schema, [old, &fresh]).map(Some).map_err(Error::internal)
}

pub(super) fn show_rejects(batches: &[RecordBatch]) -> Vec<RejectView> {
    let text = |batch: &RecordBatch, name: &str, row: usize| -> String {
        let column = batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
        column.map_or_else(String::new, |c| c.value(row).to_owned())
    };
    let rows = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
    rows.take(REJECTS_SHOWN)
        .map(|(batch, row)| RejectView {
            file: text(batch, "file", row),
            position: text(batch, "position", row),
            reason: text(batch, "reason", row),
        })
        .collect()
}
