//! For those who run the service: is it alive, can it work, how is it doing. None of these needs a key.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use metrics::gauge;
use serde::Serialize;
use utoipa::ToSchema;

use super::limits;
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::error::Error;
use crate::store::JobState;

/// Every lake has this object at its root.
const ROOT_MARK: &str = "_assay.json";

#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`
    status: &'static str,
    version: &'static str,
}

const HEALTHY: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// Is the process alive?
#[utoipa::path(get, path = "/healthz", tag = "operation", operation_id = "healthz", security(()), responses((status = OK, body = Health)))]
pub async fn alive() -> Json<Health> {
    Json(HEALTHY)
}

/// Can it work? Asks the database and the storage
#[utoipa::path(get, path = "/readyz", tag = "operation", operation_id = "readyz", security(()), responses(
    (status = OK, body = Health),
    (status = SERVICE_UNAVAILABLE, description = "`not_ready`: which part does not answer", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn ready(State(api): State<Arc<ApiState>>) -> Result<Json<Health>, Problem> {
    let (database, storage) = tokio::join!(api.app.db.ping(), api.app.lake.exists(ROOT_MARK));
    let storage = storage.and_then(|found| match found {
        true => Ok(()),
        false => Err(Error::Conflict(format!("{ROOT_MARK} is gone from {}", api.app.lake.location()))),
    });
    for (part, outcome) in [("the metadata database", database), ("the storage", storage)] {
        if let Err(error) = outcome {
            tracing::warn!(part, %error, "not ready");
            return Err(Problem::busy("not_ready", format!("{part} does not answer as it should")));
        }
    }
    Ok(Json(HEALTHY))
}

/// Metrics in the text format of Prometheus
#[utoipa::path(get, path = "/metrics", tag = "operation", operation_id = "metrics", security(()), responses(
    (status = OK, body = String, content_type = "text/plain"),
))]
pub async fn metrics(State(api): State<Arc<ApiState>>) -> Response {
    // A database that is away must not hide the other figures.
    let jobs = api.app.db.count_jobs().await.ok();
    api.metrics.record(|| {
        for state in [JobState::Queued, JobState::Running] {
            let n = jobs.as_ref().map(|jobs| jobs.iter().find(|(counted, _)| *counted == state).map_or(0, |(_, n)| *n));
            gauge!("assay_jobs", "state" => state.as_str()).set(n.map_or(f64::NAN, |n| n as f64));
        }
        gauge!("assay_http_requests_in_flight").set((limits::REQUESTS - api.requests.available_permits()) as f64);
        gauge!("assay_uploads_in_flight").set((limits::UPLOADS - api.uploads.available_permits()) as f64);
        gauge!("assay_event_streams").set((limits::FOLLOWERS - api.followers.available_permits()) as f64);
    });
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], api.metrics.render()).into_response()
}
