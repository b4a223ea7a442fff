//! The worker: claims jobs one at a time, keeps their lease alive, and gives them back at shutdown.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::import::{ImportRequest, ImportSummary, Input, Mode, Progress};
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::{BYTES_PER_BUCKET, Format};
use crate::store::{Heartbeat, Job, Lease, new_id, now_micros};

/// A worker that is silent for so long is taken for dead.
const LEASE: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(500);

/// The kind of job that an upload becomes.
pub const IMPORT: &str = "import";

/// What an import job is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportPayload {
    /// The staged upload; removed when the job has ended for good.
    pub path: PathBuf,
    /// The name to use in messages and rows.
    pub name: String,
    pub source: Option<String>,
    pub config: Option<String>,
    #[serde(default)]
    pub mode: Mode,
    pub actor: String,
}

/// Works until `stop`; a job that runs then is given back and can be claimed again at once. Each import is followed by
/// a publication, if `publish` says so.
pub async fn work(app: Arc<App>, publish: Option<Format>, stop: CancellationToken) {
    let owner = new_id();
    while !stop.is_cancelled() {
        match work_once(&app, &owner, publish, &stop).await {
            Ok(true) => {}
            Ok(false) => pause(&stop).await,
            Err(error) => {
                tracing::warn!(%error, "cannot claim jobs");
                pause(&stop).await;
            }
        }
    }
}

/// Claims the job that has waited longest and works on it to its end; false when none waits.
pub async fn work_once(app: &Arc<App>, owner: &str, publish: Option<Format>, stop: &CancellationToken) -> Result<bool> {
    let Some((job, lease)) = app.db.claim_job(owner, now_micros(), lease_end(), &[IMPORT]).await? else {
        return Ok(false);
    };
    run(app, job, lease, publish, stop).await;
    Ok(true)
}

async fn pause(stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(POLL) => {}
        () = stop.cancelled() => {}
    }
}

fn lease_end() -> i64 {
    now_micros() + LEASE.as_micros() as i64
}

async fn run(app: &Arc<App>, job: Job, lease: Lease, publish: Option<Format>, stop: &CancellationToken) {
    let progress = Arc::new(Progress::default());
    let span = tracing::info_span!("job", id = %job.id, kind = %job.kind, attempt = lease.attempt);
    let _entered = span.enter();
    tracing::info!("started");
    drop(_entered);
    let work = import(app, &job, &lease, progress.clone());
    tokio::pin!(work);
    let mut ticks = tokio::time::interval(HEARTBEAT);
    let mut asked_to_stop = false;
    let outcome = loop {
        // In this order, so that a heartbeat that is due is never put off by work that is always ready.
        tokio::select! {
            biased;
            _ = ticks.tick() => match beat(app, &lease, &progress).await {
                Ok(Heartbeat::Held { cancel_requested: false }) => {}
                Ok(Heartbeat::Held { cancel_requested: true }) => {
                    asked_to_stop = true;
                    progress.cancel.store(true, Ordering::Relaxed);
                }
                Ok(Heartbeat::Lost) => progress.cancel.store(true, Ordering::Relaxed),
                Err(error) => tracing::warn!(parent: &span, %error, "heartbeat failed"),
            },
            () = stop.cancelled(), if !progress.cancel.load(Ordering::Relaxed) => progress.cancel.store(true, Ordering::Relaxed),
            outcome = &mut work => break outcome,
        }
    };
    let imported = outcome.as_ref().ok().map(|summary| summary.project_id.clone());
    let outcome = outcome.map(drop);
    if let Err(error) = settle(app, &job, &lease, outcome, asked_to_stop).await {
        tracing::error!(parent: &span, %error, "cannot record how the job ended; it will be claimed again when its lease runs out");
    }
    if let (Some(project), Some(format)) = (imported, publish) {
        // At shutdown a publication may be cut off anywhere: the next one completes it.
        tokio::select! {
            () = publish_after(app, &job, &project, format) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Boxed: the worker's future is deep enough without this one in it.
fn publish_after<'a>(app: &'a App, job: &'a Job, project: &'a str, format: Format) -> BoxFuture<'a, ()> {
    let published = super::publish::after_import(app, &job.workspace_id, project, format);
    let told = published.map(move |outcome| match outcome {
        Ok(published) => tracing::info!(job = %job.id, project, snapshot = published.manifest.snapshot, "published"),
        Err(error) => {
            tracing::warn!(job = %job.id, project, %error, "imported, but not published; the next publication catches up");
        }
    });
    told.boxed()
}

async fn beat(app: &App, lease: &Lease, progress: &Progress) -> Result<Heartbeat> {
    let report = json!({
        "bytes": progress.bytes.load(Ordering::Relaxed),
        "total_bytes": progress.total_bytes.load(Ordering::Relaxed),
        "items": progress.items.load(Ordering::Relaxed),
        "buckets_written": progress.written.load(Ordering::Relaxed),
        "buckets": progress.buckets.load(Ordering::Relaxed),
    });
    app.db.heartbeat_job(lease, lease_end(), Some(&report)).await
}

async fn import(app: &Arc<App>, job: &Job, lease: &Lease, progress: Arc<Progress>) -> Result<ImportSummary> {
    let payload: ImportPayload = serde_json::from_value(job.payload.0.clone()).map_err(Error::internal)?;
    let request = ImportRequest {
        workspace: job.workspace_id.clone(),
        project: job.project_id.clone().unwrap_or_default(),
        inputs: vec![Input { path: payload.path, name: payload.name }],
        source: payload.source,
        config: payload.config,
        mode: payload.mode,
        actor: payload.actor,
        audit_id: None,
        bucket_bytes: BYTES_PER_BUCKET,
        lease: Some(lease.clone()),
    };
    super::import::run(app, request, progress).await
}

/// Records the outcome. A success has ended the job already, together with its snapshot.
async fn settle(app: &App, job: &Job, lease: &Lease, outcome: Result<()>, asked_to_stop: bool) -> Result<()> {
    let now = now_micros();
    match outcome {
        Ok(()) => tracing::info!(job = %job.id, "done"),
        Err(Error::Cancelled) if asked_to_stop => {
            app.db.stop_job(lease, now).await?;
        }
        Err(Error::Cancelled) => {
            app.db.release_job(lease).await?;
        }
        Err(error) => {
            let again = matches!(error, Error::Unavailable { .. });
            tracing::warn!(job = %job.id, %error, "failed");
            app.db.fail_job(lease, &error.told(), again, now).await?;
        }
    }
    // Where this worker has lost its lease, another one may be reading the upload.
    if app.db.job(&job.workspace_id, &job.id).await?.state.is_final() {
        discard_upload(job).await;
    }
    Ok(())
}

async fn discard_upload(job: &Job) {
    let Ok(payload) = serde_json::from_value::<ImportPayload>(job.payload.0.clone()) else { return };
    if let Err(error) = tokio::fs::remove_file(&payload.path).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %payload.path.display(), %error, "cannot remove a staged upload");
    }
}
