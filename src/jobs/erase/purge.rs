//! Everything that holds something of the subject beside the newest snapshot: deleted at once, or rewritten.

use std::time::Duration;

use super::Erasure;
use crate::error::{Error, Result};
use crate::jobs::grace::{SHORTEST_GRACE, before};
use crate::jobs::kinds::Kind;
use crate::jobs::publish::{self, PublishRequest};
use crate::jobs::retain::all_snapshots;
use crate::jobs::uploads;
use crate::lake::{DataFile, ERASED, Object, ObjectKind, ProjectPrefix, Table, erase_rows, finished_name, read_rows};
use crate::store::{Form, Job, JobState, now_micros};

/// Uploads and spilled queries that were not written to for so long are left over: an upload is given up after a minute without a byte.
const IDLE: Duration = Duration::from_secs(600);

/// Whether a job that counts as running will never go on: it was asked to stop, and its worker is dead.
pub(super) fn is_abandoned(job: &Job) -> bool {
    job.cancel_requested && job.lease_until.is_some_and(|until| until < now_micros())
}

impl Erasure<'_> {
    async fn jobs(&self) -> Result<Vec<Job>> {
        self.app.db.list_jobs(&self.project.workspace_id, Some(&self.project.id), None, i64::MAX).await
    }

    /// Jobs that wait and must not run: imports might bring the subject back, and another erasure of the same subject would find its name gone.
    pub(super) async fn queued(&self) -> Result<Vec<Job>> {
        let mut jobs = self.jobs().await?;
        let is_same = |job: &Job| self.scrubber.json(&job.payload.0.to_string(), None).is_some();
        jobs.retain(|job| {
            job.state == JobState::Queued
                && match Kind::parse(&job.kind) {
                    Some(Kind::Import) => true,
                    Some(Kind::Erase) => is_same(job),
                    _ => false,
                }
        });
        Ok(jobs)
    }

    pub(super) async fn cancel_queued(&mut self) -> Result<()> {
        for job in self.queued().await? {
            let job = self.app.db.cancel_job(&self.project.workspace_id, &job.id, now_micros()).await?;
            if job.state == JobState::Running {
                return Err(Error::Conflict(format!(
                    "job {} ({}) has just begun to run and was asked to stop: erase when it has ended",
                    job.id, job.kind
                )));
            }
            self.summary.cancelled_jobs += u64::from(job.state == JobState::Cancelled);
        }
        Ok(())
    }

    pub(super) async fn rewrite_database(&self, dry_run: bool) -> Result<u64> {
        let scrubber = &self.scrubber;
        let rewrite = |form: Form, text: &str| match form {
            Form::Json => scrubber.json(text, None),
            Form::Message if scrubber.is_message(text) => Some(ERASED.to_owned()),
            Form::Message | Form::Plain => scrubber.text(text),
        };
        let (workspace, project) = (&self.project.workspace_id, &self.project.id);
        self.app.db.rewrite_texts(workspace, project, &rewrite, self.own_job.as_deref(), dry_run).await
    }

    /// Files first, then their rows.
    pub(super) async fn delete_files(&mut self, files: Vec<DataFile>) -> Result<()> {
        let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        self.app.lake.delete(&paths).await?;
        let ids: Vec<String> = files.iter().map(|file| file.id.clone()).collect();
        self.app.db.forget_files(&self.project.id, &ids).await?;
        self.summary.files += files.len() as u64;
        self.summary.bytes += files.iter().map(|file| file.bytes).sum::<u64>();
        Ok(())
    }

    /// What was published of snapshots that are retired. Readers go on with the newest one, where something was published at all.
    pub(super) async fn unpublish(&self) -> Result<()> {
        let retired: Vec<i64> = all_snapshots(self.app, &self.project)
            .await?
            .into_iter()
            .filter(|snapshot| snapshot.retired_at.is_some())
            .map(|snapshot| snapshot.number)
            .collect();
        let manifest = publish::publication(self.app, &self.project).manifest().await?;
        if manifest.is_some_and(|manifest| retired.contains(&manifest.snapshot)) {
            publish::run(self.app, &self.project, &PublishRequest::default()).await?;
        }
        publish::unpublish(self.app, &self.project, &retired).await
    }

    /// Reports of every snapshot that is retired.
    pub(super) async fn delete_reports(&mut self) -> Result<()> {
        let snapshots = all_snapshots(self.app, &self.project).await?;
        let is_retired = |number| snapshots.iter().any(|one| one.number == number && one.retired_at.is_some());
        let prefix = self.prefix();
        let listed = self.app.lake.list(&format!("{}/_reports", prefix.folder())).await?;
        let doomed: Vec<Object> = listed
            .into_iter()
            .filter(|object| matches!(prefix.place(&object.path), Some(ObjectKind::Report(number, _)) if is_retired(number)))
            .collect();
        self.delete_objects(&doomed).await
    }

    /// Staged files of jobs that have ended, and what else nobody needs in the temporary folder.
    pub(super) async fn delete_uploads(&mut self) -> Result<()> {
        let ended = |job: &Job| job.state.is_final() || is_abandoned(job);
        let mut doomed = Vec::new();
        for path in self.jobs().await?.iter().filter(|job| ended(job)).filter_map(uploads::path_of) {
            // The temporary folder may be mounted elsewhere in the process that received it.
            doomed.extend(path.file_name().map(|name| uploads::folder(&self.app.temp).join(name)));
            doomed.push(path);
        }
        let age = if self.nothing_else_runs { Duration::ZERO } else { IDLE };
        doomed.extend(uploads::leftovers(self.app, age).await?.into_iter().map(|file| file.path));
        doomed.sort();
        doomed.dedup();
        for path in &doomed {
            if let Ok(meta) = tokio::fs::metadata(path).await {
                self.summary.files += 1;
                self.summary.bytes += meta.len();
            }
        }
        uploads::delete(&doomed).await
    }

    /// Files of imports that were cut off. Young ones may belong to one that is running: they are looked at, and named if they hold something.
    pub(super) async fn delete_orphans(&mut self) -> Result<()> {
        let prefix = self.prefix();
        let objects = self.app.lake.list(prefix.folder()).await?;
        let cut_off = self.app.lake.cut_off_writes(prefix.folder(), true).await?;
        let before = match self.nothing_else_runs {
            true => i64::MAX,
            false => before(self.app.lake.clock().await?, SHORTEST_GRACE),
        };
        let known: std::collections::HashSet<String> =
            self.app.db.project_files(&self.project.id).await?.into_iter().map(|file| file.path).collect();
        let is_orphan =
            |object: &Object| prefix.place(&object.path) == Some(ObjectKind::Data) && !known.contains(&object.path);
        let (old, young): (Vec<Object>, Vec<Object>) =
            objects.into_iter().filter(is_orphan).partition(|object| object.modified <= before);
        self.delete_objects(&old).await?;
        for object in young {
            if self.orphan_holds(&object).await? {
                self.summary.unfinished.push(object.path);
            }
        }
        let is_ours = |object: &Object| finished_name(&object.path).is_some_and(|path| prefix.place(path).is_some());
        // No other job of the project runs beside an erasure's. A command that imports meanwhile fails when what it writes is taken away under it,
        // and commits nothing; but the worker of an earlier attempt may have left such files.
        let is_left = |object: &Object| object.modified <= before || self.own_job.is_some();
        let (old, young): (Vec<Object>, Vec<Object>) = cut_off.into_iter().filter(is_ours).partition(is_left);
        let paths: Vec<String> = old.into_iter().map(|object| object.path).collect();
        self.app.lake.delete_cut_off(&paths).await?;
        self.summary.unfinished.extend(young.into_iter().map(|object| object.path));
        Ok(())
    }

    /// What cannot be read is taken to hold something.
    async fn orphan_holds(&self, object: &Object) -> Result<bool> {
        let table = object.path.rsplit('/').nth(2).and_then(Table::parse);
        let (Some(table), true) = (table, self.app.lake.exists(&object.path).await?) else { return Ok(false) };
        let (bytes, scrubber) = (self.app.lake.get(&object.path).await?, self.scrubber.clone());
        let look = tokio::task::spawn_blocking(move || erase_rows(table, &read_rows(table, bytes)?, &scrubber));
        Ok(look.await.map_err(Error::internal)?.map_or(true, |erased| erased.is_touched()))
    }

    async fn delete_objects(&mut self, objects: &[Object]) -> Result<()> {
        self.app.lake.delete(&objects.iter().map(|object| object.path.clone()).collect::<Vec<_>>()).await?;
        self.summary.files += objects.len() as u64;
        self.summary.bytes += objects.iter().map(|object| object.bytes).sum::<u64>();
        Ok(())
    }

    fn prefix(&self) -> ProjectPrefix {
        ProjectPrefix::new(&self.project.workspace_id, &self.project.id)
    }
}
