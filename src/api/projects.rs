//! `/v1/projects`

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{Allowed, Import, OnProject, Read};
use super::audit::Act;
use super::extract::{JsonBody, QueryParams};
use super::idempotency::{IdempotencyKey, replay, reused};
use super::observe::RequestId;
use super::paging::{self, List, PageQuery};
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::error::{Error, Result};
use crate::reports::snapshot_view;
use crate::reports::views::{Page, ProjectView};
use crate::store::{NewProject, Once, Project, Request, Snapshot, now_micros};

/// The projects of the workspace, by name
#[utoipa::path(get, path = "/v1/projects", tag = "projects", operation_id = "listProjects", params(PageQuery), responses(
    (status = OK, body = Page<ProjectView>, headers(("link" = String, description = "`rel=\"next\"`"))),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list(
    permission: Allowed<Read>,
    State(api): State<Arc<ApiState>>,
    QueryParams(query): QueryParams<PageQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let (workspace, db) = (&permission.caller.workspace, &api.app.db);
    let (list, limit) = (List::new(&["projects", workspace]), paging::limit(query.limit)?);
    let after = list.after(query.cursor.as_deref())?;
    let projects = db.list_projects(workspace, after.as_deref(), limit + 1).await?;
    let snapshots = db.latest_snapshots(workspace, after.as_deref(), limit + 1).await?;
    let newest: HashMap<&str, &Snapshot> =
        snapshots.iter().map(|snapshot| (snapshot.project_id.as_str(), snapshot)).collect();
    let view = |project: Project| project_view(&project, newest.get(project.id.as_str()).copied());
    Ok(paging::respond(&uri, &list.page(projects, limit, |project| project.name.clone(), view)?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProjectBody {
    /// Unique in the workspace; 1 to 200 characters, no control characters, no `/` or `\`.
    #[schema(example = "reviews", min_length = 1, max_length = 200, pattern = r"^[^/\\]+$")]
    name: String,
}

/// Make a project
#[utoipa::path(post, path = "/v1/projects", tag = "projects", operation_id = "createProject", request_body = NewProjectBody,
    params(("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$", description = "The same request again gets the first answer (24 h)")),
    responses(
        (status = CREATED, body = ProjectView, headers(("location" = String))),
        (status = CONFLICT, description = "`conflict`: the name is taken; `idempotency_key_in_flight`", body = ProblemBody, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "`invalid_body`: the name cannot be used; `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn create(
    permission: Allowed<Import>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    key: IdempotencyKey,
    body: JsonBody<NewProjectBody>,
) -> Result<Response, Problem> {
    let caller = &permission.caller;
    let _taken = key.take(&api, &caller.workspace)?;
    let new = NewProject::new(&caller.workspace, &body.value.name, now_micros()).map_err(|error| match error {
        Error::Invalid(detail) => Problem::unprocessable("invalid_body", detail),
        other => other.into(),
    })?;
    let view = new_project_view(&new)?;
    let record = key.record("POST /v1/projects", &body.hash, StatusCode::CREATED, &view)?;
    let act = Act { caller, action: "project.create", target: &new.id, request_id: &request_id };
    let audit_id = act.begin(&api).await?;
    let request = Request { idempotency: record.as_ref(), audit_id: Some(&audit_id) };
    let made = api.app.db.create_project(&new, &request).await;
    match act.settle(&api, &audit_id, made).await? {
        Once::Done(_) => {
            let location = format!("/v1/projects/{}", new.id);
            Ok((StatusCode::CREATED, [(LOCATION, location)], Json(view)).into_response())
        }
        Once::Replay(record) => replay(record, "/v1/projects"),
        Once::Reused => Err(reused()),
    }
}

/// One project, with its newest snapshot
#[utoipa::path(get, path = "/v1/projects/{project}", tag = "projects", operation_id = "getProject",
    params(("project" = String, Path, description = "Name or id")), responses(
    (status = OK, body = ProjectView),
    (status = NOT_FOUND, description = "`project_not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn get(on: OnProject<Read>, State(api): State<Arc<ApiState>>) -> Result<Json<ProjectView>, Problem> {
    let newest = api.app.db.latest_snapshot(&on.project.id).await?;
    Ok(Json(project_view(&on.project, newest.as_ref())?))
}

fn project_view(project: &Project, newest: Option<&Snapshot>) -> Result<ProjectView> {
    Ok(ProjectView {
        id: project.id.clone(),
        name: project.name.clone(),
        created_at: super::rfc3339(project.created_at)?,
        snapshot: newest.map(snapshot_view).transpose()?,
    })
}

fn new_project_view(new: &NewProject) -> Result<ProjectView> {
    Ok(ProjectView {
        id: new.id.clone(),
        name: new.name.clone(),
        created_at: super::rfc3339(new.created_at)?,
        snapshot: None,
    })
}
