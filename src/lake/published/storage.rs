//! A project's publication in storage: filling snapshot folders, pointing readers at them, taking them back.
//!
//! Every step can be repeated. What readers follow (list, Delta log, manifest) names a folder only once it is complete, and stops naming
//! it before it is removed.

use std::collections::{BTreeMap, BTreeSet};

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::{ObjectStoreExt, PutMode, PutOptions, PutPayload};
use sha2::{Digest, Sha256};

use super::manifest::{Format, LAYOUT_VERSION, Manifest, PublishedFile};
use super::place::{Place, list_name, snapshot_folder};
use crate::error::{Error, Result};
use crate::lake::{DataFile, Lake, Table, encode, hex, parquet, read_rows};

/// Requests under way at once: copies are answered by storage alone.
const PARALLEL: usize = 8;
const SUCCESS: &str = "_SUCCESS";

/// A file to be published. Equal names mean equal content, whoever writes it and when.
#[derive(Debug, Clone)]
pub enum Part {
    /// A file of the snapshot that has today's schema: copied within storage; in a folder a hard link, which costs no space.
    Stored(DataFile),
    /// A file of the snapshot with the schema of an older version: written anew.
    Older(DataFile),
    /// Rows that are no file of the snapshot.
    Made { bytes: bytes::Bytes, rows: u64 },
}

impl Part {
    fn name(&self) -> String {
        match self {
            Self::Stored(file) => format!("part-{:05}-{}.parquet", file.bucket, file.id),
            Self::Older(file) => {
                format!("part-{:05}-{}-v{}.parquet", file.bucket, file.id, assay_formats::schema::VERSION)
            }
            Self::Made { bytes, .. } => format!("part-00000-{}.parquet", &checksum(bytes)[..32]),
        }
    }

    /// Size and checksum, where they are known before the file is written.
    fn known(&self) -> Option<(u64, String)> {
        match self {
            Self::Stored(file) => Some((file.bytes, file.checksum.clone())),
            Self::Older(_) => None,
            Self::Made { bytes, .. } => Some((bytes.len() as u64, checksum(bytes))),
        }
    }

    fn rows(&self) -> u64 {
        match self {
            Self::Stored(file) | Self::Older(file) => file.rows,
            Self::Made { rows, .. } => *rows,
        }
    }
}

