//! Rebuilding the catalog from the lake alone, into a database without projects.
//!
//! Everything is read and checked first; then the lake is taken over, and one transaction restores all projects. A run that was cut off leaves
//! a lake that belongs to a database without projects: the next run does the same again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::act::Act;
use crate::app::App;
use crate::copies::{Held, SnapshotCopy};
use crate::error::{Error, Result};
use crate::lake::{DataFile, Object, ObjectKind, ProjectPrefix};
use crate::store::{
    Changes, Counts, DEFAULT_WORKSPACE, DataFile as FileRow, Json, NewFile, Operation, Project, RestoredProject,
    Snapshot,
};

#[derive(Debug, Clone)]
pub struct RebuildRequest {
    /// Read every file and compare its checksum; otherwise only its size.
    pub verify: bool,
    /// The database that the lake belongs to is lost: it is to belong to this one.
    pub take_over: bool,
    pub actor: String,
}

/// What was restored, and what could not be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RebuildSummary {
    pub projects: Vec<ProjectRestored>,
    pub lost: Vec<Lost>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectRestored {
    pub workspace: String,
    pub name: String,
    pub id: String,
    /// Number of the newest snapshot.
    pub latest: i64,
    pub readable: Vec<i64>,
    pub retired: Vec<i64>,
    pub files: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// `<workspace>/<project id>`.
    pub folder: String,
    /// None when it is about the whole project.
    pub snapshot: Option<i64>,
    pub why: String,
}

/// Rebuilds. `app` need not own the lake yet (see [`App::open_unclaimed`]).
///
/// # Errors
/// `Conflict` when the database has projects, when the lake belongs to another one and is not to be taken over, or when a newer Assay wrote it;
/// `Invalid` when the lake holds no snapshot that can be restored.
pub async fn run(app: &Arc<App>, request: RebuildRequest) -> Result<RebuildSummary> {
    if app.db.any_project().await? {
        return Err(Error::Conflict(
            "the database has projects already, and a catalog is rebuilt into an empty one only: name a new database with --db".to_owned(),
        ));
    }
    check_owner(app, request.take_over).await?;
    let mut found =
        Rebuild { app, verify: request.verify, checked: HashMap::new(), summary: RebuildSummary::default() };
    let restored = found.all_projects().await?;
    let summary = found.summary;
    if restored.is_empty() {
        let lost: Vec<String> = summary.lost.iter().map(|lost| format!("{}: {}", lost.folder, lost.why)).collect();
        return Err(Error::invalid(format!(
            "{} holds no snapshot that can be restored; {}",
            app.lake.location(),
            if lost.is_empty() { "check --data".to_owned() } else { lost.join("; ") }
        )));
    }
    let target = app.db.id().to_owned();
    let act = Act { workspace: DEFAULT_WORKSPACE, actor: &request.actor, action: "catalog.rebuild", target: &target };
    let restore = async |_: &str| {
        app.lake.take_over(app.db.id()).await?;
        app.db.restore(&restored).await
    };
    act.record(app, restore).await?;
    Ok(summary)
}

async fn check_owner(app: &App, take_over: bool) -> Result<()> {
    let owner = app.lake.owner().await?;
    if take_over || owner.as_deref() == Some(app.db.id()) {
        return Ok(());
    }
    let location = app.lake.location();
    Err(Error::Conflict(match owner {
        Some(owner) => format!(
            "the lake {location} belongs to the metadata database {owner}, this one is {}: if that database is lost for good and \
             nothing uses it any more, give --take-over",
            app.db.id()
        ),
        None => format!("{location} has no _assay.json, so it may not be a lake: check --data, or give --take-over"),
    }))
}

struct Rebuild<'a> {
    app: &'a App,
    verify: bool,
    /// By path: what is wrong with a file, if anything.
    checked: HashMap<String, Option<String>>,
    summary: RebuildSummary,
}

