//! The lake: immutable Parquet files in a folder or bucket. Which files make a snapshot is known to the metadata
//! database alone; nothing here lists a directory to find data.

mod bucket;
mod erase;
mod fault;
mod full;
mod listing;
mod location;
mod merge;
mod parquet;
mod published;
mod rebucket;
mod scrub;
mod stage;

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

pub use bucket::{BYTES_PER_BUCKET, MAX_BUCKETS, bucket_of, buckets_for, grown_buckets};
pub use erase::{Erased, erase_rows};
pub use listing::{CLOCK_PREFIX, Folder, Object, finished_name};
pub use location::Location;
pub use merge::{Aliases, BucketRows, Counts, MergeOutcome, MergeRules, Merged, merge_bucket};
pub use parquet::{ReportWriter, encode, encode_report, read_bucket, read_leaves, read_rows, report_writer};
pub use published::{
    Column, ColumnType, Format, Kind, LAYOUT_VERSION, Manifest, PUBLISHED, Part, Place, ProjectRef, Publication,
    PublishedFile, PublishedTable, columns, empty_part, table_comment,
};
pub use rebucket::{buckets_over, join_rows, rows_of_bucket, split_rows};
pub use scrub::{ERASED, Item, Person, Scrubber, Subject};
pub use stage::{Spill, Staged, Stager};

/// The tables of a project. `items`, `annotations` and `results` are split into buckets; the others are one file each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    Items,
    Annotations,
    Results,
    Raters,
    Rejects,
}

impl Table {
    pub const ALL: [Self; 5] = [Self::Items, Self::Annotations, Self::Results, Self::Raters, Self::Rejects];
    pub const BUCKETED: [Self; 3] = [Self::Items, Self::Annotations, Self::Results];

    pub fn name(self) -> &'static str {
        match self {
            Self::Items => "items",
            Self::Annotations => "annotations",
            Self::Results => "results",
            Self::Raters => "raters",
            Self::Rejects => "rejects",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    pub fn schema(self) -> arrow::datatypes::SchemaRef {
        match self {
            Self::Items => assay_formats::schema::items(),
            Self::Annotations => assay_formats::schema::annotations(),
            Self::Results => assay_formats::schema::results(),
            Self::Raters => assay_formats::schema::raters(),
            Self::Rejects => assay_formats::schema::rejects(),
        }
    }
}

/// One immutable Parquet file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    pub id: String,
    pub table: Table,
    pub bucket: u32,
    /// Relative to the lake's root.
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    /// Smallest and largest `item_id`, for the tables that have one.
    pub min_item: Option<String>,
    pub max_item: Option<String>,
    /// SHA-256 of the file, hex.
    pub checksum: String,
}

impl TryFrom<crate::store::DataFile> for DataFile {
    type Error = Error;

    fn try_from(row: crate::store::DataFile) -> Result<Self> {
        let table = Table::parse(&row.tbl).ok_or_else(|| {
            Error::internal(anyhow::anyhow!("the catalog names an unknown table {:?} for {}", row.tbl, row.path))
        })?;
        Ok(Self {
            id: row.id,
            table,
            bucket: u32::try_from(row.bucket).map_err(Error::internal)?,
            path: row.path,
            rows: u64::try_from(row.rows).map_err(Error::internal)?,
            bytes: u64::try_from(row.bytes).map_err(Error::internal)?,
            min_item: row.min_item,
            max_item: row.max_item,
            checksum: row.checksum,
        })
    }
}

impl From<&DataFile> for crate::store::NewFile {
    fn from(file: &DataFile) -> Self {
        Self {
            id: file.id.clone(),
            tbl: file.table.name().to_owned(),
            bucket: i64::from(file.bucket),
            path: file.path.clone(),
            rows: file.rows as i64,
            bytes: file.bytes as i64,
            min_item: file.min_item.clone(),
            max_item: file.max_item.clone(),
            checksum: file.checksum.clone(),
        }
    }
}

/// The folder of one project: `<workspace>/<project>`, ids only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectPrefix(String);

impl ProjectPrefix {
    pub fn new(workspace: &str, project: &str) -> Self {
        Self(format!("{workspace}/{project}"))
    }

    fn data_file(&self, table: Table, bucket: u32, id: &str) -> String {
        format!("{}/{}/bucket={bucket:04}/{id}.parquet", self.0, table.name())
    }

    pub fn snapshot(&self, number: i64) -> String {
        format!("{}/_snapshots/{number}.json", self.0)
    }

    /// The folder itself, relative to the lake's root.
    pub fn folder(&self) -> &str {
        &self.0
    }

