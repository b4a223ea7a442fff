//! What is said when storage or database is not as it was left, and that whatever is whole goes on being read.

use std::path::PathBuf;

use assay::app::App;
use assay::config::Config;
use assay::error::Error;
use assay::jobs::compact::{CompactRequest, run as compact};
use assay::lake::Table;
use assay::reports::views::AgreementParams;
use assay::reports::{agreement, item};
use assay::store::DEFAULT_WORKSPACE;
use serde_json::json;

use crate::retain::grown;
use crate::support::{TestApp, choice, task};

/// The file of `table` that the newest of three snapshots has for itself.
async fn newest_file(test: &TestApp, table: Table) -> (String, PathBuf) {
    let project = test.project("reviews").await;
    let files = test.app.data_files(&project.id, 3).await.unwrap();
    let path = files.into_iter().find(|file| file.table == table).unwrap().path;
    let place = test.folder.path().join("data").join(&path);
    (path, place)
}

/// Reports, imports and compactions name the file; snapshots without it are read.
async fn check(test: &TestApp, path: &str, said: &str) {
    let project = test.project("reviews").await;
    let newest = test.newest(&project).await;
    let params = AgreementParams::default();
    let names = |error: Error| {
        let text = error.to_string();
        assert!(text.contains(path) && text.contains(said) && text.contains("from a backup"), "{text}");
    };
    names(agreement(&test.app, &project, &newest, &params).await.unwrap_err());
    names(item(&test.app, &project, &newest, "1").await.unwrap_err());
    let before = test.storage();
    let export = json!([task(1, vec![choice(10, 1, "bad", 9)])]);
    names(test.import("reviews", &[&export]).await.unwrap_err());
    let request = CompactRequest {
        workspace: DEFAULT_WORKSPACE.into(),
        project: "reviews".into(),
        buckets: Some(4),
        dry_run: false,
        actor: "cli".into(),
    };
    names(compact(&test.app, request).await.unwrap_err());
    assert_eq!(test.storage(), before, "what failed leaves nothing");
    assert_eq!(test.newest(&project).await.number, 3);
    for number in [1, 2] {
        let older = test.app.db.snapshot(&project.id, number).await.unwrap();
        agreement(&test.app, &project, &older, &params).await.unwrap();
        assert_eq!(item(&test.app, &project, &older, "1").await.unwrap().annotations.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_is_named() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 3).await;
    let (path, place) = newest_file(&test, Table::Results).await;
    std::fs::remove_file(place).unwrap();
    check(&test, &path, "missing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_cut_short_is_named() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 3).await;
    let (path, place) = newest_file(&test, Table::Annotations).await;
    let bytes = std::fs::read(&place).unwrap();
    std::fs::write(&place, &bytes[..bytes.len() / 2]).unwrap();
    check(&test, &path, "SHA-256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_other_bytes_in_it_is_named() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 3).await;
    let (path, place) = newest_file(&test, Table::Items).await;
    let mut bytes = std::fs::read(&place).unwrap();
    let third = bytes.len() / 3;
    bytes[4..third].fill(0xa5);
    std::fs::write(&place, bytes).unwrap();
    check(&test, &path, "SHA-256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_and_a_database_that_do_not_belong_together_are_refused() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 1).await;
    let folder = test.folder.path().join("data");
    let other = Config {
        db: Some(format!("sqlite://{}", test.folder.path().join("other.db").display())),
        ..Config::for_folder(&folder)
    };
    let error = App::open(&other).await.unwrap_err();
    let Error::Conflict(text) = &error else { panic!("{error:?}") };
    for part in [folder.to_str().unwrap(), test.app.db.id(), "--db", "--data", "catalog rebuild"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }

    let mark = folder.join("_assay.json");
    let mut newer: serde_json::Value = serde_json::from_slice(&std::fs::read(&mark).unwrap()).unwrap();
    newer["schema_version"] = json!(99);
    std::fs::write(&mark, newer.to_string()).unwrap();
    let error = App::open(&Config::for_folder(&folder)).await.unwrap_err();
    assert!(
        matches!(&error, Error::Conflict(text) if text.contains("schema version 99") && text.contains("newer assay")),
        "{error}"
    );

    std::fs::write(&mark, "{").unwrap();
    let error = App::open(&Config::for_folder(&folder)).await.unwrap_err();
    assert!(matches!(&error, Error::Invalid(text) if text.contains("_assay.json is not readable")), "{error}");
}
