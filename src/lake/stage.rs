//! Rows of an import on their way to their buckets: held in memory as they were parsed up to a budget, then split by bucket and spilled to
//! one local file.
//!
//! An import of any size needs memory for one flush and for the buckets being merged, never for the whole input.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt8Array, UInt32Array, UInt64Array};
use arrow::buffer::{Buffer, MutableBuffer};
use arrow::compute::{concat_batches, interleave_record_batch, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use assay_formats::label_studio::Parsed;

use super::rebucket::{buckets_over, rows_of_bucket};
use super::{Table, bucket_of};
use crate::error::{Error, Result};

/// Columns that staged rows carry beyond the schema: which file they came from and where in it they stood.
pub(super) const FILE: &str = "_file";
pub(super) const INDEX: &str = "_index";
pub(super) const BYTE: &str = "_byte";
/// Lists of the item's task that do not tell everything, as [`assay_formats::label_studio::Parsed::incomplete`] has them.
pub(super) const INCOMPLETE: &str = "_incomplete";

/// A column of a bucket longer than this would not fit the 32-bit offsets of Arrow strings.
const MAX_BUCKET_BYTES: usize = 1_900 << 20;

/// The rows of one parsed chunk, in the order of the file.
#[derive(Debug, Clone)]
pub struct Staged {
    items: RecordBatch,
    annotations: RecordBatch,
    results: RecordBatch,
}

impl Staged {
    /// Tags the rows of a chunk with their file and, for items, with where the task stood and which of its lists do not tell everything.
    pub fn new(file: u32, parsed: Parsed) -> Result<Self> {
        let Parsed { items, annotations, results, positions, incomplete, .. } = parsed;
        let index = UInt64Array::from_iter_values(positions.iter().map(|p| p.0));
        let byte = UInt64Array::from_iter_values(positions.iter().map(|p| p.1));
        let tag = |rows| Arc::new(UInt32Array::from_value(file, rows)) as ArrayRef;
        let mut item_columns = items.columns().to_vec();
        let file_tag = tag(items.num_rows());
        item_columns.extend([
            file_tag,
            Arc::new(index) as _,
            Arc::new(byte) as _,
            Arc::new(UInt8Array::from(incomplete)) as _,
        ]);
        let tagged = |table: Table, batch: RecordBatch| {
            let mut columns = batch.columns().to_vec();
            columns.push(tag(batch.num_rows()));
            RecordBatch::try_new(staged_schema(table), columns).map_err(Error::internal)
        };
        Ok(Self {
            items: RecordBatch::try_new(staged_schema(Table::Items), item_columns).map_err(Error::internal)?,
            annotations: tagged(Table::Annotations, annotations)?,
            results: tagged(Table::Results, results)?,
        })
    }

    fn batch(&self, table: usize) -> &RecordBatch {
        [&self.items, &self.annotations, &self.results][table]
    }

    fn bytes(&self) -> usize {
        (0..3).map(|table| held_bytes(self.batch(table))).sum()
    }
}

fn staged_schema(table: Table) -> SchemaRef {
    let mut fields = table.schema().fields().to_vec();
    match table {
        Table::Items => fields.extend([
            Arc::new(Field::new(FILE, DataType::UInt32, false)),
            Arc::new(Field::new(INDEX, DataType::UInt64, false)),
            Arc::new(Field::new(BYTE, DataType::UInt64, false)),
            Arc::new(Field::new(INCOMPLETE, DataType::UInt8, false)),
        ]),
        Table::Annotations | Table::Results => fields.push(Arc::new(Field::new(FILE, DataType::UInt32, false))),
        Table::Raters | Table::Rejects => {}
    }
    Arc::new(Schema::new(fields))
}

/// Beyond the budget, chunks are spilled when they come to this part of it. Small spills use memory again that an earlier one has freed;
/// fresh memory costs more than the copy.
const SPILLS_PER_BUDGET: usize = 4;
const SPILL_BUFFER: usize = 256 << 10;

/// Collects chunks.
#[derive(Debug)]
pub struct Stager {
    buckets: u32,
    /// Bytes of rows that may stay in memory.
    budget: usize,
    temp: PathBuf,
    /// Keyed by the chunk's number: parsing in parallel does not change the order of rows.
    kept: BTreeMap<u64, Staged>,
    kept_bytes: usize,
    /// Chunks to be spilled next.
    pending: BTreeMap<u64, Staged>,
    pending_bytes: usize,
    staged_bytes: u64,
    parts: Vec<Vec<[Part; 3]>>,
    spill: Option<SpillFile>,
}

#[derive(Debug)]
enum Part {
    /// These rows of a chunk.
    Memory {
        chunk: RecordBatch,
        rows: UInt32Array,
    },
    Disk {
        offset: u64,
        length: usize,
    },
}

#[derive(Debug)]
struct SpillFile {
    /// A part has a hundred small buffers.
    file: BufWriter<File>,
    length: u64,
}

impl Stager {
    pub fn new(buckets: u32, budget: usize, temp: &Path) -> Self {
        let parts = (0..buckets).map(|_| Vec::new()).collect();
        let temp = temp.to_path_buf();
        Self {
            buckets,
            budget,
            temp,
            kept: BTreeMap::new(),
            kept_bytes: 0,
            pending: BTreeMap::new(),
            pending_bytes: 0,
            staged_bytes: 0,
            parts,
            spill: None,
        }
    }

    /// Takes the rows of chunk `sequence`; spills when the budget is used up.
    pub fn push(&mut self, sequence: u64, rows: Staged) -> Result<()> {
        let bytes = rows.bytes();
        self.staged_bytes += bytes as u64;
        if self.kept_bytes.saturating_add(bytes) <= self.budget {
            self.kept_bytes += bytes;
            self.kept.insert(sequence, rows);
            return Ok(());
        }
        self.pending_bytes += bytes;
        self.pending.insert(sequence, rows);
        if self.pending_bytes >= self.budget / SPILLS_PER_BUDGET {
            self.spill_pending()?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<Spill> {
        // Too little to be spilled.
        self.kept.append(&mut self.pending);
        for chunk in std::mem::take(&mut self.kept).into_values() {
            self.keep(&chunk)?;
        }
        let file = self.spill.map(|spill| spill.file.into_inner()).transpose();
        let file = file.map_err(|e| spill_error(&self.temp, e.into_error()))?;
        Ok(Spill { bytes: self.staged_bytes, parts: self.parts, file })
    }

    /// Notes which rows of a chunk lie in which bucket.
    fn keep(&mut self, chunk: &Staged) -> Result<()> {
        let mut rows = Vec::with_capacity(3);
        for table in 0..3 {
            rows.push(rows_by_bucket(chunk.batch(table), self.buckets)?);
        }
        for (bucket, parts) in self.parts.iter_mut().enumerate() {
            if !rows[0][bucket].is_empty() {
                parts.push(std::array::from_fn(|table| Part::Memory {
                    chunk: chunk.batch(table).clone(),
                    rows: std::mem::take(&mut rows[table][bucket]).into(),
                }));
            }
        }
        Ok(())
    }

    fn spill_pending(&mut self) -> Result<()> {
        let chunks: Vec<Staged> = std::mem::take(&mut self.pending).into_values().collect();
        self.pending_bytes = 0;
        let mut split = Vec::with_capacity(3);
        for table in 0..3 {
            split.push(split_by_bucket(&chunks, table, self.buckets)?);
        }
        drop(chunks);
        let [items, annotations, results]: [Vec<RecordBatch>; 3] =
            split.try_into().map_err(|_| Error::internal(anyhow::anyhow!("three tables are staged")))?;
        for (bucket, ((items, annotations), results)) in items.into_iter().zip(annotations).zip(results).enumerate() {
            if items.num_rows() == 0 {
                continue;
            }
            let part = [self.write(&items)?, self.write(&annotations)?, self.write(&results)?];
            self.parts[bucket].push(part);
        }
        Ok(())
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<Part> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none
                .insert(SpillFile { file: BufWriter::with_capacity(SPILL_BUFFER, open_spill(&self.temp)?), length: 0 }),
        };
        let offset = spill.length;
        let written = StreamWriter::try_new(&mut *spill, &batch.schema()).and_then(|mut writer| {
            writer.write(batch)?;
            writer.finish()
        });
        written.map_err(|e| match e {
            ArrowError::IoError(_, e) => spill_error(&self.temp, e),
            other => Error::internal(other),
        })?;
        let length = usize::try_from(spill.length - offset).map_err(Error::internal)?;
        Ok(Part::Disk { offset, length })
    }
}

impl Write for SpillFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// What the rows themselves take. Arrays read from one spilled blob share its memory, which must not be counted for each column.
pub(super) fn held_bytes(batch: &RecordBatch) -> usize {
    let sizes = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or_default());
    sizes.sum()
}

/// The file has no name: whatever way the process ends, the system takes the space back.
fn open_spill(temp: &Path) -> Result<File> {
    std::fs::create_dir_all(temp).and_then(|()| tempfile::tempfile_in(temp)).map_err(|e| spill_error(temp, e))
}

fn spill_error(temp: &Path, error: std::io::Error) -> Error {
    let message =
        format!("temporary file in {}: {error}; make room there or name another folder with --temp", temp.display());
    Error::unavailable(message, error)
}

/// The rows of each bucket.
fn rows_by_bucket(batch: &RecordBatch, buckets: u32) -> Result<Vec<Vec<u32>>> {
    let mut rows: Vec<Vec<u32>> = (0..buckets).map(|_| Vec::new()).collect();
    for (row, id) in (0..).zip(item_ids(batch)?) {
        rows[bucket_of(id.unwrap_or_default(), buckets) as usize].push(row);
    }
    Ok(rows)
}

fn split_by_bucket(chunks: &[Staged], table: usize, buckets: u32) -> Result<Vec<RecordBatch>> {
    let batches: Vec<&RecordBatch> = chunks.iter().map(|chunk| chunk.batch(table)).collect();
    if buckets == 1 {
        let schema = batches[0].schema();
        return Ok(vec![concat_batches(&schema, batches).map_err(Error::internal)?]);
    }
    let mut picks: Vec<Vec<(usize, usize)>> = (0..buckets).map(|_| Vec::new()).collect();
    for (chunk, batch) in batches.iter().enumerate() {
        for (row, id) in item_ids(batch)?.iter().enumerate() {
            picks[bucket_of(id.unwrap_or_default(), buckets) as usize].push((chunk, row));
        }
    }
    picks.iter().map(|rows| interleave_record_batch(&batches, rows).map_err(Error::internal)).collect()
}

pub(super) fn item_ids(batch: &RecordBatch) -> Result<&StringArray> {
    text_column(batch, "item_id")
}

pub(super) fn text_column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_string_opt())
        .ok_or_else(|| Error::internal(anyhow::anyhow!("column {name} is missing or not text")))
}

