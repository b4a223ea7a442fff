//! What belongs to another workspace does not exist: every route of the API and every page, with keys and logins of every role of another
//! workspace, on this workspace's ids. Nothing of it is shown and nothing of it changes.

use std::collections::{BTreeMap, BTreeSet};

use assay::store::{NewJob, NewMember, NewUser, Request as Attached, Role, now_micros};
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use axum::http::{Method, StatusCode};
use base64::Engine;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sqlx::{Row, SqlitePool};
use tower::ServiceExt;

use super::{Client, Service, operations};
use crate::support::{choice, task};

const THEIRS: &str = "theirs";

/// What our workspace has, by what a path may ask for.
struct Ours {
    ids: BTreeMap<&'static str, Vec<String>>,
    /// What must not be seen: ids, names, texts.
    secrets: Vec<String>,
}

async fn set_up(service: &Service) -> Ours {
    let export = json!([task(1, vec![choice(10, 1, "hush-good", 0), choice(11, 2, "hush-bad", 0)])]);
    service.test.import("hush-project", &[&export]).await.unwrap();
    let later = json!([task(1, vec![choice(10, 1, "hush-good", 0), choice(11, 2, "hush-worse", 5)])]);
    service.test.import("hush-project", &[&later]).await.unwrap();
    let project = service.test.project("hush-project").await;
    let owner = service.with_key("default", Role::Owner).await;
    let db = &service.app().db;
    let job = NewJob::new("default", Some(&project.id), "none", Value::Null, now_micros());
    db.enqueue_job(&job, &Attached::default()).await.unwrap();
    let key = db.list_keys("default").await.unwrap().remove(0);
    let body = json!({ "email": "hush@example.com", "name": "Hush Hush", "role": "analyst" });
    let member = owner.post("/v1/members", &body).await.expect(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    let yearly = json!({ "kind": "compact", "cron": "0 0 1 1 *" });
    let schedule = owner.post("/v1/projects/hush-project/schedules", &yearly).await.expect(StatusCode::CREATED);
    let schedule = schedule["id"].as_str().unwrap().to_owned();
    owner.get("/v1/projects/hush-project/agreement").await.expect(StatusCode::OK);
    let item = "hush-project/task/1".to_owned();
    let ids: BTreeMap<&'static str, Vec<String>> = [
        ("{project}", vec![project.id.clone(), project.name.clone()]),
        ("{job}", vec![job.id.clone()]),
        ("{item}", vec![item.replace('/', "%2F"), "1".to_owned()]),
        ("{number}", vec!["1".to_owned()]),
        ("{key}", vec![key.id.clone()]),
        ("{member}", vec![member.clone()]),
        ("{schedule}", vec![schedule.clone()]),
    ]
    .into();
    let secrets = vec![project.id, "hush".to_owned(), "Hush".to_owned(), job.id, key.id, member, schedule];
    Ours { ids, secrets }
}

/// Every path that a route stands for with our ids in the place of its parameters.
fn concrete(ours: &Ours, route: &str) -> Vec<String> {
    route.split('/').skip(1).fold(vec![String::new()], |paths, part| {
        let values = match ours.ids.get(part) {
            Some(values) => values.clone(),
            None => {
                assert!(!part.starts_with('{'), "{route}: this test has no id for {part}");
                vec![part.to_owned()]
            }
        };
        paths.iter().flat_map(|path| values.iter().map(move |value| format!("{path}/{value}"))).collect()
    })
}

/// Every row of every table, as text.
async fn dump(service: &Service) -> BTreeSet<String> {
    let path = service.test.folder.path().join("data/assay.db");
    let pool = SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let tables = sqlx::query("SELECT name FROM sqlite_schema WHERE type = 'table'").fetch_all(&pool).await.unwrap();
    let mut rows = BTreeSet::new();
    for table in tables.iter().map(|row| row.get::<String, _>(0)) {
        let columns =
            sqlx::query("SELECT name FROM pragma_table_info($1)").bind(&table).fetch_all(&pool).await.unwrap();
        let columns: Vec<String> = columns.iter().map(|row| format!("quote({})", row.get::<String, _>(0))).collect();
        let text = format!("SELECT concat_ws('|', {}) FROM {table}", columns.join(", "));
        let all = sqlx::query(sqlx::AssertSqlSafe(text)).fetch_all(&pool).await.unwrap();
        rows.extend(all.iter().map(|row| format!("{table}: {}", row.get::<String, _>(0))));
    }
    pool.close().await;
    rows
}

