//! Label Studio's objects as they stand in a file, read in one pass: known fields typed, the rest as written.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json::{Fields, Scalar, Text};

/// Counts that the server derives from annotations and predictions: they are recomputed, not kept.
const DERIVED: [&str; 3] = ["total_annotations", "cancelled_annotations", "total_predictions"];

/// Whether a task's field is left out of its content hash: what has rows of its own, and what is derived.
pub fn not_item_content(key: &str) -> bool {
    matches!(key, "annotations" | "predictions" | "drafts") || DERIVED.contains(&key)
}

/// Whether an annotation's field is left out of its content hash: who annotated (forms differ), the copy of a prediction, ids of what it
/// belongs to, and what differs between two exports of one state.
pub fn not_annotation_content(key: &str) -> bool {
    matches!(
        key,
        "completed_by"
            | "user"
            | "created_username"
            | "created_ago"
            | "prediction"
            | "unique_id"
            | "result_count"
            | "task"
            | "project"
    )
}

/// A task: lists of annotations are left as written, so that one faulty annotation does not lose the others.
#[derive(Debug, Default)]
pub struct Task<'a> {
    pub id: Scalar<'a>,
    pub data: Option<&'a RawValue>,
    pub meta: Option<&'a RawValue>,
    pub created_at: Scalar<'a>,
    pub updated_at: Scalar<'a>,
    pub annotations: Option<&'a RawValue>,
    pub predictions: Option<&'a RawValue>,
    pub drafts: Option<&'a RawValue>,
    pub rest: Vec<(Cow<'a, str>, &'a RawValue)>,
}

/// An annotation, a draft or a prediction.
#[derive(Debug, Default)]
pub struct Annotation<'a> {
    pub id: Scalar<'a>,
    /// `completed_by` of an annotation, `user` of a draft.
    pub author: Option<&'a RawValue>,
    pub result: Option<Vec<ResultItem<'a>>>,
    pub was_cancelled: Scalar<'a>,
    pub ground_truth: Scalar<'a>,
    pub created_at: Scalar<'a>,
    pub updated_at: Scalar<'a>,
    pub lead_time: Scalar<'a>,
    pub parent_prediction: Scalar<'a>,
    pub model_version: Scalar<'a>,
    pub score: Scalar<'a>,
    pub result_count: Scalar<'a>,
    pub rest: Vec<(Cow<'a, str>, &'a RawValue)>,
}

/// One element of `result`.
#[derive(Debug, Default)]
pub struct ResultItem<'a> {
    pub id: Scalar<'a>,
    pub from_name: Scalar<'a>,
    pub to_name: Scalar<'a>,
    pub r#type: Scalar<'a>,
    pub value: Fields<'a>,
    pub score: Scalar<'a>,
    pub parent_id: Scalar<'a>,
    pub original_width: Scalar<'a>,
    pub original_height: Scalar<'a>,
    pub from_id: Scalar<'a>,
    pub to_id: Scalar<'a>,
    pub direction: Scalar<'a>,
    pub labels: Option<&'a RawValue>,
    pub rest: Vec<(Cow<'a, str>, &'a RawValue)>,
}

/// Sets a field; of two lists of one name the first would be lost.
fn once<T, E: Error>(slot: &mut Option<T>, key: &'static str, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(key)),
    }
}

/// Reads an object field by field: the body stores a known key's value and says whether it did; everything else goes to `rest`.
macro_rules! object {
    ($name:ident, $what:literal, |$object:ident, $key:ident, $entries:ident| $known:expr) => {
        impl<'de> Deserialize<'de> for $name<'de> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ObjectVisitor;
                impl<'de> Visitor<'de> for ObjectVisitor {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut $entries: A) -> Result<Self::Value, A::Error> {
                        let mut $object = $name::default();
                        while let Some(Text($key)) = $entries.next_key::<Text<'de>>()? {
                            if !$known {
                                let value = $entries.next_value()?;
                                $object.rest.push(($key, value));
                            }
                        }
                        Ok($object)
                    }
                }
                deserializer.deserialize_map(ObjectVisitor)
            }
        }
    };
}

object!(Task, "a task (an object)", |task, key, entries| {
    let mut known = true;
    match key.as_ref() {
        "id" => task.id = entries.next_value()?,
        "data" => task.data = Some(entries.next_value()?),
        "meta" => task.meta = Some(entries.next_value()?),
        "created_at" => task.created_at = entries.next_value()?,
        "updated_at" => task.updated_at = entries.next_value()?,
        "annotations" => once(&mut task.annotations, "annotations", entries.next_value()?)?,
        "predictions" => once(&mut task.predictions, "predictions", entries.next_value()?)?,
        "drafts" => once(&mut task.drafts, "drafts", entries.next_value()?)?,
        key if DERIVED.contains(&key) => {
            entries.next_value::<IgnoredAny>()?;
        }
        _ => known = false,
    }
    known
});

object!(Annotation, "an annotation (an object)", |annotation, key, entries| {
    let mut known = true;
    match key.as_ref() {
        "id" => annotation.id = entries.next_value()?,
        "completed_by" | "user" => annotation.author = Some(entries.next_value()?),
        "result" => annotation.result = entries.next_value()?,
        "was_cancelled" => annotation.was_cancelled = entries.next_value()?,
        "ground_truth" => annotation.ground_truth = entries.next_value()?,
        "created_at" => annotation.created_at = entries.next_value()?,
        "updated_at" => annotation.updated_at = entries.next_value()?,
        "lead_time" => annotation.lead_time = entries.next_value()?,
        "parent_prediction" => annotation.parent_prediction = entries.next_value()?,
        "model_version" => annotation.model_version = entries.next_value()?,
        "score" => annotation.score = entries.next_value()?,
        "result_count" => annotation.result_count = entries.next_value()?,
        // A copy of the project's current prediction on nearly every annotation; and a time relative to the export.
        "prediction" | "created_ago" => {
            entries.next_value::<IgnoredAny>()?;
        }
        _ => known = false,
    }
    known
});

object!(ResultItem, "a result (an object)", |result, key, entries| {
    let mut known = true;
    match key.as_ref() {
        "id" => result.id = entries.next_value()?,
        "from_name" => result.from_name = entries.next_value()?,
        "to_name" => result.to_name = entries.next_value()?,
        "type" => result.r#type = entries.next_value()?,
        "value" => result.value = entries.next_value::<Option<Fields<'de>>>()?.unwrap_or_default(),
        "score" => result.score = entries.next_value()?,
        "parentID" => result.parent_id = entries.next_value()?,
        "original_width" => result.original_width = entries.next_value()?,
        "original_height" => result.original_height = entries.next_value()?,
        "from_id" => result.from_id = entries.next_value()?,
        "to_id" => result.to_id = entries.next_value()?,
        "direction" => result.direction = entries.next_value()?,
        "labels" => result.labels = Some(entries.next_value()?),
        _ => known = false,
    }
    known
});
