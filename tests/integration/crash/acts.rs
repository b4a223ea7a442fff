//! The acts. Each is a preparation and a call; the harness does the rest.

use std::path::PathBuf;
use std::sync::Arc;

use assay::app::App;
use assay::error::{Error, Result};
use assay::jobs::import::{Input, Progress};
use assay::jobs::runner::work_once;
use assay::lake::bucket_of;
use assay::reports::views::AgreementParams;
use assay::store::{DEFAULT_WORKSPACE, new_id};
use axum::body::Body;
use axum::http::{Request, StatusCode, header::HOST};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::buckets::spread;
use super::harness::{Act, alone, long, try_every_point};
use super::site::Kind;
use crate::support::{choice, request, task};

const PROJECT: &str = "reviews";
const BUCKETS: u32 = 4;

/// Items of an export: every crash point of 20 in each run of the tests, of more when asked to.
fn items() -> u64 {
    if long() { 2000 } else { 20 }
}

/// Items that two annotators have answered, differently for every third.
fn tasks() -> Vec<Value> {
    let label = |item: u64, annotator: u64| if item.is_multiple_of(3) && annotator == 2 { "bad" } else { "good" };
    let answer = |item: u64, annotator: u64| choice(item * 10 + annotator, annotator, label(item, annotator), 0);
    (1..=items()).map(|item| task(item, vec![answer(item, 1), answer(item, 2)])).collect()
}

/// Later answers, with a new item, all in one bucket.
fn update() -> Vec<Value> {
    let in_bucket = |item: u64| bucket_of(&format!("{PROJECT}/task/{item}"), BUCKETS) == 1;
    let changed = (1..=items()).filter(|item| in_bucket(*item)).take(2).collect::<Vec<_>>();
    let new = (items() + 1..).find(|item| in_bucket(*item)).unwrap();
    assert_eq!(changed.len(), 2, "items of one bucket");
    vec![
        task(changed[0], vec![choice(changed[0] * 10 + 1, 1, "bad", 5)]),
        task(changed[1], vec![choice(changed[1] * 10 + 3, 3, "good", 0)]),
        task(new, vec![choice(new * 10 + 1, 1, "good", 0)]),
    ]
}

/// Export files that the acts read; outside of what a crash can touch.
struct Exports {
    folder: TempDir,
}

impl Exports {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, tasks) in [("all", tasks()), ("update", update())] {
            std::fs::write(folder.path().join(name), json!(tasks).to_string()).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn import(&self, app: &Arc<App>, name: &str) -> Result<()> {
        let input = Input { path: self.path(name), name: format!("{name}.json") };
        assay::jobs::import::run(app, request(PROJECT, vec![input]), Arc::new(Progress::default())).await.map(drop)
    }

    /// A lake with snapshot 1 as imported and snapshot 2 in several buckets.
    async fn spread(&self, app: &Arc<App>) {
        self.import(app, "all").await.unwrap();
        spread(app, PROJECT, BUCKETS).await;
    }
}

struct FirstImport(Exports);

impl Act for FirstImport {
    const NAME: &'static str = "first import";

    async fn prepare(&self, _: &Arc<App>) {}

    async fn run(&self, app: &Arc<App>) -> Result<()> {
        self.0.import(app, "all").await
    }
}

struct Merge(Exports);

impl Act for Merge {
    const NAME: &'static str = "merge import";

    async fn prepare(&self, app: &Arc<App>) {
        self.0.spread(app).await;
    }

    async fn run(&self, app: &Arc<App>) -> Result<()> {
        self.0.import(app, "update").await
    }
}

/// An upload to the API, and the worker that takes it from there.
struct Job(Exports);

impl Job {
    async fn upload(&self, app: &Arc<App>) -> Result<()> {
        let export = std::fs::read(self.0.path("update")).unwrap();
        let request = Request::post(format!("/v1/projects/{PROJECT}/imports?filename=update.json"))
            .header(HOST, "127.0.0.1:8080")
            .header("idempotency-key", "nightly")
            .body(Body::from(export))
            .unwrap();
        let router = assay::api::router(app.clone(), axum::Router::new(), 1 << 30);
        let answer = router.oneshot(request).await.unwrap();
        if answer.status() == StatusCode::ACCEPTED {
            return Ok(());
        }
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        Err(Error::invalid(String::from_utf8_lossy(&body)))
    }
}

