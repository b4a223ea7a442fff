//! Workers from inside: what they do with work that takes long when they are asked to stop, and with an upload that is not there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use assay::app::App;
use assay::jobs::control;
use assay::jobs::kinds::{Kind, Order, PublishOrder};
use assay::jobs::runner::start;
use assay::lake::Table;
use assay::store::{DEFAULT_WORKSPACE, Job, JobState, NewJob, Request, now_micros};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{TestApp, choice, task};

async fn queue(app: &App, new: &NewJob) {
    app.db.enqueue_job(new, &Request::default()).await.unwrap();
}

/// The job, once it is as wanted.
async fn once(app: &App, id: &str, is_wanted: impl Fn(&Job) -> bool) -> Job {
    let started = Instant::now();
    loop {
        let job = app.db.job(DEFAULT_WORKSPACE, id).await.unwrap();
        if is_wanted(&job) {
            return job;
        }
        assert!(started.elapsed() < Duration::from_secs(300), "{job:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A project whose publication somebody else is at: a job that publishes it waits.
async fn waiting_publication(test: &TestApp) -> (String, Arc<App>) {
    let export = json!([task(1, vec![choice(10, 1, "good", 0)])]);
    test.import("reviews", &[&export]).await.unwrap();
    let (app, project, now) = (test.app.clone(), test.project("reviews").await, now_micros());
    assert!(app.db.take_publish_lease(&project.id, "another", now, now + 600_000_000).await.unwrap());
    let order = PublishOrder { tables: Some(vec![Table::Items]), reports: Some(Vec::new()), ..PublishOrder::default() };
    let payload = order.payload("test").unwrap();
    let new = Kind::Publish.job(DEFAULT_WORKSPACE, Some(&project.id), payload, now);
    queue(&app, &new).await;
    (new.id, app)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_given_back_at_shutdown_and_done_by_the_next_worker() {
    let test = TestApp::new().await;
    let (id, app) = waiting_publication(&test).await;
    let stop = CancellationToken::new();
    let workers = start(&app, 2, None, &stop);
    once(&app, &id, |job| job.state == JobState::Running).await;
    let stopped = Instant::now();
    stop.cancel();
    workers.join_all().await;
    assert!(stopped.elapsed() < Duration::from_secs(10), "it took {:?}", stopped.elapsed());
    let given_back = app.db.job(DEFAULT_WORKSPACE, &id).await.unwrap();
    assert_eq!((given_back.state, given_back.attempts, given_back.lease_owner), (JobState::Queued, 0, None));

    let project = test.project("reviews").await;
    app.db.give_publish_lease(&project.id, "another").await.unwrap();
    let stop = CancellationToken::new();
    let workers = start(&app, 1, None, &stop);
    let done = once(&app, &id, |job| job.state.is_final()).await;
    assert_eq!((done.state, done.attempts, &done.result.0["snapshot"]), (JobState::Done, 1, &json!(1)), "{done:?}");
    stop.cancel();
    workers.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_ends_when_it_is_asked_to() {
    let test = TestApp::new().await;
    let (id, app) = waiting_publication(&test).await;
    let stop = CancellationToken::new();
    let workers = start(&app, 1, None, &stop);
    once(&app, &id, |job| job.state == JobState::Running).await;
    let asked = control::cancel(&app, DEFAULT_WORKSPACE, "test", &id).await.unwrap();
    assert_eq!((asked.state, asked.cancel_requested), (JobState::Running, true));
    let ended = once(&app, &id, |job| job.state.is_final()).await;
    assert_eq!((ended.state, ended.cancel_requested), (JobState::Cancelled, true));

    let again = control::retry_as(&app, DEFAULT_WORKSPACE, "test", &id).await.unwrap();
    assert_eq!((again.state, again.cancel_requested, again.attempts), (JobState::Queued, false, 1));
    let project = test.project("reviews").await;
    app.db.give_publish_lease(&project.id, "another").await.unwrap();
    assert_eq!(once(&app, &id, |job| job.state.is_final()).await.state, JobState::Done);
    stop.cancel();
    workers.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_another_machine_has_is_left_to_it() {
    let test = TestApp::new().await;
    test.import("reviews", &[&json!([task(1, vec![])])]).await.unwrap();
    let (app, project) = (test.app.clone(), test.project("reviews").await);
    let path = test.folder.path().join("upload-elsewhere.json");
    let payload = json!({ "path": path, "name": "more.json", "source": null, "config": null, "actor": "local" });
    let new = Kind::Import.job(DEFAULT_WORKSPACE, Some(&project.id), payload, now_micros());
    queue(&app, &new).await;
    let stop = CancellationToken::new();
    let workers = start(&app, 1, None, &stop);
    let waits = once(&app, &new.id, |job| job.error.is_some()).await;
    assert_eq!((waits.state, waits.attempts), (JobState::Queued, 1));
    assert!(waits.run_at > now_micros() && waits.error.as_deref().unwrap().contains("--temp"), "{waits:?}");
    stop.cancel();
    workers.join_all().await;

    // Given up, it can be tried again as long as the upload is there.
    app.db.cancel_job(DEFAULT_WORKSPACE, &new.id, now_micros()).await.unwrap();
    let gone = control::retry(&app, DEFAULT_WORKSPACE, &new.id, None).await.unwrap_err();
    assert!(gone.to_string().contains("send the file again"), "{gone}");
    std::fs::write(&path, json!([task(2, vec![])]).to_string()).unwrap();
    control::retry(&app, DEFAULT_WORKSPACE, &new.id, None).await.unwrap();
    let stop = CancellationToken::new();
    let workers = start(&app, 1, None, &stop);
    let done = once(&app, &new.id, |job| job.state.is_final()).await;
    assert_eq!((done.state, &done.result.0["snapshot"]), (JobState::Done, &json!(2)), "{done:?}");
    assert_eq!(done.error, None);
    stop.cancel();
    workers.join_all().await;
    assert!(!path.exists(), "the upload went with the job");
}
