//! The cheap, sequential half of reading: where does each task of the list begin and end?
//!
//! Only quotes, backslashes and brackets are looked at; whether a task is valid JSON is left to the parser.

use std::io::{ErrorKind, Read};

use memchr::memchr2;

use crate::error::FormatError;

/// Bytes of whole tasks per chunk; a larger task makes a larger chunk.
const CHUNK_BYTES: usize = 1 << 20;
const READ_BYTES: usize = 256 << 10;
/// A buffer that grew beyond so many chunks, for one large task, is not kept.
const MAX_REUSED_CHUNKS: usize = 4;
/// A task beyond this is refused.
pub const MAX_TASK_BYTES: usize = 256 << 20;

const EXPORT_AGAIN: &str = "export the project from Label Studio as JSON again";

/// How a file is split.
#[derive(Debug, Clone)]
pub struct SplitOptions {
    /// The file's name, for messages.
    pub file: String,
    pub chunk_bytes: usize,
    pub max_task_bytes: usize,
}

impl SplitOptions {
    pub fn new(file: &str) -> Self {
        Self { file: file.to_owned(), chunk_bytes: CHUNK_BYTES, max_task_bytes: MAX_TASK_BYTES }
    }
}

/// Whole tasks as they stand in the file.
#[derive(Debug)]
pub struct Chunk {
    /// The tasks' bytes, then what its buffer held before.
    data: Vec<u8>,
    /// Start and end of each task in `data`.
    tasks: Vec<(usize, usize)>,
    /// Tasks before this chunk.
    first: u64,
    /// Offset of `data` in the file.
    offset: u64,
}

/// One task of a chunk.
#[derive(Debug, Clone, Copy)]
pub struct TaskBytes<'a> {
    /// From 0.
    pub index: u64,
    /// Offset in the file.
    pub byte: u64,
    pub bytes: &'a [u8],
}

impl Chunk {
    pub fn tasks(&self) -> impl ExactSizeIterator<Item = TaskBytes<'_>> {
        self.tasks.iter().enumerate().map(|(n, &(start, end))| TaskBytes {
            index: self.first + n as u64,
            byte: self.offset + start as u64,
            bytes: &self.data[start..end],
        })
    }

    /// The memory of a chunk that is done with, for [`Splitter::reuse`].
    pub fn into_buffer(self) -> Vec<u8> {
        self.data
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but blanks so far.
    Start,
    /// After `[`: a task or the end of the list.
    First,
    /// After `,`: a task.
    Next,
    /// Inside a task that is a list or an object, outside strings.
    Inside {
        depth: u32,
    },
    InString {
        depth: u32,
    },
    /// After a backslash in a string.
    Escaped {
        depth: u32,
    },
    /// Inside a task that is a bare word, number or string: the parser refuses it.
    Scalar,
    /// After a task: `,` or `]`.
    After,
    End,
}

/// Splits one file.
#[derive(Debug)]
pub struct Splitter<R> {
    reader: R,
    options: SplitOptions,
    /// What was read and is not yet in a chunk, then room to read into.
    buffer: Vec<u8>,
    /// The length of what was read.
    filled: usize,
    /// Buffers of earlier chunks. Fresh memory costs more than reading the file: the system has to clear it first.
    spare: Vec<Vec<u8>>,
    /// Offset of `buffer` in the file.
    offset: u64,
    scanned: usize,
    state: State,
    task_start: usize,
    tasks: Vec<(usize, usize)>,
    done: u64,
    eof: bool,
}

impl<R: Read> Splitter<R> {
    pub fn new(reader: R, options: SplitOptions) -> Self {
        Self {
            reader,
            options,
            buffer: Vec::new(),
            filled: 0,
            spare: Vec::new(),
            offset: 0,
            scanned: 0,
            state: State::Start,
            task_start: 0,
            tasks: Vec::new(),
            done: 0,
            eof: false,
        }
    }