/// Everything an import brought, split by bucket.
#[derive(Debug)]
pub struct Spill {
    bytes: u64,
    parts: Vec<Vec<[Part; 3]>>,
    file: Option<File>,
}

impl Spill {
    /// What the rows take in memory, all together.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The number of buckets that the rows were split into.
    pub fn buckets(&self) -> u32 {
        self.parts.len() as u32
    }

    /// The buckets out of `buckets` that can have got rows, in order: all that did, and more only where staged buckets are split.
    pub fn touched(&self, buckets: u32) -> BTreeSet<u32> {
        let filled = (0u32..).zip(&self.parts).filter(|(_, parts)| !parts.is_empty());
        filled.flat_map(|(staged, _)| buckets_over(staged, self.buckets(), buckets)).collect()
    }

    /// The staged rows of bucket `bucket` out of `buckets`. The project's number of buckets can have become another one since they were
    /// staged: then they are split again, or joined. An item's rows are in the order of the input.
    pub fn load(&self, bucket: u32, buckets: u32) -> Result<StagedBucket> {
        let mut tables: [Vec<StagedPart>; 3] = Default::default();
        let mut bytes = 0;
        let splits = buckets > self.buckets();
        let staged = buckets_over(bucket, buckets, self.buckets());
        for part in staged.flat_map(|staged| &self.parts[staged as usize]) {
            for (table, part) in part.iter().enumerate() {
                let mut part = self.read(part)?;
                if splits {
                    part = StagedPart { batch: rows_of_bucket(&part.gathered()?, bucket, buckets)?, rows: None };
                }
                bytes += part.bytes();
                tables[table].push(part);
            }
        }
        if bytes > MAX_BUCKET_BYTES {
            return Err(Error::invalid(format!(
                "bucket {bucket} of the import holds {} MiB, more than the {} MiB that can be merged at once; \
                 split the import into several files and import them one by one",
                bytes >> 20,
                MAX_BUCKET_BYTES >> 20
            )));
        }
        let [items, annotations, results] = tables;
        Ok(StagedBucket {
            items: StagedTable::new(Table::Items, items)?,
            annotations: StagedTable::new(Table::Annotations, annotations)?,
            results: StagedTable::new(Table::Results, results)?,
        })
    }

