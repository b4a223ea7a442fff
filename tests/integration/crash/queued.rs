//! The same acts as jobs: ordered through the API, done by a worker. Whatever dies when, the job is done once.

use std::sync::Arc;

use assay::app::App;
use assay::error::{Error, Result};
use assay::jobs::runner::work_once;
use assay::store::new_id;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::acts::{Exports, PROJECT, Report, try_in};
use super::harness::Act;
use super::site::Kind;
use super::upkeep::{Compaction, Erasure, Publication, Retention};

/// How an act is ordered.
trait Order: Act {
    const JOB: &'static str;
    const ROUTE: &'static str;
    fn body() -> Value;
}

impl Order for Compaction {
    const JOB: &'static str = "compact job";
    const ROUTE: &'static str = "compactions";
    fn body() -> Value {
        json!({ "buckets": 2 })
    }
}

impl Order for Retention {
    const JOB: &'static str = "retain job";
    const ROUTE: &'static str = "retentions";
    fn body() -> Value {
        json!({ "keep": "last=1" })
    }
}

impl Order for Erasure {
    const JOB: &'static str = "erase job";
    const ROUTE: &'static str = "erasures";
    fn body() -> Value {
        json!({ "annotator": "2" })
    }
}

impl Order for Publication {
    const JOB: &'static str = "publish job";
    const ROUTE: &'static str = "publications";
    fn body() -> Value {
        json!({ "tables": ["items", "annotations"], "reports": [] })
    }
}

impl Order for Report {
    const JOB: &'static str = "report job";
    const ROUTE: &'static str = "reports";
    fn body() -> Value {
        json!({})
    }
}

struct Queued<A>(A);

impl<A: Order> Act for Queued<A> {
    const NAME: &'static str = A::JOB;
    const BEGUN: bool = A::BEGUN;
    const STEPS: bool = A::STEPS;
    const LEAVES: bool = A::LEAVES;

    async fn prepare(&self, app: &Arc<App>) {
        self.0.prepare(app).await;
    }

    async fn run(&self, app: &Arc<App>) -> Result<()> {
        let request = Request::post(format!("/v1/projects/{PROJECT}/{}", A::ROUTE))
            .header(HOST, "127.0.0.1:8080")
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", "nightly")
            .body(Body::from(A::body().to_string()))
            .unwrap();
        let router = assay::api::router(app.clone(), axum::Router::new(), &crate::support::settings(1 << 20));
        let answer = router.oneshot(request).await.unwrap();
        if answer.status() != StatusCode::ACCEPTED {
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            return Err(Error::invalid(String::from_utf8_lossy(&body)));
        }
        let (owner, stop) = (new_id(), CancellationToken::new());
        while work_once(app, &owner, None, &stop).await? {}
        Ok(())
    }

    async fn made(&self, app: &Arc<App>) -> Vec<String> {
        self.0.made(app).await
    }
}

/// On Postgres where there is one.
fn surroundings() -> [Kind; 1] {
    [Kind::all().into_iter().find(|kind| *kind == Kind::Postgres).unwrap_or(Kind::Folder)]
}

#[test]
fn compact_job() {
    try_in(&Queued(Compaction(Exports::new())), &surroundings());
}

#[test]
fn retain_job() {
    try_in(&Queued(Retention(Exports::new())), &[Kind::Folder]);
}

#[test]
fn erase_job() {
    try_in(&Queued(Erasure(Exports::new())), &[Kind::Folder]);
}

#[test]
fn publish_job() {
    try_in(&Queued(Publication(Exports::new())), &[Kind::Folder]);
}

#[test]
fn report_job() {
    try_in(&Queued(Report(Exports::new())), &surroundings());
}
