//! A snapshot that is written but not committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::single::show_rejects;
use super::target::Target;
use super::{ImportRequest, ImportSummary};
use crate::app::App;
use crate::error::{Error, Result};
use crate::jobs::kinds::lease_lost;
use crate::jobs::read::ReadOutcome;
use crate::lake::{Counts, DataFile, MergeOutcome};
use crate::store::{
    Change, Changes, Commit, Counts as SnapshotCounts, JobEnd, NewSnapshot, Operation, Snapshot, now_micros,
};

/// A snapshot that is written but not committed.
pub(super) struct Draft {
    pub(super) target: Target,
    pub(super) parent: Option<Snapshot>,
    pub(super) buckets: u32,
    pub(super) added: Vec<DataFile>,
    pub(super) removed: Vec<String>,
    pub(super) outcome: MergeOutcome,
    pub(super) counts: SnapshotCounts,
}

impl Draft {
    /// The labelling config that the snapshot will have.
    fn config(&self, request: &ImportRequest) -> Option<String> {
        request.config.clone().or_else(|| self.parent.as_ref().and_then(|parent| parent.config.clone()))
    }

    fn parent_number(&self) -> i64 {
        self.parent.as_ref().map_or(0, |parent| parent.number)
    }

    fn differs(&self, request: &ImportRequest) -> bool {
        let Some(parent) = &self.parent else { return true };
        !self.added.is_empty() || !self.removed.is_empty() || self.config(request) != parent.config
    }

    /// Commits; false when another import committed first and the merge must be done again.
    pub(super) async fn commit(self, app: &Arc<App>, request: &ImportRequest, summary: &ImportSummary) -> Result<bool> {
        let result = serde_json::to_value(summary).map_err(Error::internal)?;
        if !summary.committed {
            return match &request.lease {
                Some(lease) if !app.db.finish_job(lease, &result, now_micros()).await? => Err(lease_lost()),
                _ => Ok(true),
            };
        }
        let Some(project) = self.target.ensure(app).await? else { return Ok(false) };
        let sources: Vec<&str> = request.inputs.iter().map(|input| input.name.as_str()).collect();
        let new = NewSnapshot {
            project_id: project.id.clone(),
            parent: self.parent_number(),
            buckets: i64::from(self.buckets),
            schema_version: i64::from(assay_formats::schema::VERSION),
            created_at: now_micros(),
            actor: request.actor.clone(),
            config: self.config(request),
            sources: serde_json::json!(sources),
            counts: self.counts,
            operation: Operation::Import,
            changes: changes(&self.outcome),
            added: self.added.iter().map(Into::into).collect(),
            removed: self.removed,
            job: request.lease.clone().map(|lease| JobEnd { lease, result }),
            audit_id: request.audit_id.clone(),
        };
        match app.db.commit_snapshot(&new).await? {
            Commit::Done => {
                if let Err(error) = app.copy_snapshots(&project).await {
                    // The snapshot is there: to call this a failure would be wrong, and the next import repeats the copying.
                    tracing::warn!(project = %project.id, %error, "the catalog's row could not be copied to storage");
                }
                Ok(true)
            }
            Commit::ParentMoved => Ok(false),
            Commit::LeaseLost => Err(lease_lost()),
        }
    }

    pub(super) fn summary(&self, read: &ReadOutcome, request: &ImportRequest) -> ImportSummary {
        let committed = self.differs(request);
        ImportSummary {
            project: self.target.name().to_owned(),
            project_id: self.target.id().to_owned(),
            mode: request.mode,
            snapshot: self.parent_number() + i64::from(committed),
            committed,
            items: self.outcome.items,
            annotations: self.outcome.annotations,
            predictions: self.outcome.predictions,
            results: read.counts.results,
            prediction_ids: read.counts.prediction_ids,
            draft_ids: read.counts.draft_ids,
            rejected: read.rejects.iter().map(|batch| batch.num_rows() as u64).sum(),
            rejects: show_rejects(&read.rejects),
            bytes: read.bytes,
            seconds: 0.0,
            phases: BTreeMap::new(),
        }
    }
}

fn changes(outcome: &MergeOutcome) -> Changes {
    let change = |counts: Counts| Change { new: counts.new, changed: counts.changed, removed: counts.removed };
    Changes {
        items: change(outcome.items),
        annotations: change(outcome.annotations),
        predictions: change(outcome.predictions),
    }
}
