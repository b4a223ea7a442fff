//! Records of delimited text (RFC 4180), one at a time, from a buffer that holds a block of the file.

use std::io::Read;

use memchr::{memchr, memchr_iter, memchr2};

const BLOCK: usize = 1 << 20;
/// A longer record is a quote that nobody closed.
const LONGEST: usize = 64 << 20;

/// Why a record cannot be read. Lines count from 1.
#[derive(Debug)]
pub enum BadRecord {
    Input(std::io::Error),
    /// A quoted field has no end.
    Unclosed {
        line: u64,
    },
    /// After a closing quote comes neither a delimiter nor the end of the line.
    AfterQuote {
        line: u64,
    },
}

impl std::fmt::Display for BadRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Input(error) => write!(f, "the file cannot be read ({error})"),
            Self::Unclosed { line } => {
                write!(
                    f,
                    "line {line}: a field begins with a quote that is never closed; double quotes inside a quoted field: \"\""
                )
            }
            Self::AfterQuote { line } => write!(
                f,
                "line {line}: text follows a closing quote where a delimiter was expected; double quotes inside a quoted field: \"\""
            ),
        }
    }
}

/// Where a field lies: in the block, or in `unescaped`.
#[derive(Debug, Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    escaped: bool,
}

#[derive(Debug)]
pub struct Records<R> {
    input: R,
    delimiter: u8,
    block: Vec<u8>,
    /// The next record begins here.
    start: usize,
    ended: bool,
    fields: Vec<Field>,
    unescaped: Vec<u8>,
    line: u64,
    next_line: u64,
}

enum Parsed {
    /// The length of the record with its line end, and the number of its lines.
    Whole { len: usize, lines: u64 },
    /// The block ends within the record.
    Cut,
}

impl<R: Read> Records<R> {
    pub fn new(input: R, delimiter: u8) -> Self {
        Self {
            input,
            delimiter,
            block: Vec::new(),
            start: 0,
            ended: false,
            fields: Vec::new(),
            unescaped: Vec::new(),
            line: 0,
            next_line: 1,
        }
    }

    /// Goes to the next record; false at the end.
    pub fn advance(&mut self) -> Result<bool, BadRecord> {
        loop {
            if self.start < self.block.len() {
                if let Parsed::Whole { len, lines } = self.parse()? {
                    self.line = self.next_line;
                    self.next_line += lines;
                    self.start += len;
                    return Ok(true);
                }
                if self.block.len() - self.start > LONGEST {
                    return Err(BadRecord::Unclosed { line: self.next_line });
                }
            } else if self.ended {
                return Ok(false);
            }
            self.fill()?;
        }
    }

