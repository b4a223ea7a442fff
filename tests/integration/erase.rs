//! Whom an erasure is about, and that nothing of them is left anywhere.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use assay::app::App;
use assay::config::Config;
use assay::error::{Error, Result};
use assay::jobs::erase::{EraseRequest, EraseSummary, Named, run};
use assay::jobs::publish::{PublishRequest, publication, run as publish};
use assay::jobs::runner::work_once;
use assay::lake::Format;
use assay::reports::agreement;
use assay::reports::views::AgreementParams;
use assay::store::{
    DEFAULT_WORKSPACE, JobState, NewAudit, NewJob, NewRecord, Once, Operation, Request as StoreRequest, Retirement,
    now_micros,
};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::support::{TestApp, choice, postgres, task};

/// Everything that the person of these tests is known by.
const BO: [&str; 4] = ["bo@example.com", "Bo@Example.com", "Bo Lee", "reviews/user/3"];

fn request(named: Named) -> EraseRequest {
    EraseRequest {
        workspace: DEFAULT_WORKSPACE.into(),
        project: "reviews".into(),
        named,
        nothing_else_runs: false,
        dry_run: false,
        actor: "cli".into(),
    }
}

async fn erase(app: &Arc<App>, named: Named) -> Result<EraseSummary> {
    run(app, request(named)).await
}

fn annotator(name: &str) -> Named {
    Named::Annotator(name.into())
}

fn by(id: u64, annotator: Value, label: &str) -> Value {
    let mut annotation = choice(id, 3, label, 0);
    annotation["completed_by"] = annotator;
    annotation
}

/// A lake that holds the person in every place where one can be.
async fn full_lake() -> TestApp {
    filled(TestApp::new().await).await
}

async fn filled(test: TestApp) -> TestApp {
    let bo = json!({ "id": 3, "email": "bo@example.com", "first_name": "Bo", "last_name": "Lee" });
    let ann = json!({ "id": 4, "email": "ann@example.com", "first_name": "Ann", "last_name": "Day" });
    let draft = json!({
        "id": 5, "user": "Bo@Example.com", "created_username": " Bo@Example.com, 3", "lead_time": 1.0, "annotation": null,
        "created_at": "2026-01-06T10:00:00Z", "updated_at": "2026-01-06T10:00:00Z", "result": [],
    });
    let mut first = task(1, vec![by(10, bo.clone(), "good"), by(11, ann.clone(), "bad")]);
    first["drafts"] = json!([draft]);
    first["updated_by"] = json!(3);
    first["comment_authors"] = json!([3, 4]);
    test.import("reviews", &[&json!([first.clone()])]).await.unwrap();

    let mut about = by(21, ann.clone(), "bad");
    about["last_created_by"] = json!(3);
    about["reviews"] = json!([{ "created_by": bo, "accepted": true }]);
    about["result"].as_array_mut().unwrap().push(json!({
        "id": "t", "from_name": "note", "to_name": "text", "type": "textarea", "value": { "text": ["as Bo Lee says"] },
    }));
    let mut broken = by(22, bo.clone(), "bad");
    broken["updated_at"] = json!("yesterday");
    let mut second = task(2, vec![by(20, json!(3), "good"), about, broken]);
    second["data"] = json!({ "text": "mail bo@example.com, 3 times", "author": "bo@example.com", "n": 1.50 });
    second["meta"] = json!({ "updated_by": 3, "batch": 3 });
    test.import("reviews", &[&json!([second])]).await.unwrap();
    let project = test.project("reviews").await;
    for number in [1, 2] {
        let snapshot = test.app.db.snapshot(&project.id, number).await.unwrap();
        agreement(&test.app, &project, &snapshot, &AgreementParams::default()).await.unwrap();
    }
    publish(&test.app, &project, &PublishRequest::default()).await.unwrap();
    let third = json!([task(3, vec![by(30, ann, "good"), by(31, json!({ "id": 5, "email": JIM }), "bad")])]);
    test.import("reviews", &[&third]).await.unwrap();
    let delta = PublishRequest { format: Some(Format::Delta), ..PublishRequest::default() };
    publish(&test.app, &project, &delta).await.unwrap();
    test.app.db.retire_snapshots(&project.id, &[2], Retirement::Retention, None, now_micros()).await.unwrap();
    jobs_about_bo(&test).await;
    test
}

