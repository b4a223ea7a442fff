//! Imports of files that are the whole truth about their source.

use assay::jobs::import::ImportRequest;
use assay::lake::Counts;
use serde_json::{Value, json};

use crate::support::{TestApp, choice, request, task};

fn counts(new: u64, changed: u64, unchanged: u64, removed: u64) -> Counts {
    Counts { new, changed, unchanged, removed }
}

fn prediction(id: u64, label: &str) -> Value {
    json!({
        "id": id, "model_version": "m1", "score": 0.5, "created_at": "2026-01-06T10:00:00Z", "updated_at": "2026-01-06T10:00:00Z",
        "result": [{ "id": "p", "from_name": "sentiment", "to_name": "text", "type": "choices", "value": { "choices": [label] } }],
    })
}

fn draft(id: u64) -> Value {
    json!({
        "id": id, "user": "bo@example.com", "created_at": "2026-01-06T10:00:00Z", "updated_at": "2026-01-06T10:00:00Z", "result": [],
    })
}

fn with(mut task: Value, predictions: Value, drafts: Value) -> Value {
    task["predictions"] = predictions;
    task["drafts"] = drafts;
    task
}

async fn native_ids(test: &TestApp, table: &str) -> Vec<String> {
    let rows =
        test.query("reviews", &format!("SELECT native_id FROM {table} ORDER BY length(native_id), native_id")).await;
    rows.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_files_do_not_hold_is_removed_and_another_source_stays() {
    let test = TestApp::new().await;
    let first = json!([
        with(
            task(1, vec![choice(10, 1, "good", 0), choice(11, 2, "bad", 0)]),
            json!([prediction(90, "bad")]),
            json!([draft(80)])
        ),
        task(2, vec![choice(20, 1, "good", 0)]),
    ]);
    test.import_full("reviews", "one", &[&first]).await.unwrap();
    test.import_full("reviews", "two", &[&json!([task(1, vec![choice(10, 9, "good", 0)])])]).await.unwrap();

    let later = json!([task(1, vec![choice(10, 1, "good", 0)]), task(3, vec![])]);
    let summary = test.import_full("reviews", "one", &[&later]).await.unwrap();
    assert_eq!(summary.items, counts(1, 0, 1, 1));
    assert_eq!(summary.annotations, counts(0, 0, 1, 3), "11 and the draft of item 1, and 20 with its item");
    assert_eq!(summary.predictions, counts(0, 0, 0, 1));
    let items = test.query("reviews", "SELECT item_id FROM items ORDER BY 1").await;
    assert_eq!(items, [["one/task/1"], ["one/task/3"], ["two/task/1"]]);
    let answers = test.query("reviews", "SELECT annotation_id FROM annotations ORDER BY 1").await;
    assert_eq!(answers, [["one/annotation/10"], ["two/annotation/10"]]);
    assert_eq!(test.query("reviews", "SELECT count(DISTINCT annotation_id) FROM results").await, [["2"]]);
    let raters = test.query("reviews", "SELECT count(*) FROM raters").await;
    assert_eq!(raters, [["5"]], "people and models do not vanish with their answers");

    let project = test.project("reviews").await;
    let newest = test.newest(&project).await;
    assert_eq!(
        (newest.changes.items.removed, newest.changes.annotations.removed, newest.changes.predictions.removed),
        (1, 3, 1)
    );
    assert_eq!((newest.counts.items, newest.counts.annotations, newest.counts.predictions), (3, 2, 0));
    for number in 1..=3 {
        test.check_snapshot(&project, number).await;
    }
    assert!(!test.import_full("reviews", "one", &[&later]).await.unwrap().committed, "the same files again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_in_the_file_stands_although_it_is_older() {
    let test = TestApp::new().await;
    let old = json!([task(1, vec![choice(10, 1, "good", 0)])]);
    let new = json!([task(1, vec![choice(10, 1, "bad", 9)])]);
    test.import("reviews", &[&new]).await.unwrap();
    assert!(!test.import("reviews", &[&old]).await.unwrap().committed, "merged, the newer one stands");
    let summary = test.import_full("reviews", "reviews", &[&old]).await.unwrap();
    assert_eq!(summary.annotations, counts(0, 1, 0, 0));
    assert_eq!(test.query("reviews", "SELECT label FROM results").await, [["good"]]);

    // Of two files of one import the newer version counts, whatever their order.
    for (exports, differs) in [([&new, &old], true), ([&old, &new], false)] {
        let summary = test.import_full("reviews", "reviews", &exports).await.unwrap();
        assert_eq!((summary.committed, summary.annotations.changed), (differs, u64::from(differs)));
        assert_eq!(test.query("reviews", "SELECT label FROM results").await, [["bad"]]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_form_only_names_or_leaves_out_is_kept() {
    let test = TestApp::new().await;
    let answers = || vec![choice(10, 1, "good", 0)];
    let full =
        with(task(1, answers()), json!([prediction(90, "bad"), prediction(91, "good")]), json!([draft(80), draft(81)]));
    test.import("reviews", &[&json!([full])]).await.unwrap();

    let named = with(task(1, answers()), json!([90]), json!([81]));
    let summary = test.import_full("reviews", "reviews", &[&json!([named])]).await.unwrap();
    assert_eq!((summary.annotations.removed, summary.predictions.removed), (1, 1));
    assert_eq!(native_ids(&test, "annotations").await, ["10", "81", "90"]);
    assert_eq!(
        test.query("reviews", "SELECT label FROM results ORDER BY 1").await,
        [["bad"], ["good"]],
        "with content"
    );

    let mut silent = task(1, answers());
    for list in ["annotations", "predictions", "drafts"] {
        silent.as_object_mut().unwrap().remove(list);
    }
    let summary = test.import_full("reviews", "reviews", &[&json!([silent])]).await.unwrap();
    assert_eq!((summary.annotations.removed, summary.predictions.removed), (0, 0), "no list, no word about it");
    assert_eq!(native_ids(&test, "annotations").await, ["10", "81", "90"]);

    let empty = with(task(1, answers()), json!([]), json!([]));
    test.import_full("reviews", "reviews", &[&json!([empty])]).await.unwrap();
    assert_eq!(native_ids(&test, "annotations").await, ["10"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_refused_does_not_remove_what_it_may_mean() {
    let test = TestApp::new().await;
    let answers = vec![choice(10, 1, "good", 0), choice(11, 2, "bad", 0)];
    let before = with(task(1, answers), json!([prediction(90, "bad")]), json!([]));
    test.import("reviews", &[&json!([before, task(2, vec![choice(20, 1, "good", 0)])])]).await.unwrap();
    let mut faulty = choice(10, 1, "good", 9);
    faulty["updated_at"] = json!("yesterday");
    let after = json!([with(task(1, vec![faulty]), json!([]), json!([])), task(2, vec![])]);
    let summary = test.import_full("reviews", "reviews", &[&after]).await.unwrap();
    assert_eq!((summary.rejected, summary.annotations.removed, summary.predictions.removed), (1, 1, 1));
    assert_eq!(native_ids(&test, "annotations").await, ["10", "11"], "of item 2, and of predictions, all is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_annotator_whose_account_was_deleted_stays_known() {
    let test = TestApp::new().await;
    test.import("reviews", &[&json!([task(1, vec![choice(10, 1, "good", 0)])])]).await.unwrap();
    let mut nobody = choice(10, 1, "good", 0);
    nobody["completed_by"] = Value::Null;
    test.import_full("reviews", "reviews", &[&json!([task(1, vec![nobody])])]).await.unwrap();
    assert_eq!(test.query("reviews", "SELECT rater_id FROM annotations").await, [["reviews/user/1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_can_be_emptied() {
    let test = TestApp::new().await;
    let many = json!((0..100u64).map(|n| task(n, vec![choice(n, 1, "good", 0)])).collect::<Vec<_>>());
    let tiny = ImportRequest { bucket_bytes: 5_000, ..request("reviews", test.inputs(&[&many])) };
    test.run(tiny).await.unwrap();
    let project = test.project("reviews").await;
    assert!(test.newest(&project).await.buckets >= 8);

    let one = json!([task(200, vec![choice(200, 1, "bad", 0)])]);
    let summary = test.import_full("reviews", "reviews", &[&one]).await.unwrap();
    assert_eq!((summary.items, summary.annotations), (counts(1, 0, 0, 100), counts(1, 0, 0, 100)));
    assert_eq!(test.query("reviews", "SELECT item_id, label FROM results").await, [["reviews/task/200", "bad"]]);
    test.check_snapshot(&project, 2).await;
    let files = test.app.data_files(&project.id, 2).await.unwrap();
    assert_eq!(files.len(), 4, "one bucket of three tables, and the raters: {files:?}");
    assert_eq!(
        test.query_at(&project, 1, "SELECT count(*) FROM results").await,
        [["100"]],
        "snapshot 1 stays as it was"
    );

    test.import("reviews", &[&many]).await.unwrap();
    assert_eq!(test.query("reviews", "SELECT count(*) FROM items").await, [["101"]]);
    test.check_snapshot(&project, 3).await;
}
