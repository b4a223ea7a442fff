use std::time::Duration;

use assay::store::{DEFAULT_WORKSPACE, Heartbeat, NewJob, Request, now_micros};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Client, Service};

/// The events of a stream, as (event, id, data).
fn events(text: &str) -> Vec<(String, String, Value)> {
    let blocks = text.split("\n\n").filter(|block| block.contains("data:"));
    blocks
        .map(|block| {
            let field = |name: &str| {
                block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
            };
            (field("event:"), field("id:"), serde_json::from_str(&field("data:")).unwrap())
        })
        .collect()
}

/// The next event; none at the end.
async fn next(body: &mut Body) -> Option<(String, String, Value)> {
    loop {
        let frame = tokio::time::timeout(Duration::from_secs(20), body.frame()).await.expect("something comes");
        let data = frame?.unwrap().into_data().unwrap();
        if let Some(event) = events(std::str::from_utf8(&data).unwrap()).pop() {
            return Some(event);
        }
    }
}

async fn follow(client: &Client, id: &str, last: Option<&str>) -> axum::response::Response {
    let request = client.request(Method::GET, &format!("/v1/jobs/{id}/events")).header("accept", "text/event-stream");
    let request = last.into_iter().fold(request, |request, last| request.header("last-event-id", last));
    client.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn queue(service: &Service) -> String {
    let new = NewJob::new(DEFAULT_WORKSPACE, None, "runs", Value::Null, now_micros());
    service.app().db.enqueue_job(&new, &Request::default()).await.unwrap();
    new.id
}

#[tokio::test]
async fn a_job_is_followed_to_its_end() {
    let service = Service::new().await;
    let (client, db) = (&service.client, &service.app().db);
    let id = queue(&service).await;
    let stream = follow(client, &id, None).await;
    let kind = stream.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!((stream.status(), kind.as_str()), (StatusCode::OK, "text/event-stream"));
    let mut body = stream.into_body();
    let mut told = vec![next(&mut body).await.unwrap()];

    let until = now_micros() + 60_000_000;
    let (_, lease) = db.claim_job("w", now_micros(), until, &["runs"]).await.unwrap().unwrap();
    told.push(next(&mut body).await.unwrap());
    let held = db.heartbeat_job(&lease, until, Some(&json!({ "items": 7 }))).await.unwrap();
    assert_eq!(held, Heartbeat::Held { cancel_requested: false });
    told.push(next(&mut body).await.unwrap());
    db.finish_job(&lease, &json!({ "snapshot": 1 }), now_micros()).await.unwrap();
    told.push(next(&mut body).await.unwrap());
    assert_eq!(next(&mut body).await, None, "it ends with the job");

    let names: Vec<(&str, &Value)> = told.iter().map(|(name, _, data)| (name.as_str(), &data["state"])).collect();
    let (queued, running, done) = (json!("queued"), json!("running"), json!("done"));
    assert_eq!(names, [("state", &queued), ("state", &running), ("progress", &running), ("state", &done)]);
    assert_eq!((&told[2].2["progress"]["items"], &told[3].2["result"]["snapshot"]), (&json!(7), &json!(1)));
    assert_eq!(client.get(&format!("/v1/jobs/{id}")).await.expect(StatusCode::OK), told[3].2);

    // Who comes back knowing the end is told so; who knows less gets the end.
    let last = &told[3].1;
    assert_eq!(follow(client, &id, Some(last)).await.status(), StatusCode::NO_CONTENT);
    let rest = follow(client, &id, Some(&told[1].1)).await.into_body().collect().await.unwrap().to_bytes();
    let rest = events(std::str::from_utf8(&rest).unwrap());
    assert_eq!(rest.iter().map(|(_, id, _)| id).collect::<Vec<_>>(), [last]);
    assert_eq!(follow(client, "nothing", None).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn streams_are_counted_and_end_with_the_server() {
    let service = Service::new().await;
    let id = queue(&service).await;
    let mut open = Vec::new();
    for _ in 0..64 {
        let stream = follow(&service.client, &id, None).await;
        assert_eq!(stream.status(), StatusCode::OK);
        open.push(stream);
    }
    service.client.get(&format!("/v1/jobs/{id}/events")).await.refused(503, "too_many_in_flight");
    service.client.get("/v1/projects").await.expect(StatusCode::OK);
    open.pop();
    open.push(follow(&service.client, &id, None).await);
    assert_eq!(open[63].status(), StatusCode::OK, "a place is given back when its reader goes");

    service.app().stop.cancel();
    for stream in open {
        let end = tokio::time::timeout(Duration::from_secs(5), stream.into_body().collect()).await;
        assert!(end.expect("a stream ends when the server stops").is_ok());
    }
}
