//! One story of the metadata database, told to SQLite always and to Postgres when `ASSAY_TEST_POSTGRES_URL` names an empty database.

mod access;
mod jobs;
mod snapshots;
mod texts;

use std::collections::BTreeSet;

use assay::error::Error;
use assay::store::{
    Change, Changes, Counts, DEFAULT_WORKSPACE, Db, NewAudit, NewFile, NewJob, NewRecord, NewSnapshot, Once, Operation,
    Project, Request, new_id,
};
use serde_json::json;

const SECOND: i64 = 1_000_000;
const T0: i64 = 1_790_000_000 * SECOND;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    tell(&format!("sqlite://{}", folder.path().join("a b%20c.db").display())).await;
    assert!(folder.path().join("a b%20c.db").exists(), "the path is taken as written");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    match std::env::var("ASSAY_TEST_POSTGRES_URL") {
        Ok(url) => tell(&url).await,
        Err(_) => eprintln!("left out: ASSAY_TEST_POSTGRES_URL is not set"),
    }
}

async fn tell(url: &str) {
    let db = several_open_at_once(url).await;
    let (ours, theirs) = workspaces(&db).await;
    snapshots::projects(&db, &ours, &theirs).await;
    snapshots::snapshots(&db, &ours).await;
    snapshots::two_committers(&db, &ours).await;
    jobs::idempotency(&db, &ours, &theirs).await;
    jobs::leases(&db, &ours, &theirs).await;
    jobs::given_up(&db, &ours).await;
    snapshots::fenced_commit(&db, &ours).await;
    jobs::race(&db, &ours).await;
    access::keys(&db, &ours, &theirs).await;
    access::scopes(&db, &ours).await;
    access::users_and_sessions(&db).await;
    access::members(&db, &ours, &theirs).await;
    access::two_owners(&db).await;
    texts::audit(&db, &ours, &theirs).await;
    texts::audit_filters(&db).await;
    snapshots::reports(&db, &ours).await;
    snapshots::upkeep(&db, &ours).await;
    texts::rewriting(&db, &ours, &theirs).await;
    texts::restoring(&db).await;
    db.close().await;
}

/// Processes that start together must not trip over each other's migrations.
async fn several_open_at_once(url: &str) -> Db {
    let opening: Vec<_> = (0..6)
        .map(|_| {
            let url = url.to_owned();
            tokio::spawn(async move { Db::connect(&url).await.unwrap() })
        })
        .collect();
    let mut all = Vec::new();
    for one in opening {
        all.push(one.await.unwrap());
    }
    let ids: BTreeSet<String> = all.iter().map(|db| db.id().to_owned()).collect();
    assert_eq!(ids.len(), 1, "one database has one id");
    let kept = all.remove(0);
    for other in all {
        other.close().await;
    }
    kept.ping().await.unwrap();
    kept
}

/// Names are new each time, so that the story can be told to a database that has heard it before.
async fn workspaces(db: &Db) -> (String, String) {
    assert_eq!(db.workspace(DEFAULT_WORKSPACE).await.unwrap().id, "default");
    let (ours, theirs) = (new_id(), new_id());
    for id in [&ours, &theirs] {
        db.ensure_workspace(id, "Team", T0).await.unwrap();
        assert_eq!(db.ensure_workspace(id, "Other name", T0 + 1).await.unwrap().name, "Team");
    }
    assert!(matches!(db.workspace("nobody").await, Err(Error::NotFound { .. })));
    (ours, theirs)
}

fn file(tbl: &str, bucket: i64) -> NewFile {
    let id = new_id();
    NewFile {
        path: format!("default/p/{tbl}/bucket={bucket:04}/{id}.parquet"),
        id,
        tbl: tbl.into(),
        bucket,
        rows: 10,
        bytes: 1000,
        min_item: Some("p/task/1".into()),
        max_item: None,
        checksum: "c0ffee".into(),
    }
}

fn snapshot_on(project: &Project, parent: i64) -> NewSnapshot {
    NewSnapshot {
        project_id: project.id.clone(),
        parent,
        buckets: 4,
        schema_version: 1,
        created_at: T0 + parent,
        actor: "local".into(),
        config: Some("<View/>".into()),
        sources: json!([{"file": "export.json"}]),
        counts: Counts { items: 3, ..Counts::default() },
        operation: Operation::Import,
        changes: Changes { items: Change { new: 3, ..Change::default() }, ..Changes::default() },
        removed: vec![],
        added: vec![],
        job: None,
        audit_id: None,
    }
}

async fn file_ids(db: &Db, project: &Project, number: i64) -> BTreeSet<String> {
    db.snapshot_files(&project.id, number).await.unwrap().into_iter().map(|file| file.id).collect()
}

fn job(workspace: &str, kind: &str, now: i64) -> NewJob {
    NewJob::new(workspace, None, kind, json!({"kind": kind}), now)
}

fn record(key: &str, hash: &str) -> NewRecord {
    NewRecord {
        key: key.into(),
        method_path: "POST /v1/projects/p/imports".into(),
        request_hash: hash.into(),
        status: 202,
        body: r#"{"id":"first"}"#.into(),
    }
}

async fn queue(db: &Db, new: &NewJob) {
    assert!(matches!(db.enqueue_job(new, &Request::default()).await.unwrap(), Once::Done(_)));
}

async fn begin_audit(db: &Db, workspace: &str, action: &str) -> String {
    let new = NewAudit { workspace_id: workspace, actor: "local", action, target: "t", request_id: "r" };
    db.begin_audit(new, T0).await.unwrap()
}

async fn outcome(db: &Db, workspace: &str, id: &str) -> Option<String> {
    let rows = db.list_audit(workspace, None, 1000).await.unwrap();
    rows.into_iter().find(|row| row.id == id).unwrap().outcome
}

#[tokio::test]
async fn addresses_that_cannot_be_opened_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let not_a_database = folder.path().join("x.db");
    std::fs::write(&not_a_database, "this is text, and long enough to be looked at as the header of a database file")
        .unwrap();
    for (url, part) in [
        ("mysql://localhost/x".to_owned(), "sqlite:///path"),
        (format!("sqlite://{}/missing/x.db", folder.path().display()), "its folder must exist"),
        (format!("sqlite://{}", not_a_database.display()), "SQLite database"),
        ("postgres://user:hunter2@nowhere.invalid:5/x".to_owned(), "postgres at nowhere.invalid:5/x does not answer"),
    ] {
        let error = Db::connect(&url).await.expect_err(&url).to_string();
        assert!(error.contains(part), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let url = format!("sqlite://{}", path.display());
    Db::connect(&url).await.unwrap().close().await;
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations SELECT 9999, 'later', installed_on, success, checksum, 0 FROM _sqlx_migrations LIMIT 1",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let error = Db::connect(&url).await.unwrap_err();
    assert!(matches!(&error, Error::Invalid(text) if text.contains("another version of assay")), "{error}");
}
