//! A hash of JSON content that does not depend on the order of keys, on blanks, on how a number or a character is written,
//! or on whether an empty field is null or left out.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::json::{Simple, read};

const NULL: u64 = 0;
const LIST: u64 = 0x5b5b_5b5b;
const OBJECT: u64 = 0x7b7b_7b7b;
/// The field of a video region that holds its frames.
const SEQUENCE: &str = "sequence";

/// Mixes two hashes; the order counts.
pub fn mix(a: u64, b: u64) -> u64 {
    (a ^ b.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (a.wrapping_add(b) >> 29)
}

pub fn hash_text(text: &str) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), 1)
}

/// A value that cannot be followed: nested too deep, or not JSON after all.
type Fault<'a> = (&'a RawValue, serde_json::Error);
pub type Hashed<'a> = Result<u64, Fault<'a>>;

/// The hash of an object, built while its fields are read: the same as hashing its text, without reading it once more.
#[derive(Debug)]
pub struct ObjectHash<'a> {
    sum: u64,
    /// Whether frames that an export filled in between key frames are left out.
    key_frames: bool,
    /// The first.
    fault: Option<Fault<'a>>,
}

impl<'a> ObjectHash<'a> {
    pub fn new(key_frames: bool) -> Self {
        Self { sum: OBJECT, key_frames, fault: None }
    }

    pub fn add(&mut self, key: &str, value: &'a RawValue) {
        self.add_object(key, hash_field(key, value, self.key_frames).map_err(|error| (value, error)));
    }

    /// Adds a field whose value was hashed in the same way.
    pub fn add_object(&mut self, key: &str, value: Hashed<'a>) {
        match value {
            Ok(hash) => self.sum = add_entry(self.sum, hash_text(key), hash),
            Err(fault) => {
                self.fault.get_or_insert(fault);
            }
        }
    }

    /// The hash; a fault is handed out once.
    pub fn finish(&mut self) -> Hashed<'a> {
        self.fault.take().map_or_else(|| Ok(end_object(self.sum)), Err)
    }
}

/// The hash of a list, element by element.
#[derive(Debug)]
pub struct ListHash<'a>(Hashed<'a>);

impl<'a> ListHash<'a> {
    pub fn new() -> Self {
        Self(Ok(LIST))
    }

    pub fn add(&mut self, element: Hashed<'a>) {
        match (&mut self.0, element) {
            (Ok(hash), Ok(element)) => *hash = mix(*hash, element),
            (hash @ Ok(_), Err(fault)) => *hash = Err(fault),
            (Err(_), _) => {}
        }
    }

    pub fn finish(self) -> Hashed<'a> {
        self.0
    }
}

/// An entry counts the same at any place; one that is null counts as if it were not there.
fn add_entry(sum: u64, key: u64, value: u64) -> u64 {
    if value == NULL { sum } else { sum.wrapping_add(mix(key, value)) }
}

fn end_object(sum: u64) -> u64 {
    xxh3_64(&sum.to_le_bytes())
}

/// Most values are short texts, numbers and words: these need no parser.
fn hash_field(key: &str, value: &RawValue, key_frames: bool) -> Result<u64, serde_json::Error> {
    let content = Content { key_frames };
    let parser = || serde_json::Deserializer::from_str(value.get());
    match Simple::of(value) {
        Simple::Null => Ok(NULL),
        Simple::Bool(value) => content.visit_bool(value),
        Simple::Integer(value) => content.visit_i64(value),
        Simple::Number(value) => content.visit_f64(value),
        Simple::Text(text) => Ok(hash_text(text)),
        Simple::List | Simple::Object | Simple::Other if key_frames && key == SEQUENCE => {
            KeyFrames.deserialize(&mut parser())
        }
        Simple::List | Simple::Object | Simple::Other => content.deserialize(&mut parser()),
    }
}

/// Hashes one JSON value.
#[derive(Clone, Copy)]
struct Content {
    /// Whether frames of a `sequence` that an export filled in between key frames are left out.
    key_frames: bool,
}

