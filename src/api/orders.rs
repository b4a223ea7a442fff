//! Orders: what a caller asks for becomes a job, with the answer kept for a repeat, and the row of the audit trail that ends with the job.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::access::{Allowed, Caller, Erase, Import, Manage, OnProject};
use super::audit::Act;
use super::extract::JsonBody;
use super::idempotency::{IdempotencyKey, replay, reused};
use super::jobs::JobView;
use super::observe::RequestId;
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::error::Error;
use crate::jobs::erase::audit_target;
use crate::jobs::kinds::{CompactOrder, EraseOrder, Order, PublishOrder, ReportOrder, RetainOrder, SweepOrder};
use crate::store::{Once, Project, Request, now_micros};

/// Rewrite the newest snapshot's files
///
/// As many buckets as its size asks for, or `buckets`; today's schema and encoding. The job commits a new snapshot with the same rows, or says
/// that every file is as it would be written today. The body may be `{}`.
#[utoipa::path(post, path = "/v1/projects/{project}/compactions", tag = "upkeep", operation_id = "compact", request_body = CompactOrder,
    params(
        ("project" = String, Path, description = "Name or id"),
        ("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$", description = "The same request again gets the first answer (24 h)"),
    ),
    responses(
        (status = ACCEPTED, body = JobView, headers(("location" = String, description = "The job"))),
        (status = CONFLICT, description = "`idempotency_key_in_flight`", body = ProblemBody, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "`invalid_body`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn compact(
    on: OnProject<Import>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    key: IdempotencyKey,
    body: JsonBody<CompactOrder>,
) -> Result<Response, Problem> {
    let by = By { caller: &on.caller, project: Some(&on.project), route: "compactions", request_id, key };
    by.order(&api, &body.value, &body.hash).await
}

/// Retire the snapshots that no rule keeps
///
/// Their numbers answer 410 from then on; a later sweep frees their files. The newest always stays.
#[utoipa::path(post, path = "/v1/projects/{project}/retentions", tag = "upkeep", operation_id = "retain", request_body = RetainOrder,
    params(
        ("project" = String, Path, description = "Name or id"),
        ("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$", description = "The same request again gets the first answer (24 h)"),
    ),
    responses(
        (status = ACCEPTED, body = JobView, headers(("location" = String, description = "The job"))),
        (status = CONFLICT, description = "`idempotency_key_in_flight`", body = ProblemBody, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "`invalid_body`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn retain(
    on: OnProject<Manage>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    key: IdempotencyKey,
    body: JsonBody<RetainOrder>,
) -> Result<Response, Problem> {
    let by = By { caller: &on.caller, project: Some(&on.project), route: "retentions", request_id, key };
    by.order(&api, &body.value, &body.hash).await
}

/// Publish the project's tables for warehouses and notebooks
///
/// What is not said stays as it was at the last publication; the body may be `{}`.
#[utoipa::path(post, path = "/v1/projects/{project}/publications", tag = "upkeep", operation_id = "publish", request_body = PublishOrder,
    params(
        ("project" = String, Path, description = "Name or id"),
        ("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$", description = "The same request again gets the first answer (24 h)"),
    ),
    responses(
        (status = ACCEPTED, body = JobView, headers(("location" = String, description = "The job"))),
        (status = CONFLICT, description = "`idempotency_key_in_flight`", body = ProblemBody, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "`invalid_body`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn publish(
    on: OnProject<Import>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    key: IdempotencyKey,
    body: JsonBody<PublishOrder>,
) -> Result<Response, Problem> {
    let by = By { caller: &on.caller, project: Some(&on.project), route: "publications", request_id, key };
    by.order(&api, &body.value, &body.hash).await
}

/// Erase an annotator or an item
///
/// It cannot be undone: `assay erase --dry-run` shows what would go. The job waits for others of the project that run, and cancels imports that
/// wait. When it has ended nothing names the subject any more, the job and the audit trail included; `result` has counts only.
#[utoipa::path(post, path = "/v1/projects/{project}/erasures", tag = "upkeep", operation_id = "erase", request_body = EraseOrder,
    params(
        ("project" = String, Path, description = "Name or id"),
        ("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$", description = "The same request again gets the first answer (24 h)"),
    ),
    responses(
        (status = ACCEPTED, body = JobView, headers(("location" = String, description = "The job"))),
        (status = CONFLICT, description = "`idempotency_key_in_flight`", body = ProblemBody, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "`invalid_body`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn erase(
    on: OnProject<Erase>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    key: IdempotencyKey,
    body: JsonBody<EraseOrder>,
) -> Result<Response, Problem> {
    let named = body.value.named().map_err(unusable)?;
    let target = audit_target(&api.app, &on.project, &named).await?;
    let by = By { caller: &on.caller, project: Some(&on.project), route: "erasures", request_id, key };
    // The hash of a body that names somebody would give the name away to whoever guesses it: that of the target is salted.
    by.queue(&api, &body.value, &target, named.action(), &target).await
}

/// Compute a report and store it
///
/// Its tidy tables lie in storage afterwards, where `path` in the job's result says. The body may be `{}`.
#[utoipa::path(post, path = "/v1/projects/{project}/reports", tag = "reports", operation_id = "storeReport", request_body = ReportOrder,
    params(
        ("project" = String, Path, description = "Name or id"),
        ("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$", description = "The same request again gets the first answer (24 h)"),
    ),
    responses(
        (status = ACCEPTED, body = JobView, headers(("location" = String, description = "The job"))),
        (status = CONFLICT, description = "`idempotency_key_in_flight`", body = ProblemBody, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "`invalid_body`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn report(
    on: OnProject<Import>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    key: IdempotencyKey,
    body: JsonBody<ReportOrder>,
) -> Result<Response, Problem> {
    let by = By { caller: &on.caller, project: Some(&on.project), route: "reports", request_id, key };
    by.order(&api, &body.value, &body.hash).await
}

/// Delete files that nothing needs any more
///
/// Of the workspace, or of one `project`: of retired snapshots, and of work that was cut off. The body may be `{}`.
#[utoipa::path(post, path = "/v1/sweeps", tag = "upkeep", operation_id = "sweep", request_body = SweepOrder,
    params(("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$", description = "The same request again gets the first answer (24 h)")),
    responses(
        (status = ACCEPTED, body = JobView, headers(("location" = String, description = "The job"))),
        (status = NOT_FOUND, description = "`project_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`idempotency_key_in_flight`", body = ProblemBody, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "`invalid_body`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn sweep(
    permission: Allowed<Manage>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    key: IdempotencyKey,
    body: JsonBody<SweepOrder>,
) -> Result<Response, Problem> {
    let caller = &permission.caller;
    let project = match &body.value.project {
        Some(name) => Some(api.app.db.find_project(&caller.workspace, name).await?),
        None => None,
    };
    let by = By { caller, project: project.as_ref(), route: "sweeps", request_id, key };
    by.order(&api, &body.value, &body.hash).await
}

/// Who orders, and by which request.
struct By<'a> {
    caller: &'a Caller,
    project: Option<&'a Project>,
    route: &'static str,
    request_id: RequestId,
    key: IdempotencyKey,
}

impl By<'_> {
    async fn order<T: Order>(&self, api: &Arc<ApiState>, order: &T, hash: &str) -> Result<Response, Problem> {
        let target = self.project.map_or(self.caller.workspace.as_str(), |project| project.id.as_str());
        self.queue(api, order, hash, T::KIND.name(), target).await
    }

    async fn queue<T: Order>(
        &self,
        api: &Arc<ApiState>,
        order: &T,
        hash: &str,
        action: &str,
        target: &str,
    ) -> Result<Response, Problem> {
        order.check().map_err(unusable)?;
        let workspace = &self.caller.workspace;
        let _taken = self.key.take(api, workspace)?;
        let project_id = self.project.map(|project| project.id.as_str());
        let new = T::KIND.job(workspace, project_id, order.payload(&self.caller.actor)?, now_micros());
        let view = JobView::of_new(&new)?;
        let method_path = match project_id {
            Some(id) => format!("POST /v1/projects/{id}/{}", self.route),
            None => format!("POST /v1/{}", self.route),
        };
        let record = self.key.record(&method_path, hash, StatusCode::ACCEPTED, &view)?;
        let act = Act { caller: self.caller, action, target, request_id: &self.request_id };
        let audit_id = act.begin(api).await?;
        let request = Request { idempotency: record.as_ref(), audit_id: Some(&audit_id) };
        let queued = api.app.db.enqueue_job(&new, &request).await;
        match act.settle(api, &audit_id, queued).await? {
            Once::Done(_) => {
                let location = format!("/v1/jobs/{}", new.id);
                Ok((StatusCode::ACCEPTED, [(LOCATION, location)], Json(view)).into_response())
            }
            Once::Replay(record) => replay(record, "/v1/jobs"),
            Once::Reused => Err(reused()),
        }
    }
}

/// What is wrong with an order is wrong with the body.
pub fn unusable(error: Error) -> Problem {
    match error {
        Error::Invalid(detail) => Problem::unprocessable("invalid_body", detail),
        other => other.into(),
    }
}
