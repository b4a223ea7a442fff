use assay::store::{DEFAULT_WORKSPACE, NewJob, Request, now_micros};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Service;

#[tokio::test]
async fn a_job_is_watched_and_cancelled() {
    let service = Service::new().await;
    let (client, db) = (&service.client, &service.app().db);
    let project = service.make_project("p").await;
    let queue = async |kind: &str| {
        let new = NewJob::new(DEFAULT_WORKSPACE, Some(&project), kind, Value::Null, now_micros());
        db.enqueue_job(&new, &Request::default()).await.unwrap();
        new.id
    };
    let cancel = async |id: &str| client.post(&format!("/v1/jobs/{id}/cancel"), &Value::Null).await;

    let waiting = queue("waits").await;
    let job = client.get(&format!("/v1/jobs/{waiting}")).await.expect(StatusCode::OK);
    assert_eq!((&job["state"], &job["kind"], &job["project_id"]), (&json!("queued"), &json!("waits"), &json!(project)));
    let ended = cancel(&waiting).await.expect(StatusCode::OK);
    assert_eq!(ended["state"], "cancelled");
    assert_eq!(cancel(&waiting).await.expect(StatusCode::OK), ended);

    let running = queue("runs").await;
    let until = now_micros() + 60_000_000;
    let (_, lease) = db.claim_job("w", now_micros(), until, &["runs"]).await.unwrap().unwrap();
    db.heartbeat_job(&lease, until, Some(&json!({"items": 7}))).await.unwrap();
    let asked = cancel(&running).await.expect(StatusCode::ACCEPTED);
    assert_eq!(
        (&asked["state"], &asked["cancel_requested"], &asked["progress"]["items"]),
        (&json!("running"), &json!(true), &json!(7))
    );
    db.finish_job(&lease, &json!({"snapshot": 1}), now_micros()).await.unwrap();
    cancel(&running).await.refused(409, "job_ended");
    let job = client.get(&format!("/v1/jobs/{running}")).await.expect(StatusCode::OK);
    assert_eq!((&job["state"], &job["result"]), (&json!("done"), &json!({"snapshot": 1})));

    cancel("nothing").await.refused(404, "job_not_found");
    let list = client.get("/v1/jobs?project=p&limit=1").await.expect(StatusCode::OK);
    assert_eq!(list["items"][0]["id"], running.as_str());
    let next = format!("/v1/jobs?project=p&cursor={}", list["next_cursor"].as_str().unwrap());
    assert_eq!(client.get(&next).await.expect(StatusCode::OK)["items"][0]["id"], waiting.as_str());
    client.get("/v1/jobs?project=other").await.refused(404, "project_not_found");

    let audit = client.get("/v1/audit?limit=4").await.expect(StatusCode::OK);
    let outcomes: Vec<_> =
        audit["items"].as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["failed: job_ended", "done", "done", "done"]);
}
