//! Snapshots, what differs between them, and reports of older ones.

use assay::store::{Retirement, now_micros};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Service;
use crate::support::{TestApp, choice, task};

/// The project `reviews` with two snapshots; only in the second annotators differ.
async fn service() -> Service {
    let service = Service::new().await;
    let export = |label: &str, minute| json!([task(1, vec![choice(10, 1, "good", 0), choice(11, 2, label, minute)])]);
    service.test.import("reviews", &[&export("good", 0)]).await.unwrap();
    service.test.import("reviews", &[&export("bad", 5)]).await.unwrap();
    service
}

async fn retire(test: &TestApp, number: i64) {
    let project = test.project("reviews").await;
    test.app.db.retire_snapshots(&project.id, &[number], Retirement::Retention, None, now_micros()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_says_who_made_it_of_what_and_what_changed() {
    let service = service().await;
    let client = &service.client;
    let list = client.get("/v1/projects/reviews/snapshots").await.expect(StatusCode::OK);
    let newest = &list["items"][0];
    assert_eq!(
        (&newest["number"], &newest["actor"], &newest["operation"]),
        (&json!(2), &json!("test"), &json!("import"))
    );
    assert_eq!(newest["sources"], json!(["export-0.json"]));
    assert_eq!(newest["changes"]["annotations"], json!({ "new": 0, "changed": 1, "removed": 0 }));
    assert_eq!((&newest["retired_at"], &newest["retired_by"]), (&Value::Null, &Value::Null));
    assert_eq!(&client.get("/v1/projects/reviews/snapshots/2").await.expect(StatusCode::OK), newest);
    for unknown in ["3", "0", "-1", "x", "99999999999999999999"] {
        let path = format!("/v1/projects/reviews/snapshots/{unknown}");
        client.get(&path).await.refused(404, "snapshot_not_found");
    }
    client.get("/v1/projects/other/snapshots/1").await.refused(404, "project_not_found");

    retire(&service.test, 1).await;
    let detail = client.get("/v1/projects/reviews/snapshots/1").await.refused(410, "gone");
    assert!(detail.contains("taken back by retention"), "{detail}");
    let list = client.get("/v1/projects/reviews/snapshots").await.expect(StatusCode::OK);
    assert_eq!(list["items"][1]["retired_by"], "retention");
    assert!(list["items"][1]["retired_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_of_the_snapshot_that_is_named() {
    let service = service().await;
    let client = &service.client;
    let get = async |path: &str| client.get(&format!("/v1/projects/reviews/{path}")).await;
    let listed = async |query: &str| {
        get(&format!("disagreements{query}")).await.expect(StatusCode::OK)["items"].as_array().unwrap().len()
    };
    assert_eq!((listed("").await, listed("?snapshot=1").await, listed("?snapshot=2").await), (1, 0, 1));
    let label = async |query: &str| {
        let item = get(&format!("items/1{query}")).await.expect(StatusCode::OK);
        (item["snapshot"].clone(), item["annotations"][1]["results"][0]["labels"][0].clone())
    };
    assert_eq!(label("?snapshot=1").await, (json!(1), json!("good")));
    assert_eq!(label("").await, (json!(2), json!("bad")));
    // Asked for before, so that it is in memory when the snapshot goes.
    get("agreement?snapshot=1").await.expect(StatusCode::OK);
    retire(&service.test, 1).await;
    for path in ["agreement", "disagreements", "items/1"] {
        get(&format!("{path}?snapshot=1")).await.refused(410, "gone");
        get(&format!("{path}?snapshot=7")).await.refused(404, "snapshot_not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_read_page_by_page() {
    let service = Service::new().await;
    let export =
        |label: &str, minute| json!((0..9u64).map(|n| task(n, vec![choice(n, 1, label, minute)])).collect::<Vec<_>>());
    service.test.import("reviews", &[&export("good", 0)]).await.unwrap();
    service.test.import("reviews", &[&export("bad", 5)]).await.unwrap();
    let client = &service.client;
    let get = async |query: &str| client.get(&format!("/v1/projects/reviews/diff?{query}")).await;
    let all = get("from=1&to=2").await.expect(StatusCode::OK);
    assert_eq!((all["items"].as_array().unwrap().len(), &all["next_cursor"]), (9, &Value::Null));
    let first = &all["items"][0];
    assert_eq!(
        (&first["kind"], &first["change"], &first["item_id"]),
        (&json!("annotation"), &json!("changed"), &json!("reviews/task/0"))
    );
    assert_eq!(first["results"][0]["fields"], json!([{ "field": "label", "old": "good", "new": "bad" }]));

    let mut found = Vec::new();
    let mut page = get("from=1&to=2&limit=4").await;
    loop {
        let body = page.expect(StatusCode::OK);
        found.extend(body["items"].as_array().unwrap().clone());
        let Some(link) = page.header("link") else { break };
        let next = link.strip_prefix('<').unwrap().split('>').next().unwrap().to_owned();
        page = client.get(&next).await;
    }
    assert_eq!(json!(found), all["items"]);
    let cursor = get("from=1&to=2&limit=4").await.expect(StatusCode::OK)["next_cursor"].as_str().unwrap().to_owned();
    get(&format!("from=2&to=1&cursor={cursor}")).await.refused(400, "invalid_cursor");
    assert_eq!(get("from=2&to=1").await.expect(StatusCode::OK)["items"][0]["results"][0]["fields"][0]["new"], "good");
    assert_eq!(get("from=2&to=2").await.expect(StatusCode::OK)["items"], json!([]));

    assert!(get("from=1").await.refused(400, "invalid_query").contains("to:"));
    get("from=one&to=2").await.refused(400, "invalid_query");
    get("from=1&to=3").await.refused(404, "snapshot_not_found");
    retire(&service.test, 1).await;
    get("from=1&to=2").await.refused(410, "gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_can_be_the_whole_truth() {
    let service = service().await;
    let upload = async |query: &str| {
        let request = service.client.request(Method::POST, &format!("/v1/projects/reviews/imports{query}"));
        let other = json!([task(2, vec![])]);
        service.client.send(request.body(Body::from(other.to_string())).unwrap()).await
    };
    let mode = async |query: &str| {
        let job = upload(query).await.expect(StatusCode::ACCEPTED);
        service.app().db.job("default", job["id"].as_str().unwrap()).await.unwrap().payload.0["mode"].clone()
    };
    assert_eq!(
        (mode("").await, mode("?mode=merge").await, mode("?mode=full").await),
        (json!("merge"), json!("merge"), json!("full"))
    );
    upload("?mode=half").await.refused(400, "invalid_query");

    let stop = tokio_util::sync::CancellationToken::new();
    let worker = tokio::spawn(assay::jobs::runner::work(service.app().clone(), None, stop.clone()));
    let job = upload("?mode=full").await.expect(StatusCode::ACCEPTED);
    let ended = service.client.job_end(job["id"].as_str().unwrap()).await;
    stop.cancel();
    worker.await.unwrap();
    // The job before it, of the same mode, has removed what there was.
    assert_eq!(
        (&ended["state"], &ended["result"]["mode"], &ended["result"]["items"]["removed"]),
        (&json!("done"), &json!("full"), &json!(0))
    );
    let project = service.client.get("/v1/projects/reviews").await.expect(StatusCode::OK);
    let newest = &project["snapshot"];
    assert_eq!((&newest["items"], &newest["changes"]["annotations"]["removed"]), (&json!(1), &json!(2)));
}
