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

use serde::Serialize;

use super::act::Act;
use super::import::COMMIT_ATTEMPTS;
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::{DataFile, Scrubber, Subject, Table};
use crate::store::{AuditRow, JobState, Project, Retirement, now_micros};
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
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
    check_jobs(app, &project).await?;
    let salt = match request.dry_run {
        true => None,
        false => Some(app.db.erasure_salt().await?),
    };
    let target = salt.map(|salt| format!("{}/{}", project.id, subject::hash(&salt, &request.named)));
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
    let action = match &request.named {
        Named::Annotator(_) => "erase.annotator",
        Named::Item(_) => "erase.item",
    };
    let act = Act { workspace: &request.workspace, actor: &request.actor, action, target: &target };
    act.record(app, async |_| erasure.perform().await).await
}

/// Every file that the catalog knows, also those of retired snapshots.
async fn all_files(app: &App, project: &Project) -> Result<Vec<DataFile>> {
    app.db.project_files(&project.id).await?.into_iter().map(DataFile::try_from).collect()
}

/// What a running import brings would come back.
async fn check_jobs(app: &App, project: &Project) -> Result<()> {
    let jobs = app.db.list_jobs(&project.workspace_id, Some(&project.id), None, i64::MAX).await?;
    match jobs.iter().find(|job| job.state == JobState::Running && !purge::is_abandoned(job)) {
        None => Ok(()),
        Some(job) => Err(Error::Conflict(format!(
            "job {} ({}) of project {} is running: wait for its end or cancel it (POST /v1/jobs/{}/cancel), then erase",
            job.id, job.kind, project.name, job.id
        ))),
    }
}

/// Nothing names the subject any more: an earlier run may have been cut off at its last step.
async fn finish_earlier(
    app: &App,
    project: &Project,
    request: &EraseRequest,
    earlier: Vec<AuditRow>,
) -> Result<EraseSummary> {
    if earlier.is_empty() {
        return Err(match &request.named {
            Named::Annotator(name) => Error::not_found("annotator", name.trim()),
            Named::Item(id) => Error::not_found("item", id.trim()),
        });
    }
    app.db.drop_old_versions().await?;
    for row in &earlier {
        app.db.complete_audit(&project.workspace_id, &row.id, "done", now_micros()).await?;
    }
    Ok(EraseSummary { project: project.name.clone(), project_id: project.id.clone(), ..EraseSummary::default() })
}

struct Erasure<'a> {
    app: &'a Arc<App>,
    project: Project,
    actor: String,
    nothing_else_runs: bool,
    scrubber: Arc<Scrubber>,
    /// An earlier run was about the same name.
    was_begun: bool,
    summary: EraseSummary,
}

impl<'a> Erasure<'a> {
    fn new(app: &'a Arc<App>, project: Project, request: &EraseRequest, subject: Subject) -> Self {
        let ids = match &subject {
            Subject::Person(person) if person.rater_ids.is_empty() => person.emails.iter().cloned().collect(),
            Subject::Person(person) => person.rater_ids.iter().cloned().collect(),
            Subject::Item(item) => vec![item.item_id.clone()],
        };
        let summary = EraseSummary {
            project: project.name.clone(),
            project_id: project.id.clone(),
            dry_run: request.dry_run,
            ids,
            ..EraseSummary::default()
        };
        Self {
            app,
            project,
            actor: request.actor.clone(),
            nothing_else_runs: request.nothing_else_runs,
            scrubber: Arc::new(Scrubber::new(subject)),
            was_begun: false,
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

    async fn perform(mut self) -> Result<EraseSummary> {
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
        self.delete_files(telling).await?;
        self.app.db.drop_old_versions().await?;
        if !self.summary.unfinished.is_empty() {
            return Err(Error::Conflict(format!(
                "everything else is erased, but these files hold something of it and may belong to an import that is running: {}; \
                 run this again when no import runs, with --nothing-else-runs, or in 12 h",
                self.summary.unfinished.join(", ")
            )));
        }
        self.nothing_found()
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
