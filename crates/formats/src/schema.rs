//! THE schema: the Arrow types of every table. It is only ever extended; readers fill columns that an older file lacks with null.
//!
//! Types are those that BigQuery, Spark, DuckDB and Polars all read: no dictionaries, unions, nulls, or lists of lists.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// Raised when a column is added, or when files differ otherwise for those who read them: since 2 the parts of lists and maps are named as
/// the Parquet standard has it.
pub const VERSION: u32 = 2;
/// The key under which files carry [`VERSION`].
pub const VERSION_KEY: &str = "assay.schema_version";

fn text() -> DataType {
    DataType::Utf8
}

/// Microseconds, UTC.
pub fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn number() -> DataType {
    DataType::Float64
}

/// A map from text; keys are never null, values may be.
fn map_to(value: DataType) -> DataType {
    let entries = Fields::from(vec![Field::new("key", text(), false), Field::new("value", value, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

fn fields_of(names: &[&str]) -> Fields {
    names.iter().map(|name| Field::new(*name, number(), true)).collect()
}

/// `bbox`: in percent of the image for Label Studio; rotation in degrees, clockwise about the top-left corner.
pub fn bbox_fields() -> Fields {
    fields_of(&["x", "y", "width", "height", "rotation"])
}

/// A point of `points`.
pub fn point_fields() -> Fields {
    fields_of(&["x", "y"])
}

/// A key frame of `frames`.
pub fn frame_fields() -> Fields {
    Fields::from(vec![
        Field::new("frame", DataType::Int64, true),
        Field::new("enabled", DataType::Boolean, true),
        Field::new("x", number(), true),
        Field::new("y", number(), true),
        Field::new("width", number(), true),
        Field::new("height", number(), true),
        Field::new("rotation", number(), true),
        Field::new("time", number(), true),
    ])
}

fn schema(fields: Vec<Field>) -> SchemaRef {
    let metadata = [(VERSION_KEY.to_owned(), VERSION.to_string())].into();
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn optional(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

static ITEMS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        required("item_id", text()),
        required("source", text()),
        required("native_id", text()),
        required("data", text()),
        optional("meta", text()),
        optional("slices", map_to(text())),
        optional("vectors", map_to(list_of(DataType::Float32))),
        optional("created_at", time()),
        optional("updated_at", time()),
        required("content_hash", DataType::Int64),
        optional("raw", text()),
    ])
});

static ANNOTATIONS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        required("annotation_id", text()),
        required("item_id", text()),
        required("source", text()),
        required("native_id", text()),
        required("kind", text()),
        required("rater_id", text()),
        required("rater_kind", text()),
        optional("model_version", text()),
        optional("score", number()),
        optional("created_at", time()),
        optional("updated_at", time()),
        optional("lead_time_s", number()),
        required("cancelled", DataType::Boolean),
        required("ground_truth", DataType::Boolean),
        required("draft", DataType::Boolean),
        optional("from_prediction_id", text()),
        required("result_count", DataType::Int64),
        required("content_hash", DataType::Int64),
        optional("raw", text()),
    ])
});

static RESULTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        required("annotation_id", text()),
        required("item_id", text()),
        required("rater_id", text()),
        required("rater_kind", text()),
        optional("control", text()),
        optional("target", text()),
        required("type", text()),
        required("result_index", DataType::Int64),
        optional("region_id", text()),
        optional("parent_region_id", text()),
        optional("label", text()),
        required("label_index", DataType::Int64),
        optional("number", number()),
        optional("text", text()),
        optional("start", number()),
        optional("end", number()),
        optional("unit", text()),
        optional("start_text", text()),
        optional("end_text", text()),
        optional("bbox", DataType::Struct(bbox_fields())),
        optional("points", list_of(DataType::Struct(point_fields()))),
        optional("rle", DataType::Binary),
        optional("frames", list_of(DataType::Struct(frame_fields()))),
        optional("rank", DataType::Int64),
        optional("score", number()),
        optional("probabilities", map_to(number())),
        optional("direction", text()),
        optional("original_width", number()),
        optional("original_height", number()),
        optional("raw", text()),
    ])
});

static RATERS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        required("rater_id", text()),
        required("source", text()),
        required("kind", text()),
        required("native_id", text()),
        optional("name", text()),
        optional("email", text()),
        required("deleted", DataType::Boolean),
        optional("aliases", list_of(text())),
    ])
});

static REJECTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        required("file", text()),
        required("position", text()),
        required("reason", text()),
        optional("raw", text()),
    ])
});

/// What is labelled.
pub fn items() -> SchemaRef {
    ITEMS.clone()
}

/// One rater's complete answer for one item: submitted annotations, drafts and predictions.
pub fn annotations() -> SchemaRef {
    ANNOTATIONS.clone()
}

/// One row per result and label: a region with two labels is two rows with one `result_index`.
pub fn results() -> SchemaRef {
    RESULTS.clone()
}

/// Annotators and models.
pub fn raters() -> SchemaRef {
    RATERS.clone()
}

/// Records that could not be used, whole.
pub fn rejects() -> SchemaRef {
    REJECTS.clone()
}
