//! An erasure. It is made of steps that are found anew by each run, so that a second run does what is left. The job itself is the last place
//! where the subject is named: once all else is gone, what is left to do is written in its place, and that names nobody.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Kind, Order, Ordered, Outcome, Task, lease_lost};
use crate::error::{Error, Result};
use crate::jobs::erase::{EraseRequest, EraseSummary, InJob, Named, is_busy, run_in_job};

/// Whom or what to erase: one of the two.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EraseOrder {
    /// By e-mail, id in the labelling tool, rater id or full name, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotator: Option<String>,
    /// By item id, or its id in the labelling tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
}

impl EraseOrder {
    /// # Errors
    /// `Invalid` unless just one is named.
    pub fn named(&self) -> Result<Named> {
        let given = |name: &Option<String>| name.clone().filter(|name| !name.trim().is_empty());
        match (given(&self.annotator), given(&self.item)) {
            (Some(annotator), None) => Ok(Named::Annotator(annotator)),
            (None, Some(item)) => Ok(Named::Item(item)),
            _ => Err(Error::invalid("annotator, item: name one of the two")),
        }
    }
}

impl Order for EraseOrder {
    const KIND: Kind = Kind::Erase;

    fn check(&self) -> Result<()> {
        self.named().map(drop)
    }
}

/// How far an erasure is, as its job keeps it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Stage {
    /// Everything is gone; old versions may be left in the files of the database.
    Erased {
        erased: EraseSummary,
    },
    /// The subject was found, and may be gone in part.
    Begun {
        begun: Ordered<EraseOrder>,
    },
    Ordered(Ordered<EraseOrder>),
}

pub(super) async fn run(task: Task<'_>) -> Result<Outcome> {
    let stage: Stage = serde_json::from_value(task.job.payload.0.clone()).map_err(Error::internal)?;
    let (ordered, was_begun) = match stage {
        Stage::Erased { erased } => return finish(task, erased).await,
        Stage::Begun { begun } => (begun, true),
        Stage::Ordered(ordered) => (ordered, false),
    };
    let project = task.app.db.find_project(&task.job.workspace_id, task.project_id()?).await?;
    if let Some(busy) = is_busy(task.app, &project, Some(&task.job.id)).await? {
        return Err(Error::Unavailable { message: format!("{busy}: the erasure waits for it"), source: None });
    }
    let request = EraseRequest {
        workspace: task.job.workspace_id.clone(),
        project: project.id,
        named: ordered.order.named()?,
        nothing_else_runs: false,
        dry_run: false,
        actor: ordered.actor.clone(),
    };
    let in_job = InJob { job_id: task.job.id.clone(), was_begun };
    let begin = async || note(task, &Stage::Begun { begun: ordered }).await;
    let erased = run_in_job(task.app, request, in_job, begin).await.map_err(told)?;
    note(task, &Stage::Erased { erased: erased.clone() }).await?;
    finish(task, erased).await
}

async fn note(task: Task<'_>, stage: &Stage) -> Result<()> {
    let payload = serde_json::to_value(stage).map_err(Error::internal)?;
    if task.app.db.note_job(task.lease, &payload).await? { Ok(()) } else { Err(lease_lost()) }
}

async fn finish(task: Task<'_>, erased: EraseSummary) -> Result<Outcome> {
    task.app.db.drop_old_versions().await?;
    Outcome::of(&erased)
}

/// The message stays with the job: it must not name whom the caller has asked for. What is in the way will pass.
fn told(error: Error) -> Error {
    match error {
        Error::NotFound { what: what @ ("annotator" | "item"), .. } => {
            Error::invalid(format!("the project has no {what} of that name"))
        }
        Error::Conflict(message) => Error::Unavailable { message, source: None },
        other => other,
    }
}
