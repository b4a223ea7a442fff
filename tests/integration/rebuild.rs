//! The catalog rebuilt from the lake alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use assay::app::App;
use assay::config::Config;
use assay::error::{Error, Result};
use assay::jobs::rebuild::{RebuildRequest, RebuildSummary, run};
use assay::store::{DEFAULT_WORKSPACE, DataFile, Db, Project, Snapshot};

use crate::retain::{grown, retain};
use crate::support::{TestApp, postgres};

/// Settings for the same lake with another database.
fn config(test: &TestApp, database: &str) -> Config {
    let db = test.folder.path().join(database);
    Config { db: Some(format!("sqlite://{}", db.display())), ..Config::for_folder(&data(test)) }
}

fn data(test: &TestApp) -> PathBuf {
    test.folder.path().join("data")
}

async fn rebuild(app: &Arc<App>, verify: bool) -> Result<RebuildSummary> {
    run(app, RebuildRequest { verify, take_over: true, actor: "cli".into() }).await
}

/// What the catalog says of a project, apart from the job that made a snapshot.
async fn catalog(db: &Db, name: &str) -> (Project, Vec<Snapshot>, Vec<(i64, Vec<DataFile>)>) {
    let project = db.find_project(DEFAULT_WORKSPACE, name).await.unwrap();
    let listed = db.list_snapshots(&project.id, None, 99).await.unwrap();
    let (mut snapshots, mut files) = (Vec::new(), Vec::new());
    for one in listed.iter().filter(|one| one.retired_at.is_none()) {
        snapshots.push(db.snapshot(&project.id, one.number).await.unwrap());
        let mut of = db.snapshot_files(&project.id, one.number).await.unwrap();
        // When it was added and removed is known of readable snapshots only.
        of.iter_mut().for_each(|file| (file.added_in, file.removed_in) = (0, None));
        files.push((one.number, of));
    }
    (project, snapshots, files)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_project_and_snapshot_comes_back() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 5).await;
    grown(&test, "Käse & Öl 🧀", 2).await;
    retain(&test, "reviews", "last=2,number=2").await.unwrap();
    let labels = "SELECT annotation_id, label FROM results ORDER BY 1";
    let project = test.project("reviews").await;
    let mut expected = Vec::new();
    for number in [2, 4, 5] {
        expected.push(test.query_at(&project, number, labels).await);
    }

    // A database is not rebuilt over a living one, nor is a lake taken without being told so.
    let error = rebuild(&test.app, false).await.unwrap_err();
    assert!(matches!(&error, Error::Conflict(text) if text.contains("has projects already")), "{error}");
    let fresh = App::open_unclaimed(&config(&test, "new.db")).await.unwrap();
    let refused =
        run(&fresh, RebuildRequest { verify: false, take_over: false, actor: "cli".into() }).await.unwrap_err();
    assert!(matches!(&refused, Error::Conflict(text) if text.contains("--take-over")), "{refused}");
    assert!(!fresh.db.any_project().await.unwrap());

    let summary = rebuild(&fresh, true).await.unwrap();
    assert!(summary.lost.is_empty(), "{summary:?}");
    let reviews = summary.projects.iter().find(|project| project.name == "reviews").unwrap();
    assert_eq!(
        (reviews.latest, reviews.readable.as_slice(), reviews.retired.as_slice()),
        (5, &[2, 4, 5][..], &[1, 3][..])
    );
    for name in ["reviews", "Käse & Öl 🧀"] {
        assert_eq!(catalog(&fresh.db, name).await, catalog(&test.app.db, name).await);
    }
    for number in [1, 3] {
        assert!(matches!(fresh.db.snapshot(&project.id, number).await, Err(Error::Gone(_))));
    }
    assert!(fresh.db.uncopied_snapshots(&project.id).await.unwrap().is_empty());

    // The lake belongs to the new database, and works on with it.
    let error = App::open(&Config::for_folder(&data(&test))).await.unwrap_err();
    assert!(error.to_string().contains("catalog rebuild"), "{error}");
    let rebuilt = TestApp { app: App::open(&config(&test, "new.db")).await.unwrap(), folder: test.folder };
    for (number, expected) in [2, 4, 5].into_iter().zip(&expected) {
        assert_eq!(rebuilt.query_at(&project, number, labels).await, *expected);
    }
    let export = serde_json::json!([crate::support::task(9, vec![])]);
    assert_eq!(rebuilt.import("reviews", &[&export]).await.unwrap().snapshot, 6);
    let audit = rebuilt.app.db.list_audit(DEFAULT_WORKSPACE, None, 9).await.unwrap();
    assert_eq!((audit[0].action.as_str(), audit[0].outcome.as_deref()), ("catalog.rebuild", Some("done")));
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_with_missing_or_damaged_files_are_named_and_the_newest_whole_one_is_the_latest() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 3).await;
    grown(&test, "lost", 1).await;
    let (project, lost) = (test.project("reviews").await, test.project("lost").await);
    let only_in = |files: &[DataFile], number: i64| -> PathBuf {
        let file = files
            .iter()
            .find(|file| file.is_of(number) && !file.is_of(number - 1) && (number == 3 || !file.is_of(number + 1)));
        data(&test).join(&file.unwrap().path)
    };
    let files = test.app.db.project_files(&project.id).await.unwrap();
    let missing = only_in(&files, 3);
    let hidden = std::fs::read(&missing).unwrap();
    std::fs::remove_file(&missing).unwrap();
    flip(&only_in(&files, 1));
    std::fs::remove_file(data(&test).join(&test.app.db.project_files(&lost.id).await.unwrap()[0].path)).unwrap();

    let quick = App::open_unclaimed(&config(&test, "quick.db")).await.unwrap();
    let summary = rebuild(&quick, false).await.unwrap();
    let of = |summary: &RebuildSummary| {
        summary.projects.iter().map(|one| (one.name.clone(), one.readable.clone())).collect::<Vec<_>>()
    };
    assert_eq!(of(&summary), [("reviews".to_owned(), vec![1, 2])], "sizes alone do not tell damage");

    let thorough = App::open_unclaimed(&config(&test, "thorough.db")).await.unwrap();
    let summary = rebuild(&thorough, true).await.unwrap();
    assert_eq!(of(&summary), [("reviews".to_owned(), vec![2])]);
    let why = |folder: &str, snapshot| {
        let lost = summary.lost.iter().find(|lost| lost.folder.ends_with(folder) && lost.snapshot == snapshot);
        lost.unwrap_or_else(|| panic!("{folder} {snapshot:?}: {summary:?}")).why.clone()
    };
    assert!(why(&project.id, Some(3)).contains(missing.file_name().unwrap().to_str().unwrap()));
    assert!(why(&project.id, Some(3)).contains("is missing") && why(&project.id, Some(1)).contains("SHA-256"));
    assert!(why(&lost.id, None).contains("no snapshot of it is whole"));
    assert_eq!(thorough.db.latest_snapshot(&project.id).await.unwrap().unwrap().number, 2);
    assert!(matches!(thorough.db.find_project(DEFAULT_WORKSPACE, "lost").await, Err(Error::NotFound { .. })));

    // Once the file is back, so is its snapshot.
    std::fs::write(&missing, hidden).unwrap();
    let again = App::open_unclaimed(&config(&test, "again.db")).await.unwrap();
    assert_eq!(of(&rebuild(&again, true).await.unwrap()), [("reviews".to_owned(), vec![2, 3])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_cannot_be_trusted_are_not_restored() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 4).await;
    let project = test.project("reviews").await;
    let copy = |number: i64| data(&test).join("default").join(&project.id).join(format!("_snapshots/{number}.json"));
    std::fs::write(copy(1), "{").unwrap();
    let mut of_two: serde_json::Value = serde_json::from_slice(&std::fs::read(copy(2)).unwrap()).unwrap();
    of_two.as_object_mut().unwrap().remove("files");
    std::fs::write(copy(2), of_two.to_string()).unwrap();
    std::fs::copy(copy(4), copy(3)).unwrap();
    let fresh = App::open_unclaimed(&config(&test, "new.db")).await.unwrap();
    let summary = rebuild(&fresh, false).await.unwrap();
    assert_eq!(summary.projects[0].readable, [4]);
    let why: Vec<&str> = summary.lost.iter().map(|lost| lost.why.as_str()).collect();
    assert!(
        why[0].contains("is damaged") && why[1].contains("lacks") && why[2].contains("says that it is snapshot 4"),
        "{why:?}"
    );

    let mut newer: serde_json::Value = serde_json::from_slice(&std::fs::read(copy(4)).unwrap()).unwrap();
    newer["schema_version"] = 99.into();
    std::fs::write(copy(4), newer.to_string()).unwrap();
    let fresh = App::open_unclaimed(&config(&test, "newer.db")).await.unwrap();
    let error = rebuild(&fresh, false).await.unwrap_err();
    assert!(
        matches!(&error, Error::Conflict(text) if text.contains("schema version 99") && text.contains("newer assay")),
        "{error}"
    );
    assert!(!fresh.db.any_project().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_no_lake_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::open_unclaimed(&Config::for_folder(&folder.path().join("data"))).await.unwrap();
    let request = RebuildRequest { verify: false, take_over: false, actor: "cli".into() };
    let error = run(&app, request.clone()).await.unwrap_err();
    assert!(error.to_string().contains("no _assay.json"), "{error}");
    let error = run(&app, RebuildRequest { take_over: true, ..request }).await.unwrap_err();
    assert!(matches!(&error, Error::Invalid(text) if text.contains("no snapshot that can be restored")), "{error}");
    assert!(!folder.path().join("data/_assay.json").exists(), "nothing was taken over");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_moves_from_sqlite_to_postgres() {
    let drop = "DROP DATABASE IF EXISTS assay_rebuild WITH (FORCE)";
    let Some(url) = postgres("assay_rebuild", drop, "CREATE DATABASE assay_rebuild").await else { return };
    let test = TestApp::new().await;
    grown(&test, "reviews", 3).await;
    retain(&test, "reviews", "last=1,number=1").await.unwrap();
    let config = Config { db: Some(url), ..Config::for_folder(&data(&test)) };
    let moved = App::open_unclaimed(&config).await.unwrap();
    let summary = rebuild(&moved, true).await.unwrap();
    assert_eq!(
        (summary.projects[0].readable.as_slice(), summary.projects[0].retired.as_slice()),
        (&[1, 3][..], &[2][..])
    );
    assert_eq!(catalog(&moved.db, "reviews").await, catalog(&test.app.db, "reviews").await);
    let error = rebuild(&moved, true).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
}

/// Changes one byte in the middle.
pub fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(path, bytes).unwrap();
}
