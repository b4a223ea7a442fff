//! Merging the staged rows of one bucket into the rows it already has.
//!
//! Rules (DESIGN, default policies): an older `updated_at` never replaces a newer one; at equal times other content takes
//! the row being imported; nothing is removed. Where the files are the whole truth about their source, what they say stands even when
//! it is older, and what they do not hold is removed (see [`super::full`]).

use std::ops::AddAssign;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType, UInt32Type, UInt64Type};
use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};

use super::Table;
use super::full::Gone;
use super::stage::{BYTE, FILE, INDEX, StagedBucket, StagedTable, held_bytes, item_ids, text_column};
use crate::error::{Error, Result};

/// Rater ids that turned out to be other forms of one person, and the id they are stored under.
pub type Aliases = std::collections::BTreeMap<String, String>;

/// The rows of one bucket, sorted by item and annotation.
#[derive(Debug, Clone)]
pub struct BucketRows {
    pub items: RecordBatch,
    pub annotations: RecordBatch,
    pub results: RecordBatch,
}

impl BucketRows {
    pub fn table(&self, table: Table) -> Option<&RecordBatch> {
        match table {
            Table::Items => Some(&self.items),
            Table::Annotations => Some(&self.annotations),
            Table::Results => Some(&self.results),
            Table::Raters | Table::Rejects => None,
        }
    }

    /// What they take in memory, in bytes.
    pub fn memory(&self) -> u64 {
        [&self.items, &self.annotations, &self.results].into_iter().map(|batch| held_bytes(batch) as u64).sum()
    }
}

/// How rows of an import relate to what was there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Counts {
    pub new: u64,
    pub changed: u64,
    pub unchanged: u64,
    /// Rows that the files do not hold any more, where they are the whole truth.
    #[serde(default)]
    pub removed: u64,
}

impl Counts {
    /// Rows that are not as they were.
    fn differing(&self) -> u64 {
        self.new + self.changed + self.removed
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.removed += other.removed;
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeOutcome {
    pub items: Counts,
    pub annotations: Counts,
    pub predictions: Counts,
}

impl AddAssign for MergeOutcome {
    fn add_assign(&mut self, other: Self) {
        self.items += other.items;
        self.annotations += other.annotations;
        self.predictions += other.predictions;
    }
}

#[derive(Debug)]
pub struct Merged {
    pub outcome: MergeOutcome,
    /// None when the bucket stays as it is.
    pub rows: Option<BucketRows>,
}

/// What is the same for every bucket of an import.
#[derive(Debug, Default)]
pub struct MergeRules {
    pub aliases: Aliases,
    /// The imported files, for messages.
    pub files: Vec<String>,
    /// The source about which the files are the whole truth; none where they only add to what is known.
    pub whole_source: Option<String>,
}

/// A row of one of the two sources: 0 is what the bucket had, 1 is what the import brought.
type Pick = (usize, usize);

/// Merges `staged` into `old`.
pub fn merge_bucket(staged: &StagedBucket, old: Option<&BucketRows>, rules: &MergeRules) -> Result<Merged> {
    let aliases = &rules.aliases;
    let empty = BucketRows {
        items: RecordBatch::new_empty(Table::Items.schema()),
        annotations: RecordBatch::new_empty(Table::Annotations.schema()),
        results: RecordBatch::new_empty(Table::Results.schema()),
    };
    let old = old.unwrap_or(&empty);
    let gone = match &rules.whole_source {
        Some(source) => Gone::of(source, old, staged)?,
        None => Gone::default(),
    };
    let [new_items, new_annotations, new_results] =
        [&staged.items, &staged.annotations, &staged.results].map(|table| &table.keys);
    let items = pick_items(&old.items, new_items, &gone.items, rules)?;
    let annotations = pick_annotations([&old.annotations, new_annotations], new_items, &gone.annotations, rules)?;

    let outcome =
        MergeOutcome { items: items.counts, annotations: annotations.counts, predictions: annotations.predictions };
    let has_alias = |batch: &RecordBatch| -> Result<bool> {
        Ok(!aliases.is_empty() && text_column(batch, "rater_id")?.iter().flatten().any(|id| aliases.contains_key(id)))
    };
    if !items.differs && !annotations.differs && !has_alias(&old.annotations)? {
        return Ok(Merged { outcome, rows: None });
    }

    let order = sort_items([&old.items, new_items], &items.picks)?;
    let annotation_picks = sort_annotations([&old.annotations, new_annotations], &annotations.picks, &order.rank)?;
    let result_picks =
        follow_annotations([(&old.annotations, &old.results), (new_annotations, new_results)], &annotation_picks)?;
    let rows = BucketRows {
        items: take(Table::Items, &old.items, &staged.items, &order.picks, aliases)?,
        annotations: take(Table::Annotations, &old.annotations, &staged.annotations, &annotation_picks, aliases)?,
        results: take(Table::Results, &old.results, &staged.results, &result_picks, aliases)?,
    };
    Ok(Merged { outcome, rows: Some(rows) })
}

/// Puts the picked rows together: the only time that whole rows are copied.
fn take(table: Table, old: &RecordBatch, new: &StagedTable, picks: &[Pick], aliases: &Aliases) -> Result<RecordBatch> {
    let new_parts = new.parts.iter().map(|part| untagged(table, part)).collect::<Result<Vec<_>>>()?;
    let parts: Vec<&RecordBatch> = std::iter::once(old).chain(&new_parts).collect();
    let places: Vec<(usize, usize)> = picks
        .iter()
        .map(|&(source, row)| match source {
            0 => (0, row),
            _ => {
                let (part, row) = new.place(row);
                (part + 1, row)
            }
        })
        .collect();
    rename_raters(interleave_record_batch(&parts, &places).map_err(Error::internal)?, aliases)
}

#[derive(Debug, Default)]
struct Picked {
    picks: Vec<Pick>,
    counts: Counts,
    predictions: Counts,
    differs: bool,
}

impl Picked {
    fn counts_of(&mut self, kind: &str) -> &mut Counts {
        if kind == "prediction" { &mut self.predictions } else { &mut self.counts }
    }
}

/// What decides between two rows of one id.
struct Versioned<'a> {
    updated_at: &'a TimestampMicrosecondArray,
    content_hash: &'a Int64Array,
}

impl<'a> Versioned<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self> {
        Ok(Self {
            updated_at: typed::<TimestampMicrosecondType>(batch, "updated_at")?,
            content_hash: typed::<Int64Type>(batch, "content_hash")?,
        })
    }

    fn time(&self, row: usize) -> Option<i64> {
        self.updated_at.is_valid(row).then(|| self.updated_at.value(row))
    }
}

