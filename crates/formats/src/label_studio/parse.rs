//! The pure half of reading: whole tasks become rows.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::ops::AddAssign;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use serde_json::value::RawValue;

use super::annotation::{Entry, Kind, Sighting};
use super::json::{Fields, Leftovers, Scalar};
use super::record::{Annotations, Elements, Task, read_task, written_annotations};
use super::slices::slices;
use super::split::{Chunk, TaskBytes};
use super::time::micros;
use crate::error::FormatError;
use crate::raters::RaterMention;
use crate::rows::{AnnotationRows, ItemRow, ItemRows, RejectRows, ResultRows, Sizes};

pub(super) const EXPORT_AGAIN: &str =
    "export the project from Label Studio again; if the file was edited, mend this place";

/// How deep the parser follows the value of a field.
const MAX_DEPTH: u32 = 127;
const MAX_MESSAGE_CHARS: usize = 200;

/// Whose ids these are, and what to call the file.
#[derive(Debug, Clone)]
pub struct ParseOptions {
    /// The first part of every id.
    pub source: String,
    pub file: String,
}

/// How much a file held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub items: u64,
    /// Submitted annotations.
    pub annotations: u64,
    pub drafts: u64,
    pub predictions: u64,
    /// Elements of `result` lists.
    pub results: u64,
    /// Predictions and drafts that are named by id only.
    pub prediction_ids: u64,
    pub draft_ids: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.items += other.items;
        self.annotations += other.annotations;
        self.drafts += other.drafts;
        self.predictions += other.predictions;
        self.results += other.results;
        self.prediction_ids += other.prediction_ids;
        self.draft_ids += other.draft_ids;
    }
}

/// The rows of a chunk, in the order of the file.
#[derive(Debug)]
pub struct Parsed {
    pub items: RecordBatch,
    pub annotations: RecordBatch,
    pub results: RecordBatch,
    /// Each sighting once.
    pub raters: Vec<RaterMention>,
    pub rejects: RecordBatch,
    pub counts: Counts,
    /// For each item its index in the file, from 0, and its offset.
    pub positions: Vec<(u64, u64)>,
    /// For each item the lists of its task that do not tell everything ([`INCOMPLETE_ANNOTATIONS`] and the others, added up): they are
    /// missing, or something in them was refused. What is not in them is not known to be gone.
    pub incomplete: Vec<u8>,
}

pub const INCOMPLETE_ANNOTATIONS: u8 = 1;
pub const INCOMPLETE_DRAFTS: u8 = 2;
pub const INCOMPLETE_PREDICTIONS: u8 = 4;

/// Turns whole tasks into rows.
///
/// # Errors
/// What makes the file untrustworthy: invalid JSON or UTF-8, a task that is not an object, or whose id is not a whole number. An annotation
/// that cannot be used is a reject instead.
pub fn parse_chunk(chunk: &Chunk, options: &ParseOptions) -> Result<Parsed, FormatError> {
    ChunkParser::default().parse(chunk, options)
}

/// Parses chunk after chunk, with room made for as many rows as the one before had.
#[derive(Debug, Default)]
pub struct ChunkParser {
    /// Of items, annotations and results.
    sizes: [Sizes; 3],
}

impl ChunkParser {
    /// Turns whole tasks into rows; these do not depend on the chunks before.
    ///
    /// # Errors
    /// As [`parse_chunk`].
    pub fn parse(&mut self, chunk: &Chunk, options: &ParseOptions) -> Result<Parsed, FormatError> {
        let mut parser = Parser::new(options, &self.sizes);
        for task in chunk.tasks() {
            parser.task(task)?;
        }
        let first = chunk.tasks().next();
        let parsed = parser.finish().map_err(|e| FormatError {
            file: options.file.clone(),
            task: first.map(|task| task.index + 1),
            byte: first.map_or(0, |task| task.byte),
            problem: format!("the rows do not fit together ({e})"),
            remedy: "this is a fault of Assay: please report it with the file".to_owned(),
        })?;
        self.sizes = [&parsed.items, &parsed.annotations, &parsed.results].map(Sizes::of);
        Ok(parsed)
    }
}

pub(super) struct Parser<'o> {
    pub(super) options: &'o ParseOptions,
    pub(super) items: ItemRows,
    pub(super) annotations: AnnotationRows,
    pub(super) results: ResultRows,
    pub(super) rejects: RejectRows,
    pub(super) raters: BTreeSet<RaterMention>,
    /// Authors as written, by hash: few people make most annotations.
    pub(super) authors: HashMap<u64, Sighting>,
    pub(super) counts: Counts,
    pub(super) positions: Vec<(u64, u64)>,
    pub(super) incomplete: Vec<u8>,
    pub(super) leftovers: Leftovers,
}

/// The task that annotations belong to.
pub(super) struct Owner<'a> {
    pub(super) bytes: TaskBytes<'a>,
    pub(super) text: &'a str,
    pub(super) native_id: i64,
    pub(super) item_id: String,
    written: OnceCell<Vec<&'a RawValue>>,
}