    /// The line on which the record begins.
    pub fn line(&self) -> u64 {
        self.line
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// A field of the record, without its quotes.
    pub fn field(&self, place: usize) -> &[u8] {
        let Field { start, end, escaped } = self.fields[place];
        if escaped { &self.unescaped[start..end] } else { &self.block[start..end] }
    }

    fn fill(&mut self) -> Result<(), BadRecord> {
        self.block.drain(..self.start);
        self.start = 0;
        // A record longer than a block: read as much again as is there.
        let more = BLOCK.max(self.block.len()) as u64;
        let read = self.input.by_ref().take(more).read_to_end(&mut self.block).map_err(BadRecord::Input)?;
        self.ended = (read as u64) < more;
        Ok(())
    }

    fn parse(&mut self) -> Result<Parsed, BadRecord> {
        self.fields.clear();
        self.unescaped.clear();
        let data = &self.block[self.start..];
        let (mut at, mut lines) = (0, 1);
        loop {
            let (field, end) = if data.get(at) == Some(&b'"') {
                let bad = |bad: fn(u64) -> BadRecord| Err(bad(self.next_line + lines - 1));
                match quoted(data, at, self.ended, self.delimiter, &mut self.unescaped) {
                    Quoted::Whole { field, end } => {
                        lines += memchr_iter(b'\n', &data[at..end]).count() as u64;
                        (field, end)
                    }
                    Quoted::Cut => return Ok(Parsed::Cut),
                    Quoted::Unclosed => return bad(|line| BadRecord::Unclosed { line }),
                    Quoted::AfterQuote => return bad(|line| BadRecord::AfterQuote { line }),
                }
            } else {
                let end = match memchr2(self.delimiter, b'\n', &data[at..]) {
                    Some(length) => at + length,
                    None if self.ended => data.len(),
                    None => return Ok(Parsed::Cut),
                };
                let is_last = data.get(end) != Some(&self.delimiter);
                let without_return = if is_last && data[at..end].ends_with(b"\r") { end - 1 } else { end };
                (Field { start: at, end: without_return, escaped: false }, end)
            };
            let base = if field.escaped { 0 } else { self.start };
            self.fields.push(Field { start: base + field.start, end: base + field.end, ..field });
            match data.get(end) {
                Some(&byte) if byte == self.delimiter => at = end + 1,
                Some(_) => return Ok(Parsed::Whole { len: end + 1, lines }),
                None => return Ok(Parsed::Whole { len: end, lines }),
            }
        }
    }
}

enum Quoted {
    Whole { field: Field, end: usize },
    Cut,
    Unclosed,
    AfterQuote,
}

/// A field that begins with a quote at `at`; `end` is where its delimiter, its line's end or the end of the data is.
fn quoted(data: &[u8], at: usize, ended: bool, delimiter: u8, unescaped: &mut Vec<u8>) -> Quoted {
    let (mut from, mut piece, begin) = (at + 1, at + 1, unescaped.len());
    let close = loop {
        let Some(length) = memchr(b'"', &data[from..]) else {
            return if ended { Quoted::Unclosed } else { Quoted::Cut };
        };
        let quote = from + length;
        match data.get(quote + 1) {
            Some(b'"') => {
                unescaped.extend_from_slice(&data[piece..=quote]);
                piece = quote + 2;
                from = piece;
            }
            None if !ended => return Quoted::Cut,
            _ => break quote,
        }
    };
    let field = if unescaped.len() > begin {
        unescaped.extend_from_slice(&data[piece..close]);
        Field { start: begin, end: unescaped.len(), escaped: true }
    } else {
        Field { start: at + 1, end: close, escaped: false }
    };
    match &data[close + 1..] {
        [] | [b'\n', ..] => Quoted::Whole { field, end: close + 1 },
        [byte, ..] if *byte == delimiter => Quoted::Whole { field, end: close + 1 },
        [b'\r', b'\n', ..] => Quoted::Whole { field, end: close + 2 },
        [b'\r'] if ended => Quoted::Whole { field, end: close + 2 },
        [b'\r'] => Quoted::Cut,
        _ => Quoted::AfterQuote,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    /// Gives a byte at a time less than asked for, so that records are cut everywhere.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let n = buffer.len().min(self.0.len()).min(3);
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn all(text: &str) -> Result<Vec<(u64, Vec<String>)>, BadRecord> {
        let mut records = Records::new(Slow(text.as_bytes()), b',');
        let mut found = Vec::new();
        while records.advance()? {
            let fields =
                (0..records.len()).map(|place| String::from_utf8(records.field(place).to_vec()).unwrap()).collect();
            found.push((records.line(), fields));
        }
        Ok(found)
    }

    #[test]
    fn fields_are_split_and_unquoted() {
        let found = all("a,b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\r\n,\n\"\",say \"hi\"\n\"last\"").unwrap();
        let texts: Vec<(u64, Vec<&str>)> =
            found.iter().map(|(line, fields)| (*line, fields.iter().map(String::as_str).collect())).collect();
        let expected = [
            (1, vec!["a", "b"]),
            (2, vec!["x, \"y\"", "two\nlines"]),
            (4, vec!["", ""]),
            (5, vec!["", "say \"hi\""]),
            (6, vec!["last"]),
        ];
        assert_eq!(texts, expected);
        assert_eq!(all("").unwrap(), []);
        assert_eq!(all("a\r").unwrap(), [(1, vec!["a".to_owned()])]);
        assert_eq!(all("\"a\"\r").unwrap(), [(1, vec!["a".to_owned()])]);
    }

    #[test]
    fn bad_quotes_are_told_with_their_line() {
        assert_eq!(all("a\n\"b\nc").unwrap_err().to_string().split(':').next(), Some("line 2"));
        assert!(matches!(all("a\n\n\"b\"c\n"), Err(BadRecord::AfterQuote { line: 3 })));
    }

    #[test]
    fn records_longer_than_a_block_are_read() {
        let long = "x".repeat(3 * BLOCK);
        let text = format!("a,b\n\"{long}\",2\n1,{long}\n");
        let mut records = Records::new(text.as_bytes(), b',');
        let mut lengths = Vec::new();
        while records.advance().unwrap() {
            lengths.push((records.field(0).len(), records.field(1).len()));
        }
        assert_eq!(lengths, [(1, 1), (long.len(), 1), (1, long.len())]);
    }
}
