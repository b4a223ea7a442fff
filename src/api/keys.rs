//! `/v1/keys`: the API keys of the workspace.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Allowed, Caller, ManageAccess};
use super::audit::Act;
use super::extract::{JsonBody, QueryParams};
use super::idempotency::{IdempotencyKey, replay, reused};
use super::observe::RequestId;
use super::paging::{self, List, PageQuery};
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::error::{Error, Result};
use crate::reports::views::Page;
use crate::store::{Key, KeyDraft, NewKey, Once, Permission, Request, Role, Scopes, now_micros};

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    Active,
    Expired,
    Revoked,
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    id: String,
    name: String,
    /// The public beginning of the key: enough to find it, not enough to use it.
    #[schema(example = "assay_4fQ0aZ81bXwe")]
    prefix: String,
    role: Role,
    /// What it may do: all that the role allows, unless it was made with fewer scopes.
    scopes: Vec<Permission>,
    state: KeyState,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    /// To the minute.
    last_used_at: Option<String>,
}

impl KeyView {
    pub fn of(key: Key, now: i64) -> Result<Self> {
        let state = match key.revoked_at {
            Some(_) => KeyState::Revoked,
            None if key.is_active(now) => KeyState::Active,
            None => KeyState::Expired,
        };
        Ok(Self {
            state,
            scopes: key.rights().list(),
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            role: key.role,
            created_at: super::rfc3339(key.created_at)?,
            expires_at: key.expires_at.map(super::rfc3339).transpose()?,
            revoked_at: key.revoked_at.map(super::rfc3339).transpose()?,
            last_used_at: key.last_used_at.map(super::rfc3339).transpose()?,
        })
    }

    fn of_draft(draft: &KeyDraft) -> Result<Self> {
        Ok(Self {
            id: draft.id.clone(),
            name: draft.name.clone(),
            prefix: draft.prefix.clone(),
            role: draft.role,
            scopes: draft.rights().list(),
            state: KeyState::Active,
            created_at: super::rfc3339(draft.created_at)?,
            expires_at: draft.expires_at.map(super::rfc3339).transpose()?,
            revoked_at: None,
            last_used_at: None,
        })
    }
}

/// A new key.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewKeyView {
    #[serde(flatten)]
    key: KeyView,
    /// The key itself. Shown here and never again; null in the answer to a repeat under the same `Idempotency-Key`.
    secret: Option<String>,
}

/// The keys of the workspace, newest first
#[utoipa::path(get, path = "/v1/keys", tag = "access", operation_id = "listKeys", params(PageQuery), responses(
    (status = OK, body = Page<KeyView>, headers(("link" = String, description = "`rel=\"next\"`"))),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list(
    permission: Allowed<ManageAccess>,
    State(api): State<Arc<ApiState>>,
    QueryParams(query): QueryParams<PageQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let workspace = &permission.caller.workspace;
    let (list, limit) = (List::new(&["keys", workspace]), paging::limit(query.limit)?);
    let after = list.after(query.cursor.as_deref())?;
    let before = after.as_deref().map(place).transpose()?;
    let rows = api.app.db.page_keys(workspace, before, limit + 1).await?;
    let now = now_micros();
    let page = list.page(rows, limit, |key| format!("{} {}", key.created_at, key.id), |key| KeyView::of(key, now))?;
    Ok(paging::respond(&uri, &page))
}