pub(super) fn typed<'a, T: arrow::datatypes::ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a arrow::array::PrimitiveArray<T>> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_primitive_opt::<T>())
        .ok_or_else(|| Error::internal(anyhow::anyhow!("column {name} is missing or not {}", T::DATA_TYPE)))
}

/// `Some(time)` beats no time; equal and unknown times let the newcomer win.
fn is_older(new: Option<i64>, present: Option<i64>) -> bool {
    matches!((new, present), (Some(new), Some(present)) if new < present)
}

fn pick_items(old: &RecordBatch, new: &RecordBatch, gone: &HashSet<usize>, rules: &MergeRules) -> Result<Picked> {
    let (old_ids, new_ids) = (item_ids(old)?, item_ids(new)?);
    let versions = [Versioned::of(old)?, Versioned::of(new)?];
    let file = typed::<UInt32Type>(new, FILE)?;
    let old_rows: HashMap<&str, usize> = (0..old.num_rows()).map(|row| (old_ids.value(row), row)).collect();
    let mut present = staying(&old_rows, gone);
    let mut last_seen: HashMap<&str, usize> = HashMap::with_capacity(new.num_rows());
    for row in by_file(file) {
        let id = new_ids.value(row);
        if let Some(&first) = last_seen.get(id)
            && file.value(first) == file.value(row)
        {
            return Err(repeated("task", id, first, row, new, &rules.files)?);
        }
        let overrules = last_seen.insert(id, row).is_none() && rules.whole_source.is_some();
        replace_if_newer(&mut present, id, row, old_rows.get(id).copied(), &versions, overrules, |_| false);
    }
    let mut picked = Picked::default();
    picked.counts.removed = gone.len() as u64;
    for id in last_seen.keys() {
        match (old_rows.get(id), present[id]) {
            (None, _) => picked.counts.new += 1,
            (Some(_), (1, _)) => picked.counts.changed += 1,
            (Some(_), _) => picked.counts.unchanged += 1,
        }
    }
    picked.differs = picked.counts.differing() > 0;
    picked.picks = present.into_values().collect();
    Ok(picked)
}

/// The old rows that are not gone.
fn staying<'a>(old_rows: &HashMap<&'a str, usize>, gone: &HashSet<usize>) -> HashMap<&'a str, Pick> {
    old_rows.iter().filter(|(_, row)| !gone.contains(*row)).map(|(&id, &row)| (id, (0, row))).collect()
}

