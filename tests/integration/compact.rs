//! Compaction changes files, never rows.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use assay::error::{Error, Result};
use assay::jobs::compact::{CompactRequest, CompactSummary, run};
use assay::lake::{DataFile, ProjectPrefix, Table, read_rows};
use assay::store::{Changes, Commit, DEFAULT_WORKSPACE, NewSnapshot, Operation, now_micros};
use serde_json::json;

use crate::support::{TestApp, choice, task};

async fn compact(test: &TestApp, buckets: Option<u32>, dry_run: bool) -> Result<CompactSummary> {
    let request = CompactRequest {
        workspace: DEFAULT_WORKSPACE.into(),
        project: "reviews".into(),
        buckets,
        dry_run,
        actor: "cli".into(),
    };
    run(&test.app, request).await
}

/// Every row of every table, whatever file it is in.
async fn rows(test: &TestApp, number: i64) -> Vec<String> {
    let project = test.project("reviews").await;
    let mut rows = Vec::new();
    for file in test.app.data_files(&project.id, number).await.unwrap() {
        let batch = read_rows(file.table, test.app.lake.get_data(&file).await.unwrap()).unwrap();
        for row in 0..batch.num_rows() {
            rows.push(format!("{:?} {:?}", file.table, batch.slice(row, 1).columns()));
        }
    }
    rows.sort();
    rows
}

