//! Builders for the rows of the schema: plain structs in, record batches out.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Float32Builder, Float64Builder, Int64Builder, ListBuilder, MapBuilder,
    MapFieldNames, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{Field, SchemaRef};
use arrow::error::ArrowError;

use crate::schema;

mod columns;
mod results;

pub use columns::Sizes;
pub use results::{Frame, ResultRow, ResultRows};

use columns::Sparse;

fn times(sizes: &Sizes) -> TimestampMicrosecondBuilder {
    sizes.values().with_timezone("UTC")
}

fn map_names() -> MapFieldNames {
    MapFieldNames { entry: "entries".to_owned(), key: "key".to_owned(), value: "value".to_owned() }
}

fn batch(schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(schema, columns)
}

/// A row of `items`.
#[derive(Debug, Clone, Default)]
pub struct ItemRow<'a> {
    pub item_id: &'a str,
    pub source: &'a str,
    pub native_id: &'a str,
    /// JSON.
    pub data: &'a str,
    pub meta: Option<&'a str>,
    pub slices: &'a [(String, Cow<'a, str>)],
    pub created_at: Option<i64>,
    pub updated_at: Option<i64>,
    pub content_hash: i64,
    pub raw: Option<&'a str>,
}

#[derive(Debug)]
pub struct ItemRows {
    /// item_id, source, native_id, data, meta, raw
    texts: [Sparse<StringBuilder>; 6],
    slices: MapBuilder<StringBuilder, StringBuilder>,
    vectors: MapBuilder<StringBuilder, ListBuilder<Float32Builder>>,
    created_at: TimestampMicrosecondBuilder,
    updated_at: TimestampMicrosecondBuilder,
    content_hash: Int64Builder,
}

impl ItemRows {
    /// Makes room for a batch of this size.
    pub fn new(sizes: &Sizes) -> Self {
        let vectors = ListBuilder::new(Float32Builder::new());
        Self {
            texts: [0, 1, 2, 3, 4, 10].map(|column| sizes.texts(column)),
            slices: MapBuilder::new(Some(map_names()), StringBuilder::new(), StringBuilder::new()),
            vectors: MapBuilder::new(Some(map_names()), StringBuilder::new(), vectors),
            created_at: times(sizes),
            updated_at: times(sizes),
            content_hash: sizes.values(),
        }
    }

    /// # Errors
    /// Keys and values of a map that do not pair up, which [`ItemRow`] rules out.
    pub fn push(&mut self, row: &ItemRow<'_>) -> Result<(), ArrowError> {
        let texts = [Some(row.item_id), Some(row.source), Some(row.native_id), Some(row.data), row.meta, row.raw];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.push(text);
        }
        for (key, value) in row.slices {
            self.slices.keys().append_value(key);
            self.slices.values().append_value(value);
        }
        self.slices.append(true)?;
        self.vectors.append(false)?;
        self.created_at.append_option(row.created_at);
        self.updated_at.append_option(row.updated_at);
        self.content_hash.append_value(row.content_hash);
        Ok(())
    }

    pub fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let [item_id, source, native_id, data, meta, raw] = self.texts.each_mut().map(Sparse::finish);
        let columns: Vec<ArrayRef> = vec![
            item_id,
            source,
            native_id,
            data,
            meta,
            Arc::new(self.slices.finish()),
            Arc::new(self.vectors.finish()),
            Arc::new(self.created_at.finish()),
            Arc::new(self.updated_at.finish()),
            Arc::new(self.content_hash.finish()),
            raw,
        ];
        batch(schema::items(), columns)
    }
}

/// A row of `annotations`.
#[derive(Debug, Clone, Default)]
pub struct AnnotationRow<'a> {
    pub annotation_id: &'a str,
    pub item_id: &'a str,
    pub source: &'a str,
    pub native_id: &'a str,
    pub kind: &'a str,
    pub rater_id: &'a str,
    pub rater_kind: &'a str,
    pub model_version: Option<&'a str>,
    pub score: Option<f64>,
    pub created_at: Option<i64>,
    pub updated_at: Option<i64>,
    pub lead_time_s: Option<f64>,
    pub cancelled: bool,
    pub ground_truth: bool,
    pub draft: bool,
    pub from_prediction_id: Option<&'a str>,
    pub result_count: i64,
    pub content_hash: i64,
    pub raw: Option<&'a str>,
}