    /// Folder of all reports of one snapshot.
    pub fn reports(&self, snapshot: i64) -> String {
        format!("{}/_reports/{snapshot}", self.0)
    }

    /// Folder of one report: its Parquet tables.
    pub fn report(&self, snapshot: i64, kind: &str, key: &str) -> String {
        format!("{}/_reports/{snapshot}/{kind}-{key}", self.0)
    }
}

/// What an object below a project's folder is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind<'a> {
    Data,
    /// The copy of a snapshot's row.
    Snapshot(i64),
    /// A file of a report: its snapshot, and the report's folder relative to the lake's root.
    Report(i64, &'a str),
}

impl ProjectPrefix {
    /// What lies at `path` (relative to the lake's root); none for what Assay does not name so.
    pub fn place<'a>(&self, path: &'a str) -> Option<ObjectKind<'a>> {
        let inner = path.strip_prefix(&self.0)?.strip_prefix('/')?;
        let parts: Vec<&str> = inner.split('/').collect();
        match parts.as_slice() {
            ["_snapshots", name] => name.strip_suffix(".json")?.parse().ok().map(ObjectKind::Snapshot),
            ["_reports", snapshot, _, name] if name.ends_with(".parquet") => {
                let folder = path.rsplit_once('/')?.0;
                snapshot.parse().ok().map(|snapshot| ObjectKind::Report(snapshot, folder))
            }
            [table, bucket, name] if name.ends_with(".parquet") => {
                Table::parse(table)?;
                bucket.strip_prefix("bucket=")?.parse::<u32>().ok().map(|_| ObjectKind::Data)
            }
            _ => None,
        }
    }
}

/// Marks a lake as belonging to one metadata database.
#[derive(Debug, Serialize, Deserialize)]
struct RootMark {
    database: String,
    schema_version: u32,
}

/// Says at the root whose lake it is.
pub const ROOT_MARK: &str = "_assay.json";
/// How long a failed act waits for one of its files to be deleted.
const WITHDRAWAL: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub struct Lake {
    store: Arc<dyn ObjectStore>,
    location: Location,
}

impl Lake {
    pub fn open(location: Location) -> Result<Self> {
        Ok(Self::over(location.open()?, location))
    }

    /// The lake at `location` through a store that is open already.
    pub fn over(store: Arc<dyn ObjectStore>, location: Location) -> Self {
        Self { store, location }
    }

    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// The object that a path relative to the lake's root names.
    pub fn path(&self, relative: &str) -> StorePath {
        self.location.prefix().parts().chain(StorePath::from(relative).parts()).collect()
    }

    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Ties the lake to `database`, or refuses when another database owns it. Read first: that may be repeated, and needs no right to
    /// write where the lake is only read.
    pub async fn claim(&self, database: &str) -> Result<()> {
        if let Some(mark) = self.mark().await? {
            return self.check_owner(&mark, database);
        }
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let text = PutPayload::from(mark_of(database)?);
        let Err(error) = self.store.put_opts(&self.path(ROOT_MARK), text, options).await else { return Ok(()) };
        // Somebody else was first, or the answer to our own request was lost.
        match self.mark().await {
            Ok(Some(mark)) => self.check_owner(&mark, database),
            _ => Err(self.storage_error(ROOT_MARK, error)),
        }
    }

    /// The database that the lake belongs to; none when it has no mark.
    ///
    /// # Errors
    /// `Conflict` when a newer Assay has written it.
    pub async fn owner(&self) -> Result<Option<String>> {
        Ok(self.mark().await?.map(|mark| mark.database))
    }

    /// Makes the lake belong to `database`, whatever it belonged to.
    pub async fn take_over(&self, database: &str) -> Result<()> {
        self.put(ROOT_MARK, mark_of(database)?).await
    }