/// Lets new row `row` stand for `id` unless it is older than, or says the same as, the row that stands there. One that overrules is
/// taken also when it is older.
fn replace_if_newer<'a>(
    present: &mut HashMap<&'a str, Pick>,
    id: &'a str,
    row: usize,
    old_row: Option<usize>,
    versions: &[Versioned<'_>; 2],
    overrules: bool,
    differs_otherwise: impl Fn(Pick) -> bool,
) {
    let Some(&standing) = present.get(id) else {
        present.insert(id, (1, row));
        return;
    };
    let (source, at) = standing;
    if !overrules && is_older(versions[1].time(row), versions[source].time(at)) {
        return;
    }
    let is_same = |(source, at): Pick| {
        versions[1].content_hash.value(row) == versions[source].content_hash.value(at)
            && versions[1].time(row) == versions[source].time(at)
            && !differs_otherwise((source, at))
    };
    if !is_same(standing) {
        // After another file's version this one may say again what was there.
        let stored = old_row.map(|at| (0, at)).filter(|old| is_same(*old));
        present.insert(id, stored.unwrap_or((1, row)));
    }
}

fn pick_annotations(
    sources: [&RecordBatch; 2],
    new_items: &RecordBatch,
    gone: &HashSet<usize>,
    rules: &MergeRules,
) -> Result<Picked> {
    let [old, new] = sources;
    let ids = [text_column(old, "annotation_id")?, text_column(new, "annotation_id")?];
    let raters = [text_column(old, "rater_id")?, text_column(new, "rater_id")?];
    let kinds = [text_column(old, "kind")?, text_column(new, "kind")?];
    let versions = [Versioned::of(old)?, Versioned::of(new)?];
    let file = typed::<UInt32Type>(new, FILE)?;
    let canonical = |id: &'_ str| -> String { rules.aliases.get(id).cloned().unwrap_or_else(|| id.to_owned()) };
    let old_rows: HashMap<&str, usize> = (0..old.num_rows()).map(|row| (ids[0].value(row), row)).collect();
    let mut present = staying(&old_rows, gone);
    let mut last_seen: HashMap<&str, usize> = HashMap::with_capacity(new.num_rows());
    for row in by_file(file) {
        let id = ids[1].value(row);
        if let Some(&first) = last_seen.get(id)
            && file.value(first) == file.value(row)
        {
            let items = text_column(new, "item_id")?;
            let of = |annotation: usize| first_item_row(new_items, items.value(annotation), file.value(annotation));
            return Err(repeated("annotation", id, of(first)?, of(row)?, new_items, &rules.files)?);
        }
        let overrules = last_seen.insert(id, row).is_none() && rules.whole_source.is_some();
        // An export made after a user was deleted no longer knows who annotated: what an earlier one knew is kept.
        let other_rater = |(source, at): Pick| {
            let rater = raters[1].value(row);
            !rater.contains("/deleted-user/") && canonical(rater) != canonical(raters[source].value(at))
        };
        replace_if_newer(&mut present, id, row, old_rows.get(id).copied(), &versions, overrules, other_rater);
    }
    let mut picked = Picked::default();
    for (id, &row) in &last_seen {
        let counts = picked.counts_of(kinds[1].value(row));
        match (old_rows.contains_key(id), present[id]) {
            (false, _) => counts.new += 1,
            (true, (1, _)) => counts.changed += 1,
            (true, _) => counts.unchanged += 1,
        }
    }
    for &row in gone {
        picked.counts_of(kinds[0].value(row)).removed += 1;
    }
    picked.differs = picked.counts.differing() + picked.predictions.differing() > 0;
    picked.picks = present.into_values().collect();
    Ok(picked)
}

/// Rows in the order of the imported files. Chunks of two files can be staged in either order.
fn by_file(file: &UInt32Array) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..file.len()).collect();
    rows.sort_by_key(|&row| file.value(row));
    rows
}

fn first_item_row(items: &RecordBatch, id: &str, file: u32) -> Result<usize> {
    let (ids, files) = (item_ids(items)?, typed::<UInt32Type>(items, FILE)?);
    Ok((0..items.num_rows()).find(|&row| ids.value(row) == id && files.value(row) == file).unwrap_or_default())
}

