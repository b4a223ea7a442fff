//! Erasure: the one exception to "a snapshot never changes". What is known of a person or an item goes from the newest snapshot by a new one, and
//! from everything else by retiring and deleting what holds it, at once.
//!
//! Every step is found anew from the catalog and the files, so that a run after a crash does what is left: a new snapshot; older ones are
//! retired; reports, files and uploads are deleted; the database is rewritten; last the files that tell who the subject is. What
//! identifies a person is written down in `docs/decisions/0003-erasure.md`.

mod purge;
mod rewrite;
mod scan;
mod subject;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::act::Act;
use super::import::COMMIT_ATTEMPTS;
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::{DataFile, Scrubber, Subject, Table};
use crate::store::{AuditRow, Job, JobState, Project, Retirement, now_micros};
use scan::Scan;

#[derive(Debug, Clone)]
pub struct EraseRequest {
    pub workspace: String,
    pub project: String,
    pub named: Named,
    /// Promises that no import runs: then files of imports that were cut off are deleted without waiting.
    pub nothing_else_runs: bool,
    pub dry_run: bool,
    pub actor: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By e-mail, native id, rater id or full name.
    Annotator(String),
    /// By item id or native id.
    Item(String),
}

/// What was erased, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseSummary {
    pub project: String,
    pub project_id: String,
    pub dry_run: bool,
    /// Ids that the subject was known by.
    pub ids: Vec<String>,
    /// The snapshot without the subject; none when the newest held nothing of it.
    pub snapshot: Option<i64>,
    /// Rows that the newest snapshot lost.
    pub removed: Removed,
    /// Rows of the newest snapshot that stay, without what identified the subject.
    pub scrubbed: u64,
    /// Older snapshots that held something of it.
    pub retired: Vec<i64>,
    /// Objects and files deleted, with their bytes.
    pub files: u64,
    pub bytes: u64,
    pub cancelled_jobs: u64,
    /// Rows of the database that were rewritten.
    pub database_rows: u64,
    /// Files that hold something of it but may belong to an import that runs.
    pub unfinished: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    pub items: u64,
    pub annotations: u64,
    pub predictions: u64,
    pub results: u64,
    pub raters: u64,
    pub rejects: u64,
}

/// Erases.
///
/// # Errors
/// `NotFound` when nobody and nothing is named so, and no earlier run was about the name; `Invalid` when several are; `Conflict` while a job of
/// the project runs, or when files that may belong to a running import hold something of the subject (everything else is done then).
pub async fn run(app: &Arc<App>, request: EraseRequest) -> Result<EraseSummary> {
    let project = app.db.find_project(&request.workspace, &request.project).await?;
    if let Some(busy) = is_busy(app, &project, None).await? {
        return Err(Error::Conflict(format!("{busy}: wait for its end or cancel it, then erase")));
    }
    let target = match request.dry_run {
        true => None,
        false => Some(audit_target(app, &project, &request.named).await?),
    };
    let earlier = match &target {
        Some(target) => app.db.audit_of_target(&request.workspace, target).await?,
        None => Vec::new(),
    };
    let files = all_files(app, &project).await?;
    let Some(subject) = subject::resolve(app, &files, &request.named).await? else {
        return finish_earlier(app, &project, &request, earlier).await;
    };
    let mut erasure = Erasure::new(app, project, &request, subject);
    erasure.was_begun = !earlier.is_empty();
    let Some(target) = target else { return erasure.preview().await };
    let act =
        Act { workspace: &request.workspace, actor: &request.actor, action: request.named.action(), target: &target };
    act.record(app, async |_| {
        erasure.perform().await?;
        app.db.drop_old_versions().await?;
        erasure.summary.check_finished()?;
        erasure.nothing_found()
    })
    .await
}

/// On behalf of a job.
#[derive(Debug, Clone)]
pub(super) struct InJob {
    /// The one place that goes on naming the subject; whoever runs the job sees to it afterwards.
    pub job_id: String,
    /// An earlier attempt has found the subject: what it left may not tell any more who that is.
    pub was_begun: bool,
}