    async fn mark(&self) -> Result<Option<RootMark>> {
        let read = async { self.store.get(&self.path(ROOT_MARK)).await?.bytes().await };
        let bytes = match read.await {
            Ok(bytes) => bytes,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.storage_error(ROOT_MARK, error)),
        };
        let mark: RootMark = serde_json::from_slice(&bytes).map_err(|e| {
            Error::invalid(format!("{}/{ROOT_MARK} is not readable ({e}); restore it from a backup", self.location))
        })?;
        if mark.schema_version > assay_formats::schema::VERSION {
            return Err(Error::Conflict(format!(
                "the lake {} has schema version {}, this build knows {}: use a newer assay",
                self.location,
                mark.schema_version,
                assay_formats::schema::VERSION
            )));
        }
        Ok(Some(mark))
    }

    fn check_owner(&self, mark: &RootMark, database: &str) -> Result<()> {
        if mark.database == database {
            return Ok(());
        }
        Err(Error::Conflict(format!(
            "the lake {} belongs to the metadata database {}, this one is {database}: \
             point --db at the database that made it, or --data at an empty place; if that database is lost, \
             `assay catalog rebuild` makes a new one (docs/UPKEEP.md)",
            self.location, mark.database
        )))
    }

    /// Writes a data file and returns its catalog entry. It is in no snapshot until one is committed with it.
    pub async fn put_data(
        &self,
        prefix: &ProjectPrefix,
        table: Table,
        bucket: u32,
        encoded: Encoded,
    ) -> Result<DataFile> {
        let id = uuid::Uuid::now_v7().simple().to_string();
        let path = prefix.data_file(table, bucket, &id);
        let checksum = hex(&Sha256::digest(&encoded.bytes));
        let bytes = encoded.bytes.len() as u64;
        self.put(&path, encoded.bytes).await?;
        let Encoded { rows, min_item, max_item, .. } = encoded;
        Ok(DataFile { id, table, bucket, path, rows, bytes, min_item, max_item, checksum })
    }

    /// Reads a data file whole and checks it against its catalog entry.
    pub async fn get_data(&self, file: &DataFile) -> Result<bytes::Bytes> {
        let bytes = self.get(&file.path).await?;
        if hex(&Sha256::digest(&bytes)) != file.checksum {
            return Err(Error::internal(anyhow::anyhow!(
                "{}/{} is damaged: its SHA-256 differs from the catalog's; restore the file from a backup",
                self.location,
                file.path
            )));
        }
        Ok(bytes)
    }

    pub async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<()> {
        self.store.put(&self.path(path), PutPayload::from(bytes)).await.map_err(|e| self.storage_error(path, e))?;
        self.make_durable(path).await
    }

    pub async fn get(&self, path: &str) -> Result<bytes::Bytes> {
        let answer = self.store.get(&self.path(path)).await.map_err(|e| self.storage_error(path, e))?;
        answer.bytes().await.map_err(|e| self.storage_error(path, e))
    }

    /// Takes back files that no snapshot names. What cannot be deleted now is an orphan that changes nothing. Stops at the first that is
    /// not gone soon: where storage does not answer the caller has waited long enough, and would wait again for each of the others.
    pub async fn withdraw(&self, paths: &[String]) {
        for (done, path) in paths.iter().enumerate() {
            let place = self.path(path);
            let fault = match tokio::time::timeout(WITHDRAWAL, self.store.delete(&place)).await {
                Ok(Ok(()) | Err(object_store::Error::NotFound { .. })) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(late) => late.to_string(),
            };
            let left = paths.len() - done;
            tracing::warn!(%path, left, %fault, "files that no snapshot names could not be deleted");
            return;
        }
    }

    pub async fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.size(path).await?.is_some())
    }

    /// The size of an object; none where there is none.
    pub async fn size(&self, path: &str) -> Result<Option<u64>> {
        match self.store.head(&self.path(path)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.storage_error(path, e)),
        }
    }

    /// A bucket answers once an object is durable; a folder needs the file and its directory synced before a commit names it.
    async fn make_durable(&self, path: &str) -> Result<()> {
        let Some(folder) = self.location.folder() else { return Ok(()) };
        let file = folder.join(path);
        let synced = tokio::task::spawn_blocking(move || {
            std::fs::File::open(&file)?.sync_all()?;
            match file.parent() {
                Some(parent) => std::fs::File::open(parent)?.sync_all(),
                None => Ok(()),
            }
        });
        synced
            .await
            .map_err(Error::internal)?
            .map_err(|e| Error::unavailable(format!("cannot sync {}/{path} to disk: {e}", self.location), e))
    }

    fn storage_error(&self, path: &str, error: object_store::Error) -> Error {
        Error::unavailable(format!("storage {}/{path}: {}", self.location, fault::explain(&error)), error)
    }
}

fn mark_of(database: &str) -> Result<Vec<u8>> {
    let mark = RootMark { database: database.to_owned(), schema_version: assay_formats::schema::VERSION };
    serde_json::to_vec_pretty(&mark).map_err(Error::internal)
}

/// A Parquet file in memory, before it has a place.
#[derive(Debug)]
pub struct Encoded {
    pub bytes: Vec<u8>,
    pub rows: u64,
    pub min_item: Option<String>,
    pub max_item: Option<String>,
}

/// Lower-case hexadecimal digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
