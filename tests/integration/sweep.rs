//! What a sweep deletes, and what it never touches.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use assay::error::{Error, Result};
use assay::jobs::sweep::{Kind, SweepRequest, SweepSummary, run};
use assay::reports::agreement;
use assay::reports::views::AgreementParams;
use assay::store::{DEFAULT_WORKSPACE, NewJob, Request, Retirement, now_micros};
use serde_json::json;

use crate::retain::{grown, retain};
use crate::support::{TestApp, choice, task};

const HOUR: Duration = Duration::from_secs(3600);

fn request(hours: u32) -> SweepRequest {
    SweepRequest {
        workspace: DEFAULT_WORKSPACE.into(),
        project: None,
        older_than: HOUR * hours,
        nothing_else_runs: false,
        dry_run: false,
        actor: "cli".into(),
    }
}

/// A sweep without a grace time, as when nothing else runs.
async fn sweep_now(test: &TestApp) -> Result<SweepSummary> {
    run(&test.app, SweepRequest { nothing_else_runs: true, ..request(0) }).await
}

fn data(test: &TestApp) -> PathBuf {
    test.folder.path().join("data")
}

/// Writes a file below the data folder that looks so many hours old.
fn aged(test: &TestApp, path: impl AsRef<Path>, hours: u32) -> PathBuf {
    let path = data(test).join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::fs::File::options().create(true).append(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() - HOUR * hours).unwrap();
    path
}

