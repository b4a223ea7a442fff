//! The sweep: deletes what nothing needs any more. Files first, then their rows, so that a crash leaves only what the next sweep removes; what
//! is gone already is no error, so that sweeps may run beside each other.
//!
//! The storage is listed before the catalog is read: what was committed meanwhile is then known, and what is not committed yet is younger
//! than the grace time (see [`super::grace`]).

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::act::Act;
use super::grace::{MAX_SKEW, SHORTEST_GRACE, before};
use super::retain::all_snapshots;
use super::uploads;
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::{CLOCK_PREFIX, Object, ObjectKind, PUBLISHED, ProjectPrefix, ROOT_MARK, finished_name};
use crate::store::{DataFile, Project, Snapshot, now_micros};

#[derive(Debug, Clone)]
pub struct SweepRequest {
    pub workspace: String,
    /// One project; all projects of all workspaces otherwise.
    pub project: Option<String>,
    /// What is younger is left alone.
    pub older_than: Duration,
    /// Promises that no import, query or report runs: then the grace time may be shorter.
    pub nothing_else_runs: bool,
    pub dry_run: bool,
    pub actor: String,
}

/// What a sweep did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SweepSummary {
    pub dry_run: bool,
    /// In order of their paths.
    pub deleted: Vec<Swept>,
    pub bytes: u64,
    /// Projects that were left alone, and why.
    pub held_back: Vec<HeldBack>,
    /// Names that Assay does not give: never deleted.
    pub unknown: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Swept {
    pub path: String,
    pub kind: Kind,
    pub bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A data file whose every snapshot is retired.
    Retired,
    /// A data file that no catalog row names: of an import that was cut off.
    Orphan,
    /// A report of a retired snapshot, or one that is not in the index.
    Report,
    /// What a write that was cut off left beside its object.
    CutOff,
    /// In the temporary folder.
    Temporary,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retired => "retired",
            Self::Orphan => "orphan",
            Self::Report => "report",
            Self::CutOff => "cut off",
            Self::Temporary => "temporary",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldBack {
    /// `<workspace>/<project id>`.
    pub folder: String,
    pub why: String,
}

/// Sweeps.
///
/// # Errors
/// `Invalid` for a grace time that would endanger what runs; `Conflict` when the clocks of this machine and of the storage differ.
pub async fn run(app: &Arc<App>, request: SweepRequest) -> Result<SweepSummary> {
    check_grace(&request)?;
    let project = match &request.project {
        Some(name) => Some(app.db.find_project(&request.workspace, name).await?),
        None => None,
    };
    let mut sweep = Sweep::new(app, &request).await?;
    if request.dry_run {
        sweep.visit(project.as_ref()).await?;
        return Ok(sweep.finish());
    }
    let target = project.as_ref().map_or("all", |project| project.id.as_str());
    let act = Act { workspace: &request.workspace, actor: &request.actor, action: "sweep", target };
    act.record(app, async |_| sweep.visit(project.as_ref()).await).await?;
    Ok(sweep.finish())
}

/// The same for a job: of one project, or of everything in the request's workspace and the temporary folder of this machine.
///
/// # Errors
/// As [`run`].
pub(super) async fn run_in_job(app: &Arc<App>, request: &SweepRequest) -> Result<SweepSummary> {
    check_grace(request)?;
    let mut sweep = Sweep::new(app, request).await?;
    match &request.project {
        Some(name) => {
            let project = app.db.find_project(&request.workspace, name).await?;
            sweep.project(&project.workspace_id, &project.id).await?;
        }
        None => {
            sweep.workspace(&request.workspace).await?;
            sweep.temporary().await?;
        }
    }
    Ok(sweep.finish())
}

fn check_grace(request: &SweepRequest) -> Result<()> {
    if request.nothing_else_runs || request.older_than >= SHORTEST_GRACE {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "files of an import that is still running can be up to {} h old: give --older-than {0}h or more, \
         or --nothing-else-runs when no import, server or report is at work on this lake",
        SHORTEST_GRACE.as_secs() / 3600
    )))
}

struct Sweep<'a> {
    app: &'a App,
    /// Objects written after this, by the storage's clock, are left alone.
    before: i64,
    /// Files of snapshots retired after this, by our clocks, are.
    retired_before: i64,
    age: Duration,
    dry_run: bool,
    summary: SweepSummary,
}

/// What the catalog knows of a project.
#[derive(Default)]
struct Known {
    files: Vec<DataFile>,
    snapshots: Vec<Snapshot>,
    reports: HashSet<String>,
}

