//! One attempt to merge what was read into the project's newest snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use assay_formats::label_studio::{known_raters, raters_batch, resolve_raters};
use futures::{StreamExt, TryStreamExt, stream};

use super::bucket::{BucketChange, merge_and_encode};
use super::draft::Draft;
use super::single::{add_rejects, read_single};
use super::target::Target;
use super::{ImportRequest, Mode};
use crate::app::App;
use crate::error::{Error, Result};
use crate::jobs::read::{Progress, ReadOutcome};
use crate::lake::{DataFile, Encoded, MergeOutcome, MergeRules, ProjectPrefix, Table, encode};
use crate::store::Snapshot;

/// One attempt to merge what was read into the project's newest snapshot.
pub(super) struct Attempt {
    app: Arc<App>,
    read: Arc<ReadOutcome>,
    rules: Arc<MergeRules>,
    target: Target,
    prefix: ProjectPrefix,
    parent: Option<Snapshot>,
    files: Vec<DataFile>,
    raters: Option<RecordBatch>,
    rejects: Option<RecordBatch>,
    /// Files put into the lake so far: taken back when they come into no snapshot.
    pub(super) written: Arc<Mutex<Vec<String>>>,
    /// The number of buckets that the project has.
    buckets: u32,
    /// Buckets to visit: those that got rows; all when old rows must change their rater's id, or can be gone.
    visit: BTreeSet<u32>,
}

pub(super) fn taken(written: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut written.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Attempt {
    pub(super) async fn new(
        app: &Arc<App>,
        request: &ImportRequest,
        read: &Arc<ReadOutcome>,
        target: Target,
    ) -> Result<Self> {
        let parent = app.db.latest_snapshot(target.id()).await?;
        // Another import may have made the project, or have let its buckets grow, while this one read its files.
        let buckets = match &parent {
            Some(parent) => u32::try_from(parent.buckets).map_err(Error::internal)?,
            None => read.spill.buckets(),
        };
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
        let whole_source = (request.mode == Mode::Full).then(|| read.source.clone());
        let visit =
            if renames_old || whole_source.is_some() { (0..buckets).collect() } else { read.spill.touched(buckets) };
        let files_named = request.inputs.iter().map(|input| input.name.clone()).collect();
        let rules = MergeRules { aliases: resolved.aliases, files: files_named, whole_source };
        Ok(Self {
            app: app.clone(),
            read: read.clone(),
            rules: Arc::new(rules),
            prefix: ProjectPrefix::new(&request.workspace, target.id()),
            target,
            parent,
            files,
            raters: (raters != old_raters).then_some(raters),
            rejects,
            written: Arc::default(),
            buckets,
            visit,
        })
    }

    pub(super) async fn run(self, progress: &Progress) -> Result<Draft> {
        progress.buckets.store(self.visit.len() as u64, Ordering::Relaxed);
        progress.written.store(0, Ordering::Relaxed);
        let parallel = std::thread::available_parallelism().map_or(2, usize::from);
        let attempt = &self;
        let changes: Vec<BucketChange> = stream::iter(self.visit.clone())
            .map(|bucket| async move {
                progress.check()?;
                let change = attempt.bucket(bucket).await?;
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
        let (read, rules, buckets) = (self.read.clone(), self.rules.clone(), self.buckets);
        let work =
            tokio::task::spawn_blocking(move || merge_and_encode(read.spill.load(bucket, buckets)?, old_bytes, &rules));
        let (mut change, encoded) = work.await.map_err(Error::internal)??;
        let Some(encoded) = encoded else { return Ok(change) };
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
            // A bucket can lose rows as well: what is there after it is added first.
            counts.items = counts.items + change.after.items - change.before.items;
            counts.annotations = counts.annotations + change.after.annotations - change.before.annotations;
            counts.predictions = counts.predictions + change.after.predictions - change.before.predictions;
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
        Ok(Draft { target: self.target, parent: self.parent, buckets: self.buckets, added, removed, outcome, counts })
    }
}
