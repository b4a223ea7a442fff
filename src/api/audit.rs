//! Who did what: written around every change, read by owners and admins.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::{Allowed, Caller, ReadAudit};
use super::extract::{QueryParams, number};
use super::observe::RequestId;
use super::paging::{self, List};
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::error::Result;
use crate::reports::views::Page;
use crate::store::{AuditFilter, AuditRow, NewAudit, Once, now_micros};

/// An act by a caller, as it will stand in the audit trail.
#[derive(Debug)]
pub struct Act<'a> {
    pub caller: &'a Caller,
    pub action: &'a str,
    pub target: &'a str,
    pub request_id: &'a RequestId,
}

impl Act<'_> {
    /// Writes the row, before anything is done; returns its id.
    pub async fn begin(&self, api: &ApiState) -> Result<String, Problem> {
        let row = NewAudit {
            workspace_id: &self.caller.workspace,
            actor: &self.caller.actor,
            action: self.action,
            target: self.target,
            request_id: &self.request_id.0,
        };
        Ok(api.app.db.begin_audit(row, now_micros()).await?)
    }

    /// Completes the row of an act that may be a repeat. An act that was done has completed it in its own transaction, or does so when its
    /// job ends.
    pub async fn settle<T>(&self, api: &ApiState, id: &str, done: Result<Once<T>>) -> Result<Once<T>, Problem> {
        let done = done.map_err(Problem::from);
        match &done {
            Ok(Once::Done(_)) => {}
            Ok(Once::Replay(_)) => self.end(api, id, "replayed").await?,
            Ok(Once::Reused) => self.end(api, id, "failed: idempotency_key_reused").await?,
            Err(problem) => self.end(api, id, &format!("failed: {}", problem.code())).await?,
        }
        done
    }

    /// Completes the row of an act that is over.
    pub async fn conclude<T>(&self, api: &ApiState, id: &str, done: Result<T, Problem>) -> Result<T, Problem> {
        let outcome = done.as_ref().map_or_else(|problem| format!("failed: {}", problem.code()), |_| "done".to_owned());
        self.end(api, id, &outcome).await?;
        done
    }

    pub async fn end(&self, api: &ApiState, id: &str, outcome: &str) -> Result<(), Problem> {
        Ok(api.app.db.complete_audit(&self.caller.workspace, id, outcome, now_micros()).await?)
    }
}

/// One act.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    id: String,
    /// `key:<key id>`, `user:<user id>`, `local`, `cli` or `demo`; of a login that failed, who it claimed to be.
    actor: String,
    action: String,
    target: String,
    request_id: String,
    /// The job in which the act goes on.
    job_id: Option<String>,
    started_at: String,
    finished_at: Option<String>,
    /// `done`, `cancelled`, `replayed` or `failed: …`; null while the act goes on, or if it was cut short.
    outcome: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Only acts of this actor.
    #[param(example = "key:4fQ0aZ81bXwe")]
    actor: Option<String>,
    /// Only this action.
    #[param(example = "import")]
    action: Option<String>,
    /// Only acts that began at this time or later.
    #[param(format = DateTime, example = "2026-11-01T00:00:00Z")]
    from: Option<String>,
    /// Only acts that began before this time.
    #[param(format = DateTime, example = "2026-12-01T00:00:00Z")]
    to: Option<String>,
    /// Rows on a page.
    #[serde(default, deserialize_with = "number")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Who did what in the workspace, newest first
#[utoipa::path(get, path = "/v1/audit", tag = "audit", operation_id = "listAudit", params(AuditQuery), responses(
    (status = OK, body = Page<AuditView>, headers(("link" = String, description = "`rel=\"next\"`"))),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list(
    permission: Allowed<ReadAudit>,
    State(api): State<Arc<ApiState>>,
    QueryParams(query): QueryParams<AuditQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let workspace = &permission.caller.workspace;
    let time = |field, text: &Option<String>| {
        let given = text.as_deref().map(|text| super::time(field, text)).transpose();
        given.map_err(|error| Problem::bad_request("invalid_query", error.to_string()))
    };
    let filter = AuditFilter {
        actor: query.actor.as_deref(),
        action: query.action.as_deref(),
        from: time("from", &query.from)?,
        to: time("to", &query.to)?,
    };
    let list = List::new(&["audit", workspace, &format!("{filter:?}")]);
    let limit = paging::limit(query.limit)?;
    let before = list.after(query.cursor.as_deref())?;
    let rows = api.app.db.search_audit(workspace, filter, before.as_deref(), limit + 1).await?;
    Ok(paging::respond(&uri, &list.page(rows, limit, |row| row.id.clone(), view)?))
}

fn view(row: AuditRow) -> Result<AuditView> {
    Ok(AuditView {
        id: row.id,
        actor: row.actor,
        action: row.action,
        target: row.target,
        request_id: row.request_id,
        job_id: row.job_id,
        started_at: super::rfc3339(row.started_at)?,
        finished_at: row.finished_at.map(super::rfc3339).transpose()?,
        outcome: row.outcome,
    })
}