    /// Takes the memory of a chunk that is done with, to read a later one into.
    pub fn reuse(&mut self, buffer: Vec<u8>) {
        if buffer.len() <= self.options.chunk_bytes.max(READ_BYTES).saturating_mul(MAX_REUSED_CHUNKS) {
            self.spare.push(buffer);
        }
    }

    /// The next whole tasks; none after the last.
    ///
    /// # Errors
    /// What is not one JSON list of tasks: another encoding or kind of file, a cut, a second document, a task that is too large.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, FormatError> {
        while !self.eof {
            self.read_more()?;
            self.scan()?;
            let complete = self.complete();
            if self.tasks.is_empty() {
                // Blanks of any length are not held in memory.
                self.forget(complete);
            } else if complete >= self.options.chunk_bytes {
                return Ok(Some(self.take_chunk(complete)));
            }
        }
        self.check_end()?;
        Ok((!self.tasks.is_empty()).then(|| self.take_chunk(self.complete())))
    }

    /// The end of the last whole task, and of what follows it unless that is a task.
    fn complete(&self) -> usize {
        if self.is_inside() { self.tasks.last().map_or(0, |&(_, end)| end) } else { self.scanned }
    }

    fn is_inside(&self) -> bool {
        matches!(self.state, State::Inside { .. } | State::InString { .. } | State::Escaped { .. } | State::Scalar)
    }

    fn read_more(&mut self) -> Result<(), FormatError> {
        let end = self.filled + READ_BYTES;
        if self.buffer.len() < end {
            // Room for a whole chunk at once.
            self.buffer.resize(end.max(self.options.chunk_bytes.min(CHUNK_BYTES) + 2 * READ_BYTES), 0);
        }
        let read = loop {
            match self.reader.read(&mut self.buffer[self.filled..end]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let read = read.map_err(|error| {
            let problem = format!("the file cannot be read on ({error})");
            self.fault(self.filled, problem, "check the disk and the file")
        })?;
        self.filled += read;
        self.eof = read == 0;
        Ok(())
    }

    /// Reads until so many bytes are there, or the file ends: a piece may be a single byte.
    fn fill(&mut self, length: usize) -> Result<(), FormatError> {
        while !self.eof && self.filled < length {
            self.read_more()?;
        }
        Ok(())
    }

    fn take_chunk(&mut self, complete: usize) -> Chunk {
        let mut next = self.spare.pop().unwrap_or_default();
        let rest = &self.buffer[complete..self.filled];
        if next.len() < rest.len() {
            next.resize(rest.len(), 0);
        }
        next[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
        let data = std::mem::replace(&mut self.buffer, next);
        let tasks = std::mem::take(&mut self.tasks);
        let chunk = Chunk { first: self.done, offset: self.offset, data, tasks };
        self.done += chunk.tasks.len() as u64;
        self.moved(complete);
        chunk
    }

    fn forget(&mut self, length: usize) {
        self.buffer.copy_within(length..self.filled, 0);
        self.filled -= length;
        self.moved(length);
    }

    /// Counts positions in the buffer from its new beginning.
    fn moved(&mut self, length: usize) {
        self.offset += length as u64;
        self.scanned -= length;
        self.task_start = self.task_start.saturating_sub(length);
    }

    fn scan(&mut self) -> Result<(), FormatError> {
        while self.scanned < self.filled {
            match self.state {
                State::Inside { depth } => self.scan_inside(depth, false),
                State::InString { depth } => self.scan_inside(depth, true),
                State::Escaped { depth } => {
                    self.scanned += 1;
                    self.state = State::InString { depth };
                }
                State::Scalar => self.scan_scalar(),
                State::Start | State::First | State::Next | State::After | State::End => {
                    self.scan_between()?;
                    continue;
                }
            }
            if self.scanned - self.task_start > self.options.max_task_bytes {
                let problem = format!("the task is larger than {} MiB", self.options.max_task_bytes >> 20);
                return Err(self.fault(
                    self.task_start,
                    problem,
                    "remove what does not belong into a task, such as embedded media",
                ));
            }
        }
        Ok(())
    }

    /// Goes on to the end of the task, or of what was read.
    fn scan_inside(&mut self, mut depth: u32, mut in_string: bool) {
        let bytes = &self.buffer[..self.filled];
        let mut at = self.scanned;
        while at < bytes.len() {
            if in_string {
                at = end_of_text(bytes, at);
                match bytes.get(at) {
                    Some(b'"') => in_string = false,
                    // What is escaped does not matter, unless it is yet to be read.
                    Some(_) if at + 1 < bytes.len() => at += 1,
                    Some(_) => {
                        self.scanned = at + 1;
                        self.state = State::Escaped { depth };
                        return;
                    }
                    None => break,
                }
                at += 1;
                continue;
            }
            match bytes[at] {
                b'"' => in_string = true,
                b'{' | b'[' => depth = depth.saturating_add(1),
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                self.end_task(at);
                return;
            }
        }
        self.scanned = bytes.len();
        self.state = if in_string { State::InString { depth } } else { State::Inside { depth } };
    }

    fn scan_scalar(&mut self) {
        let rest = &self.buffer[self.scanned..self.filled];
        match rest.iter().position(|byte| matches!(byte, b',' | b']' | b' ' | b'\t' | b'\r' | b'\n')) {
            Some(length) => self.end_task(self.scanned + length),
            None => self.scanned = self.filled,
        }
    }

    fn end_task(&mut self, end: usize) {
        self.tasks.push((self.task_start, end));
        self.scanned = end;
        self.state = State::After;
    }

    fn scan_between(&mut self) -> Result<(), FormatError> {
        let at = self.scanned;
        let byte = self.buffer[at];
        if self.state == State::Start && self.offset == 0 && at == 0 {
            self.check_kind()?;
        }
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            self.scanned += 1;
            return Ok(());
        }
        self.state = match (self.state, byte) {
            (State::Start, b'[') => State::First,
            (State::Start, _) => return Err(self.wrong_start(at)),
            (State::First | State::After, b']') => State::End,
            (State::After, b',') => State::Next,
            (State::First | State::Next, b']' | b',') => {
                let found = self.character(at)?;
                return Err(self.fault(at, format!("expected a task, found {found:?}"), EXPORT_AGAIN));
            }
            (State::First | State::Next, b'{' | b'[') => {
                self.task_start = at;
                State::Inside { depth: 1 }
            }
            (State::First | State::Next, _) => {
                self.task_start = at;
                State::Scalar
            }
            (State::End, b'[' | b'{') => {
                let remedy = "give each export as a file of its own, or join the lists into one";
                return Err(self.fault(
                    at,
                    "a second JSON document begins after the end of the list".to_owned(),
                    remedy,
                ));
            }
            _ => {
                let found = self.character(at)?;
                let expected = if self.state == State::End { "the end of the file" } else { "',' or ']'" };
                let problem = format!("expected {expected} after a task, found {found:?}");
                return Err(self.fault(at, problem, EXPORT_AGAIN));
            }
        };
        self.scanned += 1;
        Ok(())
    }

    /// Looks at the first bytes for kinds of files that are often taken for an export.
    fn check_kind(&mut self) -> Result<(), FormatError> {
        const GZIP: &[u8] = &[0x1f, 0x8b];
        const ZIP: &[u8] = b"PK\x03\x04";
        const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
        const UTF8_BOM: &[u8] = &[0xef, 0xbb, 0xbf];
        let known: [(&[u8], &str, &str); 6] = [
            (GZIP, "the file is compressed with gzip", "unpack it with gunzip first"),
            (ZIP, "the file is a zip archive", "unpack it first and give the .json file in it"),
            (ZSTD, "the file is compressed with zstd", "unpack it with unzstd first"),
            (UTF8_BOM, "the file begins with a UTF-8 byte order mark", "save it as UTF-8 without a byte order mark"),
            (&[0xff, 0xfe], "the file is UTF-16, not UTF-8", "save it as UTF-8, e.g. with iconv -f UTF-16 -t UTF-8"),
            (&[0xfe, 0xff], "the file is UTF-16, not UTF-8", "save it as UTF-8, e.g. with iconv -f UTF-16 -t UTF-8"),
        ];
        self.fill(4)?;
        let read = &self.buffer[..self.filled];
        for (magic, problem, remedy) in known {
            if read.starts_with(magic) {
                return Err(self.fault(0, problem.to_owned(), remedy));
            }
        }
        // UTF-16 without a mark: every other byte of ASCII text is zero.
        if matches!(read, [0, _, ..] | [_, 0, ..]) {
            let remedy = "save it as UTF-8, e.g. with iconv -f UTF-16 -t UTF-8";
            return Err(self.fault(0, "the file is UTF-16 or binary, not UTF-8 text".to_owned(), remedy));
        }
        Ok(())
    }

    fn wrong_start(&mut self, at: usize) -> FormatError {
        if let Err(error) = self.fill(at + 40) {
            return error;
        }
        let shown: String = String::from_utf8_lossy(&self.buffer[at..self.filled.min(at + 40)]).into_owned();
        match self.buffer[at] {
            b'<' => self.fault(
                at,
                format!("expected a JSON list of tasks, found a page that begins with {shown:?}"),
                "this is HTML or XML, often an error or login page that was saved: open it in a browser, then export again",
            ),
            b'{' => self.fault(
                at,
                "expected a JSON list of tasks, found one JSON object".to_owned(),
                "this may be an API's answer, a single task or JSON Lines: export the project as JSON, which gives a list",
            ),
            _ => self.fault(at, format!("expected a JSON list of tasks, found {shown:?}"), EXPORT_AGAIN),
        }
    }

    fn check_end(&self) -> Result<(), FormatError> {
        let end = self.filled;
        let cut = "the file is cut off: download or copy it again and compare its size";
        match self.state {
            State::End if self.done == 0 && self.tasks.is_empty() => Err(self.fault(
                end,
                "the list holds no tasks".to_owned(),
                "export a project that has annotations, or with all tasks (download_all_tasks=true)",
            )),
            State::End => Ok(()),
            State::Start => Err(self.fault(end, "the file is empty".to_owned(), EXPORT_AGAIN)),
            State::Inside { .. } | State::InString { .. } | State::Escaped { .. } | State::Scalar => Err(self.fault(
                end,
                format!("the file ends inside a task that begins at byte {}", self.at(self.task_start)),
                cut,
            )),
            State::First | State::Next | State::After => {
                Err(self.fault(end, "the file ends before the end of the list (']')".to_owned(), cut))
            }
        }
    }

    /// The character that begins here.
    fn character(&mut self, at: usize) -> Result<char, FormatError> {
        self.fill(at + char::MAX.len_utf8())?;
        let bytes = &self.buffer[at..self.filled.min(at + char::MAX.len_utf8())];
        Ok(String::from_utf8_lossy(bytes).chars().next().unwrap_or_default())
    }

    fn at(&self, position: usize) -> u64 {
        self.offset + position as u64
    }

    fn fault(&self, position: usize, problem: String, remedy: &str) -> FormatError {
        let tasks = self.done + self.tasks.len() as u64;
        let task = match self.state {
            State::Start | State::End => None,
            State::After => Some(tasks),
            _ => Some(tasks + 1),
        };
        FormatError {
            file: self.options.file.clone(),
            task,
            byte: self.at(position),
            problem,
            remedy: remedy.to_owned(),
        }
    }
}

/// Where the next quote or backslash is, or the end. Most texts are too short for the start of a vectorised search to pay.
fn end_of_text(bytes: &[u8], from: usize) -> usize {
    const LONG: usize = 64;
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    // The lowest high bit of the result marks the first byte that is zero; there is none if no byte is.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut at = from;
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return at + (found.trailing_zeros() / u8::BITS) as usize;
        }
        at += size_of::<u64>();
        if at - from >= LONG {
            break;
        }
    }
    let rest = bytes.get(at..).unwrap_or_default();
    memchr2(b'"', b'\\', rest).map_or(bytes.len(), |found| at + found)
}
