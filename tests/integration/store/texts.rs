//! The audit trail, and what an erasure and a restoration do to texts.

use assay::error::Error;
use assay::store::{
    AuditFilter, Commit, DEFAULT_WORKSPACE, Db, Failure, NewAudit, NewJob, NewProject, NewRecord, NewSnapshot, Once,
    Project, Request, new_id,
};
use serde_json::json;

use super::{T0, begin_audit, job, outcome, snapshot_on};

pub async fn audit(db: &Db, ours: &str, theirs: &str) {
    let plain = begin_audit(db, ours, "key.create").await;
    assert_eq!(outcome(db, ours, &plain).await, None);
    db.complete_audit(theirs, &plain, "done", T0 + 1).await.unwrap();
    assert_eq!(outcome(db, ours, &plain).await, None, "another workspace's row");
    db.complete_audit(ours, &plain, "failed: conflict", T0 + 1).await.unwrap();
    db.complete_audit(ours, &plain, "done", T0 + 2).await.unwrap();
    assert_eq!(outcome(db, ours, &plain).await.as_deref(), Some("failed: conflict"), "what is written stays");

    let made = begin_audit(db, ours, "project.create").await;
    let request = Request { idempotency: None, audit_id: Some(&made) };
    db.create_project(&NewProject::new(ours, "audited", T0).unwrap(), &request).await.unwrap();
    assert_eq!(outcome(db, ours, &made).await.as_deref(), Some("done"));

    // By the end of its job, however it ends.
    let kind = new_id();
    let mut rows = Vec::new();
    for _ in 0..3 {
        let (row, new) = (begin_audit(db, ours, "import").await, job(ours, &kind, T0));
        db.enqueue_job(&new, &Request { idempotency: None, audit_id: Some(&row) }).await.unwrap();
        rows.push((row, new.id));
    }
    db.cancel_job(ours, &rows[2].1, T0 + 1).await.unwrap();
    let (_, lease) = db.claim_job("w", T0 + 2, T0 + 9, &[&kind]).await.unwrap().unwrap();
    assert!(matches!(db.fail_job(&lease, "busy", true, T0 + 3).await.unwrap(), Failure::Retry { .. }));
    let (_, lease) = db.claim_job("w", T0 + 3, T0 + 9, &[&kind]).await.unwrap().unwrap();
    db.fail_job(&lease, "bad file", false, T0 + 4).await.unwrap();
    assert_eq!(outcome(db, ours, &rows[0].0).await, None, "it will be tried again");
    assert_eq!(outcome(db, ours, &rows[1].0).await.as_deref(), Some("failed: bad file"));
    assert_eq!(outcome(db, ours, &rows[2].0).await.as_deref(), Some("cancelled"));

    // An import without a job completes its row with the snapshot.
    let project = db.ensure_project(ours, "inline", T0).await.unwrap();
    let inline = begin_audit(db, ours, "import").await;
    let new = NewSnapshot { audit_id: Some(inline.clone()), ..snapshot_on(&project, 0) };
    assert_eq!(db.commit_snapshot(&new).await.unwrap(), Commit::Done);
    assert_eq!(outcome(db, ours, &inline).await.as_deref(), Some("done"));

    let page = db.list_audit(ours, None, 2).await.unwrap();
    let next = db.list_audit(ours, Some(&page[1].id), 2).await.unwrap();
    assert_eq!((page[0].id.as_str(), page.len(), next.len()), (inline.as_str(), 2, 2));
    assert!(next[0].id < page[1].id);
    assert!(db.list_audit(theirs, None, 100).await.unwrap().is_empty());
}

pub async fn audit_filters(db: &Db) {
    let workspace = new_id();
    db.ensure_workspace(&workspace, "Audited", T0).await.unwrap();
    for (n, (actor, action)) in
        [("key:a", "import"), ("key:b", "import"), ("key:a", "login"), ("key:a", "import")].into_iter().enumerate()
    {
        let new = NewAudit { workspace_id: &workspace, actor, action, target: "t", request_id: "r" };
        db.begin_audit(new, T0 + n as i64).await.unwrap();
    }
    let times = async |filter, before: Option<&str>, limit| {
        let rows = db.search_audit(&workspace, filter, before, limit).await.unwrap();
        rows.into_iter().map(|row| row.started_at - T0).collect::<Vec<_>>()
    };
    let all = AuditFilter::default();
    assert_eq!(times(all, None, 9).await, [3, 2, 1, 0]);
    assert_eq!(times(AuditFilter { actor: Some("key:a"), ..all }, None, 9).await, [3, 2, 0]);
    assert_eq!(times(AuditFilter { action: Some("import"), ..all }, None, 9).await, [3, 1, 0]);
    let both = AuditFilter { actor: Some("key:a"), action: Some("import"), ..all };
    assert_eq!(times(both, None, 9).await, [3, 0]);
    assert_eq!(times(AuditFilter { from: Some(T0 + 1), to: Some(T0 + 3), ..all }, None, 9).await, [2, 1]);
    assert_eq!(times(AuditFilter { action: Some("impor"), ..all }, None, 9).await, [0_i64; 0]);
    let first = db.search_audit(&workspace, both, None, 1).await.unwrap();
    assert_eq!(times(both, Some(&first[0].id), 9).await, [0]);
}