fn repeated(what: &str, id: &str, first: usize, second: usize, items: &RecordBatch, files: &[String]) -> Result<Error> {
    let file = typed::<UInt32Type>(items, FILE)?.value(second) as usize;
    let (index, byte) = (typed::<UInt64Type>(items, INDEX)?, typed::<UInt64Type>(items, BYTE)?);
    let native = id.rsplit('/').next().unwrap_or(id);
    let name = files.get(file).map_or("the file", String::as_str);
    let (first, second) = if index.value(first) <= index.value(second) { (first, second) } else { (second, first) };
    let at = |row: usize| format!("task {} (byte {})", index.value(row) + 1, byte.value(row));
    Ok(Error::invalid(format!(
        "{name}: {what} id {native} appears twice, in {} and in {}; ids must be unique within one export: \
         export the project again, or give the exports as separate files (the later file wins where both have a task)",
        at(first),
        at(second)
    )))
}

struct ItemOrder {
    picks: Vec<Pick>,
    /// For each source and row: the item's place in the sorted bucket.
    rank: HashMap<String, u32>,
}

fn sort_items(sources: [&RecordBatch; 2], picks: &[Pick]) -> Result<ItemOrder> {
    let ids = [item_ids(sources[0])?, item_ids(sources[1])?];
    let mut picks = picks.to_vec();
    picks.sort_unstable_by_key(|&(source, row)| ids[source].value(row));
    let rank = (0u32..).zip(&picks).map(|(rank, &(source, row))| (ids[source].value(row).to_owned(), rank)).collect();
    Ok(ItemOrder { picks, rank })
}

fn sort_annotations(sources: [&RecordBatch; 2], picks: &[Pick], rank: &HashMap<String, u32>) -> Result<Vec<Pick>> {
    let items = [item_ids(sources[0])?, item_ids(sources[1])?];
    let ids = [text_column(sources[0], "annotation_id")?, text_column(sources[1], "annotation_id")?];
    let mut keyed = Vec::with_capacity(picks.len());
    for &(source, row) in picks {
        let item = items[source].value(row);
        let rank =
            rank.get(item).ok_or_else(|| Error::internal(anyhow::anyhow!("annotation of unknown item {item}")))?;
        keyed.push((*rank, ids[source].value(row), (source, row)));
    }
    keyed.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
    Ok(keyed.into_iter().map(|(_, _, pick)| pick).collect())
}

/// The result rows of the picked annotations, in their order. In both sources results follow the order of annotations.
fn follow_annotations(sources: [(&RecordBatch, &RecordBatch); 2], annotations: &[Pick]) -> Result<Vec<Pick>> {
    let mut ranges = Vec::with_capacity(2);
    for (annotations, results) in sources {
        ranges.push(result_ranges(annotations, results)?);
    }
    let mut picks = Vec::with_capacity(sources[0].1.num_rows() + sources[1].1.num_rows());
    for &(source, row) in annotations {
        let (start, end) = ranges[source][row];
        picks.extend((start..end).map(|result| (source, result as usize)));
    }
    Ok(picks)
}

fn result_ranges(annotations: &RecordBatch, results: &RecordBatch) -> Result<Vec<(u32, u32)>> {
    let (ids, owners) = (text_column(annotations, "annotation_id")?, text_column(results, "annotation_id")?);
    // Two imported files may both hold an annotation: their results follow each other.
    let file_of = |batch: &RecordBatch| -> Vec<u32> {
        let files = batch.column_by_name(FILE).and_then(|column| column.as_primitive_opt::<UInt32Type>());
        files.map_or_else(|| vec![0; batch.num_rows()], |files| files.values().to_vec())
    };
    let (files, owner_files) = (file_of(annotations), file_of(results));
    let mut next = 0;
    let ranges: Vec<(u32, u32)> = (0..annotations.num_rows())
        .map(|row| {
            let start = next;
            while next < results.num_rows() && owners.value(next) == ids.value(row) && owner_files[next] == files[row] {
                next += 1;
            }
            (start as u32, next as u32)
        })
        .collect();
    if next != results.num_rows() {
        let owner = owners.value(next);
        return Err(Error::internal(anyhow::anyhow!("results of {owner} do not follow the order of the annotations")));
    }
    Ok(ranges)
}

fn untagged(table: Table, batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = table.schema();
    let columns = batch.columns()[..schema.fields().len()].to_vec();
    RecordBatch::try_new(schema, columns).map_err(Error::internal)
}

fn rename_raters(batch: RecordBatch, aliases: &Aliases) -> Result<RecordBatch> {
    let Some((at, _)) = batch.schema().column_with_name("rater_id").filter(|_| !aliases.is_empty()) else {
        return Ok(batch);
    };
    let ids = text_column(&batch, "rater_id")?;
    let renamed: StringArray = ids.iter().map(|id| id.map(|id| aliases.get(id).map_or(id, String::as_str))).collect();
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    columns[at] = Arc::new(renamed);
    RecordBatch::try_new(batch.schema(), columns).map_err(Error::internal)
}
