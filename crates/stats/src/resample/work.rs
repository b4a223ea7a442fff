use std::sync::{Mutex, PoisonError};

/// Fills the rows of a table, each of `width` cells, on several threads. A row is a function of its number alone.
///
/// `scratch` makes what a thread needs again and again. Threads take blocks of rows as they get free, so a slow one delays nobody.
pub(super) fn fill_rows<C: Send, S>(
    table: &mut [C],
    width: usize,
    threads: usize,
    scratch: impl Fn() -> S + Sync,
    fill: impl Fn(usize, &mut S, &mut [C]) + Sync,
) {
    if width == 0 {
        return;
    }
    let rows = table.len() / width;
    let size = (rows / (BLOCKS * threads.max(1))).clamp(1, LARGEST_BLOCK);
    let blocks = Mutex::new(table.chunks_mut(size * width).enumerate());
    let work = || {
        let mut scratch = scratch();
        loop {
            let taken = blocks.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((number, block)) = taken else { break };
            for (place, row) in block.chunks_mut(width).enumerate() {
                fill(number * size + place, &mut scratch, row);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(rows.div_ceil(size)) {
            scope.spawn(work);
        }
        work();
    });
}

/// Each thread takes about so many blocks of rows, so that none waits long for the last one.
const BLOCKS: usize = 8;

/// More rows at a time would save nothing.
const LARGEST_BLOCK: usize = 64;

/// The cell of a figure in a table of results: not a number stands for an undefined one. Nobody outside sees it.
pub(super) fn cell(figure: Option<f64>) -> f64 {
    figure.filter(|value| value.abs() <= LARGEST).unwrap_or(f64::NAN)
}

/// Squares of larger figures would not add up to a finite number.
const LARGEST: f64 = 1e140;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_filled_once_by_its_number() {
        for (rows, width, threads) in [(0, 3, 4), (1, 1, 0), (9, 2, 1), (9, 2, 3), (1001, 3, 64)] {
            let mut table = vec![0; rows * width];
            fill_rows(
                &mut table,
                width,
                threads,
                || 7,
                |number, seven, row| row.iter_mut().for_each(|cell| *cell += number + *seven),
            );
            let expected: Vec<usize> = (0..rows).flat_map(|number| vec![number + 7; width]).collect();
            assert_eq!(table, expected, "{rows} {width} {threads}");
        }
        fill_rows(&mut [0_u8; 0], 0, 2, || (), |_, (), _| ());
    }
}
