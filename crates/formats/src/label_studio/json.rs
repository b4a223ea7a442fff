//! Small pieces for reading JSON leniently: a field of an unexpected type is seen as such instead of failing the record.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A key or a text: borrowed unless it has escapes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A value that can be read off its text, without a parser.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Simple<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Number(f64),
    /// Without escapes.
    Text(&'a str),
    List,
    Object,
    Other,
}

impl<'a> Simple<'a> {
    /// Digits of which a number can have so many without being out of range or rounded as a float.
    const DIGITS: usize = 15;

    pub fn of(value: &'a RawValue) -> Self {
        let text = value.get();
        match text.as_bytes() {
            b"null" => Self::Null,
            b"true" => Self::Bool(true),
            b"false" => Self::Bool(false),
            [b'"', inner @ .., b'"'] if memchr(b'\\', inner).is_none() => Self::Text(&text[1..text.len() - 1]),
            [b'0'..=b'9', rest @ ..] if rest.len() < Self::DIGITS && rest.iter().all(u8::is_ascii_digit) => {
                text.parse().map_or(Self::Other, Self::Integer)
            }
            [b'-' | b'0'..=b'9', ..] => decimal(text.as_bytes()).map_or(Self::Other, Self::Number),
            [b'[', ..] => Self::List,
            [b'{', ..] => Self::Object,
            _ => Self::Other,
        }
    }
}

/// A number with a few digits after the point. Its digits and the power of ten are exact as floats, so that their quotient is the nearest
/// float, as a parser would find it.
fn decimal(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; Simple::DIGITS + 1] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    // More than the digits and a point: rounding is left to the parser.
    if digits.len() > Simple::DIGITS + 1 {
        return None;
    }
    let (mut whole, mut point) = (0u64, None);
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => whole = whole * 10 + u64::from(byte - b'0'),
            b'.' => point = Some(at),
            // An exponent.
            _ => return None,
        }
    }
    let places = digits.len() - (point? + 1);
    let value = whole as f64 / POWERS.get(places)?;
    Some(if negative { -value } else { value })
}

/// A value that should be simple. Lists and objects are only noted.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Scalar<'a> {
    #[default]
    Null,
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(Cow<'a, str>),
    List,
    Object,
}

impl<'a> Scalar<'a> {
    /// What a value is; null if it cannot be read.
    pub fn of(value: &'a RawValue) -> Self {
        match Simple::of(value) {
            Simple::Null => Self::Null,
            Simple::Bool(value) => Self::Bool(value),
            Simple::Integer(value) => Self::Integer(value),
            Simple::Number(value) => Self::Number(value),
            Simple::Text(text) => Self::Text(Cow::Borrowed(text)),
            Simple::List => Self::List,
            Simple::Object => Self::Object,
            Simple::Other => read(value).unwrap_or_default(),
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, for messages.
    pub fn describe(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => format!("the number {value}"),
            Self::Number(value) => format!("the number {value}"),
            Self::Text(text) => format!("the text {:?}", text.chars().take(40).collect::<String>()),
            Self::List => "a list".to_owned(),
            Self::Object => "an object".to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;
        impl<'de> Visitor<'de> for ScalarVisitor {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Scalar::Null)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Scalar::Bool(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Scalar::Integer(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
                Ok(i64::try_from(value).map_or(Scalar::Number(value as f64), Scalar::Integer))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Scalar::Number(value))
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::List)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Object)
            }
        }
        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// An object's fields in their order, values as written. Something else than an object is an error.
#[derive(Debug, Default)]
pub struct Fields<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl Fields<'_> {
    pub fn are_among(&self, known: &[&str]) -> bool {
        self.0.iter().all(|(key, _)| known.contains(&key.as_ref()))
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some((key, value)) = entries.next_entry::<Text<'de>, &'de RawValue>()? {
                    fields.push((key.0, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// A number; None when it is something else.
pub fn read_number(raw: &RawValue) -> Option<f64> {
    match Simple::of(raw) {
        Simple::Integer(value) => Some(value as f64),
        Simple::Number(value) => Some(value),
        Simple::Other => read(raw),
        _ => None,
    }
}

/// Reads a value that was seen to be valid JSON before; None when it is of another type.
pub fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// Collects the fields that have no column into one JSON object.
#[derive(Debug, Default)]
pub struct Leftovers {
    text: String,
}

impl Leftovers {
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// Adds a field; nulls are left out, since a field that is null says no more than one that is not there.
    pub fn add(&mut self, key: &str, json: &str) {
        if json == "null" {
            return;
        }
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        if key.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
            // Writing a text as JSON cannot fail.
            self.text.push_str(&serde_json::to_string(key).unwrap_or_default());
        } else {
            self.text.push('"');
            self.text.push_str(key);
            self.text.push('"');
        }
        self.text.push(':');
        self.text.push_str(json);
    }

    /// Adds the fields that have no column, as they were `written`.
    pub fn add_misfits<'a>(&mut self, has_column: &[(&str, bool)], written: impl FnOnce() -> Fields<'a>) {
        if has_column.iter().all(|(_, fits)| *fits) {
            return;
        }
        let written = written();
        for (key, _) in has_column.iter().filter(|(_, fits)| !fits) {
            // Of a field that occurs twice the last counts, as it does for its column.
            if let Some((_, raw)) = written.0.iter().rfind(|(written, _)| written == key) {
                self.add(key, raw.get());
            }
        }
    }

    /// The object, to be taken once; none when nothing was added.
    pub fn finish(&mut self) -> Option<&str> {
        if self.text.is_empty() {
            return None;
        }
        self.text.push('}');
        Some(&self.text)
    }
}