/// The same for a job, but for what the job itself and old versions of rows in the database's files hold. `begin` is called when the subject is
/// found, before anything is erased. The summary names nobody.
///
/// # Errors
/// As [`run`]; `Unavailable` instead of `Conflict` when files that may belong to a running import hold something of the subject.
pub(super) async fn run_in_job(
    app: &Arc<App>,
    request: EraseRequest,
    in_job: InJob,
    begin: impl AsyncFnOnce() -> Result<()>,
) -> Result<EraseSummary> {
    let project = app.db.find_project(&request.workspace, &request.project).await?;
    let files = all_files(app, &project).await?;
    let Some(subject) = subject::resolve(app, &files, &request.named).await? else {
        return match in_job.was_begun {
            true => Ok(EraseSummary::of(&project)),
            false => Err(request.named.not_found()),
        };
    };
    let mut erasure = Erasure::new(app, project, &request, subject);
    erasure.was_begun = in_job.was_begun;
    erasure.own_job = Some(in_job.job_id);
    if !in_job.was_begun {
        begin().await?;
    }
    erasure.perform().await?;
    let summary = erasure.nothing_found()?;
    Ok(EraseSummary { ids: Vec::new(), ..summary })
}

/// What the audit trail calls the act's target: the project, and of the subject what its name cannot be read from.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn audit_target(app: &App, project: &Project, named: &Named) -> Result<String> {
    let salt = app.db.erasure_salt().await?;
    Ok(format!("{}/{}", project.id, subject::hash(&salt, named)))
}

impl Named {
    /// What the audit trail calls the act.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Annotator(_) => "erase.annotator",
            Self::Item(_) => "erase.item",
        }
    }

    fn not_found(&self) -> Error {
        match self {
            Self::Annotator(name) => Error::not_found("annotator", name.trim()),
            Self::Item(id) => Error::not_found("item", id.trim()),
        }
    }
}

impl EraseSummary {
    fn of(project: &Project) -> Self {
        Self { project: project.name.clone(), project_id: project.id.clone(), ..Self::default() }
    }

    /// # Errors
    /// `Conflict` when files of an import that is not finished hold something of the subject.
    fn check_finished(&self) -> Result<()> {
        if self.unfinished.is_empty() {
            return Ok(());
        }
        Err(Error::Conflict(format!(
            "everything else is erased, but these files hold something of it and may belong to an import that is running: {}; \
             run this again when no import runs, with --nothing-else-runs, or in 12 h",
            self.unfinished.join(", ")
        )))
    }
}

/// Every file that the catalog knows, also those of retired snapshots.
async fn all_files(app: &App, project: &Project) -> Result<Vec<DataFile>> {
    app.db.project_files(&project.id).await?.into_iter().map(DataFile::try_from).collect()
}

/// Says which other job of the project runs: what a running import brings would come back.
pub(super) async fn is_busy(app: &App, project: &Project, own_job: Option<&str>) -> Result<Option<String>> {
    let jobs = app.db.list_jobs(&project.workspace_id, Some(&project.id), None, i64::MAX).await?;
    let runs = |job: &&Job| {
        job.state == JobState::Running && !purge::is_abandoned(job) && own_job.is_none_or(|own| own != job.id)
    };
    Ok(jobs
        .iter()
        .find(runs)
        .map(|job| format!("job {} ({}) of project {} is running", job.id, job.kind, project.name)))
}

/// Nothing names the subject any more: an earlier run may have been cut off at its last step.
async fn finish_earlier(
    app: &App,
    project: &Project,
    request: &EraseRequest,
    earlier: Vec<AuditRow>,
) -> Result<EraseSummary> {
    if earlier.is_empty() {
        return Err(request.named.not_found());
    }
    app.db.drop_old_versions().await?;
    for row in &earlier {
        app.db.complete_audit(&project.workspace_id, &row.id, "done", now_micros()).await?;
    }
    Ok(EraseSummary::of(project))
}

struct Erasure<'a> {
    app: &'a Arc<App>,
    project: Project,
    actor: String,
    nothing_else_runs: bool,
    scrubber: Arc<Scrubber>,
    /// An earlier run was about the same name.
    was_begun: bool,
    /// The job that this is done for: what it is to do stays written down until it is done.
    own_job: Option<String>,
    summary: EraseSummary,
}

impl<'a> Erasure<'a> {
    fn new(app: &'a Arc<App>, project: Project, request: &EraseRequest, subject: Subject) -> Self {
        let ids = match &subject {
            Subject::Person(person) if person.rater_ids.is_empty() => person.emails.iter().cloned().collect(),
            Subject::Person(person) => person.rater_ids.iter().cloned().collect(),
            Subject::Item(item) => vec![item.item_id.clone()],
        };
        let summary = EraseSummary { dry_run: request.dry_run, ids, ..EraseSummary::of(&project) };
        Self {
            app,
            project,
            actor: request.actor.clone(),
            nothing_else_runs: request.nothing_else_runs,
            scrubber: Arc::new(Scrubber::new(subject)),
            was_begun: false,
            own_job: None,
            summary,
        }
    }