fn checksum(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The files of a complete snapshot folder, and the schema that they were written with unless it is the one of the parts.
#[derive(Debug)]
pub struct Filled {
    pub files: Vec<PublishedFile>,
    pub schema: Option<arrow::datatypes::SchemaRef>,
}

/// The publication of one project.
#[derive(Debug, Clone)]
pub struct Publication {
    pub(super) lake: Lake,
    pub(super) place: Place,
}

impl Publication {
    pub fn new(lake: &Lake, place: Place) -> Self {
        Self { lake: lake.clone(), place }
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What is published now; none before the first time.
    pub async fn manifest(&self) -> Result<Option<Manifest>> {
        let path = self.place.manifest();
        let Some(bytes) = self.read(&path).await? else { return Ok(None) };
        match serde_json::from_slice::<Manifest>(&bytes) {
            Ok(manifest) if manifest.layout_version <= LAYOUT_VERSION => Ok(Some(manifest)),
            Ok(manifest) => Err(Error::Conflict(format!(
                "{}/{path} has layout version {}, this build knows {LAYOUT_VERSION}: use a newer assay",
                self.lake.location(),
                manifest.layout_version
            ))),
            Err(e) => Err(Error::invalid(format!(
                "{}/{path} is not readable ({e}); delete the file and publish again",
                self.lake.location()
            ))),
        }
    }

    /// Makes the folder of a table's snapshot complete. A complete one is never touched again.
    pub async fn fill(&self, table: &str, snapshot: i64, parts: &[Part]) -> Result<Filled> {
        let folder = self.place.snapshot(table, snapshot);
        let there = self.files_in(&folder).await?;
        if there.contains_key(SUCCESS) {
            return self.complete(table, snapshot, parts, &there).await;
        }
        let wanted: BTreeSet<String> = parts.iter().map(Part::name).collect();
        for name in there.keys().filter(|name| !wanted.contains(*name)) {
            self.delete(&format!("{folder}/{name}")).await?;
        }
        let writes: Vec<_> = parts.iter().map(|part| self.write_part(table, snapshot, part, &there).boxed()).collect();
        let written = stream::iter(writes).buffered(PARALLEL).try_collect().await?;
        // In a folder this also makes the names of all links durable: they lie in one directory.
        self.lake.put(&format!("{folder}/{SUCCESS}"), Vec::new()).await?;
        Ok(Filled { files: written, schema: None })
    }

    async fn write_part(
        &self,
        table: &str,
        snapshot: i64,
        part: &Part,
        there: &BTreeMap<String, u64>,
    ) -> Result<PublishedFile> {
        let name = part.name();
        let relative = format!("{}/{name}", snapshot_folder(table, snapshot));
        let path = format!("{}/{relative}", self.place.folder());
        let described = |(bytes, sha256)| PublishedFile { path: relative.clone(), rows: part.rows(), bytes, sha256 };
        if let Some(known) = part.known()
            && there.get(&name) == Some(&known.0)
        {
            return Ok(described(known));
        }
        match part {
            Part::Stored(file) => {
                let (from, to) = (self.lake.path(&file.path), self.lake.path(&path));
                self.lake.store.copy(&from, &to).await.map_err(|e| self.lake.storage_error(&file.path, e))?;
                Ok(described((file.bytes, file.checksum.clone())))
            }
            Part::Older(file) => {
                let bytes = self.todays(file).await?;
                let known = (bytes.len() as u64, checksum(&bytes));
                self.lake.put(&path, bytes).await?;
                Ok(described(known))
            }
            Part::Made { bytes, .. } => {
                self.lake.put(&path, bytes.to_vec()).await?;
                Ok(described((bytes.len() as u64, checksum(bytes))))
            }
        }
    }

    async fn todays(&self, file: &DataFile) -> Result<Vec<u8>> {
        let (table, bytes) = (file.table, self.lake.get_data(file).await?);
        let work = tokio::task::spawn_blocking(move || encode(table, &read_rows(table, bytes)?));
        Ok(work.await.map_err(Error::internal)??.bytes)
    }

    /// The files of a folder that is complete: those that would be written now, or whatever an earlier version has written.
    async fn complete(
        &self,
        table: &str,
        snapshot: i64,
        parts: &[Part],
        there: &BTreeMap<String, u64>,
    ) -> Result<Filled> {
        let names: Vec<&String> = there.keys().filter(|name| name.ends_with(".parquet")).collect();
        let expected: Option<Vec<PublishedFile>> = parts
            .iter()
            .map(|part| {
                let (name, (bytes, sha256)) = (part.name(), part.known()?);
                let path = format!("{}/{name}", snapshot_folder(table, snapshot));
                (there.get(&name) == Some(&bytes)).then(|| PublishedFile { path, rows: part.rows(), bytes, sha256 })
            })
            .collect();
        if let Some(files) = expected.filter(|files| files.len() == names.len()) {
            return Ok(Filled { files, schema: None });
        }
        let mut filled = Filled { files: Vec::new(), schema: None };
        for name in names {
            let path = format!("{}/{name}", snapshot_folder(table, snapshot));
            let bytes = self.lake.get(&format!("{}/{path}", self.place.folder())).await?;
            let (rows, schema) = parquet::describe(&bytes)?;
            let (size, sha256) = (bytes.len() as u64, checksum(&bytes));
            filled.files.push(PublishedFile { path, rows, bytes: size, sha256 });
            filled.schema.get_or_insert(schema);
        }
        Ok(filled)
    }

    /// Points the list of a table at these files.
    pub async fn point(&self, table: &str, url: &str, files: &[PublishedFile]) -> Result<()> {
        let text: String = files.iter().map(|file| format!("{url}/{}\n", file.path)).collect();
        self.put_changed(&self.place.list(table), text.into_bytes()).await.map(drop)
    }

    /// The swap: from now on readers find this. False when they did before.
    pub async fn swap(&self, manifest: &Manifest) -> Result<bool> {
        let mut text = serde_json::to_vec_pretty(manifest).map_err(Error::internal)?;
        text.push(b'\n');
        self.put_changed(&self.place.manifest(), text).await
    }

    /// After the swap: readers stop finding tables that are no longer published, then goes what `manifest` does not keep.
    pub async fn clean_up(&self, manifest: &Manifest, now: i64) -> Result<()> {
        let published: BTreeSet<&str> = manifest.tables.iter().map(|table| table.name.as_str()).collect();
        let lists: BTreeSet<String> = published.iter().map(|table| list_name(table)).collect();
        for list in self.lists().await?.iter().filter(|list| !lists.contains(*list)) {
            self.delete(&format!("{}/{list}", self.place.folder())).await?;
        }
        for table in self.folders(self.place.folder()).await? {
            if !manifest.has(Format::Delta) || !published.contains(table.as_str()) {
                self.empty_delta(&table, now).await?;
            }
            for (folder, snapshot) in self.snapshot_folders(&table).await? {
                if !manifest.kept.contains(&snapshot) {
                    self.clear(&folder).await?;
                }
            }
        }
        Ok(())
    }

    /// Removes every published byte of these snapshots, and first whatever points readers at them: the manifest and the lists if they name
    /// one of them, and the Delta tables, which become empty. Publish another snapshot before, and readers notice nothing.
    pub async fn unpublish(&self, snapshots: &[i64], now: i64) -> Result<()> {
        if let Some(mut manifest) = self.manifest().await? {
            if snapshots.contains(&manifest.snapshot) {
                self.delete(&self.place.manifest()).await?;
            } else {
                manifest.kept.retain(|kept| !snapshots.contains(kept));
                self.swap(&manifest).await?;
            }
        }
        if self.manifest().await?.is_none() {
            for list in self.lists().await? {
                self.delete(&format!("{}/{list}", self.place.folder())).await?;
            }
        }
        for table in self.folders(self.place.folder()).await? {
            self.empty_delta_of(&table, snapshots, now).await?;
            for (folder, snapshot) in self.snapshot_folders(&table).await? {
                if snapshots.contains(&snapshot) {
                    self.clear(&folder).await?;
                }
            }
        }
        Ok(())
    }

    /// Folders of a table's snapshots, from the lake's root.
    async fn snapshot_folders(&self, table: &str) -> Result<Vec<(String, i64)>> {
        let folder = self.place.table(table);
        let names = self.folders(&folder).await?;
        let number = |name: &String| name.strip_prefix("snapshot=").and_then(|digits| digits.parse().ok());
        Ok(names.iter().filter_map(|name| Some((format!("{folder}/{name}"), number(name)?))).collect())
    }

    /// Removes a snapshot's folder. What says that it is complete goes first.
    async fn clear(&self, folder: &str) -> Result<()> {
        let there = self.files_in(folder).await?;
        if there.contains_key(SUCCESS) {
            self.delete(&format!("{folder}/{SUCCESS}")).await?;
        }
        for name in there.keys().filter(|name| *name != SUCCESS) {
            self.delete(&format!("{folder}/{name}")).await?;
        }
        let Some(root) = self.lake.location().folder() else { return Ok(()) };
        // A crash in the middle of a copy leaves a link under a temporary name, which the store does not list.
        let left = root.join(folder);
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(left)).await;
        match removed.map_err(Error::internal)? {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::unavailable(format!("cannot remove {}/{folder}: {e}", self.lake.location()), e))
            }
            _ => Ok(()),
        }
    }

    async fn lists(&self) -> Result<Vec<String>> {
        let there = self.files_in(self.place.folder()).await?;
        Ok(there.into_keys().filter(|name| name.ends_with(&list_name(""))).collect())
    }

    /// Names and sizes of the files right in a folder.
    pub(super) async fn files_in(&self, folder: &str) -> Result<BTreeMap<String, u64>> {
        let found = self.lake.store.list_with_delimiter(Some(&self.lake.path(folder))).await;
        let found = found.map_err(|e| self.lake.storage_error(folder, e))?;
        let named =
            found.objects.iter().filter_map(|object| Some((object.location.filename()?.to_owned(), object.size)));
        Ok(named.collect())
    }

    /// Names of the folders right in a folder.
    async fn folders(&self, folder: &str) -> Result<Vec<String>> {
        let found = self.lake.store.list_with_delimiter(Some(&self.lake.path(folder))).await;
        let found = found.map_err(|e| self.lake.storage_error(folder, e))?;
        Ok(found.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect())
    }

    pub(super) async fn read(&self, path: &str) -> Result<Option<bytes::Bytes>> {
        let found = async { self.lake.store.get(&self.lake.path(path)).await?.bytes().await };
        match found.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.lake.storage_error(path, e)),
        }
    }

    /// Writes unless it says so already.
    async fn put_changed(&self, path: &str, bytes: Vec<u8>) -> Result<bool> {
        if self.read(path).await?.is_some_and(|there| *there == *bytes) {
            return Ok(false);
        }
        self.lake.put(path, bytes).await?;
        Ok(true)
    }

    /// Writes a new object; false when there is one.
    pub(super) async fn put_new(&self, path: &str, bytes: Vec<u8>) -> Result<bool> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let payload = PutPayload::from(bytes);
        match object_store::ObjectStore::put_opts(&*self.lake.store, &self.lake.path(path), payload, options).await {
            Ok(_) => self.lake.make_durable(path).await.map(|()| true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(e) => Err(self.lake.storage_error(path, e)),
        }
    }

    pub(super) async fn delete(&self, path: &str) -> Result<()> {
        match self.lake.store.delete(&self.lake.path(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.lake.storage_error(path, e)),
        }
    }
}

/// An empty file of a table, so that readers find its columns where it has no rows.
pub fn empty_part(table: Table) -> Result<Part> {
    let encoded = encode(table, &arrow::array::RecordBatch::new_empty(table.schema()))?;
    Ok(Part::Made { bytes: encoded.bytes.into(), rows: 0 })
}
