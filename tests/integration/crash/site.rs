//! A place for Assay that can be copied while nothing runs on it: a lake with its database.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use assay::app::App;
use assay::error::Result;
use assay::lake::{Lake, Location};
use assay::store::Db;
use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use sqlx::Connection;
use tempfile::TempDir;

use super::fuse::Fuse;
use super::storage::Watched;

const PREFIX: &str = "team/lake";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder and SQLite.
    Folder,
    /// A bucket (in memory) and SQLite.
    Bucket,
    /// A bucket (in memory) and Postgres.
    Postgres,
}

impl Kind {
    /// All that there are on this machine.
    pub fn all() -> Vec<Self> {
        let postgres = server().map(|_| Self::Postgres);
        [Self::Folder, Self::Bucket].into_iter().chain(postgres).collect()
    }
}

/// The address of a Postgres database in which others can be made.
fn server() -> Option<String> {
    std::env::var("ASSAY_TEST_POSTGRES_URL").ok()
}

pub struct Site {
    kind: Kind,
    root: TempDir,
    bucket: Arc<InMemory>,
    /// The name of its database on the server.
    database: String,
}

impl Site {
    pub async fn new(kind: Kind) -> Self {
        let site = Self::empty(kind, InMemory::new());
        if kind == Kind::Postgres {
            on_server(format!("CREATE DATABASE {}", site.database)).await;
        }
        site
    }

    fn empty(kind: Kind, bucket: InMemory) -> Self {
        let database = format!("crash_{}", uuid::Uuid::now_v7().simple());
        Self { kind, root: tempfile::tempdir().unwrap(), bucket: Arc::new(bucket), database }
    }

    pub async fn copy(&self) -> Self {
        let copy = Self::empty(self.kind, self.bucket.fork());
        copy_folder(self.root.path(), copy.root.path());
        if self.kind == Kind::Postgres {
            on_server(format!("CREATE DATABASE {} TEMPLATE {}", copy.database, self.database)).await;
        }
        copy
    }

    /// Takes away what does not vanish with this value.
    pub async fn discard(self) {
        if self.kind == Kind::Postgres {
            on_server(format!("DROP DATABASE {}", self.database)).await;
        }
    }

    pub async fn database(&self) -> Db {
        let url = match self.kind {
            Kind::Folder | Kind::Bucket => format!("sqlite://{}", self.root.path().join("assay.db").display()),
            Kind::Postgres => {
                let mut url = url::Url::parse(&server().unwrap()).unwrap();
                url.set_path(&self.database);
                url.to_string()
            }
        };
        Db::connect(&url).await.unwrap()
    }

    fn lake(&self, fuse: &Arc<Fuse>) -> Lake {
        let folder = self.root.path().join("data");
        let (location, inner, folder) = match self.kind {
            Kind::Folder => {
                let location = Location::Folder(folder.clone());
                let inner = location.open().unwrap();
                (location, inner, Some(folder))
            }
            Kind::Bucket | Kind::Postgres => {
                let location = Location::S3 { bucket: "memory".to_owned(), prefix: PREFIX.to_owned() };
                (location, self.bucket.clone() as Arc<dyn ObjectStore>, None)
            }
        };
        Lake::over(Arc::new(Watched { inner, folder, fuse: fuse.clone() }), location)
    }

    /// Opens an app that dies by `fuse`.
    pub async fn open(&self, db: &Db, fuse: &Arc<Fuse>) -> Result<Arc<App>> {
        let db = db.clone().with_probe(fuse.clone());
        let app = App::with_parts(self.lake(fuse), db, 256, self.root.path().join("temp"))?;
        app.lake.claim(app.db.id()).await?;
        Ok(app)
    }

    /// Every object from the lake's root, with its size; in a folder also what the store does not list.
    pub async fn objects(&self) -> BTreeMap<String, u64> {
        if self.kind == Kind::Folder {
            return files(&self.root.path().join("data"));
        }
        let listed: Vec<_> = self.bucket.list(None).try_collect().await.unwrap();
        let relative = |path: &str| path.strip_prefix(PREFIX).unwrap().trim_start_matches('/').to_owned();
        listed.into_iter().map(|object| (relative(object.location.as_ref()), object.size)).collect()
    }

    /// Uploads that wait for their job.
    pub fn uploads(&self) -> Vec<String> {
        files(&self.root.path().join("temp/uploads")).into_keys().collect()
    }
}

fn files(root: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path().strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(path, entry.metadata().unwrap().len());
            }
        }
    }
    found
}

fn copy_folder(from: &Path, to: &Path) {
    for path in files(from).into_keys() {
        let place = to.join(&path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::copy(from.join(&path), place).unwrap();
    }
}

async fn on_server(statement: String) {
    let mut connection = sqlx::PgConnection::connect(&server().unwrap()).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
