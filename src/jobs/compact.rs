//! Compaction: the newest snapshot's rows in other files. As many buckets as their size asks for, and today's schema and encoding: a file whose
//! rows would be written as the same bytes stays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::act::Act;
use super::grace::WriteWindow;
use super::import::COMMIT_ATTEMPTS;
use super::kinds::lease_lost;
use super::read::Progress;
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::{
    BYTES_PER_BUCKET, BucketRows, DataFile, Encoded, MAX_BUCKETS, ProjectPrefix, Table, buckets_for, encode, join_rows,
    read_bucket, read_rows, split_rows,
};
use crate::store::{Changes, Commit, JobEnd, Lease, NewSnapshot, Operation, Project, Snapshot, now_micros};

#[derive(Debug, Clone)]
pub struct CompactRequest {
    pub workspace: String,
    pub project: String,
    /// A power of two; as many as the size asks for otherwise.
    pub buckets: Option<u32>,
    pub dry_run: bool,
    pub actor: String,
}

/// What compaction did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompactSummary {
    pub project: String,
    pub project_id: String,
    pub dry_run: bool,
    /// The new snapshot; none when every file is as it would be written today.
    pub snapshot: Option<i64>,
    pub buckets_before: u32,
    pub buckets: u32,
    pub files_before: u64,
    pub files: u64,
    pub bytes_before: u64,
    pub bytes: u64,
}

/// Compacts.
///
/// # Errors
/// `Invalid` for a number of buckets that cannot be, or a project without a snapshot; `Conflict` when imports keep committing first.
pub async fn run(app: &Arc<App>, request: CompactRequest) -> Result<CompactSummary> {
    check_buckets("--buckets", request.buckets)?;
    let project = app.db.find_project(&request.workspace, &request.project).await?;
    let progress = Progress::default();
    if request.dry_run {
        return Compaction::new(app, &project, &request, None, &progress).await?.preview().await;
    }
    let act = Act { workspace: &request.workspace, actor: &request.actor, action: "compact", target: &project.id };
    act.record(app, async |_| {
        let summary = attempts(app, &project, &request, None, &progress).await?;
        app.copy_snapshots(&project).await?;
        Ok(summary)
    })
    .await
}

/// The same for a job, which is ended together with the new snapshot. When there is none it is not ended.
///
/// # Errors
/// As [`run`]; `Cancelled` when it was asked to stop: then nothing has changed.
pub(super) async fn run_in_job(
    app: &Arc<App>,
    request: &CompactRequest,
    lease: &Lease,
    progress: &Progress,
) -> Result<CompactSummary> {
    check_buckets("buckets", request.buckets)?;
    let project = app.db.find_project(&request.workspace, &request.project).await?;
    let summary = attempts(app, &project, request, Some(lease), progress).await?;
    if let Err(error) = app.copy_snapshots(&project).await {
        // The snapshot is there: to call this a failure would be wrong, and the next import repeats the copying.
        tracing::warn!(project = %project.id, %error, "the catalog's row could not be copied to storage");
    }
    Ok(summary)
}

/// # Errors
/// `Invalid` for a number that cannot be; the message begins with the field's name.
pub(super) fn check_buckets(field: &str, buckets: Option<u32>) -> Result<()> {
    match buckets {
        Some(buckets) if !(buckets.is_power_of_two() && buckets <= MAX_BUCKETS) => {
            Err(Error::invalid(format!("{field} {buckets}: give a power of two, 1 to {MAX_BUCKETS}")))
        }
        _ => Ok(()),
    }
}

async fn attempts(
    app: &Arc<App>,
    project: &Project,
    request: &CompactRequest,
    lease: Option<&Lease>,
    progress: &Progress,
) -> Result<CompactSummary> {
    for _ in 0..COMMIT_ATTEMPTS {
        let compaction = Compaction::new(app, project, request, lease, progress).await?;
        if let Some(summary) = compaction.commit(&request.actor).await? {
            return Ok(summary);
        }
    }
    Err(Error::Conflict(format!(
        "imports into {} committed first, {COMMIT_ATTEMPTS} times in a row; compact when fewer run at once",
        project.name
    )))
}

