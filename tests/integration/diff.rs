//! What differs between two snapshots.

use assay::jobs::import::ImportRequest;
use assay::reports::views::{DiffEntry, DiffReport, RowChange, RowCounts, RowKind};
use assay::reports::{diff_page, diff_report};
use assay::store::Snapshot;
use serde_json::{Value, json};

use crate::support::{TestApp, choice, request, task};

async fn diff(test: &TestApp, from: i64, to: i64) -> DiffReport {
    let project = test.project("reviews").await;
    let (old, new) = (test.snapshot(&project, from).await, test.snapshot(&project, to).await);
    diff_report(&test.app, &project, (&old, &new), usize::MAX).await.unwrap()
}

fn names(report: &DiffReport) -> Vec<(RowKind, RowChange, &str)> {
    report.entries.iter().map(|entry| (entry.kind, entry.change, entry.id.as_str())).collect()
}

fn fields(entry: &DiffEntry) -> Vec<(&str, &Value, &Value)> {
    entry.fields.iter().map(|change| (change.field.as_str(), &change.old, &change.new)).collect()
}

fn counts(added: u64, changed: u64, removed: u64) -> RowCounts {
    RowCounts { added, changed, removed }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_came_changed_and_went_are_told_with_their_fields() {
    let test = TestApp::new().await;
    let before = json!([
        task(1, vec![choice(10, 1, "good", 0), choice(11, 2, "bad", 0)]),
        task(2, vec![choice(20, 1, "good", 0)])
    ]);
    test.import_full("reviews", "reviews", &[&before]).await.unwrap();
    let mut changed = task(1, vec![choice(10, 1, "bad", 5), choice(11, 2, "bad", 0)]);
    changed["data"]["text"] = json!("another text");
    changed["predictions"] = json!([{
        "id": 90, "model_version": "m1", "created_at": "2026-01-06T10:00:00Z", "updated_at": "2026-01-06T10:00:00Z", "result": [],
    }]);
    let after = json!([changed, task(3, vec![])]);
    test.import_full("reviews", "reviews", &[&after]).await.unwrap();

    let forth = diff(&test, 1, 2).await;
    use RowChange::{Added, Changed, Removed};
    use RowKind::{Annotation, Item, Prediction};
    assert_eq!(
        names(&forth),
        [
            (Item, Changed, "reviews/task/1"),
            (Annotation, Changed, "reviews/annotation/10"),
            (Prediction, Added, "reviews/prediction/90"),
            (Item, Removed, "reviews/task/2"),
            (Annotation, Removed, "reviews/annotation/20"),
            (Item, Added, "reviews/task/3"),
        ]
    );
    assert_eq!(
        (forth.counts.items, forth.counts.annotations, forth.counts.drafts, forth.counts.predictions),
        (counts(1, 1, 1), counts(0, 1, 1), counts(0, 0, 0), counts(1, 0, 0))
    );
    let text = (&json!("text 1"), &json!("another text"));
    assert_eq!(fields(&forth.entries[0]), [("data.text", text.0, text.1), ("slices.text", text.0, text.1)]);
    let answer = &forth.entries[1];
    let times = (&json!("2026-01-06T10:00:00Z"), &json!("2026-01-06T10:05:00Z"));
    assert_eq!((answer.item_id.as_str(), fields(answer)), ("reviews/task/1", vec![("updated_at", times.0, times.1)]));
    let result = &answer.results[0];
    assert_eq!((answer.results.len(), result.change, result.control.as_deref()), (1, Changed, Some("sentiment")));
    assert_eq!(
        (result.fields[0].field.as_str(), &result.fields[0].old, &result.fields[0].new),
        ("label", &json!("good"), &json!("bad"))
    );

    let back = diff(&test, 2, 1).await;
    let mirrored: Vec<_> = names(&forth)
        .into_iter()
        .map(|(kind, change, id)| {
            let change = match change {
                Added => Removed,
                Changed => Changed,
                Removed => Added,
            };
            (kind, change, id)
        })
        .collect();
    assert_eq!(names(&back), mirrored);
    assert_eq!(fields(&back.entries[1]), [("updated_at", times.1, times.0)]);
    assert!(diff(&test, 2, 2).await.entries.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_compared_as_a_list() {
    let test = TestApp::new().await;
    let region = |id: &str, label: &str, x: f64| {
        json!({
            "id": id, "from_name": "boxes", "to_name": "image", "type": "rectanglelabels", "original_width": 10, "original_height": 10,
            "value": { "x": x, "y": 1.0, "width": 2.0, "height": 3.0, "rotation": 0.0, "rectanglelabels": [label] },
        })
    };
    let tags = |labels: &[&str]| json!({ "id": "t", "from_name": "tags", "to_name": "image", "type": "choices", "value": { "choices": labels } });
    let answer = |minute: u32, results: Value| {
        let mut annotation = choice(10, 1, "", minute);
        annotation["result"] = results;
        json!([task(1, vec![annotation])])
    };
    let first = answer(0, json!([region("a", "car", 1.0), region("b", "car", 5.0), tags(&["day", "rain"])]));
    // One in front, one moved, one gone, one tag replaced.
    let second = answer(1, json!([region("c", "bus", 7.5), region("a", "car", 2.0), tags(&["day", "snow"])]));
    test.import("reviews", &[&first]).await.unwrap();
    test.import("reviews", &[&second]).await.unwrap();
    let told = |report: &DiffReport| -> Vec<String> {
        let one = |result: &assay::reports::views::ResultChange| {
            let fields: Vec<String> =
                result.fields.iter().map(|field| format!("{} {} {}", field.field, field.old, field.new)).collect();
            let (control, region) = (result.control.clone().unwrap(), result.region_id.clone().unwrap());
            format!("{:?} {control} {region}: {}", result.change, fields.join(", "))
        };
        report.entries[0].results.iter().map(one).collect()
    };
    let report = diff(&test, 1, 2).await;
    assert_eq!(report.entries.len(), 1);
    let lines = told(&report);
    assert_eq!(lines.len(), 3, "{lines:#?}");
    // The new region takes the place of the one that went: of its control they are the only ones left over.
    assert!(
        lines[0].starts_with("Changed boxes c: region_id \"b\" \"c\", label \"car\" \"bus\", bbox.x 5.0 7.5"),
        "{lines:#?}"
    );
    assert_eq!(lines[1], "Changed boxes a: bbox.x 1.0 2.0");
    assert_eq!(lines[2], "Changed tags t: label \"rain\" \"snow\"");

    let third = answer(2, json!([tags(&["snow", "day"]), region("a", "car", 2.0)]));
    test.import("reviews", &[&third]).await.unwrap();
    let lines = told(&diff(&test, 2, 3).await);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("Removed boxes c: target \"image\" null, label \"bus\" null, bbox {"), "{lines:#?}");
    let fourth = answer(3, json!([region("a", "car", 2.0), tags(&["snow", "day"])]));
    test.import("reviews", &[&fourth]).await.unwrap();
    let lines = told(&diff(&test, 3, 4).await);
    assert!(
        lines.len() == 3 && lines.iter().all(|line| line.contains("result_index")),
        "their order alone: {lines:#?}"
    );
}

/// All pages of at most `limit` entries.
async fn pages(test: &TestApp, snapshots: (&Snapshot, &Snapshot), limit: usize) -> Vec<Vec<DiffEntry>> {
    let project = test.project("reviews").await;
    let (mut cursor, mut pages) = (None::<String>, Vec::new());
    loop {
        let page = diff_page(&test.app, &project, snapshots, cursor.as_deref(), limit).await.unwrap();
        pages.push(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return pages;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_after_so_many_buckets_although_it_is_not_full() {
    let test = TestApp::new().await;
    for (label, minute) in [("good", 0), ("bad", 1)] {
        let all = json!((0..300u64).map(|n| task(n, vec![choice(n, 1, label, minute)])).collect::<Vec<_>>());
        let request = ImportRequest { bucket_bytes: 1_000, ..request("reviews", test.inputs(&[&all])) };
        test.run(request).await.unwrap();
    }
    let project = test.project("reviews").await;
    let (old, new) = (test.snapshot(&project, 1).await, test.snapshot(&project, 2).await);
    assert!(old.buckets >= 128 && old.buckets == new.buckets, "{} and {}", old.buckets, new.buckets);
    let pages = pages(&test, (&old, &new), 500).await;
    assert!(pages.len() > 2 && pages.iter().all(|page| page.len() < 300), "{}", pages.len());
    assert_eq!(pages.concat(), diff(&test, 1, 2).await.entries);
    assert_eq!(pages.concat().len(), 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_with_other_numbers_of_buckets_are_compared_page_by_page() {
    let test = TestApp::new().await;
    let export = |ids: std::ops::Range<u64>, label: &str, minute| {
        json!(ids.map(|n| task(n, vec![choice(n, 1, label, minute)])).collect::<Vec<_>>())
    };
    let run = async |export: Value, bucket_bytes: u64| {
        test.run(ImportRequest { bucket_bytes, ..request("reviews", test.inputs(&[&export])) }).await.unwrap()
    };
    run(export(0..200, "good", 0), 100_000).await;
    run(export(180..260, "bad", 1), 5_000).await;
    let project = test.project("reviews").await;
    let (old, new) = (test.snapshot(&project, 1).await, test.snapshot(&project, 2).await);
    assert!(old.buckets < new.buckets, "{} and {}", old.buckets, new.buckets);
    let whole = diff(&test, 1, 2).await;
    assert_eq!((whole.counts.items, whole.counts.annotations), (counts(60, 0, 0), counts(60, 20, 0)));
    assert_eq!(diff(&test, 2, 1).await.counts.annotations, counts(0, 20, 60));

    let pages = pages(&test, (&old, &new), 7).await;
    assert!(pages.len() >= 20 && pages.iter().all(|page| page.len() <= 7), "{}", pages.len());
    assert_eq!(pages.concat(), whole.entries);
    let first = diff_report(&test.app, &project, (&old, &new), 5).await.unwrap();
    assert_eq!((first.entries.as_slice(), first.more, first.counts), (&whole.entries[..5], true, whole.counts));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_files_that_differ_are_read() {
    let test = TestApp::new().await;
    let all = json!((0..200u64).map(|n| task(n, vec![choice(n, 1, "good", 0)])).collect::<Vec<_>>());
    let tiny = |export: &Value| ImportRequest { bucket_bytes: 10_000, ..request("reviews", test.inputs(&[export])) };
    test.run(tiny(&all)).await.unwrap();
    test.run(tiny(&json!([task(7, vec![choice(7, 1, "bad", 1)])]))).await.unwrap();
    let project = test.project("reviews").await;
    let (old, new) =
        (test.app.data_files(&project.id, 1).await.unwrap(), test.app.data_files(&project.id, 2).await.unwrap());
    let shared: Vec<_> = old.iter().filter(|file| new.contains(file)).collect();
    assert!(shared.len() > 10, "{}", shared.len());
    for file in shared {
        std::fs::remove_file(test.folder.path().join("data").join(&file.path)).unwrap();
    }
    let report = diff(&test, 1, 2).await;
    assert_eq!(report.counts.annotations, counts(0, 1, 0));
}
