//! What stands before handlers: only this machine while the server is open to all, and who may see which page once it is closed.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded;

use super::access::{authorize, basic, bearer, counted, holder_of};
use super::limits;
use super::problem::Problem;
use super::rate::Class;
use super::state::ApiState;
use crate::auth::{Transport, Visitor, is_same_origin, session_id};
use crate::store::{Membership, Permission, now_micros, same_secret};

/// Sent with a form by a script, in the place of the field `csrf`.
const CSRF_HEADER: &str = "x-csrf-token";

/// Around everything. Without keys and users, only this machine is answered, and only requests that no foreign web page has caused: a page that a
/// browser here shows could otherwise reach the port, by its address or by a name that it has made to resolve to it.
pub async fn local(State(api): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    // While the database cannot say, the stricter rule holds; who needs to know for certain asks again and fails.
    let is_closed = api.is_closed().await.unwrap_or(false);
    match is_foreign(&request).filter(|_| !is_closed) {
        Some(reason) => {
            let detail = format!("{reason}; a server without API keys and users answers its own machine only");
            Problem::forbidden("local_only", detail).into_response()
        }
        None => next.run(request).await,
    }
}

/// Around the pages. On a closed server a page is shown to who can read its workspace: someone who has logged in, or the holder of a key, which
/// a browser sends as a password.
pub async fn pages(State(api): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    match admit(request, &api).await {
        Ok(request) => next.run(request).await,
        Err(response) => *response,
    }
}

/// The request with who makes it, or the answer that it gets instead.
async fn admit(request: Request, api: &ApiState) -> Result<Request, Box<Response>> {
    let (mut parts, mut body) = request.into_parts();
    if is_change(&parts) && !is_same_origin(&parts.headers) {
        return Err(refusal(foreign_form()));
    }
    let is_public = is_public(parts.uri.path());
    let visitor = match visitor(&parts, api).await {
        Ok(visitor) => visitor,
        Err(_) if is_public => None,
        Err(refusal) => return Err(refusal),
    };
    if let Some(visitor) = visitor {
        if !is_public {
            check_workspace(&parts, &visitor).map_err(refusal)?;
            body = check_form(&parts, body, &visitor).await.map_err(refusal)?;
        }
        parts.extensions.insert(Arc::new(visitor));
    }
    Ok(Request::from_parts(parts, body))
}

fn is_change(parts: &Parts) -> bool {
    !matches!(parts.method, Method::GET | Method::HEAD)
}

/// What everybody may see: the page to log in on, and what it loads. Neither shows data.
fn is_public(path: &str) -> bool {
    path == "/login" || path.starts_with("/assets/")
}

/// Who asks for a page: nobody in particular on an open server. The error is the answer to who must not see it.
async fn visitor(parts: &Parts, api: &ApiState) -> Result<Option<Visitor>, Box<Response>> {
    match known_visitor(parts, api).await {
        Ok(Some(visitor)) => Ok(Some(visitor)),
        Ok(None) if !api.is_closed().await.map_err(refusal)? => Ok(None),
        Ok(None) if is_navigation(parts) && api.app.db.any_user().await.map_err(refusal)? => {
            Err(Box::new(to_login(parts)))
        }
        Ok(None) => Err(refusal(api.rates.refuse(parts).err().unwrap_or_else(challenge))),
        Err(problem) => Err(refusal(problem)),
    }
}

fn refusal(problem: impl Into<Problem>) -> Box<Response> {
    Box::new(problem.into().into_response())
}

async fn known_visitor(parts: &Parts, api: &ApiState) -> Result<Option<Visitor>, Problem> {
    if !api.is_closed().await? {
        return Ok(None);
    }
    if let Some(key) = bearer(&parts.headers).or_else(|| basic(&parts.headers)) {
        return holder_of_key(&key, parts, api).await.map(Some);
    }
    let Some(id) = session_id(&parts.headers, Transport::of(parts)) else { return Ok(None) };
    let visitor = Visitor::of_session(&api.app.db, id, now_micros()).await?;
    if let Some(visitor) = &visitor {
        api.rates.take(parts, &visitor.actor, if is_change(parts) { Class::Write } else { Class::Read })?;
    }
    Ok(visitor)
}

async fn holder_of_key(key: &str, parts: &Parts, api: &ApiState) -> Result<Visitor, Problem> {
    let found = holder_of(key, parts, api).await?.ok_or_else(challenge);
    let caller = counted(parts, api, Permission::Read, found)?;
    authorize(&caller, Permission::Read)?;
    // The browser adds the password to whatever a foreign page makes it send: that may read, which the page cannot see, and no more.
    if is_change(parts) {
        return Err(Problem::forbidden("pages_are_read_only", "change things through /v1, with an API key"));
    }
    let workspace = api.app.db.workspace(&caller.workspace).await?;
    let membership = Membership { workspace_id: workspace.id, name: workspace.name, role: caller.role };
    Ok(Visitor { actor: caller.actor, memberships: vec![membership], person: None })
}

fn challenge() -> Problem {
    Problem::unauthorized(
        "log in at /login, or give an API key as the password (any user name)",
        "Basic realm=\"assay\", charset=\"UTF-8\"",
    )
}

/// A person with a browser that wants a page, not a program.
fn is_navigation(parts: &Parts) -> bool {
    let accepts = parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accepts.is_some_and(|accepts| accepts.contains("text/html"))
}