impl Act for Job {
    const NAME: &'static str = "import job";

    async fn prepare(&self, app: &Arc<App>) {
        self.0.spread(app).await;
    }

    async fn run(&self, app: &Arc<App>) -> Result<()> {
        self.upload(app).await?;
        let (owner, stop) = (new_id(), CancellationToken::new());
        while work_once(app, &owner, None, &stop).await? {}
        Ok(())
    }
}

struct Report(Exports);

impl Act for Report {
    const NAME: &'static str = "report";

    /// Of one bucket: a report's reads differ in number, not in kind.
    async fn prepare(&self, app: &Arc<App>) {
        self.0.import(app, "all").await.unwrap();
    }

    async fn run(&self, app: &Arc<App>) -> Result<()> {
        let project = app.db.find_project(DEFAULT_WORKSPACE, PROJECT).await?;
        let newest = app.db.latest_snapshot(&project.id).await?.expect("a snapshot");
        assay::reports::agreement(app, &project, &newest, &AgreementParams::default()).await.map(drop)
    }

    async fn made(&self, app: &Arc<App>) -> Vec<String> {
        written_report(app).await.into_iter().collect()
    }
}

/// The report's files, if the catalog says that there is one.
async fn written_report(app: &Arc<App>) -> Option<String> {
    let project = app.db.find_project(DEFAULT_WORKSPACE, PROJECT).await.unwrap();
    let newest = app.db.latest_snapshot(&project.id).await.unwrap().unwrap();
    let key = assay::reports::report_key("agreement", newest.number, &AgreementParams::default()).unwrap();
    let index = assay::store::ReportKey {
        project_id: &project.id,
        snapshot: newest.number,
        kind: "agreement",
        params_hash: &key,
        figure_version: i64::from(assay::reports::FIGURE_VERSION),
    };
    let folder = app.db.report_path(index).await.unwrap()?;
    let mut sizes = Vec::new();
    for name in ["measures", "disagreements"] {
        sizes.push(app.lake.get(&format!("{folder}/{name}.parquet")).await.unwrap().len());
    }
    Some(format!("report of {sizes:?} bytes"))
}

/// Tries every crash point in these surroundings; with time, in all that there are.
fn try_in<A: Act>(act: &A, kinds: &[Kind]) {
    let all = Kind::all();
    for kind in all.into_iter().filter(|kind| long() || kinds.contains(kind)) {
        alone(try_every_point(act, kind)).finish();
    }
}

#[test]
fn first_import() {
    try_in(&FirstImport(Exports::new()), &[Kind::Folder, Kind::Bucket]);
}

#[test]
fn merge_import() {
    try_in(&Merge(Exports::new()), &[Kind::Folder, Kind::Bucket]);
}

#[test]
fn import_job() {
    try_in(&Job(Exports::new()), &[Kind::Folder, Kind::Postgres]);
}

#[test]
fn report_write() {
    try_in(&Report(Exports::new()), &[Kind::Folder]);
}

/// The merge of the tests above is one of several buckets: the others keep their files.
#[test]
fn the_merge_changes_one_bucket_of_several() {
    alone(async {
        let (exports, test) = (Exports::new(), crate::support::TestApp::new().await);
        exports.spread(&test.app).await;
        exports.import(&test.app, "update").await.unwrap();
        let project = test.project(PROJECT).await;
        let before = test.app.data_files(&project.id, 2).await.unwrap();
        let after = test.app.data_files(&project.id, 3).await.unwrap();
        let buckets = |files: &[assay::lake::DataFile]| {
            files.iter().map(|file| file.bucket).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(buckets(&before).len(), BUCKETS as usize);
        let new: Vec<_> = after.into_iter().filter(|file| !before.contains(file)).collect();
        let in_buckets: Vec<_> = new.iter().filter(|file| file.table.name() != "raters").cloned().collect();
        assert_eq!((buckets(&in_buckets).into_iter().collect::<Vec<_>>(), in_buckets.len()), (vec![1], 3));
    });
}
