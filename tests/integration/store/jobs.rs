//! The queue, and requests that come twice.

use std::collections::BTreeSet;

use assay::error::Error;
use assay::store::{
    Db, Failure, Heartbeat, IDEMPOTENCY_TTL, JobState, NewJob, NewProject, NewRecord, Once, Request, new_id,
};
use serde_json::{Value, json};

use super::{SECOND, T0, job, queue, record};

pub async fn idempotency(db: &Db, ours: &str, theirs: &str) {
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

pub async fn leases(db: &Db, ours: &str, theirs: &str) {
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
pub async fn given_up(db: &Db, ours: &str) {
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

/// Eight workers, 200 jobs: each is worked on exactly once.
pub async fn race(db: &Db, ours: &str) {
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