/// To the page to log in on, and from there back to where they wanted to go. A form that comes too late is lost.
fn to_login(parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().filter(|_| !is_change(parts)).map_or("/", |wanted| wanted.as_str());
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", wanted).finish();
    Redirect::to(&format!("/login?{query}")).into_response()
}

fn check_workspace(parts: &Parts, visitor: &Visitor) -> Result<(), Problem> {
    let Some(workspace) = parts.uri.path().strip_prefix("/w/").and_then(|rest| rest.split('/').next()) else {
        return Ok(());
    };
    match visitor.role_in(workspace) {
        None => {
            let detail = format!("workspace {workspace:?} does not exist");
            Err(Problem::new(StatusCode::NOT_FOUND, "workspace_not_found", detail))
        }
        Some(role) if role.rights().allow(Permission::Read) => Ok(()),
        Some(role) => Err(Problem::forbidden("role_not_allowed", format!("the role {} may not read", role.as_str()))),
    }
}

/// A change comes from a form of this session's own pages: beside what the browser says of its origin, the form has the session's token.
async fn check_form(parts: &Parts, body: Body, visitor: &Visitor) -> Result<Body, Problem> {
    let Some(person) = visitor.person.as_ref().filter(|_| is_change(parts)) else { return Ok(body) };
    if let Some(token) = parts.headers.get(CSRF_HEADER).and_then(|token| token.to_str().ok()) {
        return if same_secret(token, &person.csrf) { Ok(body) } else { Err(stale_form()) };
    }
    if !is_form(&parts.headers) {
        return Err(stale_form());
    }
    let too_large =
        |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the form is larger than 256 KiB");
    let bytes = to_bytes(body, limits::BODY).await.map_err(too_large)?;
    let is_ours =
        form_urlencoded::parse(&bytes).any(|(name, value)| name == "csrf" && same_secret(&value, &person.csrf));
    if is_ours { Ok(Body::from(bytes)) } else { Err(stale_form()) }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

fn foreign_form() -> Problem {
    Problem::forbidden("foreign_form", "the request was caused by a page of another site")
}

fn stale_form() -> Problem {
    Problem::forbidden(
        "stale_form",
        "the form does not belong to this login; load the page again and send it from there",
    )
}

fn is_foreign(request: &Request) -> Option<String> {
    let headers = request.headers();
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>()
        && !peer.ip().to_canonical().is_loopback()
    {
        return Some(format!("the request comes from {}", peer.ip()));
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_loopback(host) {
        return Some(format!("the Host {host:?} is not this machine's"));
    }
    if let Some(origin) = headers.get(ORIGIN) {
        let own = |scheme: &str| origin.as_bytes().strip_prefix(scheme.as_bytes()) == Some(host.as_bytes());
        if !own("http://") && !own("https://") {
            return Some("the request was caused by a page of another origin".to_owned());
        }
    }
    let fetch = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let is_own = matches!(fetch("sec-fetch-site"), None | Some(b"same-origin" | b"none"));
    // Following a link from elsewhere to a page is fine: the place where the link was sees nothing of it.
    let is_link = matches!(*request.method(), Method::GET | Method::HEAD)
        && fetch("sec-fetch-mode") == Some(b"navigate")
        && fetch("sec-fetch-dest") == Some(b"document")
        && !request.uri().path().starts_with("/v1");
    (!is_own && !is_link).then(|| "the request was caused by a page of another site".to_owned())
}

/// `localhost`, `127.…` or `[::1]`, with or without a port.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_hosts() {
        for own in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:80", "127.9.9.9:1", "[::1]", "[::1]:8080"] {
            assert!(is_loopback(own), "{own}");
        }
        for foreign in [
            "",
            "example.com",
            "localhost.example.com",
            "127.0.0.1.nip.io",
            "10.0.0.1:80",
            "[::2]:1",
            "0.0.0.0",
            "x@127.0.0.1",
        ] {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }

    fn request(path: &str, headers: &[(&str, &str)]) -> Request {
        let builder = axum::http::Request::builder().uri(path);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        builder.body(axum::body::Body::empty()).unwrap()
    }

    #[test]
    fn foreign_pages_are_told_from_this_machine() {
        let host = ("host", "localhost:8080");
        let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        let own: [&[(&str, &str)]; 4] = [
            &[host],
            &[host, ("origin", "http://localhost:8080")],
            &[host, ("sec-fetch-site", "same-origin")],
            &[host, ("sec-fetch-site", "none")],
        ];
        for headers in own {
            assert_eq!(is_foreign(&request("/v1/projects", headers)), None, "{headers:?}");
        }
        let foreign: [&[(&str, &str)]; 6] = [
            &[],
            &[("host", "assay.example.com")],
            &[host, ("origin", "https://example.com")],
            &[host, ("origin", "http://localhost:3000")],
            &[host, ("origin", "null")],
            &[host, ("sec-fetch-site", "same-site")],
        ];
        for headers in foreign {
            assert!(is_foreign(&request("/", headers)).is_some(), "{headers:?}");
        }
        let followed = [&[host], link.as_slice()].concat();
        assert_eq!(is_foreign(&request("/w/default/", &followed)), None);
        assert!(is_foreign(&request("/v1/projects", &followed)).is_some());
    }

    #[test]
    fn requests_of_other_machines_are_refused_whatever_they_say() {
        for (peer, refused) in [("192.0.2.7:5000", true), ("127.0.0.1:5000", false), ("[::ffff:127.0.0.1]:5000", false)]
        {
            let mut request = request("/", &[("host", "localhost")]);
            request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
            assert_eq!(is_foreign(&request).is_some(), refused, "{peer}");
        }
    }
}
