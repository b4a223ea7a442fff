//! Extractors whose rejections are problems, and which refuse what they do not know.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::problem::Problem;
use super::state::ApiState;
use crate::lake::hex;

/// The query of the address. A parameter that is given more than once becomes a list (see [`many`]); unknown ones are refused where `T`
/// says so, since a filter with a typing error would quietly filter nothing.
#[derive(Debug)]
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<ApiState>> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<ApiState>) -> Result<Self, Problem> {
        let value = query_value(parts.uri.query().unwrap_or_default());
        serde_json::from_value(value)
            .map(Self)
            .map_err(|error| Problem::bad_request("invalid_query", format!("query parameters: {error}")))
    }
}

fn query_value(query: &str) -> Value {
    let mut fields: Map<String, Value> = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = Value::String(value.into_owned());
        match fields.get_mut(name.as_ref()) {
            None => {
                fields.insert(name.into_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(fields)
}

/// For a parameter that may be given several times.
pub fn many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(value) => vec![value],
        OneOrMany::Many(values) => values,
    })
}

/// For a parameter that is a number.
pub fn number<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|error| D::Error::custom(format!("{text:?} is not a usable number: {error}")))
}

/// Reads `slice=field=value` parameters.
pub fn slices(given: &[String]) -> Result<BTreeMap<String, String>, Problem> {
    let mut slice = BTreeMap::new();
    for text in given {
        let Some((field, value)) = text.split_once('=').filter(|(field, _)| !field.is_empty()) else {
            return Err(Problem::bad_request(
                "invalid_query",
                format!("slice {text:?}: write slice=field=value, as in slice=language=de"),
            ));
        };
        if slice.insert(field.to_owned(), value.to_owned()).is_some() {
            return Err(Problem::bad_request("invalid_query", format!("slice: the field {field:?} is given twice")));
        }
    }
    Ok(slice)
}

/// A JSON body, with the SHA-256 of its bytes.
#[derive(Debug)]
pub struct JsonBody<T> {
    pub value: T,
    pub hash: String,
}

impl<T: DeserializeOwned> FromRequest<Arc<ApiState>> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<ApiState>) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().is_none_or(|kind| !kind.trim().eq_ignore_ascii_case("application/json")) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send JSON with the header Content-Type: application/json",
            ));
        }
        let bytes = Bytes::from_request(request, api).await.map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                format!("the body may have {} bytes", super::limits::BODY),
            ),
            _ => Problem::bad_request("body_unreadable", "the body broke off before its end"),
        })?;
        let hash = hex(&Sha256::digest(&bytes));
        let value = serde_json::from_slice(&bytes).map_err(|error| match error.is_data() {
            true => Problem::unprocessable("invalid_body", format!("body: {error}")),
            false => Problem::bad_request("malformed_json", format!("body: {error}")),
        })?;
        Ok(Self { value, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Params {
        control: Option<String>,
        #[serde(default, deserialize_with = "many")]
        slice: Vec<String>,
        #[serde(default, deserialize_with = "number")]
        limit: Option<i64>,
    }

    fn read(query: &str) -> Result<Params, serde_json::Error> {
        serde_json::from_value(query_value(query))
    }

    #[test]
    fn queries_are_read_strictly() {
        let all = read("slice=a=1&control=x%20y&slice=b%3D2&limit=5").unwrap();
        assert_eq!(
            all,
            Params { control: Some("x y".into()), slice: vec!["a=1".into(), "b=2".into()], limit: Some(5) }
        );
        assert_eq!(read("").unwrap(), Params { control: None, slice: vec![], limit: None });
        assert_eq!(read("slice=a=1").unwrap().slice, ["a=1"]);
        for (bad, part) in
            [("contrl=x", "unknown field `contrl`"), ("limit=many", "\"many\""), ("control=a&control=b", "sequence")]
        {
            let message = read(bad).unwrap_err().to_string();
            assert!(message.contains(part), "{bad}: {message}");
        }
    }

    #[test]
    fn slices_are_fields_with_values() {
        let slice = slices(&["language=de".into(), "note=a=b".into(), "empty=".into()]).unwrap();
        let expected = [("empty", ""), ("language", "de"), ("note", "a=b")];
        assert!(slice.iter().map(|(k, v)| (k.as_str(), v.as_str())).eq(expected));
        for bad in [vec!["language"], vec!["=de"], vec!["a=1", "a=2"]] {
            let bad: Vec<String> = bad.into_iter().map(str::to_owned).collect();
            assert!(slices(&bad).is_err(), "{bad:?}");
        }
    }
}