    fn read(&self, part: &Part) -> Result<StagedPart> {
        match part {
            Part::Memory { chunk, rows } => Ok(StagedPart { batch: chunk.clone(), rows: Some(rows.clone()) }),
            Part::Disk { offset, length } => {
                let file = self.file.as_ref().ok_or_else(|| Error::internal(anyhow::anyhow!("spill file is gone")))?;
                // Decoded where it lies: the columns of the batch are slices of this memory.
                let mut blob = MutableBuffer::from_len_zeroed(*length);
                file.read_exact_at(blob.as_slice_mut(), *offset)
                    .map_err(|e| Error::internal(anyhow::Error::new(e).context("read spill")))?;
                let mut blob = Buffer::from(blob);
                let batch = StreamDecoder::new().decode(&mut blob).map_err(Error::internal)?;
                let batch = batch.ok_or_else(|| Error::internal(anyhow::anyhow!("spilled batch is empty")))?;
                Ok(StagedPart { batch, rows: None })
            }
        }
    }
}

/// What an import brought for one bucket.
#[derive(Debug, Clone)]
pub struct StagedBucket {
    pub(super) items: StagedTable,
    pub(super) annotations: StagedTable,
    pub(super) results: StagedTable,
}

/// Rows of one table that were staged together.
#[derive(Debug, Clone)]
struct StagedPart {
    batch: RecordBatch,
    /// Which of its rows are meant; all where there is no list.
    rows: Option<UInt32Array>,
}

