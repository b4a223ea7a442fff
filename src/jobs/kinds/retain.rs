//! Retention. Its job ends in the transaction that retires the snapshots.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Kind, Order, Ordered, Outcome, Task};
use crate::error::{Error, Result};
use crate::jobs::retain::{Keep, RetainRequest, run_in_job};
use crate::store::now_micros;

/// Which snapshots to keep; the others are retired.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetainOrder {
    /// `last=N`, `within=30d` (or m, h, w), `number=N`, separated by commas. A snapshot stays when any rule keeps it; the newest always stays.
    #[schema(example = "last=10,within=30d")]
    pub keep: String,
}

impl RetainOrder {
    fn rules(&self) -> Result<Keep> {
        self.keep.parse().map_err(|error| Error::invalid(format!("keep: {error}")))
    }
}

impl Order for RetainOrder {
    const KIND: Kind = Kind::Retain;

    fn check(&self) -> Result<()> {
        self.rules().map(drop)
    }
}

pub(super) async fn run(task: Task<'_>) -> Result<Outcome> {
    let Ordered { actor, order } = Ordered::<RetainOrder>::of(task.job)?;
    let request = RetainRequest {
        workspace: task.job.workspace_id.clone(),
        project: task.project_id()?.to_owned(),
        keep: order.rules()?,
        dry_run: false,
        actor,
        now: now_micros(),
    };
    let summary = run_in_job(task.app, &request, task.lease).await?;
    if summary.retired.is_empty() { Outcome::of(&summary) } else { Ok(Outcome::Ended) }
}
