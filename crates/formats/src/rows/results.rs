//! Rows of `results`, the widest table.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, ListBuilder, MapBuilder, RecordBatch,
    StringBuilder, StructBuilder,
};
use arrow::error::ArrowError;

use super::columns::{NumberStructs, Sizes, Sparse};
use super::{batch, map_names};
use crate::schema;

/// A key frame of a video region.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
pub struct Frame {
    pub frame: Option<i64>,
    pub enabled: Option<bool>,
    pub x: Option<f64>,
    pub y: Option<f64>,
    pub width: Option<f64>,
    pub height: Option<f64>,
    pub rotation: Option<f64>,
    pub time: Option<f64>,
    /// Filled in between key frames by the export: not a row's content.
    pub auto: bool,
}

/// Rows of one batch hold so much at most: the offsets of Arrow's texts end at 2 GiB.
const MAX_RESULT_BYTES: usize = 1 << 30;

/// A row of `results`.
#[derive(Debug, Clone, Default)]
pub struct ResultRow<'a> {
    pub annotation_id: &'a str,
    pub item_id: &'a str,
    pub rater_id: &'a str,
    pub rater_kind: &'a str,
    pub control: Option<&'a str>,
    pub target: Option<&'a str>,
    pub r#type: &'a str,
    pub result_index: i64,
    pub region_id: Option<&'a str>,
    pub parent_region_id: Option<&'a str>,
    pub label: Option<&'a str>,
    pub label_index: i64,
    pub number: Option<f64>,
    pub text: Option<&'a str>,
    pub start: Option<f64>,
    pub end: Option<f64>,
    pub unit: Option<&'a str>,
    pub start_text: Option<&'a str>,
    pub end_text: Option<&'a str>,
    pub bbox: Option<[f64; 5]>,
    pub points: Option<&'a [[f64; 2]]>,
    pub rle: Option<&'a [u8]>,
    pub frames: Option<&'a [Frame]>,
    pub rank: Option<i64>,
    pub score: Option<f64>,
    pub direction: Option<&'a str>,
    pub original_width: Option<f64>,
    pub original_height: Option<f64>,
    pub raw: Option<&'a str>,
}

#[derive(Debug)]
pub struct ResultRows {
    /// annotation_id, item_id, rater_id, rater_kind, control, target, type, region_id, parent_region_id, label, text, unit,
    /// start_text, end_text, direction, raw
    texts: [Sparse<StringBuilder>; 16],
    /// number, start, end, score, original_width, original_height
    numbers: [Sparse<Float64Builder>; 6],
    /// result_index, label_index, rank
    integers: [Sparse<Int64Builder>; 3],
    bbox: NumberStructs<5>,
    points: Sparse<ListBuilder<StructBuilder>>,
    rle: Sparse<BinaryBuilder>,
    frames: Sparse<ListBuilder<StructBuilder>>,
    probabilities: MapBuilder<StringBuilder, Float64Builder>,
    rows: usize,
    /// What the rows so far hold, about.
    bytes: usize,
}

impl ResultRow<'_> {
    fn bytes(&self) -> usize {
        const FIXED: usize = 128;
        let texts = [
            Some(self.annotation_id),
            Some(self.item_id),
            Some(self.rater_id),
            self.control,
            self.target,
            self.region_id,
            self.parent_region_id,
            self.text,
            self.start_text,
            self.end_text,
            self.raw,
        ];
        FIXED
            + texts.into_iter().flatten().map(str::len).sum::<usize>()
            + self.points.map_or(0, size_of_val)
            + self.rle.map_or(0, size_of_val)
            + self.frames.map_or(0, size_of_val)
    }
}

impl ResultRows {
    /// Makes room for a batch of this size.
    pub fn new(sizes: &Sizes) -> Self {
        let points = StructBuilder::from_fields(schema::point_fields(), 0);
        let frames = StructBuilder::from_fields(schema::frame_fields(), 0);
        Self {
            texts: [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 13, 16, 17, 18, 26, 29].map(|column| sizes.texts(column)),
            numbers: std::array::from_fn(|_| Sparse::default()),
            integers: [sizes.values().into(), sizes.values().into(), Sparse::default()],
            bbox: NumberStructs::default(),
            points: ListBuilder::new(points).into(),
            rle: Sparse::default(),
            frames: ListBuilder::new(frames).into(),
            probabilities: MapBuilder::new(Some(map_names()), StringBuilder::new(), Float64Builder::new()),
            rows: 0,
            bytes: 0,
        }
    }

