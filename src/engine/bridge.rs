//! Arrow to Polars over the Arrow C data interface: buffers are shared, not copied. The only `unsafe` of the project.
#![expect(clippy::disallowed_types, reason = "src/engine alone uses polars, and this is it")]
#![expect(unsafe_code, reason = "the C data interface is the only path between the two Arrow implementations")]

use std::mem::{align_of, size_of, transmute};

use anyhow::Context;
use arrow::array::{Array, RecordBatch};
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, to_ffi};
use polars_arrow::ffi as polars_ffi;
use polars_core::prelude::{Column, DataFrame, Series};

use crate::error::Result;

// Both crates mirror the same C structs; a build in which they drift apart must fail.
const _: () = {
    assert!(size_of::<FFI_ArrowArray>() == size_of::<polars_ffi::ArrowArray>());
    assert!(align_of::<FFI_ArrowArray>() == align_of::<polars_ffi::ArrowArray>());
    assert!(size_of::<FFI_ArrowSchema>() == size_of::<polars_ffi::ArrowSchema>());
    assert!(align_of::<FFI_ArrowSchema>() == align_of::<polars_ffi::ArrowSchema>());
};

/// Batches of one schema as one frame, a chunk per batch.
pub fn to_frame(batches: &[RecordBatch]) -> Result<DataFrame> {
    let Some(first) = batches.first() else { return Ok(DataFrame::empty()) };
    let height = batches.iter().map(RecordBatch::num_rows).sum();
    let mut columns = Vec::with_capacity(first.num_columns());
    for (index, field) in first.schema().fields().iter().enumerate() {
        let schema = FFI_ArrowSchema::try_from(field.as_ref()).context("export a field")?;
        // SAFETY: both types are #[repr(C)] mirrors of ArrowSchema (asserted above); the release callback moves along.
        let field = unsafe {
            let schema: polars_ffi::ArrowSchema = transmute(schema);
            polars_ffi::import_field_from_c(&schema).context("import a field")?
        };
        let mut chunks = Vec::with_capacity(batches.len());
        for batch in batches {
            let (array, _) = to_ffi(&batch.column(index).to_data()).context("export a column")?;
            // SAFETY: as above for ArrowArray; the array was exported on the line before and has the type of `field`.
            chunks.push(unsafe {
                let array: polars_ffi::ArrowArray = transmute(array);
                polars_ffi::import_array_from_c(array, field.dtype.clone()).context("import a column")?
            });
        }
        columns.push(Column::from(Series::try_from((&field, chunks)).context("make a column")?));
    }
    Ok(DataFrame::new(height, columns).context("make a frame")?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringViewArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    #[test]
    fn buffers_are_shared_across_chunks() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("label", DataType::Utf8View, true),
        ]));
        let batch = |n: Vec<Option<i64>>| {
            let labels = StringViewArray::from(vec![Some("cat"); n.len()]);
            RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(n)), Arc::new(labels)]).unwrap()
        };
        let batches = [batch(vec![Some(1), None]), batch(vec![Some(3)])];
        let frame = to_frame(&batches).unwrap();
        assert_eq!((frame.height(), frame.width()), (3, 2));
        let column = frame.column("n").unwrap().i64().unwrap();
        assert_eq!(column.iter().collect::<Vec<_>>(), [Some(1), None, Some(3)]);
        let ours = batches[0].column(0).to_data().buffers()[0].as_ptr();
        let theirs = column.downcast_iter().next().unwrap().values().as_ptr().cast::<u8>();
        assert_eq!(ours, theirs, "the integers were copied");
    }

    #[test]
    fn no_batches_make_an_empty_frame() {
        assert_eq!(to_frame(&[]).unwrap().height(), 0);
    }
}
