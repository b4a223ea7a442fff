//! The worker: claims jobs one at a time, keeps their lease alive, and gives them back at shutdown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::import::Progress;
use super::kinds::{self, Kind, Outcome, Task, discard_upload};
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::Format;
use crate::store::{Failure, Heartbeat, Job, JobState, Lease, new_id, now_micros};

/// A worker that is silent for so long is taken for dead.
const LEASE: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(500);

/// Starts so many workers. They end some time after `stop`, when they have given their jobs back.
pub fn start(
    app: &Arc<App>,
    workers: usize,
    publish: Option<Format>,
    stop: &CancellationToken,
) -> tokio::task::JoinSet<()> {
    (0..workers).map(|_| work(app.clone(), publish, stop.clone())).collect()
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

/// Claims the next job and works on it to its end; false when none waits.
pub async fn work_once(app: &Arc<App>, owner: &str, publish: Option<Format>, stop: &CancellationToken) -> Result<bool> {
    let names = Kind::ALL.map(Kind::name);
    let Some((job, lease)) = app.db.claim_job(owner, now_micros(), lease_end(), &names).await? else {
        return Ok(false);
    };
    let kind = Kind::parse(&job.kind).ok_or_else(|| {
        Error::Internal(anyhow::anyhow!("claimed a job of the kind {}, which was not asked for", job.kind))
    })?;
    Attempt { app, kind, job, lease, progress: Arc::default() }.run(publish, stop).await;
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

/// One attempt at a job.
struct Attempt<'a> {
    app: &'a Arc<App>,
    kind: Kind,
    job: Job,
    lease: Lease,
    progress: Arc<Progress>,
}

impl Attempt<'_> {
    async fn run(&self, publish: Option<Format>, stop: &CancellationToken) {
        tracing::info!(job = %self.job.id, kind = self.kind.name(), attempt = self.lease.attempt, "started");
        let (outcome, asked_to_stop) = self.watched(stop).await;
        let is_done = outcome.is_ok();
        if let Err(error) = self.settle(outcome, asked_to_stop).await {
            tracing::error!(job = %self.job.id, %error, "cannot record how the job ended; it will be claimed again when its lease runs out");
        }
        if let (Kind::Import, true, Some(project), Some(format)) = (self.kind, is_done, &self.job.project_id, publish) {
            // At shutdown a publication may be cut off anywhere: the next one completes it.
            tokio::select! {
                () = self.publish(project, format) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Does the work while its lease is kept alive; also says whether a caller has asked for it to stop. Work that does not stop by itself is
    /// cut off, as a crash would do it, when that is asked for, at shutdown, and when the lease is lost.
    async fn watched(&self, stop: &CancellationToken) -> (Result<Outcome>, bool) {
        let task = Task { app: self.app, job: &self.job, lease: &self.lease, progress: &self.progress };
        let asked_to_stop = AtomicBool::new(false);
        let stopped = async {
            stop.cancelled().await;
            self.progress.cancel.store(true, Ordering::Relaxed);
            if self.kind.stops_by_itself() {
                std::future::pending::<()>().await;
            }
        };
        // The work goes on while a heartbeat is on its way: it may hold the write transaction that the heartbeat waits for. In this order, so
        // that a heartbeat that is due is never put off by work that is always ready.
        let outcome = tokio::select! {
            biased;
            () = self.keep_lease(&asked_to_stop) => Err(Error::Cancelled),
            () = stopped => Err(Error::Cancelled),
            outcome = kinds::run(self.kind, task) => outcome,
        };
        (outcome, asked_to_stop.load(Ordering::Relaxed))
    }

    /// Extends the lease until the work is to be cut off.
    async fn keep_lease(&self, asked_to_stop: &AtomicBool) {
        // The lease is fresh.
        let mut ticks = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        // A late heartbeat makes up for those before it.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.beat().await {
                Ok(Heartbeat::Held { cancel_requested: false }) => {}
                Ok(Heartbeat::Held { cancel_requested: true }) => {
                    asked_to_stop.store(true, Ordering::Relaxed);
                    self.progress.cancel.store(true, Ordering::Relaxed);
                }
                Ok(Heartbeat::Lost) => self.progress.cancel.store(true, Ordering::Relaxed),
                Err(error) => tracing::warn!(job = %self.job.id, %error, "heartbeat failed"),
            }
            if self.progress.cancel.load(Ordering::Relaxed) && !self.kind.stops_by_itself() {
                return;
            }
        }
    }

    async fn beat(&self) -> Result<Heartbeat> {
        let report = self.reported();
        self.app.db.heartbeat_job(&self.lease, lease_end(), report.as_ref()).await
    }

    /// How far the work is, of those kinds that count it.
    fn reported(&self) -> Option<Value> {
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let progress = &self.progress;
        match self.kind {
            Kind::Import => Some(json!({
                "bytes": count(&progress.bytes),
                "total_bytes": count(&progress.total_bytes),
                "items": count(&progress.items),
                "buckets_written": count(&progress.written),
                "buckets": count(&progress.buckets),
            })),
            Kind::Compact => {
                Some(json!({ "buckets_written": count(&progress.written), "buckets": count(&progress.buckets) }))
            }
            _ => None,
        }
    }

    /// Records the outcome, where the work has not done so together with its effect.
    async fn settle(&self, outcome: Result<Outcome>, asked_to_stop: bool) -> Result<()> {
        let (db, id, now) = (&self.app.db, &self.job.id, now_micros());
        let mut may_be_retried = false;
        match outcome {
            Ok(Outcome::Ended) => tracing::info!(job = %id, "done"),
            Ok(Outcome::Result(result)) => match db.finish_job(&self.lease, &result, now).await? {
                true => tracing::info!(job = %id, "done"),
                false => tracing::warn!(job = %id, "done, but another worker has taken the job over and does it again"),
            },
            Err(Error::Cancelled) if asked_to_stop => {
                db.stop_job(&self.lease, now).await?;
            }
            Err(Error::Cancelled) => {
                db.release_job(&self.lease).await?;
            }
            Err(error) => {
                may_be_retried = self.kind.may_pass(&error);
                let failure = db.fail_job(&self.lease, &error.told(), may_be_retried, now).await?;
                let again = matches!(failure, Failure::Retry { .. });
                tracing::warn!(job = %id, %error, again, "failed");
            }
        }
        // A job that gave up on something that may pass can be retried, as long as its upload is there. Where this worker has lost its lease,
        // another one may be reading the upload.
        let state = db.job(&self.job.workspace_id, id).await?.state;
        if state.is_final() && !(state == JobState::Failed && may_be_retried) {
            discard_upload(&self.job).await;
        }
        Ok(())
    }

    /// Boxed: the worker's future is deep enough without this one in it.
    fn publish<'b>(&'b self, project: &'b str, format: Format) -> BoxFuture<'b, ()> {
        let published = super::publish::after_import(self.app, &self.job.workspace_id, project, format);
        let told = published.map(move |outcome| match outcome {
            Ok(published) => tracing::info!(job = %self.job.id, project, snapshot = published.manifest.snapshot, "published"),
            Err(error) => {
                tracing::warn!(job = %self.job.id, project, %error, "imported, but not published; the next publication catches up");
            }
        });
        told.boxed()
    }
}