/// An ended and a waiting import, with their uploads, their messages and their traces.
async fn jobs_about_bo(test: &TestApp) {
    let (db, project) = (&test.app.db, test.project("reviews").await);
    let uploads = test.app.temp.join("uploads");
    std::fs::create_dir_all(&uploads).unwrap();
    for (name, ends) in [("upload-a.json", true), ("upload-b.json", false)] {
        let path = uploads.join(name);
        std::fs::write(&path, r#"[{"completed_by": {"email": "bo@example.com"}}]"#).unwrap();
        let payload = json!({ "path": path, "name": "export of bo@example.com.json", "source": null, "config": null, "actor": "local" });
        let kind = if ends { "ended" } else { "import" };
        let new = NewJob {
            max_attempts: 1,
            ..NewJob::new(DEFAULT_WORKSPACE, Some(&project.id), kind, payload.clone(), now_micros())
        };
        let record = NewRecord {
            key: format!("key-{name}"),
            method_path: "POST /v1/projects/reviews/imports".into(),
            request_hash: "00".into(),
            status: 202,
            body: payload.to_string(),
        };
        let audit = NewAudit {
            workspace_id: DEFAULT_WORKSPACE,
            actor: "local",
            action: "import",
            target: "of Bo Lee",
            request_id: "r",
        };
        let audit_id = db.begin_audit(audit, now_micros()).await.unwrap();
        let request = StoreRequest { idempotency: Some(&record), audit_id: Some(&audit_id) };
        assert!(matches!(db.enqueue_job(&new, &request).await.unwrap(), Once::Done(_)));
        if ends {
            let (_, lease) =
                db.claim_job("w", now_micros(), now_micros() + 9_000_000, &["ended"]).await.unwrap().unwrap();
            db.heartbeat_job(&lease, now_micros() + 9_000_000, Some(&json!({ "at": "bo@example.com" }))).await.unwrap();
            db.fail_job(&lease, "task 1: found the text \"bo@example.com\"", false, now_micros()).await.unwrap();
        }
    }
}

/// Somebody else, whose e-mail ends like the person's.
const JIM: &str = "jimbo@example.com";

/// Every file below the data root that holds one of the needles, as bytes or in a decoded column.
fn grep(root: &Path, needles: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let mut texts = vec![bytes.clone()];
            if path.extension().is_some_and(|extension| extension == "parquet") {
                texts.extend(decoded(bytes));
            }
            for needle in needles {
                let is_jim = |text: &[u8], at: usize| text[..at + needle.len()].ends_with(JIM.as_bytes());
                let holds = |text: &Vec<u8>| {
                    let mut hits = memchr::memmem::find_iter(text, needle.as_bytes());
                    hits.any(|at| *needle == JIM || !is_jim(text, at))
                };
                if texts.iter().any(holds) {
                    found.push(format!("{}: {needle}", path.display()));
                }
            }
        }
    }
    found.sort();
    found
}

fn decoded(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap().build().unwrap();
    let mut texts = Vec::new();
    for batch in reader {
        for column in batch.unwrap().columns() {
            collect(column, &mut texts);
        }
    }
    texts
}

fn collect(column: &ArrayRef, texts: &mut Vec<Vec<u8>>) {
    match column.data_type() {
        DataType::Utf8 => texts.extend(column.as_string::<i32>().iter().flatten().map(|text| text.as_bytes().to_vec())),
        DataType::Binary => texts.extend(column.as_binary::<i32>().iter().flatten().map(<[u8]>::to_vec)),
        DataType::List(_) => collect(column.as_list::<i32>().values(), texts),
        DataType::Map(..) => column.as_map().entries().columns().iter().for_each(|part| collect(part, texts)),
        DataType::Struct(_) => column.as_struct().columns().iter().for_each(|part| collect(part, texts)),
        _ => {}
    }
}

fn data(test: &TestApp) -> PathBuf {
    test.folder.path().join("data")
}

