use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Service;

#[tokio::test]
async fn a_project_is_made_once_and_found_by_name_and_id() {
    let service = Service::new().await;
    let client = &service.client;
    let made = client.post("/v1/projects", &json!({"name": " Käse & Öl "})).await;
    let project = made.expect(StatusCode::CREATED);
    let id = project["id"].as_str().unwrap();
    assert_eq!(made.location(), format!("/v1/projects/{id}"));
    assert_eq!((&project["name"], &project["snapshot"]), (&json!("Käse & Öl"), &Value::Null));
    assert!(project["created_at"].as_str().unwrap().ends_with('Z'));
    for path in [made.location(), "/v1/projects/K%C3%A4se%20%26%20%C3%96l"] {
        assert_eq!(client.get(path).await.expect(StatusCode::OK), project);
    }
    client.post("/v1/projects", &json!({"name": "Käse & Öl"})).await.refused(409, "conflict");
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_a_reason() {
    let service = Service::new().await;
    let client = &service.client;
    for name in ["", "..", "a/b", "a\nb"] {
        let detail = client.post("/v1/projects", &json!({"name": name})).await.refused(422, "invalid_body");
        assert!(detail.contains("project name"), "{detail}");
    }
    let detail = client.post("/v1/projects", &json!({"name": "a", "nmae": 1})).await.refused(422, "invalid_body");
    assert!(detail.contains("nmae"), "{detail}");
    client.post("/v1/projects", &json!([])).await.refused(422, "invalid_body");
    let long = json!({"name": "x".repeat(300_000)});
    client.post("/v1/projects", &long).await.refused(413, "body_too_large");

    let send = async |kind: &str, body: &'static str| {
        let request = client.request(Method::POST, "/v1/projects").header(CONTENT_TYPE, kind);
        client.send(request.body(Body::from(body)).unwrap()).await
    };
    send("application/json", "{\"name\": ").await.refused(400, "malformed_json");
    send("text/plain", "{\"name\": \"a\"}").await.refused(415, "unsupported_media_type");
    send("application/json; charset=utf-8", "{\"name\": \"a\"}").await.expect(StatusCode::CREATED);

    let detail = client.get("/v1/projects/nothing").await.refused(404, "project_not_found");
    assert!(detail.contains("nothing"), "{detail}");
    client.get("/v1/nothing").await.refused(404, "route_not_found");
    client.get("/nothing").await.refused(404, "route_not_found");
    client.get("/v1/projects/%FF").await.refused(400, "invalid_path");
    let detail = client.get("/v1/projects?limt=5").await.refused(400, "invalid_query");
    assert!(detail.contains("limt") && detail.contains("limit"), "{detail}");
    client.get("/v1/projects?limit=501").await.refused(400, "invalid_query");
    client.get("/v1/projects?limit=x").await.refused(400, "invalid_query");
    let not_allowed = client.send(client.request(Method::DELETE, "/v1/projects").body(Body::empty()).unwrap()).await;
    not_allowed.refused(405, "method_not_allowed");
    assert_eq!(not_allowed.header("allow"), Some("GET,HEAD,POST"));
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let service = Service::new().await;
    let client = &service.client;
    for name in ["d", "a", "c", "b", "e"] {
        service.make_project(name).await;
    }
    let mut names = Vec::new();
    let mut next = Some("/v1/projects?limit=2".to_owned());
    let mut pages = 0;
    while let Some(path) = next {
        let answer = client.get(&path).await;
        let page = answer.expect(StatusCode::OK);
        names.extend(
            page["items"].as_array().unwrap().iter().map(|project| project["name"].as_str().unwrap().to_owned()),
        );
        let link = answer.header("link").map(str::to_owned);
        assert_eq!(link.is_some(), page["next_cursor"] != Value::Null);
        next = link.map(|link| {
            let (path, rel) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
            assert_eq!(rel, "; rel=\"next\"");
            path.to_owned()
        });
        pages += 1;
    }
    assert_eq!((names.join(""), pages), ("abcde".to_owned(), 3));

    let page = client.get("/v1/projects?limit=1").await.expect(StatusCode::OK);
    let cursor = page["next_cursor"].as_str().unwrap();
    client.get(&format!("/v1/jobs?cursor={cursor}")).await.refused(400, "invalid_cursor");
    client.get("/v1/projects?cursor=x").await.refused(400, "invalid_cursor");
}

#[tokio::test]
async fn the_same_request_again_gets_the_first_answer() {
    let service = Service::new().await;
    let client = &service.client;
    let send = async |key: &str, body: Value| {
        let request = client.request(Method::POST, "/v1/projects").header(CONTENT_TYPE, "application/json");
        client.send(request.header("idempotency-key", key).body(Body::from(body.to_string())).unwrap()).await
    };
    let first = send("k-1", json!({"name": "a"})).await;
    let again = send("k-1", json!({"name": "a"})).await;
    assert_eq!(again.expect(StatusCode::CREATED), first.expect(StatusCode::CREATED));
    assert_eq!((again.location(), again.header("idempotency-replayed")), (first.location(), Some("true")));
    assert_eq!(first.header("idempotency-replayed"), None);
    send("k-1", json!({"name": "b"})).await.refused(422, "idempotency_key_reused");
    send(&"x".repeat(256), json!({"name": "b"})).await.refused(400, "invalid_idempotency_key");
    client.get("/v1/projects/b").await.refused(404, "project_not_found");

    let rows = client.get("/v1/audit").await.expect(StatusCode::OK);
    let outcomes: Vec<&str> =
        rows["items"].as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["failed: idempotency_key_reused", "replayed", "done"]);
    assert_eq!(rows["items"][2]["action"], "project.create");
    assert_eq!(rows["items"][2]["target"], first.json()["id"]);
    assert_eq!(rows["items"][2]["request_id"], first.header("x-request-id").unwrap());
    assert_eq!(rows["items"][2]["actor"], "local");
}

#[tokio::test]
async fn a_request_keeps_its_id() {
    let service = Service::new().await;
    let client = &service.client;
    let ask = async |id: &str| {
        let request = client.request(Method::GET, "/v1/projects").header("x-request-id", id);
        client.send(request.body(Body::empty()).unwrap()).await.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(ask("trace-7").await, "trace-7");
    assert_ne!(ask("<script>").await, "<script>");
    assert_eq!(ask(&"x".repeat(129)).await.len(), 36);
    assert_ne!(ask("a b").await, ask("a b").await);
}
