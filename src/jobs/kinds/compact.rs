//! Compaction. Its job ends in the transaction of the new snapshot, or with the word that there is nothing to do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Kind, Order, Ordered, Outcome, Task};
use crate::error::Result;
use crate::jobs::compact::{CompactRequest, check_buckets, run_in_job};

/// Rewrite the newest snapshot's files.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CompactOrder {
    /// A power of two; as many as the size asks for otherwise.
    #[schema(minimum = 1, example = 4)]
    pub buckets: Option<u32>,
}

impl Order for CompactOrder {
    const KIND: Kind = Kind::Compact;

    fn check(&self) -> Result<()> {
        check_buckets("buckets", self.buckets)
    }
}

pub(super) async fn run(task: Task<'_>) -> Result<Outcome> {
    let Ordered { actor, order } = Ordered::<CompactOrder>::of(task.job)?;
    let request = CompactRequest {
        workspace: task.job.workspace_id.clone(),
        project: task.project_id()?.to_owned(),
        buckets: order.buckets,
        dry_run: false,
        actor,
    };
    let summary = run_in_job(task.app, &request, task.lease, task.progress).await?;
    match summary.snapshot {
        Some(_) => Ok(Outcome::Ended),
        None => Outcome::of(&summary),
    }
}
