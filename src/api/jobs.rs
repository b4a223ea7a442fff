//! `/v1/jobs`

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::access::{Allowed, Erase, Import, Manage, OnJob, Read};
use super::audit::Act;
use super::extract::{QueryParams, number};
use super::observe::RequestId;
use super::paging::{self, List};
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::error::Result;
use crate::jobs::control;
use crate::jobs::kinds::Kind;
use crate::reports::views::Page;
use crate::store::{Job, JobState, NewJob, now_micros};

/// Long work, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobView {
    pub id: String,
    /// `import`, `report`, `compact`, `publish`, `retain`, `sweep` or `erase`.
    pub kind: String,
    pub state: JobState,
    /// The project that it works on.
    pub project_id: Option<String>,
    /// For an import: bytes read of `total_bytes`, items, buckets written of `buckets`; for a compaction the buckets.
    #[schema(value_type = Option<Object>)]
    pub progress: Value,
    /// What came of it, once it is done.
    #[schema(value_type = Option<Object>)]
    pub result: Value,
    /// Why the last attempt failed.
    pub error: Option<String>,
    pub attempts: i64,
    pub max_attempts: i64,
    /// When it was to begin, or is to begin again.
    pub run_at: String,
    /// 0 is the most urgent, 2 the least.
    pub priority: i64,
    /// The schedule that queued it.
    pub schedule_id: Option<String>,
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
            max_attempts: job.max_attempts,
            run_at: super::rfc3339(job.run_at)?,
            priority: job.priority,
            schedule_id: job.schedule_id,
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
            max_attempts: job.max_attempts,
            run_at: super::rfc3339(job.run_at)?,
            priority: job.priority,
            schedule_id: None,
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
    /// Only jobs in this state: `failed` are those that were given up.
    #[param(inline)]
    state: Option<JobState>,
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
    let state = query.state.map_or("", JobState::as_str);
    let list = List::new(&["jobs", workspace, project.as_deref().unwrap_or_default(), state]);
    let limit = paging::limit(query.limit)?;
    let before = list.after(query.cursor.as_deref())?;
    let (project, before) = (project.as_deref(), before.as_deref());
    let rows = match query.state {
        Some(state) => db.list_jobs_of_state(workspace, project, state, before, limit + 1).await?,
        None => db.list_jobs(workspace, project, before, limit + 1).await?,
    };
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
    on.check_kind()?;
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

impl OnJob<Import> {
    /// Who may not ask for such a job may not meddle with it either.
    fn check_kind(&self) -> Result<(), Problem> {
        match Kind::parse(&self.job.kind) {
            Some(Kind::Erase) => self.caller.may::<Erase>(),
            Some(Kind::Retain | Kind::Sweep) => self.caller.may::<Manage>(),
            _ => Ok(()),
        }
    }
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

/// Try a job again
///
/// A job that failed or was cancelled is queued once more, with as many attempts as at first. An import needs its upload, which is kept while
/// what failed may pass; an erasure is to be asked for again. A second request finds it queued and is refused, so that an `Idempotency-Key` is
/// not needed.
#[utoipa::path(post, path = "/v1/jobs/{job}/retry", tag = "jobs", operation_id = "retryJob",
    params(("job" = String, Path, description = "Id")), responses(
    (status = ACCEPTED, description = "It is queued", body = JobView),
    (status = CONFLICT, description = "`conflict`: it has not failed, or what it needs is gone", body = ProblemBody, content_type = "application/problem+json"),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn retry(
    on: OnJob<Import>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
) -> Result<Response, Problem> {
    on.check_kind()?;
    let act = Act { caller: &on.caller, action: "job.retry", target: &on.job.id, request_id: &request_id };
    let audit_id = act.begin(&api).await?;
    match control::retry(&api.app, &on.caller.workspace, &on.job.id, Some(&audit_id)).await {
        Ok(job) => Ok((StatusCode::ACCEPTED, Json(JobView::of(job)?)).into_response()),
        Err(error) => {
            let problem = Problem::from(error);
            act.end(&api, &audit_id, &format!("failed: {}", problem.code())).await?;
            Err(problem)
        }
    }
}