/// Theirs are the rows that name their workspace, and the accounts that they have made.
fn is_theirs(row: &str) -> bool {
    row.contains(&format!("'{THEIRS}'")) || (row.starts_with("users:") && row.contains("@theirs.example"))
}

/// Checks that what was there is there as it was, and that whatever came is theirs.
fn check_unchanged(before: &BTreeSet<String>, after: &BTreeSet<String>) {
    let lost: Vec<_> = before.difference(after).filter(|row| !is_theirs(row)).collect();
    let come: Vec<_> = after.difference(before).filter(|row| !is_theirs(row)).collect();
    assert!(lost.is_empty() && come.is_empty(), "lost or changed: {lost:#?}\ncome: {come:#?}");
    assert!(before.len() > 20, "{before:#?}");
}

/// A body with which the request would be carried out.
fn body(route: &str, role: Role) -> Value {
    match route {
        "/v1/projects" => json!({ "name": format!("of {}", role.as_str()) }),
        "/v1/keys" => json!({ "name": "theirs", "role": "viewer" }),
        "/v1/members" => json!({ "email": format!("{}@theirs.example", role.as_str()), "name": "T", "role": "viewer" }),
        "/v1/members/{member}" => json!({ "role": "viewer" }),
        "/v1/projects/{project}/erasures" => json!({ "item": "1" }),
        "/v1/projects/{project}/retentions" => json!({ "keep": "last=1" }),
        "/v1/projects/{project}/schedules" => json!({ "kind": "compact", "cron": "* * * * *" }),
        _ => json!({}),
    }
}