/// What must be left, whatever happened on the way.
async fn check_rest(app: &Arc<App>) {
    let project = app.db.find_project(DEFAULT_WORKSPACE, "reviews").await.unwrap();
    let newest = app.db.latest_snapshot(&project.id).await.unwrap().unwrap();
    let tables = assay::engine::TableSet::new(&app.data_files(&project.id, newest.number).await.unwrap());
    let query = async |sql: &str| app.engine.query(&tables, sql, vec![]).await.unwrap();
    let texts = async |sql: &str| -> Vec<String> {
        let batches = query(sql).await;
        let column = |batch: &arrow::array::RecordBatch| {
            batch.column(0).as_string::<i32>().iter().map(|text| text.unwrap_or("null").to_owned()).collect::<Vec<_>>()
        };
        batches.iter().flat_map(column).collect()
    };
    let annotations = texts("SELECT native_id FROM annotations ORDER BY 1").await;
    assert_eq!(annotations, ["11", "21", "30", "31"]);
    let results = texts("SELECT COALESCE(text, label) FROM results ORDER BY annotation_id, result_index").await;
    assert_eq!(results, ["bad", "bad", "as [erased] says", "good", "bad"]);
    assert_eq!(texts("SELECT rater_id FROM raters ORDER BY 1").await, ["reviews/user/4", "reviews/user/5"]);
    assert_eq!(texts("SELECT email FROM raters ORDER BY 1").await, ["ann@example.com", "jimbo@example.com"]);
    assert!(texts("SELECT raw FROM rejects").await.is_empty());
    let data = texts("SELECT data FROM items WHERE native_id = '2'").await;
    assert_eq!(data, [r#"{"n":1.5,"text":"mail [erased], 3 times"}"#]);
    assert_eq!(texts("SELECT meta FROM items WHERE native_id = '2'").await, [r#"{"batch":3}"#]);
    let raw: Value = serde_json::from_str(&texts("SELECT raw FROM items WHERE native_id = '1'").await[0]).unwrap();
    assert_eq!((raw.get("updated_by"), &raw["comment_authors"]), (None, &json!([4])));
    let raw: Value =
        serde_json::from_str(&texts("SELECT raw FROM annotations WHERE native_id = '21'").await[0]).unwrap();
    assert_eq!((raw.get("last_created_by"), &raw["reviews"]), (None, &json!([{ "accepted": true }])));
    let slices = query("SELECT slices['meta.updated_by'] FROM items WHERE native_id = '2'").await;
    assert_eq!(slices[0].column(0).as_string::<i32>().value(0), "[erased]");

    let counts = newest.counts;
    assert_eq!((counts.items, counts.annotations, counts.results, counts.raters, counts.rejects), (3, 4, 5, 2, 0));
    let bytes: u64 = app.data_files(&project.id, newest.number).await.unwrap().iter().map(|file| file.bytes).sum();
    assert_eq!(counts.bytes, bytes);
    agreement(app, &project, &newest, &AgreementParams::default()).await.unwrap();
    let published = publication(app, &project).manifest().await.unwrap().unwrap();
    assert_eq!(published.snapshot, newest.number, "readers of the publication go on with what is left");
    assert_eq!(app.lake.cut_off_writes("", true).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_an_annotator_is_left() {
    let test = full_lake().await;
    let project = test.project("reviews").await;
    let root = data(&test);
    let before = grep(&root, &BO);
    for part in ["annotations", "results", "raters", "items", "rejects", "_reports", "published", "assay.db", "uploads"]
    {
        assert!(
            before.iter().any(|found| found.contains(part)),
            "{part} holds nothing, so this proves nothing: {before:?}"
        );
    }
    let storage = test.storage();
    let dry = run(&test.app, EraseRequest { dry_run: true, ..request(annotator("BO@example.com")) }).await.unwrap();
    assert_eq!(test.storage(), storage, "a dry run changes nothing");
    assert_eq!(test.newest(&project).await.number, 3);

    let done = erase(&test.app, annotator("BO@example.com")).await.unwrap();
    assert_eq!((done.snapshot, done.retired.as_slice(), done.cancelled_jobs), (Some(4), &[3, 1][..], 1));
    assert_eq!((done.removed.annotations, done.removed.raters, done.removed.rejects), (3, 1, 1));
    assert_eq!(done.ids, ["reviews/user/3", "reviews/user/Bo@Example.com"]);
    assert_eq!((dry.snapshot, &dry.retired, dry.removed), (done.snapshot, &done.retired, done.removed));
    assert_eq!((dry.scrubbed, dry.cancelled_jobs), (done.scrubbed, done.cancelled_jobs));

    check_rest(&test.app).await;
    assert_eq!(grep(&root, &BO), Vec::<String>::new());
    assert!(!grep(&root, &[JIM]).is_empty());

    let error = test.app.db.snapshot(&project.id, 1).await.unwrap_err();
    assert!(matches!(&error, Error::Gone(text) if text.contains("erasure")), "{error}");
    let newest = test.newest(&project).await;
    assert_eq!((newest.operation, newest.changes.annotations.removed), (Operation::Erase, 3));
    let jobs = test.app.db.list_jobs(DEFAULT_WORKSPACE, None, None, 9).await.unwrap();
    assert!(
        jobs.iter().all(|job| job.state.is_final() && job.payload.0["name"] == "export of [erased].json"),
        "{jobs:?}"
    );
    assert_eq!(std::fs::read_dir(test.app.temp.join("uploads")).unwrap().count(), 0);

    let audit = test.app.db.list_audit(DEFAULT_WORKSPACE, None, 9).await.unwrap();
    let row = audit.iter().find(|row| row.action == "erase.annotator").unwrap();
    let hash = row.target.strip_prefix(&format!("{}/", project.id)).unwrap();
    assert_eq!((hash.len(), row.outcome.as_deref(), row.actor.as_str()), (64, Some("done"), "cli"));
    // The same name again: known to be erased, nothing to do. Another one: nobody.
    let again = erase(&test.app, annotator("bo@EXAMPLE.com")).await.unwrap();
    assert_eq!((again.snapshot, again.files, again.database_rows), (None, 0, 0));
    assert!(matches!(erase(&test.app, annotator("Nobody")).await, Err(Error::NotFound { .. })));

    let imported = test.import("reviews", &[&json!([task(9, vec![choice(90, 4, "good", 0)])])]).await.unwrap();
    assert_eq!(imported.snapshot, 5, "imports go on");
}

/// Asks for an erasure as a caller of the API does, with a key that names the subject too.
async fn order(app: &Arc<App>, name: &str) -> String {
    let router = assay::api::router(app.clone(), Router::new(), &crate::support::settings(1 << 20));
    let request = Request::builder()
        .method("POST")
        .uri("/v1/projects/reviews/erasures")
        .header("host", "127.0.0.1")
        .header("content-type", "application/json")
        .header("idempotency-key", "erase bo@example.com")
        .body(Body::from(json!({ "annotator": name }).to_string()));
    let answer = router.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice::<Value>(&body).unwrap()["id"].as_str().unwrap().to_owned()
}

/// Works until nothing waits.
async fn work(app: &Arc<App>) {
    while work_once(app, "worker", None, &CancellationToken::new()).await.unwrap() {}
}

/// The job of an erasure is done, and neither it nor its row in the audit trail says whom it was about.
async fn check_job(app: &Arc<App>, id: &str) {
    let job = app.db.job(DEFAULT_WORKSPACE, id).await.unwrap();
    assert_eq!(
        (job.state, &job.payload.0, &job.result.0["ids"]),
        (JobState::Done, &Value::Null, &json!([])),
        "{job:?}"
    );
    let rows = app.db.list_audit(DEFAULT_WORKSPACE, None, 99).await.unwrap();
    let rows: Vec<_> = rows.iter().filter(|row| row.job_id.as_deref() == Some(id)).collect();
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.action.as_str(), row.outcome.as_deref()), ("erase.annotator", Some("done")));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_is_left_of_an_erasure_that_came_through_the_api() {
    let test = full_lake().await;
    let job = order(&test.app, "Bo@example.com").await;
    assert!(grep(&data(&test), &BO).iter().any(|found| found.contains("assay.db")));
    work(&test.app).await;
    check_job(&test.app, &job).await;
    check_rest(&test.app).await;
    assert_eq!(grep(&data(&test), &BO), Vec::<String>::new());
}

/// A worker dies anywhere in an erasure; the next one, which knows nothing but the job, finishes it.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_whose_worker_died_anywhere_is_finished_by_the_next() {
    let test = full_lake().await;
    let job = order(&test.app, "bo@example.com").await;
    // An import that cannot be done waits as well, and goes first.
    work_once(&test.app, "worker", None, &CancellationToken::new()).await.unwrap();
    let original = data(&test);
    test.app.db.close().await;
    let mut steps = 3;
    loop {
        let copy = tempfile::tempdir().unwrap();
        let root = copy.path().join("data");
        copy_folder(&original, &root);
        let config = Config::for_folder(&root);
        let app = App::open(&config).await.unwrap();
        let first = cut_off(steps, work_once(&app, "first", None, &CancellationToken::new())).await;
        app.db.close().await;
        drop(app);

        let app = App::open(&config).await.unwrap();
        let later = now_micros() + 3600 * 1_000_000;
        if let Some((_, lease)) = app.db.claim_job("clock", later, later, &["erase"]).await.unwrap() {
            assert!(app.db.release_job(&lease).await.unwrap());
        }
        work(&app).await;
        check_job(&app, &job).await;
        check_rest(&app).await;
        app.db.close().await;
        assert_eq!(grep(&root, &BO), Vec::<String>::new(), "cut off after {steps} steps");
        if first.is_some() {
            assert!(steps > 20, "the run is longer than {steps} steps");
            return;
        }
        steps += 31;
    }
}

/// Every row of every table that people's texts can be in, as text.
async fn dump(pool: &sqlx::PgPool) -> Vec<(String,)> {
    let all = "SELECT jobs::text FROM jobs UNION ALL SELECT idempotency::text FROM idempotency UNION ALL SELECT snapshots::text FROM snapshots \
        UNION ALL SELECT audit::text FROM audit UNION ALL SELECT files::text FROM files UNION ALL SELECT reports::text FROM reports \
        UNION ALL SELECT projects::text FROM projects UNION ALL SELECT meta::text FROM meta";
    sqlx::query_as(all).fetch_all(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_annotator_is_left_in_postgres() {
    let drop = "DROP DATABASE IF EXISTS assay_erase WITH (FORCE)";
    let Some(url) = postgres("assay_erase", drop, "CREATE DATABASE assay_erase").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = Config { db: Some(url.clone()), ..Config::for_folder(&folder.path().join("data")) };
    let test = filled(TestApp { app: App::open(&config).await.unwrap(), folder }).await;
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    let holding =
        async || dump(&pool).await.into_iter().filter(|(row,)| BO.iter().any(|needle| row.contains(needle))).count();
    assert!(holding().await > 4);
    erase(&test.app, annotator("bo@example.com")).await.unwrap();
    assert_eq!(holding().await, 0);
    assert_eq!(grep(&data(&test), &BO), Vec::<String>::new());
    check_rest(&test.app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_annotator_is_known_by_each_of_their_names() {
    for name in ["3", "Bo Lee", "reviews/user/3", "reviews/user/Bo@Example.com"] {
        let test = full_lake().await;
        erase(&test.app, annotator(name)).await.unwrap();
        assert_eq!(grep(&data(&test), &BO), Vec::<String>::new(), "erased by {name}");
        check_rest(&test.app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_an_item_is_left() {
    let test = full_lake().await;
    let needles = ["reviews/task/2", "mail bo@example.com", "as Bo Lee says", "reviews/annotation/20", "task 1 (id 2)"];
    for needle in needles {
        assert!(!grep(&data(&test), &[needle]).is_empty(), "{needle}");
    }
    let done = erase(&test.app, Named::Item("2".into())).await.unwrap();
    assert_eq!((done.removed.items, done.removed.annotations, done.removed.rejects), (1, 2, 1));
    assert_eq!(done.ids, ["reviews/task/2"]);
    assert_eq!(grep(&data(&test), &needles), Vec::<String>::new());
    assert_eq!(test.query("reviews", "SELECT native_id FROM items ORDER BY 1").await, [["1"], ["3"]]);
    assert_eq!(test.query("reviews", "SELECT count(*) FROM annotations").await, [["5"]]);
    let project = test.project("reviews").await;
    assert_eq!(test.query_at(&project, 1, "SELECT count(*) FROM items").await, [["1"]], "it never held item 2");
    assert!(matches!(test.app.db.snapshot(&project.id, 3).await, Err(Error::Gone(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_of_one_name_are_told_apart() {
    let test = TestApp::new().await;
    let person = |id: u64, email: &str| json!({ "id": id, "email": email, "first_name": "Bo", "last_name": "Lee" });
    let export = json!([task(1, vec![by(10, person(3, "bo@a.org"), "good"), by(11, person(4, "bo@b.org"), "bad")])]);
    test.import("reviews", &[&export]).await.unwrap();
    let before = test.storage();
    let error = erase(&test.app, annotator("Bo Lee")).await.unwrap_err();
    let Error::Invalid(text) = &error else { panic!("{error:?}") };
    for part in ["2 annotators", "reviews/user/3", "reviews/user/4", "bo@a.org", "by e-mail or by rater id"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    assert_eq!(test.storage(), before);
    erase(&test.app, annotator("bo@a.org")).await.unwrap();
    assert_eq!(test.query("reviews", "SELECT rater_id FROM annotations").await, [["reviews/user/4"]]);
    assert_eq!(test.query("reviews", "SELECT name FROM raters").await, [["Bo Lee"]], "that is another person's name");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_is_waited_for() {
    let test = full_lake().await;
    let db = &test.app.db;
    let (job, lease) = db.claim_job("w", now_micros(), now_micros() + 60_000_000, &["import"]).await.unwrap().unwrap();
    let before = test.storage();
    let error = erase(&test.app, annotator("3")).await.unwrap_err();
    assert!(matches!(&error, Error::Conflict(text) if text.contains(&job.id) && text.contains("cancel")), "{error}");
    assert_eq!(test.storage(), before);
    db.fail_job(&lease, "stopped", false, now_micros()).await.unwrap();
    assert_eq!(db.job(DEFAULT_WORKSPACE, &job.id).await.unwrap().state, JobState::Failed);
    erase(&test.app, annotator("3")).await.unwrap();
    assert_eq!(grep(&data(&test), &BO), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn young_orphans_that_hold_the_annotator_are_named_and_erased_when_nothing_else_runs() {
    let test = full_lake().await;
    let project = test.project("reviews").await;
    let files = test.app.data_files(&project.id, 3).await.unwrap();
    let raters = files.iter().find(|file| file.table == assay::lake::Table::Raters).unwrap();
    let orphan = format!("default/{}/raters/bucket=0000/{}.parquet", project.id, assay::store::new_id());
    std::fs::copy(data(&test).join(&raters.path), data(&test).join(&orphan)).unwrap();
    let error = erase(&test.app, annotator("3")).await.unwrap_err();
    assert!(
        matches!(&error, Error::Conflict(text) if text.contains(&orphan) && text.contains("--nothing-else-runs")),
        "{error}"
    );
    check_rest(&test.app).await;
    let left = grep(&data(&test), &BO);
    assert!(left.iter().all(|found| found.contains(&orphan)), "{left:?}");

    let request = EraseRequest { nothing_else_runs: true, ..request(annotator("bo@example.com")) };
    run(&test.app, request).await.unwrap();
    assert_eq!(grep(&data(&test), &["bo@example.com"]), Vec::<String>::new());
}

/// The run ends after so many steps, as if the process had died there; None when it came to its end before.
async fn cut_off<T>(steps: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut left = steps;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_cut_off_anywhere_is_finished_by_the_next() {
    let test = full_lake().await;
    let original = data(&test);
    test.app.db.close().await;
    let mut steps = 3;
    loop {
        let copy = tempfile::tempdir().unwrap();
        let root = copy.path().join("data");
        copy_folder(&original, &root);
        let config = Config::for_folder(&root);
        let app = App::open(&config).await.unwrap();
        let first = cut_off(steps, erase(&app, annotator("bo@example.com"))).await;
        app.db.close().await;
        drop(app);

        let app = App::open(&config).await.unwrap();
        let second = erase(&app, annotator("bo@example.com")).await;
        assert!(second.is_ok(), "cut off after {steps} steps: {second:?}");
        check_rest(&app).await;
        app.db.close().await;
        assert_eq!(grep(&root, &BO), Vec::<String>::new(), "cut off after {steps} steps");
        if first.is_some() {
            assert!(steps > 20, "the run is longer than {steps} steps");
            return;
        }
        steps += 23;
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
