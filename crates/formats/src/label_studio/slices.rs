//! The fields that people filter items by.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::json::{Fields, Scalar, read};

const MAX_SLICES: usize = 64;
/// Longer names and longer texts are no slices.
const MAX_SLICE_BYTES: usize = 256;
/// Fields nested deeper than this are no slices.
const MAX_DEPTH: usize = 16;

/// Scalar fields of a task's data and meta by dotted path.
pub fn slices<'a>(data: Option<&'a RawValue>, meta: Option<&'a RawValue>) -> Vec<(String, Cow<'a, str>)> {
    let mut slices = Vec::new();
    for (prefix, object) in [("", data), ("meta.", meta)] {
        if let Some(object) = object {
            collect(prefix, object, MAX_DEPTH, &mut slices);
        }
    }
    slices
}

fn collect<'a>(prefix: &str, object: &'a RawValue, depth: usize, slices: &mut Vec<(String, Cow<'a, str>)>) {
    let Some(fields) = read::<Fields<'a>>(object) else { return };
    for (key, raw) in fields.0 {
        if slices.len() >= MAX_SLICES || depth == 0 {
            return;
        }
        let text = raw.get();
        if prefix.len() + key.len() > MAX_SLICE_BYTES {
            continue;
        }
        let path = format!("{prefix}{key}");
        match text.as_bytes().first() {
            Some(b'{') => collect(&format!("{path}."), raw, depth - 1, slices),
            Some(b'[') | None => {}
            // A name with a dot can be the path of a field inside another; the keys of a map are unique.
            Some(_) if slices.iter().any(|(known, _)| *known == path) => {}
            Some(b'"') if text.len() > MAX_SLICE_BYTES + 2 => {}
            Some(b'"') => {
                if let Scalar::Text(text) = Scalar::of(raw) {
                    slices.push((path, text));
                }
            }
            Some(_) if text == "null" => {}
            Some(_) => slices.push((path, Cow::Borrowed(text))),
        }
    }
}
