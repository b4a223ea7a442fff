//! `/v1/projects/{project}/items/{item}`

use std::sync::Arc;

use axum::extract::{RawPathParams, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::access::{OnProject, Read};
use super::etags::Tag;
use super::extract::{QueryParams, number};
use super::forms::Form;
use super::problem::{Problem, ProblemBody};
use super::snapshots::wanted;
use super::state::ApiState;
use crate::reports;
use crate::reports::views::ItemView;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ItemQuery {
    /// Of this snapshot; of the newest otherwise.
    #[serde(default, deserialize_with = "number")]
    snapshot: Option<i64>,
}

/// One item, with every annotation and prediction on it side by side
#[utoipa::path(get, path = "/v1/projects/{project}/items/{item}", tag = "reports", operation_id = "getItem",
    params(
        ("project" = String, Path, description = "Name or id"),
        ("item" = String, Path, description = "The item's id, e.g. `reviews/task/7` (its slashes may be written as `%2F`), or its native id alone", example = "reviews%2Ftask%2F7"),
        ItemQuery,
    ),
    responses(
        (status = OK, body = ItemView, headers(("etag" = String))),
        (status = NOT_MODIFIED, description = "The caller's answer still holds"),
        (status = NOT_FOUND, description = "`project_not_found`, `snapshot_not_found`, `item_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`gone`: the snapshot was taken back", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn get(
    on: OnProject<Read>,
    State(api): State<Arc<ApiState>>,
    QueryParams(query): QueryParams<ItemQuery>,
    path: RawPathParams,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let snapshot = wanted(&api, &on.project, query.snapshot).await?;
    let segments: Vec<&str> =
        path.iter().filter(|(name, _)| matches!(*name, "item" | "rest")).map(|(_, text)| text).collect();
    let item = segments.join("/");
    let tag = Tag::new(&on.project, "item", snapshot.number, &item, Form::Json)?;
    if let Some(known) = tag.unless_known(&headers)? {
        return Ok(known);
    }
    tag.json(&api, &on.project, reports::item(&api.app, &on.project, &snapshot, &item)).await
}