impl<'de> DeserializeSeed<'de> for Content {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Content {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<u64, E> {
        Ok(NULL)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<u64, E> {
        Ok(if value { 0x7472_7565 } else { 0x6661_6c73 })
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u64, E> {
        // Beyond 2^53 the neighbours of a whole number are not whole: hash its digits, not the nearest float.
        if value.unsigned_abs() < (1 << 53) {
            self.visit_f64(value as f64)
        } else {
            Ok(xxh3_64_with_seed(&value.to_le_bytes(), 2))
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        if value < (1 << 53) { self.visit_f64(value as f64) } else { Ok(xxh3_64_with_seed(&value.to_le_bytes(), 2)) }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<u64, E> {
        let value = if value == 0.0 { 0.0 } else { value };
        Ok(xxh3_64_with_seed(&value.to_bits().to_le_bytes(), 3))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<u64, E> {
        Ok(hash_text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<u64, A::Error> {
        let mut hash = LIST;
        while let Some(item) = items.next_element_seed(self)? {
            hash = mix(hash, item);
        }
        Ok(hash)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<u64, A::Error> {
        let mut sum = OBJECT;
        let sequence = hash_text(SEQUENCE);
        while let Some(key) = entries.next_key_seed(KeyHash)? {
            let value = if self.key_frames && key == sequence {
                entries.next_value_seed(KeyFrames)?
            } else {
                entries.next_value_seed(self)?
            };
            sum = add_entry(sum, key, value);
        }
        Ok(end_object(sum))
    }
}

/// Hashes the value of `sequence` without interpolated frames.
struct KeyFrames;

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Interpolated {
    auto: bool,
}

impl<'de> DeserializeSeed<'de> for KeyFrames {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        let sequence = <&RawValue>::deserialize(deserializer)?;
        let hash_of = |raw: &RawValue| {
            Content { key_frames: false }.deserialize(&mut serde_json::Deserializer::from_str(raw.get()))
        };
        let Some(frames) = read::<Vec<&RawValue>>(sequence) else { return hash_of(sequence).map_err(Error::custom) };
        let mut hash = LIST;
        for frame in frames {
            if !read::<Interpolated>(frame).is_some_and(|frame| frame.auto) {
                hash = mix(hash, hash_of(frame).map_err(Error::custom)?);
            }
        }
        Ok(hash)
    }
}

struct KeyHash;

impl<'de> DeserializeSeed<'de> for KeyHash {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyHash {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<u64, E> {
        Ok(hash_text(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label_studio::json::Fields;

    /// The hash of a text, by the parser and by its fields.
    fn hash(text: &str) -> u64 {
        let whole = Content { key_frames: false }.deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap();
        if let Ok(fields) = serde_json::from_str::<Fields<'_>>(text) {
            let mut object = ObjectHash::new(false);
            for (key, value) in &fields.0 {
                object.add(key, value);
            }
            assert_eq!(object.finish().unwrap(), whole, "{text}");
        }
        if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(text) {
            let mut list = ListHash::new();
            for element in elements {
                list.add(hash_field("", element, false).map_err(|error| (element, error)));
            }
            assert_eq!(list.finish().unwrap(), whole, "{text}");
        }
        whole
    }

    #[test]
    fn writing_does_not_matter() {
        for (a, b) in [
            (r#"{"a":1,"b":[true,"x"]}"#, r#"{ "b" : [true, "x"], "a" : 1.0 }"#),
            (r#"{"a":null,"b":2}"#, r#"{"b":2}"#),
            (r#"{"a":"é"}"#, r#"{"a":"\u00e9"}"#),
            (r#"{"a":-0.0}"#, r#"{"a":0}"#),
            (
                r#"["\u0041",1,-0,123456789012345,1234567890123456]"#,
                r#"["A",1.0,0,1.23456789012345e14,1.234567890123456e15]"#,
            ),
        ] {
            assert_eq!(hash(a), hash(b), "{a} {b}");
        }
    }

    #[test]
    fn content_matters() {
        let different = [
            "1",
            "\"1\"",
            "true",
            "false",
            "[1]",
            "[[1]]",
            "[1,1]",
            "{\"a\":1}",
            "{\"a\":[1]}",
            "{\"b\":1}",
            "{}",
            "[]",
            "\"\"",
            "{\"a\":1,\"b\":2}",
            "{\"a\":2,\"b\":1}",
            "[1,2]",
            "[2,1]",
            "9007199254740993",
            "9007199254740992",
        ];
        let hashes: std::collections::BTreeSet<u64> = different.iter().map(|text| hash(text)).collect();
        assert_eq!(hashes.len(), different.len());
    }

    #[test]
    fn hashes_are_stored_and_stay() {
        assert_eq!(hash(r#"{"a":1,"b":["x",null,true]}"#), 17_860_036_464_749_309_485);
    }
}
