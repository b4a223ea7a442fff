//! An import as an act in the audit trail. One that the API has queued is there already, and is completed with its job.

use std::sync::Arc;

use super::target::find_project;
use super::{ImportRequest, ImportSummary, Progress, run};
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::{NewAudit, new_id, now_micros};

/// Runs an import. Its row is written before anything is done, and completed in the transaction of its snapshot, or afterwards when none
/// was made.
pub async fn run_audited(app: &Arc<App>, mut request: ImportRequest, progress: Arc<Progress>) -> Result<ImportSummary> {
    // A project that the import is to make has no id yet.
    let target = find_project(app, &request).await?.map_or_else(|| request.project.clone(), |project| project.id);
    let workspace = request.workspace.clone();
    let row = NewAudit {
        workspace_id: &workspace,
        actor: &request.actor,
        action: "import",
        target: &target,
        request_id: &new_id(),
    };
    let audit_id = app.db.begin_audit(row, now_micros()).await?;
    request.audit_id = Some(audit_id.clone());
    let done = run(app, request, progress).await;
    let outcome = match &done {
        Ok(_) => "done".to_owned(),
        Err(Error::Cancelled) => "cancelled".to_owned(),
        Err(error) => format!("failed: {}", error.told()),
    };
    if let Err(error) = app.db.complete_audit(&workspace, &audit_id, &outcome, now_micros()).await {
        tracing::warn!(%audit_id, %error, "the audit row of an import could not be completed");
    }
    done
}