impl Rebuild<'_> {
    async fn all_projects(&mut self) -> Result<Vec<RestoredProject>> {
        let mut restored = Vec::new();
        for workspace in self.app.lake.list_folder("").await?.folders {
            if workspace.starts_with('_') {
                continue;
            }
            for id in self.app.lake.list_folder(&workspace).await?.folders {
                if uuid::Uuid::parse_str(&id).is_ok() {
                    restored.extend(self.project(&workspace, &id).await?);
                }
            }
        }
        Ok(restored)
    }

    async fn project(&mut self, workspace: &str, id: &str) -> Result<Option<RestoredProject>> {
        let prefix = ProjectPrefix::new(workspace, id);
        let objects = self.app.lake.list(prefix.folder()).await?;
        let sizes: HashMap<&str, u64> = objects.iter().map(|object| (object.path.as_str(), object.bytes)).collect();
        let (mut intact, mut retired) = (BTreeMap::new(), Vec::new());
        for (number, copy) in self.copies(workspace, &prefix, &objects).await? {
            match &copy.held {
                None => retired.push(copy),
                Some(held) => match self.fault(held, &sizes).await? {
                    None => {
                        intact.insert(number, copy);
                    }
                    Some(why) => self.lose(&prefix, Some(number), why),
                },
            }
        }
        let Some(latest) = intact.last_key_value().map(|(number, _)| *number) else {
            if !retired.is_empty() || self.summary.lost.iter().any(|lost| lost.folder == prefix.folder()) {
                self.lose(
                    &prefix,
                    None,
                    "no snapshot of it is whole: restore the missing files from a backup".to_owned(),
                );
            }
            return Ok(None);
        };
        for copy in retired.iter().filter(|copy| copy.number > latest) {
            let why =
                format!("it was retired, and no newer snapshot is whole: the number {} is given again", copy.number);
            self.lose(&prefix, Some(copy.number), why);
        }
        retired.retain(|copy| copy.number < latest);
        let restored = restored(&intact, &retired, latest)?;
        self.summary.projects.push(ProjectRestored {
            workspace: workspace.to_owned(),
            name: restored.project.name.clone(),
            id: id.to_owned(),
            latest,
            readable: intact.keys().copied().collect(),
            retired: retired.iter().map(|copy| copy.number).collect(),
            files: restored.files.len() as u64,
            bytes: restored.files.iter().map(|file| u64::try_from(file.bytes).unwrap_or_default()).sum(),
        });
        Ok(Some(restored))
    }

    /// The copies of a project's snapshots that can be read and belong where they lie.
    async fn copies(
        &mut self,
        workspace: &str,
        prefix: &ProjectPrefix,
        objects: &[Object],
    ) -> Result<BTreeMap<i64, SnapshotCopy>> {
        let mut copies = BTreeMap::new();
        for object in objects {
            let Some(ObjectKind::Snapshot(number)) = prefix.place(&object.path) else { continue };
            let bytes = self.app.lake.get(&object.path).await?;
            match serde_json::from_slice::<SnapshotCopy>(&bytes) {
                Err(error) => self.lose(prefix, Some(number), format!("{} is damaged: {error}", object.path)),
                Ok(copy) if copy.retired_at.is_none() && copy.held.is_none() => {
                    self.lose(
                        prefix,
                        Some(number),
                        format!("{} is damaged: it lacks what the snapshot holds", object.path),
                    );
                }
                Ok(copy)
                    if copy.number != number || ProjectPrefix::new(&copy.workspace, &copy.project.id) != *prefix =>
                {
                    let why = format!(
                        "{} says that it is snapshot {} of {}/{}",
                        object.path, copy.number, copy.workspace, copy.project.id
                    );
                    self.lose(prefix, Some(number), why);
                }
                Ok(copy) => {
                    check_version(&copy, workspace)?;
                    copies.insert(number, copy);
                }
            }
        }
        Ok(copies)
    }

    /// What is wrong with the files of a snapshot, if anything.
    async fn fault(&mut self, held: &Held, sizes: &HashMap<&str, u64>) -> Result<Option<String>> {
        let mut faults = Vec::new();
        for file in &held.files {
            let fault = match self.checked.get(&file.path) {
                Some(known) => known.clone(),
                None => {
                    let fault = self.check(file, sizes.get(file.path.as_str()).copied()).await?;
                    self.checked.insert(file.path.clone(), fault.clone());
                    fault
                }
            };
            faults.extend(fault);
        }
        Ok((!faults.is_empty()).then(|| faults.join("; ")))
    }

    async fn check(&self, file: &DataFile, size: Option<u64>) -> Result<Option<String>> {
        Ok(match size {
            None => Some(format!("{} is missing", file.path)),
            Some(size) if size != file.bytes => {
                Some(format!("{} is damaged: it has {size} bytes instead of {}", file.path, file.bytes))
            }
            Some(_) if self.verify => match self.app.lake.get_data(file).await {
                Ok(_) => None,
                Err(Error::Internal(_)) => Some(format!("{} is damaged: its SHA-256 is another", file.path)),
                Err(error) => return Err(error),
            },
            Some(_) => None,
        })
    }

    fn lose(&mut self, prefix: &ProjectPrefix, snapshot: Option<i64>, why: String) {
        self.summary.lost.push(Lost { folder: prefix.folder().to_owned(), snapshot, why });
    }
}

