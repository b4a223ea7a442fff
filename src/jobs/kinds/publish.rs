//! A publication. It is made of steps that can be repeated, and one publisher is at work on a project at a time: a second run completes the first.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Kind, Order, Ordered, Outcome, Task};
use crate::error::{Error, Result};
use crate::jobs::publish::{PublishRequest, Report, run as publish};
use crate::lake::{Format, Table};

/// What to publish. What is not said stays as it was at the last publication; at the first it is everything, as plain Parquet.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PublishOrder {
    /// By default the newest when the job runs.
    pub snapshot: Option<i64>,
    /// Of `items`, `annotations`, `results`, `raters`, `rejects`.
    #[schema(value_type = Option<Vec<String>>)]
    pub tables: Option<Vec<Table>>,
    /// Of `agreement`.
    #[schema(value_type = Option<Vec<String>>)]
    pub reports: Option<Vec<Report>>,
    /// `parquet`, or `delta` for a Delta log beside the same files.
    #[schema(value_type = Option<String>)]
    pub format: Option<Format>,
    /// How many snapshots keep their files.
    #[schema(minimum = 1)]
    pub keep: Option<usize>,
}

impl Order for PublishOrder {
    const KIND: Kind = Kind::Publish;

    fn check(&self) -> Result<()> {
        match (self.snapshot, self.keep) {
            (Some(number), _) if number < 1 => Err(Error::invalid("snapshot: snapshots are numbered from 1")),
            (_, Some(0)) => Err(Error::invalid("keep: at least 1, the published snapshot")),
            _ => Ok(()),
        }
    }
}

/// What was published, without the lists of files.
#[derive(Debug, Serialize)]
struct PublishSummary {
    project: String,
    project_id: String,
    snapshot: i64,
    /// Where readers find it.
    url: String,
    tables: Vec<String>,
    rows: u64,
    bytes: u64,
    /// False when all of it was published already.
    changed: bool,
}

pub(super) async fn run(task: Task<'_>) -> Result<Outcome> {
    let Ordered { order, .. } = Ordered::<PublishOrder>::of(task.job)?;
    let project = task.app.db.find_project(&task.job.workspace_id, task.project_id()?).await?;
    let request = PublishRequest {
        snapshot: order.snapshot,
        tables: order.tables,
        reports: order.reports,
        format: order.format,
        keep: order.keep,
        base_url: None,
    };
    let published = publish(task.app, &project, &request).await?;
    let manifest = published.manifest;
    Outcome::of(&PublishSummary {
        project: project.name,
        project_id: project.id,
        snapshot: manifest.snapshot,
        rows: manifest.tables.iter().map(|table| table.rows).sum(),
        bytes: manifest.tables.iter().map(|table| table.bytes).sum(),
        tables: manifest.tables.into_iter().map(|table| table.name).collect(),
        url: manifest.url,
        changed: published.changed,
    })
}