/// An erasure rewrites every text of a project, in one transaction, and nothing of others.
pub async fn rewriting(db: &Db, ours: &str, theirs: &str) {
    let project = db.ensure_project(ours, "rewriting", T0).await.unwrap();
    let kind = new_id();
    let new = NewJob {
        project_id: Some(project.id.clone()),
        payload: json!({"name": "secret.json"}),
        max_attempts: 1,
        ..job(ours, &kind, T0)
    };
    let row = begin_audit(db, ours, "import").await;
    let record = NewRecord {
        key: new_id(),
        method_path: "POST /x".into(),
        request_hash: "h".into(),
        status: 202,
        body: json!({"file": "secret"}).to_string(),
    };
    let named = NewRecord { key: format!("secret-{}", new_id()), ..record.clone() };
    let request = Request { idempotency: Some(&record), audit_id: Some(&row) };
    assert!(matches!(db.enqueue_job(&new, &request).await.unwrap(), Once::Done(_)));
    let other = NewJob { payload: json!({"name": "secret.json"}), ..job(ours, &new_id(), T0) };
    let request = Request { idempotency: Some(&named), audit_id: None };
    assert!(matches!(db.enqueue_job(&other, &request).await.unwrap(), Once::Done(_)));
    let (_, lease) = db.claim_job("w", T0 + 1, T0 + 9, &[&kind]).await.unwrap().unwrap();
    db.heartbeat_job(&lease, T0 + 9, Some(&json!({"at": "secret"}))).await.unwrap();
    db.fail_job(&lease, "not a secret", false, T0 + 2).await.unwrap();
    let snapshot =
        NewSnapshot { sources: json!(["secret"]), config: Some("<secret/>".into()), ..snapshot_on(&project, 0) };
    db.commit_snapshot(&snapshot).await.unwrap();
    for one in db.uncopied_snapshots(&project.id).await.unwrap() {
        db.mark_copied(&one).await.unwrap();
    }
    let foreign = db.ensure_project(theirs, "rewriting", T0).await.unwrap();
    db.commit_snapshot(&NewSnapshot { sources: json!(["secret"]), ..snapshot_on(&foreign, 0) }).await.unwrap();

    let rewrite = |form: assay::store::Form, text: &str| match form {
        assay::store::Form::Message if text.contains("secret") => Some("gone".to_owned()),
        _ => text.contains("secret").then(|| text.replace("secret", "gone")),
    };
    // The job, the snapshot, two idempotency records, the audit row with the job's outcome.
    assert_eq!(db.rewrite_texts(ours, &project.id, &rewrite, None, true).await.unwrap(), 5);
    assert_eq!(db.job(ours, &new.id).await.unwrap().payload.0["name"], "secret.json", "a dry run");
    assert_eq!(db.rewrite_texts(ours, &project.id, &rewrite, None, false).await.unwrap(), 5);
    assert_eq!(db.rewrite_texts(ours, &project.id, &rewrite, None, false).await.unwrap(), 0);

    let ended = db.job(ours, &new.id).await.unwrap();
    assert_eq!((&ended.payload.0, &ended.progress.0), (&json!({"name": "gone.json"}), &json!({"at": "gone"})));
    assert_eq!(ended.error.as_deref(), Some("gone"));
    assert_eq!(outcome(db, ours, &row).await.as_deref(), Some("gone"));
    assert_eq!(db.job(ours, &other.id).await.unwrap().payload.0["name"], "secret.json", "of no project");
    let kept = db.idempotency_record(ours, &record.key, T0 + 1).await.unwrap().unwrap();
    assert_eq!(kept.body, r#"{"file":"gone"}"#);
    assert_eq!(db.idempotency_record(ours, &named.key, T0 + 1).await.unwrap(), None);
    let stored = db.snapshot(&project.id, 1).await.unwrap();
    assert_eq!((&stored.sources.0, stored.config.as_deref()), (&json!(["gone"]), Some("<gone/>")));
    assert_eq!(db.uncopied_snapshots(&project.id).await.unwrap().len(), 1, "its copy is to be written anew");
    assert_eq!(db.snapshot(&foreign.id, 1).await.unwrap().sources.0, json!(["secret"]));
    assert_eq!(
        db.snapshot_texts(&project.id).await.unwrap(),
        [(1, r#"["gone"]"#.to_owned(), Some("<gone/>".to_owned()))]
    );

    db.drop_old_versions().await.unwrap();
    let salt = db.erasure_salt().await.unwrap();
    assert_eq!((salt.len(), db.erasure_salt().await.unwrap()), (64, salt), "made once");
    let of_target = db.audit_of_target(ours, "t").await.unwrap();
    assert!(of_target.iter().any(|one| one.id == row) && of_target.iter().all(|one| one.target == "t"));
}

/// Nothing is restored beside what is there.
pub async fn restoring(db: &Db) {
    assert!(db.any_project().await.unwrap());
    let project = NewProject::new(DEFAULT_WORKSPACE, "restored", T0).unwrap();
    let project = Project {
        id: project.id,
        workspace_id: project.workspace_id,
        name: project.name,
        created_at: T0,
        latest_snapshot: 0,
    };
    let restored = assay::store::RestoredProject { project, snapshots: vec![], files: vec![] };
    let refused = db.restore(&[restored]).await.unwrap_err();
    assert!(matches!(&refused, Error::Conflict(text) if text.contains("empty one")), "{refused}");
    assert!(matches!(db.find_project(DEFAULT_WORKSPACE, "restored").await, Err(Error::NotFound { .. })));
}
