//! Label Studio's objects as they stand in a file, read in one pass: known fields typed, the rest as written.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::canonical::{Hashed, ListHash, ObjectHash};
use super::json::{Fields, Scalar, Text};

/// Counts that the server derives from annotations and predictions: they are recomputed, not kept.
const DERIVED: [&str; 3] = ["total_annotations", "cancelled_annotations", "total_predictions"];

/// Fields of an annotation that are left out of its content hash, besides who annotated (forms differ) and what [`Annotation`] skips: ids of
/// what it belongs to, and what differs between two exports of one state.
const NOT_CONTENT: [&str; 4] = ["created_username", "unique_id", "task", "project"];

/// A task, with predictions and drafts left as written: they may be ids.
#[derive(Debug)]
pub struct Task<'a> {
    pub id: Scalar<'a>,
    pub data: Option<&'a RawValue>,
    pub meta: Option<&'a RawValue>,
    pub created_at: Scalar<'a>,
    pub updated_at: Scalar<'a>,
    pub annotations: Option<Annotations<'a>>,
    pub predictions: Option<Elements<'a>>,
    pub drafts: Option<Elements<'a>>,
    /// All but the lists, which become rows of their own, and what is derived.
    pub content: ObjectHash<'a>,
    pub rest: Vec<(Cow<'a, str>, &'a RawValue)>,
}

#[derive(Debug)]
pub enum Annotations<'a> {
    Read(Vec<Annotation<'a>>),
    Written(Elements<'a>),
}

/// What should be a list.
#[derive(Debug)]
pub enum Elements<'a> {
    List(Vec<&'a RawValue>),
    Null,
    /// Something else, in words.
    Other(String),
}

/// An annotation, a draft or a prediction.
#[derive(Debug)]
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
    pub content: ObjectHash<'a>,
    pub rest: Vec<(Cow<'a, str>, &'a RawValue)>,
}

/// One element of `result`.
#[derive(Debug)]
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
    pub content: ObjectHash<'a>,
    pub rest: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl Task<'_> {
    fn new() -> Self {
        Self {
            id: Scalar::Null,
            data: None,
            meta: None,
            created_at: Scalar::Null,
            updated_at: Scalar::Null,
            annotations: None,
            predictions: None,
            drafts: None,
            content: ObjectHash::new(false),
            rest: Vec::new(),
        }
    }
}

impl Annotation<'_> {
    fn new() -> Self {
        Self {
            id: Scalar::Null,
            author: None,
            result: None,
            was_cancelled: Scalar::Null,
            ground_truth: Scalar::Null,
            created_at: Scalar::Null,
            updated_at: Scalar::Null,
            lead_time: Scalar::Null,
            parent_prediction: Scalar::Null,
            model_version: Scalar::Null,
            score: Scalar::Null,
            content: ObjectHash::new(true),
            rest: Vec::new(),
        }
    }
}

impl ResultItem<'_> {
    fn new() -> Self {
        Self {
            id: Scalar::Null,
            from_name: Scalar::Null,
            to_name: Scalar::Null,
            r#type: Scalar::Null,
            value: Fields::default(),
            score: Scalar::Null,
            parent_id: Scalar::Null,
            original_width: Scalar::Null,
            original_height: Scalar::Null,
            from_id: Scalar::Null,
            to_id: Scalar::Null,
            direction: Scalar::Null,
            labels: None,
            content: ObjectHash::new(true),
            rest: Vec::new(),
        }
    }
}

/// Sets a field; of two lists of one name the first would be lost.
fn once<T, E: Error>(slot: &mut Option<T>, key: &'static str, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(key)),
    }
}

/// The value of a field that should be a list.
impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ElementsVisitor;
        impl<'de> Visitor<'de> for ElementsVisitor {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::with_capacity(8);
                while let Some(element) = elements.next_element()? {
                    list.push(element);
                }
                Ok(Elements::List(list))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Elements::Null)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Elements::Other(Scalar::Bool(value).describe()))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Elements::Other(Scalar::Integer(value).describe()))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Elements::Other(format!("the number {value}")))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Elements::Other(Scalar::Number(value).describe()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Elements::Other(Scalar::Text(Cow::Borrowed(text)).describe()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Elements::Other(Scalar::Object.describe()))
            }
        }
        deserializer.deserialize_any(ElementsVisitor)
    }
}

/// Reads an object field by field: the body takes the value of each key.
macro_rules! object {
    ($name:ident, $what:literal, $new:expr, |$object:ident, $key:ident, $entries:ident| $take:expr) => {
        impl<'de> Deserialize<'de> for $name<'de> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ObjectVisitor;
                impl<'de> Visitor<'de> for ObjectVisitor {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut $entries: A) -> Result<Self::Value, A::Error> {
                        let mut $object = $new;
                        while let Some(Text($key)) = $entries.next_key::<Text<'de>>()? {
                            $take;
                        }
                        Ok($object)
                    }
                }
                deserializer.deserialize_map(ObjectVisitor)
            }
        }
    };
}

/// Reads a task. Its annotations are read along with it. If something is wrong with one, all are left as written, so that they can be
/// read one by one and the faulty one does not lose the others.
///
/// # Errors
/// What is no task.
pub fn read_task(text: &str) -> serde_json::Result<Task<'_>> {
    let task = |read_annotations| {
        let mut parser = serde_json::Deserializer::from_str(text);
        let task = TaskReader { read_annotations }.deserialize(&mut parser)?;
        parser.end()?;
        Ok(task)
    };
    task(true).or_else(|_: serde_json::Error| task(false))
}

