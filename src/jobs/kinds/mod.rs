//! The kinds of job, one file each: what is to be done, as the queue keeps it, and the call that does it.
//!
//! A worker may die at any moment and another one begin the job again, so each effect happens once in one of two ways. Import, compaction and
//! retention end their job in the transaction that makes them visible. Reports, publications, sweeps and erasures are made of steps, each of
//! which finds done what was done: a second run does the rest.

mod compact;
mod erase;
mod import;
mod publish;
mod report;
mod retain;
mod sweep;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::read::Progress;
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::{ATTEMPTS, Job, Lease, NewJob};

pub use compact::CompactOrder;
pub use erase::EraseOrder;
pub use import::ImportPayload;
pub(super) use import::discard_upload;
pub use publish::PublishOrder;
pub use report::{ReportKind, ReportOrder};
pub use retain::RetainOrder;
pub use sweep::SweepOrder;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Import,
    Report,
    Compact,
    Publish,
    Retain,
    Sweep,
    Erase,
}

impl Kind {
    pub const ALL: [Self; 7] =
        [Self::Import, Self::Report, Self::Compact, Self::Publish, Self::Retain, Self::Sweep, Self::Erase];

    /// As the queue, the API and the audit trail call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Report => "report",
            Self::Compact => "compact",
            Self::Publish => "publish",
            Self::Retain => "retain",
            Self::Sweep => "sweep",
            Self::Erase => "erase",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Somebody waits for an import, and perhaps for a report. Upkeep can wait.
    fn priority(self) -> i64 {
        match self {
            Self::Import => 0,
            Self::Report => 1,
            Self::Compact | Self::Publish | Self::Retain | Self::Sweep | Self::Erase => 2,
        }
    }

    /// An erasure waits by being tried again: for running jobs of its project, and for what dead ones have left to be old enough. That takes twelve
    /// hours, and so many attempts take some fifteen.
    fn max_attempts(self) -> i64 {
        match self {
            Self::Erase => 24,
            _ => ATTEMPTS,
        }
    }

    /// Whether it looks at [`Progress::cancel`], to stop where it can take back what it has written. The others are cut off where they are.
    pub(super) fn stops_by_itself(self) -> bool {
        matches!(self, Self::Import | Self::Compact)
    }

    /// Whether trying again may help: what was away may be back, and who committed first may be done.
    pub(super) fn may_pass(self, error: &Error) -> bool {
        matches!(error, Error::Unavailable { .. }) || (self == Self::Compact && matches!(error, Error::Conflict(_)))
    }

    /// A job of this kind, to be queued.
    pub fn job(self, workspace: &str, project_id: Option<&str>, payload: Value, now: i64) -> NewJob {
        NewJob {
            priority: self.priority(),
            max_attempts: self.max_attempts(),
            ..NewJob::new(workspace, project_id, self.name(), payload, now)
        }
    }

    /// Reads what a schedule of this kind is to do, and gives it as the queue keeps it.
    ///
    /// # Errors
    /// `Invalid` for a kind that needs a file or cannot be undone, and for an order that cannot be carried out; the message names the field.
    pub fn scheduled(self, order: Value, actor: &str) -> Result<Value> {
        match self {
            Self::Report => read::<ReportOrder>(order, actor),
            Self::Compact => read::<CompactOrder>(order, actor),
            Self::Publish => read::<PublishOrder>(order, actor),
            Self::Retain => read::<RetainOrder>(order, actor),
            Self::Sweep => read::<SweepOrder>(order, actor),
            Self::Import | Self::Erase => Err(Error::invalid(format!(
                "kind: {} cannot be scheduled; report, compact, publish, retain and sweep can",
                self.name()
            ))),
        }
    }
}

fn read<T: Order>(order: Value, actor: &str) -> Result<Value> {
    let order: T = serde_json::from_value(order).map_err(|error| Error::invalid(format!("payload: {error}")))?;
    order.check()?;
    order.payload(actor)
}

