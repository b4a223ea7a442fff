use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::Service;

#[tokio::test]
async fn a_full_service_says_so_and_stays_observable() {
    let service = Service::new().await;
    let client = &service.client;
    let waiting: Vec<_> = (0..256)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.get("/wait").await })
        })
        .collect();
    while !client.get("/metrics").await.text().contains("assay_http_requests_in_flight 256") {
        tokio::task::yield_now().await;
    }
    let refused = client.get("/v1/projects").await;
    refused.refused(503, "too_many_in_flight");
    assert_eq!(refused.header("retry-after"), Some("5"));
    client.get("/healthz").await.expect(StatusCode::OK);
    client.get("/readyz").await.expect(StatusCode::OK);
    for one in waiting {
        one.abort();
        let _ = one.await;
    }
    client.get("/v1/projects").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_service_goes_on() {
    let service = Service::new().await;
    let detail = service.client.get("/panic").await.refused(500, "internal");
    assert!(!detail.contains("may panic"), "{detail}");
    service.client.get("/v1/projects").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn metrics_count_by_route_and_not_by_path() {
    let service = Service::new().await;
    let client = &service.client;
    let project = service.make_project("somebody").await;
    client.get(&format!("/v1/projects/{project}")).await;
    client.get("/v1/projects/nobody").await;
    client.get("/secret-page").await;
    let upload = client.request(Method::POST, "/v1/projects/somebody/imports").body(Body::from("[]")).unwrap();
    client.send(upload).await.expect(StatusCode::ACCEPTED);
    let metrics = client.get("/metrics").await;
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let text = metrics.text();
    for line in [
        r#"assay_http_requests_total{method="POST",route="/v1/projects",status="201"} 1"#,
        r#"assay_http_requests_total{method="GET",route="/v1/projects/{project}",status="200"} 1"#,
        r#"assay_http_requests_total{method="GET",route="/v1/projects/{project}",status="404"} 1"#,
        r#"assay_http_requests_total{method="GET",route="page",status="404"} 1"#,
        r#"assay_http_request_duration_seconds_count{method="POST",route="/v1/projects"} 1"#,
        r#"assay_jobs{state="queued"} 1"#,
        r#"assay_jobs{state="running"} 0"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    for name in ["somebody", "nobody", "secret", &project] {
        assert!(!text.contains(name), "{name}");
    }
    let made = client.post("/v1/projects", &json!({"name": "x"})).await;
    made.expect(StatusCode::CREATED);
}