/// The annotations of a task as written; none if they are no list.
pub fn written_annotations(task: &str) -> Vec<&RawValue> {
    let mut parser = serde_json::Deserializer::from_str(task);
    match (TaskReader { read_annotations: false }).deserialize(&mut parser) {
        Ok(Task { annotations: Some(Annotations::Written(Elements::List(list))), .. }) => list,
        _ => Vec::new(),
    }
}

struct TaskReader {
    read_annotations: bool,
}

impl<'de> DeserializeSeed<'de> for TaskReader {
    type Value = Task<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Task<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TaskReader {
    type Value = Task<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a task (an object)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Task<'de>, A::Error> {
        let mut task = Task::new();
        while let Some(Text(key)) = entries.next_key::<Text<'de>>()? {
            match key.as_ref() {
                "annotations" => {
                    let annotations = match self.read_annotations {
                        true => Annotations::Read(entries.next_value()?),
                        false => Annotations::Written(entries.next_value()?),
                    };
                    once(&mut task.annotations, "annotations", annotations)?;
                }
                "predictions" => once(&mut task.predictions, "predictions", entries.next_value()?)?,
                "drafts" => once(&mut task.drafts, "drafts", entries.next_value()?)?,
                name if DERIVED.contains(&name) => {
                    entries.next_value::<IgnoredAny>()?;
                }
                name => {
                    let value: &RawValue = entries.next_value()?;
                    task.content.add(name, value);
                    match name {
                        "id" => task.id = Scalar::of(value),
                        "data" => task.data = Some(value),
                        "meta" => task.meta = Some(value),
                        "created_at" => task.created_at = Scalar::of(value),
                        "updated_at" => task.updated_at = Scalar::of(value),
                        _ => task.rest.push((key, value)),
                    }
                }
            }
        }
        Ok(task)
    }
}

object!(Annotation, "an annotation (an object)", Annotation::new(), |annotation, key, entries| match key.as_ref() {
    "result" => {
        let results: Option<Results<'de>> = entries.next_value()?;
        annotation.result = results.map(|results| {
            annotation.content.add_object("result", results.hash);
            results.items
        });
    }
    // A copy of the project's current prediction on nearly every annotation; a time relative to the export; a count of `result`.
    "prediction" | "created_ago" | "result_count" => {
        entries.next_value::<IgnoredAny>()?;
    }
    "completed_by" | "user" => annotation.author = Some(entries.next_value()?),
    name => {
        let value: &RawValue = entries.next_value()?;
        if !NOT_CONTENT.contains(&name) {
            annotation.content.add(name, value);
        }
        match name {
            "id" => annotation.id = Scalar::of(value),
            "was_cancelled" => annotation.was_cancelled = Scalar::of(value),
            "ground_truth" => annotation.ground_truth = Scalar::of(value),
            "created_at" => annotation.created_at = Scalar::of(value),
            "updated_at" => annotation.updated_at = Scalar::of(value),
            "lead_time" => annotation.lead_time = Scalar::of(value),
            "parent_prediction" => annotation.parent_prediction = Scalar::of(value),
            "model_version" => annotation.model_version = Scalar::of(value),
            "score" => annotation.score = Scalar::of(value),
            _ => annotation.rest.push((key, value)),
        }
    }
});

object!(ResultItem, "a result (an object)", ResultItem::new(), |result, key, entries| match key.as_ref() {
    "value" => {
        let fields: Option<Fields<'de>> = entries.next_value()?;
        result.value = fields.unwrap_or_default();
        result.content.add_object("value", hash_fields(&result.value));
    }
    name => {
        let value: &RawValue = entries.next_value()?;
        result.content.add(name, value);
        match name {
            "id" => result.id = Scalar::of(value),
            "from_name" => result.from_name = Scalar::of(value),
            "to_name" => result.to_name = Scalar::of(value),
            "type" => result.r#type = Scalar::of(value),
            "score" => result.score = Scalar::of(value),
            "parentID" => result.parent_id = Scalar::of(value),
            "original_width" => result.original_width = Scalar::of(value),
            "original_height" => result.original_height = Scalar::of(value),
            "from_id" => result.from_id = Scalar::of(value),
            "to_id" => result.to_id = Scalar::of(value),
            "direction" => result.direction = Scalar::of(value),
            "labels" => result.labels = Some(value),
            _ => result.rest.push((key, value)),
        }
    }
});

fn hash_fields<'a>(fields: &Fields<'a>) -> Hashed<'a> {
    let mut object = ObjectHash::new(true);
    for (key, value) in &fields.0 {
        object.add(key, value);
    }
    object.finish()
}

/// The list `result`.
struct Results<'a> {
    items: Vec<ResultItem<'a>>,
    hash: Hashed<'a>,
}

impl<'de> Deserialize<'de> for Results<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ResultsVisitor;
        impl<'de> Visitor<'de> for ResultsVisitor {
            type Value = Results<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of results")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
                let (mut items, mut hash) = (Vec::with_capacity(4), ListHash::new());
                while let Some(mut item) = elements.next_element::<ResultItem<'de>>()? {
                    hash.add(item.content.finish());
                    items.push(item);
                }
                Ok(Results { items, hash: hash.finish() })
            }
        }
        deserializer.deserialize_seq(ResultsVisitor)
    }
}