impl<'a> Owner<'a> {
    /// An annotation as it stands in the file. What cannot go into columns needs it, and is rare: the task is read once more.
    pub(super) fn annotation_text(&self, index: usize) -> &'a str {
        let written = self.written.get_or_init(|| written_annotations(self.text));
        written.get(index).map_or("", |annotation| annotation.get())
    }
}

impl<'o> Parser<'o> {
    fn new(options: &'o ParseOptions, [items, annotations, results]: &[Sizes; 3]) -> Self {
        Self {
            options,
            items: ItemRows::new(items),
            annotations: AnnotationRows::new(annotations),
            results: ResultRows::new(results),
            rejects: RejectRows::default(),
            raters: BTreeSet::new(),
            authors: HashMap::new(),
            counts: Counts::default(),
            positions: Vec::new(),
            incomplete: Vec::new(),
            leftovers: Leftovers::default(),
        }
    }

    fn finish(self) -> Result<Parsed, ArrowError> {
        Ok(Parsed {
            items: self.items.finish()?,
            annotations: self.annotations.finish()?,
            results: self.results.finish()?,
            raters: self.raters.into_iter().collect(),
            rejects: self.rejects.finish()?,
            counts: self.counts,
            positions: self.positions,
            incomplete: self.incomplete,
        })
    }

    pub(super) fn fault(&self, at: TaskBytes<'_>, offset: usize, problem: String, remedy: &str) -> FormatError {
        FormatError {
            file: self.options.file.clone(),
            task: Some(at.index + 1),
            byte: at.byte + offset as u64,
            problem,
            remedy: remedy.to_owned(),
        }
    }

    fn task(&mut self, bytes: TaskBytes<'_>) -> Result<(), FormatError> {
        let text = std::str::from_utf8(bytes.bytes).map_err(|e| {
            self.fault(bytes, e.valid_up_to(), "the bytes are not valid UTF-8".to_owned(), "save the file as UTF-8")
        })?;
        if !text.starts_with('{') {
            let found =
                serde_json::from_str::<Scalar<'_>>(text).map_or_else(|_| "something else".to_owned(), |v| v.describe());
            return Err(self.fault(bytes, 0, format!("a task must be an object, found {found}"), EXPORT_AGAIN));
        }
        let mut task = read_task(text).map_err(|e| self.syntax(bytes, text, text, &e))?;
        let native_id = match &task.id {
            Scalar::Integer(id) => *id,
            other => {
                let problem = match other {
                    Scalar::Null => "the task has no id".to_owned(),
                    other => format!("the task's id must be a whole number, found {}", other.describe()),
                };
                let remedy =
                    "export the project from Label Studio as JSON: files made for its import have no ids of their own";
                return Err(self.fault(bytes, 0, problem, remedy));
            }
        };
        let data = task.data.map(Scalar::of).unwrap_or_default();
        if data != Scalar::Object {
            let offset = task.data.map_or(0, |data| offset_in(bytes.bytes, data.get()));
            let problem = match data {
                Scalar::Null => "the task has no data".to_owned(),
                other => format!("the task's data must be an object, found {}", other.describe()),
            };
            let remedy = "export the project from Label Studio as JSON: JSON-MIN and CSV drop what the reports need";
            return Err(self.fault(bytes, offset, problem, remedy));
        }
        let item_id = format!("{}/task/{native_id}", self.options.source);
        let owner = Owner { bytes, text, native_id, item_id, written: OnceCell::new() };
        self.item(&owner, text, &mut task)?;
        match task.annotations {
            Some(Annotations::Read(annotations)) => {
                for (index, annotation) in annotations.into_iter().enumerate() {
                    self.annotation(&owner, Kind::Annotation, index, Entry::Read(annotation))?;
                }
            }
            Some(Annotations::Written(list)) => self.list(&owner, Kind::Annotation, Some(list))?,
            None => {}
        }
        self.list(&owner, Kind::Draft, task.drafts)?;
        self.list(&owner, Kind::Prediction, task.predictions)
    }

