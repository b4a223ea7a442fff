//! One story of the metadata database, told to SQLite always and to Postgres when `ASSAY_TEST_POSTGRES_URL` names an empty database.

use std::collections::BTreeSet;

use assay::error::Error;
use assay::store::{
    Change, Changes, Commit, Counts, DEFAULT_WORKSPACE, Db, Failure, Heartbeat, IDEMPOTENCY_TTL, JobEnd, JobState,
    NewAudit, NewFile, NewJob, NewKey, NewProject, NewRecord, NewSnapshot, Once, Operation, Project, ReportKey,
    Request, Retirement, Role, new_id,
};
use serde_json::{Value, json};

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
    projects(&db, &ours, &theirs).await;
    snapshots(&db, &ours).await;
    two_committers(&db, &ours).await;
    idempotency(&db, &ours, &theirs).await;
    leases(&db, &ours, &theirs).await;
    given_up(&db, &ours).await;
    fenced_commit(&db, &ours).await;
    race(&db, &ours).await;
    keys(&db, &ours, &theirs).await;
    audit(&db, &ours, &theirs).await;
    reports(&db, &ours).await;
    upkeep(&db, &ours).await;
    rewriting(&db, &ours, &theirs).await;
    restoring(&db).await;
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

async fn projects(db: &Db, ours: &str, theirs: &str) {
    let new = NewProject::new(ours, " b ", T0).unwrap();
    let Once::Done(b) = db.create_project(&new, &Request::default()).await.unwrap() else { panic!("made") };
    assert_eq!((b.name.as_str(), b.latest_snapshot), ("b", 0));
    let again = NewProject::new(ours, "b", T0).unwrap();
    assert!(matches!(db.create_project(&again, &Request::default()).await, Err(Error::Conflict(_))));
    assert_eq!(db.ensure_project(ours, "b", T0 + 5).await.unwrap(), b);
    let a = db.ensure_project(ours, "a", T0 + 5).await.unwrap();
    let foreign = db.ensure_project(theirs, "b", T0).await.unwrap();
    assert_ne!(foreign.id, b.id, "names are unique in a workspace only");

    assert_eq!(db.find_project(ours, "b").await.unwrap(), b);
    assert_eq!(db.find_project(ours, &b.id).await.unwrap(), b);
    assert!(matches!(db.find_project(theirs, &b.id).await, Err(Error::NotFound { .. })));
    // A name that is another project's id does not hide that project.
    let impostor = db.ensure_project(ours, &b.id, T0).await.unwrap();
    assert_eq!(db.find_project(ours, &b.id).await.unwrap(), b);

    let names = |list: Vec<Project>| list.into_iter().map(|project| project.name).collect::<Vec<_>>();
    assert_eq!(names(db.list_projects(ours, None, 2).await.unwrap()), [impostor.name.as_str(), "a"]);
    assert_eq!(names(db.list_projects(ours, Some(&a.name), 2).await.unwrap()), ["b"]);
    assert_eq!(names(db.list_projects(theirs, None, 9).await.unwrap()), ["b"]);
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

async fn snapshots(db: &Db, ours: &str) {
    let project = db.ensure_project(ours, "snapshots", T0).await.unwrap();
    assert_eq!(db.latest_snapshot(&project.id).await.unwrap(), None);

    let (one, two, three) = (file("items", 0), file("results", 1), file("items", 0));
    let ids = |files: &[&NewFile]| files.iter().map(|file| file.id.clone()).collect::<BTreeSet<_>>();
    let first = NewSnapshot { added: vec![one.clone(), two.clone()], ..snapshot_on(&project, 0) };
    assert_eq!(db.commit_snapshot(&first).await.unwrap(), Commit::Done);
    let second = NewSnapshot { removed: vec![one.id.clone()], added: vec![three.clone()], ..snapshot_on(&project, 1) };
    assert_eq!(db.commit_snapshot(&second).await.unwrap(), Commit::Done);

    assert_eq!(file_ids(db, &project, 1).await, ids(&[&one, &two]), "an old snapshot keeps its files");
    assert_eq!(file_ids(db, &project, 2).await, ids(&[&two, &three]));
    let latest = db.latest_snapshot(&project.id).await.unwrap().unwrap();
    assert_eq!((latest.number, latest.parent, latest.counts.items), (2, 1, 3));
    assert_eq!((latest.config.as_deref(), &latest.sources.0), (Some("<View/>"), &second.sources));
    assert_eq!(db.snapshot(&project.id, 2).await.unwrap(), latest);
    assert!(matches!(db.snapshot(&project.id, 3).await, Err(Error::NotFound { .. })));
    assert_eq!(db.find_project(ours, "snapshots").await.unwrap().latest_snapshot, 2);

    let numbers = |list: Vec<assay::store::Snapshot>| list.into_iter().map(|s| s.number).collect::<Vec<_>>();
    assert_eq!(numbers(db.list_snapshots(&project.id, None, 9).await.unwrap()), [2, 1]);
    assert_eq!(numbers(db.list_snapshots(&project.id, Some(2), 9).await.unwrap()), [1]);
    let of_list = db.latest_snapshots(ours, None, 100).await.unwrap();
    assert_eq!(of_list.iter().map(|s| (&s.project_id, s.number)).collect::<Vec<_>>(), [(&project.id, 2)]);

    retirement(db, &project).await;

    // A file that the parent does not hold: nothing is written.
    let wrong =
        NewSnapshot { removed: vec![one.id.clone()], added: vec![file("items", 2)], ..snapshot_on(&project, 2) };
    assert!(matches!(db.commit_snapshot(&wrong).await, Err(Error::Internal(_))));
    assert_eq!(db.latest_snapshot(&project.id).await.unwrap().unwrap().number, 2);
    let nowhere = NewSnapshot { project_id: new_id(), ..snapshot_on(&project, 0) };
    assert!(matches!(db.commit_snapshot(&nowhere).await, Err(Error::NotFound { .. })));
}

async fn retirement(db: &Db, project: &Project) {
    let copied = |list: Vec<assay::store::Snapshot>| list.into_iter().map(|s| s.number).collect::<Vec<_>>();
    let pending = db.uncopied_snapshots(&project.id).await.unwrap();
    assert_eq!((pending[0].operation, pending[0].changes.items.new), (Operation::Import, 3));
    for snapshot in &pending {
        db.mark_copied(snapshot).await.unwrap();
    }
    assert!(db.uncopied_snapshots(&project.id).await.unwrap().is_empty());

    let retire =
        async |numbers: &[i64], by, now| db.retire_snapshots(&project.id, numbers, by, None, now).await.unwrap();
    assert_eq!(retire(&[2, 1], Retirement::Retention, T0 + 9).await, [1], "the newest stays");
    assert!(retire(&[1], Retirement::Erasure, T0 + 10).await.is_empty(), "once");
    let gone = db.snapshot(&project.id, 1).await.unwrap_err();
    assert!(matches!(&gone, Error::Gone(why) if why.contains("retention")), "{gone}");
    assert_eq!(db.list_snapshots(&project.id, None, 9).await.unwrap()[1].retired_at, Some(T0 + 9));
    // The copy in storage says the opposite now; a writer that had read the row before does not hide that.
    db.mark_copied(&pending[0]).await.unwrap();
    assert_eq!(copied(db.uncopied_snapshots(&project.id).await.unwrap()), [1]);
}

async fn two_committers(db: &Db, ours: &str) {
    let project = db.ensure_project(ours, "committers", T0).await.unwrap();
    for parent in 0..10 {
        let commits: Vec<_> = (0..2)
            .map(|_| {
                let db = db.clone();
                let new = NewSnapshot { added: vec![file("items", 0)], ..snapshot_on(&project, parent) };
                tokio::spawn(async move { db.commit_snapshot(&new).await.unwrap() })
            })
            .collect();
        let mut outcomes = Vec::new();
        for commit in commits {
            outcomes.push(commit.await.unwrap());
        }
        assert_eq!(outcomes.iter().filter(|&&outcome| outcome == Commit::Done).count(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|&&outcome| outcome == Commit::ParentMoved).count(), 1, "{outcomes:?}");
        assert_eq!(file_ids(db, &project, parent + 1).await.len() as i64, parent + 1);
    }
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

async fn idempotency(db: &Db, ours: &str, theirs: &str) {
    let kind = new_id();
    let send = |workspace: String, key: &str, hash: &str, now| {
        let (record, job) = (record(key, hash), job(&workspace, &kind, now));
        async move {
            let request = Request { idempotency: Some(&record), audit_id: None };
            db.enqueue_job(&job, &request).await.unwrap()
        }
    };
    let Once::Done(first) = send(ours.into(), "k", "h1", T0).await else { panic!("queued") };
    let Once::Replay(replay) = send(ours.into(), "k", "h1", T0 + 1).await else { panic!("replayed") };
    assert_eq!(
        (replay.status, replay.body.as_str(), replay.job_id.as_deref()),
        (202, r#"{"id":"first"}"#, Some(first.id.as_str()))
    );
    assert_eq!(send(ours.into(), "k", "h2", T0 + 1).await, Once::Reused);
    assert!(matches!(send(theirs.into(), "k", "h2", T0).await, Once::Done(_)), "keys belong to a workspace");
    assert_eq!(db.idempotency_record(ours, "k", T0 + 2).await.unwrap(), Some(replay));
    assert_eq!(db.idempotency_record(ours, "k", T0 + IDEMPOTENCY_TTL).await.unwrap(), None);
    assert!(matches!(send(ours.into(), "k", "h2", T0 + IDEMPOTENCY_TTL).await, Once::Done(_)), "forgotten after a day");
    assert_eq!(db.list_jobs(ours, None, None, 100).await.unwrap().len(), 2);

    // Twelve at once under one key: one effect.
    let racers: Vec<_> = (0..12)
        .map(|_| {
            let (db, record, job) = (db.clone(), record("race", "h"), job(ours, &kind, T0));
            tokio::spawn(async move {
                let request = Request { idempotency: Some(&record), audit_id: None };
                db.enqueue_job(&job, &request).await.unwrap()
            })
        })
        .collect();
    let mut made = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Once::Done(_) => made += 1,
            Once::Replay(_) => {}
            Once::Reused => panic!("the same request"),
        }
    }
    assert_eq!(made, 1);

    // A project and its record are one: the replay is found although the name is taken by now.
    let record = NewRecord { method_path: "POST /v1/projects".into(), ..record("project", "h") };
    let request = Request { idempotency: Some(&record), audit_id: None };
    let new = NewProject::new(ours, "once", T0).unwrap();
    assert!(matches!(db.create_project(&new, &request).await.unwrap(), Once::Done(_)));
    let new = NewProject::new(ours, "once", T0).unwrap();
    assert!(matches!(db.create_project(&new, &request).await.unwrap(), Once::Replay(_)));
}

async fn queue(db: &Db, new: &NewJob) {
    assert!(matches!(db.enqueue_job(new, &Request::default()).await.unwrap(), Once::Done(_)));
}

async fn leases(db: &Db, ours: &str, theirs: &str) {
    let kind = new_id();
    let kinds = [kind.as_str()];
    let (first, second) = (job(ours, &kind, T0), job(ours, &kind, T0 + 1));
    queue(db, &second).await;
    queue(db, &first).await;
    let count =
        async |state| db.count_jobs().await.unwrap().into_iter().find(|(s, _)| *s == state).map_or(0, |(_, n)| n);
    let (queued, running) = (count(JobState::Queued).await, count(JobState::Running).await);
    assert!(queued >= 2);
    assert!(db.claim_job("w", T0 - 1, T0 + 9, &kinds).await.unwrap().is_none(), "not before its time");
    assert!(db.claim_job("w", T0 + 9, T0 + 9, &["other"]).await.unwrap().is_none());

    let (taken, lease) = db.claim_job("w1", T0 + 2, T0 + 10, &kinds).await.unwrap().unwrap();
    assert_eq!(
        (&taken.id, taken.state, taken.attempts, &taken.payload.0),
        (&first.id, JobState::Running, 1, &first.payload)
    );
    assert_eq!((count(JobState::Queued).await, count(JobState::Running).await), (queued - 1, running + 1));
    let held = Heartbeat::Held { cancel_requested: false };
    assert_eq!(db.heartbeat_job(&lease, T0 + 20, Some(&json!({"items": 5}))).await.unwrap(), held);
    assert_eq!(db.heartbeat_job(&lease, T0 + 20, None).await.unwrap(), held);
    assert_eq!(db.job(ours, &first.id).await.unwrap().progress.0, json!({"items": 5}));
    assert!(matches!(db.job(theirs, &first.id).await, Err(Error::NotFound { .. })));
    assert!(matches!(db.cancel_job(theirs, &first.id, T0).await, Err(Error::NotFound { .. })));

    // The lease runs out, the same process takes the job again: the earlier attempt is fenced off all the same.
    let (_, other) = db.claim_job("w1", T0 + 15, T0 + 30, &kinds).await.unwrap().unwrap();
    assert_eq!(other.job_id, second.id, "a held job is not taken");
    let (_, later) = db.claim_job("w1", T0 + 21, T0 + 40, &kinds).await.unwrap().unwrap();
    assert_eq!((&later.job_id, later.attempt), (&first.id, 2));
    assert_eq!(db.heartbeat_job(&lease, T0 + 99, None).await.unwrap(), Heartbeat::Lost);
    assert!(!db.finish_job(&lease, &json!(1), T0 + 22).await.unwrap());
    assert_eq!(db.fail_job(&lease, "late", true, T0 + 22).await.unwrap(), Failure::Lost);
    assert!(!db.release_job(&lease).await.unwrap());
    assert!(db.finish_job(&later, &json!({"new": 3}), T0 + 23).await.unwrap());
    let done = db.job(ours, &first.id).await.unwrap();
    assert_eq!((done.state, &done.result.0, done.finished_at), (JobState::Done, &json!({"new": 3}), Some(T0 + 23)));

    // Given back at a shutdown: at once claimable, and the attempt does not count.
    assert!(db.release_job(&other).await.unwrap());
    let (again, other) = db.claim_job("w2", T0 + 24, T0 + 40, &kinds).await.unwrap().unwrap();
    assert_eq!((&again.id, again.attempts), (&second.id, 1));

    let Failure::Retry { run_at } = db.fail_job(&other, "no room", true, T0 + 25).await.unwrap() else {
        panic!("retried")
    };
    assert!(run_at > T0 + 25 + 7 * SECOND && run_at <= T0 + 25 + 10 * SECOND);
    assert!(db.claim_job("w2", run_at - 1, run_at, &kinds).await.unwrap().is_none());
    let (again, other) = db.claim_job("w2", run_at, run_at + 5, &kinds).await.unwrap().unwrap();
    assert_eq!((again.attempts, again.error.as_deref()), (2, Some("no room")));
    assert_eq!(db.fail_job(&other, "bad file", false, run_at + 1).await.unwrap(), Failure::Final);
    assert_eq!(db.job(ours, &second.id).await.unwrap().state, JobState::Failed);

    let listed = db.list_jobs(ours, None, None, 1).await.unwrap();
    let rest = db.list_jobs(ours, None, Some(&listed[0].id), 100).await.unwrap();
    assert!(rest.iter().all(|job| job.id < listed[0].id));
    assert!(db.list_jobs(theirs, None, None, 100).await.unwrap().iter().all(|job| job.workspace_id == theirs));
}

/// Cancelled in the queue, cancelled while running, abandoned with and without attempts left.
async fn given_up(db: &Db, ours: &str) {
    let kind = new_id();
    let kinds = [kind.as_str()];
    let waiting = job(ours, &kind, T0);
    queue(db, &waiting).await;
    let cancelled = db.cancel_job(ours, &waiting.id, T0 + 1).await.unwrap();
    assert_eq!((cancelled.state, cancelled.finished_at), (JobState::Cancelled, Some(T0 + 1)));
    assert_eq!(db.cancel_job(ours, &waiting.id, T0 + 2).await.unwrap(), cancelled, "once is enough");
    assert!(db.claim_job("w", T0 + 9, T0 + 10, &kinds).await.unwrap().is_none());

    let running = job(ours, &kind, T0);
    queue(db, &running).await;
    let (_, lease) = db.claim_job("w", T0 + 1, T0 + 10, &kinds).await.unwrap().unwrap();
    assert_eq!(db.cancel_job(ours, &running.id, T0 + 2).await.unwrap().state, JobState::Running);
    assert_eq!(db.heartbeat_job(&lease, T0 + 20, None).await.unwrap(), Heartbeat::Held { cancel_requested: true });
    assert!(db.stop_job(&lease, T0 + 3).await.unwrap());
    assert_eq!(db.job(ours, &running.id).await.unwrap().state, JobState::Cancelled);

    let abandoned = job(ours, &kind, T0);
    queue(db, &abandoned).await;
    db.claim_job("w", T0 + 1, T0 + 10, &kinds).await.unwrap().unwrap();
    db.cancel_job(ours, &abandoned.id, T0 + 2).await.unwrap();
    assert!(db.claim_job("w", T0 + 11, T0 + 20, &kinds).await.unwrap().is_none());
    assert_eq!(db.job(ours, &abandoned.id).await.unwrap().state, JobState::Cancelled);

    let hopeless = NewJob { max_attempts: 2, ..job(ours, &kind, T0) };
    queue(db, &hopeless).await;
    for attempt in 1..=2 {
        let (taken, _) = db.claim_job("w", T0 + attempt * 10, T0 + attempt * 10 + 5, &kinds).await.unwrap().unwrap();
        assert_eq!(taken.attempts, attempt);
    }
    assert!(db.claim_job("w", T0 + 40, T0 + 50, &kinds).await.unwrap().is_none());
    let ended = db.job(ours, &hopeless.id).await.unwrap();
    assert_eq!(ended.state, JobState::Failed);
    assert!(ended.error.unwrap().contains("2 attempts"));
}

/// A worker that has lost its lease cannot commit, whatever the state of the parent.
async fn fenced_commit(db: &Db, ours: &str) {
    let project = db.ensure_project(ours, "fenced", T0).await.unwrap();
    let kind = new_id();
    let new = NewJob { project_id: Some(project.id.clone()), ..job(ours, &kind, T0) };
    let audit_id = begin_audit(db, ours, "import").await;
    db.enqueue_job(&new, &Request { idempotency: None, audit_id: Some(&audit_id) }).await.unwrap();
    let (_, late) = db.claim_job("w1", T0 + 1, T0 + 2, &[&kind]).await.unwrap().unwrap();
    let (_, lease) = db.claim_job("w2", T0 + 3, T0 + 9, &[&kind]).await.unwrap().unwrap();

    let commit = |lease: &assay::store::Lease| NewSnapshot {
        added: vec![file("items", 0)],
        job: Some(JobEnd { lease: lease.clone(), result: json!({"items": 3}) }),
        ..snapshot_on(&project, 0)
    };
    assert_eq!(db.commit_snapshot(&commit(&late)).await.unwrap(), Commit::LeaseLost);
    assert_eq!(db.latest_snapshot(&project.id).await.unwrap(), None);
    assert_eq!(outcome(db, ours, &audit_id).await, None);

    let moved = NewSnapshot { parent: 7, ..commit(&lease) };
    assert_eq!(db.commit_snapshot(&moved).await.unwrap(), Commit::ParentMoved);
    assert_eq!(db.job(ours, &new.id).await.unwrap().state, JobState::Running, "the job goes on");

    assert_eq!(db.commit_snapshot(&commit(&lease)).await.unwrap(), Commit::Done);
    let ended = db.job(ours, &new.id).await.unwrap();
    assert_eq!((ended.state, ended.result.0), (JobState::Done, json!({"items": 3})));
    assert_eq!(db.latest_snapshot(&project.id).await.unwrap().unwrap().job_id, Some(new.id.clone()));
    assert_eq!(outcome(db, ours, &audit_id).await.as_deref(), Some("done"));
    assert_eq!(db.commit_snapshot(&NewSnapshot { parent: 1, ..commit(&lease) }).await.unwrap(), Commit::LeaseLost);
    assert_eq!(db.list_jobs(ours, Some(&project.id), None, 9).await.unwrap().len(), 1);
}

/// Eight workers, 200 jobs: each is worked on exactly once.
async fn race(db: &Db, ours: &str) {
    let kind = new_id();
    for _ in 0..200 {
        queue(db, &job(ours, &kind, T0)).await;
    }
    let workers: Vec<_> = (0..8)
        .map(|number| {
            let (db, kind, me) = (db.clone(), kind.clone(), format!("w{number}"));
            tokio::spawn(async move {
                let mut done = Vec::new();
                while let Some((job, lease)) = db.claim_job(&me, T0 + 1, T0 + SECOND, &[&kind]).await.unwrap() {
                    assert!(db.finish_job(&lease, &Value::Null, T0 + 2).await.unwrap());
                    done.push(job.id);
                }
                done
            })
        })
        .collect();
    let mut done = Vec::new();
    for worker in workers {
        done.extend(worker.await.unwrap());
    }
    assert_eq!(done.len(), 200);
    assert_eq!(done.into_iter().collect::<BTreeSet<_>>().len(), 200);
}

async fn keys(db: &Db, ours: &str, theirs: &str) {
    let new = NewKey { workspace_id: ours, name: "ci", role: Role::Analyst, expires_at: Some(T0 + 100 * 60 * SECOND) };
    let (key, plaintext) = db.create_key(new, T0).await.unwrap();
    assert!(plaintext.starts_with(&format!("{}_", key.prefix)) && plaintext.len() > key.prefix.len() + 32);
    assert_eq!(key.prefix, format!("assay_{}", key.id));
    assert!(!format!("{key:?}").contains(plaintext.rsplit('_').next().unwrap()), "the secret is not kept");
    assert!(db.any_key().await.unwrap());

    let known = db.authenticate(&plaintext, T0 + 1).await.unwrap().unwrap();
    assert_eq!((known.id.as_str(), known.workspace_id.as_str(), known.role), (key.id.as_str(), ours, Role::Analyst));
    let mut forged = plaintext.clone().into_bytes();
    let last = forged.last_mut().unwrap();
    *last = if *last == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for bad in [forged.as_str(), "", "assay_x_y", &plaintext[1..], &format!("{plaintext}A")] {
        assert_eq!(db.authenticate(bad, T0 + 1).await.unwrap(), None, "{bad}");
    }

    let last_used = async || db.list_keys(ours).await.unwrap()[0].last_used_at;
    assert_eq!(last_used().await, Some(T0 + 1));
    db.authenticate(&plaintext, T0 + 30 * SECOND).await.unwrap().unwrap();
    assert_eq!(last_used().await, Some(T0 + 1), "at most once a minute");
    db.authenticate(&plaintext, T0 + 61 * SECOND).await.unwrap().unwrap();
    assert_eq!(last_used().await, Some(T0 + 61 * SECOND));

    assert_eq!(db.authenticate(&plaintext, T0 + 100 * 60 * SECOND).await.unwrap(), None, "expired");
    assert!(matches!(db.revoke_key(theirs, &key.id, T0 + 2).await, Err(Error::NotFound { .. })));
    db.revoke_key(ours, &key.id, T0 + 2).await.unwrap();
    db.revoke_key(ours, &key.id, T0 + 3).await.unwrap();
    assert_eq!(db.list_keys(ours).await.unwrap()[0].revoked_at, Some(T0 + 2));
    assert_eq!(db.authenticate(&plaintext, T0 + 70 * SECOND).await.unwrap(), None, "revoked");
    assert!(db.any_key().await.unwrap(), "a revoked key still closes the server");
    assert!(db.list_keys(theirs).await.unwrap().is_empty());
    assert!(db.create_key(NewKey { name: " ", ..new }, T0).await.is_err());
}

async fn begin_audit(db: &Db, workspace: &str, action: &str) -> String {
    let new = NewAudit { workspace_id: workspace, actor: "local", action, target: "t", request_id: "r" };
    db.begin_audit(new, T0).await.unwrap()
}

async fn outcome(db: &Db, workspace: &str, id: &str) -> Option<String> {
    let rows = db.list_audit(workspace, None, 1000).await.unwrap();
    rows.into_iter().find(|row| row.id == id).unwrap().outcome
}

async fn audit(db: &Db, ours: &str, theirs: &str) {
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

async fn reports(db: &Db, ours: &str) {
    let project = db.ensure_project(ours, "reports", T0).await.unwrap();
    assert_eq!(db.commit_snapshot(&snapshot_on(&project, 0)).await.unwrap(), Commit::Done);
    let key =
        ReportKey { project_id: &project.id, snapshot: 1, kind: "agreement", params_hash: "ab", figure_version: 1 };
    assert_eq!(db.report_path(key).await.unwrap(), None);
    assert!(db.put_report(key, "p/1", T0).await.unwrap());
    assert!(db.put_report(key, "p/2", T0).await.unwrap());
    assert_eq!(db.report_path(key).await.unwrap().as_deref(), Some("p/2"));
    for other in [
        ReportKey { snapshot: 2, ..key },
        ReportKey { kind: "other", ..key },
        ReportKey { params_hash: "cd", ..key },
        ReportKey { figure_version: 2, ..key },
        ReportKey { project_id: "other", ..key },
    ] {
        assert_eq!(db.report_path(other).await.unwrap(), None, "{other:?}");
    }
    assert_eq!(db.project_reports(&project.id).await.unwrap(), [(1, "p/2".to_owned())]);

    // They go with their snapshot, for good.
    assert_eq!(db.commit_snapshot(&snapshot_on(&project, 1)).await.unwrap(), Commit::Done);
    let row = begin_audit(db, ours, "retain").await;
    let retired = db.retire_snapshots(&project.id, &[1], Retirement::Retention, Some(&row), T0).await.unwrap();
    assert_eq!(retired, [1]);
    assert_eq!(outcome(db, ours, &row).await.as_deref(), Some("done"), "in the same transaction");
    assert!(db.project_reports(&project.id).await.unwrap().is_empty());
    assert!(!db.put_report(key, "p/3", T0).await.unwrap(), "one that was still being computed comes too late");
    assert_eq!(db.report_path(key).await.unwrap(), None);
}

/// What a sweep asks for, and what it takes away.
async fn upkeep(db: &Db, ours: &str) {
    let project = db.ensure_project(ours, "upkeep", T0).await.unwrap();
    let (one, two, three) = (file("items", 0), file("results", 1), file("items", 0));
    let first = NewSnapshot { added: vec![one.clone(), two.clone()], ..snapshot_on(&project, 0) };
    db.commit_snapshot(&first).await.unwrap();
    let second = NewSnapshot { removed: vec![one.id.clone()], added: vec![three.clone()], ..snapshot_on(&project, 1) };
    db.commit_snapshot(&second).await.unwrap();
    let all = db.project_files(&project.id).await.unwrap();
    let of =
        |number: i64| all.iter().filter(|file| file.is_of(number)).map(|file| file.id.clone()).collect::<BTreeSet<_>>();
    assert_eq!((of(0).len(), of(1)), (0, file_ids(db, &project, 1).await));
    assert_eq!((of(2), of(9)), (file_ids(db, &project, 2).await, file_ids(db, &project, 2).await));

    db.forget_files(&project.id, std::slice::from_ref(&one.id)).await.unwrap();
    db.forget_files(&project.id, &[one.id.clone(), new_id()]).await.unwrap();
    let left: BTreeSet<String> = db.project_files(&project.id).await.unwrap().into_iter().map(|file| file.id).collect();
    assert_eq!(left, BTreeSet::from([two.id, three.id]));

    let waiting = job(ours, &new_id(), T0);
    queue(db, &waiting).await;
    assert!(db.unended_jobs().await.unwrap().iter().any(|job| job.id == waiting.id));
    db.cancel_job(ours, &waiting.id, T0 + 1).await.unwrap();
    assert!(db.unended_jobs().await.unwrap().iter().all(|job| job.id != waiting.id));
    let ids: Vec<String> = db.list_workspaces().await.unwrap().into_iter().map(|workspace| workspace.id).collect();
    assert!(ids.is_sorted() && ids.contains(&ours.to_owned()) && ids.contains(&"default".to_owned()));
}

/// An erasure rewrites every text of a project, in one transaction, and nothing of others.
async fn rewriting(db: &Db, ours: &str, theirs: &str) {
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
async fn restoring(db: &Db) {
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