/// What a caller can ask for, by a request or by a schedule.
pub trait Order: Serialize + DeserializeOwned + Send {
    const KIND: Kind;

    /// # Errors
    /// `Invalid` when it could never be carried out; the message names the field.
    fn check(&self) -> Result<()>;

    /// As the queue keeps it.
    ///
    /// # Errors
    /// `Internal` when it cannot be written as JSON.
    fn payload(&self, actor: &str) -> Result<Value> {
        serde_json::to_value(Ordered { actor: actor.to_owned(), order: self }).map_err(Error::internal)
    }
}

/// An order and who gave it.
#[derive(Debug, Serialize, Deserialize)]
struct Ordered<T> {
    actor: String,
    order: T,
}

impl<T: DeserializeOwned> Ordered<T> {
    fn of(job: &Job) -> Result<Self> {
        serde_json::from_value(job.payload.0.clone()).map_err(Error::internal)
    }
}

/// One attempt at a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task<'a> {
    pub app: &'a Arc<App>,
    pub job: &'a Job,
    pub lease: &'a Lease,
    pub progress: &'a Arc<Progress>,
}

impl Task<'_> {
    fn project_id(&self) -> Result<&str> {
        self.job
            .project_id
            .as_deref()
            .ok_or_else(|| Error::Internal(anyhow::anyhow!("job {} ({}) names no project", self.job.id, self.job.kind)))
    }
}

/// How an attempt came out well.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The job has ended in the transaction of its effect.
    Ended,
    /// The job is to be ended with this result.
    Result(Value),
}

impl Outcome {
    fn of(result: &impl Serialize) -> Result<Self> {
        serde_json::to_value(result).map(Self::Result).map_err(Error::internal)
    }
}

/// Does the work of a job. Boxed: the futures of the kinds are deep.
pub(super) fn run<'a>(kind: Kind, task: Task<'a>) -> BoxFuture<'a, Result<Outcome>> {
    match kind {
        Kind::Import => import::run(task).boxed(),
        Kind::Report => report::run(task).boxed(),
        Kind::Compact => compact::run(task).boxed(),
        Kind::Publish => publish::run(task).boxed(),
        Kind::Retain => retain::run(task).boxed(),
        Kind::Sweep => sweep::run(task).boxed(),
        Kind::Erase => erase::run(task).boxed(),
    }
}

pub(super) fn lease_lost() -> Error {
    Error::Conflict("another worker has taken this job over; nothing was committed here".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_is_read_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.name()), Some(kind));
        }
        assert_eq!(Kind::parse("export"), None);
    }

    #[test]
    fn who_is_waited_for_goes_first() {
        let mut kinds = Kind::ALL;
        kinds.sort_by_key(|kind| kind.job("w", None, Value::Null, 0).priority);
        assert_eq!(kinds[..2], [Kind::Import, Kind::Report]);
    }

    #[test]
    fn what_can_be_scheduled_is_checked_when_it_is() {
        let payload = Kind::Retain.scheduled(json!({ "keep": "last=3" }), "cli").unwrap();
        assert_eq!(payload, json!({ "actor": "cli", "order": { "keep": "last=3" } }));
        for (kind, order, said) in [
            (Kind::Retain, json!({ "keep": "last" }), "keep"),
            (Kind::Retain, json!({}), "missing field `keep`"),
            (Kind::Compact, json!({ "buckets": 3 }), "buckets"),
            (Kind::Compact, json!({ "bucket": 4 }), "unknown field `bucket`"),
            (Kind::Sweep, json!({ "older_than": "1h" }), "older_than"),
            (Kind::Publish, json!({ "keep": 0 }), "keep"),
            (Kind::Report, json!({ "kind": "drift" }), "drift"),
            (Kind::Erase, json!({ "item": "7" }), "cannot be scheduled"),
            (Kind::Import, json!({}), "cannot be scheduled"),
        ] {
            let error = kind.scheduled(order, "cli").unwrap_err();
            assert!(matches!(&error, Error::Invalid(text) if text.contains(said)), "{kind:?}: {error}");
        }
    }
}