fn check_version(copy: &SnapshotCopy, workspace: &str) -> Result<()> {
    let version = copy.held.as_ref().map_or(0, |held| held.schema_version);
    if version <= i64::from(assay_formats::schema::VERSION) {
        return Ok(());
    }
    Err(Error::Conflict(format!(
        "snapshot {} of project {:?} in workspace {workspace} has schema version {version}, this build knows {}: use a newer assay",
        copy.number,
        copy.project.name,
        assay_formats::schema::VERSION
    )))
}

/// The rows of a project. `intact` holds the snapshot `latest`; all numbers are at most that.
fn restored(intact: &BTreeMap<i64, SnapshotCopy>, retired: &[SnapshotCopy], latest: i64) -> Result<RestoredProject> {
    let newest =
        intact.get(&latest).ok_or_else(|| Error::internal(anyhow::anyhow!("snapshot {latest} is not there")))?;
    let project = Project {
        id: newest.project.id.clone(),
        workspace_id: newest.workspace.clone(),
        name: newest.project.name.clone(),
        created_at: newest.project.created_at,
        latest_snapshot: latest,
    };
    let snapshots = intact.values().chain(retired).map(snapshot_row).collect();
    Ok(RestoredProject { project, snapshots, files: file_rows(intact)? })
}

fn snapshot_row(copy: &SnapshotCopy) -> Snapshot {
    let held = copy.held.clone().unwrap_or_else(|| Held {
        buckets: 0,
        schema_version: 0,
        actor: String::new(),
        operation: Operation::Import,
        config: None,
        sources: serde_json::json!([]),
        counts: Counts::default(),
        changes: Changes::default(),
        files: Vec::new(),
    });
    Snapshot {
        project_id: copy.project.id.clone(),
        number: copy.number,
        parent: copy.parent,
        buckets: held.buckets,
        schema_version: held.schema_version,
        created_at: copy.created_at,
        actor: held.actor,
        config: held.config,
        sources: Json(held.sources),
        counts: held.counts,
        job_id: None,
        operation: held.operation,
        changes: held.changes,
        retired_at: copy.retired_at,
        retired_by: copy.retired_by.clone(),
    }
}

/// A file belongs to the snapshots from the first that names it to the last; what lies between is retired or lost.
fn file_rows(intact: &BTreeMap<i64, SnapshotCopy>) -> Result<Vec<FileRow>> {
    let mut named: BTreeMap<&str, (&DataFile, BTreeSet<i64>)> = BTreeMap::new();
    for (number, copy) in intact {
        for file in copy.held.iter().flat_map(|held| &held.files) {
            named.entry(&file.id).or_insert_with(|| (file, BTreeSet::new())).1.insert(*number);
        }
    }
    let mut rows = Vec::with_capacity(named.len());
    for (file, numbers) in named.into_values() {
        let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else { continue };
        if let Some(gap) =
            intact.range(first..=last).map(|(number, _)| number).find(|number| !numbers.contains(*number))
        {
            return Err(Error::Conflict(format!(
                "the copies of snapshots {first}, {gap} and {last} contradict each other about {}: remove the wrong one",
                file.path
            )));
        }
        let new = NewFile::from(file);
        rows.push(FileRow {
            id: new.id,
            tbl: new.tbl,
            bucket: new.bucket,
            path: new.path,
            rows: new.rows,
            bytes: new.bytes,
            min_item: new.min_item,
            max_item: new.max_item,
            checksum: new.checksum,
            added_in: first,
            removed_in: intact.range(last + 1..).next().map(|(number, _)| *number),
        });
    }
    Ok(rows)
}
