//! What people do to jobs from outside: stopping them, and trying them once more.

use super::act::Act;
use super::kinds::{ImportPayload, Kind};
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::{Job, JobState, now_micros};

/// Ends a queued job at once and asks a running one to stop, as an act in the audit trail.
///
/// # Errors
/// `NotFound`; `Conflict` when it is done or has failed.
pub async fn cancel(app: &App, workspace: &str, actor: &str, id: &str) -> Result<Job> {
    let act = Act { workspace, actor, action: "job.cancel", target: id };
    act.record(app, async |_| {
        let job = app.db.cancel_job(workspace, id, now_micros()).await?;
        match job.state {
            JobState::Done | JobState::Failed => {
                Err(Error::Conflict(format!("job {id} is {} and cannot be cancelled", job.state.as_str())))
            }
            JobState::Queued | JobState::Running | JobState::Cancelled => Ok(job),
        }
    })
    .await
}

/// Queues a job that has failed or was cancelled once more. The audit row, if one is given, is completed when the job ends.
///
/// # Errors
/// `NotFound`; `Conflict` when it is in another state, or when what it needs was removed at its end: the upload of an import, the name in an
/// erasure.
pub async fn retry(app: &App, workspace: &str, id: &str, audit_id: Option<&str>) -> Result<Job> {
    let job = app.db.job(workspace, id).await?;
    check_remains(&job).await?;
    let again = app.db.retry_job(workspace, id, audit_id, now_micros()).await?;
    again.ok_or_else(|| {
        Error::Conflict(format!(
            "job {id} is {}: only one that failed or was cancelled can be retried",
            job.state.as_str()
        ))
    })
}

/// The same as an act of its own in the audit trail, as a command does it.
///
/// # Errors
/// As [`retry`].
pub async fn retry_as(app: &App, workspace: &str, actor: &str, id: &str) -> Result<Job> {
    let act = Act { workspace, actor, action: "job.retry", target: id };
    act.record(app, async |_| retry(app, workspace, id, None).await).await
}

async fn check_remains(job: &Job) -> Result<()> {
    if !matches!(job.state, JobState::Failed | JobState::Cancelled) {
        return Ok(());
    }
    match Kind::parse(&job.kind) {
        Some(Kind::Erase) => {
            Err(Error::Conflict("whom it was about went with its end: ask for the erasure again".to_owned()))
        }
        Some(Kind::Import) => {
            let payload: ImportPayload = serde_json::from_value(job.payload.0.clone()).map_err(Error::internal)?;
            match tokio::fs::try_exists(&payload.path).await {
                Ok(true) => Ok(()),
                _ => Err(Error::Conflict("its upload is gone: send the file again".to_owned())),
            }
        }
        _ => Ok(()),
    }
}
