//! What every command and request works with: the database, the lake and the engine, wired once.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Config;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::lake::{DataFile, Lake, ProjectPrefix};
use crate::reports::ReportCache;
use crate::store::{Db, Project, Snapshot};

#[derive(Debug)]
pub struct App {
    pub db: Db,
    pub lake: Lake,
    pub engine: Engine,
    pub reports: ReportCache,
    /// Folder for temporary files.
    pub temp: PathBuf,
}

impl App {
    /// Opens the lake and its database, and makes sure that the two belong together.
    pub async fn open(config: &Config) -> Result<Arc<Self>> {
        let location = config.location()?;
        let url = config.database_url(&location)?;
        let temp = config.temp_folder(&location);
        let lake = Lake::open(location)?;
        let db = Db::connect(&url).await?;
        lake.claim(db.id()).await?;
        let memory = usize::try_from(config.query_memory_mb << 20).map_err(Error::internal)?;
        let engine = Engine::new(&lake, memory, &temp)?;
        Ok(Arc::new(Self { db, lake, engine, reports: ReportCache::new(), temp }))
    }

    /// The exact files of a snapshot.
    pub async fn data_files(&self, project_id: &str, number: i64) -> Result<Vec<DataFile>> {
        self.db.snapshot_files(project_id, number).await?.into_iter().map(DataFile::try_from).collect()
    }

    /// Repeats in the lake the catalog's rows of snapshots that it does not have yet, so that the catalog can be rebuilt from the lake
    /// alone: those just committed or retired, and those that a crash has left without a copy.
    pub async fn copy_snapshots(&self, project: &Project) -> Result<()> {
        for snapshot in self.db.uncopied_snapshots(&project.id).await? {
            self.write_snapshot_copy(project, &snapshot).await?;
            self.db.mark_copied(&snapshot).await?;
        }
        Ok(())
    }

    /// A retired snapshot leaves its number and the reason: nothing of what it held.
    async fn write_snapshot_copy(&self, project: &Project, snapshot: &Snapshot) -> Result<()> {
        let prefix = ProjectPrefix::new(&project.workspace_id, &project.id);
        let mut copy = serde_json::json!({
            "workspace": project.workspace_id,
            "project": { "id": project.id, "name": project.name, "created_at": project.created_at },
            "number": snapshot.number,
            "parent": snapshot.parent,
            "created_at": snapshot.created_at,
            "retired_at": snapshot.retired_at,
            "retired_by": snapshot.retired_by,
        });
        if snapshot.retired_at.is_none() {
            copy["buckets"] = snapshot.buckets.into();
            copy["schema_version"] = snapshot.schema_version.into();
            copy["actor"] = snapshot.actor.clone().into();
            copy["operation"] = snapshot.operation.as_str().into();
            copy["config"] = snapshot.config.clone().into();
            copy["sources"] = snapshot.sources.0.clone();
            copy["counts"] = serde_json::to_value(snapshot.counts).map_err(Error::internal)?;
            copy["changes"] = serde_json::to_value(snapshot.changes).map_err(Error::internal)?;
            let files = self.data_files(&project.id, snapshot.number).await?;
            copy["files"] = serde_json::to_value(files).map_err(Error::internal)?;
        }
        let text = serde_json::to_vec_pretty(&copy).map_err(Error::internal)?;
        self.lake.put(&prefix.snapshot(snapshot.number), text).await
    }
}
