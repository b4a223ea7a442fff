//! Lists come in pages. A cursor says after which row the next page begins, and is good only for the list that it came from.

use axum::Json;
use axum::http::header::LINK;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::form_urlencoded;
use utoipa::IntoParams;

use super::extract::number;
use super::problem::Problem;
use crate::error::{Error, Result};
use crate::lake::hex;
use crate::reports::views::Page;

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 500;

/// The query of a list without filters.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Rows on a page.
    #[serde(default, deserialize_with = "number")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// The page size that was asked for.
pub fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    match asked {
        None => Ok(DEFAULT_LIMIT),
        Some(limit @ 1..=MAX_LIMIT) => Ok(limit),
        Some(limit) => {
            Err(Problem::bad_request("invalid_query", format!("limit {limit}: between 1 and {MAX_LIMIT} are allowed")))
        }
    }
}

/// A list that is sent whole has no pages.
pub fn refuse_pages(limit: Option<i64>, cursor: Option<&str>) -> Result<(), Problem> {
    match limit.is_none() && cursor.is_none() {
        true => Ok(()),
        false => Err(Problem::bad_request(
            "invalid_query",
            "limit and cursor are for pages, which come as application/json; in the other forms the whole list is sent",
        )),
    }
}

/// One list: what must be equal for a cursor to go on with it.
#[derive(Debug)]
pub struct List(String);

impl List {
    /// `parts` name the list and whatever chooses its rows.
    pub fn new(parts: &[&str]) -> Self {
        let digest = parts.iter().fold(Sha256::new(), |hasher, part| {
            hasher.chain_update((part.len() as u64).to_le_bytes()).chain_update(part)
        });
        Self(hex(&digest.finalize()[..8]))
    }

    /// The key of the row after which to begin.
    pub fn after(&self, cursor: Option<&str>) -> Result<Option<String>, Problem> {
        let Some(cursor) = cursor else { return Ok(None) };
        let read = || -> Option<(String, String)> {
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
        };
        match read() {
            Some((list, key)) if list == self.0 => Ok(Some(key)),
            _ => Err(Problem::bad_request(
                "invalid_cursor",
                "the cursor does not belong to this list; take next_cursor of a page with the same filters, or begin without one",
            )),
        }
    }

    /// Makes a page of at most `limit` rows out of `limit + 1` that were fetched: the last only tells that there are more.
    pub fn page<R, T>(
        &self,
        mut rows: Vec<R>,
        limit: i64,
        key: impl Fn(&R) -> String,
        view: impl Fn(R) -> Result<T>,
    ) -> Result<Page<T>> {
        let limit = usize::try_from(limit).map_err(Error::internal)?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|last| self.cursor(&key(last))).transpose()?;
        Ok(Page { items: rows.into_iter().map(view).collect::<Result<_>>()?, next_cursor })
    }

    /// The cursor that goes on after the row with this key.
    pub fn cursor(&self, key: &str) -> Result<String> {
        let text = serde_json::to_string(&(&self.0, key)).map_err(Error::internal)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(text))
    }
}

/// The page as JSON, with a `Link` to the next one.
pub fn respond<T: Serialize>(uri: &Uri, page: &Page<T>) -> Response {
    let mut response = Json(page).into_response();
    link(&mut response, uri, page.next_cursor.as_deref());
    response
}

/// Names the next page, if there is one, in the answer's head.
pub fn link(response: &mut Response, uri: &Uri, next_cursor: Option<&str>) {
    if let Some(link) = next_cursor.and_then(|cursor| next_link(uri, cursor)) {
        response.headers_mut().insert(LINK, link);
    }
}

fn next_link(uri: &Uri, cursor: &str) -> Option<HeaderValue> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if name != "cursor" {
            query.append_pair(&name, &value);
        }
    }
    query.append_pair("cursor", cursor);
    HeaderValue::from_str(&format!("<{}?{}>; rel=\"next\"", uri.path(), query.finish())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_on_where_its_page_ended_and_nowhere_else() {
        let list = List::new(&["projects", "default"]);
        let page = list.page(vec!["a", "b", "c"], 2, |row| (*row).to_owned(), Ok).unwrap();
        assert_eq!(page.items, ["a", "b"]);
        let cursor = page.next_cursor.unwrap();
        assert_eq!(list.after(Some(&cursor)).unwrap().as_deref(), Some("b"));
        assert_eq!(list.after(None).unwrap(), None);
        for other in [List::new(&["projects", "other"]), List::new(&["projectsd", "efault"])] {
            assert!(other.after(Some(&cursor)).is_err());
        }
        for bad in ["", "x", "bm90IGpzb24", &cursor[1..]] {
            assert!(list.after(Some(bad)).is_err(), "{bad}");
        }
        assert_eq!(list.page(vec!["a", "b"], 2, |row| (*row).to_owned(), Ok).unwrap().next_cursor, None);
    }

    #[test]
    fn the_link_keeps_the_filters() {
        let uri: Uri = "/v1/x?slice=a%3Db%20c&cursor=old&limit=2".parse().unwrap();
        assert_eq!(next_link(&uri, "new").unwrap(), "</v1/x?slice=a%3Db+c&limit=2&cursor=new>; rel=\"next\"");
    }

    #[test]
    fn limits() {
        assert_eq!((limit(None).unwrap(), limit(Some(500)).unwrap()), (50, 500));
        assert!(limit(Some(0)).is_err() && limit(Some(501)).is_err() && limit(Some(-1)).is_err());
    }
}
