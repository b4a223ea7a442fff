use assay::store::{DEFAULT_WORKSPACE, Role, now_micros};
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{Method, Request, StatusCode};
use base64::Engine;

use super::{Client, Service, operations};

async fn call(client: &Client, method: &Method, path: &str) -> super::Answer {
    let request = client.request(method.clone(), path).header("content-type", "application/json");
    client.send(request.body(Body::from("{}")).unwrap()).await
}

#[tokio::test]
async fn without_keys_only_this_machine_is_answered() {
    let service = Service::new().await;
    let client = &service.client;
    client.get("/v1/projects").await.expect(StatusCode::OK);
    assert_eq!(client.get("/").await.text(), "the start page");
    for path in ["/v1/projects", "/", "/docs/", "/openapi.json", "/metrics", "/healthz"] {
        for (name, value) in [
            ("host", "assay.example.com"),
            ("origin", "https://example.com"),
            ("origin", "http://127.0.0.1:3000"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let host = if name == "host" { value } else { "127.0.0.1:8080" };
            let request = Request::builder().uri(path).header(HOST, host);
            let request = if name == "host" { request } else { request.header(name, value) };
            let answer = client.send(request.body(Body::empty()).unwrap()).await;
            answer.refused(403, "local_only");
        }
    }
}

#[tokio::test]
async fn with_keys_every_operation_needs_one() {
    let service = Service::new().await;
    service.make_project("p").await;
    let owner = service.with_key(DEFAULT_WORKSPACE, Role::Owner).await;
    owner.get("/v1/projects/p").await.expect(StatusCode::OK);
    for (method, path) in operations().iter().filter(|(_, path)| path.starts_with("/v1/")) {
        let answer = call(&service.client, method, path).await;
        answer.refused(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        let stranger =
            Client { key: Some(format!("assay_{}_{}", "a".repeat(12), "b".repeat(40))), ..service.client.clone() };
        call(&stranger, method, path).await.refused(401, "unauthorized");
    }
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/"] {
        assert_eq!(service.client.get(path).await.status, StatusCode::OK, "{path}");
    }
    // Whoever has the key may come from anywhere.
    let elsewhere = owner.request(Method::GET, "/v1/projects/p").header("origin", "https://example.com");
    owner.send(elsewhere.body(Body::empty()).unwrap()).await.expect(StatusCode::OK);

    // The end of the last key opens nothing.
    let keys = service.app().db.list_keys(DEFAULT_WORKSPACE).await.unwrap();
    service.app().db.revoke_key(DEFAULT_WORKSPACE, &keys[0].id, now_micros()).await.unwrap();
    owner.get("/v1/projects").await.refused(401, "unauthorized");
    let restarted =
        assay::api::router(service.app().clone(), super::pages(), &crate::support::settings(super::MAX_UPLOAD));
    Client { router: restarted, key: None }.get("/v1/projects").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn with_keys_a_page_is_shown_to_who_can_read_its_workspace() {
    let service = Service::new().await;
    let client = &service.client;
    assert_eq!(client.get("/w/default/").await.text(), "a workspace's page");
    let key = service.with_key(DEFAULT_WORKSPACE, Role::Viewer).await.key.unwrap();
    let asked = client.get("/w/default/").await;
    asked.refused(401, "unauthorized");
    assert!(asked.header("www-authenticate").unwrap().starts_with("Basic "));

    let show = async |method: Method, path: &str, password: &str| {
        let basic = base64::prelude::BASE64_STANDARD.encode(format!("me:{password}"));
        let request = client.request(method, path).header(AUTHORIZATION, format!("Basic {basic}"));
        client.send(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(show(Method::GET, "/w/default/", &key).await.text(), "a workspace's page");
    assert_eq!(show(Method::GET, "/", &key).await.text(), "the start page");
    show(Method::GET, "/w/default/", "wrong").await.refused(401, "unauthorized");
    show(Method::GET, "/w/theirs/", &key).await.refused(404, "workspace_not_found");
    show(Method::POST, "/w/default/", &key).await.refused(403, "pages_are_read_only");
    // A password that the browser adds by itself is none for the API.
    show(Method::GET, "/v1/projects", &key).await.refused(401, "unauthorized");
}
