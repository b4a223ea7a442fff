//! Projects, their snapshots and files, and what goes with a snapshot.

use std::collections::BTreeSet;

use assay::error::Error;
use assay::store::{
    Commit, Db, JobEnd, JobState, NewFile, NewJob, NewProject, NewSnapshot, Once, Operation, Project, ReportKey,
    Request, Retirement, new_id,
};
use serde_json::json;

use super::{T0, begin_audit, file, file_ids, job, outcome, queue, snapshot_on};

pub async fn projects(db: &Db, ours: &str, theirs: &str) {
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

pub async fn snapshots(db: &Db, ours: &str) {
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

pub async fn two_committers(db: &Db, ours: &str) {
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

/// A worker that has lost its lease cannot commit, whatever the state of the parent.
pub async fn fenced_commit(db: &Db, ours: &str) {
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

pub async fn reports(db: &Db, ours: &str) {
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
pub async fn upkeep(db: &Db, ours: &str) {
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