/// Sends a request by whom the pairs of headers say.
async fn send(
    client: &Client,
    method: &Method,
    path: &str,
    headers: &[(axum::http::HeaderName, String)],
) -> (StatusCode, String) {
    let plain = Client { key: None, ..client.clone() };
    let builder =
        headers.iter().fold(plain.request(method.clone(), path), |builder, (name, value)| builder.header(name, value));
    let response = client.router.clone().oneshot(builder.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_leads_into_another_workspace() {
    let service = Service::with_pages(assay::web::router()).await;
    let ours = set_up(&service).await;
    service.app().db.ensure_workspace(THEIRS, "Theirs", now_micros()).await.unwrap();
    let mut clients = Vec::new();
    for role in Role::ALL {
        clients.push((role, service.with_key(THEIRS, role).await));
    }
    let (rows, files) = (dump(&service).await, service.test.storage());

    let (mut attempts, mut routes) = (0, BTreeSet::new());
    let mut check = |method: &Method, route: &str, path: &str, role: Role, answer: &super::Answer| {
        let has_ids = route.contains('{');
        let status = answer.status.as_u16();
        let known = [200, 201, 202, 204];
        assert!(
            if has_ids { matches!(status, 403 | 404) } else { known.contains(&status) || status == 403 },
            "{role:?} {path}: {status} {}",
            answer.text()
        );
        if status < 400 || !has_ids {
            for secret in &ours.secrets {
                assert!(!answer.text().contains(secret), "{role:?} {path} shows {secret}: {}", answer.text());
            }
        }
        attempts += 1;
        routes.insert(format!("{method} {route}"));
    };
    for (method, route) in operations().into_iter().filter(|(_, route)| route.starts_with("/v1/")) {
        for path in concrete(&ours, &route) {
            for (role, client) in &clients {
                let answer = client.call(&method, &path, &body(&route, *role)).await;
                check(&method, &route, &path, *role, &answer);
                // What exists elsewhere is answered as what exists nowhere.
                if route.contains("{project}") {
                    let nowhere = path.replace(&ours.ids["{project}"][0], "nothing");
                    let nowhere = client.call(&method, &nowhere, &body(&route, *role)).await;
                    assert_eq!(nowhere.json()["code"], answer.json()["code"], "{path}");
                }
            }
        }
    }
    // Filters, cursors and repeated requests lead no further.
    let (role, client) = &clients[0];
    let project = &ours.ids["{project}"][0];
    client.get(&format!("/v1/jobs?project={project}")).await.refused(404, "project_not_found");
    let key = &ours.ids["{key}"][0];
    let rows_of_key = client.get(&format!("/v1/audit?actor=key:{key}")).await.expect(StatusCode::OK);
    assert_eq!(rows_of_key["items"], json!([]), "{role:?}");
    // Their own project is no way to what belongs to ours, nor is a body that names it.
    let schedule = &ours.ids["{schedule}"][0];
    let own = client.get("/v1/projects").await.expect(StatusCode::OK)["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/projects/{own}/schedules/{schedule}");
    client.call(&Method::DELETE, &path, &Value::Null).await.refused(404, "schedule_not_found");
    client.post("/v1/sweeps", &json!({ "project": project })).await.refused(404, "project_not_found");
    attempts += 4;

    check_unchanged(&rows, &dump(&service).await);
    assert_eq!(service.test.storage(), files, "no file came, went or changed");
    let posted = client.get("/v1/projects").await.expect(StatusCode::OK)["items"].as_array().unwrap().len();
    assert_eq!(
        posted, 3,
        "owner, admin and analyst made a project of their own: the bodies were such as are carried out"
    );
    println!("tenancy, API: {} routes, {attempts} attempts, 0 leaks", routes.len());
    assert!(routes.len() > 35 && attempts > 250, "{} {attempts}", routes.len());
}

/// The pages' routes, from their own list.
fn pages() -> Vec<String> {
    let source = include_str!("../../../src/web/mod.rs");
    let routes = source.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let found: Vec<String> =
        routes.filter(|route| route.starts_with("/w/")).map(|route| route.replace("{*item}", "{item}")).collect();
    assert!(found.len() > 6, "{found:?}");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_shows_another_workspace() {
    let service = Service::with_pages(assay::web::router()).await;
    let ours = set_up(&service).await;
    let db = &service.app().db;
    db.ensure_workspace(THEIRS, "Theirs", now_micros()).await.unwrap();
    let mut visitors = Vec::new();
    for role in Role::ALL {
        let key = service.with_key(THEIRS, role).await.key.unwrap();
        let basic = base64::prelude::BASE64_STANDARD.encode(format!("me:{key}"));
        visitors.push((AUTHORIZATION, format!("Basic {basic}")));
        let user = NewUser::new(&format!("{}@theirs.example", role.as_str()), "Them", now_micros()).unwrap();
        let id = user.id.clone();
        db.add_member(&NewMember { workspace_id: THEIRS, user, role }, &Attached::default()).await.unwrap();
        visitors.push((COOKIE, format!("assay={}", db.open_session(&id, None, now_micros()).await.unwrap())));
    }
    let (rows, files) = (dump(&service).await, service.test.storage());
    let mut attempts = 0;
    for visitor in &visitors {
        let visitor = std::slice::from_ref(visitor);
        for route in pages() {
            for path in concrete(&ours, &route.replace("{workspace}", "default")) {
                for method in [Method::GET, Method::POST, Method::DELETE] {
                    let (status, text) = send(&service.client, &method, &path, visitor).await;
                    let expected: &[u16] = if method == Method::GET { &[404] } else { &[403, 404] };
                    assert!(expected.contains(&status.as_u16()), "{method} {path}: {status} {text}");
                    attempts += 1;
                }
            }
            if route.contains("{project}") {
                for path in concrete(&ours, &route.replace("{workspace}", THEIRS)) {
                    let (status, text) = send(&service.client, &Method::GET, &path, visitor).await;
                    assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {text}");
                    assert!(!text.contains("hush-good"), "{path}: {text}");
                    attempts += 1;
                }
            }
        }
        let (status, text) = send(&service.client, &Method::GET, &format!("/w/{THEIRS}/projects"), visitor).await;
        assert!(status == StatusCode::OK && !text.contains("hush"), "{text}");
    }
    check_unchanged(&rows, &dump(&service).await);
    assert_eq!(service.test.storage(), files);
    println!("tenancy, pages: {} routes, {attempts} attempts, 0 leaks", pages().len());
    assert!(attempts > 200, "{attempts}");
}

/// The sweep itself sees a leak: our own key on the same paths is let in.
#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_would_see_a_leak() {
    let service = Service::new().await;
    let ours = set_up(&service).await;
    let owner = service.with_key("default", Role::Owner).await;
    // The events of a job end with it.
    owner.post(&format!("/v1/jobs/{}/cancel", ours.ids["{job}"][0]), &Value::Null).await.expect(StatusCode::OK);
    let mut seen = 0;
    for (method, route) in
        operations().into_iter().filter(|(method, route)| *method == Method::GET && route.contains('{'))
    {
        for path in concrete(&ours, &route) {
            let query = if route.ends_with("/diff") { "?from=1&to=2" } else { "" };
            let request =
                owner.request(method.clone(), &format!("{path}{query}")).header(CONTENT_TYPE, "application/json");
            let answer = owner.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}
