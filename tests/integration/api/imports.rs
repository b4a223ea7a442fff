use std::path::PathBuf;

use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode};
use futures::channel::mpsc;
use serde_json::{Value, json};

use super::{Answer, Client, MAX_UPLOAD, Service};

async fn upload(client: &Client, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let request = client.request(Method::POST, path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    client.send(request.body(body.into()).unwrap()).await
}

/// The staged files of the service.
fn staged(service: &Service) -> Vec<PathBuf> {
    let folder = service.app().temp.join("uploads");
    let entries = std::fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
    entries.unwrap_or_default()
}

#[tokio::test]
async fn an_upload_is_kept_and_becomes_a_job() {
    let service = Service::new().await;
    let project = service.make_project("p").await;
    let path = "/v1/projects/p/imports?filename=export.json&source=ls&config=%3CView%2F%3E";
    let answer = upload(&service.client, path, &[("content-type", "application/x-www-form-urlencoded")], "[{}]").await;
    let job = answer.expect(StatusCode::ACCEPTED);
    assert_eq!(answer.location(), format!("/v1/jobs/{}", job["id"].as_str().unwrap()));
    assert_eq!(
        (&job["state"], &job["kind"], &job["project_id"]),
        (&json!("queued"), &json!("import"), &json!(project))
    );
    assert_eq!(service.client.get(answer.location()).await.expect(StatusCode::OK), job);

    let stored = service.app().db.job("default", job["id"].as_str().unwrap()).await.unwrap();
    let payload = &stored.payload.0;
    assert_eq!(
        (&payload["name"], &payload["source"], &payload["config"]),
        (&json!("export.json"), &json!("ls"), &json!("<View/>"))
    );
    assert_eq!(payload["actor"], "local");
    let place = payload["path"].as_str().unwrap();
    assert_eq!(staged(&service), [PathBuf::from(place)]);
    assert_eq!(std::fs::read_to_string(place).unwrap(), "[{}]");
    let audit = service.client.get("/v1/audit?limit=1").await.expect(StatusCode::OK);
    assert_eq!((&audit["items"][0]["action"], &audit["items"][0]["outcome"]), (&json!("import"), &Value::Null));
    assert_eq!(audit["items"][0]["job_id"], job["id"]);
}

#[tokio::test]
async fn what_cannot_be_an_upload_is_refused_and_leaves_nothing() {
    let service = Service::new().await;
    service.make_project("p").await;
    let client = &service.client;
    let path = "/v1/projects/p/imports";
    upload(client, "/v1/projects/other/imports", &[], "[]").await.refused(404, "project_not_found");
    upload(client, path, &[], Body::empty()).await.refused(422, "upload_empty");
    let detail = upload(client, path, &[("content-type", "multipart/form-data; boundary=x")], "--x--").await;
    assert!(detail.refused(415, "unsupported_media_type").contains("--data-binary"));
    upload(client, path, &[("content-encoding", "gzip")], "x").await.refused(415, "unsupported_media_type");
    let long = (MAX_UPLOAD + 1).to_string();
    upload(client, path, &[("content-length", &long)], "x").await.refused(413, "upload_too_large");
    let chunks = (0..3).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 500_000])));
    let chunked = Body::from_stream(futures::stream::iter(chunks));
    upload(client, path, &[], chunked).await.refused(413, "upload_too_large");
    let broken = futures::stream::iter([Ok(Bytes::from("[")), Err(std::io::Error::other("gone"))]);
    upload(client, path, &[], Body::from_stream(broken)).await.refused(400, "upload_broken_off");
    upload(client, &format!("{path}?filename=a%0Ab"), &[], "[]").await.refused(400, "invalid_query");
    upload(client, &format!("{path}?file=a"), &[], "[]").await.refused(400, "invalid_query");
    assert_eq!(staged(&service), Vec::<PathBuf>::new());
    assert_eq!(client.get("/v1/jobs").await.expect(StatusCode::OK)["items"], json!([]));
}

#[tokio::test]
async fn the_same_upload_again_is_one_job() {
    let service = Service::new().await;
    service.make_project("p").await;
    service.make_project("q").await;
    let client = &service.client;
    let key = [("idempotency-key", "night-run-7")];
    let first = upload(client, "/v1/projects/p/imports", &key, "[1]").await;
    let again = upload(client, "/v1/projects/p/imports", &key, "[1]").await;
    assert_eq!(again.expect(StatusCode::ACCEPTED), first.expect(StatusCode::ACCEPTED));
    assert_eq!((again.location(), again.header("idempotency-replayed")), (first.location(), Some("true")));
    for (path, body) in [("p/imports", "[2]"), ("q/imports", "[1]"), ("p/imports?source=x", "[1]")] {
        upload(client, &format!("/v1/projects/{path}"), &key, body).await.refused(422, "idempotency_key_reused");
    }
    assert_eq!(staged(&service).len(), 1, "repeats are not kept");
    upload(client, "/v1/projects/p/imports", &[("idempotency-key", "8")], "[1]").await.expect(StatusCode::ACCEPTED);
    upload(client, "/v1/projects/p/imports", &[], "[1]").await.expect(StatusCode::ACCEPTED);
    assert_eq!(client.get("/v1/jobs").await.expect(StatusCode::OK)["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_key_in_flight_is_refused_until_its_request_has_ended() {
    let service = Service::new().await;
    service.make_project("p").await;
    let key = [("idempotency-key", "k")];
    let (mut sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let slow = {
        let client = service.client.clone();
        tokio::spawn(async move { upload(&client, "/v1/projects/p/imports", &key, Body::from_stream(receiver)).await })
    };
    sender.try_send(Ok(Bytes::from("["))).unwrap();
    while staged(&service).is_empty() {
        tokio::task::yield_now().await;
    }
    let refused = upload(&service.client, "/v1/projects/p/imports", &key, "[]").await;
    refused.refused(409, "idempotency_key_in_flight");
    assert_eq!(refused.header("retry-after"), Some("5"));
    while sender.try_send(Ok(Bytes::from("]"))).is_err() {
        tokio::task::yield_now().await;
    }
    drop(sender);
    let first = slow.await.unwrap().expect(StatusCode::ACCEPTED);
    let again = upload(&service.client, "/v1/projects/p/imports", &key, "[]").await.expect(StatusCode::ACCEPTED);
    assert_eq!(again, first);
}
