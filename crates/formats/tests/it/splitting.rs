//! Where a file is cut into pieces and chunks makes no difference.

use std::io::{self, ErrorKind, Read};

use assay_formats::label_studio::{SplitOptions, Splitter};
use proptest::prelude::*;

use crate::exports::{config, export, style, tasks, write};
use crate::support::{read, read_from, read_in_chunks};

/// Hands out pieces of these sizes, over and over; a size of zero is an interrupted call.
pub struct Pieces<'a> {
    rest: &'a [u8],
    sizes: Vec<usize>,
    calls: usize,
}

impl<'a> Pieces<'a> {
    pub fn new(bytes: &'a [u8], sizes: &[usize]) -> Self {
        Self { rest: bytes, sizes: sizes.to_vec(), calls: 0 }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.calls % self.sizes.len()];
        self.calls += 1;
        if size == 0 {
            return Err(ErrorKind::Interrupted.into());
        }
        let size = size.min(buffer.len());
        self.rest.read(&mut buffer[..size])
    }
}

fn split(chunk_bytes: usize) -> SplitOptions {
    SplitOptions { chunk_bytes, ..SplitOptions::new("export.json") }
}

/// Sizes of pieces: at least one of them makes progress.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    let any = prop_oneof![Just(0), Just(1), 2..9usize, 10..2000usize];
    (prop::collection::vec(any, 0..5), 1..50usize).prop_map(|(mut sizes, last)| {
        sizes.push(last);
        sizes
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn pieces_and_chunks_make_no_difference(export in export(), sizes in sizes(), chunk in prop_oneof![0..3usize, 3..4000usize]) {
        let whole = read(&export).unwrap();
        prop_assert_eq!(whole.rejects.num_rows(), 0);
        prop_assert_eq!(&read_from(Pieces::new(export.as_bytes(), &sizes), split(chunk)).unwrap(), &whole);
        prop_assert_eq!(&read_from(Pieces::new(export.as_bytes(), &sizes), SplitOptions::new("export.json")).unwrap(), &whole);
        prop_assert_eq!(&read_in_chunks(&export, chunk).unwrap(), &whole);
    }

    #[test]
    fn how_an_export_is_written_makes_no_difference(tasks in tasks(), style in style()) {
        let compact = read(serde_json::to_string(&tasks).unwrap()).unwrap();
        let other = read(write(&tasks, style)).unwrap();
        for (one, other) in [(&compact.items, &other.items), (&compact.annotations, &other.annotations)] {
            prop_assert_eq!(one.column_by_name("content_hash"), other.column_by_name("content_hash"));
        }
        prop_assert_eq!(compact.results.num_rows(), other.results.num_rows());
        prop_assert_eq!(compact.results.column_by_name("label"), other.results.column_by_name("label"));
        prop_assert_eq!(compact.results.column_by_name("text"), other.results.column_by_name("text"));
        prop_assert_eq!(compact.counts, other.counts);
    }
}

#[test]
fn every_single_boundary_is_crossed() {
    let file = "[{\"id\":1,\"data\":{\"t\":\"\\\\\\\"}]é🙂\\ud83d\\ude42\\\\\"}} ,\n {\"id\":2,\"data\":{},\"annotations\":[]}\t]\r\n";
    let (export, second) = (file.as_bytes(), file.find("{\"id\":2").unwrap() as u64);
    let whole = read(export).unwrap();
    assert_eq!(whole.positions, [(0, 1), (1, second)]);
    for at in 1..export.len() {
        for chunk in [0, 20, 1 << 20] {
            let pieces = Pieces::new(export, &[at, export.len()]);
            assert_eq!(read_from(pieces, split(chunk)).unwrap(), whole, "cut at {at}");
        }
    }
}

#[test]
fn positions_count_through_all_chunks() {
    let task = |id: u64| format!("{{\"id\":{id},\"data\":{{\"t\":\"{}\"}}}}", "x".repeat(5000));
    let file = format!("[{}]", (0..200).map(task).collect::<Vec<_>>().join(" , "));
    let whole = read_in_chunks(&file, 10_000).unwrap();
    assert_eq!(whole.positions.len(), 200);
    for (index, (task, byte)) in (0..).zip(whole.positions) {
        assert_eq!(task, index);
        assert!(file[byte as usize..].starts_with(&format!("{{\"id\":{index},")));
    }
}

#[test]
fn chunks_are_of_about_the_size_asked_for() {
    let task = format!("{{\"id\":1,\"data\":{{\"t\":\"{}\"}}}}", "x".repeat(10_000));
    let file = format!("[{}]", vec![task; 500].join(","));
    let mut splitter = Splitter::new(file.as_bytes(), split(1 << 20));
    let mut sizes = Vec::new();
    while let Some(chunk) = splitter.next_chunk().unwrap() {
        sizes.push(chunk.tasks().map(|task| task.bytes.len()).sum::<usize>());
    }
    let last = sizes.pop().unwrap();
    assert!(last > 0 && sizes.len() == 4, "{sizes:?}");
    assert!(sizes.iter().all(|size| (1_000_000..1_400_000).contains(size)), "{sizes:?}");
}
