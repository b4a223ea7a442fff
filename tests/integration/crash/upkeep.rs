//! The acts on a lake that has snapshots already: compaction, retention, sweep, erasure, publication.

use std::sync::Arc;

use assay::app::App;
use assay::error::Result;
use assay::jobs::compact::CompactRequest;
use assay::jobs::erase::{EraseRequest, Named};
use assay::jobs::publish::PublishRequest;
use assay::jobs::retain::{Keep, RetainRequest};
use assay::lake::{Manifest, ProjectPrefix, Table};
use assay::store::{DEFAULT_WORKSPACE, Project, Retirement, now_micros};

use super::acts::{Exports, PROJECT, try_in};
use super::harness::{Act, sweep};
use super::site::Kind;

async fn project(app: &Arc<App>) -> Project {
    app.db.find_project(DEFAULT_WORKSPACE, PROJECT).await.unwrap()
}

/// Snapshot 1 in several buckets, and 2 and 3 on top of it.
async fn three_snapshots(exports: &Exports, app: &Arc<App>) {
    exports.spread(app).await;
    exports.import(app, "update").await.unwrap();
    exports.import(app, "later").await.unwrap();
}

pub struct Compaction(pub Exports);

impl Act for Compaction {
    const NAME: &'static str = "compaction";

    async fn prepare(&self, app: &Arc<App>) {
        self.0.spread(app).await;
    }

    async fn run(&self, app: &Arc<App>) -> Result<()> {
        let request = CompactRequest {
            workspace: DEFAULT_WORKSPACE.to_owned(),
            project: PROJECT.to_owned(),
            buckets: Some(2),
            dry_run: false,
            actor: "test".to_owned(),
        };
        assay::jobs::compact::run(app, request).await.map(drop)
    }
}

pub struct Retention(pub Exports);

impl Act for Retention {
    const NAME: &'static str = "retention";
    const LEAVES: bool = true;

    async fn prepare(&self, app: &Arc<App>) {
        three_snapshots(&self.0, app).await;
    }

    async fn run(&self, app: &Arc<App>) -> Result<()> {
        let request = RetainRequest {
            workspace: DEFAULT_WORKSPACE.to_owned(),
            project: PROJECT.to_owned(),
            keep: Keep { last: Some(1), ..Keep::default() },
            dry_run: false,
            actor: "test".to_owned(),
            now: now_micros(),
        };
        assay::jobs::retain::run(app, request).await.map(drop)
    }
}

/// Files of a retired snapshot and of an import that was cut off go one by one.
struct Sweep(Exports);

impl Act for Sweep {
    const NAME: &'static str = "sweep";
    const STEPS: bool = true;

    async fn prepare(&self, app: &Arc<App>) {
        three_snapshots(&self.0, app).await;
        let project = project(app).await;
        let by = Retirement::Retention;
        assert_eq!(app.db.retire_snapshots(&project.id, &[1], by, None, now_micros()).await.unwrap(), [1]);
        app.copy_snapshots(&project).await.unwrap();
        let file = &app.data_files(&project.id, 3).await.unwrap()[0];
        let rows = assay::lake::read_rows(file.table, app.lake.get_data(file).await.unwrap()).unwrap();
        let prefix = ProjectPrefix::new(DEFAULT_WORKSPACE, &project.id);
        let orphan = assay::lake::encode(file.table, &rows).unwrap();
        app.lake.put_data(&prefix, file.table, 0, orphan).await.unwrap();
    }

    async fn run(&self, app: &Arc<App>) -> Result<()> {
        sweep(app).await
    }

    async fn made(&self, app: &Arc<App>) -> Vec<String> {
        let data = app.lake.list(DEFAULT_WORKSPACE).await.unwrap();
        data.into_iter().map(|object| super::storage::without_ids(&object.path)).collect()
    }
}

/// One annotator goes out of every snapshot: a new one without them, then the old ones one by one.
pub struct Erasure(pub Exports);

impl Act for Erasure {
    const NAME: &'static str = "erasure";
    const STEPS: bool = true;
    const LEAVES: bool = true;

    /// Two snapshots of one bucket: it reads every file several times.
    async fn prepare(&self, app: &Arc<App>) {
        self.0.import(app, "all").await.unwrap();
        self.0.import(app, "update").await.unwrap();
    }

    async fn run(&self, app: &Arc<App>) -> Result<()> {
        let request = EraseRequest {
            workspace: DEFAULT_WORKSPACE.to_owned(),
            project: PROJECT.to_owned(),
            named: Named::Annotator("2".to_owned()),
            nothing_else_runs: true,
            dry_run: false,
            actor: "test".to_owned(),
        };
        assay::jobs::erase::run(app, request).await.map(drop)
    }

    /// Files of the lake that still name them.
    async fn made(&self, app: &Arc<App>) -> Vec<String> {
        let mut found = Vec::new();
        for object in app.lake.list(DEFAULT_WORKSPACE).await.unwrap() {
            let bytes = app.lake.get(&object.path).await.unwrap();
            let table = Table::ALL.into_iter().find(|table| object.path.contains(&format!("/{}/", table.name())));
            let rows = table.map(|table| assay::lake::read_rows(table, bytes.clone()).unwrap());
            let text = rows.map_or_else(|| String::from_utf8_lossy(&bytes).into_owned(), |rows| format!("{rows:?}"));
            if text.contains("/user/2\"") {
                found.push(super::storage::without_ids(&object.path));
            }
        }
        found
    }
}

pub struct Publication(pub Exports);

impl Act for Publication {
    const NAME: &'static str = "publication";

    async fn prepare(&self, app: &Arc<App>) {
        self.0.import(app, "all").await.unwrap();
        self.run(app).await.unwrap();
        self.0.import(app, "update").await.unwrap();
    }

    async fn run(&self, app: &Arc<App>) -> Result<()> {
        let project = app.db.find_project(DEFAULT_WORKSPACE, PROJECT).await?;
        let tables = Some(vec![Table::Items, Table::Annotations]);
        let request = PublishRequest { tables, reports: Some(Vec::new()), ..PublishRequest::default() };
        assay::jobs::publish::run(app, &project, &request).await.map(drop)
    }

    /// What a reader finds: the manifest, and every file that it names.
    async fn made(&self, app: &Arc<App>) -> Vec<String> {
        let root = format!("published/{DEFAULT_WORKSPACE}/{PROJECT}");
        let manifest = app.lake.get(&format!("{root}/manifest.json")).await.unwrap();
        let manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
        let mut found = vec![format!("snapshot {}", manifest.snapshot)];
        for table in &manifest.tables {
            for file in &table.files {
                let bytes = app.lake.get(&format!("{root}/{}", file.path)).await.unwrap();
                assert_eq!(bytes.len() as u64, file.bytes, "{}", file.path);
                found.push(format!("{} with {} rows", super::storage::without_ids(&file.path), file.rows));
            }
        }
        found
    }
}

#[test]
fn compaction() {
    try_in(&Compaction(Exports::new()), &[Kind::Folder]);
}

#[test]
fn retention() {
    try_in(&Retention(Exports::new()), &[Kind::Folder]);
}

#[test]
fn sweeping() {
    try_in(&Sweep(Exports::new()), &[Kind::Folder]);
}

#[test]
fn erasure() {
    try_in(&Erasure(Exports::new()), &[Kind::Bucket]);
}

#[test]
fn publication() {
    try_in(&Publication(Exports::new()), &[Kind::Folder]);
}
