//! The merge of one bucket of the project as it was, from the bytes of its old files to the bytes of its new ones. Where the project's
//! buckets grow, its rows and what was staged for them become several buckets.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use crate::error::{Error, Result};
use crate::jobs::read::ReadOutcome;
use crate::lake::{
    BucketRows, DataFile, Encoded, MergeOutcome, MergeRules, Table, buckets_over, encode, merge_bucket, read_bucket,
    split_rows,
};

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
    /// Bytes in memory.
    pub(super) memory: u64,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.items += other.items;
        self.annotations += other.annotations;
        self.predictions += other.predictions;
        self.results += other.results;
        self.memory += other.memory;
    }
}

/// What becomes of the files of a bucket.
pub(super) enum Files {
    /// They stay.
    Kept,
    /// No row differs: they would be split, but that waits for a difference elsewhere, since an import that brings nothing changes nothing.
    Waiting,
    /// These take their place; none where no row is left.
    New(Vec<(u32, Table, Encoded)>),
}

/// What the merges of all buckets have in common.
pub(super) struct Work {
    pub(super) read: Arc<ReadOutcome>,
    pub(super) rules: MergeRules,
    /// The number of buckets that the project has.
    pub(super) from: u32,
    /// The number that it will have: `from`, or more.
    pub(super) to: u32,
    /// Set once a row is known to differ.
    pub(super) differs: AtomicBool,
}

impl Work {
    pub(super) fn grows(&self) -> bool {
        self.from != self.to
    }

    /// Merges what was staged into bucket `bucket` out of `from`.
    pub(super) fn run(&self, bucket: u32, old: &BTreeMap<Table, bytes::Bytes>) -> Result<(BucketChange, Files)> {
        let old = if old.is_empty() { None } else { Some(read_bucket(old)?) };
        let mut change = BucketChange::default();
        if let Some(old) = &old {
            change.before = totals(old)?;
        }
        let mut children = match old {
            None => BTreeMap::new(),
            Some(rows) if self.grows() => split_rows(&rows, self.to)?,
            Some(rows) => BTreeMap::from([(bucket, rows)]),
        };
        let mut differs = false;
        let mut merged_rows = Vec::new();
        for child in buckets_over(bucket, self.from, self.to) {
            let (old, staged) = (children.remove(&child), self.read.spill.load(child, self.to)?);
            let merged = merge_bucket(&staged, old.as_ref(), &self.rules)?;
            change.outcome += merged.outcome;
            differs |= merged.rows.is_some();
            merged_rows.extend(merged.rows.or(old).map(|rows| (child, rows)));
        }
        if differs {
            self.differs.store(true, Ordering::Relaxed);
        } else if !self.grows() || !self.differs.load(Ordering::Relaxed) {
            change.after = change.before;
            return Ok((change, if self.grows() { Files::Waiting } else { Files::Kept }));
        }
        let mut files = Vec::new();
        for (child, rows) in merged_rows {
            change.after += totals(&rows)?;
            for table in Table::BUCKETED {
                if let Some(batch) = rows.table(table).filter(|batch| batch.num_rows() > 0) {
                    files.push((child, table, encode(table, batch)?));
                }
            }
        }
        Ok((change, Files::New(files)))
    }
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
        memory: rows.memory(),
    })
}
