//! Who may do what. A handler's permission is its first argument: an extractor that authenticates the caller, checks the role and loads the
//! row that the path names from the caller's workspace. What belongs to another workspace does not exist.

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, RawPathParams, Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::problem::{Problem, UNAUTHORIZED};
use super::rate::Class;
use super::state::ApiState;
use crate::error::Error;
use crate::store::{DEFAULT_WORKSPACE, Job, Project, Role, now_micros};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// See projects, reports, items and jobs.
    Read,
    /// Make projects, import, cancel jobs.
    Import,
    /// See who did what.
    Audit,
    /// Erase, retire, sweep and schedule.
    Manage,
}

/// The one table of who may do what.
const GRANTS: [(Permission, &[Role]); 4] = [
    (Permission::Read, &[Role::Owner, Role::Admin, Role::Analyst, Role::Reviewer, Role::Viewer]),
    (Permission::Import, &[Role::Owner, Role::Admin, Role::Analyst]),
    (Permission::Audit, &[Role::Owner, Role::Admin]),
    (Permission::Manage, &[Role::Owner, Role::Admin]),
];

fn allows(role: Role, wanted: Permission) -> bool {
    GRANTS.iter().any(|(permission, roles)| *permission == wanted && roles.contains(&role))
}

/// A permission as a type, so that a handler's signature states it.
pub trait Grant: Send + Sync {
    const PERMISSION: Permission;
}

#[derive(Debug)]
pub struct Read;
#[derive(Debug)]
pub struct Import;
#[derive(Debug)]
pub struct ReadAudit;
#[derive(Debug)]
pub struct Manage;

impl Grant for Read {
    const PERMISSION: Permission = Permission::Read;
}

impl Grant for Import {
    const PERMISSION: Permission = Permission::Import;
}

impl Grant for ReadAudit {
    const PERMISSION: Permission = Permission::Audit;
}

impl Grant for Manage {
    const PERMISSION: Permission = Permission::Manage;
}

/// Who calls a server without keys: this machine. It is not counted.
const LOCAL: &str = "local";

#[derive(Debug, Clone)]
pub struct Caller {
    pub workspace: String,
    /// `key:<id>`, or `local` on a server without keys.
    pub actor: String,
    role: Role,
}

impl Caller {
    /// # Errors
    /// `role_not_allowed` unless the caller may do `P` as well.
    pub fn may<P: Grant>(&self) -> Result<(), Problem> {
        authorize(self, P::PERMISSION)
    }
}

/// The caller may do `P` in its workspace.
#[derive(Debug)]
pub struct Allowed<P> {
    pub caller: Caller,
    permission: PhantomData<P>,
}

/// The caller may do `P` to the project that the path names by `{project}`: its name or its id.
#[derive(Debug)]
pub struct OnProject<P> {
    pub caller: Caller,
    pub project: Project,
    permission: PhantomData<P>,
}

/// The caller may do `P` to the job that the path names by `{job}`.
#[derive(Debug)]
pub struct OnJob<P> {
    pub caller: Caller,
    pub job: Job,
    permission: PhantomData<P>,
}

impl<P: Grant> FromRequestParts<Arc<ApiState>> for Allowed<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<ApiState>) -> Result<Self, Problem> {
        let caller = counted(parts, api, P::PERMISSION, authenticate(&parts.headers, api).await)?;
        authorize(&caller, P::PERMISSION)?;
        Ok(Self { caller, permission: PhantomData })
    }
}

impl<P: Grant> FromRequestParts<Arc<ApiState>> for OnProject<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<ApiState>) -> Result<Self, Problem> {
        let Allowed { caller, permission } = Allowed::<P>::from_request_parts(parts, api).await?;
        let project = api.app.db.find_project(&caller.workspace, &path_param(parts, api, "project").await?).await?;
        Ok(Self { caller, project, permission })
    }
}

impl<P: Grant> FromRequestParts<Arc<ApiState>> for OnJob<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<ApiState>) -> Result<Self, Problem> {
        let Allowed { caller, permission } = Allowed::<P>::from_request_parts(parts, api).await?;
        let job = api.app.db.job(&caller.workspace, &path_param(parts, api, "job").await?).await?;
        Ok(Self { caller, job, permission })
    }
}

async fn path_param(parts: &mut Parts, api: &Arc<ApiState>, name: &str) -> Result<String, Problem> {
    let params = RawPathParams::from_request_parts(parts, api)
        .await
        .map_err(|error| Problem::bad_request("invalid_path", error.body_text()))?;
    let value = params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    value.ok_or_else(|| Error::Internal(anyhow::anyhow!("the route has no {{{name}}}")).into())
}

/// Counts the request: of who may not do anything against their address, of who may against their key.
fn counted(
    parts: &Parts,
    api: &ApiState,
    permission: Permission,
    caller: Result<Caller, Problem>,
) -> Result<Caller, Problem> {
    match &caller {
        Ok(caller) if caller.actor == LOCAL => {}
        Ok(caller) => {
            let class =
                if matches!(permission, Permission::Read | Permission::Audit) { Class::Read } else { Class::Write };
            api.rates.take(parts, &caller.actor, class)?;
        }
        Err(problem) if problem.code() == UNAUTHORIZED => api.rates.refuse(parts)?,
        Err(_) => {}
    }
    caller
}

