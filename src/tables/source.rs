//! What kind of table a file is, told by its content first and by its name where the content leaves it open.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use super::fault;
use crate::error::Result;

/// So much of a file is looked at.
const HEAD: usize = 64 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Csv { delimiter: u8 },
    Parquet,
    JsonLines,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv { delimiter: b'\t' } => "tsv",
            Self::Csv { .. } => "csv",
            Self::Parquet => "parquet",
            Self::JsonLines => "jsonl",
        }
    }

    /// Whether numbers and texts are told apart by the file itself.
    pub fn is_typed(self) -> bool {
        !matches!(self, Self::Csv { .. })
    }
}

/// Opens a file and tells what it is.
pub fn open(path: &Path) -> Result<(File, Kind)> {
    let about = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => fault(path, "there is no such file"),
        _ => fault(path, format_args!("the file cannot be read ({error})")),
    })?;
    if about.is_dir() {
        return Err(fault(path, "this is a folder; give one CSV, Parquet or JSON lines file"));
    }
    if !about.is_file() {
        return Err(fault(path, "this is not a regular file; write the table to a file first"));
    }
    let unreadable = |error: std::io::Error| fault(path, format_args!("the file cannot be read ({error})"));
    let mut file = File::open(path).map_err(unreadable)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
    let kind = kind_of(&head, &extension).map_err(|why| fault(path, why))?;
    Ok((file, kind))
}

const BOM: &[u8] = b"\xef\xbb\xbf";

fn kind_of(head: &[u8], extension: &str) -> Result<Kind, &'static str> {
    if head.starts_with(b"PAR1") {
        return Ok(Kind::Parquet);
    }
    let refusal: &[(&[u8], &str)] = &[
        (b"\x1f\x8b", "this file is compressed with gzip; unpack it first: gunzip FILE"),
        (b"\x28\xb5\x2f\xfd", "this file is compressed with Zstandard; unpack it first: unzstd FILE"),
        (b"BZh", "this file is compressed with bzip2; unpack it first: bunzip2 FILE"),
        (b"PK\x03\x04", "this is a ZIP archive or a spreadsheet; save the table as CSV (UTF-8) or Parquet"),
        (b"\xff\xfe", "this file is UTF-16; save it as UTF-8"),
        (b"\xfe\xff", "this file is UTF-16; save it as UTF-8"),
        (b"ARROW1", "this is an Arrow file; save the table as Parquet, CSV or JSON lines"),
    ];
    if let Some((_, why)) = refusal.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(why);
    }
    let text = head.strip_prefix(BOM).unwrap_or(head);
    let Some(first) = text.iter().find(|byte| !byte.is_ascii_whitespace()) else {
        return Err("the file is empty; a header or an object in the first line was expected");
    };
    if text.contains(&0) {
        return Err("this is neither text nor Parquet; CSV, Parquet or JSON lines was expected");
    }
    if matches!(extension, "parquet" | "pq") {
        return Err(
            "this is not a Parquet file: it does not begin with PAR1; was it cut off, or is it of another format?",
        );
    }
    match first {
        b'{' => Ok(Kind::JsonLines),
        b'[' => {
            Err("this is a JSON array; JSON lines were expected, one object per line: jq -c '.[]' FILE > FILE.jsonl")
        }
        _ if matches!(extension, "jsonl" | "ndjson" | "json") => Err(
            "this is not JSON lines: an object was expected in the first line, as in {\"item\": 1, \"annotator\": \"a\", \"label\": \"x\"}",
        ),
        _ => Ok(Kind::Csv { delimiter: delimiter(text, extension) }),
    }
}

/// A tab for .tsv; else what the header has most of.
fn delimiter(text: &[u8], extension: &str) -> u8 {
    if matches!(extension, "tsv" | "tab") {
        return b'\t';
    }
    let header = text.split(|&byte| byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for &byte in header {
        quoted ^= byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += i32::from(byte == *delimiter && !quoted);
        }
    }
    // The last of equal maxima: commas first.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |&(delimiter, _)| delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells_the_kind_before_the_name() {
        assert_eq!(kind_of(b"PAR1...", "csv"), Ok(Kind::Parquet));
        assert_eq!(kind_of(b"\n {\"a\": 1}", "csv"), Ok(Kind::JsonLines));
        let comma = Ok(Kind::Csv { delimiter: b',' });
        assert_eq!(kind_of(b"item,annotator,label\n", "txt"), comma);
        assert_eq!(kind_of(b"\xef\xbb\xbf\"a;b;c;d\",annotator,label\n1;2;3,4", "csv"), comma);
        assert_eq!(kind_of(b"item", "csv"), comma);
        assert_eq!(kind_of(b"item;annotator;label\n", "csv"), Ok(Kind::Csv { delimiter: b';' }));
        assert_eq!(kind_of(b"item\tannotator\tlabel\n", "csv"), Ok(Kind::Csv { delimiter: b'\t' }));
        assert_eq!(kind_of(b"a,b,c\t", "tsv"), Ok(Kind::Csv { delimiter: b'\t' }));
    }

    #[test]
    fn what_is_no_table_is_named() {
        for (head, extension, word) in [
            (&b""[..], "csv", "empty"),
            (b" \n ", "csv", "empty"),
            (b"\x1f\x8b\x08", "csv", "gzip"),
            (b"\x28\xb5\x2f\xfd", "csv", "Zstandard"),
            (b"PK\x03\x04", "xlsx", "spreadsheet"),
            (b"\xff\xfei\0", "csv", "UTF-16"),
            (b"i\0t\0e\0m\0", "csv", "neither"),
            (b"[{\"item\": 1}]", "json", "JSON array"),
            (b"item,annotator", "parquet", "not a Parquet file"),
            (b"item,annotator", "jsonl", "not JSON lines"),
        ] {
            let why = kind_of(head, extension).err().unwrap_or_default();
            assert!(why.contains(word), "{head:?}: {why}");
        }
    }
}
