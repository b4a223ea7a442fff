//! Listing and deleting, for upkeep alone: what a snapshot consists of is never found this way.

use std::path::Path;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::path::Path as StorePath;

use super::Lake;
use crate::error::{Error, Result};

/// Objects of this name at the root are there for the moment in which [`Lake::clock`] reads the time.
pub const CLOCK_PREFIX: &str = "_clock-";

/// An object as the storage lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Relative to the lake's root.
    pub path: String,
    pub bytes: u64,
    /// By the storage's clock, in microseconds since 1970.
    pub modified: i64,
}

/// What lies directly in a folder.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// Names, without slashes.
    pub folders: Vec<String>,
    pub objects: Vec<Object>,
}

impl Lake {
    /// Every object below a folder, in order of the paths. A folder that is not there is empty.
    pub async fn list(&self, folder: &str) -> Result<Vec<Object>> {
        let prefix = self.path(folder);
        let listed = self.store.list(Some(&prefix)).map_err(|e| self.storage_error(folder, e));
        let mut objects: Vec<Object> = listed.and_then(async |meta| self.object(&meta)).try_collect().await?;
        objects.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(objects)
    }

    /// What lies directly in a folder; the root for "".
    pub async fn list_folder(&self, folder: &str) -> Result<Folder> {
        let prefix = self.path(folder);
        let listed = self.store.list_with_delimiter(Some(&prefix)).await.map_err(|e| self.storage_error(folder, e))?;
        let mut folders: Vec<String> =
            listed.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect();
        folders.sort();
        let mut objects = listed.objects.iter().map(|meta| self.object(meta)).collect::<Result<Vec<_>>>()?;
        objects.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Folder { folders, objects })
    }

    /// Deletes objects, also those that are gone already.
    pub async fn delete(&self, paths: &[String]) -> Result<()> {
        let located: Vec<object_store::Result<StorePath>> = paths.iter().map(|path| Ok(self.path(path))).collect();
        let mut answers = self.store.delete_stream(stream::iter(located).boxed());
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.storage_error(paths.first().map_or("", String::as_str), error)),
            }
        }
        Ok(())
    }

    /// Deletes everything below a folder; returns how many bytes that were.
    pub async fn delete_folder(&self, folder: &str) -> Result<u64> {
        let objects = self.list(folder).await?;
        self.delete(&objects.iter().map(|object| object.path.clone()).collect::<Vec<_>>()).await?;
        Ok(objects.iter().map(|object| object.bytes).sum())
    }

    /// The time by the storage's clock, in microseconds since 1970: that of an object written now. The clock of this machine may be another.
    pub async fn clock(&self) -> Result<i64> {
        let path = format!("{CLOCK_PREFIX}{}", uuid::Uuid::now_v7().simple());
        self.put(&path, Vec::new()).await?;
        let meta = self.store.head(&self.path(&path)).await.map_err(|e| self.storage_error(&path, e));
        self.withdraw(std::slice::from_ref(&path)).await;
        Ok(meta?.last_modified.timestamp_micros())
    }

    /// Files below `folder` that writes into a local folder leave when they are cut off: the store writes to `name#1` before it renames it
    /// to `name`, and hides such names from its lists. A bucket has none. Those in the folder itself only, unless `deep`.
    pub async fn cut_off_writes(&self, folder: &str, deep: bool) -> Result<Vec<Object>> {
        let Some(root) = self.location.folder().map(Path::to_path_buf) else { return Ok(Vec::new()) };
        let start = root.join(folder);
        let shown = start.display().to_string();
        let walked = tokio::task::spawn_blocking(move || {
            let mut found = Vec::new();
            walk(&start, &root, deep, &mut found).map(|()| found)
        });
        let mut found = walked
            .await
            .map_err(Error::internal)?
            .map_err(|e| Error::unavailable(format!("cannot list {shown}: {e}; check its permissions"), e))?;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Deletes what [`Lake::cut_off_writes`] found.
    pub async fn delete_cut_off(&self, paths: &[String]) -> Result<()> {
        let Some(root) = self.location.folder() else { return Ok(()) };
        for path in paths {
            let file = root.join(path);
            match tokio::fs::remove_file(&file).await {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    let text = format!("cannot delete {}: {e}; check its permissions", file.display());
                    return Err(Error::unavailable(text, e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn object(&self, meta: &object_store::ObjectMeta) -> Result<Object> {
        let prefix = self.location.prefix();
        let parts = meta.location.prefix_match(&prefix).ok_or_else(|| {
            Error::internal(anyhow::anyhow!("the storage lists {}, which is not below {prefix}", meta.location))
        })?;
        let path = parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
        Ok(Object { path, bytes: meta.size, modified: meta.last_modified.timestamp_micros() })
    }
}

/// The name under which a cut-off write would have been seen, if `name` is one.
pub fn finished_name(name: &str) -> Option<&str> {
    let (whole, number) = name.rsplit_once('#')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(whole)
}

fn walk(folder: &Path, root: &Path, deep: bool, found: &mut Vec<Object>) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        // Another sweep or an import that takes its files back may have removed it meanwhile.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() {
            if deep {
                walk(&entry.path(), root, deep, found)?;
            }
        } else if let (Some(name), Ok(path)) = (entry.file_name().to_str(), entry.path().strip_prefix(root))
            && finished_name(name).is_some()
        {
            let age = meta.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            let modified = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
            found.push(Object { path: path.display().to_string(), bytes: meta.len(), modified });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_cut_off_writes_end_in_a_number() {
        assert_eq!(finished_name("a.parquet#1"), Some("a.parquet"));
        assert_eq!(finished_name("a#b.parquet#12"), Some("a#b.parquet"));
        for other in ["a.parquet", "a#", "a#1b", "#x"] {
            assert_eq!(finished_name(other), None, "{other}");
        }
    }
}
