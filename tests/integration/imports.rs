//! What an import does to a project.

use assay::error::Error;
use assay::jobs::import::Input;
use assay::lake::Counts;
use serde_json::json;

use crate::support::{TestApp, choice, request, task};

fn counts(new: u64, changed: u64, unchanged: u64) -> Counts {
    Counts { new, changed, unchanged, removed: 0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_again_makes_no_snapshot() {
    let test = TestApp::new().await;
    let export = json!([task(1, vec![choice(10, 1, "good", 0), choice(11, 2, "bad", 0)]), task(2, vec![])]);
    let first = test.import("reviews", &[&export]).await.unwrap();
    assert_eq!((first.snapshot, first.committed), (1, true));
    assert_eq!((first.items, first.annotations), (counts(2, 0, 0), counts(2, 0, 0)));

    let before = test.storage();
    let second = test.import("reviews", &[&export]).await.unwrap();
    assert_eq!((second.snapshot, second.committed), (1, false));
    assert_eq!((second.items, second.annotations), (counts(0, 0, 2), counts(0, 0, 2)));
    assert_eq!(test.storage(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_export_updates_what_changed_and_an_older_one_nothing() {
    let test = TestApp::new().await;
    let old = json!([task(1, vec![choice(10, 1, "good", 0), choice(11, 2, "bad", 0)])]);
    let new = json!([task(1, vec![choice(10, 1, "bad", 5), choice(11, 2, "bad", 0), choice(12, 3, "bad", 5)])]);
    test.import("reviews", &[&old]).await.unwrap();
    let newer = test.import("reviews", &[&new]).await.unwrap();
    assert_eq!(newer.annotations, counts(1, 1, 1));
    let labels = "SELECT annotation_id, label FROM results ORDER BY 1";
    let now = [["reviews/annotation/10", "bad"], ["reviews/annotation/11", "bad"], ["reviews/annotation/12", "bad"]];
    assert_eq!(test.query("reviews", labels).await, now);

    let older = test.import("reviews", &[&old]).await.unwrap();
    assert!(!older.committed, "an older export must not bring back old answers: {older:?}");
    assert_eq!(test.query("reviews", labels).await, now);

    let project = test.project("reviews").await;
    let then = test.query_at(&project, 1, labels).await;
    assert_eq!(
        then,
        [["reviews/annotation/10", "good"], ["reviews/annotation/11", "bad"]],
        "snapshot 1 stays as it was"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn clearing_ground_truth_is_seen_although_the_time_stays() {
    let test = TestApp::new().await;
    let mut annotation = choice(10, 1, "good", 0);
    annotation["ground_truth"] = json!(true);
    test.import("reviews", &[&json!([task(1, vec![annotation.clone()])])]).await.unwrap();
    annotation["ground_truth"] = json!(false);
    let summary = test.import("reviews", &[&json!([task(1, vec![annotation])])]).await.unwrap();
    assert_eq!(summary.annotations, counts(0, 1, 0));
    assert_eq!(test.query("reviews", "SELECT ground_truth FROM annotations").await, [["false"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_keeps_what_the_file_does_not_name() {
    let test = TestApp::new().await;
    test.import("reviews", &[&json!([task(1, vec![choice(10, 1, "good", 0)]), task(2, vec![])])]).await.unwrap();
    test.import("reviews", &[&json!([task(3, vec![choice(30, 1, "bad", 0)])])]).await.unwrap();
    let items = test.query("reviews", "SELECT native_id FROM items ORDER BY 1").await;
    assert_eq!(items, [["1"], ["2"], ["3"]]);
    assert_eq!(test.query("reviews", "SELECT count(*) FROM annotations").await, [["2"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_files_the_later_one_wins_at_equal_times() {
    let test = TestApp::new().await;
    let one = json!([task(1, vec![choice(10, 1, "good", 0)])]);
    let two = json!([task(1, vec![choice(10, 1, "bad", 0)])]);
    let summary = test.import("reviews", &[&one, &two]).await.unwrap();
    assert_eq!(summary.annotations, counts(1, 0, 0));
    assert_eq!(test.query("reviews", "SELECT label FROM results").await, [["bad"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_ids_in_one_file_are_refused_with_both_places() {
    let test = TestApp::new().await;
    test.import("reviews", &[&json!([task(1, vec![])])]).await.unwrap();
    let before = test.storage();
    let twice = json!([task(7, vec![]), task(8, vec![]), task(7, vec![])]);
    let error = test.import("reviews", &[&twice]).await.unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, Error::Invalid(_)), "{error:?}");
    for part in ["export-0.json", "task id 7 appears twice", "task 1 (byte 1)", "task 3 (byte"] {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
    let twice = json!([task(7, vec![choice(70, 1, "a", 0), choice(70, 2, "b", 0)])]);
    let message = test.import("reviews", &[&twice]).await.unwrap_err().to_string();
    assert!(message.contains("annotation id 70 appears twice"), "{message}");
    assert_eq!(test.storage(), before);
    assert_eq!(test.newest(&test.project("reviews").await).await.number, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_first_import_leaves_no_project() {
    let test = TestApp::new().await;
    let before = test.storage();
    let path = test.file("broken.json", "[{\"id\": 1, \"data\": {}, \"annotations\": []}");
    let error = test.import_files("reviews", vec![Input { path, name: "broken.json".into() }]).await.unwrap_err();
    assert!(error.to_string().contains("broken.json"), "{error}");
    assert!(test.app.db.list_projects("default", None, 10).await.unwrap().is_empty());
    assert_eq!(test.storage(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drafts_email_and_a_user_id_become_one_rater() {
    let test = TestApp::new().await;
    let draft = json!({
        "id": 5, "user": "bo@example.com", "created_username": "Bo", "created_ago": "1 day", "lead_time": 1.0, "annotation": null,
        "created_at": "2026-01-06T10:00:00Z", "updated_at": "2026-01-06T10:00:00Z", "result": [],
    });
    let mut with_draft = task(1, vec![]);
    with_draft["drafts"] = json!([draft]);
    test.import("reviews", &[&json!([with_draft])]).await.unwrap();
    assert_eq!(test.query("reviews", "SELECT rater_id FROM raters").await, [["reviews/user/bo@example.com"]]);

    let mut annotation = choice(20, 3, "good", 0);
    annotation["completed_by"] = json!({ "id": 3, "email": "bo@example.com", "first_name": "Bo", "last_name": "Lee" });
    test.import("reviews", &[&json!([task(2, vec![annotation])])]).await.unwrap();
    assert_eq!(test.query("reviews", "SELECT rater_id FROM raters").await, [["reviews/user/3"]]);
    let raters = test.query("reviews", "SELECT DISTINCT rater_id FROM annotations").await;
    assert_eq!(raters, [["reviews/user/3"]], "rows of earlier imports carry the id as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_at_the_same_time_all_land() {
    let test = TestApp::new().await;
    let imports = (0..4u64).map(|n| {
        let export = json!([task(n, vec![choice(n * 10, 1, "good", 0), choice(n * 10 + 1, 2, "bad", 0)])]);
        let name = format!("export-{n}.json");
        let path = test.file(&name, export.to_string());
        let app = test.app.clone();
        tokio::spawn(async move {
            let request = request("reviews", vec![Input { path, name }]);
            assay::jobs::import::run(&app, request, Default::default()).await
        })
    });
    for import in imports.collect::<Vec<_>>() {
        assert!(import.await.unwrap().unwrap().committed);
    }
    assert_eq!(test.newest(&test.project("reviews").await).await.number, 4);
    assert_eq!(test.query("reviews", "SELECT count(*), count(DISTINCT item_id) FROM annotations").await, [["8", "4"]]);
    for number in 1..=4 {
        test.check_snapshot(&test.project("reviews").await, number).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_of_a_snapshot_equal_its_rows() {
    let test = TestApp::new().await;
    let mut labelled = task(1, vec![choice(10, 1, "good", 0)]);
    labelled["predictions"] = json!([{
        "id": 90, "model_version": "m1", "score": 0.5, "created_at": "2026-01-06T10:00:00Z", "updated_at": "2026-01-06T10:00:00Z",
        "result": [{ "id": "p", "from_name": "sentiment", "to_name": "text", "type": "choices", "value": { "choices": ["bad"] } }],
    }]);
    test.import("reviews", &[&json!([labelled, task(2, vec![choice(11, 2, "bad", 0), choice(12, 1, "bad", 0)])])])
        .await
        .unwrap();
    let project = test.project("reviews").await;
    let counts = test.newest(&project).await.counts;
    assert_eq!((counts.items, counts.annotations, counts.predictions, counts.results, counts.raters), (2, 3, 1, 4, 3));
    let stored: u64 = test.app.data_files(&project.id, 1).await.unwrap().iter().map(|file| file.bytes).sum();
    assert_eq!(counts.bytes, stored);
    let copy = test.app.lake.get(&format!("default/{}/_snapshots/1.json", project.id)).await.unwrap();
    let copy: serde_json::Value = serde_json::from_slice(&copy).unwrap();
    assert_eq!(copy["counts"]["annotations"], 3);
    assert_eq!(copy["files"].as_array().unwrap().len(), 4, "items, annotations, results, raters");
}
