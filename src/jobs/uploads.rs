//! Files of uploads in the temporary folder: partly received ones, and whole ones that wait for their job.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::app::App;
use crate::error::{Error, Result};
use crate::store::Job;

/// Both kinds begin so.
pub const PREFIX: &str = "upload-";
/// Ends the name of an upload that is not received whole.
pub const PARTIAL: &str = ".part";
const WHOLE: &str = ".json";
/// Folders that the query engine spills into begin so.
const SPILL_PREFIX: &str = "datafusion-";

/// Where uploads lie.
pub fn folder(temp: &Path) -> PathBuf {
    temp.join("uploads")
}

/// A file that nobody needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    pub path: PathBuf,
    pub bytes: u64,
}

/// Partly received uploads older than `age`: the server that received them is dead.
pub fn stale_partials(folder: &Path, age: Duration) -> std::io::Result<Vec<Leftover>> {
    files(folder, age, |name| name.starts_with(PREFIX) && name.ends_with(PARTIAL))
}

/// Whole uploads older than `age`, also those that a job waits for.
fn whole(folder: &Path, age: Duration) -> std::io::Result<Vec<Leftover>> {
    files(folder, age, |name| name.starts_with(PREFIX) && name.ends_with(WHOLE))
}

/// Files that queries cut off by the end of their process have spilled. Only in a folder inside the lake: a folder that others share
/// may hold those of other programs.
fn spilled(temp: &Path, age: Duration) -> std::io::Result<Vec<Leftover>> {
    let mut found = Vec::new();
    for entry in entries(temp)? {
        if entry.file_name().to_string_lossy().starts_with(SPILL_PREFIX) && entry.path().is_dir() {
            found.extend(files(&entry.path(), age, |_| true)?);
        }
    }
    Ok(found)
}

/// Everything in the temporary folder that nobody needs and that has not been written to for `age`.
pub async fn leftovers(app: &App, age: Duration) -> Result<Vec<Leftover>> {
    // Listed before the jobs are asked for: an upload gets its name just before its job is made.
    let (temp, uploads) = (app.temp.clone(), folder(&app.temp));
    let own_folder = app.lake.location().folder().is_some_and(|root| temp.starts_with(root));
    let listed = tokio::task::spawn_blocking(move || -> std::io::Result<[Vec<Leftover>; 3]> {
        let spilled = if own_folder { spilled(&temp, age)? } else { Vec::new() };
        Ok([stale_partials(&uploads, age)?, whole(&uploads, age)?, spilled])
    });
    let [partial, mut waiting, spilled] = listed.await.map_err(Error::internal)?.map_err(|e| unusable(&app.temp, e))?;
    let awaited = awaited(&app.db.unended_jobs().await?);
    waiting.retain(|file| file.path.file_name().is_none_or(|name| !awaited.contains(name)));
    Ok([partial, waiting, spilled].concat())
}

/// Names of the files that jobs wait for. Names alone: the temporary folder may be mounted elsewhere in another process.
fn awaited(jobs: &[Job]) -> BTreeSet<std::ffi::OsString> {
    jobs.iter().filter_map(|job| path_of(job)?.file_name().map(ToOwned::to_owned)).collect()
}

/// The staged file that a job was made for, if it was made for one.
pub fn path_of(job: &Job) -> Option<PathBuf> {
    let path = PathBuf::from(job.payload.0.get("path")?.as_str()?);
    path.file_name()?.to_str()?.starts_with(PREFIX).then_some(path)
}

/// Deletes files; those that are gone already do not matter.
pub async fn delete(paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        match tokio::fs::remove_file(path).await {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::unavailable(
                    format!("cannot delete {}: {e}; check its permissions", path.display()),
                    e,
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn unusable(temp: &Path, error: std::io::Error) -> Error {
    Error::unavailable(format!("cannot list {}: {error}; check its permissions", temp.display()), error)
}

fn entries(folder: &Path) -> std::io::Result<Vec<std::fs::DirEntry>> {
    match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.collect(),
    }
}

#[expect(clippy::disallowed_methods, reason = "compared with the times that the file system gives")]
fn files(folder: &Path, age: Duration, is_wanted: impl Fn(&str) -> bool) -> std::io::Result<Vec<Leftover>> {
    let now = SystemTime::now();
    let mut found = Vec::new();
    for entry in entries(folder)? {
        // Another process may have removed it first.
        let Ok(meta) = entry.metadata() else { continue };
        let idle = meta.modified().ok().and_then(|time| now.duration_since(time).ok()).unwrap_or_default();
        if meta.is_file() && idle >= age && is_wanted(&entry.file_name().to_string_lossy()) {
            found.push(Leftover { path: entry.path(), bytes: meta.len() });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "compared with the times that the file system gives")]
    fn only_old_files_of_ours_are_left_over() {
        let temp = tempfile::tempdir().unwrap();
        let age = Duration::from_secs(24 * 3600);
        let spill = temp.path().join("datafusion-abc");
        std::fs::create_dir(&spill).unwrap();
        for (name, is_old) in [
            ("upload-a.part", true),
            ("upload-b.part", false),
            ("other.part", true),
            ("upload-c.json", true),
            ("upload-d.json", false),
            ("datafusion-abc/x", true),
            ("datafusion-abc/y", false),
        ] {
            let file = std::fs::File::create(temp.path().join(name)).unwrap();
            if is_old {
                file.set_modified(SystemTime::now() - age - Duration::from_secs(60)).unwrap();
            }
        }
        let names = |found: Vec<Leftover>| -> Vec<String> {
            found.iter().map(|file| file.path.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(stale_partials(temp.path(), age).unwrap()), ["upload-a.part"]);
        assert_eq!(names(whole(temp.path(), age).unwrap()), ["upload-c.json"]);
        assert_eq!(names(spilled(temp.path(), age).unwrap()), ["x"]);
        assert!(stale_partials(&temp.path().join("missing"), age).unwrap().is_empty());
    }
}
