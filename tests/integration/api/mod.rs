//! The service from outside: requests to a real app in a temporary folder.

mod access;
mod audit;
mod docs;
mod events;
mod forms;
mod history;
mod imports;
mod jobs;
mod keys;
mod limits;
mod login;
mod members;
mod orders;
mod projects;
mod rates;
mod reports;
mod roles;
mod scales;
mod tenancy;

use std::sync::Arc;
use std::time::Duration;

use assay::app::App;
use assay::store::{NewKey, Role, Scopes, now_micros};
use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::routing::get;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::support::TestApp;

const MAX_UPLOAD: u64 = 1 << 20;

/// An app and someone who talks to it.
struct Service {
    test: TestApp,
    client: Client,
}

#[derive(Clone)]
struct Client {
    router: Router,
    key: Option<String>,
}

/// Every operation of the API, from its own description.
fn operations() -> Vec<(Method, String)> {
    let document = serde_json::to_value(assay::api::openapi()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            found.push((method.to_uppercase().parse().unwrap(), path.clone()));
        }
    }
    assert!(found.len() > 28, "{found:?}");
    found
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Service {
    async fn new() -> Self {
        Self::make(pages(), &crate::support::settings(MAX_UPLOAD)).await
    }

    async fn with(settings: &assay::api::Settings) -> Self {
        Self::make(pages(), settings).await
    }

    async fn with_pages(pages: Router<Arc<App>>) -> Self {
        Self::make(pages, &crate::support::settings(MAX_UPLOAD)).await
    }

    async fn make(pages: Router<Arc<App>>, settings: &assay::api::Settings) -> Self {
        let test = TestApp::new().await;
        let router = assay::api::router(test.app.clone(), pages, settings);
        Self { test, client: Client { router, key: None } }
    }

    fn app(&self) -> &Arc<App> {
        &self.test.app
    }

    /// A client with a new key.
    async fn with_key(&self, workspace: &str, role: Role) -> Client {
        self.with_scopes(workspace, role, Scopes::default()).await
    }

    async fn with_scopes(&self, workspace: &str, role: Role, scopes: Scopes) -> Client {
        let new = NewKey { workspace_id: workspace, name: role.as_str(), role, scopes, expires_at: None };
        let (_, key) = self.app().db.create_key(new, now_micros()).await.unwrap();
        Client { key: Some(key), ..self.client.clone() }
    }

    async fn make_project(&self, name: &str) -> String {
        let made = self.client.post("/v1/projects", &serde_json::json!({ "name": name })).await;
        made.expect(StatusCode::CREATED)["id"].as_str().unwrap().to_owned()
    }
}

/// Pages of which only the address matters here.
fn pages() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(async || "the start page"))
        .route("/w/{workspace}/", get(async || "a workspace's page").post(async || "changed"))
        .route("/panic", get(panics))
        .route("/wait", get(async || std::future::pending::<()>().await))
}

async fn panics() -> &'static str {
    panic!("a handler may panic")
}

impl Client {
    async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn call(&self, method: &Method, path: &str, body: &Value) -> Answer {
        let request = self.request(method.clone(), path).header(CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let request = Request::builder().method(method).uri(path).header(HOST, "127.0.0.1:8080");
        match &self.key {
            Some(key) => request.header(AUTHORIZATION, format!("Bearer {key}")),
            None => request,
        }
    }

    /// Sends a request, and checks what holds for every answer.
    async fn send(&self, request: Request<Body>) -> Answer {
        let path = request.uri().path().to_owned();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        };
        let id = answer.header("x-request-id").expect("every answer names its request");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        if answer.status.as_u16() >= 400 {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
            let problem = answer.json();
            assert_eq!(problem["request_id"], id);
            assert_eq!(problem["status"], answer.status.as_u16());
            assert_eq!(problem["instance"], path);
            assert_eq!(problem["type"], format!("urn:assay:problem:{}", problem["code"].as_str().unwrap()));
            assert!(!problem["detail"].as_str().unwrap().is_empty());
        }
        answer
    }

    /// Follows a job to its end.
    async fn job_end(&self, id: &str) -> Value {
        for _ in 0..600 {
            let job = self.get(&format!("/v1/jobs/{id}")).await.expect(StatusCode::OK);
            if job["finished_at"] != Value::Null {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("job {id} does not end");
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn location(&self) -> &str {
        self.headers[LOCATION].to_str().unwrap()
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    #[track_caller]
    fn expect(&self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> String {
        let problem = self.json();
        assert_eq!((self.status.as_u16(), problem["code"].as_str().unwrap()), (status, code), "{problem}");
        problem["detail"].as_str().unwrap().to_owned()
    }
}
