//! What differs between two snapshots of a project, row by row.
//!
//! A file that both snapshots hold is the same rows: only buckets whose files differ are read, so a comparison costs what changed. It
//! goes bucket by bucket, of the smaller of the two numbers of buckets; within one, entries are in the order of their items.

mod render;
mod results;
mod values;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, StringArray};
use futures::stream::{self, Stream, StreamExt};
use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::tidy;
use super::views::{DiffCounts, DiffEntry, DiffReport, Page, RowChange, RowKind};
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::{BucketRows, DataFile, Table, join_rows, read_bucket};
use crate::store::{Project, Snapshot};
pub use render::render_diff;
use results::result_changes;
use values::field_changes;

/// A page ends after so many buckets were read, also when it is not full: an answer must not take for ever.
const MOST_BUCKETS_READ: usize = 32;
/// Columns that only say what other columns, or the row's id, say.
const ITEM_KEYS: [&str; 2] = ["item_id", "content_hash"];
const ANNOTATION_KEYS: [&str; 3] = ["annotation_id", "item_id", "content_hash"];

/// Two snapshots of one project, ready to be compared.
#[derive(Debug)]
struct Comparison {
    old: BTreeMap<u32, Vec<DataFile>>,
    new: BTreeMap<u32, Vec<DataFile>>,
    /// The smaller number of buckets: each of these is one bucket of one snapshot, and one or several of the other.
    buckets: u32,
}

impl Comparison {
    async fn new(app: &App, project: &Project, from: &Snapshot, to: &Snapshot) -> Result<Self> {
        let buckets = u32::try_from(from.buckets.min(to.buckets)).map_err(Error::internal)?;
        let by_bucket = async |snapshot: &Snapshot| -> Result<BTreeMap<u32, Vec<DataFile>>> {
            let mut found: BTreeMap<u32, Vec<DataFile>> = BTreeMap::new();
            for file in app.data_files(&project.id, snapshot.number).await? {
                if Table::BUCKETED.contains(&file.table) {
                    found.entry(file.bucket % buckets).or_default().push(file);
                }
            }
            Ok(found)
        };
        Ok(Self { old: by_bucket(from).await?, new: by_bucket(to).await?, buckets })
    }

    fn differs(&self, bucket: u32) -> bool {
        let ids = |side: &BTreeMap<u32, Vec<DataFile>>| -> BTreeSet<String> {
            side.get(&bucket).into_iter().flatten().map(|file| file.id.clone()).collect()
        };
        ids(&self.old) != ids(&self.new)
    }

    /// The entries of a bucket, in order.
    async fn bucket(&self, app: &App, bucket: u32) -> Result<Vec<DiffEntry>> {
        let (old, new) = (rows(app, self.old.get(&bucket)).await?, rows(app, self.new.get(&bucket)).await?);
        tokio::task::spawn_blocking(move || compare(&old, &new)).await.map_err(Error::internal)?
    }

    /// Of the buckets from `first` on those that differ.
    fn differing(&self, first: u32) -> impl Iterator<Item = u32> {
        (first..self.buckets).filter(|&bucket| self.differs(bucket))
    }
}

async fn rows(app: &App, files: Option<&Vec<DataFile>>) -> Result<BucketRows> {
    let mut bytes: BTreeMap<u32, BTreeMap<Table, bytes::Bytes>> = BTreeMap::new();
    for file in files.into_iter().flatten() {
        bytes.entry(file.bucket).or_default().insert(file.table, app.lake.get_data(file).await?);
    }
    let read = move || {
        let mut parts = bytes.values().map(read_bucket).collect::<Result<Vec<_>>>()?;
        match parts.len() {
            1 => Ok(parts.remove(0)),
            _ => join_rows(&parts),
        }
    };
    tokio::task::spawn_blocking(read).await.map_err(Error::internal)?
}

/// The place of an entry in the order of all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Place(u32, String, RowKind, String);

impl Place {
    fn of(bucket: u32, entry: &DiffEntry) -> Self {
        Self(bucket, entry.item_id.clone(), entry.kind, entry.id.clone())
    }

    /// Before every entry of a bucket.
    fn before(bucket: u32) -> Self {
        Self(bucket, String::new(), RowKind::Item, String::new())
    }
}