/// A key's place in the list, from a cursor.
fn place(text: &str) -> Result<(i64, &str), Problem> {
    let parsed = text.split_once(' ').and_then(|(time, id)| Some((time.parse().ok()?, id)));
    parsed.ok_or_else(|| Problem::bad_request("invalid_cursor", "the cursor does not belong to this list"))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeyBody {
    /// What or whom the key is for: 1 to 200 characters.
    #[schema(example = "nightly import", min_length = 1, max_length = 200)]
    name: String,
    role: Role,
    /// What it may do of what its role allows; all of it when left out.
    #[schema(min_items = 1)]
    scopes: Option<Vec<Permission>>,
    /// When it ends; never when left out.
    #[schema(format = DateTime, example = "2027-01-31T00:00:00Z")]
    expires_at: Option<String>,
}

/// Make a key
///
/// A key gives no more than it has: no higher role, no right that it lacks, and no later end.
#[utoipa::path(post, path = "/v1/keys", tag = "access", operation_id = "createKey", request_body = NewKeyBody,
    params(("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$", description = "The same request again gets the first answer, without the secret (24 h)")),
    responses(
        (status = CREATED, body = NewKeyView, headers(("location" = String))),
        (status = FORBIDDEN, description = "`more_than_own_rights`, `role_not_allowed`, `scope_not_allowed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "`invalid_body`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn create(
    permission: Allowed<ManageAccess>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    key: IdempotencyKey,
    body: JsonBody<NewKeyBody>,
) -> Result<Response, Problem> {
    let caller = &permission.caller;
    let _taken = key.take(&api, &caller.workspace)?;
    let draft = draft(caller, &body.value)?;
    // The secret is in no table, not even in the stored answer.
    let stored = NewKeyView { key: KeyView::of_draft(&draft)?, secret: None };
    let record = key.record("POST /v1/keys", &body.hash, StatusCode::CREATED, &stored)?;
    let target = format!("key:{}", draft.id);
    let act = Act { caller, action: "key.create", target: &target, request_id: &request_id };
    let audit_id = act.begin(&api).await?;
    let request = Request { idempotency: record.as_ref(), audit_id: Some(&audit_id) };
    let made = api.app.db.insert_key(&draft, &request).await;
    match act.settle(&api, &audit_id, made).await? {
        Once::Done(_) => {
            let location = format!("/v1/keys/{}", draft.id);
            let view = NewKeyView { secret: Some(draft.plaintext()), ..stored };
            Ok((StatusCode::CREATED, [(LOCATION, location)], Json(view)).into_response())
        }
        Once::Replay(record) => replay(record, "/v1/keys"),
        Once::Reused => Err(reused()),
    }
}

fn draft(caller: &Caller, body: &NewKeyBody) -> Result<KeyDraft, Problem> {
    let unusable = |error| match error {
        Error::Invalid(detail) => Problem::unprocessable("invalid_body", detail),
        other => other.into(),
    };
    let scopes = body.scopes.as_deref().map(|scopes| Scopes::of(body.role, scopes)).transpose().map_err(unusable)?;
    let expires_at =
        body.expires_at.as_deref().map(|text| super::time("expires_at", text)).transpose().map_err(unusable)?;
    let scopes = scopes.unwrap_or_default();
    let new = NewKey { workspace_id: &caller.workspace, name: &body.name, role: body.role, scopes, expires_at };
    let draft = KeyDraft::new(new, now_micros()).map_err(unusable)?;
    caller.check_may_give(draft.role, draft.rights())?;
    let own_end = caller.key.as_ref().and_then(|key| key.expires_at);
    if own_end.is_some_and(|end| draft.expires_at.is_none_or(|later| later > end)) {
        let detail = "the key that asks for it ends earlier; give an expires_at that is not after its end";
        return Err(Problem::forbidden("more_than_own_rights", detail));
    }
    Ok(draft)
}

/// One key
#[utoipa::path(get, path = "/v1/keys/{key}", tag = "access", operation_id = "getKey",
    params(("key" = String, Path, description = "Id")), responses(
    (status = OK, body = KeyView),
    (status = NOT_FOUND, description = "`key_not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn get(
    permission: Allowed<ManageAccess>,
    State(api): State<Arc<ApiState>>,
    Path(id): Path<String>,
) -> Result<Json<KeyView>, Problem> {
    let key = api.app.db.key(&permission.caller.workspace, &id).await?;
    Ok(Json(KeyView::of(key, now_micros())?))
}

/// Revoke a key
///
/// At once and for good. Asking twice is like asking once, so an `Idempotency-Key` is not needed. A key whose role is above one's own cannot be revoked.
#[utoipa::path(post, path = "/v1/keys/{key}/revoke", tag = "access", operation_id = "revokeKey",
    params(("key" = String, Path, description = "Id")), responses(
    (status = OK, body = KeyView),
    (status = NOT_FOUND, description = "`key_not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = FORBIDDEN, description = "`more_than_own_rights`, `role_not_allowed`, `scope_not_allowed`", body = ProblemBody, content_type = "application/problem+json"),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn revoke(
    permission: Allowed<ManageAccess>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    Path(id): Path<String>,
) -> Result<Json<KeyView>, Problem> {
    let (caller, db) = (&permission.caller, &api.app.db);
    let key = db.key(&caller.workspace, &id).await?;
    if key.role.outranks(caller.role) {
        let detail = format!("the key has the role {}, above the one that asks", key.role.as_str());
        return Err(Problem::forbidden("more_than_own_rights", detail));
    }
    let target = format!("key:{id}");
    let act = Act { caller, action: "key.revoke", target: &target, request_id: &request_id };
    let audit_id = act.begin(&api).await?;
    let done = db.revoke_key(&caller.workspace, &id, now_micros()).await.map_err(Problem::from);
    act.conclude(&api, &audit_id, done).await?;
    let revoked = db.key(&caller.workspace, &id).await?;
    Ok(Json(KeyView::of(revoked, now_micros())?))
}
