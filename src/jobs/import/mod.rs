//! THE import: files become one snapshot, or nothing at all.
//!
//! Read and stage (all cores, bounded memory) → merge each touched bucket into what the project has → write the new files →
//! commit the snapshot in one database transaction. A crash before the commit leaves files that no snapshot names.

mod attempt;
mod audited;
mod bucket;
mod draft;
mod single;
mod target;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::grace::WriteWindow;
use super::read::read_inputs;
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::{Counts, buckets_for, grown_buckets};
use crate::store::{Lease, Snapshot, check_project_name};
use attempt::{Attempt, memory_of, taken};
use target::{Target, find_project};

pub use super::read::{Input, Progress, check_inputs};
pub use audited::run_audited;

/// Another import can commit first; after so many lost races the caller is told.
pub(super) const COMMIT_ATTEMPTS: u32 = 20;

/// What the files say of what they do not hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportMode)]
pub enum Mode {
    /// Nothing: they add to what is known, and an older version of a row never replaces a newer one.
    #[default]
    Merge,
    /// That it is no more: they are the whole truth about their source, and their version of a row stands even when it is older.
    Full,
}

/// What to import, into what.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    pub workspace: String,
    /// A project's name (created with the first successful import) or id.
    pub project: String,
    pub inputs: Vec<Input>,
    /// Names the system that the ids come from; by default the project's name.
    pub source: Option<String>,
    /// The labelling config (XML).
    pub config: Option<String>,
    pub mode: Mode,
    pub actor: String,
    /// The audit row that is completed with the snapshot: of an import without a job.
    pub audit_id: Option<String>,
    /// How much a bucket should hold, as [`crate::lake::BYTES_PER_BUCKET`] says.
    pub bucket_bytes: u64,
    /// The job on whose behalf this runs: ended in the same transaction as the snapshot.
    pub lease: Option<Lease>,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportSummary {
    pub project: String,
    pub project_id: String,
    #[serde(default)]
    pub mode: Mode,
    /// The project's newest snapshot after the import.
    pub snapshot: i64,
    /// False when the files held nothing new: then no snapshot was made.
    pub committed: bool,
    pub items: Counts,
    /// Submitted annotations and drafts.
    pub annotations: Counts,
    pub predictions: Counts,
    /// Result items in the files.
    pub results: u64,
    /// Predictions and drafts that the files name by id only, without their content.
    pub prediction_ids: u64,
    pub draft_ids: u64,
    pub rejected: u64,
    /// The first rejects, with position and reason.
    pub rejects: Vec<RejectView>,
    pub bytes: u64,
    /// Up to the commit.
    pub seconds: f64,
    /// Seconds spent reading and parsing (`read`), merging and writing (`merge`).
    pub phases: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejectView {
    pub file: String,
    pub position: String,
    pub reason: String,
}

/// Runs an import to its end. On any error the project is as it was.
pub async fn run(app: &Arc<App>, request: ImportRequest, progress: Arc<Progress>) -> Result<ImportSummary> {
    let started = Instant::now();
    if let Some(config) = &request.config {
        assay_formats::label_config::parse(config).map_err(|e| Error::invalid(format!("labelling config: {e}")))?;
    }
    let total = check_inputs(&request.inputs)?;
    progress.total_bytes.store(total, Ordering::Relaxed);

    let existing = find_project(app, &request).await?;
    let parent = match &existing {
        Some(project) => app.db.latest_snapshot(&project.id).await?,
        None => None,
    };
    if let Some(project) = &existing {
        app.copy_snapshots(project).await?;
    }
    let buckets = staged_buckets(parent.as_ref(), total, request.bucket_bytes)?;
    let name = match &existing {
        Some(project) => project.name.as_str(),
        None => check_project_name(&request.project)?,
    };
    let source = request.source.clone().unwrap_or_else(|| name.to_owned());

    let read = {
        let (inputs, temp, progress) = (request.inputs.clone(), app.temp.clone(), progress.clone());
        tokio::task::spawn_blocking(move || read_inputs(&inputs, &source, buckets, &temp, &progress))
            .await
            .map_err(Error::internal)??
    };
    let read = Arc::new(read);
    let mut phases = BTreeMap::from([("read".to_owned(), started.elapsed().as_secs_f64())]);

    for _ in 0..COMMIT_ATTEMPTS {
        let merging = Instant::now();
        let window = WriteWindow::open();
        let target = Target::of(app, &request).await?;
        let merge = Attempt::new(app, &request, &read, target).await?;
        let written = merge.written.clone();
        let draft = match merge.run(&progress).await.and_then(|draft| window.check().map(|()| draft)) {
            Ok(draft) => draft,
            Err(error) => {
                app.lake.withdraw(&taken(&written)).await;
                return Err(error);
            }
        };
        phases.insert("merge".to_owned(), merging.elapsed().as_secs_f64());
        let mut summary = draft.summary(&read, &request);
        summary.phases = phases.clone();
        summary.seconds = started.elapsed().as_secs_f64();
        if draft.commit(app, &request, &summary).await? {
            return Ok(summary);
        }
        app.lake.withdraw(&taken(&written)).await;
    }
    Err(Error::Conflict(format!(
        "other imports into {} committed first, {COMMIT_ATTEMPTS} times in a row; try again when fewer run at once",
        request.project
    )))
}

/// The number of buckets to stage rows for: the one that the project is to have, as far as that is known before the files are read.
fn staged_buckets(parent: Option<&Snapshot>, total: u64, bucket_bytes: u64) -> Result<u32> {
    let Some(parent) = parent else { return Ok(buckets_for(total, bucket_bytes)) };
    let present = u32::try_from(parent.buckets).map_err(Error::internal)?;
    Ok(grown_buckets(present, memory_of(Some(parent)), total, bucket_bytes))
}