fn kinds(summary: &SweepSummary) -> BTreeSet<Kind> {
    summary.deleted.iter().map(|swept| swept.kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_retired_snapshots_go_after_the_grace_time_and_the_others_stay() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 3).await;
    let project = test.project("reviews").await;
    let labels = "SELECT annotation_id, label FROM results ORDER BY 1";
    let expected = test.query_at(&project, 3, labels).await;
    let unnamed = retain(&test, "reviews", "last=1").await.unwrap();
    assert!(unnamed.unnamed_files > 0);

    let early = run(&test.app, request(24)).await.unwrap();
    assert_eq!((early.deleted.len(), early.held_back.len(), early.unknown.len()), (0, 0, 0), "{early:?}");

    // Retired a day and an hour ago.
    let test = TestApp::new().await;
    grown(&test, "reviews", 3).await;
    let project = test.project("reviews").await;
    let then = now_micros() - 25 * 3600 * 1_000_000;
    test.app.db.retire_snapshots(&project.id, &[1, 2], Retirement::Retention, None, then).await.unwrap();
    let before = test.storage();
    let dry = run(&test.app, SweepRequest { dry_run: true, ..request(24) }).await.unwrap();
    assert_eq!(test.storage(), before, "a dry run deletes nothing");
    let done = run(&test.app, request(24)).await.unwrap();
    assert_eq!((done.bytes, &done.deleted), (dry.bytes, &dry.deleted));
    assert_eq!((done.bytes, kinds(&done)), (unnamed.unnamed_bytes, [Kind::Retired].into()));
    for swept in &done.deleted {
        assert!(!data(&test).join(&swept.path).exists(), "{}", swept.path);
    }
    assert_eq!(test.query_at(&project, 3, labels).await, expected);
    let left: BTreeSet<String> =
        test.app.db.project_files(&project.id).await.unwrap().into_iter().map(|file| file.path).collect();
    let newest: BTreeSet<String> =
        test.app.data_files(&project.id, 3).await.unwrap().into_iter().map(|file| file.path).collect();
    assert_eq!(left, newest, "their rows go as well");
    assert_eq!(run(&test.app, request(24)).await.unwrap().deleted, []);

    // Imports and reports go on.
    let export = json!([task(9, vec![choice(90, 1, "good", 0)])]);
    assert_eq!(test.import("reviews", &[&export]).await.unwrap().snapshot, 4);
    let audit = test.app.db.list_audit(DEFAULT_WORKSPACE, None, 9).await.unwrap();
    assert!(audit.iter().all(|row| row.action == "sweep" && row.outcome.as_deref() == Some("done")), "{audit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_kept_snapshot_names_stays() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 4).await;
    let project = test.project("reviews").await;
    // 2 is kept: its files were removed in 3, which is retired.
    retain(&test, "reviews", "last=1,number=2").await.unwrap();
    sweep_now(&test).await.unwrap();
    for number in [2, 4] {
        assert_eq!(test.query_at(&project, number, "SELECT count(*) FROM items").await, [[number.to_string()]]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_of_cut_off_work_go_when_they_are_old() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 1).await;
    let project = test.project("reviews").await;
    let snapshot = test.newest(&project).await;
    agreement(&test.app, &project, &snapshot, &AgreementParams::default()).await.unwrap();
    let kept = test.storage();
    let (known, unknown) = (format!("default/{}", project.id), format!("default/{}", uuid()));
    let old = [
        aged(&test, format!("{known}/items/bucket=0000/{}.parquet", uuid()), 25),
        aged(&test, format!("{known}/items/bucket=0000/{}.parquet#1", uuid()), 25),
        aged(&test, format!("{known}/_snapshots/1.json#2"), 25),
        aged(&test, format!("{known}/_reports/1/agreement-0000/measures.parquet"), 25),
        aged(&test, format!("{unknown}/raters/bucket=0000/{}.parquet", uuid()), 25),
        aged(&test, "_clock-0", 25),
        aged(&test, "_assay.json#1", 25),
        aged(&test, "_tmp/uploads/upload-a.part", 25),
        aged(&test, "_tmp/uploads/upload-b.json", 25),
        aged(&test, "_tmp/datafusion-x/spill", 25),
    ];
    let young = [
        aged(&test, format!("{known}/items/bucket=0000/{}.parquet", uuid()), 23),
        aged(&test, format!("{known}/results/bucket=0000/{}.parquet#1", uuid()), 23),
        aged(&test, format!("{known}/_reports/1/agreement-1111/measures.parquet"), 23),
        aged(&test, format!("{unknown}/items/bucket=0000/{}.parquet", uuid()), 23),
        aged(&test, "_tmp/uploads/upload-c.json", 23),
        aged(&test, "_tmp/datafusion-x/young", 23),
    ];
    // A job waits for this one, however old it is.
    let awaited = aged(&test, "_tmp/uploads/upload-d.json", 99);
    let payload = json!({ "path": awaited, "name": "x", "source": null, "config": null, "actor": "local" });
    let job = NewJob::new(DEFAULT_WORKSPACE, Some(&project.id), "import", payload, now_micros());
    test.app.db.enqueue_job(&job, &Request::default()).await.unwrap();

    let done = run(&test.app, request(24)).await.unwrap();
    for path in &old {
        assert!(!path.exists(), "{} should be gone", path.display());
    }
    for path in young.iter().chain([&awaited]) {
        assert!(path.exists(), "{} should have stayed", path.display());
    }
    assert_eq!(done.deleted.len(), old.len(), "{done:?}");
    assert_eq!(kinds(&done), [Kind::Orphan, Kind::Report, Kind::CutOff, Kind::Temporary].into());
    assert!(done.unknown.is_empty(), "{done:?}");

    // Once nothing else runs, everything goes but what a job waits for.
    sweep_now(&test).await.unwrap();
    assert!(young.iter().all(|path| !path.exists()) && awaited.exists());
    std::fs::remove_file(awaited).unwrap();
    assert_eq!(test.storage(), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_retired_snapshots_go_at_once() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 2).await;
    let project = test.project("reviews").await;
    retain(&test, "reviews", "last=1").await.unwrap();
    // One that was being computed when its snapshot was retired, by a server that was killed then.
    let late = aged(&test, format!("default/{}/_reports/1/agreement-0000/measures.parquet", project.id), 0);
    let done = run(&test.app, request(24)).await.unwrap();
    assert!(!late.exists());
    assert_eq!(kinds(&done), [Kind::Report].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_not_ours_are_listed_and_left_alone() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 1).await;
    let project = test.project("reviews").await;
    let foreign = [
        "notes.txt".to_owned(),
        "elsewhere/a.parquet".to_owned(),
        "default/readme".to_owned(),
        "default/backup/items/bucket=0000/a.parquet".to_owned(),
        format!("default/{}/notes.txt", project.id),
        format!("default/{}/items/a.parquet", project.id),
        format!("default/{}/other/bucket=0000/a.parquet", project.id),
        format!("default/{}/items/bucket=0000/a.csv", project.id),
        format!("default/{}/_snapshots/x.json", project.id),
    ];
    let paths: Vec<PathBuf> = foreign.iter().map(|name| aged(&test, name, 999)).collect();
    let cut_off = aged(&test, "default/readme#1", 999);
    let done = sweep_now(&test).await.unwrap();
    assert!(paths.iter().chain([&cut_off]).all(|path| path.exists()));
    let listed: BTreeSet<&str> = done.unknown.iter().map(String::as_str).collect();
    for name in &foreign {
        let folder = match name.as_str() {
            "elsewhere/a.parquet" => "elsewhere/",
            name if name.starts_with("default/backup/") => "default/backup/",
            name => name,
        };
        assert!(listed.contains(folder), "{folder} is not in {listed:?}");
    }
    assert!(done.deleted.is_empty(), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_is_newer_than_its_database_is_left_alone() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 1).await;
    grown(&test, "other", 1).await;
    let (reviews, other) = (test.project("reviews").await, test.project("other").await);
    // As when the database was restored from a backup of yesterday: the lake has snapshot 2, the database does not.
    aged(&test, format!("default/{}/_snapshots/2.json", reviews.id), 99);
    let committed = aged(&test, format!("default/{}/items/bucket=0000/{}.parquet", reviews.id, uuid()), 99);
    let unknown = format!("default/{}", uuid());
    let of_unknown = aged(&test, format!("{unknown}/items/bucket=0000/{}.parquet", uuid()), 99);
    aged(&test, format!("{unknown}/_snapshots/1.json"), 99);
    let orphan = aged(&test, format!("default/{}/items/bucket=0000/{}.parquet", other.id, uuid()), 99);

    let done = run(&test.app, request(24)).await.unwrap();
    assert!(committed.exists() && of_unknown.exists());
    assert!(!orphan.exists(), "other projects are swept all the same");
    let held: BTreeSet<&str> = done.held_back.iter().map(|one| one.folder.as_str()).collect();
    assert_eq!(held, [format!("default/{}", reviews.id).as_str(), unknown.as_str()].into());
    assert!(done.held_back.iter().all(|one| one.why.contains("older than the lake")), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grace_time_that_would_endanger_imports_is_refused() {
    let test = TestApp::new().await;
    let error = run(&test.app, request(11)).await.unwrap_err();
    assert!(matches!(&error, Error::Invalid(text) if text.contains("--nothing-else-runs")), "{error}");
    run(&test.app, request(12)).await.unwrap();
    let missing = SweepRequest { project: Some("nothing".into()), ..request(24) };
    assert!(matches!(run(&test.app, missing).await, Err(Error::NotFound { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeps_beside_each_other_and_beside_imports_do_no_harm() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 4).await;
    retain(&test, "reviews", "last=1").await.unwrap();
    let sweeps: Vec<_> = (0..4)
        .map(|_| {
            let app = test.app.clone();
            // Nobody's files are younger than the grace time here: the imports below are, and are to be spared.
            tokio::spawn(async move { run(&app, request(24)).await })
        })
        .collect();
    for n in 10..14u64 {
        test.import("reviews", &[&json!([task(n, vec![choice(n * 10, 1, "good", 0)])])]).await.unwrap();
    }
    for sweep in sweeps {
        sweep.await.unwrap().unwrap();
    }
    let (one, two) = tokio::join!(sweep_now(&test), sweep_now(&test));
    assert!(one.unwrap().bytes + two.unwrap().bytes > 0);
    assert_eq!(test.query("reviews", "SELECT count(*) FROM items").await, [["8"]]);
    assert_eq!(sweep_now(&test).await.unwrap().deleted, []);
}

fn uuid() -> String {
    assay::store::new_id()
}
