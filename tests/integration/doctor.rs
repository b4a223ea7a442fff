//! `assay doctor`: what is wrong is found, and nothing is changed.

use std::path::PathBuf;

use assay::config::Config;
use assay::jobs::doctor::{Diagnosis, State, examine};
use serde_json::json;

use crate::support::{TestApp, choice, task};

async fn with_data() -> TestApp {
    let test = TestApp::new().await;
    test.import("p", &[&json!([task(1, vec![choice(10, 1, "good", 0)])])]).await.unwrap();
    test
}

fn data(test: &TestApp) -> PathBuf {
    test.folder.path().join("data")
}

fn config(test: &TestApp) -> Config {
    Config::for_folder(&data(test))
}

async fn diagnose(test: &TestApp) -> Diagnosis {
    examine(&config(test), true).await
}

/// The details of what is not as it should be, by part.
fn faults(diagnosis: &Diagnosis) -> Vec<(&'static str, State, String)> {
    let wrong = diagnosis.findings.iter().filter(|finding| finding.state != State::Ok);
    // Whoever runs the tests may have little room.
    let wrong = wrong.filter(|finding| finding.part != "temporary_folder");
    wrong.map(|finding| (finding.part, finding.state, finding.detail.clone())).collect()
}

fn files(test: &TestApp) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = test.storage().into_iter().map(|(path, _)| path).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_lake_is_sound_and_stays_as_it_was() {
    let test = with_data().await;
    let before = files(&test);
    let diagnosis = diagnose(&test).await;
    assert_eq!(faults(&diagnosis), []);
    let parts: Vec<&str> = diagnosis.findings.iter().map(|finding| finding.part).collect();
    assert_eq!(parts, ["temporary_folder", "storage", "clock", "database", "ownership", "access", "jobs", "snapshots"]);
    assert_eq!(files(&test), before);
    assert!(!data(&test).join("_doctor").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_where_nothing_is_yet_is_not_made() {
    let test = TestApp::new().await;
    let config = Config::for_folder(&test.folder.path().join("nothing"));
    let diagnosis = examine(&config, false).await;
    assert_eq!(
        faults(&diagnosis).iter().map(|(part, state, _)| (*part, *state)).collect::<Vec<_>>(),
        [("storage", State::Warning), ("database", State::Warning)]
    );
    assert!(!test.folder.path().join("nothing").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_and_missing_files_are_named() {
    let test = with_data().await;
    let data = files(&test);
    let mut bytes = std::fs::read(&data[0]).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&data[0], bytes).unwrap();
    std::fs::remove_file(&data[1]).unwrap();
    std::fs::write(&data[2], "short").unwrap();
    let found = faults(&diagnose(&test).await);
    assert_eq!(found.len(), 3, "{found:?}");
    for (place, what) in [(0, "SHA-256"), (1, "is missing"), (2, "has 5 bytes")] {
        let name = data[place].file_name().unwrap().to_str().unwrap();
        let named = found.iter().any(|(part, state, detail)| {
            (*part, *state) == ("snapshots", State::Failed) && detail.contains(name) && detail.contains(what)
        });
        assert!(named, "{name} {what}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_of_another_database_is_told() {
    let (test, other) = (with_data().await, with_data().await);
    std::fs::copy(data(&other).join("_assay.json"), data(&test).join("_assay.json")).unwrap();
    let found = faults(&diagnose(&test).await);
    assert_eq!((found.len(), found[0].0, found[0].1), (1, "ownership", State::Failed), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_answer_is_told_with_the_rest() {
    let test = with_data().await;
    let config = Config { db: Some("postgres://assay:secret@127.0.0.1:1/assay".to_owned()), ..config(&test) };
    let diagnosis = examine(&config, false).await;
    let found = faults(&diagnosis);
    assert_eq!((found.len(), found[0].0, found[0].1), (1, "database", State::Failed), "{found:?}");
    assert!(!found[0].2.contains("secret"), "{found:?}");
}