impl StagedPart {
    fn len(&self) -> usize {
        self.rows.as_ref().map_or(self.batch.num_rows(), UInt32Array::len)
    }

    /// What the rows take in memory, about.
    fn bytes(&self) -> usize {
        let of_all = held_bytes(&self.batch) as u128;
        (of_all * self.len() as u128 / self.batch.num_rows().max(1) as u128) as usize
    }

    fn gathered(&self) -> Result<RecordBatch> {
        self.gather(&self.batch)
    }

    /// The rows out of columns of the batch.
    fn gather(&self, columns: &RecordBatch) -> Result<RecordBatch> {
        match &self.rows {
            Some(rows) => take_record_batch(columns, rows).map_err(Error::internal),
            None => Ok(columns.clone()),
        }
    }
}

/// The rows of a table in the parts that they were staged in: they are put together once, by the merge that knows their order.
#[derive(Debug, Clone)]
pub struct StagedTable {
    pub(super) parts: Vec<RecordBatch>,
    /// Of each part, which rows are meant; all where there is no list.
    rows: Vec<Option<UInt32Array>>,
    /// The columns that a merge decides by, of all parts one after the other.
    pub(super) keys: RecordBatch,
    /// The row in `keys` at which each part begins.
    starts: Vec<usize>,
}

impl StagedTable {
    fn new(table: Table, parts: Vec<StagedPart>) -> Result<Self> {
        let schema = staged_schema(table);
        let mut columns = Vec::new();
        for name in key_columns(table) {
            columns.push(schema.index_of(name).map_err(Error::internal)?);
        }
        let schema = Arc::new(schema.project(&columns).map_err(Error::internal)?);
        let mut keys = Vec::with_capacity(parts.len());
        for part in &parts {
            keys.push(part.gather(&part.batch.project(&columns).map_err(Error::internal)?)?);
        }
        let keys = concat_batches(&schema, &keys).map_err(Error::internal)?;
        let starts = parts.iter().scan(0, |next, part| {
            let start = *next;
            *next += part.len();
            Some(start)
        });
        let starts = starts.collect();
        let (parts, rows) = parts.into_iter().map(|part| (part.batch, part.rows)).unzip();
        Ok(Self { parts, rows, keys, starts })
    }

    /// Which part a row of `keys` lies in, and where.
    pub(super) fn place(&self, row: usize) -> (usize, usize) {
        // Parts without rows begin where the next one does: the last that begins here has the row.
        let part = self.starts.partition_point(|start| *start <= row).saturating_sub(1);
        let row = row - self.starts[part];
        (part, self.rows[part].as_ref().map_or(row, |rows| rows.value(row) as usize))
    }
}