/// The entries after the place `after`, at most `limit` of them; `next_cursor` is the place where the next page begins. A page can hold
/// fewer although more follow.
pub async fn diff_page(
    app: &App,
    project: &Project,
    (from, to): (&Snapshot, &Snapshot),
    after: Option<&str>,
    limit: usize,
) -> Result<Page<DiffEntry>> {
    let comparison = Comparison::new(app, project, from, to).await?;
    let damaged = |_| Error::invalid("the cursor is not one that this list gave out; start again without a cursor");
    let after: Option<Place> = after.map(serde_json::from_str).transpose().map_err(damaged)?;
    let first = after.as_ref().map_or(0, |place| place.0);
    let mut page = Page { items: Vec::new(), next_cursor: None };
    for (read, bucket) in comparison.differing(first).enumerate() {
        if read == MOST_BUCKETS_READ {
            page.next_cursor = Some(written(&Place::before(bucket))?);
            return Ok(page);
        }
        for entry in comparison.bucket(app, bucket).await? {
            let place = Place::of(bucket, &entry);
            if after.as_ref().is_some_and(|after| place <= *after) {
                continue;
            }
            if page.items.len() == limit {
                let last = page.items.last().map(|last| last_place(last, comparison.buckets));
                page.next_cursor = last.map(|last| written(&last)).transpose()?;
                return Ok(page);
            }
            page.items.push(entry);
        }
    }
    Ok(page)
}

fn last_place(entry: &DiffEntry, buckets: u32) -> Place {
    Place::of(crate::lake::bucket_of(&entry.item_id, buckets), entry)
}

fn written(place: &Place) -> Result<String> {
    serde_json::to_string(place).map_err(Error::internal)
}

/// The whole comparison: every entry counted, the first `limit` of them told.
pub async fn diff_report(
    app: &App,
    project: &Project,
    (from, to): (&Snapshot, &Snapshot),
    limit: usize,
) -> Result<DiffReport> {
    let comparison = Comparison::new(app, project, from, to).await?;
    let mut counts = DiffCounts::default();
    let mut entries = Vec::new();
    let mut more = false;
    for bucket in comparison.differing(0) {
        for entry in comparison.bucket(app, bucket).await? {
            counts.count(&entry);
            if entries.len() < limit {
                entries.push(entry);
            } else {
                more = true;
            }
        }
    }
    Ok(DiffReport { project: project.name.clone(), from: from.number, to: to.number, counts, entries, more })
}

/// Every entry as rows of a table, bucket by bucket: only what one bucket holds is in memory.
pub async fn diff_table(
    app: Arc<App>,
    project: &Project,
    (from, to): (&Snapshot, &Snapshot),
) -> Result<impl Stream<Item = Result<RecordBatch>> + Send + use<>> {
    let comparison = Arc::new(Comparison::new(&app, project, from, to).await?);
    let buckets: Vec<u32> = comparison.differing(0).collect();
    Ok(stream::iter(buckets).then(move |bucket| {
        let (app, comparison) = (app.clone(), comparison.clone());
        async move { tidy::differences(&comparison.bucket(&app, bucket).await?) }
    }))
}

fn compare(old: &BucketRows, new: &BucketRows) -> Result<Vec<DiffEntry>> {
    let mut entries = compare_items(&old.items, &new.items)?;
    entries.extend(compare_annotations(old, new)?);
    entries.sort_by(|a, b| (&a.item_id, a.kind, &a.id).cmp(&(&b.item_id, b.kind, &b.id)));
    Ok(entries)
}

/// An id with its row in the old and in the new rows.
type Pair<'a> = (&'a str, Option<usize>, Option<usize>);

fn pairs<'a>(old: &'a StringArray, new: &'a StringArray) -> Vec<Pair<'a>> {
    let mut rows: HashMap<&str, (Option<usize>, Option<usize>)> = HashMap::new();
    for (row, id) in old.iter().enumerate() {
        rows.entry(id.unwrap_or_default()).or_default().0 = Some(row);
    }
    for (row, id) in new.iter().enumerate() {
        rows.entry(id.unwrap_or_default()).or_default().1 = Some(row);
    }
    rows.into_iter().map(|(id, (old, new))| (id, old, new)).collect()
}

