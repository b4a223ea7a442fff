//! Annotations, drafts and predictions of a task become rows; one that cannot be used becomes a reject.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use arrow::error::ArrowError;
use serde_json::value::RawValue;

use super::canonical::{hash_text, mix};
use super::json::{Fields, Scalar, read};
use super::parse::{
    EXPORT_AGAIN, INCOMPLETE_ANNOTATIONS, INCOMPLETE_DRAFTS, INCOMPLETE_PREDICTIONS, Owner, Parser, offset_in,
    parse_time, without_place,
};
use super::record::Annotation;
use super::value::push_rows;
use crate::error::FormatError;
use crate::raters::RaterMention;
use crate::rows::{AnnotationRow, ResultRow};

/// Rejects of one chunk: a chunk with more is no export with faults.
const MAX_REJECTS: usize = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Annotation,
    Draft,
    Prediction,
}

impl Kind {
    /// The name in ids and messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Annotation => "annotation",
            Self::Draft => "draft",
            Self::Prediction => "prediction",
        }
    }

    /// The bit that says that a task's list of this kind does not tell everything.
    pub(super) fn incomplete(self) -> u8 {
        match self {
            Self::Annotation => INCOMPLETE_ANNOTATIONS,
            Self::Draft => INCOMPLETE_DRAFTS,
            Self::Prediction => INCOMPLETE_PREDICTIONS,
        }
    }
}

