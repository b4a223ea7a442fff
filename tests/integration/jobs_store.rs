//! The queue as the database keeps it: whose turn it is, what was given up, what is due. Told to SQLite always and to Postgres when
//! `ASSAY_TEST_POSTGRES_URL` is set.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use assay::error::Error;
use assay::store::{
    ATTEMPTS, Db, JobEnd, JobState, Lease, NewAudit, NewJob, NewSchedule, Once, Request, Retirement, new_id,
};
use serde_json::{Value, json};

use crate::support::postgres;

const SECOND: i64 = 1_000_000;
const T0: i64 = 1_790_000_000 * SECOND;
const KINDS: [&str; 7] = ["import", "report", "compact", "publish", "retain", "sweep", "erase"];

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    tell(&format!("sqlite://{}", folder.path().join("jobs.db").display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    let drop = "DROP DATABASE IF EXISTS assay_jobs WITH (FORCE)";
    if let Some(url) = postgres("assay_jobs", drop, "CREATE DATABASE assay_jobs").await {
        tell(&url).await;
    }
}

/// Each story is told to an empty queue: it leaves nothing that waits.
async fn tell(url: &str) {
    let db = Db::connect(url).await.unwrap();
    turns(&db).await;
    a_full_workspace_keeps_nobody_waiting(&db).await;
    the_most_urgent_first(&db).await;
    many_claim_at_once(&db).await;
    given_up_and_tried_again(&db).await;
    what_an_erasure_is_about_goes_with_its_end(&db).await;
    retirement_ends_its_job(&db).await;
    due_once(&db).await;
    db.close().await;
}

async fn workspace(db: &Db) -> String {
    let id = new_id();
    db.ensure_workspace(&id, "Team", T0).await.unwrap();
    id
}

async fn queue(db: &Db, new: &NewJob) {
    assert!(matches!(db.enqueue_job(new, &Request::default()).await.unwrap(), Once::Done(_)));
}

async fn claim(db: &Db, now: i64) -> Option<(assay::store::Job, Lease)> {
    db.claim_job("w", now, now + 60 * SECOND, &KINDS).await.unwrap()
}

/// Ended at once: nothing runs when the next one is claimed.
async fn claim_and_end(db: &Db, now: i64) -> Option<String> {
    let (job, lease) = claim(db, now).await?;
    assert!(db.finish_job(&lease, &Value::Null, now).await.unwrap());
    Some(job.workspace_id)
}

async fn turns(db: &Db) {
    let mut all = Vec::new();
    for _ in 0..3 {
        let id = workspace(db).await;
        for n in 0..3 {
            queue(db, &NewJob::new(&id, None, "import", json!(n), T0)).await;
        }
        all.push(id);
    }
    let mut order = Vec::new();
    for n in 1.. {
        let Some(id) = claim_and_end(db, T0 + n).await else { break };
        order.push(id);
    }
    assert_eq!(order.len(), 9);
    let first: BTreeSet<&String> = order[..3].iter().collect();
    assert_eq!(first, all.iter().collect(), "each has its turn before one has its second");
    assert_eq!((&order[..3], &order[3..6]), (&order[3..6], &order[6..]), "in the same order again");
}

async fn a_full_workspace_keeps_nobody_waiting(db: &Db) {
    let (full, small) = (workspace(db).await, workspace(db).await);
    for n in 0..300 {
        queue(db, &NewJob::new(&full, None, "import", json!(n), T0)).await;
    }
    let mut held = Vec::new();
    for n in 0..4 {
        let (job, lease) = claim(db, T0 + 100 + n).await.unwrap();
        assert_eq!(job.workspace_id, full, "nobody else waits");
        held.push(lease);
    }
    // Queued last and the least urgent of all: but this workspace has nothing that runs.
    queue(db, &NewJob { priority: 2, ..NewJob::new(&small, None, "sweep", Value::Null, T0 + 200) }).await;
    let (job, lease) = claim(db, T0 + 200).await.unwrap();
    assert_eq!(job.workspace_id, small);
    held.push(lease);
    for lease in held {
        assert!(db.stop_job(&lease, T0 + 201).await.unwrap());
    }
    for job in db.list_jobs_of_state(&full, None, JobState::Queued, None, 1000).await.unwrap() {
        db.cancel_job(&full, &job.id, T0 + 202).await.unwrap();
    }
    assert!(claim(db, T0 + 203).await.is_none());
}

async fn the_most_urgent_first(db: &Db) {
    let ours = workspace(db).await;
    for (n, (kind, priority)) in [("sweep", 2), ("report", 1), ("import", 0), ("import", 0)].into_iter().enumerate() {
        let queued = T0 + n as i64;
        queue(db, &NewJob { priority, ..NewJob::new(&ours, None, kind, json!(n), queued) }).await;
    }
    // The most urgent of all is not due yet.
    queue(db, &NewJob::new(&ours, None, "import", json!("later"), T0 + 1000)).await;
    let mut order = Vec::new();
    for n in 0..5 {
        let now = T0 + 10 + n * 500;
        let (job, lease) = claim(db, now).await.unwrap();
        assert!(db.finish_job(&lease, &Value::Null, now).await.unwrap());
        order.push(job.payload.0);
    }
    assert_eq!(order, [json!(2), json!(3), json!("later"), json!(1), json!(0)]);
}

/// However many workers look at the same time, each job has one of them, and workspaces share the workers evenly.
async fn many_claim_at_once(db: &Db) {
    let mut all = Vec::new();
    for _ in 0..4 {
        let id = workspace(db).await;
        for n in 0..25 {
            queue(db, &NewJob::new(&id, None, "import", json!(n), T0)).await;
        }
        all.push(id);
    }
    let mut leases = Vec::new();
    for round in 0..10 {
        let claims: Vec<_> = (0..10)
            .map(|worker| {
                let db = db.clone();
                tokio::spawn(async move {
                    let (now, owner) = (T0 + 1000 + round, format!("w{worker}"));
                    db.claim_job(&owner, now, now + 60 * SECOND, &KINDS).await.unwrap().unwrap()
                })
            })
            .collect();
        for claimed in claims {
            leases.push(claimed.await.unwrap());
        }
        let mut running = BTreeMap::new();
        for (job, _) in &leases {
            *running.entry(job.workspace_id.clone()).or_insert(0) += 1;
        }
        let (least, most) = (running.values().min().unwrap(), running.values().max().unwrap());
        assert!(running.len() == 4 && most - least <= 1, "round {round}: {running:?}");
    }
    let jobs: BTreeSet<&String> = leases.iter().map(|(job, _)| &job.id).collect();
    assert_eq!((jobs.len(), leases.len()), (100, 100), "each job was claimed once");
    assert!(claim(db, T0 + 2000).await.is_none());
    for (_, lease) in &leases {
        assert!(db.finish_job(lease, &Value::Null, T0 + 2001).await.unwrap());
    }
}

async fn given_up_and_tried_again(db: &Db) {
    let (ours, theirs) = (workspace(db).await, workspace(db).await);
    let new = NewJob { max_attempts: 2, ..NewJob::new(&ours, None, "publish", json!({ "order": {} }), T0) };
    queue(db, &new).await;
    let (_, first) = claim(db, T0).await.unwrap();
    db.fail_job(&first, "no room", true, T0).await.unwrap();
    let (_, second) = claim(db, T0 + 60 * SECOND).await.unwrap();
    db.fail_job(&second, "no room at all", true, T0 + 61 * SECOND).await.unwrap();
    let failed = db.list_jobs_of_state(&ours, None, JobState::Failed, None, 9).await.unwrap();
    assert_eq!((failed.len(), &failed[0].id, failed[0].error.as_deref()), (1, &new.id, Some("no room at all")));
    assert_eq!(db.list_jobs_of_state(&theirs, None, JobState::Failed, None, 9).await.unwrap(), []);
    assert!(claim(db, T0 + 9000 * SECOND).await.is_none(), "it is given up");

    let begin = async || {
        let row =
            NewAudit { workspace_id: &ours, actor: "local", action: "job.retry", target: &new.id, request_id: "r" };
        db.begin_audit(row, T0).await.unwrap()
    };
    let audit_id = begin().await;
    assert_eq!(db.retry_job(&theirs, &new.id, None, T0).await.unwrap(), None, "another workspace's");
    let again = db.retry_job(&ours, &new.id, Some(&audit_id), T0 + 70 * SECOND).await.unwrap().unwrap();
    assert_eq!((again.state, again.attempts, again.max_attempts), (JobState::Queued, 2, 2 + ATTEMPTS));
    assert_eq!(again.error.as_deref(), Some("no room at all"), "why it is tried again");
    assert_eq!(db.retry_job(&ours, &new.id, None, T0).await.unwrap(), None, "it waits already");
    let (taken, third) = claim(db, T0 + 71 * SECOND).await.unwrap();
    assert_eq!((taken.attempts, &taken.payload.0), (3, &json!({ "order": {} })));
    for old in [&first, &second] {
        assert!(!db.finish_job(old, &json!("late"), T0).await.unwrap(), "attempts of before stay fenced off");
        assert!(!db.note_job(old, &json!("late")).await.unwrap());
    }
    assert!(db.finish_job(&third, &json!({ "snapshot": 3 }), T0 + 72 * SECOND).await.unwrap());
    let rows = db.list_audit(&ours, None, 9).await.unwrap();
    let retry = rows.iter().find(|row| row.id == audit_id).unwrap();
    assert_eq!((retry.job_id.as_ref(), retry.outcome.as_deref()), (Some(&new.id), Some("done")));
    assert_eq!(db.retry_job(&ours, &new.id, None, T0).await.unwrap(), None, "it is done");
}

async fn what_an_erasure_is_about_goes_with_its_end(db: &Db) {
    let ours = workspace(db).await;
    let payload = json!({ "actor": "local", "order": { "annotator": "bo@example.com" } });
    let erasure = async || {
        let new = NewJob::new(&ours, None, "erase", payload.clone(), T0);
        queue(db, &new).await;
        new.id
    };
    let kept = async |id: &str| db.job(&ours, id).await.unwrap().payload.0;

    let waiting = erasure().await;
    db.cancel_job(&ours, &waiting, T0).await.unwrap();
    assert_eq!(kept(&waiting).await, Value::Null, "cancelled in the queue");

    let running = erasure().await;
    let (_, lease) = claim(db, T0).await.unwrap();
    db.cancel_job(&ours, &running, T0).await.unwrap();
    assert_eq!(kept(&running).await, payload, "the worker needs it until it stops");
    assert!(db.release_job(&lease).await.unwrap());
    assert_eq!(kept(&running).await, payload);
    assert!(claim(db, T0).await.is_none());
    assert_eq!(
        (db.job(&ours, &running).await.unwrap().state, kept(&running).await),
        (JobState::Cancelled, Value::Null)
    );

    let failing = erasure().await;
    let (_, lease) = claim(db, T0).await.unwrap();
    assert!(db.note_job(&lease, &json!({ "begun": payload })).await.unwrap());
    assert_eq!(kept(&failing).await, json!({ "begun": payload }));
    db.fail_job(&lease, "the project has no annotator of that name", false, T0).await.unwrap();
    assert_eq!(kept(&failing).await, Value::Null);
}

async fn retirement_ends_its_job(db: &Db) {
    let ours = workspace(db).await;
    let project = db.ensure_project(&ours, "p", T0).await.unwrap();
    let new = NewJob::new(&ours, Some(&project.id), "retain", Value::Null, T0);
    queue(db, &new).await;
    let (_, late) = db.claim_job("w1", T0, T0 + 1, &KINDS).await.unwrap().unwrap();
    let (_, lease) = db.claim_job("w2", T0 + 2, T0 + 60 * SECOND, &KINDS).await.unwrap().unwrap();
    let end = |lease: &Lease| JobEnd { lease: lease.clone(), result: json!({ "retired": [1] }) };
    let by = Retirement::Retention;
    assert!(!db.retire_snapshots_and_end(&project.id, &[1], by, &end(&late), T0 + 3).await.unwrap());
    assert_eq!(db.job(&ours, &new.id).await.unwrap().state, JobState::Running);
    assert!(db.retire_snapshots_and_end(&project.id, &[1], by, &end(&lease), T0 + 4).await.unwrap());
    let ended = db.job(&ours, &new.id).await.unwrap();
    assert_eq!((ended.state, ended.result.0), (JobState::Done, json!({ "retired": [1] })));
}

async fn due_once(db: &Db) {
    let (ours, theirs) = (workspace(db).await, workspace(db).await);
    let project = db.ensure_project(&ours, "p", T0).await.unwrap();
    let new = NewSchedule {
        id: new_id(),
        workspace_id: ours.clone(),
        project_id: project.id.clone(),
        kind: "retain".into(),
        payload: json!({ "actor": "cli", "order": { "keep": "last=3" } }),
        cron: "0 * * * *".into(),
        actor: "cli".into(),
        created_at: T0,
        next_at: T0 + 10,
    };
    db.add_schedule(&new, &Request::default()).await.unwrap();
    assert_eq!(db.due_schedules(T0 + 9, 10).await.unwrap(), []);
    let due = db.due_schedules(T0 + 10, 10).await.unwrap();
    let [schedule] = due.as_slice() else { panic!("{due:?}") };
    assert_eq!((&schedule.id, &schedule.payload.0, schedule.next_at), (&new.id, &new.payload, T0 + 10));

    let enqueue = async |db: &Db, due: i64, next: i64| {
        let schedule = assay::store::Schedule { next_at: due, ..schedule.clone() };
        let job = NewJob {
            scheduled: Some((schedule.id.clone(), due)),
            ..NewJob::new(&ours, Some(&project.id), "retain", schedule.payload.0.clone(), due)
        };
        db.enqueue_scheduled(&schedule, &job, next).await.unwrap()
    };
    let queued: Vec<_> = futures::future::join_all((0..8).map(|_| enqueue(db, T0 + 10, T0 + 20))).await;
    let queued: Vec<_> = queued.into_iter().flatten().collect();
    let [job] = queued.as_slice() else { panic!("queued {} times", queued.len()) };
    assert_eq!(job.schedule_id.as_ref(), Some(&schedule.id));
    assert_eq!(db.schedule(&ours, &schedule.id).await.unwrap().next_at, T0 + 20);
    assert!(enqueue(db, T0 + 20, T0 + 30).await.is_none(), "the job before it still waits");
    assert_eq!(db.schedule(&ours, &schedule.id).await.unwrap().next_at, T0 + 30);

    let (taken, lease) = claim(db, T0 + 30).await.unwrap();
    assert_eq!(taken.id, job.id);
    assert!(enqueue(db, T0 + 30, T0 + 40).await.is_some(), "one that runs is no reason not to queue the next");
    assert!(db.finish_job(&lease, &Value::Null, T0 + 31).await.unwrap());
    let row = db.list_audit(&ours, None, 9).await.unwrap().into_iter().find(|row| row.job_id.as_ref() == Some(&job.id));
    let row = row.unwrap();
    assert_eq!((row.actor, row.action.as_str()), (format!("schedule:{}", schedule.id), "retain"));
    assert_eq!((row.target, row.outcome.as_deref()), (project.id.clone(), Some("done")));

    assert!(matches!(db.remove_schedule(&theirs, &schedule.id).await, Err(Error::NotFound { .. })));
    assert_eq!(db.list_schedules(&theirs, None, None, 9).await.unwrap(), []);
    assert_eq!(db.list_schedules(&ours, Some(&project.id), None, 9).await.unwrap().len(), 1);
    db.remove_schedule(&ours, &schedule.id).await.unwrap();
    assert!(matches!(db.schedule(&ours, &schedule.id).await, Err(Error::NotFound { .. })));
    let (_, lease) = claim(db, T0 + 50).await.expect("jobs that it has queued stay");
    assert!(db.finish_job(&lease, &Value::Null, T0 + 51).await.unwrap());
}

const MANY_WORKSPACES: &str = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99) \
    INSERT INTO workspaces (id, name, created_at) SELECT 'many-' || i, 'Team', 0 FROM n";