    /// The table whose files tell who the subject is: deleted last.
    fn telling_table(&self) -> Table {
        match self.scrubber.subject() {
            Subject::Person(_) => Table::Raters,
            Subject::Item(_) => Table::Items,
        }
    }

    async fn preview(mut self) -> Result<EraseSummary> {
        let mut scan = Scan::default();
        let plan = scan.plan(self.app, &self.project, &self.scrubber).await?;
        self.summary.snapshot = plan.newest.as_ref().filter(|_| plan.must_rewrite()).map(|newest| newest.number + 1);
        (self.summary.removed, self.summary.scrubbed) = plan.losses();
        // The newest one is among the older ones then.
        self.summary.retired = plan.newest.iter().filter(|_| plan.must_rewrite()).map(|newest| newest.number).collect();
        self.summary.retired.extend(&plan.retire);
        let doomed = plan.doomed();
        self.summary.files = doomed.len() as u64;
        self.summary.bytes = doomed.iter().map(|file| file.bytes).sum();
        self.summary.cancelled_jobs = self.queued().await?.len() as u64;
        self.summary.database_rows = self.rewrite_database(true).await?;
        self.nothing_found()
    }

    /// Every step but the rewriting of the database's files.
    async fn perform(&mut self) -> Result<()> {
        self.cancel_queued().await?;
        let mut scan = Scan::default();
        self.make_snapshot(&mut scan).await?;
        let plan = scan.plan(self.app, &self.project, &self.scrubber).await?;
        let by = Retirement::Erasure;
        self.summary.retired =
            self.app.db.retire_snapshots(&self.project.id, &plan.retire, by, None, now_micros()).await?;
        self.summary.database_rows = self.rewrite_database(false).await?;
        self.app.copy_snapshots(&self.project).await?;
        self.app.reports.forget(&self.project.id).await;

        let kept = plan.without_retired();
        let (telling, others): (Vec<DataFile>, Vec<DataFile>) =
            kept.doomed().into_iter().partition(|file| file.table == self.telling_table());
        self.unpublish().await?;
        self.delete_reports().await?;
        self.delete_uploads().await?;
        self.delete_orphans().await?;
        self.delete_files(others).await?;
        if self.own_job.is_some() && !self.summary.unfinished.is_empty() {
            // The tables that tell who the subject is stay, for the next attempt to look into these files with.
            return Err(Error::Unavailable {
                message: format!(
                    "everything else is erased, but {} files hold something of it and may belong to an import that is running: \
                     the erasure waits until they are old enough to be nobody's",
                    self.summary.unfinished.len()
                ),
                source: None,
            });
        }
        self.delete_files(telling).await
    }

    /// An e-mail is looked for also when no annotator is known by it; it may be nowhere.
    fn nothing_found(self) -> Result<EraseSummary> {
        let summary = self.summary;
        let is_known = !matches!(self.scrubber.subject(), Subject::Person(person) if person.rater_ids.is_empty());
        let found =
            summary.snapshot.is_some() || !summary.retired.is_empty() || summary.files + summary.database_rows > 0;
        if is_known || found || self.was_begun {
            Ok(summary)
        } else {
            Err(Error::not_found("annotator", summary.ids.join(", ")))
        }
    }

    /// Commits a snapshot without the subject, on top of whatever is the newest then.
    async fn make_snapshot(&mut self, scan: &mut Scan) -> Result<()> {
        for _ in 0..COMMIT_ATTEMPTS {
            let plan = scan.plan(self.app, &self.project, &self.scrubber).await?;
            if !plan.must_rewrite() {
                return Ok(());
            }
            if let Some(number) = rewrite::commit(self.app, &self.project, &self.scrubber, &plan, &self.actor).await? {
                (self.summary.removed, self.summary.scrubbed) = plan.losses();
                self.summary.snapshot = Some(number);
                return Ok(());
            }
        }
        Err(Error::Conflict(format!(
            "imports into {} committed first, {COMMIT_ATTEMPTS} times in a row; erase when fewer run at once",
            self.project.name
        )))
    }
}