/// On a server without keys everyone who gets past [`guard`] is the owner of the default workspace.
async fn authenticate(headers: &HeaderMap, api: &ApiState) -> Result<Caller, Problem> {
    if !api.is_keyed().await? {
        return Ok(Caller { workspace: DEFAULT_WORKSPACE.to_owned(), actor: LOCAL.to_owned(), role: Role::Owner });
    }
    match bearer(headers) {
        Some(plaintext) => holder_of(&plaintext, api).await?,
        None => None,
    }
    .ok_or_else(|| {
        Problem::unauthorized(
            "send an API key: Authorization: Bearer assay_… (`assay keys create` makes one)",
            "Bearer",
        )
    })
}

async fn holder_of(plaintext: &str, api: &ApiState) -> Result<Option<Caller>, Problem> {
    let key = api.app.db.authenticate(plaintext, now_micros()).await?;
    Ok(key.map(|key| Caller { workspace: key.workspace_id, actor: format!("key:{}", key.id), role: key.role }))
}

fn authorize(caller: &Caller, permission: Permission) -> Result<(), Problem> {
    if allows(caller.role, permission) {
        return Ok(());
    }
    Err(Problem::forbidden("role_not_allowed", format!("a key with the role {} may not do this", caller.role.as_str())))
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    credentials(headers, "Bearer").map(str::to_owned)
}

/// A browser asks for a name and a password: the key is the password.
fn basic(headers: &HeaderMap) -> Option<String> {
    let decoded = BASE64_STANDARD.decode(credentials(headers, "Basic")?).ok()?;
    let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(password.to_owned())
}

fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (given, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

/// Around everything. Without keys, only this machine is answered, and only requests that no foreign web page has caused: a page that a
/// browser here shows could otherwise reach the port, by its address or by a name that it has made to resolve to it.
pub async fn guard(State(api): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    // While the database cannot say, the stricter rule holds; who needs to know for certain asks again and fails.
    let is_keyed = api.is_keyed().await.unwrap_or(false);
    match is_foreign(&request).filter(|_| !is_keyed) {
        Some(reason) => {
            let detail = format!("{reason}; a server without API keys answers its own machine only");
            Problem::forbidden("local_only", detail).into_response()
        }
        None => next.run(request).await,
    }
}

/// Around the pages. With keys, a page is shown to who can read its workspace; a browser asks for the key and sends it as a password.
pub async fn guard_pages(State(api): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match may_see(&parts, &api).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    }
}

async fn may_see(request: &Parts, api: &ApiState) -> Result<(), Problem> {
    if !api.is_keyed().await? {
        return Ok(());
    }
    let challenge = || {
        Problem::unauthorized(
            "give an API key as the password (any user name)",
            "Basic realm=\"assay\", charset=\"UTF-8\"",
        )
    };
    let found = match bearer(&request.headers).or_else(|| basic(&request.headers)) {
        Some(key) => holder_of(&key, api).await?,
        None => None,
    };
    let caller = counted(request, api, Permission::Read, found.ok_or_else(challenge))?;
    authorize(&caller, Permission::Read)?;
    // The browser adds the password to whatever a foreign page makes it send: that may read, which the page cannot see, and no more.
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(Problem::forbidden("pages_are_read_only", "change things through /v1, with an API key"));
    }
    match request.uri.path().strip_prefix("/w/").and_then(|rest| rest.split('/').next()) {
        Some(workspace) if workspace != caller.workspace => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "workspace_not_found",
            format!("workspace {workspace:?} does not exist"),
        )),
        _ => Ok(()),
    }
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
    fn roles_and_permissions() {
        let table: Vec<String> = Role::ALL
            .into_iter()
            .map(|role| {
                let may = |permission| if allows(role, permission) { 'x' } else { '-' };
                let marks: String = [Permission::Read, Permission::Import, Permission::Audit, Permission::Manage]
                    .map(may)
                    .iter()
                    .collect();
                format!("{:<8} {marks}", role.as_str())
            })
            .collect();
        assert_eq!(table, ["owner    xxxx", "admin    xxxx", "analyst  xx--", "reviewer x---", "viewer   x---"]);
    }

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

    #[test]
    fn keys_in_headers() {
        let with = |value: &str| request("/", &[("authorization", value)]).headers().clone();
        assert_eq!(bearer(&with("Bearer assay_a_b")), Some("assay_a_b".into()));
        assert_eq!(bearer(&with("bearer  assay_a_b")), Some("assay_a_b".into()));
        assert_eq!(bearer(&with("Basic eDphc3NheV9hX2I=")), None);
        assert_eq!(basic(&with("Basic eDphc3NheV9hX2I=")), Some("assay_a_b".into()));
        assert_eq!(basic(&with("Basic !!")), None);
        assert_eq!(basic(&with("Bearer assay_a_b")), None);
    }
}
