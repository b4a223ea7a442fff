//! The pure half of reading: whole tasks become rows.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::ops::AddAssign;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use serde::de::DeserializeSeed;
use serde_json::value::RawValue;

use super::canonical::{Content, hash_text, mix};
use super::json::{Fields, Leftovers, Scalar, read};
use super::record::{Annotation, Task, not_annotation_content, not_item_content};
use super::split::{Chunk, TaskBytes};
use super::value::push_rows;
use crate::error::FormatError;
use crate::raters::RaterMention;
use crate::rows::{AnnotationRow, AnnotationRows, ItemRow, ItemRows, RejectRows, ResultRow, ResultRows};

const MAX_SLICES: usize = 64;
const MAX_SLICE_BYTES: usize = 256;
/// Fields nested deeper than this are no slices.
const MAX_SLICE_DEPTH: usize = 16;
const EXPORT_AGAIN: &str = "export the project from Label Studio again; if the file was edited, mend this place";

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
}

/// Turns whole tasks into rows.
///
/// # Errors
/// What makes the file untrustworthy: invalid JSON or UTF-8, a task that is not an object, or whose id is not a whole number. An annotation
/// that cannot be used is a reject instead.
pub fn parse_chunk(chunk: &Chunk, options: &ParseOptions) -> Result<Parsed, FormatError> {
    let mut parser = Parser::new(options);
    for task in chunk.tasks() {
        parser.task(task)?;
    }
    let first = chunk.tasks().next();
    parser.finish().map_err(|e| FormatError {
        file: options.file.clone(),
        task: first.map(|task| task.index + 1),
        byte: first.map_or(0, |task| task.byte),
        problem: format!("the rows do not fit together ({e})"),
        remedy: "this is a fault of Assay: please report it with the file".to_owned(),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Annotation,
    Draft,
    Prediction,
}

impl Kind {
    /// The name in ids and messages.
    fn name(self) -> &'static str {
        match self {
            Self::Annotation => "annotation",
            Self::Draft => "draft",
            Self::Prediction => "prediction",
        }
    }
}

struct Parser<'o> {
    options: &'o ParseOptions,
    items: ItemRows,
    annotations: AnnotationRows,
    results: ResultRows,
    rejects: RejectRows,
    raters: BTreeSet<RaterMention>,
    /// Hashes of authors as written whose rater is noted already.
    authors: HashSet<u64>,
    counts: Counts,
    positions: Vec<(u64, u64)>,
    leftovers: Leftovers,
}

/// The task that annotations belong to.
struct Owner<'a> {
    bytes: TaskBytes<'a>,
    native_id: i64,
    item_id: String,
}

