//! What the message says of a file that cannot be trusted: the file, the place, what was expected, what to do.

use std::io::{self, Read};

use assay_formats::label_studio::SplitOptions;

use crate::splitting::Pieces;
use crate::support::{column, read, read_from};

const AGAIN: &str = "export the project from Label Studio as JSON again";
pub const MEND: &str = "export the project from Label Studio again; if the file was edited, mend this place";
const GOOD: &str = r#"[{"id":1,"data":{"text":"caf\u00e9 🙂"},"annotations":[{"id":2,"completed_by":3,"result":[]}]}]"#;

/// The whole message, however small the pieces are that the file comes in.
#[track_caller]
pub fn refused(file: impl AsRef<[u8]>, expected: &str) {
    let file = file.as_ref();
    assert_eq!(read(file).unwrap_err().to_string(), expected);
    let pieces = Pieces::new(file, &[1, 4096]);
    assert_eq!(read_from(pieces, SplitOptions::new("export.json")).unwrap_err().to_string(), expected);
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn compressed_files_are_to_be_unpacked() {
    let mut gzip = vec![0x1f, 0x8b, 8, 0];
    gzip.extend([b'x'; 100]);
    refused(gzip, "export.json: byte 0: the file is compressed with gzip; unpack it with gunzip first");
    refused(
        "PK\x03\x04rest",
        "export.json: byte 0: the file is a zip archive; unpack it first and give the .json file in it",
    );
    refused(
        b"\x28\xb5\x2f\xfdrest",
        "export.json: byte 0: the file is compressed with zstd; unpack it with unzstd first",
    );
}

#[test]
fn utf_16_is_to_be_saved_as_utf_8() {
    let marked =
        "export.json: byte 0: the file is UTF-16, not UTF-8; save it as UTF-8, e.g. with iconv -f UTF-16 -t UTF-8";
    refused(utf16(&format!("\u{feff}{GOOD}"), u16::to_le_bytes), marked);
    refused(utf16(&format!("\u{feff}{GOOD}"), u16::to_be_bytes), marked);
    let unmarked = "export.json: byte 0: the file is UTF-16 or binary, not UTF-8 text; \
                    save it as UTF-8, e.g. with iconv -f UTF-16 -t UTF-8";
    refused(utf16(GOOD, u16::to_le_bytes), unmarked);
    refused(utf16(GOOD, u16::to_be_bytes), unmarked);
    refused([0; 100], unmarked);
}

#[test]
fn a_byte_order_mark_is_to_be_left_out() {
    refused(
        format!("\u{feff}{GOOD}"),
        "export.json: byte 0: the file begins with a UTF-8 byte order mark; save it as UTF-8 without a byte order mark",
    );
}

#[test]
fn bytes_that_are_no_utf_8_are_named() {
    let file = GOOD.replace("caf\\u00e9", "caf?");
    let at = file.find('?').unwrap();
    let mut latin1 = file.into_bytes();
    latin1[at] = 0xe9;
    refused(latin1, &format!("export.json: task 1, byte {at}: the bytes are not valid UTF-8; save the file as UTF-8"));
}

#[test]
fn a_page_is_to_be_opened_in_a_browser() {
    let remedy =
        "this is HTML or XML, often an error or login page that was saved: open it in a browser, then export again";
    refused(
        "\n<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head></html>",
        &format!(
            "export.json: byte 1: expected a JSON list of tasks, found a page that begins with \
             \"<!DOCTYPE html>\\n<html><head><title>502 B\"; {remedy}"
        ),
    );
    refused(
        "<a>",
        &format!("export.json: byte 0: expected a JSON list of tasks, found a page that begins with \"<a>\"; {remedy}"),
    );
}

#[test]
fn what_is_no_list_of_tasks_is_named() {
    let object = "expected a JSON list of tasks, found one JSON object; this may be an API's answer, a single task or \
                  JSON Lines: export the project as JSON, which gives a list";
    refused("{\"id\":1,\"data\":{}}\n{\"id\":2}", &format!("export.json: byte 0: {object}"));
    refused("  {}", &format!("export.json: byte 2: {object}"));
    refused(
        "id,text\n1,hello\n",
        &format!("export.json: byte 0: expected a JSON list of tasks, found \"id,text\\n1,hello\\n\"; {AGAIN}"),
    );
}

#[test]
fn nothing_is_no_export() {
    refused("", &format!("export.json: byte 0: the file is empty; {AGAIN}"));
    refused(" \n\t\r\n", &format!("export.json: byte 5: the file is empty; {AGAIN}"));
    refused(
        "[ ]\n",
        "export.json: byte 4: the list holds no tasks; export a project that has annotations, or with all tasks \
         (download_all_tasks=true)",
    );
}

#[test]
fn a_cut_off_file_is_to_be_copied_again() {
    let remedy = "the file is cut off: download or copy it again and compare its size";
    for (file, task, problem) in [
        ("[", "task 1, ", "the file ends before the end of the list (']')"),
        ("[{\"id\":1", "task 1, ", "the file ends inside a task that begins at byte 1"),
        ("[{\"id\":1,\"data\":{\"t\":\"a\\", "task 1, ", "the file ends inside a task that begins at byte 1"),
        ("[{\"id\":1,\"data\":{}}", "task 1, ", "the file ends before the end of the list (']')"),
        ("[{\"id\":1,\"data\":{}}, {\"id", "task 2, ", "the file ends inside a task that begins at byte 21"),
        ("[{\"id\":1,\"data\":{}},\n", "task 2, ", "the file ends before the end of the list (']')"),
    ] {
        refused(file, &format!("export.json: {task}byte {}: {problem}; {remedy}", file.len()));
    }
}

#[test]
fn two_documents_are_to_be_given_one_by_one() {
    for (between, second) in [("", GOOD), ("\n", GOOD), (" ", "{}")] {
        let at = GOOD.len() + between.len();
        refused(
            format!("{GOOD}{between}{second}"),
            &format!(
                "export.json: byte {at}: a second JSON document begins after the end of the list; \
                 give each export as a file of its own, or join the lists into one"
            ),
        );
    }
    let at = GOOD.len();
    refused(
        format!("{GOOD}é"),
        &format!("export.json: byte {at}: expected the end of the file after a task, found 'é'; {AGAIN}"),
    );
}

#[test]
fn commas_and_brackets_out_of_place_are_named() {
    let task = r#"{"id":1,"data":{}}"#;
    for (file, place, problem) in [
        (format!("[{task},]"), "task 2, byte 20", "expected a task, found ']'"),
        (format!("[,{task}]"), "task 1, byte 1", "expected a task, found ','"),
        (format!("[{task}{task}]"), "task 1, byte 19", "expected ',' or ']' after a task, found '{'"),
        (format!("[{task}}}]"), "task 1, byte 19", "expected ',' or ']' after a task, found '}'"),
        (format!("[{task} ж]"), "task 1, byte 20", "expected ',' or ']' after a task, found 'ж'"),
    ] {
        refused(file, &format!("export.json: {place}: {problem}; {AGAIN}"));
    }
}

#[test]
fn tasks_that_are_no_objects_are_named() {
    for (task, found) in [
        ("7", "the number 7"),
        ("null", "null"),
        ("[1]", "a list"),
        ("\"t\"", "the text \"t\""),
        ("x", "something else"),
    ] {
        refused(
            format!("[{{\"id\":1,\"data\":{{}}}},{task}]"),
            &format!("export.json: task 2, byte 20: a task must be an object, found {found}; {MEND}"),
        );
    }
}

#[test]
fn ids_must_be_whole_numbers() {
    let remedy = "export the project from Label Studio as JSON: files made for its import have no ids of their own";
    for (id, found) in [("\"17\"", "the text \"17\""), ("1.5", "the number 1.5"), ("[1]", "a list"), ("true", "true")] {
        refused(
            format!("[{{\"id\":{id},\"data\":{{}}}}]"),
            &format!("export.json: task 1, byte 1: the task's id must be a whole number, found {found}; {remedy}"),
        );
        for (list, kind) in [("annotations", "annotation"), ("drafts", "draft"), ("predictions", "prediction")] {
            let file = format!("[{{\"id\":7,\"data\":{{}},\"{list}\":[ {{\"id\":{id}}}]}}]");
            let at = file.find(&format!("{{\"id\":{id}")).unwrap();
            refused(
                file,
                &format!(
                    "export.json: task 1, byte {at}: the {kind}'s id must be a whole number, found {found}; {MEND}"
                ),
            );
        }
    }
    refused("[{\"data\":{}}]", &format!("export.json: task 1, byte 1: the task has no id; {remedy}"));
}

#[test]
fn ids_that_occur_twice_keep_their_places_for_the_import_to_name() {
    let whole = read(r#"[{"id":1,"data":{}}, {"id":1,"data":{"t":"x"}}]"#).unwrap();
    assert_eq!(column(&whole.items, "item_id"), ["demo/task/1", "demo/task/1"]);
    assert_eq!(whole.positions, [(0, 1), (1, 21)]);
}

#[test]
fn a_task_without_data_is_refused() {
    let remedy = "export the project from Label Studio as JSON: JSON-MIN and CSV drop what the reports need";
    refused(r#"[{"id":1,"annotation_id":2}]"#, &format!("export.json: task 1, byte 1: the task has no data; {remedy}"));
    refused(
        r#"[{"id":1,"data":[]}]"#,
        &format!("export.json: task 1, byte 16: the task's data must be an object, found a list; {remedy}"),
    );
}

#[test]
fn a_list_that_is_none_or_occurs_twice_is_refused() {
    for (list, kind) in [("annotations", "annotation"), ("predictions", "prediction"), ("drafts", "draft")] {
        refused(
            format!(r#"[{{"id":1,"data":{{}},"{list}":{{"a":1}}}}]"#),
            &format!("export.json: task 1, byte {}: {kind}s must be a list, found an object; {MEND}", 22 + list.len()),
        );
        let twice = format!(r#"[{{"id":1,"data":{{}},"{list}":[],"{list}":[]}}]"#);
        let message = read(&twice).unwrap_err().to_string();
        assert!(message.starts_with("export.json: task 1, byte "), "{message}");
        assert!(message.ends_with(&format!(": cannot be read: duplicate field `{list}`; {MEND}")), "{message}");
    }
}

#[test]
fn times_of_a_task_must_be_times() {
    refused(
        r#"[{"id":1,"data":{},"created_at":"today"}]"#,
        &format!(
            "export.json: task 1, byte 1: created_at must be a time such as 2026-01-31T12:00:00Z, found the text \"today\"; {MEND}"
        ),
    );
}

#[test]
fn not_a_number_is_named_wherever_it_stands() {
    for value in ["NaN", "Infinity", "-Infinity"] {
        for before in [
            r#"[{"id":1,"data":{"a":"#,
            r#"[{"id":1,"data":{"a":[1, "#,
            "[\n {\n  \"id\": 1,\n  \"data\": {\"ä\":\n ",
            r#"[{"id":1,"data":{},"annotations":[{"id":2,"lead_time": "#,
            r#"[{"id":1,"data":{},"annotations":[{"id":2,"result":[{"type":"number","value":{"number":"#,
        ] {
            let open = before.replace("{}", "");
            let close = open.chars().rev().filter_map(|c| match c {
                '{' => Some('}'),
                '[' => Some(']'),
                _ => None,
            });
            let file = format!("{before}{value}{}", close.collect::<String>());
            let at = before.len() + usize::from(value.starts_with('-'));
            refused(
                file,
                &format!(
                    "export.json: task 1, byte {at}: NaN and Infinity are no JSON; write null or a number instead"
                ),
            );
        }
    }
}

#[test]
fn what_is_no_json_is_named() {
    for (data, problem, byte) in [
        ("{\"a\":\"x\ny\"}", "control character (\\u0000-\\u001F) found while parsing a string", 22),
        ("{\"a\":\"\\x\"}", "invalid escape", 23),
        ("{\"a\" 1}", "expected `:`", 21),
        ("{\"a\":1,}", "key must be a string", 23),
        ("{'a':1}", "key must be a string", 17),
        ("{\"a\":1e999}", "number out of range", 25),
        ("{\"a\":\"\\ud800\"}", "unexpected end of hex escape", 28),
        ("{\"a\":[1}}", "expected `,` or `]`", 23),
    ] {
        let file = format!("[{{\"id\":1,\"data\":{data}}}]");
        let message = read(&file).unwrap_err().to_string();
        assert_eq!(message, format!("export.json: task 1, byte {byte}: not valid JSON: {problem}; {MEND}"), "{data}");
    }
}

#[test]
fn a_disk_that_fails_is_no_end_of_the_file() {
    struct Failing(bool);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("the disk is gone"));
            }
            buffer[..9].copy_from_slice(b"[{\"id\":1,");
            Ok(9)
        }
    }
    assert_eq!(
        read_from(Failing(false), SplitOptions::new("export.json")).unwrap_err().to_string(),
        "export.json: task 1, byte 9: the file cannot be read on (the disk is gone); check the disk and the file"
    );
}
