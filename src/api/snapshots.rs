//! `/v1/projects/{project}/snapshots`

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawPathParams, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::access::{OnProject, Read};
use super::extract::QueryParams;
use super::paging::{self, List, PageQuery};
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::error::Error;
use crate::reports::snapshot_view;
use crate::reports::views::{Page, SnapshotView};
use crate::store::{Project, Snapshot};

/// The snapshots of a project, also those that were taken back, newest first
#[utoipa::path(get, path = "/v1/projects/{project}/snapshots", tag = "projects", operation_id = "listSnapshots",
    params(("project" = String, Path, description = "Name or id"), PageQuery), responses(
    (status = OK, body = Page<SnapshotView>, headers(("link" = String, description = "`rel=\"next\"`"))),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list(
    on: OnProject<Read>,
    State(api): State<Arc<ApiState>>,
    QueryParams(query): QueryParams<PageQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let (list, limit) = (List::new(&["snapshots", &on.project.id]), paging::limit(query.limit)?);
    let before = list.after(query.cursor.as_deref())?.map(|number| number.parse()).transpose();
    let before =
        before.map_err(|error| Problem::bad_request("invalid_cursor", format!("the cursor is damaged: {error}")))?;
    let rows = api.app.db.list_snapshots(&on.project.id, before, limit + 1).await?;
    let page = list.page(rows, limit, |row| row.number.to_string(), |row| snapshot_view(&row))?;
    Ok(paging::respond(&uri, &page))
}

/// One snapshot
#[utoipa::path(get, path = "/v1/projects/{project}/snapshots/{number}", tag = "projects", operation_id = "getSnapshot",
    params(
        ("project" = String, Path, description = "Name or id"),
        ("number" = i64, Path, description = "The snapshot's number", minimum = 1),
    ),
    responses(
        (status = OK, body = SnapshotView),
        (status = NOT_FOUND, description = "`project_not_found`, `snapshot_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`gone`: it was taken back by retention or an erasure", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn get(
    on: OnProject<Read>,
    State(api): State<Arc<ApiState>>,
    path: RawPathParams,
) -> Result<Json<SnapshotView>, Problem> {
    let number = path.iter().find(|(name, _)| *name == "number").map_or("", |(_, text)| text);
    let parsed: i64 = number.parse().map_err(|_| Error::not_found("snapshot", number))?;
    Ok(Json(snapshot_view(&api.app.db.snapshot(&on.project.id, parsed).await?)?))
}

/// The snapshot that a report is asked for: this one, or the newest.
pub async fn wanted(api: &ApiState, project: &Project, number: Option<i64>) -> Result<Snapshot, Problem> {
    let found = match number {
        Some(number) => Some(api.app.db.snapshot(&project.id, number).await?),
        None => api.app.db.latest_snapshot(&project.id).await?,
    };
    found.ok_or_else(|| {
        let Project { name, id, .. } = project;
        let detail =
            format!("project {name:?} has no snapshot yet: import an export first (POST /v1/projects/{id}/imports)");
        Problem::new(StatusCode::NOT_FOUND, "snapshot_not_found", detail)
    })
}
