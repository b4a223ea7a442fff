//! Logging in as a browser does it: the real pages, forms, cookies.

use std::time::{Duration, Instant};

use assay::auth::Transport;
use assay::store::{DEFAULT_WORKSPACE, NewMember, NewUser, Request as Attached, Role, now_micros};
use axum::body::Body;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::{Extension, Router};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::BodyExt;
use tower::ServiceExt;
use url::form_urlencoded::Serializer;

use super::Service;

const PASSWORD: &str = " correct horse battery ";

/// A browser: sends what it is sent.
#[derive(Clone)]
struct Browser {
    router: Router,
    cookie: Option<String>,
}

struct Page {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Browser {
    async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Page {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "assay.example.com")
            .header(ACCEPT, "text/html,application/xhtml+xml");
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        if let Some(set) = parts.headers.get(SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.cookie = (!pair.ends_with('=')).then_some(pair);
        }
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Page { status: parts.status, headers: parts.headers, text }
    }

    async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, &[("sec-fetch-site", "none")], String::new()).await
    }

    async fn post(&mut self, path: &str, site: &str, fields: &[(&str, &str)]) -> Page {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded"), ("sec-fetch-site", site)];
        self.send(Method::POST, path, &headers, body).await
    }

    async fn log_in(&mut self, email: &str, password: &str) -> Page {
        let next = "/w/default/projects?after=a";
        self.post("/login", "same-origin", &[("email", email), ("password", password), ("next", next)]).await
    }
}

impl Page {
    fn header(&self, name: axum::http::HeaderName) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn csrf(&self) -> String {
        self.text.split("name=\"csrf\" value=\"").nth(1).expect("a form").split('"').next().unwrap().to_owned()
    }
}

async fn service() -> (Service, Browser) {
    let service = Service::with_pages(assay::web::router()).await;
    let browser = Browser { router: service.client.router.clone(), cookie: None };
    (service, browser)
}

async fn add_user(service: &Service, email: &str, places: &[(&str, Role)]) -> String {
    let app = service.app();
    let password_hash = app.auth.hash_password(PASSWORD).await.unwrap();
    let user = NewUser { password_hash, ..NewUser::new(email, "Ada <Lovelace>", now_micros()).unwrap() };
    app.db.create_user(&user).await.unwrap();
    for (workspace, role) in places {
        app.db.ensure_workspace(workspace, &format!("The {workspace} team"), now_micros()).await.unwrap();
        let new = NewMember { workspace_id: workspace, user: user.clone(), role: *role };
        app.db.add_member(&new, &Attached::default()).await.unwrap();
    }
    user.id
}

#[tokio::test]
async fn in_around_and_out_again() {
    let (service, mut browser) = service().await;
    let id = add_user(&service, "ada@example.com", &[("default", Role::Viewer), ("north", Role::Owner)]).await;
    let asked = browser.get("/w/default/projects?after=a").await;
    assert_eq!(
        (asked.status, asked.header(LOCATION)),
        (StatusCode::SEE_OTHER, "/login?next=%2Fw%2Fdefault%2Fprojects%3Fafter%3Da")
    );
    let form = browser.get(asked.header(LOCATION)).await;
    assert!(
        form.status == StatusCode::OK && form.text.contains("value=\"/w/default/projects?after=a\""),
        "{}",
        form.text
    );
    assert!(form.header(axum::http::header::CONTENT_SECURITY_POLICY).contains("form-action 'self'"));
    assert!(!form.text.contains("<script"), "the page needs none");
    let style =
        form.text.split("href=\"").find(|rest| rest.starts_with("/assets/assay") && rest.contains(".css")).unwrap();
    assert_eq!(browser.get(style.split('"').next().unwrap()).await.status, StatusCode::OK);

    let entered = browser.log_in("Ada@Example.com", PASSWORD).await;
    assert_eq!(
        (entered.status, entered.header(LOCATION)),
        (StatusCode::SEE_OTHER, "/w/default/projects?after=a"),
        "{}",
        entered.text
    );
    let cookie = entered.header(SET_COOKIE).to_owned();
    assert!(
        cookie.starts_with("assay=") && cookie.contains("; HttpOnly; SameSite=Lax") && cookie.contains("Path=/;"),
        "{cookie}"
    );
    assert!(!cookie.contains("Secure"), "plain HTTP");

    let page = browser.get("/w/default/projects").await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "Ada &lt;Lovelace&gt;",
        "ada@example.com",
        "href=\"/w/north/projects\"",
        "The north team",
        "action=\"/logout\"",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert_eq!(browser.get("/w/north/projects").await.status, StatusCode::OK);
    assert_eq!(browser.get("/w/south/projects").await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.get("/").await.header(LOCATION), "/w/default/projects");
    assert_eq!(browser.get("/login?next=/metrics-guide").await.header(LOCATION), "/metrics-guide");
    // The cookie is none for the API.
    assert_eq!(browser.get("/v1/projects").await.status, StatusCode::UNAUTHORIZED);

    let mut stolen = browser.clone();
    let csrf = page.csrf();
    let left = browser.post("/logout", "same-origin", &[("csrf", &csrf)]).await;
    assert_eq!((left.status, left.header(LOCATION)), (StatusCode::SEE_OTHER, "/login"));
    assert!(left.header(SET_COOKIE).contains("assay=; Max-Age=0"), "{}", left.header(SET_COOKIE));
    assert_eq!(stolen.get("/w/default/projects").await.status, StatusCode::SEE_OTHER, "over on the server too");

    for workspace in ["default", "north"] {
        let trail = service.app().db.list_audit(workspace, None, 9).await.unwrap();
        let acts: Vec<_> = trail
            .iter()
            .map(|row| (row.action.as_str(), row.outcome.as_deref().unwrap(), row.actor.as_str()))
            .collect();
        let actor = format!("user:{id}");
        assert_eq!(acts, [("logout", "done", actor.as_str()), ("login", "done", actor.as_str())], "{workspace}");
    }
}

