//! The merge of one bucket, from the bytes of its old files to the bytes of its new ones.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use crate::error::{Error, Result};
use crate::lake::{BucketRows, DataFile, Encoded, MergeOutcome, MergeRules, Table, encode, merge_bucket, read_rows};

/// What a bucket's merge did to the project's totals.
#[derive(Debug, Default)]
pub(super) struct BucketChange {
    pub(super) outcome: MergeOutcome,
    pub(super) added: Vec<DataFile>,
    pub(super) removed: Vec<String>,
    pub(super) before: Totals,
    pub(super) after: Totals,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Totals {
    pub(super) items: u64,
    pub(super) annotations: u64,
    pub(super) predictions: u64,
    pub(super) results: u64,
}

pub(super) type EncodedTables = Vec<(Table, Encoded)>;

/// Merges staged rows into the bucket's files. No tables come of a bucket that stays as it is, and none with rows of one that is emptied.
pub(super) fn merge_and_encode(
    staged: [RecordBatch; 3],
    old_bytes: BTreeMap<Table, bytes::Bytes>,
    rules: &MergeRules,
) -> Result<(BucketChange, Option<EncodedTables>)> {
    let old = match old_bytes.is_empty() {
        true => None,
        false => {
            let table = |table: Table| match old_bytes.get(&table) {
                Some(bytes) => read_rows(table, bytes.clone()),
                None => Ok(RecordBatch::new_empty(table.schema())),
            };
            Some(BucketRows {
                items: table(Table::Items)?,
                annotations: table(Table::Annotations)?,
                results: table(Table::Results)?,
            })
        }
    };
    let merged = merge_bucket(&staged, old.as_ref(), rules)?;
    let before = old.as_ref().map(totals).transpose()?.unwrap_or_default();
    let Some(rows) = merged.rows else {
        return Ok((BucketChange { outcome: merged.outcome, before, after: before, ..BucketChange::default() }, None));
    };
    let after = totals(&rows)?;
    drop((staged, old));
    let mut encoded = Vec::with_capacity(3);
    for table in Table::BUCKETED {
        if let Some(batch) = rows.table(table).filter(|batch| batch.num_rows() > 0) {
            encoded.push((table, encode(table, batch)?));
        }
    }
    Ok((BucketChange { outcome: merged.outcome, before, after, ..BucketChange::default() }, Some(encoded)))
}

fn totals(rows: &BucketRows) -> Result<Totals> {
    let missing = || Error::internal(anyhow::anyhow!("annotations lack kind or result_count"));
    let kinds = rows.annotations.column_by_name("kind").and_then(|c| c.as_string_opt::<i32>()).ok_or_else(missing)?;
    let results = rows
        .annotations
        .column_by_name("result_count")
        .and_then(|c| c.as_primitive_opt::<Int64Type>())
        .ok_or_else(missing)?;
    let predictions = kinds.iter().flatten().filter(|kind| *kind == "prediction").count() as u64;
    Ok(Totals {
        items: rows.items.num_rows() as u64,
        annotations: rows.annotations.num_rows() as u64 - predictions,
        predictions,
        results: u64::try_from(arrow::compute::sum(results).unwrap_or_default()).map_err(Error::internal)?,
    })
}
