//! A fresh Assay in a temporary folder, and exports made by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use assay::app::App;
use assay::config::Config;
use assay::engine::TableSet;
use assay::error::Result;
use assay::jobs::import::{ImportRequest, ImportSummary, Input, Mode, Progress, run};
use assay::lake::{BYTES_PER_BUCKET, Table, bucket_of, read_rows};
use assay::store::{DEFAULT_WORKSPACE, Project, Snapshot};
use serde_json::{Value, json};
use tempfile::TempDir;

/// An app on an empty lake that vanishes with it.
pub struct TestApp {
    pub app: Arc<App>,
    pub folder: TempDir,
}

impl TestApp {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let app = App::open(&Config::for_folder(&folder.path().join("data"))).await.unwrap();
        Self { app, folder }
    }

    /// Writes `content` to a file of the test's folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub async fn import(&self, project: &str, exports: &[&Value]) -> Result<ImportSummary> {
        self.import_files(project, self.inputs(exports)).await
    }

    /// An import of files that are the whole truth about `source`.
    pub async fn import_full(&self, project: &str, source: &str, exports: &[&Value]) -> Result<ImportSummary> {
        let request = request(project, self.inputs(exports));
        self.run(ImportRequest { mode: Mode::Full, source: Some(source.to_owned()), ..request }).await
    }

    pub async fn import_files(&self, project: &str, inputs: Vec<Input>) -> Result<ImportSummary> {
        self.run(request(project, inputs)).await
    }

    pub async fn run(&self, request: ImportRequest) -> Result<ImportSummary> {
        run(&self.app, request, Arc::new(Progress::default())).await
    }

    /// Exports as files to import.
    pub fn inputs(&self, exports: &[&Value]) -> Vec<Input> {
        let file = |(n, export): (usize, &&Value)| {
            let name = format!("export-{n}.json");
            Input { path: self.file(&name, export.to_string()), name }
        };
        exports.iter().enumerate().map(file).collect()
    }

    pub async fn project(&self, name: &str) -> Project {
        self.app.db.find_project(DEFAULT_WORKSPACE, name).await.unwrap()
    }

    pub async fn newest(&self, project: &Project) -> Snapshot {
        self.app.db.latest_snapshot(&project.id).await.unwrap().expect("a snapshot")
    }

    pub async fn snapshot(&self, project: &Project, number: i64) -> Snapshot {
        self.app.db.snapshot(&project.id, number).await.unwrap()
    }

    /// Runs SQL over the newest snapshot and returns its only batch as rows of text.
    pub async fn query(&self, project: &str, sql: &str) -> Vec<Vec<String>> {
        let project = self.project(project).await;
        let newest = self.newest(&project).await;
        self.query_at(&project, newest.number, sql).await
    }

    pub async fn query_at(&self, project: &Project, snapshot: i64, sql: &str) -> Vec<Vec<String>> {
        let tables = TableSet::new(&self.app.data_files(&project.id, snapshot).await.unwrap());
        let batches = self.app.engine.query(&tables, sql, vec![]).await.unwrap();
        batches.iter().flat_map(rows).collect()
    }

    /// Checks what must hold for every snapshot: its counts are those of its rows, every row lies in its item's bucket, sorted by item,
    /// and the catalog knows the least and the greatest item of each file.
    pub async fn check_snapshot(&self, project: &Project, number: i64) {
        let snapshot = self.app.db.snapshot(&project.id, number).await.unwrap();
        let files = self.app.data_files(&project.id, number).await.unwrap();
        let mut rows: BTreeMap<Table, u64> = BTreeMap::new();
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        let mut places = BTreeSet::new();
        for file in &files {
            assert!(
                places.insert((file.table, file.bucket)),
                "two files for {:?} of bucket {}",
                file.table,
                file.bucket
            );
            assert!(i64::from(file.bucket) < snapshot.buckets, "{file:?}");
            let batch = read_rows(file.table, self.app.lake.get_data(file).await.unwrap()).unwrap();
            assert_eq!(batch.num_rows() as u64, file.rows);
            *rows.entry(file.table).or_default() += file.rows;
            let Some(ids) = batch.column_by_name("item_id") else { continue };
            let ids: Vec<&str> = ids.as_string::<i32>().iter().flatten().collect();
            assert!(ids.is_sorted(), "{file:?}");
            assert_eq!(file.min_item.as_deref(), ids.first().copied());
            assert_eq!(file.max_item.as_deref(), ids.last().copied());
            for id in ids {
                assert_eq!(bucket_of(id, snapshot.buckets as u32), file.bucket, "{id}");
            }
            if file.table == Table::Annotations {
                for kind in batch.column_by_name("kind").unwrap().as_string::<i32>().iter().flatten() {
                    *kinds.entry(kind.to_owned()).or_default() += 1;
                }
            }
        }
        let of = |table| rows.get(&table).copied().unwrap_or_default();
        let of_kind = |kind: &str| kinds.get(kind).copied().unwrap_or_default();
        let counts = snapshot.counts;
        assert_eq!(
            (counts.items, counts.raters, counts.rejects),
            (of(Table::Items), of(Table::Raters), of(Table::Rejects))
        );
        assert_eq!((counts.annotations, counts.predictions), (of_kind("annotation"), of_kind("prediction")));
        assert_eq!(counts.bytes, files.iter().map(|file| file.bytes).sum::<u64>());
    }

    /// Every file below the data folder, with its size: the storage as it is.
    pub fn storage(&self) -> Vec<(PathBuf, u64)> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().join("data")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if !entry.file_name().to_string_lossy().starts_with("assay.db") {
                    found.push((entry.path(), entry.metadata().unwrap().len()));
                }
            }
        }
        found.sort();
        found
    }
}