impl<'o> Parser<'o> {
    fn new(options: &'o ParseOptions) -> Self {
        Self {
            options,
            items: ItemRows::default(),
            annotations: AnnotationRows::default(),
            results: ResultRows::default(),
            rejects: RejectRows::default(),
            raters: BTreeSet::new(),
            authors: HashSet::new(),
            counts: Counts::default(),
            positions: Vec::new(),
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
        })
    }

    fn fault(&self, at: TaskBytes<'_>, offset: usize, problem: String, remedy: &str) -> FormatError {
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
        let task: Task<'_> = serde_json::from_str(text).map_err(|e| self.syntax(bytes, text, text, &e))?;
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
        let data = task.data.and_then(read::<Scalar<'_>>).unwrap_or_default();
        if data != Scalar::Object {
            let offset = task.data.map_or(0, |data| offset_in(bytes.bytes, data.get()));
            let problem = match data {
                Scalar::Null => "the task has no data".to_owned(),
                other => format!("the task's data must be an object, found {}", other.describe()),
            };
            let remedy = "export the project from Label Studio as JSON: JSON-MIN and CSV drop what the reports need";
            return Err(self.fault(bytes, offset, problem, remedy));
        }
        let owner = Owner { bytes, native_id, item_id: format!("{}/task/{native_id}", self.options.source) };
        self.item(&owner, text, &task)?;
        for (kind, list) in
            [(Kind::Annotation, task.annotations), (Kind::Draft, task.drafts), (Kind::Prediction, task.predictions)]
        {
            for (index, raw) in self.elements(&owner, kind, list)?.into_iter().enumerate() {
                if raw.get().starts_with('{') || kind == Kind::Annotation {
                    self.annotation(&owner, kind, index, raw)?;
                }
            }
        }
        Ok(())
    }

    fn elements<'a>(
        &self,
        owner: &Owner<'a>,
        kind: Kind,
        list: Option<&'a RawValue>,
    ) -> Result<Vec<&'a RawValue>, FormatError> {
        let Some(list) = list.filter(|list| list.get() != "null") else { return Ok(Vec::new()) };
        read(list).ok_or_else(|| {
            let found = read::<Scalar<'_>>(list).unwrap_or_default().describe();
            let offset = offset_in(owner.bytes.bytes, list.get());
            self.fault(owner.bytes, offset, format!("{}s must be a list, found {found}", kind.name()), EXPORT_AGAIN)
        })
    }

    fn item(&mut self, owner: &Owner<'_>, text: &str, task: &Task<'_>) -> Result<(), FormatError> {
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
        let content_hash =
            hash(text, Content::of(not_item_content)).map_err(|e| self.syntax(owner.bytes, text, text, &e))?;
        let mut slices = Vec::new();
        if let Some(data) = task.data {
            collect_slices("", data, MAX_SLICE_DEPTH, &mut slices);
        }
        if let Some(meta) = task.meta {
            collect_slices("meta.", meta, MAX_SLICE_DEPTH, &mut slices);
        }
        self.leftovers.clear();
        for (key, raw) in &task.rest {
            self.leftovers.add(key, raw.get());
        }
        for (key, list, count) in [
            ("predictions", task.predictions, &mut self.counts.prediction_ids),
            ("drafts", task.drafts, &mut self.counts.draft_ids),
        ] {
            let Some(raw) = list else { continue };
            let ids = read::<Vec<&RawValue>>(raw)
                .unwrap_or_default()
                .into_iter()
                .filter(|id| !id.get().starts_with('{'))
                .count();
            if ids > 0 {
                *count += ids as u64;
                self.leftovers.add(key, raw.get());
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
        Ok(())
    }

    fn annotation(&mut self, owner: &Owner<'_>, kind: Kind, index: usize, raw: &RawValue) -> Result<(), FormatError> {
        let text = raw.get();
        match self.annotation_rows(owner, kind, text) {
            Ok(()) => Ok(()),
            Err(Refusal::Fatal(error)) => Err(error),
            Err(Refusal::Reject { id, reason }) => {
                let id = id.map_or_else(String::new, |id| format!(" (id {id})"));
                let byte = owner.bytes.byte + offset_in(owner.bytes.bytes, text) as u64;
                let position = format!(
                    "task {} (id {}), {} {}{id}, byte {byte}",
                    owner.bytes.index + 1,
                    owner.native_id,
                    kind.name(),
                    index + 1
                );
                self.rejects.push(&self.options.file, &position, &reason, Some(text));
                Ok(())
            }
        }
    }

    fn annotation_rows(&mut self, owner: &Owner<'_>, kind: Kind, text: &str) -> Result<(), Refusal> {
        let annotation: Annotation<'_> = serde_json::from_str(text).map_err(|e| {
            if e.is_data() {
                return Refusal::reject(None, format!("cannot be read: {}; {EXPORT_AGAIN}", without_place(&e)));
            }
            Refusal::Fatal(self.syntax(owner.bytes, text, text, &e))
        })?;
        let native = match &annotation.id {
            Scalar::Integer(id) => *id,
            Scalar::Null => {
                let remedy = "export from Label Studio: files made for its import have no ids of their own";
                return Err(Refusal::reject(None, format!("has no id; {remedy}")));
            }
            other => {
                let offset = offset_in(owner.bytes.bytes, text);
                let problem = format!("the {}'s id must be a whole number, found {}", kind.name(), other.describe());
                return Err(Refusal::Fatal(self.fault(owner.bytes, offset, problem, EXPORT_AGAIN)));
            }
        };
        let reject = |reason: String| Refusal::reject(Some(native), reason);
        let time = |value: &Scalar<'_>, name: &str| {
            parse_time(value).map_err(|found| {
                reject(format!("{name} must be a time such as 2026-01-31T12:00:00Z, found {found}; {EXPORT_AGAIN}"))
            })
        };
        let (created_at, updated_at) =
            (time(&annotation.created_at, "created_at")?, time(&annotation.updated_at, "updated_at")?);
        let results = annotation.result.as_deref().unwrap_or_default();
        if let Some(at) = results.iter().position(|result| result.r#type.text().is_none()) {
            let found = results[at].r#type.describe();
            return Err(reject(format!("result {} must have a type (a text), found {found}; {EXPORT_AGAIN}", at + 1)));
        }
        let rater = self.rater(kind, native, &annotation).map_err(reject)?;
        let annotation_id = format!("{}/{}/{native}", self.options.source, kind.name());
        let rater_kind = if kind == Kind::Prediction { "model" } else { "human" };

        let common = ResultRow {
            annotation_id: &annotation_id,
            item_id: &owner.item_id,
            rater_id: &rater,
            rater_kind,
            ..ResultRow::default()
        };
        for (result_index, result) in (0..).zip(results) {
            let common = ResultRow { result_index, ..common.clone() };
            push_rows(&mut self.results, &common, result, &mut self.leftovers)
                .map_err(|e| Refusal::Fatal(self.fault(owner.bytes, 0, e.to_string(), EXPORT_AGAIN)))?;
        }
        self.leftovers.clear();
        for (key, value) in &annotation.rest {
            self.leftovers.add(key, value.get());
        }
        let model_version = (kind == Kind::Prediction).then(|| annotation.model_version.text().unwrap_or_default());
        let parent = match &annotation.parent_prediction {
            Scalar::Integer(id) => Some(format!("{}/prediction/{id}", self.options.source)),
            _ => None,
        };
        let content_hash = hash(text, Content::of_annotation(not_annotation_content))
            .map_err(|e| Refusal::Fatal(self.syntax(owner.bytes, text, text, &e)))?;
        self.annotations.push(&AnnotationRow {
            annotation_id: &annotation_id,
            item_id: &owner.item_id,
            source: &self.options.source,
            native_id: &native.to_string(),
            kind: if kind == Kind::Prediction { "prediction" } else { "annotation" },
            rater_id: &rater,
            rater_kind,
            model_version,
            score: annotation.score.number(),
            created_at,
            updated_at,
            lead_time_s: annotation.lead_time.number(),
            cancelled: annotation.was_cancelled.is_true(),
            ground_truth: annotation.ground_truth.is_true(),
            draft: kind == Kind::Draft,
            from_prediction_id: parent.as_deref(),
            result_count: results.len() as i64,
            content_hash,
            raw: self.leftovers.finish(),
        });
        self.counts.results += results.len() as u64;
        match kind {
            Kind::Annotation => self.counts.annotations += 1,
            Kind::Draft => self.counts.drafts += 1,
            Kind::Prediction => self.counts.predictions += 1,
        }
        Ok(())
    }

    /// The id of whoever made this, noting the sighting.
    fn rater(&mut self, kind: Kind, native: i64, annotation: &Annotation<'_>) -> Result<String, String> {
        let source = &self.options.source;
        let mut mention = RaterMention { source: source.clone(), kind: "human".to_owned(), ..RaterMention::default() };
        if kind == Kind::Prediction {
            mention.kind = "model".to_owned();
            mention.native_id = annotation.model_version.text().unwrap_or_default().to_owned();
            mention.rater_id = format!("{source}/model/{}", mention.native_id);
        } else {
            self.author(native, annotation.author, &mut mention)?;
        }
        let id = mention.rater_id.clone();
        let sighting = mix(hash_text(&id), hash_text(annotation.author.map_or("", RawValue::get)));
        if self.authors.insert(sighting) {
            self.raters.insert(mention);
        }
        Ok(id)
    }

    fn author(&self, annotation: i64, author: Option<&RawValue>, mention: &mut RaterMention) -> Result<(), String> {
        let source = &self.options.source;
        let scalar = author.and_then(read::<Scalar<'_>>).unwrap_or_default();
        match scalar {
            Scalar::Integer(id) => mention.native_id = id.to_string(),
            Scalar::Text(text) if !text.is_empty() => {
                mention.native_id = text.to_string();
                mention.email = text.contains('@').then(|| text.to_string());
            }
            Scalar::Null => {
                mention.native_id = annotation.to_string();
                mention.deleted = true;
                mention.rater_id = format!("{source}/deleted-user/{annotation}");
                return Ok(());
            }
            Scalar::Object => {
                let fields = author.and_then(read::<Fields<'_>>).unwrap_or_default();
                let field = |name: &str| {
                    fields.0.iter().find(|(key, _)| key == name).and_then(|(_, raw)| read::<Scalar<'_>>(raw))
                };
                let text = |name: &str| {
                    field(name).and_then(|value| value.text().map(str::to_owned)).filter(|text| !text.is_empty())
                };
                mention.email = text("email");
                let parts: Vec<String> = [text("first_name"), text("last_name")].into_iter().flatten().collect();
                mention.name = (!parts.is_empty()).then(|| parts.join(" "));
                mention.native_id = match (field("id"), &mention.email) {
                    (Some(Scalar::Integer(id)), _) => id.to_string(),
                    (_, Some(email)) => email.clone(),
                    _ => return Err(format!("the annotator has neither id nor email; {EXPORT_AGAIN}")),
                };
            }
            other => {
                return Err(format!(
                    "the annotator must be a number, an object or an e-mail, found {}; {EXPORT_AGAIN}",
                    other.describe()
                ));
            }
        }
        mention.rater_id = format!("{source}/user/{}", mention.native_id);
        Ok(())
    }

    /// A fault of JSON inside `part`, which is a piece of the task `whole`.
    fn syntax(&self, at: TaskBytes<'_>, whole: &str, part: &str, error: &serde_json::Error) -> FormatError {
        let inner = offset_of_line(part, error.line(), error.column());
        let start = offset_in(whole.as_bytes(), part) + offset_in(at.bytes, whole);
        let rest = part.get(inner..).unwrap_or_default().trim_start_matches([':', ' ', '-', '[', ',']);
        let problem = if rest.starts_with("NaN") || rest.starts_with("Infinity") {
            "NaN and Infinity are no JSON".to_owned()
        } else {
            format!("not valid JSON: {}", without_place(error))
        };
        let remedy = match problem.starts_with("NaN") {
            true => "write null or a number instead",
            false => EXPORT_AGAIN,
        };
        self.fault(at, start + inner, problem, remedy)
    }
}

/// Why an annotation makes no rows.
enum Refusal {
    /// The whole file is refused.
    Fatal(FormatError),
    Reject {
        id: Option<i64>,
        reason: String,
    },
}

impl Refusal {
    fn reject(id: Option<i64>, reason: String) -> Self {
        Self::Reject { id, reason }
    }
}

fn hash(text: &str, content: Content<fn(&str) -> bool>) -> Result<i64, serde_json::Error> {
    let hash = content.deserialize(&mut serde_json::Deserializer::from_str(text))?;
    Ok(i64::from_le_bytes(hash.to_le_bytes()))
}

/// Where a piece of `whole` begins in it.
fn offset_in(whole: &[u8], part: &str) -> usize {
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

/// The parser's message without its line and column, which count from the record's beginning.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn parse_time(value: &Scalar<'_>) -> Result<Option<i64>, String> {
    match value {
        Scalar::Null => Ok(None),
        Scalar::Text(text) => match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(Some(time.as_microsecond())),
            Err(_) => Err(value.describe()),
        },
        other => Err(other.describe()),
    }
}

/// Scalar fields by dotted path: what people filter items by.
fn collect_slices<'a>(prefix: &str, object: &'a RawValue, depth: usize, slices: &mut Vec<(String, Cow<'a, str>)>) {
    let Some(fields) = read::<Fields<'a>>(object) else { return };
    for (key, raw) in fields.0 {
        if slices.len() >= MAX_SLICES || depth == 0 {
            return;
        }
        let text = raw.get();
        let path = || format!("{prefix}{key}");
        match text.as_bytes().first() {
            Some(b'{') => collect_slices(&format!("{prefix}{key}."), raw, depth - 1, slices),
            Some(b'[') | None => {}
            Some(b'"') if text.len() > MAX_SLICE_BYTES + 2 => {}
            Some(b'"') => {
                if let Some(Scalar::Text(text)) = read(raw) {
                    slices.push((path(), text));
                }
            }
            Some(_) if text == "null" => {}
            Some(_) => slices.push((path(), Cow::Borrowed(text))),
        }
    }
}