const MANY_JOBS: &str = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) \
    INSERT INTO jobs (id, workspace_id, kind, payload, max_attempts, run_at, created_at, priority) \
    SELECT 'many-' || i, 'many-' || (i % 100), 'import', 'null', 5, i, 0, i % 3 FROM n";
const PLAN: &str = concat!("EXPLAIN QUERY PLAN ", include_str!("../../queries/store/jobs_claim.sql"));

/// A claim looks at each workspace's next job by an index: 100,000 that wait make it hardly slower.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_wait_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let url = format!("sqlite://{}", path.display());
    let db = Db::connect(&url).await.unwrap();
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    for text in [MANY_WORKSPACES, MANY_JOBS] {
        sqlx::query(text).execute(&pool).await.unwrap();
    }
    let plan: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(PLAN).bind("w").bind(1_i64).bind(1_i64).bind(",import,").fetch_all(&pool).await.unwrap();
    let plan: Vec<&str> = plan.iter().map(|(.., step)| step.as_str()).collect();
    for index in ["waiting USING INDEX jobs_waiting", "busy USING COVERING INDEX jobs_by_state"] {
        assert!(plan.iter().any(|step| step.contains(index)), "{index} is not used: {plan:#?}");
    }
    assert!(!plan.iter().any(|step| step.contains("SCAN waiting") || step.contains("SCAN jobs")), "{plan:#?}");
    pool.close().await;
    claim_some(&db, "sqlite").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_wait_in_postgres() {
    let drop = "DROP DATABASE IF EXISTS assay_many_jobs WITH (FORCE)";
    let Some(url) = postgres("assay_many_jobs", drop, "CREATE DATABASE assay_many_jobs").await else { return };
    let db = Db::connect(&url).await.unwrap();
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    for text in [MANY_WORKSPACES, MANY_JOBS] {
        sqlx::query(text).execute(&pool).await.unwrap();
    }
    pool.close().await;
    claim_some(&db, "postgres").await;
}

/// Each of the hundred workspaces has two of the two hundred turns.
async fn claim_some(db: &Db, server: &str) {
    let (mut turns, mut times) = (BTreeMap::new(), Vec::new());
    for n in 0..200 {
        let started = Instant::now();
        let (job, _) = claim(db, T0 + n).await.unwrap();
        times.push(started.elapsed());
        assert_eq!(job.priority, 0, "the most urgent of its workspace");
        *turns.entry(job.workspace_id).or_insert(0) += 1;
    }
    times.sort();
    println!("{server}: a claim among 100,000 jobs of 100 workspaces takes {:?}, at most {:?}", times[100], times[199]);
    assert_eq!((turns.len(), turns.values().max()), (100, Some(&2)));
    assert!(times[100].as_secs() < 1, "half of the claims take {:?} or more", times[100]);
}
