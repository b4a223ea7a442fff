//! `/v1/projects/{project}/diff`

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::access::{OnProject, Read};
use super::etags::Tag;
use super::extract::{QueryParams, number};
use super::forms::{self, Form};
use super::limits;
use super::paging::{self, List};
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::error::Error;
use crate::reports;
use crate::reports::views::{DiffEntry, Page};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DiffQuery {
    /// The snapshot to begin from.
    #[serde(default, deserialize_with = "number")]
    #[param(required = true, value_type = i64, minimum = 1)]
    from: Option<i64>,
    /// The snapshot to compare it with; it may be the older one.
    #[serde(default, deserialize_with = "number")]
    #[param(required = true, value_type = i64, minimum = 1)]
    to: Option<i64>,
    /// Rows on a page.
    #[serde(default, deserialize_with = "number")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What differs between two snapshots
///
/// Items, annotations, drafts and predictions that were added, changed or removed; of those that changed, each field with its old and new
/// value. Only files in which the snapshots differ are read. A page may hold fewer rows than `limit` while `next_cursor` says that more follow. As CSV, NDJSON, Arrow IPC
/// or Parquet the whole comparison is sent as a stream, with what differs of a row as JSON.
#[utoipa::path(get, path = "/v1/projects/{project}/diff", tag = "reports", operation_id = "diffSnapshots",
    params(("project" = String, Path, description = "Name or id"), DiffQuery), responses(
    (status = OK, content((Page<DiffEntry> = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"), (Vec<u8> = "application/vnd.apache.arrow.stream"), (Vec<u8> = "application/vnd.apache.parquet")),
        headers(("link" = String, description = "`rel=\"next\"`"), ("etag" = String))),
    (status = NOT_MODIFIED, description = "The caller's answer still holds"),
    (status = NOT_FOUND, description = "`project_not_found`, `snapshot_not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = GONE, description = "`gone`: one of the snapshots was taken back", body = ProblemBody, content_type = "application/problem+json"),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list(
    on: OnProject<Read>,
    State(api): State<Arc<ApiState>>,
    QueryParams(query): QueryParams<DiffQuery>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wanted = |name: &str, number: Option<i64>| {
        number.ok_or_else(|| {
            Problem::bad_request("invalid_query", format!("{name}: the number of a snapshot is missing"))
        })
    };
    let (from, to) = (wanted("from", query.from)?, wanted("to", query.to)?);
    let form = Form::wanted(&headers, &Form::TABLES)?;
    let limit = usize::try_from(paging::limit(query.limit)?).map_err(Error::internal)?;
    if form != Form::Json {
        paging::refuse_pages(query.limit, query.cursor.as_deref())?;
    }
    let list = List::new(&["diff", &on.project.id, &from.to_string(), &to.to_string()]);
    let after = list.after(query.cursor.as_deref())?;
    let db = &api.app.db;
    let snapshots = (db.snapshot(&on.project.id, from).await?, db.snapshot(&on.project.id, to).await?);
    let compared = (&snapshots.0, &snapshots.1);
    let tag = Tag::new(&on.project, "diff", to, &(from, &after, limit), form)?;
    if let Some(known) = tag.unless_known(&headers)? {
        return Ok(known);
    }
    if form != Form::Json {
        let place = limits::stream(&api)?;
        let rows = reports::diff_table(api.app.clone(), &on.project, compared).await?;
        return tag.put_on(forms::stream(form, reports::difference_schema()?, rows, place)?);
    }
    let page = async {
        let mut page = reports::diff_page(&api.app, &on.project, compared, after.as_deref(), limit).await?;
        page.next_cursor = page.next_cursor.map(|place| list.cursor(&place)).transpose()?;
        Ok(page)
    };
    tag.page(&api, &on.project, &uri, page).await
}