impl<'a> Sweep<'a> {
    async fn new(app: &'a App, request: &SweepRequest) -> Result<Self> {
        let (ours, theirs) = (now_micros(), app.lake.clock().await?);
        if ours.abs_diff(theirs) > MAX_SKEW.as_micros() as u64 {
            return Err(Error::Conflict(format!(
                "the clock of this machine and that of the storage {} differ by {} s: set this machine's clock, e.g. by NTP",
                app.lake.location(),
                ours.abs_diff(theirs) / 1_000_000
            )));
        }
        Ok(Self {
            app,
            before: before(theirs, request.older_than),
            retired_before: before(ours, request.older_than),
            age: request.older_than,
            dry_run: request.dry_run,
            summary: SweepSummary { dry_run: request.dry_run, ..SweepSummary::default() },
        })
    }

    async fn visit(&mut self, project: Option<&Project>) -> Result<()> {
        if let Some(project) = project {
            return self.project(&project.workspace_id, &project.id).await;
        }
        let root = self.app.lake.list_folder("").await?;
        let workspaces: BTreeSet<String> =
            self.app.db.list_workspaces().await?.into_iter().map(|workspace| workspace.id).collect();
        for folder in root.folders {
            if workspaces.contains(&folder) {
                self.workspace(&folder).await?;
            } else if folder != PUBLISHED && !self.is_temporary_folder(&folder) {
                self.summary.unknown.push(format!("{folder}/"));
            }
        }
        self.root(&root.objects).await?;
        self.temporary().await
    }

    fn is_temporary_folder(&self, name: &str) -> bool {
        self.app.lake.location().folder().is_some_and(|root| self.app.temp == root.join(name))
    }

    /// Objects directly at the root: the mark, the database of a folder lake, and clocks that were read.
    async fn root(&mut self, objects: &[Object]) -> Result<()> {
        let mut clocks = Vec::new();
        for object in objects {
            match object.path.as_str() {
                name if name.starts_with(CLOCK_PREFIX) => clocks.push(object.clone()),
                ROOT_MARK | "assay.db" | "assay.db-wal" | "assay.db-shm" | "assay.db-journal" => {}
                name => self.summary.unknown.push(name.to_owned()),
            }
        }
        clocks.retain(|clock| clock.modified <= self.before);
        self.delete(clocks.iter().map(|clock| swept(clock, Kind::CutOff)).collect()).await?;
        let cut_off = self.app.lake.cut_off_writes("", false).await?;
        self.cut_off(&cut_off, |path| path == ROOT_MARK || path.starts_with(CLOCK_PREFIX)).await?;
        // What is published is put in place and taken back by publishing; only what a cut-off write left of it is hidden from that.
        let published = self.app.lake.cut_off_writes(PUBLISHED, true).await?;
        self.cut_off(&published, |_| true).await
    }

    async fn workspace(&mut self, workspace: &str) -> Result<()> {
        let inside = self.app.lake.list_folder(workspace).await?;
        for folder in inside.folders {
            if uuid::Uuid::parse_str(&folder).is_ok() {
                self.project(workspace, &folder).await?;
            } else {
                self.summary.unknown.push(format!("{workspace}/{folder}/"));
            }
        }
        self.summary.unknown.extend(inside.objects.into_iter().map(|object| object.path));
        Ok(())
    }

    /// Sweeps the folder of a project, which the catalog may not know: the files of a first import are there before the project is.
    async fn project(&mut self, workspace: &str, id: &str) -> Result<()> {
        let prefix = ProjectPrefix::new(workspace, id);
        let objects = self.app.lake.list(prefix.folder()).await?;
        let cut_off = self.app.lake.cut_off_writes(prefix.folder(), true).await?;
        let known = self.known(workspace, id).await?;
        if let Some(why) = why_not(&prefix, &objects, &known) {
            self.summary.held_back.push(HeldBack { folder: prefix.folder().to_owned(), why });
            return Ok(());
        }
        let retired = self.retired(&known);
        let mut doomed = self.doomed(&prefix, &objects, &known);
        doomed.extend(retired.iter().map(|file| Swept {
            path: file.path.clone(),
            kind: Kind::Retired,
            bytes: u64::try_from(file.bytes).unwrap_or_default(),
        }));
        self.delete(doomed).await?;
        if !self.dry_run && !retired.is_empty() {
            let ids: Vec<String> = retired.iter().map(|file| file.id.clone()).collect();
            self.app.db.forget_files(id, &ids).await?;
        }
        self.cut_off(&cut_off, |path| prefix.place(path).is_some()).await
    }

