//! Answers that a caller has already. What a snapshot's answer says follows from the snapshot, the question and the figure rules, so its tag
//! is known before anything is computed.

use std::fmt::Write as _;

use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::forms::Form;
use super::paging;
use super::problem::Problem;
use super::state::ApiState;
use crate::error::{Error, Result};
use crate::lake::hex;
use crate::reports::views::Page;
use crate::reports::{Answer, report_key};
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

    /// The JSON that `make` gives, with its tag: made once for all who ask.
    pub async fn json<T: Serialize + Send + 'static>(
        &self,
        api: &ApiState,
        project: &Project,
        make: impl Future<Output = Result<T>> + Send,
    ) -> Result<Response, Problem> {
        let answer =
            api.app.reports.answer(&project.id, &self.0, boxed(async { written(make.await?, None).await })).await?;
        self.put_on(sent(answer.body))
    }

    /// The same of a page, with a `Link` to the next one.
    pub async fn page<T: Serialize + Send + 'static>(
        &self,
        api: &ApiState,
        project: &Project,
        uri: &Uri,
        make: impl Future<Output = Result<Page<T>>> + Send,
    ) -> Result<Response, Problem> {
        let made = boxed(async {
            let page = make.await?;
            let next_cursor = page.next_cursor.clone();
            written(page, next_cursor).await
        });
        let answer = api.app.reports.answer(&project.id, &self.0, made).await?;
        let mut response = sent(answer.body);
        paging::link(&mut response, uri, answer.next_cursor.as_deref());
        self.put_on(response)
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

/// On the heap: a report's future is large, and each layer around a handler would hold it in its own.
fn boxed<'a>(made: impl Future<Output = Result<Answer>> + Send + 'a) -> BoxFuture<'a, Result<Answer>> {
    Box::pin(made)
}

/// On a thread that may take its time.
async fn written<T: Serialize + Send + 'static>(answer: T, next_cursor: Option<String>) -> Result<Answer> {
    let written = tokio::task::spawn_blocking(move || serde_json::to_vec(&answer).map_err(Error::internal));
    Ok(Answer { body: written.await.map_err(Error::internal)??.into(), next_cursor })
}

fn sent(body: Bytes) -> Response {
    ([(CONTENT_TYPE, Form::Json.content_type())], body).into_response()
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
