//! What a user can see of a lake, as text that can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use assay::app::App;
use assay::lake::{DataFile, read_rows};
use assay::store::{DEFAULT_WORKSPACE, Project, Snapshot};

/// Every row that the tests of one act can make fits.
const ALL: i64 = 1000;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Projects that have snapshots, by name.
    pub projects: BTreeMap<String, Vec<SnapshotState>>,
    /// What else the act makes.
    pub made: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotState {
    /// Its row in the catalog, without ids and times.
    pub row: String,
    /// Sorted rows by table; empty where it was taken back.
    pub tables: BTreeMap<&'static str, Vec<String>>,
}

impl State {
    /// Reads everything. A file that a kept snapshot names and that is missing, or is not as the catalog says, stops the test.
    pub async fn of(app: &Arc<App>, made: Vec<String>) -> Self {
        let mut projects = BTreeMap::new();
        for project in app.db.list_projects(DEFAULT_WORKSPACE, None, ALL).await.unwrap() {
            let mut snapshots = Vec::new();
            for snapshot in app.db.list_snapshots(&project.id, None, ALL).await.unwrap() {
                snapshots.push(snapshot_state(app, &project, &snapshot).await);
            }
            if !snapshots.is_empty() {
                projects.insert(project.name, snapshots);
            }
        }
        Self { projects, made }
    }

    /// The rows of each project's newest snapshot.
    pub fn newest(&self) -> BTreeMap<&String, &BTreeMap<&'static str, Vec<String>>> {
        self.projects.iter().map(|(name, snapshots)| (name, &snapshots[0].tables)).collect()
    }
}

async fn snapshot_state(app: &Arc<App>, project: &Project, snapshot: &Snapshot) -> SnapshotState {
    let mut tables: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let kept = snapshot.retired_at.is_none();
    for file in app.data_files(&project.id, snapshot.number).await.unwrap().iter().filter(|_| kept) {
        let bytes = app.lake.get_data(file).await.unwrap_or_else(|error| panic!("{}: {error}", file.path));
        let rows = read_rows(file.table, bytes).unwrap();
        assert_eq!(rows.num_rows() as u64, file.rows, "{}", file.path);
        tables.entry(file.table.name()).or_default().extend(texts(&rows));
    }
    for (table, rows) in &mut tables {
        rows.sort();
        // The tables' own rule: no row twice. A doubled row of the same content would be equal to its twin.
        assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len(), "{table} holds a row twice");
    }
    let row = format!(
        "{} on {}, {} buckets, {:?} {:?} {:?} {:?}",
        snapshot.number,
        snapshot.parent,
        snapshot.buckets,
        snapshot.operation,
        snapshot.counts,
        snapshot.changes,
        snapshot.retired_by
    );
    SnapshotState { row, tables }
}

fn texts(rows: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("null");
    let columns: Vec<_> =
        rows.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|");
    (0..rows.num_rows()).map(row).collect()
}

/// Jobs and their completed audit rows: what was to be done once was done once.
pub async fn work(app: &Arc<App>) -> Vec<String> {
    let jobs = app.db.list_jobs(DEFAULT_WORKSPACE, None, None, ALL).await.unwrap();
    let acts = app.db.list_audit(DEFAULT_WORKSPACE, None, ALL).await.unwrap();
    let jobs = jobs.iter().map(|job| format!("job {} {:?} {:?}", job.kind, job.state, job.error));
    // What the command line does again stands in the trail again.
    let acts = acts.iter().filter(|act| act.job_id.is_some() && act.outcome.as_deref() == Some("done"));
    let mut work: Vec<String> = jobs.chain(acts.map(|act| format!("act {} done", act.action))).collect();
    work.sort();
    work
}

/// Objects that the catalog accounts for. Each snapshot must have its copy in storage, with the catalog's files.
pub async fn named(app: &Arc<App>) -> BTreeSet<String> {
    let mut named = BTreeSet::from(["_assay.json".to_owned()]);
    for project in app.db.list_projects(DEFAULT_WORKSPACE, None, ALL).await.unwrap() {
        for snapshot in app.db.list_snapshots(&project.id, None, ALL).await.unwrap() {
            let path = format!("{}/{}/_snapshots/{}.json", project.workspace_id, project.id, snapshot.number);
            let copy: serde_json::Value = serde_json::from_slice(&app.lake.get(&path).await.unwrap()).unwrap();
            named.insert(path);
            if snapshot.retired_at.is_none() {
                let files = app.data_files(&project.id, snapshot.number).await.unwrap();
                let copied: Vec<DataFile> = serde_json::from_value(copy["files"].clone()).unwrap();
                assert_eq!(copied, files, "the copy of snapshot {}", snapshot.number);
                named.extend(files.into_iter().map(|file| file.path));
            }
        }
    }
    named
}
