//! Who may do what. A handler's permission is its first argument: an extractor that authenticates the caller, checks its rights and loads
//! the row that the path names from the caller's workspace. What belongs to another workspace does not exist.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::audit::Act;
use super::observe::RequestId;
use super::problem::{Problem, UNAUTHORIZED};
use super::rate::Class;
use super::state::ApiState;
use crate::auth::client_address;
use crate::error::Error;
use crate::store::{DEFAULT_WORKSPACE, Job, Key, Permission, Project, Rights, Role, now_micros};

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
#[derive(Debug)]
pub struct Erase;
#[derive(Debug)]
pub struct ManageAccess;

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

impl Grant for Erase {
    const PERMISSION: Permission = Permission::Erase;
}

impl Grant for ManageAccess {
    const PERMISSION: Permission = Permission::Access;
}

/// Who calls a server without keys and users: this machine. It is not counted.
const LOCAL: &str = "local";

#[derive(Debug, Clone)]
pub struct Caller {
    pub workspace: String,
    /// `key:<id>`, or `local` on a server without keys and users.
    pub actor: String,
    pub role: Role,
    pub rights: Rights,
    /// The key that it came with.
    pub key: Option<Key>,
}

impl Caller {
    fn local() -> Self {
        let role = Role::Owner;
        let (workspace, actor) = (DEFAULT_WORKSPACE.to_owned(), LOCAL.to_owned());
        Self { workspace, actor, role, rights: role.rights(), key: None }
    }

    fn of_key(key: Key) -> Self {
        Self {
            workspace: key.workspace_id.clone(),
            actor: format!("key:{}", key.id),
            role: key.role,
            rights: key.rights(),
            key: Some(key),
        }
    }

    /// # Errors
    /// `role_not_allowed` or `scope_not_allowed` unless the caller may do `P` as well.
    pub fn may<P: Grant>(&self) -> Result<(), Problem> {
        authorize(self, P::PERMISSION)
    }

    /// Nobody hands out more than they have: neither a role above their own, nor rights that they lack.
    pub fn check_may_give(&self, role: Role, rights: Rights) -> Result<(), Problem> {
        if !role.outranks(self.role) && self.rights.include(rights) {
            return Ok(());
        }
        let detail = format!("this would give the role {} more than the key that asks for it has", role.as_str());
        Err(Problem::forbidden("more_than_own_rights", detail))
    }
}

/// The caller is known; what it may do does not matter.
#[derive(Debug)]
pub struct Known(pub Caller);

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

impl FromRequestParts<Arc<ApiState>> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<ApiState>) -> Result<Self, Problem> {
        counted(parts, api, Permission::Read, authenticate(parts, api).await).map(Self)
    }
}

impl<P: Grant> FromRequestParts<Arc<ApiState>> for Allowed<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<ApiState>) -> Result<Self, Problem> {
        let caller = counted(parts, api, P::PERMISSION, authenticate(parts, api).await)?;
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
pub fn counted(
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

/// On a server without keys and users everyone who gets past [`super::guard::local`] is the owner of the default workspace.
async fn authenticate(parts: &Parts, api: &ApiState) -> Result<Caller, Problem> {
    if !api.is_closed().await? {
        return Ok(Caller::local());
    }
    match bearer(&parts.headers) {
        Some(plaintext) => holder_of(&plaintext, parts, api).await?,
        None => None,
    }
    .ok_or_else(|| {
        Problem::unauthorized(
            "send an API key: Authorization: Bearer assay_… (`assay keys create` makes one)",
            "Bearer",
        )
    })
}

/// Who came with this key. Its first use in an hour is written to the audit trail.
pub async fn holder_of(plaintext: &str, parts: &Parts, api: &ApiState) -> Result<Option<Caller>, Problem> {
    let Some(used) = api.app.db.authenticate(plaintext, now_micros()).await? else { return Ok(None) };
    let caller = Caller::of_key(used.key);
    if used.first_in_hour {
        let request_id = parts.extensions.get::<RequestId>().cloned().unwrap_or_default();
        let target = client_address(parts).to_string();
        let act =
            Act { caller: &caller, action: "key.use", target: &format!("address:{target}"), request_id: &request_id };
        let row = act.begin(api).await?;
        act.end(api, &row, "done").await?;
    }
    Ok(Some(caller))
}

pub fn authorize(caller: &Caller, permission: Permission) -> Result<(), Problem> {
    if caller.rights.allow(permission) {
        return Ok(());
    }
    let name = permission.as_str();
    if caller.role.rights().allow(permission) {
        return Err(Problem::forbidden("scope_not_allowed", format!("the key does not have the scope {name}")));
    }
    let role = caller.role.as_str();
    Err(Problem::forbidden("role_not_allowed", format!("a key with the role {role} may not do this: it lacks {name}")))
}

pub fn bearer(headers: &HeaderMap) -> Option<String> {
    credentials(headers, "Bearer").map(str::to_owned)
}

/// A browser asks for a name and a password: the key is the password.
pub fn basic(headers: &HeaderMap) -> Option<String> {
    let decoded = BASE64_STANDARD.decode(credentials(headers, "Basic")?).ok()?;
    let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(password.to_owned())
}

fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (given, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_headers() {
        let with = |value: &str| HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        assert_eq!(bearer(&with("Bearer assay_a_b")), Some("assay_a_b".into()));
        assert_eq!(bearer(&with("bearer  assay_a_b")), Some("assay_a_b".into()));
        assert_eq!(bearer(&with("Basic eDphc3NheV9hX2I=")), None);
        assert_eq!(basic(&with("Basic eDphc3NheV9hX2I=")), Some("assay_a_b".into()));
        assert_eq!(basic(&with("Basic !!")), None);
        assert_eq!(basic(&with("Bearer assay_a_b")), None);
    }
}
