//! `/v1/members`: who may log in to the workspace's pages, and as what.

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
use crate::auth::actor_of;
use crate::error::{Error, Result};
use crate::reports::views::Page;
use crate::store::{Member, MemberChange, NewMember, NewUser, Once, Request, Role, now_micros};

/// A person with a role in the workspace.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    /// The user's id.
    id: String,
    email: String,
    name: String,
    role: Role,
    /// Whether the user is locked out of the whole server.
    disabled: bool,
    /// When the user became a member.
    created_at: String,
}

fn view(member: Member) -> Result<MemberView> {
    Ok(MemberView {
        id: member.user_id,
        email: member.email,
        name: member.name,
        role: member.role,
        disabled: member.disabled_at.is_some(),
        created_at: super::rfc3339(member.created_at)?,
    })
}

/// The members of the workspace, by e-mail address
#[utoipa::path(get, path = "/v1/members", tag = "access", operation_id = "listMembers", params(PageQuery), responses(
    (status = OK, body = Page<MemberView>, headers(("link" = String, description = "`rel=\"next\"`"))),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list(
    permission: Allowed<ManageAccess>,
    State(api): State<Arc<ApiState>>,
    QueryParams(query): QueryParams<PageQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let workspace = &permission.caller.workspace;
    let (list, limit) = (List::new(&["members", workspace]), paging::limit(query.limit)?);
    let after = list.after(query.cursor.as_deref())?;
    let rows = api.app.db.list_members(workspace, after.as_deref(), limit + 1).await?;
    Ok(paging::respond(&uri, &list.page(rows, limit, |member| member.email.clone(), view)?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMemberBody {
    #[schema(example = "ada@example.com", min_length = 3, max_length = 254)]
    email: String,
    /// What to call them: 1 to 200 characters. Who has an account on this server keeps the name of that.
    #[schema(example = "Ada Lovelace", min_length = 1, max_length = 200)]
    name: String,
    role: Role,
}

/// Add a member
///
/// Who has no account on this server gets one without a password: they can log in once `assay users password` has set it.
#[utoipa::path(post, path = "/v1/members", tag = "access", operation_id = "addMember", request_body = NewMemberBody,
    params(("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$", description = "The same request again gets the first answer (24 h)")),
    responses(
        (status = CREATED, body = MemberView, headers(("location" = String))),
        (status = FORBIDDEN, description = "`more_than_own_rights`, `role_not_allowed`, `scope_not_allowed`", body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`conflict`: is a member already; `idempotency_key_in_flight`", body = ProblemBody, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "`invalid_body`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn add(
    permission: Allowed<ManageAccess>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    key: IdempotencyKey,
    body: JsonBody<NewMemberBody>,
) -> Result<Response, Problem> {
    let (caller, role) = (&permission.caller, body.value.role);
    let _taken = key.take(&api, &caller.workspace)?;
    let user = user(&api, &body.value).await?;
    caller.check_may_give(role, role.rights())?;
    let answer = MemberView {
        id: user.id.clone(),
        email: user.email.clone(),
        name: user.name.clone(),
        role,
        disabled: false,
        created_at: super::rfc3339(user.created_at)?,
    };
    let record = key.record("POST /v1/members", &body.hash, StatusCode::CREATED, &answer)?;
    let target = format!("{} as {}", actor_of(&user.id), role.as_str());
    let act = Act { caller, action: "member.add", target: &target, request_id: &request_id };
    let audit_id = act.begin(&api).await?;
    let request = Request { idempotency: record.as_ref(), audit_id: Some(&audit_id) };
    let new = NewMember { workspace_id: &caller.workspace, user, role };
    let made = api.app.db.add_member(&new, &request).await;
    match act.settle(&api, &audit_id, made).await? {
        Once::Done(member) => {
            let location = format!("/v1/members/{}", member.user_id);
            Ok((StatusCode::CREATED, [(LOCATION, location)], Json(view(member)?)).into_response())
        }
        Once::Replay(record) => replay(record, "/v1/members"),
        Once::Reused => Err(reused()),
    }
}

/// The account with this address, or one that is to be made.
async fn user(api: &ApiState, body: &NewMemberBody) -> Result<NewUser, Problem> {
    let new = NewUser::new(&body.email, &body.name, now_micros()).map_err(|error| match error {
        Error::Invalid(detail) => Problem::unprocessable("invalid_body", detail),
        other => other.into(),
    })?;
    let known = api.app.db.user_by_email(&new.email).await?;
    Ok(known.map_or_else(|| new.clone(), |known| NewUser { id: known.id, name: known.name, ..new.clone() }))
}

/// One member
#[utoipa::path(get, path = "/v1/members/{member}", tag = "access", operation_id = "getMember",
    params(("member" = String, Path, description = "The user's id")), responses(
    (status = OK, body = MemberView),
    (status = NOT_FOUND, description = "`member_not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn get(
    permission: Allowed<ManageAccess>,
    State(api): State<Arc<ApiState>>,
    Path(id): Path<String>,
) -> Result<Json<MemberView>, Problem> {
    Ok(Json(view(api.app.db.member(&permission.caller.workspace, &id).await?)?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleBody {
    role: Role,
}

/// Give a member another role
///
/// Nobody changes a member whose role is above their own, or gives a role above it.
#[utoipa::path(patch, path = "/v1/members/{member}", tag = "access", operation_id = "changeMember", request_body = RoleBody,
    params(("member" = String, Path, description = "The user's id")), responses(
    (status = OK, body = MemberView),
    (status = NOT_FOUND, description = "`member_not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = FORBIDDEN, description = "`more_than_own_rights`, `role_not_allowed`, `scope_not_allowed`", body = ProblemBody, content_type = "application/problem+json"),
    (status = CONFLICT, description = "`last_owner`", body = ProblemBody, content_type = "application/problem+json"),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn change(
    permission: Allowed<ManageAccess>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    Path(id): Path<String>,
    body: JsonBody<RoleBody>,
) -> Result<Json<MemberView>, Problem> {
    let (caller, db, role) = (&permission.caller, &api.app.db, body.value.role);
    check_rank(caller, &db.member(&caller.workspace, &id).await?)?;
    caller.check_may_give(role, role.rights())?;
    let target = format!("{} as {}", actor_of(&id), role.as_str());
    let act = Act { caller, action: "member.change", target: &target, request_id: &request_id };
    let audit_id = act.begin(&api).await?;
    let done = settled(db.change_member(&caller.workspace, &id, role).await);
    act.conclude(&api, &audit_id, done).await?;
    Ok(Json(view(db.member(&caller.workspace, &id).await?)?))
}

/// Take a member out of the workspace
///
/// The account stays, for other workspaces.
#[utoipa::path(delete, path = "/v1/members/{member}", tag = "access", operation_id = "removeMember",
    params(("member" = String, Path, description = "The user's id")), responses(
    (status = NO_CONTENT),
    (status = NOT_FOUND, description = "`member_not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = FORBIDDEN, description = "`more_than_own_rights`, `role_not_allowed`, `scope_not_allowed`", body = ProblemBody, content_type = "application/problem+json"),
    (status = CONFLICT, description = "`last_owner`", body = ProblemBody, content_type = "application/problem+json"),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn remove(
    permission: Allowed<ManageAccess>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (caller, db) = (&permission.caller, &api.app.db);
    check_rank(caller, &db.member(&caller.workspace, &id).await?)?;
    let target = actor_of(&id);
    let act = Act { caller, action: "member.remove", target: &target, request_id: &request_id };
    let audit_id = act.begin(&api).await?;
    let done = settled(db.remove_member(&caller.workspace, &id).await);
    act.conclude(&api, &audit_id, done).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check_rank(caller: &Caller, member: &Member) -> Result<(), Problem> {
    if !member.role.outranks(caller.role) {
        return Ok(());
    }
    let detail = format!("the member is {}, above the role of the key that asks", member.role.as_str());
    Err(Problem::forbidden("more_than_own_rights", detail))
}

fn settled(change: Result<MemberChange>) -> Result<(), Problem> {
    match change? {
        MemberChange::Done(_) => Ok(()),
        MemberChange::LastOwner => Err(Problem::new(
            StatusCode::CONFLICT,
            "last_owner",
            "a workspace needs an owner who can log in; make somebody else an owner first",
        )),
    }
}
