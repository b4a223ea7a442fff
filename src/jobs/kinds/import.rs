//! An upload becomes a snapshot. Its job ends in the snapshot's transaction.

use std::io::ErrorKind;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Outcome, Task};
use crate::error::{Error, Result};
use crate::jobs::import::{ImportRequest, Input, Mode, run as import};
use crate::lake::BYTES_PER_BUCKET;
use crate::store::Job;

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

pub(super) async fn run(task: Task<'_>) -> Result<Outcome> {
    let payload: ImportPayload = serde_json::from_value(task.job.payload.0.clone()).map_err(Error::internal)?;
    check_upload(&payload).await?;
    let request = ImportRequest {
        workspace: task.job.workspace_id.clone(),
        project: task.job.project_id.clone().unwrap_or_default(),
        inputs: vec![Input { path: payload.path, name: payload.name }],
        source: payload.source,
        config: payload.config,
        mode: payload.mode,
        actor: payload.actor,
        audit_id: None,
        bucket_bytes: BYTES_PER_BUCKET,
        lease: Some(task.lease.clone()),
    };
    import(task.app, request, task.progress.clone()).await?;
    Ok(Outcome::Ended)
}

/// The upload was whole and on disk when the job was queued. Where it is not seen now it is not this machine's: another worker may see it.
async fn check_upload(payload: &ImportPayload) -> Result<()> {
    match tokio::fs::metadata(&payload.path).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::unavailable(
            "the upload is not on this machine: workers on other machines need the server's temporary folder under the same path (--temp)",
            error,
        )),
        _ => Ok(()),
    }
}

/// Removes the staged upload of a job, if it was made for one.
pub(in crate::jobs) async fn discard_upload(job: &Job) {
    let Ok(payload) = serde_json::from_value::<ImportPayload>(job.payload.0.clone()) else { return };
    if let Err(error) = tokio::fs::remove_file(&payload.path).await
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(path = %payload.path.display(), %error, "cannot remove a staged upload");
    }
}
