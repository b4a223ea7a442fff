//! `/v1/projects/{project}/schedules`: jobs that are queued again and again.

use std::sync::Arc;

use axum::extract::{RawPathParams, State};
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::access::{Manage, OnProject, Read};
use super::audit::Act;
use super::extract::{JsonBody, QueryParams};
use super::idempotency::{IdempotencyKey, replay, reused};
use super::observe::RequestId;
use super::orders::unusable;
use super::paging::{self, List, PageQuery};
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::error::{Error, Result};
use crate::jobs::schedule::{ScheduleRequest, draft};
use crate::reports::views::Page;
use crate::store::{NewSchedule, Once, Request, Schedule, now_micros};

/// When jobs are queued, and which.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleView {
    id: String,
    project_id: String,
    /// `report`, `compact`, `publish`, `retain` or `sweep`.
    kind: String,
    /// Minute, hour, day of the month, month, day of the week; UTC.
    cron: String,
    /// What its jobs are to do.
    #[schema(value_type = Object)]
    payload: Value,
    /// Who made it.
    actor: String,
    created_at: String,
    /// When the next job is due.
    next_at: String,
}

impl ScheduleView {
    fn of(schedule: Schedule) -> Result<Self> {
        let Schedule { id, project_id, kind, payload, cron, actor, created_at, next_at, .. } = schedule;
        let payload = payload.0["order"].clone();
        let (created_at, next_at) = (super::rfc3339(created_at)?, super::rfc3339(next_at)?);
        Ok(Self { id, project_id, kind, cron, payload, actor, created_at, next_at })
    }

    fn of_new(new: &NewSchedule) -> Result<Self> {
        Ok(Self {
            id: new.id.clone(),
            project_id: new.project_id.clone(),
            kind: new.kind.clone(),
            cron: new.cron.clone(),
            payload: new.payload["order"].clone(),
            actor: new.actor.clone(),
            created_at: super::rfc3339(new.created_at)?,
            next_at: super::rfc3339(new.next_at)?,
        })
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScheduleBody {
    /// `report`, `compact`, `publish`, `retain` or `sweep`.
    #[schema(example = "retain")]
    kind: String,
    /// Minute, hour, day of the month, month, day of the week; UTC.
    #[schema(example = "30 2 * * *")]
    cron: String,
    /// The body of the route that queues one such job.
    #[serde(default = "nothing")]
    #[schema(value_type = Object, example = json!({ "keep": "last=30" }))]
    payload: Value,
}

fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}

/// The schedules of a project, oldest first
#[utoipa::path(get, path = "/v1/projects/{project}/schedules", tag = "schedules", operation_id = "listSchedules",
    params(("project" = String, Path, description = "Name or id"), PageQuery), responses(
    (status = OK, body = Page<ScheduleView>, headers(("link" = String, description = "`rel=\"next\"`"))),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list(
    on: OnProject<Read>,
    State(api): State<Arc<ApiState>>,
    QueryParams(query): QueryParams<PageQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let (list, limit) = (List::new(&["schedules", &on.project.id]), paging::limit(query.limit)?);
    let after = list.after(query.cursor.as_deref())?;
    let (workspace, project) = (&on.caller.workspace, Some(on.project.id.as_str()));
    let rows = api.app.db.list_schedules(workspace, project, after.as_deref(), limit + 1).await?;
    Ok(paging::respond(&uri, &list.page(rows, limit, |schedule| schedule.id.clone(), ScheduleView::of)?))
}

/// Schedule jobs
///
/// At each due time one job is queued, however many servers run. Of due times that nobody was there for only the last is made good, and none is
/// queued while an earlier job of the schedule still waits.
#[utoipa::path(post, path = "/v1/projects/{project}/schedules", tag = "schedules", operation_id = "createSchedule", request_body = NewScheduleBody,
    params(
        ("project" = String, Path, description = "Name or id"),
        ("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$", description = "The same request again gets the first answer (24 h)"),
    ),
    responses(
        (status = CREATED, body = ScheduleView, headers(("location" = String))),
        (status = CONFLICT, description = "`idempotency_key_in_flight`", body = ProblemBody, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "`invalid_body`: kind, cron or payload cannot be used; `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn create(
    on: OnProject<Manage>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    key: IdempotencyKey,
    body: JsonBody<NewScheduleBody>,
) -> Result<Response, Problem> {
    let NewScheduleBody { kind, cron, payload } = body.value;
    let request =
        ScheduleRequest { project: &on.project, kind: &kind, cron: &cron, order: payload, actor: &on.caller.actor };
    let new = draft(request, now_micros()).map_err(unusable)?;
    let view = ScheduleView::of_new(&new)?;
    let _taken = key.take(&api, &on.caller.workspace)?;
    let place = format!("/v1/projects/{}/schedules", on.project.id);
    let record = key.record(&format!("POST {place}"), &body.hash, StatusCode::CREATED, &view)?;
    let act = Act { caller: &on.caller, action: "schedule.add", target: &on.project.id, request_id: &request_id };
    let audit_id = act.begin(&api).await?;
    let request = Request { idempotency: record.as_ref(), audit_id: Some(&audit_id) };
    let added = api.app.db.add_schedule(&new, &request).await;
    match act.settle(&api, &audit_id, added).await? {
        Once::Done(()) => {
            let location = format!("{place}/{}", new.id);
            Ok((StatusCode::CREATED, [(LOCATION, location)], Json(view)).into_response())
        }
        Once::Replay(record) => replay(record, &place),
        Once::Reused => Err(reused()),
    }
}

/// Remove a schedule
///
/// Jobs that it has queued stay.
#[utoipa::path(delete, path = "/v1/projects/{project}/schedules/{schedule}", tag = "schedules", operation_id = "deleteSchedule",
    params(("project" = String, Path, description = "Name or id"), ("schedule" = String, Path, description = "Id")),
    responses(
        (status = NO_CONTENT, description = "It is gone"),
        (status = NOT_FOUND, description = "`project_not_found`, `schedule_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn delete(
    on: OnProject<Manage>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    path: RawPathParams,
) -> Result<StatusCode, Problem> {
    let id = path.iter().find(|(name, _)| *name == "schedule").map_or("", |(_, id)| id).to_owned();
    let schedule = api.app.db.schedule(&on.caller.workspace, &id).await?;
    if schedule.project_id != on.project.id {
        return Err(Error::not_found("schedule", id).into());
    }
    let act = Act { caller: &on.caller, action: "schedule.remove", target: &id, request_id: &request_id };
    let audit_id = act.begin(&api).await?;
    let removed = api.app.db.remove_schedule(&on.caller.workspace, &id).await.map_err(Problem::from);
    let outcome = removed.as_ref().map_or_else(|problem| format!("failed: {}", problem.code()), |()| "done".to_owned());
    act.end(&api, &audit_id, &outcome).await?;
    removed.map(|()| StatusCode::NO_CONTENT)
}
