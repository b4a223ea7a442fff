//! A hash of JSON content that does not depend on the order of keys, on blanks, on how a number or a character is written,
//! or on whether an empty field is null or left out.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::json::read;

const NULL: u64 = 0;
const LIST: u64 = 0x5b5b_5b5b;

/// Mixes two hashes; the order counts.
pub fn mix(a: u64, b: u64) -> u64 {
    (a ^ b.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (a.wrapping_add(b) >> 29)
}

pub fn hash_text(text: &str) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), 1)
}

/// Hashes one JSON value; keys of its outermost object for which `skip` says so are left out.
pub struct Content<F> {
    skip: F,
    /// Whether frames of a `sequence` that an export filled in between key frames are left out.
    key_frames: bool,
}

type Skip = fn(&str) -> bool;

impl Content<Skip> {
    pub fn of(skip: Skip) -> Self {
        Self { skip, key_frames: false }
    }

    pub fn of_annotation(skip: Skip) -> Self {
        Self { skip, key_frames: true }
    }
}

impl<F> Content<F> {
    fn inner(&self) -> Content<Skip> {
        Content { skip: keep_all, key_frames: self.key_frames }
    }
}

/// Keeps every key.
fn keep_all(_: &str) -> bool {
    false
}

impl<'de, F: Fn(&str) -> bool> DeserializeSeed<'de> for Content<F> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: Fn(&str) -> bool> Visitor<'de> for Content<F> {
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
        while let Some(item) = items.next_element_seed(self.inner())? {
            hash = mix(hash, item);
        }
        Ok(hash)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<u64, A::Error> {
        let mut sum: u64 = 0x7b7b_7b7b;
        let sequence = hash_text("sequence");
        while let Some(key) = entries.next_key_seed(KeyHash(&self.skip))? {
            match key {
                None => {
                    entries.next_value::<IgnoredAny>()?;
                }
                Some(key) => {
                    let value = if self.key_frames && key == sequence {
                        entries.next_value_seed(KeyFrames)?
                    } else {
                        entries.next_value_seed(self.inner())?
                    };
                    if value != NULL {
                        sum = sum.wrapping_add(mix(key, value));
                    }
                }
            }
        }
        Ok(xxh3_64(&sum.to_le_bytes()))
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
        let hash_of =
            |raw: &RawValue| Content::of(keep_all).deserialize(&mut serde_json::Deserializer::from_str(raw.get()));
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

struct KeyHash<'f, F>(&'f F);

impl<'de, F: Fn(&str) -> bool> DeserializeSeed<'de> for KeyHash<'_, F> {
    type Value = Option<u64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<F: Fn(&str) -> bool> Visitor<'_> for KeyHash<'_, F> {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok((!(self.0)(key)).then(|| hash_text(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> u64 {
        Content::of(|key| key == "volatile").deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap()
    }

    #[test]
    fn writing_does_not_matter() {
        for (a, b) in [
            (r#"{"a":1,"b":[true,"x"]}"#, r#"{ "b" : [true, "x"], "a" : 1.0 }"#),
            (r#"{"a":null,"b":2}"#, r#"{"b":2}"#),
            (r#"{"a":"é"}"#, r#"{"a":"\u00e9"}"#),
            (r#"{"a":-0.0}"#, r#"{"a":0}"#),
            (r#"{"a":1,"volatile":1}"#, r#"{"a":1,"volatile":{"x":[2]}}"#),
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
            "{\"a\":{\"volatile\":1}}",
        ];
        let hashes: std::collections::BTreeSet<u64> = different.iter().map(|text| hash(text)).collect();
        assert_eq!(hashes.len(), different.len());
    }

    #[test]
    fn hashes_are_stored_and_stay() {
        assert_eq!(hash(r#"{"a":1,"b":["x",null,true]}"#), 17_860_036_464_749_309_485);
    }
}