    /// Makes sure that so many rows like this one fit.
    ///
    /// # Errors
    /// [`ArrowError::MemoryError`] when they do not.
    pub fn reserve(&mut self, rows: usize, row: &ResultRow<'_>) -> Result<(), ArrowError> {
        self.bytes = self.bytes.saturating_add(rows.saturating_mul(row.bytes()));
        if self.bytes <= MAX_RESULT_BYTES {
            return Ok(());
        }
        let (each, most) = (row.bytes().div_ceil(1 << 10), MAX_RESULT_BYTES >> 30);
        Err(ArrowError::MemoryError(format!("{rows} rows of {each} KiB, more than the {most} GiB that fit")))
    }

    pub fn push(&mut self, row: &ResultRow<'_>) -> Result<(), ArrowError> {
        let texts = [
            Some(row.annotation_id),
            Some(row.item_id),
            Some(row.rater_id),
            Some(row.rater_kind),
            row.control,
            row.target,
            Some(row.r#type),
            row.region_id,
            row.parent_region_id,
            row.label,
            row.text,
            row.unit,
            row.start_text,
            row.end_text,
            row.direction,
            row.raw,
        ];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.push(text);
        }
        let numbers = [row.number, row.start, row.end, row.score, row.original_width, row.original_height];
        for (column, number) in self.numbers.iter_mut().zip(numbers) {
            column.push(number);
        }
        for (column, integer) in self.integers.iter_mut().zip([Some(row.result_index), Some(row.label_index), row.rank])
        {
            column.push(integer);
        }
        self.bbox.push(row.bbox.as_ref());
        match row.points {
            None => self.points.push_null(),
            Some(points) => {
                let list = self.points.next();
                for point in points {
                    append_point(list.values(), *point)?;
                }
                list.append(true);
            }
        }
        self.rle.push(row.rle);
        match row.frames {
            None => self.frames.push_null(),
            Some(frames) => {
                let list = self.frames.next();
                for frame in frames {
                    append_frame(list.values(), frame)?;
                }
                list.append(true);
            }
        }
        self.rows += 1;
        Ok(())
    }

    pub fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let [
            annotation_id,
            item_id,
            rater_id,
            rater_kind,
            control,
            target,
            r#type,
            region_id,
            parent,
            label,
            text,
            unit,
            start_text,
            end_text,
            direction,
            raw,
        ] = self.texts.each_mut().map(Sparse::finish);
        let [number, start, end, score, width, height] = self.numbers.each_mut().map(Sparse::finish);
        let [result_index, label_index, rank] = self.integers.each_mut().map(Sparse::finish);
        // No export of today fills it.
        self.probabilities.append_nulls(self.rows)?;
        let columns = vec![
            annotation_id,
            item_id,
            rater_id,
            rater_kind,
            control,
            target,
            r#type,
            result_index,
            region_id,
            parent,
            label,
            label_index,
            number,
            text,
            start,
            end,
            unit,
            start_text,
            end_text,
            self.bbox.finish(schema::bbox_fields())?,
            self.points.finish(),
            self.rle.finish(),
            self.frames.finish(),
            rank,
            score,
            Arc::new(self.probabilities.finish()),
            direction,
            width,
            height,
            raw,
        ];
        batch(schema::results(), columns)
    }
}

fn append_point(builder: &mut StructBuilder, point: [f64; 2]) -> Result<(), ArrowError> {
    for (index, number) in point.into_iter().enumerate() {
        field::<Float64Builder>(builder, index)?.append_value(number);
    }
    builder.append(true);
    Ok(())
}

fn append_frame(builder: &mut StructBuilder, frame: &Frame) -> Result<(), ArrowError> {
    field::<Int64Builder>(builder, 0)?.append_option(frame.frame);
    field::<BooleanBuilder>(builder, 1)?.append_option(frame.enabled);
    let numbers = [frame.x, frame.y, frame.width, frame.height, frame.rotation, frame.time];
    for (index, number) in (2..).zip(numbers) {
        field::<Float64Builder>(builder, index)?.append_option(number);
    }
    builder.append(true);
    Ok(())
}

fn field<B: ArrayBuilder>(builder: &mut StructBuilder, index: usize) -> Result<&mut B, ArrowError> {
    builder
        .field_builder::<B>(index)
        .ok_or_else(|| ArrowError::SchemaError(format!("field {index} of a struct has another type than its builder")))
}
