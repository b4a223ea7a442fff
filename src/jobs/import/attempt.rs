//! One attempt to merge what was read into the project's newest snapshot.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use assay_formats::label_studio::{known_raters, raters_batch, resolve_raters};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;

use super::bucket::{BucketChange, Files, Work};
use super::draft::Draft;
use super::single::{add_rejects, read_single};
use super::target::Target;
use super::{ImportRequest, Mode};
use crate::app::App;
use crate::error::{Error, Result};
use crate::jobs::read::{Progress, ReadOutcome};
use crate::lake::{DataFile, Encoded, MergeOutcome, MergeRules, ProjectPrefix, Table, encode, grown_buckets};
use crate::store::{Counts, Snapshot};

/// One attempt to merge what was read into the project's newest snapshot.
pub(super) struct Attempt {
    app: Arc<App>,
    work: Arc<Work>,
    target: Target,
    prefix: ProjectPrefix,
    parent: Option<Snapshot>,
    files: Vec<DataFile>,
    raters: Option<RecordBatch>,
    rejects: Option<RecordBatch>,
    /// Files put into the lake so far: taken back when they come into no snapshot.
    pub(super) written: Arc<Mutex<Vec<String>>>,
    /// Buckets to visit: those that got rows; all when old rows must change their rater's id, can be gone, or are split.
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
        let rules = MergeRules {
            aliases: resolved.aliases,
            files: request.inputs.iter().map(|input| input.name.clone()).collect(),
            whole_source: (request.mode == Mode::Full).then(|| read.source.clone()),
        };
        // Another import may have made the project, or have let its buckets grow, while this one read its files.
        let from = match &parent {
            Some(parent) => u32::try_from(parent.buckets).map_err(Error::internal)?,
            None => first_buckets(read, request.bucket_bytes),
        };
        let to = grown_buckets(from, memory_of(parent.as_ref()), read.spill.bytes(), request.bucket_bytes);
        let every = renames_old || rules.whole_source.is_some() || from != to;
        let visit = if every { (0..from).collect() } else { read.spill.touched(from) };
        let work = Work { read: read.clone(), rules, from, to, differs: AtomicBool::new(false) };
        Ok(Self {
            app: app.clone(),
            work: Arc::new(work),
            prefix: ProjectPrefix::new(&request.workspace, target.id()),
            target,
            parent,
            files,
            raters: (raters != old_raters).then_some(raters),
            rejects,
            written: Arc::default(),
            visit,
        })
    }

    pub(super) async fn run(self, progress: &Progress) -> Result<Draft> {
        progress.buckets.store(self.visit.len() as u64, Ordering::Relaxed);
        progress.written.store(0, Ordering::Relaxed);
        let mut changes = self.pass(self.visit.clone(), progress).await?;
        if self.work.differs.load(Ordering::Relaxed) {
            let waiting: BTreeSet<u32> = changes.iter().filter(|(_, _, waits)| *waits).map(|(at, ..)| *at).collect();
            changes.retain(|(_, _, waits)| !waits);
            changes.extend(self.pass(waiting, progress).await?);
        }
        self.draft(changes.into_iter().map(|(_, change, _)| change).collect()).await
    }

    /// Visits buckets: each with what it did, and whether its files wait for a difference elsewhere.
    async fn pass(&self, visit: BTreeSet<u32>, progress: &Progress) -> Result<Vec<(u32, BucketChange, bool)>> {
        let parallel = std::thread::available_parallelism().map_or(2, usize::from);
        let merging = &Semaphore::new(parallel);
        stream::iter(visit)
            .map(|bucket| async move {
                progress.check()?;
                let (change, waits) = self.bucket(bucket, merging).await?;
                progress.written.fetch_add(u64::from(!waits), Ordering::Relaxed);
                Ok::<_, Error>((bucket, change, waits))
            })
            // While the files of some buckets are being synced, others are merged.
            .buffered(2 * parallel)
            .try_collect()
            .await
    }

    /// `merging` bounds how many buckets are in memory at once.
    async fn bucket(&self, bucket: u32, merging: &Semaphore) -> Result<(BucketChange, bool)> {
        let turn = merging.acquire().await.map_err(Error::internal)?;
        let old_files: Vec<&DataFile> =
            self.files.iter().filter(|file| file.bucket == bucket && Table::BUCKETED.contains(&file.table)).collect();
        let mut old_bytes = BTreeMap::new();
        for file in &old_files {
            old_bytes.insert(file.table, self.app.lake.get_data(file).await?);
        }
        let work = self.work.clone();
        let merged = tokio::task::spawn_blocking(move || work.run(bucket, &old_bytes));
        let (mut change, files) = merged.await.map_err(Error::internal)??;
        drop(turn);
        let encoded = match files {
            Files::Kept => return Ok((change, false)),
            Files::Waiting => return Ok((change, true)),
            Files::New(encoded) => encoded,
        };
        change.removed = old_files.iter().map(|file| file.id.clone()).collect();
        for (child, table, encoded) in encoded {
            change.added.push(self.put(table, child, encoded).await?);
        }
        Ok((change, false))
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
        counts.memory = memory_of(self.parent.as_ref());
        for change in changes {
            outcome += change.outcome;
            // A bucket can lose rows as well: what is there after it is added first.
            counts.items = counts.items + change.after.items - change.before.items;
            counts.annotations = counts.annotations + change.after.annotations - change.before.annotations;
            counts.predictions = counts.predictions + change.after.predictions - change.before.predictions;
            counts.results = counts.results + change.after.results - change.before.results;
            counts.memory = (counts.memory + change.after.memory).saturating_sub(change.before.memory);
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
        let gone: HashSet<&String> = removed.iter().collect();
        let kept: u64 = self.files.iter().filter(|file| !gone.contains(&file.id)).map(|file| file.bytes).sum();
        counts.bytes = kept + added.iter().map(|file| file.bytes).sum::<u64>();
        // Without a difference nothing was split.
        let buckets = if self.work.differs.load(Ordering::Relaxed) { self.work.to } else { self.work.from };
        Ok(Draft { target: self.target, parent: self.parent, buckets, added, removed, outcome, counts })
    }
}

/// A new project's number of buckets: the one that its rows were staged with, or more where they turned out larger than their JSON.
fn first_buckets(read: &ReadOutcome, bucket_bytes: u64) -> u32 {
    grown_buckets(read.spill.buckets(), 0, read.spill.bytes(), bucket_bytes)
}

/// What the rows of a project take in memory. Before that was counted, ten times their Parquet: that is on the safe side.
pub(super) fn memory_of(parent: Option<&Snapshot>) -> u64 {
    parent.map_or(0, |parent| memory_counted(&parent.counts))
}

fn memory_counted(counts: &Counts) -> u64 {
    const EXPANSION: u64 = 10;
    if counts.memory == 0 { counts.bytes.saturating_mul(EXPANSION) } else { counts.memory }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_from_before_memory_was_counted_are_taken_by_their_size() {
        let old = Counts::try_from(r#"{"items": 3, "bytes": 700}"#.to_owned()).unwrap();
        assert_eq!(memory_counted(&old), 7_000);
        assert_eq!(memory_counted(&Counts { memory: 900, ..old }), 900);
    }
}