fn compare_items(old: &RecordBatch, new: &RecordBatch) -> Result<Vec<DiffEntry>> {
    let mut entries = Vec::new();
    for (id, old_row, new_row) in pairs(Columns(old).text("item_id")?, Columns(new).text("item_id")?) {
        let (change, fields) = match (old_row, new_row) {
            (Some(old_row), Some(new_row)) => {
                (RowChange::Changed, field_changes((old, old_row), (new, new_row), &ITEM_KEYS)?)
            }
            (None, _) => (RowChange::Added, Vec::new()),
            (_, None) => (RowChange::Removed, Vec::new()),
        };
        if change != RowChange::Changed || !fields.is_empty() {
            let (kind, results) = (RowKind::Item, Vec::new());
            entries.push(DiffEntry { kind, change, id: id.to_owned(), item_id: id.to_owned(), fields, results });
        }
    }
    Ok(entries)
}

/// The columns of annotations that an entry is named by.
struct Named<'a> {
    items: &'a StringArray,
    kinds: &'a StringArray,
    drafts: &'a BooleanArray,
}

impl<'a> Named<'a> {
    fn of(annotations: &'a RecordBatch) -> Result<Self> {
        let columns = Columns(annotations);
        Ok(Self { items: columns.text("item_id")?, kinds: columns.text("kind")?, drafts: columns.bool("draft")? })
    }

    fn kind(&self, row: usize) -> RowKind {
        match (self.kinds.value(row), self.drafts.value(row)) {
            ("prediction", _) => RowKind::Prediction,
            (_, true) => RowKind::Draft,
            _ => RowKind::Annotation,
        }
    }
}

fn compare_annotations(old: &BucketRows, new: &BucketRows) -> Result<Vec<DiffEntry>> {
    let (old_named, new_named) = (Named::of(&old.annotations)?, Named::of(&new.annotations)?);
    let hash = |rows: &BucketRows, row: usize| -> Result<i64> {
        Ok(Columns(&rows.annotations).number::<arrow::datatypes::Int64Type>("content_hash")?.value(row))
    };
    let (old_results, new_results) = (of_annotations(&old.results)?, of_annotations(&new.results)?);
    let ids = (Columns(&old.annotations).text("annotation_id")?, Columns(&new.annotations).text("annotation_id")?);
    let mut entries = Vec::new();
    for (id, old_row, new_row) in pairs(ids.0, ids.1) {
        let (mut fields, mut results) = (Vec::new(), Vec::new());
        let change = match (old_row, new_row) {
            (Some(old_row), Some(new_row)) => {
                fields = field_changes((&old.annotations, old_row), (&new.annotations, new_row), &ANNOTATION_KEYS)?;
                // The hash covers the results.
                if hash(old, old_row)? != hash(new, new_row)? {
                    let rows = |of: &HashMap<&str, Range<usize>>| of.get(id).cloned().unwrap_or_default();
                    let (old_rows, new_rows) = (rows(&old_results), rows(&new_results));
                    results = result_changes((&old.results, old_rows), (&new.results, new_rows))?;
                }
                if fields.is_empty() && results.is_empty() {
                    continue;
                }
                RowChange::Changed
            }
            (None, _) => RowChange::Added,
            (_, None) => RowChange::Removed,
        };
        let (named, row) = match new_row {
            Some(row) => (&new_named, row),
            None => (&old_named, old_row.unwrap_or_default()),
        };
        let (kind, item_id) = (named.kind(row), named.items.value(row).to_owned());
        entries.push(DiffEntry { kind, change, id: id.to_owned(), item_id, fields, results });
    }
    Ok(entries)
}

/// The rows of each annotation's results: they lie together.
fn of_annotations(results: &RecordBatch) -> Result<HashMap<&str, Range<usize>>> {
    let owners = Columns(results).text("annotation_id")?;
    let mut ranges: HashMap<&str, Range<usize>> = HashMap::new();
    for (row, owner) in owners.iter().enumerate() {
        ranges.entry(owner.unwrap_or_default()).or_insert(row..row).end = row + 1;
    }
    Ok(ranges)
}
