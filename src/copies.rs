//! What storage repeats of the catalog, one object for each snapshot: the catalog can be rebuilt from these alone.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lake::DataFile;
use crate::store::{Changes, Counts, Operation, Project, Snapshot};

/// `_snapshots/N.json`. A retired snapshot leaves its number and the reason: nothing of what it held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotCopy {
    pub workspace: String,
    pub project: ProjectCopy,
    pub number: i64,
    pub parent: i64,
    pub created_at: i64,
    pub retired_at: Option<i64>,
    pub retired_by: Option<String>,
    /// None when it is retired.
    #[serde(flatten)]
    pub held: Option<Held>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectCopy {
    pub id: String,
    pub name: String,
    pub created_at: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    pub buckets: i64,
    pub schema_version: i64,
    pub actor: String,
    pub operation: Operation,
    pub config: Option<String>,
    pub sources: Value,
    pub counts: Counts,
    pub changes: Changes,
    pub files: Vec<DataFile>,
}

impl SnapshotCopy {
    pub fn of(project: &Project, snapshot: &Snapshot, files: Vec<DataFile>) -> Self {
        let held = Held {
            buckets: snapshot.buckets,
            schema_version: snapshot.schema_version,
            actor: snapshot.actor.clone(),
            operation: snapshot.operation,
            config: snapshot.config.clone(),
            sources: snapshot.sources.0.clone(),
            counts: snapshot.counts,
            changes: snapshot.changes,
            files,
        };
        Self {
            workspace: project.workspace_id.clone(),
            project: ProjectCopy { id: project.id.clone(), name: project.name.clone(), created_at: project.created_at },
            number: snapshot.number,
            parent: snapshot.parent,
            created_at: snapshot.created_at,
            retired_at: snapshot.retired_at,
            retired_by: snapshot.retired_by.clone(),
            held: snapshot.retired_at.is_none().then_some(held),
        }
    }
}