#[tokio::test]
async fn a_form_of_another_site_or_of_another_login_does_nothing() {
    let (service, mut browser) = service().await;
    add_user(&service, "ada@example.com", &[("default", Role::Owner)]).await;
    let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
    for site in ["cross-site", "same-site"] {
        let page = browser.post("/login", site, &fields).await;
        assert!(page.status == StatusCode::FORBIDDEN && page.text.contains("foreign_form"), "{}", page.text);
    }
    let origin = [(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded"), ("origin", "https://evil.example")];
    let body = "email=ada%40example.com&password=x".to_owned();
    assert_eq!(browser.send(Method::POST, "/login", &origin, body).await.status, StatusCode::FORBIDDEN);
    assert!(browser.cookie.is_none());

    browser.log_in("ada@example.com", PASSWORD).await;
    let csrf = browser.get("/w/default/projects").await.csrf();
    let mut other = Browser { cookie: None, ..browser.clone() };
    other.log_in("ada@example.com", PASSWORD).await;
    let foreign = other.get("/w/default/projects").await.csrf();
    assert_ne!(csrf, foreign);
    for (site, fields, code) in [
        ("cross-site", vec![("csrf", csrf.as_str())], "foreign_form"),
        ("same-origin", vec![], "stale_form"),
        ("same-origin", vec![("csrf", "")], "stale_form"),
        ("same-origin", vec![("csrf", foreign.as_str())], "stale_form"),
    ] {
        let page = browser.post("/logout", site, &fields).await;
        assert!(page.status == StatusCode::FORBIDDEN && page.text.contains(code), "{site} {fields:?}: {}", page.text);
    }
    // Not as JSON either, which a page of another site could not send, but a later change might allow.
    let json = [(CONTENT_TYPE.as_str(), "application/json"), ("sec-fetch-site", "same-origin")];
    assert_eq!(
        browser.send(Method::POST, "/logout", &json, format!("csrf={csrf}")).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(browser.get("/w/default/projects").await.status, StatusCode::OK, "still in");
    // A script sends the token as a header.
    let header = [("x-csrf-token", csrf.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(browser.send(Method::POST, "/logout", &header, String::new()).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn whoever_is_unknown_and_whatever_is_wrong_the_answer_is_one() {
    let (service, mut browser) = service().await;
    let db = &service.app().db;
    add_user(&service, "ada@example.com", &[("default", Role::Owner), ("north", Role::Viewer)]).await;
    let gone = add_user(&service, "gone@example.com", &[("default", Role::Owner)]).await;
    db.disable_user(&gone, now_micros()).await.unwrap();
    let invited = NewUser::new("invited@example.com", "Not yet", now_micros()).unwrap();
    db.create_user(&invited).await.unwrap();

    let (mut pages, mut times) = (Vec::new(), Vec::new());
    for (email, password) in [
        ("ada@example.com", "correct horse battery"),
        ("nobody@example.com", PASSWORD),
        ("gone@example.com", PASSWORD),
        ("invited@example.com", ""),
        ("not an address", PASSWORD),
    ] {
        let started = Instant::now();
        let page = browser.log_in(email, password).await;
        times.push(started.elapsed());
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{email}");
        assert!(browser.cookie.is_none() && !page.text.contains(PASSWORD));
        pages.push(page.text.replace(email, "…"));
    }
    assert!(pages.windows(2).all(|two| two[0] == two[1]), "{pages:#?}");
    println!("refused after {times:?}");
    assert!(times.iter().all(|time| *time >= Duration::from_millis(500)), "{times:?}");
    assert_eq!(browser.log_in("ada@example.com", PASSWORD).await.status, StatusCode::SEE_OTHER);

    let trail = db.list_audit(DEFAULT_WORKSPACE, None, 9).await.unwrap();
    let outcomes: Vec<_> = trail.iter().map(|row| row.outcome.as_deref().unwrap()).collect();
    assert_eq!(
        outcomes,
        ["done", "failed: refused", "failed: refused", "failed: refused", "failed: refused", "failed: refused"]
    );
    assert_eq!(trail.iter().filter(|row| row.actor == "user:unknown").count(), 2);
    assert!(trail.iter().all(|row| row.target.starts_with("address:") && !format!("{row:?}").contains("nobody")));
    assert_eq!(db.list_audit("north", None, 9).await.unwrap().len(), 2, "each workspace of the user");
}

#[tokio::test]
async fn guessing_ends_after_ten_attempts() {
    let (service, mut browser) = service().await;
    add_user(&service, "ada@example.com", &[("default", Role::Owner)]).await;
    let guesses: Vec<_> = (0..12)
        .map(|n| {
            let mut browser = browser.clone();
            tokio::spawn(async move { browser.log_in("ada@example.com", &format!("guess number {n}")).await })
        })
        .collect();
    let mut refused = 0;
    for guess in guesses {
        let page = guess.await.unwrap();
        if page.status == StatusCode::TOO_MANY_REQUESTS {
            let wait: u32 = page.header(axum::http::header::RETRY_AFTER).parse().unwrap();
            assert!(
                (800..=901).contains(&wait) && page.text.contains("Too many attempts. Try again in 15 min."),
                "{wait}"
            );
            refused += 1;
        }
    }
    assert_eq!(refused, 2, "all at once are twelve too");
    assert_eq!(browser.log_in("ada@example.com", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS, "right or not");
    let trail = service.app().db.list_audit(DEFAULT_WORKSPACE, None, 100).await.unwrap();
    let told = trail.iter().filter(|row| row.outcome.as_deref() == Some("failed: too_many_attempts")).count();
    assert_eq!((told, trail.len()), (1, 11), "a flood does not fill the trail");
}

#[tokio::test]
async fn behind_tls_the_cookie_stays_there() {
    let (service, browser) = service().await;
    add_user(&service, "ada@example.com", &[("default", Role::Owner)]).await;
    let mut browser = Browser { router: browser.router.layer(Extension(Transport { is_tls: true })), cookie: None };
    let page = browser.log_in("ada@example.com", PASSWORD).await;
    let cookie = page.header(SET_COOKIE);
    assert!(
        cookie.starts_with("__Host-assay=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    assert_eq!(browser.get("/w/default/projects").await.status, StatusCode::OK);
    // A cookie that a neighbour could have set is not looked at.
    browser.cookie = browser.cookie.map(|cookie| cookie.replace("__Host-", ""));
    assert_eq!(browser.get("/w/default/projects").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_login_ends_the_one_before_and_a_new_password_ends_all() {
    let (service, mut browser) = service().await;
    let id = add_user(&service, "ada@example.com", &[("default", Role::Owner)]).await;
    browser.log_in("ada@example.com", PASSWORD).await;
    let mut before = browser.clone();
    browser.log_in("ada@example.com", PASSWORD).await;
    assert_ne!(before.cookie, browser.cookie);
    assert_eq!(before.get("/w/default/projects").await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/w/default/projects").await.status, StatusCode::OK);
    let hash = service.app().auth.hash_password("another long password").await.unwrap();
    service.app().db.set_password(&id, &hash, now_micros()).await.unwrap();
    assert_eq!(browser.get("/w/default/projects").await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.log_in("ada@example.com", "another long password").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn keys_go_on_working_beside_users() {
    let (service, mut browser) = service().await;
    let local = [("host", "assay.example.com")];
    assert_eq!(
        browser.send(Method::GET, "/w/default/projects", &local, String::new()).await.status,
        StatusCode::FORBIDDEN
    );
    add_user(&service, "ada@example.com", &[]).await;
    // The first user closes the server, API and all, for its own machine too.
    service.client.get("/v1/projects").await.refused(401, "unauthorized");
    let key = service.with_key("default", Role::Viewer).await.key.unwrap();
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("any:{key}")));
    let header = [(AUTHORIZATION.as_str(), basic.as_str())];
    let page = browser.send(Method::GET, "/w/default/projects", &header, String::new()).await;
    assert!(page.status == StatusCode::OK && !page.text.contains("/logout"), "{}", page.text);
    // A program is asked for a key, a person for a login.
    service.client.get("/w/default/projects").await.refused(401, "unauthorized");
    assert_eq!(browser.get("/w/default/projects").await.status, StatusCode::SEE_OTHER);

    browser.log_in("ada@example.com", PASSWORD).await;
    let page = browser.get("/").await;
    assert!(page.status == StatusCode::OK && page.text.contains("not a member of any workspace"), "{}", page.text);
    assert_eq!(browser.get("/w/default/projects").await.status, StatusCode::NOT_FOUND);
}