async fn project_of(items: u64) -> TestApp {
    let test = TestApp::new().await;
    let tasks: Vec<_> =
        (1..=items).map(|n| task(n, vec![choice(n * 10, 1, "good", 0), choice(n * 10 + 1, 2, "bad", 0)])).collect();
    let mut broken = choice(5, 3, "bad", 0);
    broken["updated_at"] = json!("yesterday");
    test.import("reviews", &[&json!(tasks), &json!([task(items + 1, vec![broken])])]).await.unwrap();
    test
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_grow_and_shrink_and_rows_stay() {
    let test = project_of(300).await;
    let project = test.project("reviews").await;
    let expected = rows(&test, 1).await;
    assert_eq!(expected.len(), 301 + 600 + 600 + 2 + 1);
    let before = test.storage();
    let dry = compact(&test, Some(8), true).await.unwrap();
    assert_eq!(test.storage(), before);
    for (number, buckets) in [(2, 8), (3, 32), (4, 2), (5, 1)] {
        let done = compact(&test, Some(buckets), false).await.unwrap();
        assert_eq!((done.snapshot, done.buckets), (Some(number), buckets));
        if buckets == 8 {
            assert_eq!((dry.snapshot, dry.files, dry.bytes), (Some(2), done.files, done.bytes));
        }
        assert_eq!(rows(&test, number).await, expected, "{buckets} buckets");
        let files = test.app.data_files(&project.id, number).await.unwrap();
        let items = files.iter().filter(|file| file.table == Table::Items).count();
        assert_eq!(items as u32, buckets, "300 items reach every bucket");
        let newest = test.newest(&project).await;
        assert_eq!(
            (newest.operation, newest.changes, newest.buckets),
            (Operation::Compact, Changes::default(), i64::from(buckets))
        );
        assert_eq!(newest.counts.bytes, files.iter().map(|file| file.bytes).sum::<u64>());
        assert_eq!((done.files, done.bytes), (files.len() as u64, newest.counts.bytes));
        // The rows of an item are found by its bucket.
        let view = assay::reports::item(&test.app, &project, &newest, "17").await.unwrap();
        assert_eq!(view.annotations.len(), 2);
    }
    assert_eq!(rows(&test, 1).await, expected, "an old snapshot stays as it was");
    // As it was at the beginning, to the byte.
    let checksums = async |number: i64| -> Vec<String> {
        test.app.data_files(&project.id, number).await.unwrap().into_iter().map(|file| file.checksum).collect()
    };
    assert_eq!(checksums(5).await, checksums(1).await);

    let imported = test.import("reviews", &[&json!([task(999, vec![choice(9990, 1, "good", 0)])])]).await.unwrap();
    assert_eq!(imported.snapshot, 6);
    let audit = test.app.db.list_audit(DEFAULT_WORKSPACE, None, 9).await.unwrap();
    assert!(audit.iter().all(|row| row.action == "compact" && row.outcome.as_deref() == Some("done")));
    assert_eq!(audit.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_as_it_would_be_written_today_is_left_alone() {
    let test = project_of(5).await;
    let before = test.storage();
    let done = compact(&test, None, false).await.unwrap();
    assert_eq!((done.snapshot, done.buckets_before, done.buckets), (None, 1, 1));
    assert_eq!((done.files, done.bytes), (done.files_before, done.bytes_before));
    assert_eq!(test.storage(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_an_older_schema_are_written_anew() {
    let test = project_of(5).await;
    let project = test.project("reviews").await;
    let expected = rows(&test, 1).await;
    let old = older(&test, &test.app.data_files(&project.id, 1).await.unwrap()).await;
    assert_eq!(rows(&test, old).await, expected, "the column that it lacks holds nothing");
    let done = compact(&test, None, false).await.unwrap();
    assert_eq!((done.snapshot, done.files), (Some(old + 1), done.files_before));
    assert_eq!(rows(&test, old + 1).await, expected);
    let [before, after] = [old, old + 1].map(|number| test.app.data_files(&project.id, number));
    let (before, after) = (before.await.unwrap(), after.await.unwrap());
    let changed: Vec<Table> = after.iter().filter(|file| !before.contains(file)).map(|file| file.table).collect();
    assert_eq!(changed, [Table::Items], "the others stay");
}

/// Commits a snapshot whose items were written before the column `vectors` was there.
async fn older(test: &TestApp, files: &[DataFile]) -> i64 {
    let project = test.project("reviews").await;
    let items = files.iter().find(|file| file.table == Table::Items).unwrap();
    let batch = read_rows(Table::Items, test.app.lake.get_data(items).await.unwrap()).unwrap();
    let left: Vec<usize> =
        (0..batch.num_columns()).filter(|&at| batch.schema().field(at).name() != "vectors").collect();
    let fields: Vec<Arc<Field>> = left.iter().map(|&at| batch.schema().fields()[at].clone()).collect();
    let columns = left.iter().map(|&at| batch.column(at).clone()).collect();
    let batch = arrow::array::RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let mut encoded = assay::lake::encode(Table::Items, &batch).unwrap();
    encoded.min_item.clone_from(&items.min_item);
    let prefix = ProjectPrefix::new(&project.workspace_id, &project.id);
    let new = test.app.lake.put_data(&prefix, Table::Items, 0, encoded).await.unwrap();
    let parent = test.newest(&project).await;
    let snapshot = NewSnapshot {
        project_id: project.id.clone(),
        parent: parent.number,
        buckets: 1,
        schema_version: 1,
        created_at: now_micros(),
        actor: "test".into(),
        config: None,
        sources: json!([]),
        counts: parent.counts,
        operation: Operation::Import,
        changes: Changes::default(),
        removed: vec![items.id.clone()],
        added: vec![(&new).into()],
        job: None,
        audit_id: None,
    };
    assert_eq!(test.app.db.commit_snapshot(&snapshot).await.unwrap(), Commit::Done);
    snapshot.number()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_commits_first_is_compacted_as_well() {
    let test = project_of(30).await;
    let imports = async {
        for n in 100..104u64 {
            test.import("reviews", &[&json!([task(n, vec![choice(n * 10, 1, "good", 0)])])]).await.unwrap();
        }
    };
    let compactions = async {
        // Another compaction may have changed the buckets while an import read its file; so only one number of buckets is used.
        for _ in 0..4 {
            compact(&test, None, false).await.unwrap();
        }
    };
    tokio::join!(imports, compactions);
    compact(&test, Some(4), false).await.unwrap();
    assert_eq!(test.query("reviews", "SELECT count(*), count(DISTINCT item_id) FROM items").await, [["35", "35"]]);
    assert_eq!(test.query("reviews", "SELECT count(*) FROM annotations").await, [["64"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_compacted_is_said() {
    let test = project_of(1).await;
    for buckets in [0, 3, 8192] {
        let error = compact(&test, Some(buckets), false).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid(text) if text.contains("power of two")), "{error}");
    }
    test.app.db.ensure_project(DEFAULT_WORKSPACE, "empty", now_micros()).await.unwrap();
    let request = CompactRequest {
        workspace: DEFAULT_WORKSPACE.into(),
        project: "empty".into(),
        buckets: None,
        dry_run: false,
        actor: "cli".into(),
    };
    assert!(run(&test.app, request).await.unwrap_err().to_string().contains("import an export first"));
}
