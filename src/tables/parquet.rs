//! Parquet: each wanted column is read and coded for itself, several at a time.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, GenericByteArray, PrimitiveArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, ByteArrayType, DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type,
};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use super::codes::{Coder, MISSING};
use super::columns::choose;
use super::positional::Positional;
use super::table::{Columns, check_rows};
use super::{Request, fault, fault_at};
use crate::error::{Error, Result};

const ROWS_PER_BATCH: usize = 64 << 10;

pub fn read(path: &Path, file: File, request: &Request) -> Result<Columns> {
    let file = Positional::new(file).map_err(|error| fault(path, format_args!("the file cannot be read ({error})")))?;
    let metadata =
        ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()).map_err(|error| damaged(path, &error))?;
    let fields = metadata.schema().fields();
    let available: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    let chosen = choose(path, &available, request)?;
    let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or_default();
    check_rows(path, rows)?;
    let names = chosen.all();
    let mut wanted = Vec::new();
    for name in &names {
        let (place, field) = metadata
            .schema()
            .column_with_name(name)
            .ok_or_else(|| fault(path, format_args!("there is no column {name:?}")))?;
        if field.data_type().is_nested() {
            return Err(fault(
                path,
                format_args!(
                    "column {name:?} holds {}, where one text or number per row was expected; write one rating per row",
                    field.data_type()
                ),
            ));
        }
        wanted.push(ColumnReader { path, file: &file, metadata: &metadata, place, name, rows });
    }
    let coders = read_all(&wanted, request.threads)?;
    drop(wanted);
    drop(names);
    Ok(Columns { chosen, coders, rows })
}

fn damaged(path: &Path, error: &ParquetError) -> Error {
    fault(path, format_args!("the Parquet file cannot be read, it is damaged or cut off ({error})"))
}

/// Reads the columns on so many threads; the answer does not depend on how many.
fn read_all(columns: &[ColumnReader<'_>], threads: usize) -> Result<Vec<Coder>> {
    let next = AtomicUsize::new(0);
    let read: Vec<Mutex<Option<Result<Coder>>>> = columns.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        while let (place, Some(column)) = {
            let place = next.fetch_add(1, Ordering::Relaxed);
            (place, columns.get(place))
        } {
            let coder = column.read();
            if let Ok(mut slot) = read[place].lock() {
                *slot = Some(coder);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(columns.len()) {
            scope.spawn(work);
        }
        work();
    });
    let taken = read.into_iter().zip(columns).map(|(slot, column)| match slot.into_inner() {
        Ok(Some(coder)) => coder,
        _ => Err(Error::internal(anyhow::anyhow!("column {} was not read", column.name))),
    });
    taken.collect()
}

struct ColumnReader<'a> {
    path: &'a Path,
    file: &'a Positional,
    metadata: &'a ArrowReaderMetadata,
    /// Among the columns of the file.
    place: usize,
    name: &'a str,
    rows: u64,
}

