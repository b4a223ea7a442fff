use assay::store::{DEFAULT_WORKSPACE, NewJob, Request as Attached, Role, now_micros};
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{Method, Request, StatusCode};
use base64::Engine;
use serde_json::{Value, json};

use super::{Client, Service};

/// Every operation of the API, from its own description.
fn operations() -> Vec<(Method, String)> {
    let document = serde_json::to_value(assay::api::openapi()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            found.push((method.to_uppercase().parse().unwrap(), path.clone()));
        }
    }
    assert!(found.len() > 17, "{found:?}");
    found
}

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
async fn roles_decide_who_may_do_what() {
    let service = Service::new().await;
    service.make_project("p").await;
    let mut table = Vec::new();
    for role in Role::ALL {
        let client = service.with_key(DEFAULT_WORKSPACE, role).await;
        let mut marks = String::new();
        for (method, path) in operations() {
            let path = path.replace("{project}", "p").replace("{job}", "none").replace("{item}", "1");
            if !path.starts_with("/v1/") {
                continue;
            }
            let allowed = call(&client, &method, &path).await.status != StatusCode::FORBIDDEN;
            marks.push_str(&format!("{} {method} {path}\n", if allowed { "may    " } else { "may not" }));
        }
        table.push((role, marks));
    }
    let of = |wanted: Role| &table.iter().find(|(role, _)| *role == wanted).unwrap().1;
    assert!(!of(Role::Owner).contains("may not") && of(Role::Owner) == of(Role::Admin));
    assert_eq!(of(Role::Viewer), of(Role::Reviewer));
    let refused =
        |role| of(role).lines().filter_map(|line| line.strip_prefix("may not ")).map(str::to_owned).collect::<Vec<_>>();
    // What takes away, what goes on by itself, and who did what.
    let managed = [
        "DELETE /v1/projects/p/schedules/{schedule}",
        "GET /v1/audit",
        "POST /v1/projects/p/erasures",
        "POST /v1/projects/p/retentions",
        "POST /v1/projects/p/schedules",
        "POST /v1/sweeps",
    ];
    let made = [
        "POST /v1/projects",
        "POST /v1/projects/p/compactions",
        "POST /v1/projects/p/imports",
        "POST /v1/projects/p/publications",
        "POST /v1/projects/p/reports",
    ];
    let sorted = |mut refused: Vec<String>| {
        refused.sort();
        refused
    };
    assert_eq!(sorted(refused(Role::Analyst)), managed);
    // A job that is not there cannot be cancelled or retried, whoever asks: what may be done to one depends on its kind.
    let viewer = sorted(refused(Role::Viewer).into_iter().filter(|line| !line.contains("/v1/jobs/none/")).collect());
    assert_eq!(viewer, sorted(managed.iter().chain(&made).map(|line| (*line).to_owned()).collect()));
}

#[tokio::test]
async fn what_belongs_to_another_workspace_does_not_exist() {
    let service = Service::new().await;
    let db = &service.app().db;
    db.ensure_workspace("theirs", "Theirs", now_micros()).await.unwrap();
    let project = db.ensure_project("theirs", "secret", now_micros()).await.unwrap();
    let job = NewJob::new("theirs", Some(&project.id), "none", Value::Null, now_micros());
    db.enqueue_job(&job, &Attached::default()).await.unwrap();
    let (ours, theirs) =
        (service.with_key(DEFAULT_WORKSPACE, Role::Owner).await, service.with_key("theirs", Role::Owner).await);

    let mut tried = 0;
    for (method, path) in operations() {
        for name in [project.id.as_str(), "secret"] {
            let concrete = path.replace("{project}", name).replace("{job}", &job.id).replace("{item}", "1");
            if concrete != path {
                let code = if path.contains("{job}") { "job_not_found" } else { "project_not_found" };
                call(&ours, &method, &concrete).await.refused(404, code);
                tried += 1;
            }
        }
    }
    assert!(tried >= 22, "{tried}");
    theirs.get("/v1/projects/secret").await.expect(StatusCode::OK);
    let id = theirs.get(&format!("/v1/jobs/{}", job.id)).await.expect(StatusCode::OK)["id"].clone();
    assert_eq!(id, job.id.as_str());
    for list in ["/v1/projects", "/v1/jobs", "/v1/audit"] {
        assert_eq!(ours.get(list).await.expect(StatusCode::OK)["items"], json!([]), "{list}");
    }
    ours.get("/v1/jobs?project=secret").await.refused(404, "project_not_found");
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
