//! What a small or endless file may ask for: memory and depth have bounds, and the message names them.

use std::io::{self, Read};

use assay_formats::label_studio::{SplitOptions, Splitter};

use crate::refusals::{MEND, refused};
use crate::support::{column, read, read_from};

/// A file without end: a beginning, then one byte for ever. Counts what is taken of it.
struct Endless<'a> {
    beginning: &'a [u8],
    byte: u8,
    taken: &'a mut usize,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let from_beginning = self.beginning.read(buffer)?;
        buffer[from_beginning..].fill(self.byte);
        *self.taken += buffer.len();
        Ok(buffer.len())
    }
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    let problem = "lists and objects are nested more than 127 deep (recursion limit exceeded)";
    let remedy = "leave this value out, or store it as a text";
    let nested = |depth: usize, (open, close): (&str, &str)| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    for brackets in [("[", "]"), ("{\"a\":", "}")] {
        let with = |depth: usize| format!("[{{\"id\":1,\"data\":{{\"n\":{}}}}}]", nested(depth, brackets));
        assert!(read(with(126)).is_ok());
        for depth in [127, 10_000, 100_000] {
            let message = read(with(depth)).unwrap_err().to_string();
            let place = "export.json: task 1, byte ";
            assert!(message.starts_with(place) && message.ends_with(&format!(": {problem}; {remedy}")), "{message}");
        }
        let value = nested(10_000, brackets);
        let in_result = format!(
            r#"[{{"id":1,"data":{{}},"annotations":[{{"id":2,"completed_by":3,"result":[{{"type":"x","value":{{"v":{value}}}}}]}}]}}]"#
        );
        assert!(read(in_result).unwrap_err().to_string().contains(problem));
        let in_copy = format!(
            r#"[{{"id":1,"data":{{}},"annotations":[{{"id":2,"completed_by":3,"result":[],"prediction":{value}}}]}}]"#
        );
        assert_eq!(read(in_copy).unwrap().annotations.num_rows(), 1);
    }
    let file = "[".repeat(1_000_000);
    refused(
        &file,
        "export.json: task 1, byte 1000000: the file ends inside a task that begins at byte 1; \
         the file is cut off: download or copy it again and compare its size",
    );
}

#[test]
fn a_task_without_end_is_refused_before_it_fills_the_memory() {
    let split = SplitOptions { max_task_bytes: 4 << 20, ..SplitOptions::new("export.json") };
    for (beginning, byte) in [
        ("[{\"id\":1,\"data\":{}}, {\"t\":\"", b'x'),
        ("[{\"id\":1,\"data\":{}}, ", b'['),
        ("[{\"id\":1,\"data\":{}}, ", b'1'),
    ] {
        let mut taken = 0;
        let error = read_from(Endless { beginning: beginning.as_bytes(), byte, taken: &mut taken }, split.clone());
        assert_eq!(
            error.unwrap_err().to_string(),
            "export.json: task 2, byte 21: the task is larger than 4 MiB; \
             remove what does not belong into a task, such as embedded media"
        );
        assert!(taken < 5 << 20, "{taken} bytes were read");
    }
}

#[test]
fn blanks_are_not_held_in_memory() {
    let file = format!(r#"[{}{{"id":1,"data":{{}}}}{}]"#, " ".repeat(4 << 20), "\n".repeat(4 << 20));
    let mut splitter = Splitter::new(file.as_bytes(), SplitOptions::new("export.json"));
    let chunk = splitter.next_chunk().unwrap().unwrap();
    // What a chunk holds shows in no other way.
    assert!(format!("{chunk:?}").len() < 8 << 20);
    assert_eq!(chunk.tasks().next().unwrap().byte, 1 + (4 << 20));
    assert!(splitter.next_chunk().unwrap().is_none());
}

#[test]
fn a_text_of_many_megabytes_is_read() {
    let long = "xé\\n".repeat(4_000_000);
    let whole = read(format!(r#"[{{"id":1,"data":{{"text":"{long}"}}}},{{"id":2,"data":{{}}}}]"#)).unwrap();
    assert_eq!(column(&whole.items, "native_id"), ["1", "2"]);
    assert_eq!(column(&whole.items, "data")[0].len(), long.len() + 11);
    assert_eq!(column(&whole.items, "slices")[0], "{}");
}

#[test]
fn a_result_that_repeats_too_much_for_its_labels_is_refused() {
    // Every label is a row with all of its region: a small file could ask for any amount of memory.
    let labels = vec!["\"a\""; 2200].join(",");
    let region = "x".repeat(1 << 20);
    for result in [
        format!(r#"{{"type":"labels","value":{{"labels":[{labels}]}},"meta":"{region}"}}"#),
        format!(r#"{{"type":"labels","value":{{"labels":[{labels}],"text":"{region}"}}}}"#),
    ] {
        let file = format!(
            r#"[{{"id":1,"data":{{}},"annotations":[{{"id":2,"completed_by":3,"result":[{{"type":"x"}},{result}]}}]}}]"#
        );
        assert_eq!(
            read(file).unwrap_err().to_string(),
            "export.json: task 1, byte 34: result 2 becomes 2200 rows of 1025 KiB, more than the 1 GiB that fit; \
             remove this result, or part of its labels"
        );
    }
}

#[test]
fn a_task_full_of_what_is_no_annotation_is_refused() {
    let with = |count: usize| format!(r#"[{{"id":1,"data":{{}},"annotations":[{}]}}]"#, vec!["5"; count].join(","));
    assert_eq!(read(with(100_000)).unwrap().rejects.num_rows(), 100_000);
    assert_eq!(
        read(with(100_001)).unwrap_err().to_string(),
        format!(
            "export.json: task 1, byte 200034: more than 100000 annotations cannot be used; of this one: cannot be read: \
             invalid type: integer `5`, expected an annotation (an object); {MEND}; check what made the file"
        )
    );
}
