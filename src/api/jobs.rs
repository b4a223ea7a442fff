//! `/v1/jobs`

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::access::{Allowed, Import, OnJob, Read};
use super::audit::Act;
use super::extract::{QueryParams, number};
use super::observe::RequestId;
use super::paging::{self, List};
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::error::Result;
use crate::reports::views::Page;
use crate::store::{Job, JobState, NewJob, now_micros};

/// Long work, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobView {
    pub id: String,
    /// `import` …
    pub kind: String,
    pub state: JobState,
    /// The project that it works on.
    pub project_id: Option<String>,
    /// For an import: bytes read of `total_bytes`, items, buckets written of `buckets`.
    #[schema(value_type = Option<Object>)]
    pub progress: Value,
    /// What came of it, once it is done.
    #[schema(value_type = Option<Object>)]
    pub result: Value,
    /// Why the last attempt failed.
    pub error: Option<String>,
    pub attempts: i64,
    pub cancel_requested: bool,
    pub created_at: String,
    pub finished_at: Option<String>,
}

impl JobView {
    pub fn of(job: Job) -> Result<Self> {
        Ok(Self {
            id: job.id,
            kind: job.kind,
            state: job.state,
            project_id: job.project_id,
            progress: job.progress.0,
            result: job.result.0,
            error: job.error,
            attempts: job.attempts,
            cancel_requested: job.cancel_requested,
            created_at: super::rfc3339(job.created_at)?,
            finished_at: job.finished_at.map(super::rfc3339).transpose()?,
        })
    }

    /// As it will be right after it is queued.
    pub fn of_new(job: &NewJob) -> Result<Self> {
        Ok(Self {
            id: job.id.clone(),
            kind: job.kind.clone(),
            state: JobState::Queued,
            project_id: job.project_id.clone(),
            progress: Value::Null,
            result: Value::Null,
            error: None,
            attempts: 0,
            cancel_requested: false,
            created_at: super::rfc3339(job.created_at)?,
            finished_at: None,
        })
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Only jobs of this project (name or id).
    project: Option<String>,
    /// Jobs on a page.
    #[serde(default, deserialize_with = "number")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The jobs of the workspace, newest first
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", operation_id = "listJobs", params(ListQuery), responses(
    (status = OK, body = Page<JobView>, headers(("link" = String, description = "`rel=\"next\"`"))),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list(
    permission: Allowed<Read>,
    State(api): State<Arc<ApiState>>,
    QueryParams(query): QueryParams<ListQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let (workspace, db) = (&permission.caller.workspace, &api.app.db);
    let project = match &query.project {
        Some(name) => Some(db.find_project(workspace, name).await?.id),
        None => None,
    };
    let list = List::new(&["jobs", workspace, project.as_deref().unwrap_or_default()]);
    let limit = paging::limit(query.limit)?;
    let before = list.after(query.cursor.as_deref())?;
    let rows = db.list_jobs(workspace, project.as_deref(), before.as_deref(), limit + 1).await?;
    Ok(paging::respond(&uri, &list.page(rows, limit, |job| job.id.clone(), JobView::of)?))
}

/// One job
#[utoipa::path(get, path = "/v1/jobs/{job}", tag = "jobs", operation_id = "getJob",
    params(("job" = String, Path, description = "Id")), responses(
    (status = OK, body = JobView),
    (status = NOT_FOUND, description = "`job_not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn get(on: OnJob<Read>) -> Result<Json<JobView>, Problem> {
    Ok(Json(JobView::of(on.job)?))
}

/// Cancel a job
///
/// A queued job ends at once (200). A running one is asked to stop (202) and leaves everything as it was before it began. Asking twice is
/// like asking once, so an `Idempotency-Key` is not needed.
#[utoipa::path(post, path = "/v1/jobs/{job}/cancel", tag = "jobs", operation_id = "cancelJob",
    params(("job" = String, Path, description = "Id")), responses(
    (status = OK, description = "It is cancelled", body = JobView),
    (status = ACCEPTED, description = "It was asked to stop", body = JobView),
    (status = CONFLICT, description = "`job_ended`: it is done or has failed", body = ProblemBody, content_type = "application/problem+json"),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn cancel(
    on: OnJob<Import>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
) -> Result<Response, Problem> {
    let act = Act { caller: &on.caller, action: "job.cancel", target: &on.job.id, request_id: &request_id };
    let audit_id = act.begin(&api).await?;
    let answer = match api.app.db.cancel_job(&on.caller.workspace, &on.job.id, now_micros()).await {
        Ok(job) => answer_to_cancel(job),
        Err(error) => Err(error.into()),
    };
    let outcome = answer.as_ref().map_or_else(|problem| format!("failed: {}", problem.code()), |_| "done".to_owned());
    act.end(&api, &audit_id, &outcome).await?;
    answer
}

fn answer_to_cancel(job: Job) -> Result<Response, Problem> {
    let status = match job.state {
        JobState::Cancelled => StatusCode::OK,
        JobState::Queued | JobState::Running => StatusCode::ACCEPTED,
        JobState::Done | JobState::Failed => {
            let detail = format!("the job is {} and cannot be cancelled", job.state.as_str());
            return Err(Problem::new(StatusCode::CONFLICT, "job_ended", detail));
        }
    };
    Ok((status, Json(JobView::of(job)?)).into_response())
}