    fn list<'a>(&mut self, owner: &Owner<'a>, kind: Kind, list: Option<Elements<'a>>) -> Result<(), FormatError> {
        for (index, raw) in self.elements(owner, kind, list)?.into_iter().enumerate() {
            if raw.get().starts_with('{') || kind == Kind::Annotation {
                self.annotation(owner, kind, index, Entry::Written(raw))?;
            }
        }
        Ok(())
    }

    fn elements<'a>(
        &self,
        owner: &Owner<'a>,
        kind: Kind,
        list: Option<Elements<'a>>,
    ) -> Result<Vec<&'a RawValue>, FormatError> {
        match list {
            Some(Elements::List(elements)) => Ok(elements),
            Some(Elements::Null) | None => Ok(Vec::new()),
            Some(Elements::Other(found)) => {
                let name = format!("{}s", kind.name());
                // Only now is its place needed.
                let fields =
                    std::str::from_utf8(owner.bytes.bytes).ok().and_then(|text| serde_json::from_str(text).ok());
                let Fields(fields) = fields.unwrap_or_default();
                let value = fields.iter().find(|(key, _)| *key == name);
                let offset = value.map_or(0, |(_, value)| offset_in(owner.bytes.bytes, value.get()));
                Err(self.fault(owner.bytes, offset, format!("{name} must be a list, found {found}"), EXPORT_AGAIN))
            }
        }
    }

    fn item(&mut self, owner: &Owner<'_>, text: &str, task: &mut Task<'_>) -> Result<(), FormatError> {
        let time = |value: &Scalar<'_>, name: &str| {
            parse_time(value).map_err(|found| {
                self.fault(
                    owner.bytes,
                    0,
                    format!("{name} must be a time such as 2026-01-31T12:00:00Z, found {found}"),
                    EXPORT_AGAIN,
                )
            })
        };
        let (created_at, updated_at) = (time(&task.created_at, "created_at")?, time(&task.updated_at, "updated_at")?);
        // First, since it refuses what is nested too deep to be followed.
        let content_hash = task.content.finish();
        let content_hash =
            content_hash.map_err(|(part, e)| self.syntax(owner.bytes, text, part.get(), &e))?.cast_signed();
        let slices = slices(task.data, task.meta);
        self.leftovers.clear();
        for (key, raw) in &task.rest {
            self.leftovers.add(key, raw.get());
        }
        for (key, list, count) in [
            ("predictions", &task.predictions, &mut self.counts.prediction_ids),
            ("drafts", &task.drafts, &mut self.counts.draft_ids),
        ] {
            let Some(Elements::List(elements)) = list else { continue };
            let ids = elements.iter().filter(|id| !id.get().starts_with('{')).count();
            if ids > 0 {
                *count += ids as u64;
                let written: Vec<&str> = elements.iter().map(|element| element.get()).collect();
                self.leftovers.add(key, &format!("[{}]", written.join(",")));
            }
        }
        self.items
            .push(&ItemRow {
                item_id: &owner.item_id,
                source: &self.options.source,
                native_id: &owner.native_id.to_string(),
                data: task.data.map_or("null", RawValue::get),
                meta: task.meta.map(RawValue::get).filter(|meta| *meta != "null"),
                slices: &slices,
                created_at,
                updated_at,
                content_hash,
                raw: self.leftovers.finish(),
            })
            .map_err(|e| self.fault(owner.bytes, 0, e.to_string(), EXPORT_AGAIN))?;
        self.counts.items += 1;
        self.positions.push((owner.bytes.index, owner.bytes.byte));
        self.incomplete.push(missing_lists(task));
        Ok(())
    }

    /// A fault of JSON inside `part`, which is a piece of the task `whole`.
    pub(super) fn syntax(&self, at: TaskBytes<'_>, whole: &str, part: &str, error: &serde_json::Error) -> FormatError {
        let inner = offset_of_line(part, error.line(), error.column());
        let start = offset_in(whole.as_bytes(), part) + offset_in(at.bytes, whole);
        let rest = part.get(inner..).unwrap_or_default().trim_start_matches([':', ' ', '-', '[', ',']);
        let message = without_place(error);
        let (problem, remedy) = if rest.starts_with("NaN") || rest.starts_with("Infinity") {
            ("NaN and Infinity are no JSON".to_owned(), "write null or a number instead")
        } else if message.starts_with("recursion limit") {
            let problem = format!("lists and objects are nested more than {MAX_DEPTH} deep ({message})");
            (problem, "leave this value out, or store it as a text")
        } else {
            let what = if error.is_data() { "cannot be read" } else { "not valid JSON" };
            (format!("{what}: {message}"), EXPORT_AGAIN)
        };
        self.fault(at, start + inner, problem, remedy)
    }
}

/// The lists that a task does not have.
fn missing_lists(task: &Task<'_>) -> u8 {
    let is_list = |elements: &Option<Elements<'_>>| matches!(elements, Some(Elements::List(_)));
    let annotations = matches!(task.annotations, Some(Annotations::Read(_) | Annotations::Written(Elements::List(_))));
    let lists = [
        (annotations, Kind::Annotation),
        (is_list(&task.drafts), Kind::Draft),
        (is_list(&task.predictions), Kind::Prediction),
    ];
    lists.into_iter().filter(|(is_there, _)| !is_there).map(|(_, kind)| kind.incomplete()).sum()
}

/// Where a piece of `whole` begins in it.
pub(super) fn offset_in(whole: &[u8], part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len())
}

/// The offset that a 1-based line and column mean.
fn offset_of_line(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The parser's message without its line and column, which count from the record's beginning. It may repeat a text of any length.
pub(super) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    let end = message.char_indices().nth(MAX_MESSAGE_CHARS);
    end.map_or_else(|| message.to_owned(), |(end, _)| format!("{}…", &message[..end]))
}

pub(super) fn parse_time(value: &Scalar<'_>) -> Result<Option<i64>, String> {
    match value {
        Scalar::Null => Ok(None),
        Scalar::Text(text) => micros(text).map(Some).ok_or_else(|| value.describe()),
        other => Err(other.describe()),
    }
}