pub fn request(project: &str, inputs: Vec<Input>) -> ImportRequest {
    ImportRequest {
        workspace: DEFAULT_WORKSPACE.to_owned(),
        project: project.to_owned(),
        inputs,
        source: None,
        config: None,
        mode: Mode::Merge,
        actor: "test".to_owned(),
        audit_id: None,
        bucket_bytes: BYTES_PER_BUCKET,
        lease: None,
    }
}

fn rows(batch: &RecordBatch) -> Vec<Vec<String>> {
    let texts: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8).unwrap())
        .collect();
    let text = |column: &arrow::array::ArrayRef, row: usize| match column.is_null(row) {
        true => "null".to_owned(),
        false => column.as_string::<i32>().value(row).to_owned(),
    };
    (0..batch.num_rows()).map(|row| texts.iter().map(|column| text(column, row)).collect()).collect()
}

/// A task as Label Studio's easy export has it.
pub fn task(id: u64, annotations: Vec<Value>) -> Value {
    json!({
        "id": id, "data": { "text": format!("text {id}"), "language": "de" }, "meta": {}, "annotations": annotations,
        "predictions": [], "drafts": [], "inner_id": id, "project": 1, "updated_by": 1,
        "created_at": "2026-01-05T10:00:00.000000Z", "updated_at": "2026-01-05T10:00:00.000000Z",
    })
}

/// A single choice by one annotator; `minute` sets `updated_at`.
pub fn choice(id: u64, annotator: u64, label: &str, minute: u32) -> Value {
    json!({
        "id": id, "completed_by": annotator, "was_cancelled": false, "ground_truth": false, "lead_time": 3.5,
        "created_at": "2026-01-06T10:00:00.000000Z", "updated_at": format!("2026-01-06T10:{minute:02}:00.000000Z"),
        "draft_created_at": null, "prediction": {}, "parent_prediction": null, "parent_annotation": null,
        "result": [{
            "id": format!("r{id}"), "from_name": "sentiment", "to_name": "text", "type": "choices", "origin": "manual",
            "value": { "choices": [label] },
        }],
    })
}

/// A database of our own on the server that `ASSAY_TEST_POSTGRES_URL` names, empty; none when that is not set.
pub async fn postgres(name: &str, drop: &'static str, create: &'static str) -> Option<String> {
    let Ok(url) = std::env::var("ASSAY_TEST_POSTGRES_URL") else {
        eprintln!("left out: ASSAY_TEST_POSTGRES_URL is not set");
        return None;
    };
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    sqlx::query(drop).execute(&pool).await.unwrap();
    sqlx::query(create).execute(&pool).await.unwrap();
    pool.close().await;
    let (server, _) = url.rsplit_once('/').unwrap();
    Some(format!("{server}/{name}"))
}

/// A server without limits of rate.
pub fn settings(max_upload: u64) -> assay::api::Settings {
    assay::api::Settings { max_upload, rates: assay::api::RateLimits::NONE, cors_origins: Vec::new() }
}
