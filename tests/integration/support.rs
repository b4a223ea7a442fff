//! A fresh Assay in a temporary folder, and exports made by hand.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use assay::app::App;
use assay::config::Config;
use assay::engine::TableSet;
use assay::error::Result;
use assay::jobs::import::{ImportRequest, ImportSummary, Input, Mode, Progress, run};
use assay::lake::BYTES_PER_BUCKET;
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
        let inputs = exports.iter().enumerate().map(|(n, export)| {
            let name = format!("export-{n}.json");
            Input { path: self.file(&name, export.to_string()), name }
        });
        self.import_files(project, inputs.collect()).await
    }

    pub async fn import_files(&self, project: &str, inputs: Vec<Input>) -> Result<ImportSummary> {
        run(&self.app, request(project, inputs), Arc::new(Progress::default())).await
    }

    pub async fn project(&self, name: &str) -> Project {
        self.app.db.find_project(DEFAULT_WORKSPACE, name).await.unwrap()
    }

    pub async fn newest(&self, project: &Project) -> Snapshot {
        self.app.db.latest_snapshot(&project.id).await.unwrap().expect("a snapshot")
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
