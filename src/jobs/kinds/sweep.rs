//! A sweep of a workspace or of one project. What is gone already is no error: a second run deletes the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Kind, Order, Ordered, Outcome, Task};
use crate::error::{Error, Result};
use crate::jobs::grace::{SHORTEST_GRACE, parse_span};
use crate::jobs::sweep::{HeldBack, SweepRequest, SweepSummary, run_in_job};

/// Unless an order says otherwise.
const GRACE: Duration = Duration::from_secs(24 * 3600);

/// Delete files that nothing needs any more.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SweepOrder {
    /// Only this project (name or id); all of the workspace otherwise.
    pub project: Option<String>,
    /// Leave alone what is younger than this (h, d, w): at least 12h. By default 24h.
    #[schema(example = "24h")]
    pub older_than: Option<String>,
}

impl SweepOrder {
    fn grace(&self) -> Result<Duration> {
        let Some(text) = &self.older_than else { return Ok(GRACE) };
        let grace = parse_span(text).map_err(|error| Error::invalid(format!("older_than: {error}")))?;
        if grace < SHORTEST_GRACE {
            return Err(Error::invalid(format!(
                "older_than: files of an import that is still running can be up to {0} h old; give {0}h or more",
                SHORTEST_GRACE.as_secs() / 3600
            )));
        }
        Ok(grace)
    }
}

impl Order for SweepOrder {
    const KIND: Kind = Kind::Sweep;

    fn check(&self) -> Result<()> {
        self.grace().map(drop)
    }
}

/// What was deleted, in figures: a list could be long.
#[derive(Debug, Serialize)]
struct SweepFigures {
    files: u64,
    bytes: u64,
    by_kind: BTreeMap<&'static str, u64>,
    /// Projects that were left alone, and why.
    held_back: Vec<HeldBack>,
    /// Names that Assay does not give: never deleted.
    unknown: usize,
}

pub(super) async fn run(task: Task<'_>) -> Result<Outcome> {
    let Ordered { actor, order } = Ordered::<SweepOrder>::of(task.job)?;
    let request = SweepRequest {
        workspace: task.job.workspace_id.clone(),
        // A schedule's sweep is of the schedule's project, unless it names another one.
        project: order.project.clone().or_else(|| task.job.project_id.clone()),
        older_than: order.grace()?,
        nothing_else_runs: false,
        dry_run: false,
        actor,
    };
    Outcome::of(&figures(run_in_job(task.app, &request).await?))
}

fn figures(summary: SweepSummary) -> SweepFigures {
    let mut by_kind = BTreeMap::new();
    for file in &summary.deleted {
        *by_kind.entry(file.kind.as_str()).or_default() += 1;
    }
    SweepFigures {
        files: summary.deleted.len() as u64,
        bytes: summary.bytes,
        by_kind,
        held_back: summary.held_back,
        unknown: summary.unknown.len(),
    }
}
