//! THE import: files become one snapshot, or nothing at all.
//!
//! Read and stage (all cores, bounded memory) → merge each touched bucket into what the project has → write the new files →
//! commit the snapshot in one database transaction. A crash before the commit leaves files that no snapshot names.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::Int64Type;
use assay_formats::label_studio::{known_raters, raters_batch, resolve_raters};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::read::{ReadOutcome, read_inputs};
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::{
    Aliases, BucketRows, Counts, DataFile, Encoded, MergeOutcome, ProjectPrefix, Table, buckets_for, encode,
    merge_bucket, read_rows,
};
use crate::store::{
    Change, Changes, Commit, Counts as SnapshotCounts, JobEnd, Lease, NewProject, NewSnapshot, Once, Operation,
    Project, Request, Snapshot, check_project_name, now_micros,
};

pub use super::read::{Input, Progress, check_inputs};

/// At most so many rejects are repeated in a summary; all of them are in the `rejects` table.
const REJECTS_SHOWN: usize = 100;
/// Another import can commit first; after so many lost races the caller is told.
const COMMIT_ATTEMPTS: u32 = 20;

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
    pub actor: String,
    /// The job on whose behalf this runs: ended in the same transaction as the snapshot.
    pub lease: Option<Lease>,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportSummary {
    pub project: String,
    pub project_id: String,
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
    let buckets = parent.as_ref().map_or_else(|| buckets_for(total), |snapshot| snapshot.buckets as u32);
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
        let target = Target::of(app, &request).await?;
        let merge = Merge::new(app, &request, &read, target, buckets).await?;
        let written = merge.written.clone();
        let draft = match merge.run(&progress).await {
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

async fn find_project(app: &App, request: &ImportRequest) -> Result<Option<Project>> {
    match app.db.find_project(&request.workspace, &request.project).await {
        Ok(project) => Ok(Some(project)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The project to import into: there already, or made just before the first snapshot is committed.
#[derive(Debug, Clone)]
enum Target {
    Existing(Project),
    New(NewProject),
}

impl Target {
    async fn of(app: &App, request: &ImportRequest) -> Result<Self> {
        Ok(match find_project(app, request).await? {
            Some(project) => Self::Existing(project),
            None => Self::New(NewProject::new(&request.workspace, &request.project, now_micros())?),
        })
    }

    fn id(&self) -> &str {
        match self {
            Self::Existing(project) => &project.id,
            Self::New(project) => &project.id,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Existing(project) => &project.name,
            Self::New(project) => &project.name,
        }
    }

    /// The project's row, made now if need be; None when someone else made one of this name meanwhile.
    async fn ensure(&self, app: &App) -> Result<Option<Project>> {
        match self {
            Self::Existing(project) => Ok(Some(project.clone())),
            Self::New(new) => match app.db.create_project(new, &Request::default()).await {
                Ok(Once::Done(project)) => Ok(Some(project)),
                Ok(Once::Replay(_) | Once::Reused) | Err(Error::Conflict(_)) => Ok(None),
                Err(error) => Err(error),
            },
        }
    }
}

/// One attempt to merge what was read into the project's newest snapshot.
struct Merge {
    app: Arc<App>,
    read: Arc<ReadOutcome>,
    target: Target,
    prefix: ProjectPrefix,
    parent: Option<Snapshot>,
    files: Vec<DataFile>,
    aliases: Arc<Aliases>,
    raters: Option<RecordBatch>,
    rejects: Option<RecordBatch>,
    names: Arc<Vec<String>>,
    /// Files put into the lake so far: taken back when they come into no snapshot.
    written: Arc<Mutex<Vec<String>>>,
    /// Buckets to visit: those that got rows, or all when old rows must change their rater's id.
    buckets: Vec<u32>,
}

fn taken(written: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut written.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A snapshot that is written but not committed.
struct Draft {
    target: Target,
    parent: Option<Snapshot>,
    buckets: u32,
    added: Vec<DataFile>,
    removed: Vec<String>,
    outcome: MergeOutcome,
    counts: SnapshotCounts,
}

/// What a bucket's merge did to the project's totals.
#[derive(Debug, Default)]
struct BucketChange {
    outcome: MergeOutcome,
    added: Vec<DataFile>,
    removed: Vec<String>,
    before: Totals,
    after: Totals,
}

#[derive(Debug, Default, Clone, Copy)]
struct Totals {
    items: u64,
    annotations: u64,
    predictions: u64,
    results: u64,
}

impl Merge {
    async fn new(
        app: &Arc<App>,
        request: &ImportRequest,
        read: &Arc<ReadOutcome>,
        target: Target,
        buckets: u32,
    ) -> Result<Self> {
        let parent = app.db.latest_snapshot(target.id()).await?;
        if let Some(parent) = &parent
            && parent.buckets as u32 != buckets
        {
            return Err(Error::Conflict(format!(
                "the buckets of {} were changed by another import while this one read its files; run it again",
                target.name()
            )));
        }
        let files = match &parent {
            Some(parent) => app.data_files(target.id(), parent.number).await?,
            None => Vec::new(),
        };
        let old_raters = read_single(app, &files, Table::Raters).await?;
        let known = known_raters(&old_raters).map_err(Error::internal)?;
        let resolved = resolve_raters(&read.raters, &known);
        let raters = raters_batch(&resolved.raters).map_err(Error::internal)?;
        let old_rejects = read_single(app, &files, Table::Rejects).await?;
        let rejects = add_rejects(&old_rejects, &read.rejects)?;

        let renames_old = known.iter().any(|rater| resolved.aliases.contains_key(&rater.rater_id));
        let visit = if renames_old { (0..buckets).collect() } else { read.spill.touched() };
        Ok(Self {
            app: app.clone(),
            read: read.clone(),
            prefix: ProjectPrefix::new(&request.workspace, target.id()),
            target,
            parent,
            files,
            aliases: Arc::new(resolved.aliases),
            raters: (raters != old_raters).then_some(raters),
            rejects,
            names: Arc::new(request.inputs.iter().map(|input| input.name.clone()).collect()),
            written: Arc::default(),
            buckets: visit,
        })
    }

    async fn run(self, progress: &Progress) -> Result<Draft> {
        progress.buckets.store(self.buckets.len() as u64, Ordering::Relaxed);
        progress.written.store(0, Ordering::Relaxed);
        let parallel = std::thread::available_parallelism().map_or(2, usize::from);
        let merge = &self;
        let changes: Vec<BucketChange> = stream::iter(self.buckets.clone())
            .map(|bucket| async move {
                progress.check()?;
                let change = merge.bucket(bucket).await?;
                progress.written.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Error>(change)
            })
            .buffered(parallel)
            .try_collect()
            .await?;
        self.draft(changes).await
    }

    async fn bucket(&self, bucket: u32) -> Result<BucketChange> {
        let old_files: Vec<&DataFile> =
            self.files.iter().filter(|file| file.bucket == bucket && Table::BUCKETED.contains(&file.table)).collect();
        let mut old_bytes = BTreeMap::new();
        for file in &old_files {
            old_bytes.insert(file.table, self.app.lake.get_data(file).await?);
        }
        let (read, aliases, names) = (self.read.clone(), self.aliases.clone(), self.names.clone());
        let work = tokio::task::spawn_blocking(move || merge_and_encode(&read, bucket, old_bytes, &aliases, &names));
        let (mut change, encoded) = work.await.map_err(Error::internal)??;
        if encoded.is_empty() {
            return Ok(change);
        }
        change.removed = old_files.iter().map(|file| file.id.clone()).collect();
        for (table, encoded) in encoded {
            change.added.push(self.put(table, bucket, encoded).await?);
        }
        Ok(change)
    }

    async fn put(&self, table: Table, bucket: u32, encoded: Encoded) -> Result<DataFile> {
        let file = self.app.lake.put_data(&self.prefix, table, bucket, encoded).await?;
        self.written.lock().unwrap_or_else(PoisonError::into_inner).push(file.path.clone());
        Ok(file)
    }

    async fn draft(self, changes: Vec<BucketChange>) -> Result<Draft> {
        let mut outcome = MergeOutcome::default();
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        let mut counts = self.parent.as_ref().map(|parent| parent.counts).unwrap_or_default();
        for change in changes {
            outcome.items += change.outcome.items;
            outcome.annotations += change.outcome.annotations;
            outcome.predictions += change.outcome.predictions;
            counts.items += change.after.items - change.before.items;
            counts.annotations += change.after.annotations - change.before.annotations;
            counts.predictions += change.after.predictions - change.before.predictions;
            // Content may change either way.
            counts.results = counts.results + change.after.results - change.before.results;
            added.extend(change.added);
            removed.extend(change.removed);
        }
        for (table, batch) in [(Table::Raters, &self.raters), (Table::Rejects, &self.rejects)] {
            let Some(batch) = batch else { continue };
            let rows = batch.num_rows() as u64;
            if table == Table::Raters {
                counts.raters = rows;
            } else {
                counts.rejects = rows;
            }
            removed.extend(self.files.iter().filter(|file| file.table == table).map(|file| file.id.clone()));
            added.push(self.put(table, 0, encode(table, batch)?).await?);
        }
        let kept: u64 = self.files.iter().filter(|file| !removed.contains(&file.id)).map(|file| file.bytes).sum();
        counts.bytes = kept + added.iter().map(|file| file.bytes).sum::<u64>();
        let buckets = self.read.spill.buckets();
        Ok(Draft { target: self.target, parent: self.parent, buckets, added, removed, outcome, counts })
    }
}

impl Draft {
    /// The labelling config that the snapshot will have.
    fn config(&self, request: &ImportRequest) -> Option<String> {
        request.config.clone().or_else(|| self.parent.as_ref().and_then(|parent| parent.config.clone()))
    }

    fn parent_number(&self) -> i64 {
        self.parent.as_ref().map_or(0, |parent| parent.number)
    }

    fn differs(&self, request: &ImportRequest) -> bool {
        let Some(parent) = &self.parent else { return true };
        !self.added.is_empty() || !self.removed.is_empty() || self.config(request) != parent.config
    }

    /// Commits; false when another import committed first and the merge must be done again.
    async fn commit(self, app: &Arc<App>, request: &ImportRequest, summary: &ImportSummary) -> Result<bool> {
        let result = serde_json::to_value(summary).map_err(Error::internal)?;
        if !summary.committed {
            return match &request.lease {
                Some(lease) if !app.db.finish_job(lease, &result, now_micros()).await? => Err(lease_lost()),
                _ => Ok(true),
            };
        }
        let Some(project) = self.target.ensure(app).await? else { return Ok(false) };
        let sources: Vec<&str> = request.inputs.iter().map(|input| input.name.as_str()).collect();
        let new = NewSnapshot {
            project_id: project.id.clone(),
            parent: self.parent_number(),
            buckets: i64::from(self.buckets),
            schema_version: i64::from(assay_formats::schema::VERSION),
            created_at: now_micros(),
            actor: request.actor.clone(),
            config: self.config(request),
            sources: serde_json::json!(sources),
            counts: self.counts,
            operation: Operation::Import,
            changes: changes(&self.outcome),
            added: self.added.iter().map(Into::into).collect(),
            removed: self.removed,
            job: request.lease.clone().map(|lease| JobEnd { lease, result }),
            audit_id: None,
        };
        match app.db.commit_snapshot(&new).await? {
            Commit::Done => {
                app.copy_snapshots(&project).await?;
                Ok(true)
            }
            Commit::ParentMoved => Ok(false),
            Commit::LeaseLost => Err(lease_lost()),
        }
    }

    fn summary(&self, read: &ReadOutcome, request: &ImportRequest) -> ImportSummary {
        let committed = self.differs(request);
        ImportSummary {
            project: self.target.name().to_owned(),
            project_id: self.target.id().to_owned(),
            snapshot: self.parent_number() + i64::from(committed),
            committed,
            items: self.outcome.items,
            annotations: self.outcome.annotations,
            predictions: self.outcome.predictions,
            results: read.counts.results,
            prediction_ids: read.counts.prediction_ids,
            draft_ids: read.counts.draft_ids,
            rejected: read.rejects.iter().map(|batch| batch.num_rows() as u64).sum(),
            rejects: show_rejects(&read.rejects),
            bytes: read.bytes,
            seconds: 0.0,
            phases: BTreeMap::new(),
        }
    }
}

/// A merge removes nothing.
fn changes(outcome: &MergeOutcome) -> Changes {
    let change = |counts: Counts| Change { new: counts.new, changed: counts.changed, removed: 0 };
    Changes {
        items: change(outcome.items),
        annotations: change(outcome.annotations),
        predictions: change(outcome.predictions),
    }
}

fn lease_lost() -> Error {
    Error::Conflict("another worker has taken this job over; nothing was committed here".to_owned())
}

type EncodedTables = Vec<(Table, Encoded)>;

fn merge_and_encode(
    read: &ReadOutcome,
    bucket: u32,
    old_bytes: BTreeMap<Table, bytes::Bytes>,
    aliases: &Aliases,
    names: &[String],
) -> Result<(BucketChange, EncodedTables)> {
    let staged = read.spill.load(bucket)?;
    let old = match old_bytes.is_empty() {
        true => None,
        false => {
            let table = |table: Table| match old_bytes.get(&table) {
                Some(bytes) => read_rows(table, bytes.clone()),
                None => Ok(RecordBatch::new_empty(table.schema())),
            };
            Some(BucketRows {
                items: table(Table::Items)?,
                annotations: table(Table::Annotations)?,
                results: table(Table::Results)?,
            })
        }
    };
    let merged = merge_bucket(&staged, old.as_ref(), aliases, names)?;
    let before = old.as_ref().map(totals).transpose()?.unwrap_or_default();
    let Some(rows) = merged.rows else {
        return Ok((
            BucketChange { outcome: merged.outcome, before, after: before, ..BucketChange::default() },
            Vec::new(),
        ));
    };
    let after = totals(&rows)?;
    drop((staged, old));
    let mut encoded = Vec::with_capacity(3);
    for table in Table::BUCKETED {
        if let Some(batch) = rows.table(table).filter(|batch| batch.num_rows() > 0) {
            encoded.push((table, encode(table, batch)?));
        }
    }
    Ok((BucketChange { outcome: merged.outcome, before, after, ..BucketChange::default() }, encoded))
}

fn totals(rows: &BucketRows) -> Result<Totals> {
    let missing = || Error::internal(anyhow::anyhow!("annotations lack kind or result_count"));
    let kinds = rows.annotations.column_by_name("kind").and_then(|c| c.as_string_opt::<i32>()).ok_or_else(missing)?;
    let results = rows
        .annotations
        .column_by_name("result_count")
        .and_then(|c| c.as_primitive_opt::<Int64Type>())
        .ok_or_else(missing)?;
    let predictions = kinds.iter().flatten().filter(|kind| *kind == "prediction").count() as u64;
    Ok(Totals {
        items: rows.items.num_rows() as u64,
        annotations: rows.annotations.num_rows() as u64 - predictions,
        predictions,
        results: u64::try_from(arrow::compute::sum(results).unwrap_or_default()).map_err(Error::internal)?,
    })
}

/// A table that is one file; empty when the snapshot has none.
async fn read_single(app: &App, files: &[DataFile], table: Table) -> Result<RecordBatch> {
    match files.iter().find(|file| file.table == table) {
        Some(file) => read_rows(table, app.lake.get_data(file).await?),
        None => Ok(RecordBatch::new_empty(table.schema())),
    }
}

/// The rejects with the new ones added; None when all of them are known, as when a file is imported again.
fn add_rejects(old: &RecordBatch, new: &[RecordBatch]) -> Result<Option<RecordBatch>> {
    let schema = Table::Rejects.schema();
    let new = concat_batches(&schema, new).map_err(Error::internal)?;
    let key = |batch: &RecordBatch, row: usize| -> Vec<Option<String>> {
        let text = |column: &dyn Array| {
            column.as_string_opt::<i32>().filter(|c| c.is_valid(row)).map(|c| c.value(row).to_owned())
        };
        batch.columns().iter().map(|column| text(column.as_ref())).collect()
    };
    let known: std::collections::HashSet<_> = (0..old.num_rows()).map(|row| key(old, row)).collect();
    let fresh: BooleanArray = (0..new.num_rows()).map(|row| Some(!known.contains(&key(&new, row)))).collect();
    let fresh = filter_record_batch(&new, &fresh).map_err(Error::internal)?;
    if fresh.num_rows() == 0 {
        return Ok(None);
    }
    concat_batches(&schema, [old, &fresh]).map(Some).map_err(Error::internal)
}

fn show_rejects(batches: &[RecordBatch]) -> Vec<RejectView> {
    let text = |batch: &RecordBatch, name: &str, row: usize| -> String {
        let column = batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
        column.map_or_else(String::new, |c| c.value(row).to_owned())
    };
    let rows = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
    rows.take(REJECTS_SHOWN)
        .map(|(batch, row)| RejectView {
            file: text(batch, "file", row),
            position: text(batch, "position", row),
            reason: text(batch, "reason", row),
        })
        .collect()
}
