//! How often a key may call, and from which pages.

use std::net::SocketAddr;

use assay::api::{RateLimits, Settings};
use assay::auth::Transport;
use assay::store::{DEFAULT_WORKSPACE, NewMember, NewUser, Request as Attached, Role, now_micros};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Method, StatusCode};
use serde_json::json;

use super::{Answer, Client, Service};

fn limits() -> Settings {
    Settings {
        rates: RateLimits { rate_read: 3, rate_write: 2, rate_refused: 2 },
        cors_origins: vec![HeaderValue::from_static("https://app.example.com")],
        ..crate::support::settings(1 << 20)
    }
}

#[tokio::test]
async fn each_key_has_its_own_reads_and_writes() {
    let service = Service::with(&limits()).await;
    let (one, other) = (
        service.with_key(DEFAULT_WORKSPACE, Role::Owner).await,
        service.with_key(DEFAULT_WORKSPACE, Role::Owner).await,
    );
    for left in [2, 1, 0] {
        let answer = one.get("/v1/projects").await;
        answer.expect(StatusCode::OK);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"read\";q=3;w=60"));
        let rest = answer.header("ratelimit").unwrap();
        assert!(rest.starts_with(&format!("\"read\";r={left};t=")), "{rest}");
    }
    let refused = one.get("/v1/projects").await;
    let detail = refused.refused(429, "rate_limited");
    assert!(detail.contains("3 read requests a minute"), "{detail}");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert!(refused.header("ratelimit").unwrap().starts_with("\"read\";r=0;"));

    one.post("/v1/projects", &json!({"name": "a"})).await.expect(StatusCode::CREATED);
    other.get("/v1/projects").await.expect(StatusCode::OK);
    // What needs no key is not counted.
    for _ in 0..10 {
        let alive = one.get("/healthz").await;
        alive.expect(StatusCode::OK);
        assert_eq!(alive.header("ratelimit"), None);
    }
}

async fn guess(client: &Client, address: &str, key: &str) -> Answer {
    let mut request =
        client.request(Method::GET, "/v1/projects").header("authorization", key).body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(address.parse::<SocketAddr>().unwrap()));
    client.send(request).await
}

#[tokio::test]
async fn keys_cannot_be_guessed_by_trying() {
    let service = Service::with(&limits()).await;
    let owner = service.with_key(DEFAULT_WORKSPACE, Role::Owner).await;
    let wrong = format!("Bearer assay_{}_{}", "a".repeat(12), "b".repeat(40));
    for _ in 0..2 {
        guess(&service.client, "192.0.2.1:1", &wrong).await.refused(401, "unauthorized");
    }
    let detail = guess(&service.client, "192.0.2.1:2", &wrong).await.refused(429, "rate_limited");
    assert!(detail.contains("without a valid key"), "{detail}");
    guess(&service.client, "192.0.2.2:1", &wrong).await.refused(401, "unauthorized");
    // A good key from the same address goes on working: one guesser must not lock out an office.
    let good = format!("Bearer {}", owner.key.clone().unwrap());
    assert_eq!(guess(&service.client, "192.0.2.1:3", &good).await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_pages_of_named_origins_may_call() {
    let service = Service::with(&limits()).await;
    let owner = service.with_key(DEFAULT_WORKSPACE, Role::Owner).await;
    let from = async |client: &Client, origin: &str| {
        let request = client.request(Method::GET, "/v1/projects").header("origin", origin).body(Body::empty()).unwrap();
        client.send(request).await
    };
    let named = from(&owner, "https://app.example.com").await;
    assert_eq!(named.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert_eq!(named.header("access-control-allow-credentials"), None);
    assert_eq!(from(&owner, "https://evil.example.com").await.header("access-control-allow-origin"), None);
    let without = Service::new().await;
    let owner = without.with_key(DEFAULT_WORKSPACE, Role::Owner).await;
    assert_eq!(from(&owner, "https://app.example.com").await.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn pages_are_counted_as_calls_are() {
    let service = Service::with(&limits()).await;
    let db = &service.app().db;
    let user = NewUser::new("ada@example.com", "Ada", now_micros()).unwrap();
    let id = user.id.clone();
    db.add_member(&NewMember { workspace_id: DEFAULT_WORKSPACE, user, role: Role::Viewer }, &Attached::default())
        .await
        .unwrap();
    // A user has one account of requests, in however many browsers.
    let (here, there) = (
        db.open_session(&id, None, now_micros()).await.unwrap(),
        db.open_session(&id, None, now_micros()).await.unwrap(),
    );
    let see = async |session: &str| {
        let request = service.client.request(Method::GET, "/w/default/").header("cookie", format!("assay={session}"));
        service.client.send(request.body(Body::empty()).unwrap()).await
    };
    for (session, left) in [(&here, 2), (&there, 1), (&here, 0)] {
        let answer = see(session).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.header("ratelimit").unwrap().starts_with(&format!("\"read\";r={left};")));
    }
    see(&there).await.refused(429, "rate_limited");

    // Keys are not guessed at pages either; behind a proxy each of its clients is an address of its own.
    let guess = async |forwarded: &str| {
        let request = service.client.request(Method::GET, "/w/default/").header("x-forwarded-for", forwarded);
        let wrong = format!("assay_{}_{}", "a".repeat(12), "b".repeat(40));
        let mut request = request.header("authorization", format!("Bearer {wrong}")).body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo("10.0.0.1:1".parse::<SocketAddr>().unwrap()));
        request.extensions_mut().insert(Transport { is_tls: true });
        service.client.send(request).await
    };
    for _ in 0..2 {
        guess("192.0.2.2, 192.0.2.1").await.refused(401, "unauthorized");
    }
    guess("192.0.2.9, 192.0.2.1").await.refused(429, "rate_limited");
    guess("192.0.2.2").await.refused(401, "unauthorized");
}