struct Compaction<'a> {
    app: &'a App,
    project: &'a Project,
    parent: Snapshot,
    files: Vec<DataFile>,
    from: u32,
    to: u32,
    dry_run: bool,
    /// The job that ends with the snapshot.
    lease: Option<&'a Lease>,
    progress: &'a Progress,
}

/// Files that take the place of others.
#[derive(Default)]
struct Rewritten {
    removed: Vec<DataFile>,
    /// In a dry run their sizes only.
    added: Vec<DataFile>,
    added_bytes: u64,
    added_files: u64,
}

impl<'a> Compaction<'a> {
    async fn new(
        app: &'a App,
        project: &'a Project,
        request: &CompactRequest,
        lease: Option<&'a Lease>,
        progress: &'a Progress,
    ) -> Result<Self> {
        let parent = app.db.latest_snapshot(&project.id).await?.ok_or_else(|| {
            Error::invalid(format!("project {} has no snapshot yet: import an export first", project.name))
        })?;
        let files = app.data_files(&project.id, parent.number).await?;
        let from = u32::try_from(parent.buckets).map_err(Error::internal)?;
        let dry_run = request.dry_run;
        let mut compaction = Self { app, project, parent, files, from, to: from, dry_run, lease, progress };
        compaction.to = match request.buckets {
            Some(buckets) => buckets,
            None => buckets_for(compaction.memory().await?, BYTES_PER_BUCKET),
        };
        Ok(compaction)
    }

    /// What the rows take in memory. Snapshots of an earlier version do not say.
    async fn memory(&self) -> Result<u64> {
        if self.parent.counts.memory > 0 {
            return Ok(self.parent.counts.memory);
        }
        let mut bytes = 0;
        for bucket in 0..self.from {
            bytes += self.rows(bucket, self.from).await?.memory();
        }
        Ok(bytes)
    }

    /// The rows of all buckets that are `bucket` modulo `modulus`.
    async fn rows(&self, bucket: u32, modulus: u32) -> Result<BucketRows> {
        let mut parts: BTreeMap<u32, BTreeMap<Table, bytes::Bytes>> = BTreeMap::new();
        for file in self.bucketed().filter(|file| file.bucket % modulus == bucket) {
            parts.entry(file.bucket).or_default().insert(file.table, self.app.lake.get_data(file).await?);
        }
        blocking(move || join_rows(&parts.values().map(read_bucket).collect::<Result<Vec<_>>>()?)).await
    }

    fn bucketed(&self) -> impl Iterator<Item = &DataFile> {
        self.files.iter().filter(|file| Table::BUCKETED.contains(&file.table))
    }

    async fn preview(self) -> Result<CompactSummary> {
        let mut rewritten = Rewritten::default();
        self.rewrite(&mut rewritten).await?;
        let differs = !rewritten.removed.is_empty() || self.from != self.to;
        let number = differs.then_some(self.parent.number + 1);
        Ok(self.summary(&rewritten, number))
    }

    /// None when somebody else committed first.
    async fn commit(self, actor: &str) -> Result<Option<CompactSummary>> {
        let window = WriteWindow::open();
        let mut rewritten = Rewritten::default();
        let written = self.rewrite(&mut rewritten).await;
        if let Err(error) = written.and_then(|()| window.check()) {
            self.withdraw(&rewritten).await;
            return Err(error);
        }
        if rewritten.removed.is_empty() && self.from == self.to {
            return Ok(Some(self.summary(&rewritten, None)));
        }
        let mut new = self.snapshot(&rewritten, actor);
        let summary = self.summary(&rewritten, Some(new.number()));
        if let Some(lease) = self.lease {
            let result = serde_json::to_value(&summary).map_err(Error::internal)?;
            new.job = Some(JobEnd { lease: lease.clone(), result });
        }
        match self.app.db.commit_snapshot(&new).await {
            Ok(Commit::Done) => Ok(Some(summary)),
            Ok(Commit::ParentMoved) => {
                self.withdraw(&rewritten).await;
                Ok(None)
            }
            Ok(Commit::LeaseLost) => {
                self.withdraw(&rewritten).await;
                Err(lease_lost())
            }
            // The commit may have come through and its answer been lost: the files stay, for the sweep if they are orphans.
            Err(error) => Err(error),
        }
    }