fn key_columns(table: Table) -> &'static [&'static str] {
    match table {
        Table::Items => &["item_id", "updated_at", "content_hash", "raw", FILE, INDEX, BYTE, INCOMPLETE],
        Table::Annotations => &["annotation_id", "item_id", "kind", "rater_id", "updated_at", "content_hash", FILE],
        Table::Results => &["annotation_id", FILE],
        Table::Raters | Table::Rejects => &[],
    }
}

#[cfg(test)]
mod tests {
    use assay_formats::label_studio::{ParseOptions, SplitOptions, Splitter, parse_chunk};
    use serde_json::json;

    use super::*;

    /// Sixty items in six chunks, of which each annotation says its own id; with a budget of some bytes every chunk is spilled.
    fn staged(buckets: u32, flush_bytes: usize, temp: &Path) -> Spill {
        let mut stager = Stager::new(buckets, flush_bytes, temp);
        for chunk in 0..6u64 {
            let label = |id: u64| json!([{ "type": "choices", "value": { "choices": [id.to_string()] } }]);
            let annotations = |id: u64| json!([{ "id": id * 2, "completed_by": 1, "result": label(id * 2) }, { "id": id * 2 + 1, "completed_by": 2, "result": [] }]);
            let task = |n: u64| json!({ "id": chunk * 10 + n, "data": {}, "annotations": annotations(chunk * 10 + n) });
            let export = serde_json::Value::from((0..10).map(task).collect::<Vec<_>>()).to_string();
            let tasks = Splitter::new(export.as_bytes(), SplitOptions::new("export")).next_chunk().unwrap().unwrap();
            let options = ParseOptions { source: "p".to_owned(), file: "export".to_owned() };
            let parsed = parse_chunk(&tasks, &options).unwrap();
            stager.push(chunk, Staged::new(0, parsed).unwrap()).unwrap();
        }
        stager.finish().unwrap()
    }

    /// All rows of a table, each had by its place.
    fn whole(table: Table, rows: &StagedTable) -> RecordBatch {
        let parts: Vec<&RecordBatch> = rows.parts.iter().collect();
        let places: Vec<_> = (0..rows.keys.num_rows()).map(|row| rows.place(row)).collect();
        let joined = interleave_record_batch(&parts, &places).unwrap();
        for name in key_columns(table) {
            assert_eq!(joined.column_by_name(name), rows.keys.column_by_name(name), "{name}");
        }
        joined
    }

    fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
        text_column(batch, column).unwrap().iter().map(|text| text.unwrap().to_owned()).collect()
    }

    #[test]
    fn staged_rows_can_be_had_for_any_number_of_buckets() {
        let temp = tempfile::tempdir().unwrap();
        for flush_bytes in [1, usize::MAX] {
            for (from, to) in [(1, 1), (1, 8), (2, 8), (8, 2), (8, 1), (4, 4)] {
                let spill = staged(from, flush_bytes, temp.path());
                assert_eq!(spill.file.is_some(), flush_bytes == 1);
                let (mut items, mut annotations) = (Vec::new(), 0);
                for bucket in spill.touched(to) {
                    let staged = spill.load(bucket, to).unwrap();
                    let [tasks, answers, results] = [
                        (Table::Items, &staged.items),
                        (Table::Annotations, &staged.annotations),
                        (Table::Results, &staged.results),
                    ]
                    .map(|(table, rows)| whole(table, rows));
                    for batch in [&tasks, &answers, &results] {
                        assert!(texts(batch, "item_id").iter().all(|id| bucket_of(id, to) == bucket), "{from} to {to}");
                    }
                    items.extend(texts(&tasks, "item_id"));
                    annotations += answers.num_rows();
                    // What the merge relies on: results follow the order of their annotations.
                    let with_result =
                        texts(&answers, "native_id").into_iter().filter(|id| id.parse::<u64>().unwrap() % 2 == 0);
                    assert!(with_result.eq(texts(&results, "label")), "{from} to {to}");
                }
                items.sort();
                let mut expected: Vec<String> = (0..60).map(|n| format!("p/task/{n}")).collect();
                expected.sort();
                assert_eq!((items, annotations), (expected, 120), "{from} to {to}");
            }
        }
    }
}
