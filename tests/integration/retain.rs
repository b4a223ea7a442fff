//! Which snapshots retention keeps, and what is left of the others.

use std::time::Duration;

use assay::error::{Error, Result};
use assay::jobs::retain::{Keep, RetainRequest, RetainSummary, run};
use assay::reports::agreement;
use assay::reports::views::AgreementParams;
use assay::store::{DEFAULT_WORKSPACE, now_micros};
use serde_json::json;

use crate::support::{TestApp, choice, task};

const DAY: i64 = 24 * 3600 * 1_000_000;

/// A project with so many snapshots, each with one item more.
pub async fn grown(test: &TestApp, project: &str, snapshots: u64) {
    for n in 1..=snapshots {
        let export = json!([task(n, vec![choice(n * 10, 1, "good", 0), choice(n * 10 + 1, 2, "bad", 0)])]);
        assert_eq!(test.import(project, &[&export]).await.unwrap().snapshot, n as i64);
    }
}

pub async fn retain(test: &TestApp, project: &str, keep: &str) -> Result<RetainSummary> {
    retain_at(test, project, keep, now_micros(), false).await
}

async fn retain_at(test: &TestApp, project: &str, keep: &str, now: i64, dry_run: bool) -> Result<RetainSummary> {
    let request = RetainRequest {
        workspace: DEFAULT_WORKSPACE.into(),
        project: project.into(),
        keep: keep.parse().unwrap(),
        dry_run,
        actor: "cli".into(),
        now,
    };
    run(&test.app, request).await
}

fn numbers(summary: &RetainSummary) -> (Vec<i64>, Vec<i64>) {
    let kept = summary.kept.iter().map(|snapshot| snapshot.number).collect();
    (kept, summary.retired.iter().map(|snapshot| snapshot.number).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn any_rule_keeps_a_snapshot_and_the_newest_always_stays() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 5).await;
    let project = test.project("reviews").await;
    let before = test.storage();
    let dry = async |keep: &str, now| numbers(&retain_at(&test, "reviews", keep, now, true).await.unwrap());
    let now = now_micros();
    assert_eq!(dry("last=2", now).await, (vec![5, 4], vec![3, 2, 1]));
    assert_eq!(dry("last=1,number=2", now).await, (vec![5, 2], vec![4, 3, 1]));
    assert_eq!(dry("number=1,number=3", now).await, (vec![5, 3, 1], vec![4, 2]));
    assert_eq!(dry("within=1d", now).await.1, Vec::<i64>::new());
    assert_eq!(dry("within=1d", now + 2 * DAY).await, (vec![5], vec![4, 3, 2, 1]));
    assert_eq!(dry("within=4w,last=1", now + 2 * DAY).await.1, Vec::<i64>::new());
    assert_eq!(test.storage(), before, "a dry run changes nothing");
    assert!(test.app.db.list_audit(DEFAULT_WORKSPACE, None, 9).await.unwrap().is_empty());

    let done = retain(&test, "reviews", "last=2,number=1").await.unwrap();
    assert_eq!(numbers(&done), (vec![5, 4, 1], vec![3, 2]));
    assert_eq!((done.kept[0].why.as_slice(), done.kept[2].why.as_slice()), (&["newest", "last"][..], &["number"][..]));
    for number in [2, 3] {
        let error = test.app.db.snapshot(&project.id, number).await.unwrap_err();
        assert!(matches!(&error, Error::Gone(text) if text.contains("retention")), "{error}");
    }
    for number in [1, 4, 5] {
        assert_eq!(test.query_at(&project, number, "SELECT count(*) FROM items").await, [[number.to_string()]]);
    }
    let again = retain(&test, "reviews", "last=2,number=1").await.unwrap();
    assert_eq!((numbers(&again), again.unnamed_bytes), ((vec![5, 4, 1], vec![]), done.unnamed_bytes));

    let audit = test.app.db.list_audit(DEFAULT_WORKSPACE, None, 9).await.unwrap();
    let row = &audit[0];
    assert_eq!(
        (audit.len(), row.actor.as_str(), row.action.as_str(), row.target.as_str()),
        (1, "cli", "retain", project.id.as_str())
    );
    assert_eq!(row.outcome.as_deref(), Some("done"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_snapshot_leaves_a_tombstone_and_no_report() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 3).await;
    let project = test.project("reviews").await;
    for number in [1, 2, 3] {
        let snapshot = test.app.db.snapshot(&project.id, number).await.unwrap();
        agreement(&test.app, &project, &snapshot, &AgreementParams::default()).await.unwrap();
    }
    let reports = async || -> Vec<i64> {
        test.app.db.project_reports(&project.id).await.unwrap().into_iter().map(|(snapshot, _)| snapshot).collect()
    };
    assert_eq!(reports().await, [1, 2, 3]);

    let summary = retain(&test, "reviews", "last=1").await.unwrap();
    assert_eq!(reports().await, [3]);
    let folder = test.folder.path().join("data/default").join(&project.id);
    assert!(
        folder.join("_reports/3").exists()
            && !folder.join("_reports/1").exists()
            && !folder.join("_reports/2").exists()
    );
    let tombstone: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("_snapshots/1.json")).unwrap()).unwrap();
    assert_eq!((&tombstone["number"], &tombstone["retired_by"]), (&json!(1), &json!("retention")));
    assert_eq!(tombstone.get("files").or(tombstone.get("sources")).or(tombstone.get("config")), None);

    // What a sweep will free: the files that only retired snapshots have.
    let files = test.app.db.project_files(&project.id).await.unwrap();
    let newest: Vec<String> =
        test.app.data_files(&project.id, 3).await.unwrap().into_iter().map(|file| file.id).collect();
    let freed: Vec<i64> = files.iter().filter(|file| !newest.contains(&file.id)).map(|file| file.bytes).collect();
    assert!(!freed.is_empty());
    assert_eq!((summary.unnamed_bytes, summary.unnamed_files), (freed.iter().sum::<i64>() as u64, freed.len() as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_named() {
    let test = TestApp::new().await;
    grown(&test, "reviews", 2).await;
    let error = retain(&test, "reviews", "number=9").await.unwrap_err();
    assert!(
        matches!(&error, Error::Invalid(text) if text.contains("number=9") && text.contains("assay snapshots")),
        "{error}"
    );
    retain(&test, "reviews", "last=1").await.unwrap();
    assert!(matches!(retain(&test, "reviews", "number=1").await, Err(Error::Invalid(_))), "gone already");
    assert!(matches!(retain(&test, "nothing", "last=1").await, Err(Error::NotFound { .. })));
    assert_eq!("within=1h".parse::<Keep>().unwrap().within, Some(Duration::from_secs(3600)));
}