/// An element of a task's list.
#[expect(clippy::large_enum_variant, reason = "one at a time is handed on, and read at once")]
pub(super) enum Entry<'a> {
    Written(&'a RawValue),
    Read(Annotation<'a>),
}

impl Parser<'_> {
    pub(super) fn annotation<'a>(
        &mut self,
        owner: &Owner<'a>,
        kind: Kind,
        index: usize,
        entry: Entry<'a>,
    ) -> Result<(), FormatError> {
        let written = match &entry {
            Entry::Written(raw) => Some(raw.get()),
            Entry::Read(_) => None,
        };
        let text = || written.unwrap_or_else(|| owner.annotation_text(index));
        match self.annotation_rows(owner, kind, entry, &text) {
            Ok(()) => Ok(()),
            Err(Refusal::Fatal(error)) => Err(error),
            Err(Refusal::Reject { id, reason }) => {
                let id = id.map_or_else(String::new, |id| format!(" (id {id})"));
                let text = text();
                let offset = offset_in(owner.bytes.bytes, text);
                let byte = owner.bytes.byte + offset as u64;
                let position = format!(
                    "task {} (id {}), {} {}{id}, byte {byte}",
                    owner.bytes.index + 1,
                    owner.native_id,
                    kind.name(),
                    index + 1
                );
                if self.rejects.len() >= MAX_REJECTS {
                    let problem = format!("more than {MAX_REJECTS} annotations cannot be used; of this one: {reason}");
                    return Err(self.fault(owner.bytes, offset, problem, "check what made the file"));
                }
                self.rejects.push(&self.options.file, &position, &reason, Some(text));
                if let Some(incomplete) = self.incomplete.last_mut() {
                    *incomplete |= kind.incomplete();
                }
                Ok(())
            }
        }
    }

    /// `text` is the annotation as written.
    fn annotation_rows<'a>(
        &mut self,
        owner: &Owner<'a>,
        kind: Kind,
        entry: Entry<'a>,
        text: &dyn Fn() -> &'a str,
    ) -> Result<(), Refusal> {
        let mut annotation = match entry {
            Entry::Read(annotation) => annotation,
            Entry::Written(raw) => serde_json::from_str(raw.get()).map_err(|e| {
                if e.is_data() {
                    return Refusal::reject(None, format!("cannot be read: {}; {EXPORT_AGAIN}", without_place(&e)));
                }
                Refusal::Fatal(self.syntax(owner.bytes, raw.get(), raw.get(), &e))
            })?,
        };
        let content_hash = annotation.content.finish();
        let content_hash = content_hash
            .map_err(|(part, e)| Refusal::Fatal(self.syntax(owner.bytes, owner.text, part.get(), &e)))?
            .cast_signed();
        let native = match &annotation.id {
            Scalar::Integer(id) => *id,
            Scalar::Null => {
                let remedy = "export from Label Studio: files made for its import have no ids of their own";
                return Err(Refusal::reject(None, format!("has no id; {remedy}")));
            }
            other => {
                let offset = offset_in(owner.bytes.bytes, text());
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
        let flag = |value: &Scalar<'_>, name: &str| match value {
            Scalar::Null => Ok(false),
            Scalar::Bool(value) => Ok(*value),
            other => Err(reject(format!("{name} must be true or false, found {}; {EXPORT_AGAIN}", other.describe()))),
        };
        let cancelled = flag(&annotation.was_cancelled, "was_cancelled")?;
        let ground_truth = flag(&annotation.ground_truth, "ground_truth")?;
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
        let written = OnceCell::new();
        for (result_index, result) in (0..).zip(results) {
            let common = ResultRow { result_index, ..common.clone() };
            let as_written = || {
                let results = written.get_or_init(|| results_as_written(text()));
                results.get(result_index as usize).copied().and_then(read).unwrap_or_default()
            };
            push_rows(&mut self.results, &common, result, &mut self.leftovers, as_written)
                .map_err(|e| Refusal::Fatal(self.no_room(owner, text(), result_index, &e)))?;
        }
        self.collect_leftovers(kind, &annotation, text);
        let model_version = (kind == Kind::Prediction).then(|| model_version(&annotation));
        let parent = match &annotation.parent_prediction {
            Scalar::Integer(id) => Some(format!("{}/prediction/{id}", self.options.source)),
            _ => None,
        };
        self.annotations.push(&AnnotationRow {
            annotation_id: &annotation_id,
            item_id: &owner.item_id,
            source: &self.options.source,
            native_id: &native.to_string(),
            kind: if kind == Kind::Prediction { "prediction" } else { "annotation" },
            rater_id: &rater,
            rater_kind,
            model_version: model_version.as_deref(),
            score: annotation.score.number(),
            created_at,
            updated_at,
            lead_time_s: annotation.lead_time.number(),
            cancelled,
            ground_truth,
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

    fn no_room(&self, owner: &Owner<'_>, text: &str, result_index: i64, error: &ArrowError) -> FormatError {
        let problem = match error {
            ArrowError::MemoryError(problem) => format!("result {} becomes {problem}", result_index + 1),
            error => error.to_string(),
        };
        let offset = offset_in(owner.bytes.bytes, text);
        self.fault(owner.bytes, offset, problem, "remove this result, or part of its labels")
    }

    fn collect_leftovers<'a>(&mut self, kind: Kind, annotation: &Annotation<'a>, text: &dyn Fn() -> &'a str) {
        self.leftovers.clear();
        for (key, value) in &annotation.rest {
            self.leftovers.add(key, value.get());
        }
        let is_number = |scalar: &Scalar<'_>| *scalar == Scalar::Null || scalar.number().is_some();
        let (model, parent) = (&annotation.model_version, &annotation.parent_prediction);
        let is_model = kind == Kind::Prediction && (model.text().is_some() || is_number(model));
        let has_column = [
            ("lead_time", is_number(&annotation.lead_time)),
            ("score", is_number(&annotation.score)),
            ("parent_prediction", matches!(parent, Scalar::Null | Scalar::Integer(_))),
            ("model_version", *model == Scalar::Null || is_model),
        ];
        self.leftovers.add_misfits(&has_column, || serde_json::from_str(text()).unwrap_or_default());
    }

    /// The id of whoever made this, noting the sighting.
    fn rater(&mut self, kind: Kind, native: i64, annotation: &Annotation<'_>) -> Result<Arc<str>, String> {
        let is_model = kind == Kind::Prediction;
        let written = match annotation.author {
            _ if is_model => model_version(annotation),
            author => Cow::Borrowed(author.map_or("", RawValue::get)),
        };
        let hash = mix(hash_text(&written), u64::from(is_model));
        if let Some(known) = self.authors.get(&hash).filter(|known| known.is(is_model, &written)) {
            return Ok(known.rater_id.clone());
        }
        let source = &self.options.source;
        let mut mention = RaterMention { source: source.clone(), kind: "human".to_owned(), ..RaterMention::default() };
        if is_model {
            mention.kind = "model".to_owned();
            mention.native_id = written.to_string();
            mention.rater_id = format!("{source}/model/{}", mention.native_id);
        } else {
            self.author(kind, native, annotation.author, &mut mention)?;
        }
        let rater_id: Arc<str> = mention.rater_id.as_str().into();
        // Each of those that nobody knows is somebody of their own.
        if !mention.deleted {
            let seen = Sighting { is_model, written: written.into_owned(), rater_id: rater_id.clone() };
            self.authors.insert(hash, seen);
        }
        self.raters.insert(mention);
        Ok(rater_id)
    }

    fn author(
        &self,
        kind: Kind,
        annotation: i64,
        author: Option<&RawValue>,
        mention: &mut RaterMention,
    ) -> Result<(), String> {
        let source = &self.options.source;
        let scalar = author.and_then(read::<Scalar<'_>>).unwrap_or_default();
        match scalar {
            Scalar::Integer(id) => mention.native_id = id.to_string(),
            Scalar::Text(text) if !text.is_empty() => {
                mention.native_id = text.to_string();
                mention.email = text.contains('@').then(|| text.to_string());
            }
            Scalar::Null => {
                // Nobody knows who it was, so each is somebody of their own; drafts have ids of their own.
                let prefix = if kind == Kind::Draft { "draft-" } else { "" };
                mention.native_id = format!("{prefix}{annotation}");
                mention.deleted = true;
                mention.rater_id = format!("{source}/deleted-user/{}", mention.native_id);
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
}

/// An author as written, and the rater's id.
pub(super) struct Sighting {
    is_model: bool,
    /// The author's JSON, or the model's name.
    written: String,
    rater_id: Arc<str>,
}

impl Sighting {
    fn is(&self, is_model: bool, written: &str) -> bool {
        self.is_model == is_model && self.written == written
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

/// The model's name; empty for a model without one.
fn model_version<'a>(prediction: &'a Annotation<'_>) -> Cow<'a, str> {
    match &prediction.model_version {
        Scalar::Text(text) => Cow::Borrowed(text),
        Scalar::Integer(number) => Cow::Owned(number.to_string()),
        Scalar::Number(number) => Cow::Owned(number.to_string()),
        _ => Cow::Borrowed(""),
    }
}

/// The elements of an annotation's `result`.
fn results_as_written(annotation: &str) -> Vec<&RawValue> {
    let fields: Fields<'_> = serde_json::from_str(annotation).unwrap_or_default();
    let results = fields.0.iter().rfind(|(key, _)| key == "result");
    results.and_then(|(_, results)| read(results)).unwrap_or_default()
}