#[derive(Debug)]
pub struct AnnotationRows {
    /// annotation_id, item_id, source, native_id, kind, rater_id, rater_kind, model_version, from_prediction_id, raw
    texts: [Sparse<StringBuilder>; 10],
    score: Float64Builder,
    created_at: TimestampMicrosecondBuilder,
    updated_at: TimestampMicrosecondBuilder,
    lead_time_s: Float64Builder,
    flags: [BooleanBuilder; 3],
    result_count: Int64Builder,
    content_hash: Int64Builder,
}

impl AnnotationRows {
    /// Makes room for a batch of this size.
    pub fn new(sizes: &Sizes) -> Self {
        Self {
            texts: [0, 1, 2, 3, 4, 5, 6, 7, 15, 18].map(|column| sizes.texts(column)),
            score: sizes.values(),
            created_at: times(sizes),
            updated_at: times(sizes),
            lead_time_s: sizes.values(),
            flags: std::array::from_fn(|_| BooleanBuilder::new()),
            result_count: sizes.values(),
            content_hash: sizes.values(),
        }
    }

    pub fn push(&mut self, row: &AnnotationRow<'_>) {
        let texts = [
            Some(row.annotation_id),
            Some(row.item_id),
            Some(row.source),
            Some(row.native_id),
            Some(row.kind),
            Some(row.rater_id),
            Some(row.rater_kind),
            row.model_version,
            row.from_prediction_id,
            row.raw,
        ];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.push(text);
        }
        self.score.append_option(row.score);
        self.created_at.append_option(row.created_at);
        self.updated_at.append_option(row.updated_at);
        self.lead_time_s.append_option(row.lead_time_s);
        for (builder, flag) in self.flags.iter_mut().zip([row.cancelled, row.ground_truth, row.draft]) {
            builder.append_value(flag);
        }
        self.result_count.append_value(row.result_count);
        self.content_hash.append_value(row.content_hash);
    }

    pub fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let [
            annotation_id,
            item_id,
            source,
            native_id,
            kind,
            rater_id,
            rater_kind,
            model_version,
            from_prediction_id,
            raw,
        ] = self.texts.each_mut().map(Sparse::finish);
        let [cancelled, ground_truth, draft] =
            self.flags.each_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef);
        let columns = vec![
            annotation_id,
            item_id,
            source,
            native_id,
            kind,
            rater_id,
            rater_kind,
            model_version,
            Arc::new(self.score.finish()),
            Arc::new(self.created_at.finish()),
            Arc::new(self.updated_at.finish()),
            Arc::new(self.lead_time_s.finish()),
            cancelled,
            ground_truth,
            draft,
            from_prediction_id,
            Arc::new(self.result_count.finish()),
            Arc::new(self.content_hash.finish()),
            raw,
        ];
        batch(schema::annotations(), columns)
    }
}

/// Rows of `rejects`.
#[derive(Debug, Default)]
pub struct RejectRows {
    texts: [StringBuilder; 4],
}

impl RejectRows {
    pub fn len(&self) -> usize {
        self.texts[0].len()
    }

    pub fn push(&mut self, file: &str, position: &str, reason: &str, raw: Option<&str>) {
        for (builder, text) in self.texts.iter_mut().zip([Some(file), Some(position), Some(reason), raw]) {
            builder.append_option(text);
        }
    }

    pub fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        batch(schema::rejects(), self.texts.each_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef).to_vec())
    }
}

/// A column of lists of text whose item field is as the schema wants it.
pub(crate) fn text_lists() -> ListBuilder<StringBuilder> {
    ListBuilder::new(StringBuilder::new()).with_field(Arc::new(Field::new(
        "item",
        arrow::datatypes::DataType::Utf8,
        true,
    )))
}
