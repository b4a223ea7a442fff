//! What every command and request works with: the database, the lake and the engine, wired once.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::auth::Auth;
use crate::config::Config;
use crate::copies::SnapshotCopy;
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
    pub auth: Auth,
    /// Folder for temporary files.
    pub temp: PathBuf,
    /// Set when the process is asked to end: what would go on for long ends soon.
    pub stop: CancellationToken,
}

impl App {
    /// Opens the lake and its database, and makes sure that the two belong together.
    pub async fn open(config: &Config) -> Result<Arc<Self>> {
        let app = Self::open_unclaimed(config).await?;
        app.lake.claim(app.db.id()).await?;
        Ok(app)
    }

    /// The same for a lake that may belong to another database: only for making it belong to this one.
    pub async fn open_unclaimed(config: &Config) -> Result<Arc<Self>> {
        let location = config.location()?;
        let url = config.database_url(&location)?;
        let temp = config.temp_folder(&location);
        let lake = Lake::open(location)?;
        let db = Db::connect(&url).await?;
        Self::with_parts(lake, db, config.query_memory_mb, temp)
    }

    /// An app of parts that are open already; the lake is not claimed.
    pub fn with_parts(lake: Lake, db: Db, query_memory_mb: u64, temp: PathBuf) -> Result<Arc<Self>> {
        let memory = usize::try_from(query_memory_mb << 20).map_err(Error::internal)?;
        let engine = Engine::new(&lake, memory, &temp)?;
        let (auth, stop) = (Auth::default(), CancellationToken::new());
        Ok(Arc::new(Self { db, lake, engine, reports: ReportCache::new(), auth, temp, stop }))
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

    async fn write_snapshot_copy(&self, project: &Project, snapshot: &Snapshot) -> Result<()> {
        let prefix = ProjectPrefix::new(&project.workspace_id, &project.id);
        let files = match snapshot.retired_at {
            None => self.data_files(&project.id, snapshot.number).await?,
            Some(_) => Vec::new(),
        };
        let copy = SnapshotCopy::of(project, snapshot, files);
        let text = serde_json::to_vec_pretty(&copy).map_err(Error::internal)?;
        self.lake.put(&prefix.snapshot(snapshot.number), text).await
    }
}
