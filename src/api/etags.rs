//! Answers that a caller has already. What a snapshot's answer says follows from the snapshot, the question and the figure rules, so its tag
//! is known before anything is computed.

use std::fmt::Write as _;

use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::forms::Form;
use super::problem::Problem;
use crate::error::{Error, Result};
use crate::lake::hex;
use crate::reports::report_key;
use crate::store::Project;

/// The tag of one answer. Weak, because the same rows may go out compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// `kind` and `params` name the question; `params` must hold whatever can change the answer, the page among it.
    pub fn new(project: &Project, kind: &str, snapshot: i64, params: &impl Serialize, form: Form) -> Result<Self> {
        let key = report_key(kind, snapshot, params)?;
        let digest = Sha256::digest(format!("{}/{key}/{form:?}", project.id));
        let mut tag = String::from("W/\"");
        let _ = write!(tag, "{}\"", hex(&digest[..16]));
        Ok(Self(tag))
    }

    /// The answer for a caller who has this answer; `None` for one who has another or none.
    pub fn unless_known(&self, headers: &HeaderMap) -> Result<Option<Response>, Problem> {
        self.is_known(headers).then(|| self.put_on(StatusCode::NOT_MODIFIED.into_response())).transpose()
    }

    /// The answer with its tag.
    pub fn put_on(&self, mut response: Response) -> Result<Response, Problem> {
        let head = response.headers_mut();
        head.insert(ETAG, HeaderValue::from_str(&self.0).map_err(Error::internal)?);
        head.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        head.insert(VARY, HeaderValue::from_static("accept, authorization, cookie"));
        Ok(response)
    }

    fn is_known(&self, headers: &HeaderMap) -> bool {
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let own = opaque(&self.0);
        let given = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        given.flat_map(|value| value.split(',')).map(opaque).any(|tag| tag == "*" || tag == own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(id: &str) -> Project {
        Project { id: id.into(), workspace_id: "w".into(), name: "n".into(), created_at: 0, latest_snapshot: 1 }
    }

    #[test]
    fn a_tag_changes_with_what_its_answer_is_a_function_of() {
        let tag = |id: &str, kind: &str, snapshot: i64, params: &str, form: Form| {
            Tag::new(&project(id), kind, snapshot, &params, form).unwrap()
        };
        let one = tag("p", "k", 1, "x", Form::Json);
        assert_eq!(one, tag("p", "k", 1, "x", Form::Json));
        for other in [
            tag("q", "k", 1, "x", Form::Json),
            tag("p", "l", 1, "x", Form::Json),
            tag("p", "k", 2, "x", Form::Json),
            tag("p", "k", 1, "y", Form::Json),
            tag("p", "k", 1, "x", Form::Csv),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn tags_are_compared_weakly() {
        let tag = Tag::new(&project("p"), "k", 1, &"x", Form::Json).unwrap();
        let known = |given: &str| {
            let value = HeaderValue::from_str(given).unwrap();
            tag.is_known(&HeaderMap::from_iter([(IF_NONE_MATCH, value)]))
        };
        let strong = tag.0.trim_start_matches("W/");
        for given in [tag.0.as_str(), strong, "*", &format!("\"x\", {}", tag.0)] {
            assert!(known(given), "{given}");
        }
        assert!(!known("\"x\"") && !tag.is_known(&HeaderMap::new()));
    }
}
