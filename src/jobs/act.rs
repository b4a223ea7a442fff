//! An act with its row in the audit trail.

use crate::app::App;
use crate::error::{Error, Result};
use crate::store::{NewAudit, new_id, now_micros};

/// Who does what, on what.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    pub workspace: &'a str,
    pub actor: &'a str,
    pub action: &'a str,
    pub target: &'a str,
}

impl Act<'_> {
    /// Writes the row, does the act, which is given the row's id, and completes the row, unless the act has done so in a transaction of its
    /// own.
    pub async fn record<T>(&self, app: &App, act: impl AsyncFnOnce(&str) -> Result<T>) -> Result<T> {
        let request_id = new_id();
        let row = NewAudit {
            workspace_id: self.workspace,
            actor: self.actor,
            action: self.action,
            target: self.target,
            request_id: &request_id,
        };
        let id = app.db.begin_audit(row, now_micros()).await?;
        let done = act(&id).await;
        let outcome = match &done {
            Ok(_) => "done",
            Err(error) => kind(error),
        };
        if let Err(error) = app.db.complete_audit(self.workspace, &id, outcome, now_micros()).await {
            tracing::warn!(audit = %id, %error, "the audit row of an act could not be completed");
        }
        done
    }
}

/// Its message may hold what is erased one day.
fn kind(error: &Error) -> &'static str {
    match error {
        Error::NotFound { .. } => "failed: not found",
        Error::Gone(_) => "failed: gone",
        Error::Invalid(_) => "failed: invalid",
        Error::Conflict(_) => "failed: conflict",
        Error::Unavailable { .. } => "failed: unavailable",
        Error::Cancelled => "cancelled",
        Error::Internal(_) => "failed: internal",
    }
}
