//! Parquet in and out of memory: one bucket's table is one file.

use std::collections::BTreeMap;
use std::io::Write;

use arrow::array::{Array, AsArray, RecordBatch, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::{BucketRows, Encoded, Table};
use crate::error::{Error, Result};

/// Small enough that a page of a disagreement list reads little, large enough to compress well.
const ROWS_PER_GROUP: usize = 128 << 10;

/// Encodes one table of one bucket; rows are sorted by `item_id` where the table has one.
pub fn encode(table: Table, batch: &RecordBatch) -> Result<Encoded> {
    encode_with(batch, properties(table)?)
}

/// Encodes a report's table.
pub fn encode_report(batch: &RecordBatch) -> Result<Vec<u8>> {
    let properties = base_properties()?.build();
    Ok(encode_with(batch, properties)?.bytes)
}

/// Writes a table of a report piece by piece, as [`encode_report`] writes it at once.
pub type ReportWriter<W> = ArrowWriter<W>;

/// A writer of a report's table into `to`.
pub fn report_writer<W: Write + Send>(to: W, schema: SchemaRef) -> Result<ReportWriter<W>> {
    ArrowWriter::try_new(to, schema, Some(base_properties()?.build())).map_err(Error::internal)
}

fn encode_with(batch: &RecordBatch, properties: WriterProperties) -> Result<Encoded> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).map_err(Error::internal)?;
    writer.write(batch).map_err(Error::internal)?;
    let bytes = writer.into_inner().map_err(Error::internal)?;
    let ids = batch.column_by_name("item_id").and_then(|column| column.as_string_opt::<i32>());
    let end = |row: usize| ids.filter(|ids| !ids.is_empty()).map(|ids| ids.value(row).to_owned());
    let last = batch.num_rows().saturating_sub(1);
    Ok(Encoded { bytes, rows: batch.num_rows() as u64, min_item: end(0), max_item: end(last) })
}

fn base_properties() -> Result<parquet::file::properties::WriterPropertiesBuilder> {
    Ok(WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(Error::internal)?))
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        // Lists and maps get the names that the Parquet standard gives their parts.
        .set_coerce_types(true)
        .set_created_by("assay".to_owned()))
}

fn properties(table: Table) -> Result<WriterProperties> {
    let mut builder = base_properties()?.set_statistics_enabled(EnabledStatistics::Chunk);
    // Documents and unique values: a dictionary only costs time before it is given up, statistics only bloat the footer.
    let (documents, unique): (&[&str], &[&str]) = match table {
        Table::Items => (&["data", "raw", "meta"], &["item_id", "native_id", "content_hash"]),
        Table::Annotations => {
            (&["raw"], &["annotation_id", "native_id", "content_hash", "created_at", "updated_at", "lead_time_s"])
        }
        Table::Results => (&["raw", "rle", "text"], &["region_id", "start", "end"]),
        Table::Raters | Table::Rejects => (&["raw"], &[]),
    };
    for name in documents {
        let column = ColumnPath::from(*name);
        builder = builder
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_statistics_enabled(column, EnabledStatistics::None);
    }
    for name in unique {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(*name), false);
    }
    Ok(builder.build())
}

/// The rows of a bucket from the bytes of its files; a table without a file has no rows.
pub fn read_bucket(files: &BTreeMap<Table, bytes::Bytes>) -> Result<BucketRows> {
    let table = |table: Table| match files.get(&table) {
        Some(bytes) => read_rows(table, bytes.clone()),
        None => Ok(RecordBatch::new_empty(table.schema())),
    };
    Ok(BucketRows {
        items: table(Table::Items)?,
        annotations: table(Table::Annotations)?,
        results: table(Table::Results)?,
    })
}

/// Reads a whole file into one batch of today's schema: columns that an older file lacks are null.
pub fn read_rows(table: Table, bytes: bytes::Bytes) -> Result<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .and_then(|builder| builder.with_batch_size(64 << 10).build())
        .map_err(Error::internal)?;
    let schema = table.schema();
    let mut batches = Vec::new();
    for batch in reader {
        let batch = batch.map_err(Error::internal)?;
        let columns = schema
            .fields()
            .iter()
            .map(|field| match batch.column_by_name(field.name()) {
                Some(column) => arrow::compute::cast(column, field.data_type()).map_err(Error::internal),
                None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            })
            .collect::<Result<Vec<_>>>()?;
        batches.push(RecordBatch::try_new(schema.clone(), columns).map_err(Error::internal)?);
    }
    concat_batches(&schema, &batches).map_err(Error::internal)
}

/// Reads some leaves of a file, named by their paths (`item_id`, `bbox.x`), a batch at a time. A column that an older file lacks is absent.
pub fn read_leaves(bytes: bytes::Bytes, paths: &[&str]) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(Error::internal)?;
    let schema = builder.parquet_schema();
    let wanted =
        (0..schema.num_columns()).filter(|&leaf| paths.contains(&schema.column(leaf).path().string().as_str()));
    let mask = ProjectionMask::leaves(schema, wanted.collect::<Vec<_>>());
    let reader = builder.with_projection(mask).with_batch_size(64 << 10).build().map_err(Error::internal)?;
    Ok(reader.map(|batch| batch.map_err(Error::internal)))
}

/// Number of rows and schema of a file in memory.
pub(super) fn describe(bytes: &bytes::Bytes) -> Result<(u64, SchemaRef)> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(Error::internal)?;
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).map_err(Error::internal)?;
    Ok((rows, builder.schema().clone()))
}