    async fn withdraw(&self, rewritten: &Rewritten) {
        let paths: Vec<String> = rewritten.added.iter().map(|file| file.path.clone()).collect();
        self.app.lake.withdraw(&paths).await;
    }

    async fn rewrite(&self, rewritten: &mut Rewritten) -> Result<()> {
        let step = |counter: &std::sync::atomic::AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        if self.from != self.to {
            let groups = self.from.min(self.to);
            self.progress.buckets.store(u64::from(groups), Ordering::Relaxed);
            for bucket in 0..groups {
                self.progress.check()?;
                let (rows, to) = (self.rows(bucket, groups).await?, self.to);
                let encoded = blocking(move || encode_buckets(&split_rows(&rows, to)?)).await?;
                for (bucket, table, encoded) in encoded {
                    self.put(table, bucket, encoded, rewritten).await?;
                }
                step(&self.progress.written);
            }
            rewritten.removed.extend(self.bucketed().cloned());
        }
        let alone = |file: &&DataFile| self.from == self.to || !Table::BUCKETED.contains(&file.table);
        for file in self.files.iter().filter(alone) {
            self.progress.check()?;
            let (table, old) = (file.table, self.app.lake.get_data(file).await?);
            let encoded = blocking(move || {
                let new = encode(table, &read_rows(table, old.clone())?)?;
                Ok((new.bytes[..] != old[..]).then_some(new))
            });
            if let Some(encoded) = encoded.await? {
                self.put(table, file.bucket, encoded, rewritten).await?;
                rewritten.removed.push(file.clone());
            }
        }
        Ok(())
    }

    async fn put(&self, table: Table, bucket: u32, encoded: Encoded, rewritten: &mut Rewritten) -> Result<()> {
        rewritten.added_files += 1;
        rewritten.added_bytes += encoded.bytes.len() as u64;
        if !self.dry_run {
            let prefix = ProjectPrefix::new(&self.project.workspace_id, &self.project.id);
            rewritten.added.push(self.app.lake.put_data(&prefix, table, bucket, encoded).await?);
        }
        Ok(())
    }

    fn snapshot(&self, rewritten: &Rewritten, actor: &str) -> NewSnapshot {
        let mut counts = self.parent.counts;
        counts.bytes = self.bytes_after(rewritten);
        NewSnapshot {
            project_id: self.project.id.clone(),
            parent: self.parent.number,
            buckets: i64::from(self.to),
            schema_version: i64::from(assay_formats::schema::VERSION),
            created_at: now_micros(),
            actor: actor.to_owned(),
            config: self.parent.config.clone(),
            sources: serde_json::json!([]),
            counts,
            operation: Operation::Compact,
            changes: Changes::default(),
            removed: rewritten.removed.iter().map(|file| file.id.clone()).collect(),
            added: rewritten.added.iter().map(Into::into).collect(),
            job: None,
            audit_id: None,
        }
    }

    fn bytes_after(&self, rewritten: &Rewritten) -> u64 {
        let bytes = |files: &[DataFile]| files.iter().map(|file| file.bytes).sum::<u64>();
        bytes(&self.files) - bytes(&rewritten.removed) + rewritten.added_bytes
    }

    fn summary(&self, rewritten: &Rewritten, snapshot: Option<i64>) -> CompactSummary {
        let before = self.files.len() as u64;
        CompactSummary {
            project: self.project.name.clone(),
            project_id: self.project.id.clone(),
            dry_run: self.dry_run,
            snapshot,
            buckets_before: self.from,
            buckets: self.to,
            files_before: before,
            files: before - rewritten.removed.len() as u64 + rewritten.added_files,
            bytes_before: self.files.iter().map(|file| file.bytes).sum(),
            bytes: self.bytes_after(rewritten),
        }
    }
}

fn encode_buckets(buckets: &BTreeMap<u32, BucketRows>) -> Result<Vec<(u32, Table, Encoded)>> {
    let mut encoded = Vec::new();
    for (bucket, rows) in buckets {
        for table in Table::BUCKETED {
            if let Some(batch) = rows.table(table).filter(|batch| batch.num_rows() > 0) {
                encoded.push((*bucket, table, encode(table, batch)?));
            }
        }
    }
    Ok(encoded)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
