//! How many buckets a project has, and what becomes of its rows when they grow.

use assay::jobs::import::{ImportRequest, Input, Mode};
use assay::lake::{BYTES_PER_BUCKET, Counts};
use serde_json::{Value, json};

use crate::support::{TestApp, choice, request, task};

/// Some items fill a bucket of this size.
const TINY: u64 = 8_000;

fn export(ids: std::ops::Range<u64>) -> Value {
    json!(ids.map(|n| task(n, vec![choice(n * 10, 1, "good", 0), choice(n * 10 + 1, 2, "bad", 0)])).collect::<Vec<_>>())
}

fn tiny(test: &TestApp, exports: &[&Value]) -> ImportRequest {
    ImportRequest { bucket_bytes: TINY, ..request("reviews", test.inputs(exports)) }
}

/// Everything that a snapshot says, as text.
async fn rows(test: &TestApp, number: i64) -> Vec<Vec<String>> {
    let project = test.project("reviews").await;
    let mut all = Vec::new();
    for sql in [
        "SELECT item_id, data, content_hash, raw FROM items ORDER BY 1",
        "SELECT annotation_id, item_id, rater_id, updated_at, content_hash, raw FROM annotations ORDER BY 1",
        "SELECT annotation_id, item_id, rater_id, result_index, label, raw FROM results ORDER BY 1, 4",
    ] {
        all.extend(test.query_at(&project, number, sql).await);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_grow_with_the_data_in_the_snapshot_of_an_import() {
    let test = TestApp::new().await;
    test.run(tiny(&test, &[&export(0..4)])).await.unwrap();
    let project = test.project("reviews").await;
    let first = test.newest(&project).await;
    let before = rows(&test, 1).await;

    let summary = test.run(tiny(&test, &[&export(4..300)])).await.unwrap();
    assert_eq!((summary.snapshot, summary.items), (2, Counts { new: 296, ..Counts::default() }));
    let grown = test.newest(&project).await;
    assert!(grown.buckets >= 8 * first.buckets, "{} buckets became {}", first.buckets, grown.buckets);
    test.check_snapshot(&project, 1).await;
    test.check_snapshot(&project, 2).await;
    assert_eq!(rows(&test, 1).await, before, "the snapshot before stays as it was");
    let after = rows(&test, 2).await;
    assert!(before.iter().all(|row| after.contains(row)), "old rows do not change");
    assert_eq!(after.len(), before.len() / 4 * 300);
    let old: Vec<_> = test.app.data_files(&project.id, 1).await.unwrap();
    let new = test.app.data_files(&project.id, 2).await.unwrap();
    assert!(
        old.iter().filter(|file| file.min_item.is_some()).all(|file| !new.contains(file)),
        "every bucket was written anew"
    );
    assert!(
        new.iter().filter(|file| file.min_item.is_some()).all(|file| file.rows <= 60),
        "no bucket holds most of the rows"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_brings_nothing_does_not_make_buckets_grow() {
    let test = TestApp::new().await;
    let all = export(0..100);
    test.import("reviews", &[&all]).await.unwrap();
    let project = test.project("reviews").await;
    assert_eq!(test.newest(&project).await.buckets, 1);
    let before = test.storage();
    for mode in [Mode::Merge, Mode::Full] {
        // By this measure the project should have many buckets.
        let summary = test.run(ImportRequest { mode, ..tiny(&test, &[&all]) }).await.unwrap();
        assert!(!summary.committed);
        assert_eq!((summary.items.unchanged, summary.annotations.unchanged), (100, 200));
        assert_eq!(test.storage(), before);
    }
    // One answer that differs, in one bucket: all are split.
    let one = json!([task(50, vec![choice(500, 1, "ugly", 5)])]);
    let summary = test.run(tiny(&test, &[&one])).await.unwrap();
    assert_eq!(summary.annotations, Counts { changed: 1, ..Counts::default() });
    let newest = test.newest(&project).await;
    assert!(newest.buckets >= 8, "{}", newest.buckets);
    assert_eq!((newest.counts.items, newest.counts.annotations, newest.counts.results), (100, 200, 200));
    test.check_snapshot(&project, 2).await;
    assert_eq!(test.query("reviews", "SELECT count(*) FROM results WHERE label = 'ugly'").await, [["1"]]);

    // Grown once, they stay: another import writes what it touches.
    let files = test.app.data_files(&project.id, 2).await.unwrap();
    let other = json!([task(50, vec![choice(500, 1, "good", 6)])]);
    test.run(tiny(&test, &[&other])).await.unwrap();
    let third = test.app.data_files(&project.id, 3).await.unwrap();
    assert_eq!(test.newest(&project).await.buckets, newest.buckets);
    assert_eq!(third.iter().filter(|file| !files.contains(file)).count(), 3, "one bucket, three tables");
}

#[tokio::test(flavor = "multi_thread")]
async fn importers_that_think_of_different_numbers_of_buckets_all_land() {
    let test = TestApp::new().await;
    let sizes = [TINY, BYTES_PER_BUCKET, 50_000, 1_000, BYTES_PER_BUCKET, 20_000];
    let imports = (0u64..).zip(sizes).map(|(n, bucket_bytes)| {
        let name = format!("export-{n}.json");
        let path = test.file(&name, export(n * 50..n * 50 + 40).to_string());
        let request = ImportRequest { bucket_bytes, ..request("reviews", vec![Input { path, name }]) };
        let app = test.app.clone();
        tokio::spawn(async move { assay::jobs::import::run(&app, request, Default::default()).await })
    });
    for import in imports.collect::<Vec<_>>() {
        assert!(import.await.unwrap().unwrap().committed);
    }
    let project = test.project("reviews").await;
    let newest = test.newest(&project).await;
    assert_eq!((newest.number, newest.counts.items, newest.counts.annotations), (6, 240, 480));
    for number in 1..=6 {
        test.check_snapshot(&project, number).await;
    }
    assert_eq!(test.query("reviews", "SELECT count(DISTINCT item_id) FROM items").await, [["240"]]);
}
