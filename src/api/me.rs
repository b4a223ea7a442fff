//! `/v1/me` and `/v1/workspace`: who asks, and where.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::access::{Allowed, Known, Read};
use super::keys::KeyView;
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::store::{Permission, Role, now_micros};

/// Who asks, as the audit trail and the table of roles see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeView {
    /// `key:<key id>`, or `local` on a server without keys and users.
    actor: String,
    workspace: String,
    role: Role,
    /// What the role allows, less what the key's scopes leave out.
    permissions: Vec<Permission>,
    /// The key that came with the request.
    key: Option<KeyView>,
}

/// Who am I
///
/// Any key may ask, whatever its role and scopes.
#[utoipa::path(get, path = "/v1/me", tag = "access", operation_id = "getMe", responses(
    (status = OK, body = MeView),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn get(Known(caller): Known) -> Result<Json<MeView>, Problem> {
    Ok(Json(MeView {
        actor: caller.actor,
        workspace: caller.workspace,
        role: caller.role,
        permissions: caller.rights.list(),
        key: caller.key.map(|key| KeyView::of(key, now_micros())).transpose()?,
    }))
}

/// A tenant: what its keys and members see is its own.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkspaceView {
    /// Part of the addresses of its pages.
    id: String,
    name: String,
    created_at: String,
}

/// The workspace that the key belongs to
#[utoipa::path(get, path = "/v1/workspace", tag = "access", operation_id = "getWorkspace", responses(
    (status = OK, body = WorkspaceView),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn workspace(
    permission: Allowed<Read>,
    State(api): State<Arc<ApiState>>,
) -> Result<Json<WorkspaceView>, Problem> {
    let found = api.app.db.workspace(&permission.caller.workspace).await?;
    Ok(Json(WorkspaceView { id: found.id, name: found.name, created_at: super::rfc3339(found.created_at)? }))
}