    async fn known(&self, workspace: &str, id: &str) -> Result<Known> {
        let project = match self.app.db.find_project(workspace, id).await {
            // A project may have the id of another as its name.
            Ok(project) if project.id == id => project,
            Ok(_) | Err(Error::NotFound { .. }) => return Ok(Known::default()),
            Err(error) => return Err(error),
        };
        if !self.dry_run {
            self.app.copy_snapshots(&project).await?;
        }
        Ok(Known {
            files: self.app.db.project_files(id).await?,
            snapshots: all_snapshots(self.app, &project).await?,
            reports: self.app.db.project_reports(id).await?.into_iter().map(|(_, path)| path).collect(),
        })
    }

    /// Files of retired snapshots alone, the last of which was retired before the grace time.
    fn retired(&self, known: &Known) -> Vec<DataFile> {
        let is_free = |file: &&DataFile| {
            let mut of = known.snapshots.iter().filter(|snapshot| file.is_of(snapshot.number));
            of.all(|snapshot| snapshot.retired_at.is_some_and(|at| at <= self.retired_before))
        };
        known.files.iter().filter(is_free).cloned().collect()
    }

    /// Objects that the catalog does not know.
    fn doomed(&mut self, prefix: &ProjectPrefix, objects: &[Object], known: &Known) -> Vec<Swept> {
        let files: HashSet<&str> = known.files.iter().map(|file| file.path.as_str()).collect();
        let readable: BTreeMap<i64, bool> =
            known.snapshots.iter().map(|snapshot| (snapshot.number, snapshot.retired_at.is_none())).collect();
        let mut doomed = Vec::new();
        for object in objects {
            let is_old = object.modified <= self.before;
            match prefix.place(&object.path) {
                Some(ObjectKind::Data) if is_old && !files.contains(object.path.as_str()) => {
                    doomed.push(swept(object, Kind::Orphan));
                }
                Some(ObjectKind::Report(number, folder)) => {
                    let is_retired = readable.get(&number) == Some(&false);
                    if is_retired || (is_old && !known.reports.contains(folder)) {
                        doomed.push(swept(object, Kind::Report));
                    }
                }
                Some(ObjectKind::Data | ObjectKind::Snapshot(_)) => {}
                None => self.summary.unknown.push(object.path.clone()),
            }
        }
        doomed
    }

    /// What was left of writing objects that are ours by their names.
    async fn cut_off(&mut self, found: &[Object], is_ours: impl Fn(&str) -> bool) -> Result<()> {
        let is_ours =
            |object: &&Object| object.modified <= self.before && finished_name(&object.path).is_some_and(&is_ours);
        let doomed: Vec<Swept> = found.iter().filter(is_ours).map(|object| swept(object, Kind::CutOff)).collect();
        if !self.dry_run {
            self.app.lake.delete_cut_off(&doomed.iter().map(|file| file.path.clone()).collect::<Vec<_>>()).await?;
        }
        self.summary.deleted.extend(doomed);
        Ok(())
    }

    async fn temporary(&mut self) -> Result<()> {
        let found = uploads::leftovers(self.app, self.age).await?;
        if !self.dry_run {
            uploads::delete(&found.iter().map(|file| file.path.clone()).collect::<Vec<_>>()).await?;
        }
        self.summary.deleted.extend(found.into_iter().map(|file| Swept {
            path: file.path.display().to_string(),
            kind: Kind::Temporary,
            bytes: file.bytes,
        }));
        Ok(())
    }

    async fn delete(&mut self, doomed: Vec<Swept>) -> Result<()> {
        if !self.dry_run {
            self.app.lake.delete(&doomed.iter().map(|object| object.path.clone()).collect::<Vec<_>>()).await?;
        }
        self.summary.deleted.extend(doomed);
        Ok(())
    }

    fn finish(mut self) -> SweepSummary {
        self.summary.deleted.sort_by(|a, b| a.path.cmp(&b.path));
        self.summary.unknown.sort();
        self.summary.bytes = self.summary.deleted.iter().map(|object| object.bytes).sum();
        self.summary
    }
}

fn swept(object: &Object, kind: Kind) -> Swept {
    Swept { path: object.path.clone(), kind, bytes: object.bytes }
}

/// A copy of a snapshot that the catalog does not have: the database is older than the lake, as after a backup was restored, and what looks
/// like orphans may be all that is left of committed work.
fn why_not(prefix: &ProjectPrefix, objects: &[Object], known: &Known) -> Option<String> {
    let numbers: BTreeSet<i64> = known.snapshots.iter().map(|snapshot| snapshot.number).collect();
    let path = objects.iter().find_map(|object| match prefix.place(&object.path) {
        Some(ObjectKind::Snapshot(number)) if !numbers.contains(&number) => Some(&object.path),
        _ => None,
    })?;
    Some(format!(
        "{path} is the copy of a snapshot that the database does not have, so the database may be older than the lake: \
         restore a newer backup of it or rebuild the catalog (docs/UPKEEP.md); if that snapshot is given up for good, delete the copy"
    ))
}
