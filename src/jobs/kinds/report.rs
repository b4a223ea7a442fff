//! A report is computed and stored. It is a pure function of snapshot and parameters, so that a second run stores the same once more, or nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Kind, Order, Ordered, Outcome, Task};
use crate::error::{Error, Result};
use crate::reports::figures::Level;
use crate::reports::views::AgreementParams;
use crate::reports::{Period, store_agreement};

/// A report that can be asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// Agreement between annotators.
    #[default]
    Agreement,
}

/// Which report to compute and store.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReportOrder {
    #[schema(inline)]
    pub kind: ReportKind,
    /// Of this snapshot; of the newest when the job runs otherwise.
    pub snapshot: Option<i64>,
    /// Only this control; all controls otherwise.
    pub control: Option<String>,
    /// How answers are compared; as suits them otherwise.
    pub level: Option<Level>,
    /// Only items whose slice fields have these values.
    pub slice: BTreeMap<String, String>,
    /// Figures over time by this period; by one that suits the items otherwise.
    pub period: Option<Period>,
    /// Also the figures of the items with each value of this slice field.
    pub by_slice: Option<String>,
}

impl Order for ReportOrder {
    const KIND: Kind = Kind::Report;

    fn check(&self) -> Result<()> {
        match self.snapshot {
            Some(number) if number < 1 => Err(Error::invalid("snapshot: snapshots are numbered from 1")),
            _ => Ok(()),
        }
    }
}

pub(super) async fn run(task: Task<'_>) -> Result<Outcome> {
    let Ordered { order, .. } = Ordered::<ReportOrder>::of(task.job)?;
    let project = task.app.db.find_project(&task.job.workspace_id, task.project_id()?).await?;
    let snapshot = match order.snapshot {
        Some(number) => task.app.db.snapshot(&project.id, number).await?,
        None => task.app.db.latest_snapshot(&project.id).await?.ok_or_else(|| {
            Error::invalid(format!("project {} has no snapshot yet: import an export first", project.name))
        })?,
    };
    let kind = order.kind;
    let ReportOrder { control, level, slice, period, by_slice, .. } = order;
    let params = AgreementParams { control, level, slice, period, by_slice };
    match kind {
        ReportKind::Agreement => Outcome::of(&store_agreement(task.app, &project, &snapshot, &params).await?),
    }
}
