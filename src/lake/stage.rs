//! Rows of an import on their way to their buckets: held in memory up to a budget, then spilled to one local file.
//!
//! An import of any size needs memory for one flush and for the buckets being merged, never for the whole input.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::compute::{concat_batches, interleave_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::{Table, bucket_of};
use crate::error::{Error, Result};

/// Columns that staged rows carry beyond the schema: which file they came from and where in it they stood.
pub(super) const FILE: &str = "_file";
pub(super) const INDEX: &str = "_index";
pub(super) const BYTE: &str = "_byte";

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
    /// Tags the rows of a chunk with their file and, for items, with (task index, byte offset).
    pub fn new(
        file: u32,
        positions: &[(u64, u64)],
        items: RecordBatch,
        annotations: RecordBatch,
        results: RecordBatch,
    ) -> Result<Self> {
        let index = UInt64Array::from_iter_values(positions.iter().map(|p| p.0));
        let byte = UInt64Array::from_iter_values(positions.iter().map(|p| p.1));
        let tag = |rows| Arc::new(UInt32Array::from_value(file, rows)) as ArrayRef;
        let mut item_columns = items.columns().to_vec();
        let file_tag = tag(items.num_rows());
        item_columns.extend([file_tag, Arc::new(index) as _, Arc::new(byte) as _]);
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
        ]),
        Table::Annotations | Table::Results => fields.push(Arc::new(Field::new(FILE, DataType::UInt32, false))),
        Table::Raters | Table::Rejects => {}
    }
    Arc::new(Schema::new(fields))
}

/// Collects chunks and splits them by bucket.
#[derive(Debug)]
pub struct Stager {
    buckets: u32,
    flush_bytes: usize,
    temp: PathBuf,
    /// Keyed by the chunk's number: parsing in parallel does not change the order of rows.
    pending: BTreeMap<u64, Staged>,
    pending_bytes: usize,
    parts: Vec<Vec<[Part; 3]>>,
    spill: Option<SpillFile>,
}

#[derive(Debug)]
enum Part {
    Memory(RecordBatch),
    Disk { offset: u64, length: usize },
}

#[derive(Debug)]
struct SpillFile {
    file: File,
    length: u64,
}

impl Stager {
    pub fn new(buckets: u32, flush_bytes: usize, temp: &Path) -> Self {
        let parts = (0..buckets).map(|_| Vec::new()).collect();
        let temp = temp.to_path_buf();
        Self { buckets, flush_bytes, temp, pending: BTreeMap::new(), pending_bytes: 0, parts, spill: None }
    }

    /// Takes the rows of chunk `sequence`; spills when the budget is used up.
    pub fn push(&mut self, sequence: u64, rows: Staged) -> Result<()> {
        self.pending_bytes += rows.bytes();
        self.pending.insert(sequence, rows);
        if self.pending_bytes >= self.flush_bytes {
            self.flush(true)?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<Spill> {
        let to_disk = self.spill.is_some();
        self.flush(to_disk)?;
        Ok(Spill { parts: self.parts, file: self.spill.map(|spill| spill.file) })
    }

    fn flush(&mut self, to_disk: bool) -> Result<()> {
        let chunks: Vec<Staged> = std::mem::take(&mut self.pending).into_values().collect();
        self.pending_bytes = 0;
        if chunks.is_empty() {
            return Ok(());
        }
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
            let part = [self.park(items, to_disk)?, self.park(annotations, to_disk)?, self.park(results, to_disk)?];
            self.parts[bucket].push(part);
        }
        Ok(())
    }

    fn park(&mut self, batch: RecordBatch, to_disk: bool) -> Result<Part> {
        if !to_disk {
            return Ok(Part::Memory(batch));
        }
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).map_err(Error::internal)?;
        writer.write(&batch).and_then(|()| writer.finish()).map_err(Error::internal)?;
        let blob = writer.into_inner().map_err(Error::internal)?;
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(SpillFile { file: open_spill(&self.temp)?, length: 0 }),
        };
        spill.file.write_all(&blob).map_err(|e| spill_error(&self.temp, e))?;
        let part = Part::Disk { offset: spill.length, length: blob.len() };
        spill.length += blob.len() as u64;
        Ok(part)
    }
}

/// What the rows themselves take. Arrays read from one spilled blob share its memory, which must not be counted for each column.
fn held_bytes(batch: &RecordBatch) -> usize {
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
    parts: Vec<Vec<[Part; 3]>>,
    file: Option<File>,
}

impl Spill {
    /// The number of buckets that the rows were split into.
    pub fn buckets(&self) -> u32 {
        self.parts.len() as u32
    }

    /// The buckets that got rows, in order.
    pub fn touched(&self) -> Vec<u32> {
        (0u32..).zip(&self.parts).filter(|(_, parts)| !parts.is_empty()).map(|(bucket, _)| bucket).collect()
    }

    /// The staged rows of one bucket as (items, annotations, results), each in the order of the input.
    pub fn load(&self, bucket: u32) -> Result<[RecordBatch; 3]> {
        let mut tables: [Vec<RecordBatch>; 3] = Default::default();
        let mut bytes = 0;
        for part in &self.parts[bucket as usize] {
            for (table, part) in part.iter().enumerate() {
                let batch = self.read(part)?;
                bytes += held_bytes(&batch);
                tables[table].push(batch);
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
        let join = |table: Table, batches: &[RecordBatch]| match batches {
            [one] => Ok(one.clone()),
            many => concat_batches(&staged_schema(table), many).map_err(Error::internal),
        };
        Ok([join(Table::Items, &tables[0])?, join(Table::Annotations, &tables[1])?, join(Table::Results, &tables[2])?])
    }

    fn read(&self, part: &Part) -> Result<RecordBatch> {
        match part {
            Part::Memory(batch) => Ok(batch.clone()),
            Part::Disk { offset, length } => {
                let file = self.file.as_ref().ok_or_else(|| Error::internal(anyhow::anyhow!("spill file is gone")))?;
                let mut blob = vec![0; *length];
                file.read_exact_at(&mut blob, *offset)
                    .map_err(|e| Error::internal(anyhow::Error::new(e).context("read spill")))?;
                let mut reader = StreamReader::try_new(Cursor::new(blob), None).map_err(Error::internal)?;
                let batch = reader.next().ok_or_else(|| Error::internal(anyhow::anyhow!("spilled batch is empty")))?;
                batch.map_err(Error::internal)
            }
        }
    }
}