impl ColumnReader<'_> {
    fn read(&self) -> Result<Coder> {
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), [self.place]);
        let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone())
            .with_projection(mask)
            .with_batch_size(ROWS_PER_BATCH)
            .build()
            .map_err(|error| damaged(self.path, &error))?;
        let mut coder = Coder::with_capacity(usize::try_from(self.rows).unwrap_or_default());
        for batch in batches {
            let batch = batch.map_err(|error| damaged(self.path, &ParquetError::from(error)))?;
            self.code(batch.column(0), &mut coder)?;
        }
        if coder.len() as u64 == self.rows {
            Ok(coder)
        } else {
            let message = format!("column {:?} has {} values for {} rows", self.name, coder.len(), self.rows);
            Err(damaged(self.path, &ParquetError::General(message)))
        }
    }

    fn code(&self, column: &ArrayRef, coder: &mut Coder) -> Result<()> {
        match column.data_type() {
            DataType::Int8 => ints::<Int8Type>(column.as_primitive(), coder),
            DataType::Int16 => ints::<Int16Type>(column.as_primitive(), coder),
            DataType::Int32 => ints::<Int32Type>(column.as_primitive(), coder),
            DataType::Int64 => ints::<Int64Type>(column.as_primitive(), coder),
            DataType::UInt8 => ints::<UInt8Type>(column.as_primitive(), coder),
            DataType::UInt16 => ints::<UInt16Type>(column.as_primitive(), coder),
            DataType::UInt32 => ints::<UInt32Type>(column.as_primitive(), coder),
            DataType::Float32 => floats::<Float32Type>(column.as_primitive(), coder),
            DataType::Float64 => floats::<Float64Type>(column.as_primitive(), coder),
            DataType::Utf8 => return self.bytes(column.as_string::<i32>(), coder),
            DataType::LargeUtf8 => return self.bytes(column.as_string::<i64>(), coder),
            DataType::Binary => return self.bytes(column.as_binary::<i32>(), coder),
            DataType::LargeBinary => return self.bytes(column.as_binary::<i64>(), coder),
            DataType::Utf8View => {
                for value in column.as_string_view() {
                    self.text(value.map(str::as_bytes), coder)?;
                }
            }
            DataType::Dictionary(_, values) if is_text(values) => return self.dictionary(column, coder),
            DataType::Null => (0..column.len()).for_each(|_| coder.missing()),
            other => return self.code(&self.converted(column, other)?, coder),
        }
        Ok(())
    }

    /// Types without a way of their own: as whole numbers where all values are, else as numbers, else as their text.
    fn converted(&self, column: &ArrayRef, from: &DataType) -> Result<ArrayRef> {
        let to = match from {
            DataType::Dictionary(_, values) => values.as_ref().clone(),
            DataType::Float16
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => DataType::Float64,
            DataType::UInt64 => {
                let whole =
                    cast(column, &DataType::Int64).ok().filter(|whole| whole.null_count() == column.null_count());
                if let Some(whole) = whole {
                    return Ok(whole);
                }
                DataType::Utf8
            }
            _ => DataType::Utf8,
        };
        if column.null_count() == column.len() {
            return Ok(new_null_array(&DataType::Null, column.len()));
        }
        cast(column, &to).map_err(|_| {
            fault(
                self.path,
                format_args!(
                    "column {:?} holds {from}, which is neither text nor numbers; convert it first",
                    self.name
                ),
            )
        })
    }

    fn bytes<T: ByteArrayType>(&self, column: &GenericByteArray<T>, coder: &mut Coder) -> Result<()>
    where
        T::Native: AsRef<[u8]>,
    {
        for value in column {
            self.text(value.map(AsRef::as_ref), coder)?;
        }
        Ok(())
    }

    fn text(&self, value: Option<&[u8]>, coder: &mut Coder) -> Result<()> {
        match value {
            Some(text) => coder.text(text).map_err(|bad| self.bad(coder.len(), bad)),
            None => {
                coder.missing();
                Ok(())
            }
        }
    }

    /// Each distinct value of the batch is looked up once.
    fn dictionary(&self, column: &ArrayRef, coder: &mut Coder) -> Result<()> {
        let dictionary = column.as_any_dictionary();
        let values = cast(dictionary.values(), &DataType::Utf8).map_err(|error| damaged(self.path, &error.into()))?;
        let values = values.as_string::<i32>();
        let mut recode = vec![MISSING; values.len()];
        for (place, key) in dictionary.normalized_keys().into_iter().enumerate() {
            if dictionary.keys().is_null(place) || values.is_null(key) {
                coder.missing();
                continue;
            }
            if recode[key] == MISSING {
                recode[key] =
                    coder.code_of_text(values.value(key).as_bytes()).map_err(|bad| self.bad(coder.len(), bad))?;
            }
            coder.push_code(recode[key]);
        }
        Ok(())
    }

    fn bad(&self, rows_before: usize, why: impl std::fmt::Display) -> Error {
        fault_at(self.path, rows_before as u64 + 1, self.name, why)
    }
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn ints<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, coder: &mut Coder)
where
    T::Native: Into<i64>,
{
    if column.null_count() == 0 {
        coder.ints(column.values().iter().map(|&value| value.into()));
    } else {
        for value in column {
            match value {
                Some(value) => coder.int(value.into()),
                None => coder.missing(),
            }
        }
    }
}

fn floats<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, coder: &mut Coder)
where
    T::Native: Into<f64>,
{
    for value in column {
        match value {
            Some(value) => coder.float(value.into()),
            None => coder.missing(),
        }
    }
}
