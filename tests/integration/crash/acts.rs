//! The acts. Each is a preparation and a call; the harness does the rest.

use std::path::PathBuf;
use std::sync::Arc;

use assay::app::App;
use assay::error::{Error, Result};
use assay::jobs::import::{ImportRequest, Input, Mode, Progress, run_audited};
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

use super::harness::{Act, alone, long, try_every_point};
use super::site::Kind;
use crate::support::{choice, request, task};

pub const PROJECT: &str = "reviews";
/// At least so many buckets in a lake of several, and at most so many.
const BUCKETS: std::ops::RangeInclusive<u32> = 4..=16;

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

/// So little fits into a bucket that all items need several.
fn small_buckets() -> u64 {
    items() * 250
}

/// Later answers, with a new item, all in one bucket, however many there are.
fn update() -> Vec<Value> {
    let bucket = |item: &u64| bucket_of(&format!("{PROJECT}/task/{item}"), *BUCKETS.end());
    let in_bucket = |wanted: u32| (1..=items()).filter(|item| bucket(item) == wanted).take(2).collect::<Vec<_>>();
    let changed = (0..*BUCKETS.end()).map(in_bucket).find(|items| items.len() == 2).expect("two items in one bucket");
    let new = (items() + 1..).find(|item| bucket(item) == bucket(&changed[0])).unwrap();
    vec![
        task(changed[0], vec![choice(changed[0] * 10 + 1, 1, "bad", 5)]),
        task(changed[1], vec![choice(changed[1] * 10 + 3, 3, "good", 0)]),
        task(new, vec![choice(new * 10 + 1, 1, "good", 0)]),
    ]
}

/// One more item.
fn later() -> Vec<Value> {
    let item = 100_000;
    vec![task(item, vec![choice(item * 10 + 1, 1, "bad", 9)])]
}

/// Export files that the acts read; outside of what a crash can touch.
pub struct Exports {
    folder: TempDir,
}

impl Exports {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, tasks) in [("all", tasks()), ("update", update()), ("later", later())] {
            std::fs::write(folder.path().join(name), json!(tasks).to_string()).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// As `assay import` does it.
    pub async fn import(&self, app: &Arc<App>, name: &str) -> Result<()> {
        self.import_as(app, name, |request| request).await
    }

    async fn import_as(
        &self,
        app: &Arc<App>,
        name: &str,
        change: impl FnOnce(ImportRequest) -> ImportRequest,
    ) -> Result<()> {
        let input = Input { path: self.path(name), name: format!("{name}.json") };
        run_audited(app, change(request(PROJECT, vec![input])), Arc::new(Progress::default())).await.map(drop)
    }

    /// A lake of several buckets.
    pub async fn spread(&self, app: &Arc<App>) {
        self.import_as(app, "all", small).await.unwrap();
        let project = app.db.find_project(DEFAULT_WORKSPACE, PROJECT).await.unwrap();
        let buckets = app.db.latest_snapshot(&project.id).await.unwrap().unwrap().buckets;
        assert!(BUCKETS.contains(&u32::try_from(buckets).unwrap()), "{buckets} buckets");
    }
}

fn small(request: ImportRequest) -> ImportRequest {
    ImportRequest { bucket_bytes: small_buckets(), ..request }
}

struct FirstImport(Exports);

impl Act for FirstImport {
    const NAME: &'static str = "first import";
    const BEGUN: bool = false;

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

/// The file is the whole truth: most of the items go.
struct FullImport(Exports);

impl Act for FullImport {
    const NAME: &'static str = "full import";

    async fn prepare(&self, app: &Arc<App>) {
        self.0.spread(app).await;
    }

    async fn run(&self, app: &Arc<App>) -> Result<()> {
        self.0.import_as(app, "update", |request| ImportRequest { mode: Mode::Full, ..request }).await
    }
}

/// An import that needs more buckets than there are: every row is written anew.
struct Growth(Exports);

impl Act for Growth {
    const NAME: &'static str = "bucket growth";

    async fn prepare(&self, app: &Arc<App>) {
        self.0.import(app, "all").await.unwrap();
    }

    async fn run(&self, app: &Arc<App>) -> Result<()> {
        self.0.import_as(app, "update", small).await
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
        let router = assay::api::router(app.clone(), axum::Router::new(), &crate::support::settings(1 << 30));
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

pub struct Report(pub Exports);

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
pub fn try_in<A: Act>(act: &A, kinds: &[Kind]) {
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
    try_in(&Merge(Exports::new()), &[Kind::Folder]);
}

#[test]
fn full_import() {
    try_in(&FullImport(Exports::new()), &[Kind::Folder]);
}

#[test]
fn bucket_growth() {
    try_in(&Growth(Exports::new()), &[Kind::Bucket]);
}

#[test]
fn import_job() {
    // On Postgres where there is one.
    let kind = Kind::all().into_iter().find(|kind| *kind == Kind::Postgres).unwrap_or(Kind::Folder);
    try_in(&Job(Exports::new()), &[kind]);
}

#[test]
fn report_write() {
    try_in(&Report(Exports::new()), &[Kind::Folder]);
}

/// The merge above is one of several buckets of which the others keep their files, and the growth one that splits them.
#[test]
fn the_merge_changes_one_bucket_and_the_growth_all() {
    let files = |prepare: fn(ImportRequest) -> ImportRequest, act: fn(ImportRequest) -> ImportRequest| {
        alone(async move {
            let (exports, test) = (Exports::new(), crate::support::TestApp::new().await);
            exports.import_as(&test.app, "all", prepare).await.unwrap();
            exports.import_as(&test.app, "update", act).await.unwrap();
            let project = test.project(PROJECT).await;
            let before = test.app.data_files(&project.id, 1).await.unwrap();
            let after = test.app.data_files(&project.id, 2).await.unwrap();
            let kept = after.iter().filter(|file| before.contains(file)).count();
            (before.len(), kept, after.len())
        })
    };
    let (before, kept, after) = files(small, |request| request);
    // Items, annotations and results of one bucket; there is a new rater.
    assert_eq!((kept, after), (before - 4, before));
    assert!(before > 4 * 3, "{before} files");
    let (before, kept, after) = files(|request| request, small);
    assert!(before == 4 && kept == 0 && after > 4 * 3, "{before} {kept} {after}");
}
