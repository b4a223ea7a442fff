//! Columns that are being built.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayBuilder, ArrayRef, ArrowPrimitiveType, AsArray, BinaryBuilder, Float64Builder, ListBuilder,
    NullBufferBuilder, PrimitiveBuilder, RecordBatch, StringBuilder, StructArray, StructBuilder,
};
use arrow::datatypes::{DataType, Fields};
use arrow::error::ArrowError;

/// How large a batch was: the next one is given room for as much, since a column that grows is copied again and again.
#[derive(Debug, Clone, Default)]
pub struct Sizes {
    rows: usize,
    /// Of each column, the bytes of its texts.
    texts: Vec<usize>,
}

impl Sizes {
    pub fn of(batch: &RecordBatch) -> Self {
        let texts = batch.columns().iter().map(|column| match column.data_type() {
            DataType::Utf8 => column.as_string::<i32>().value_data().len(),
            _ => 0,
        });
        Self { rows: with_margin(batch.num_rows()), texts: texts.map(with_margin).collect() }
    }

    /// The column at this place of the schema, as texts.
    pub fn texts(&self, column: usize) -> Sparse<StringBuilder> {
        match self.texts.get(column) {
            None | Some(0) => Sparse::default(),
            Some(bytes) => Sparse::from(StringBuilder::with_capacity(self.rows, *bytes)),
        }
    }

    pub fn values<T: ArrowPrimitiveType>(&self) -> PrimitiveBuilder<T> {
        PrimitiveBuilder::with_capacity(self.rows)
    }
}

fn with_margin(size: usize) -> usize {
    size + size / 8
}

/// What takes many nulls at once.
pub trait Nulls: ArrayBuilder {
    fn append_nulls(&mut self, nulls: usize);
}

impl Nulls for StringBuilder {
    fn append_nulls(&mut self, nulls: usize) {
        self.append_nulls(nulls);
    }
}

impl Nulls for BinaryBuilder {
    fn append_nulls(&mut self, nulls: usize) {
        self.append_nulls(nulls);
    }
}

impl<T: ArrowPrimitiveType> Nulls for PrimitiveBuilder<T> {
    fn append_nulls(&mut self, nulls: usize) {
        self.append_nulls(nulls);
    }
}

impl Nulls for ListBuilder<StructBuilder> {
    fn append_nulls(&mut self, nulls: usize) {
        self.append_nulls(nulls);
    }
}

/// A column in which most rows have no value: nulls are only counted until a value comes.
#[derive(Debug, Default)]
pub struct Sparse<B> {
    builder: B,
    nulls: usize,
}

impl<B> From<B> for Sparse<B> {
    fn from(builder: B) -> Self {
        Self { builder, nulls: 0 }
    }
}

impl<B: Nulls> Sparse<B> {
    pub fn push_null(&mut self) {
        self.nulls += 1;
    }

    /// The builder, for one value.
    pub fn next(&mut self) -> &mut B {
        if self.nulls > 0 {
            self.builder.append_nulls(self.nulls);
            self.nulls = 0;
        }
        &mut self.builder
    }

    pub fn finish(&mut self) -> ArrayRef {
        ArrayBuilder::finish(self.next())
    }
}

impl Sparse<StringBuilder> {
    pub fn push(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.next().append_value(text),
            None => self.push_null(),
        }
    }
}

impl Sparse<BinaryBuilder> {
    pub fn push(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.next().append_value(bytes),
            None => self.push_null(),
        }
    }
}

impl<T: ArrowPrimitiveType> Sparse<PrimitiveBuilder<T>> {
    pub fn push(&mut self, value: Option<T::Native>) {
        match value {
            Some(value) => self.next().append_value(value),
            None => self.push_null(),
        }
    }
}

/// A column of structs of `N` numbers.
#[derive(Debug)]
pub struct NumberStructs<const N: usize> {
    numbers: [Sparse<Float64Builder>; N],
    valid: NullBufferBuilder,
}

impl<const N: usize> Default for NumberStructs<N> {
    fn default() -> Self {
        Self { numbers: std::array::from_fn(|_| Sparse::default()), valid: NullBufferBuilder::new(0) }
    }
}

impl<const N: usize> NumberStructs<N> {
    pub fn push(&mut self, row: Option<&[f64; N]>) {
        for (index, column) in self.numbers.iter_mut().enumerate() {
            column.push(row.map(|row| row[index]));
        }
        self.valid.append(row.is_some());
    }

    pub fn finish(&mut self, fields: Fields) -> Result<ArrayRef, ArrowError> {
        let columns = self.numbers.iter_mut().map(Sparse::finish).collect();
        Ok(Arc::new(StructArray::try_new(fields, columns, self.valid.finish())?))
    }
}
