//! Moving rows from one number of buckets to another. Both are powers of two, so that a bucket of the smaller number is exactly several
//! buckets of the larger one: its children.
//!
//! Growing, every bucket `b` of `P` becomes the children `b`, `b + P`, `b + 2 P` … of `T` ([`split_rows`]). Shrinking, the bucket `b` of `T` is
//! made of `b`, `b + T`, `b + 2 T` … of `P` ([`join_rows`]). Rows do not change, and stay sorted by item.

use std::collections::BTreeMap;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, interleave_record_batch};

use super::merge::BucketRows;
use super::stage::item_ids;
use super::{Table, bucket_of};
use crate::error::{Error, Result};

/// The numbers of the buckets out of `to` that hold the rows which bucket `bucket` out of `from` holds: one, or its children.
pub fn buckets_over(bucket: u32, from: u32, to: u32) -> impl Iterator<Item = u32> {
    let first = if to < from { bucket % to } else { bucket };
    (first..to).step_by(from.min(to) as usize).take((to / from).max(1) as usize)
}

/// The rows that lie in bucket `bucket` out of `buckets`, in their order. The batch may be of any table with an `item_id`.
pub fn rows_of_bucket(batch: &RecordBatch, bucket: u32, buckets: u32) -> Result<RecordBatch> {
    let ids = item_ids(batch)?;
    let wanted: BooleanArray =
        ids.iter().map(|id| Some(bucket_of(id.unwrap_or_default(), buckets) == bucket)).collect();
    filter_record_batch(batch, &wanted).map_err(Error::internal)
}

/// Splits rows among `buckets` buckets: each bucket that gets any, with its rows in their order.
pub fn split_rows(rows: &BucketRows, buckets: u32) -> Result<BTreeMap<u32, BucketRows>> {
    let of_items: std::collections::BTreeSet<u32> =
        item_ids(&rows.items)?.iter().flatten().map(|id| bucket_of(id, buckets)).collect();
    let child = |bucket: u32| -> Result<(u32, BucketRows)> {
        let rows = BucketRows {
            items: rows_of_bucket(&rows.items, bucket, buckets)?,
            annotations: rows_of_bucket(&rows.annotations, bucket, buckets)?,
            results: rows_of_bucket(&rows.results, bucket, buckets)?,
        };
        Ok((bucket, rows))
    };
    of_items.into_iter().map(child).collect()
}

/// Joins the rows of several buckets to one bucket, sorted by item.
pub fn join_rows(parts: &[BucketRows]) -> Result<BucketRows> {
    let join = |table: Table, of: fn(&BucketRows) -> &RecordBatch| -> Result<RecordBatch> {
        let batches: Vec<&RecordBatch> = parts.iter().map(of).collect();
        if batches.is_empty() {
            return Ok(RecordBatch::new_empty(table.schema()));
        }
        let ids = batches.iter().map(|batch| item_ids(batch)).collect::<Result<Vec<_>>>()?;
        let mut order: Vec<(usize, usize)> =
            (0..).zip(&batches).flat_map(|(part, batch)| (0..batch.num_rows()).map(move |row| (part, row))).collect();
        // Stable: all rows of an item are in one part, and keep their order.
        order.sort_by_key(|&(part, row)| ids[part].value(row));
        interleave_record_batch(&batches, &order).map_err(Error::internal)
    };
    Ok(BucketRows {
        items: join(Table::Items, |rows| &rows.items)?,
        annotations: join(Table::Annotations, |rows| &rows.annotations)?,
        results: join(Table::Results, |rows| &rows.results)?,
    })
}

#[cfg(test)]
mod tests {
    use assay_formats::label_studio::{ParseOptions, SplitOptions, Splitter, parse_chunk};
    use serde_json::json;

    use super::*;

    /// Items with two annotations of two results each, sorted as in a file of the lake.
    fn rows(items: u32) -> BucketRows {
        let mut ids: Vec<u32> = (0..items).collect();
        ids.sort_by_key(u32::to_string);
        let result = |id: &str| json!({ "id": id, "from_name": "c", "to_name": "t", "type": "choices", "value": { "choices": [id] } });
        let annotation = |id: u32| json!({ "id": id, "completed_by": 1, "result": [result("x"), result("y")] });
        let task =
            |&id: &u32| json!({ "id": id, "data": {}, "annotations": [annotation(10 * id), annotation(10 * id + 1)] });
        let export = serde_json::Value::from(ids.iter().map(task).collect::<Vec<_>>()).to_string();
        let chunk = Splitter::new(export.as_bytes(), SplitOptions::new("export")).next_chunk().unwrap().unwrap();
        let options = ParseOptions { source: "p".to_owned(), file: "export".to_owned() };
        let parsed = parse_chunk(&chunk, &options).unwrap();
        BucketRows { items: parsed.items, annotations: parsed.annotations, results: parsed.results }
    }

    #[test]
    fn what_is_split_and_joined_again_is_as_it_was() {
        let whole = rows(100);
        let children = split_rows(&whole, 8).unwrap();
        assert!(children.keys().copied().eq(0..8));
        for (&bucket, child) in &children {
            for id in item_ids(&child.results).unwrap().iter().flatten() {
                assert_eq!(bucket_of(id, 8), bucket);
            }
        }
        let parts: Vec<BucketRows> = children.into_values().collect();
        let joined = join_rows(&parts).unwrap();
        assert_eq!(joined.items, whole.items);
        assert_eq!(joined.annotations, whole.annotations);
        assert_eq!(joined.results, whole.results);
        assert_eq!(join_rows(&[]).unwrap().items.num_rows(), 0);
    }

    #[test]
    fn children_and_parents_are_found_by_number() {
        let over = |bucket, from, to| buckets_over(bucket, from, to).collect::<Vec<_>>();
        assert_eq!(over(1, 2, 8), [1, 3, 5, 7]);
        assert_eq!(over(5, 8, 2), [1]);
        assert_eq!(over(5, 8, 8), [5]);
        assert_eq!(over(0, 1, 4), [0, 1, 2, 3]);
        for n in 0..200 {
            let id = format!("p/task/{n}");
            for (from, to) in [(1, 8), (2, 8), (8, 2), (4, 4)] {
                assert!(over(bucket_of(&id, from), from, to).contains(&bucket_of(&id, to)));
            }
        }
    }
}
