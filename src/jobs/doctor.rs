//! Whether everything that Assay needs is there and behaves as it must, and what to do where it does not.
//!
//! Nothing is changed but one object of a few bytes that is written, read and deleted below `_doctor/`.

use std::path::Path;
use std::time::{Duration, Instant};

use object_store::{Error as StoreError, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use serde::Serialize;

use super::grace::MAX_SKEW;
use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::lake::{DataFile, Lake, Location};
use crate::store::{Db, JobState, Project, new_id, now_micros};

/// Slower than this on average, requests to the storage or the database are worth a word.
const SLOW: Duration = Duration::from_millis(250);
/// Large imports spill about as much as they read into the temporary folder.
const LITTLE_ROOM: u64 = 10 << 30;
/// Jobs that nobody has taken for so long say that no worker runs.
const UNCLAIMED: Duration = Duration::from_secs(10 * 60);
const PAGE: i64 = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ok,
    /// It works, but somebody should know.
    Warning,
    /// Assay cannot work as it should.
    Failed,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// What was looked at and how it is.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    pub state: State,
    /// `storage`, `database`, `ownership`, `temporary_folder`, `clock`, `snapshots`, `jobs` or `access`.
    pub part: &'static str,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Diagnosis {
    pub version: &'static str,
    /// The worst of the findings.
    pub state: State,
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    fn of(findings: Vec<Finding>) -> Self {
        let state = findings.iter().map(|finding| finding.state).max().unwrap_or(State::Ok);
        Self { version: env!("CARGO_PKG_VERSION"), state, findings }
    }
}

fn ok(part: &'static str, detail: impl Into<String>) -> Finding {
    Finding { state: State::Ok, part, detail: detail.into(), remedy: None }
}

fn bad(state: State, part: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { state, part, detail: detail.into(), remedy: Some(remedy.into()) }
}

/// An error as a finding: its text says what to do. Whoever runs this sees the whole of it.
fn fault(part: &'static str, error: &Error) -> Finding {
    Finding { state: State::Failed, part, detail: error.to_string(), remedy: None }
}

/// Looks at everything, also where something fails. `deep` reads every data file and compares its checksum.
pub async fn examine(config: &Config, deep: bool) -> Diagnosis {
    let mut findings = Vec::new();
    let location = match config.location() {
        Ok(location) => location,
        Err(error) => return Diagnosis::of(vec![fault("storage", &error)]),
    };
    findings.push(temporary_folder(&config.temp_folder(&location)));
    let lake = storage(&location, &mut findings).await;
    let db = database(config, &location, &mut findings).await;
    if let (Some(lake), Some(db)) = (lake, db) {
        let owned = ownership(&lake, &db).await;
        let is_owned = owned.state == State::Ok;
        findings.push(owned);
        findings.push(access(&db).await.unwrap_or_else(|error| fault("access", &error)));
        findings.push(jobs(&db).await.unwrap_or_else(|error| fault("jobs", &error)));
        if is_owned {
            let temp = config.temp_folder(&location);
            let found = snapshots(lake, db.clone(), config.query_memory_mb, &temp, deep).await;
            findings.extend(found.unwrap_or_else(|error| vec![fault("snapshots", &error)]));
        }
        db.close().await;
    }
    Diagnosis::of(findings)
}

fn temporary_folder(folder: &Path) -> Finding {
    const PART: &str = "temporary_folder";
    let shown = folder.display();
    let remedy = "make it writable, or name another folder with --temp";
    // The folder itself may not be there before the first import.
    let place = folder.ancestors().find(|place| place.exists()).unwrap_or(folder);
    if let Err(error) = tempfile::tempfile_in(place) {
        return bad(State::Failed, PART, format!("{}: {error}", place.display()), remedy);
    }
    match rustix::fs::statvfs(place) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let detail = format!("{shown}: {} GB free", free / 1_000_000_000);
            if free >= LITTLE_ROOM {
                return ok(PART, detail);
            }
            let remedy = "imports spill about as much as they read: make room, or name another folder with --temp";
            bad(State::Warning, PART, detail, remedy)
        }
        Err(error) => bad(State::Warning, PART, format!("{shown}: its free space is not known ({error})"), remedy),
    }
}

async fn storage(location: &Location, findings: &mut Vec<Finding>) -> Option<Lake> {
    const PART: &str = "storage";
    if let Some(folder) = location.folder().filter(|folder| !folder.exists()) {
        let detail = format!("{} does not exist yet", folder.display());
        findings.push(bad(
            State::Warning,
            PART,
            detail,
            "the first import makes it; check --data if there should be one",
        ));
        return None;
    }
    let lake = match Lake::open(location.clone()) {
        Ok(lake) => lake,
        Err(error) => {
            findings.push(fault(PART, &error));
            return None;
        }
    };
    let path = format!("_doctor/{}", new_id());
    let outcome = round_trip(&lake, &path).await;
    lake.withdraw(&[path]).await;
    match outcome {
        Ok(trips) => findings.extend(trips),
        Err(error) => {
            findings.push(fault(PART, &error));
            return None;
        }
    }
    Some(lake)
}

/// Writes, reads, and tries to write again what must be written once only.
async fn round_trip(lake: &Lake, path: &str) -> Result<Vec<Finding>> {
    const PART: &str = "storage";
    let started = Instant::now();
    let before = now_micros();
    let text = before.to_string().into_bytes();
    lake.put(path, text.clone()).await?;
    let read = lake.get(path).await?;
    let took = started.elapsed() / 2;
    let mut findings = vec![if read[..] != text[..] {
        let remedy = "Assay needs storage in which a finished write is seen by the next read";
        bad(State::Failed, PART, format!("{} gave back other bytes than were written", lake.location()), remedy)
    } else if took > SLOW {
        let detail = format!("{}: {} ms per request", lake.location(), took.as_millis());
        bad(State::Warning, PART, detail, "run Assay near its storage: an import makes some ten requests per bucket")
    } else {
        ok(PART, format!("{}: writes and reads, {} ms per request", lake.location(), took.as_millis()))
    }];
    let again = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let again = lake.store().put_opts(&lake.path(path), PutPayload::from_static(b"again"), again).await;
    if !matches!(again, Err(StoreError::AlreadyExists { .. })) {
        let detail = match again {
            Ok(_) => "the storage overwrites what may be created once only".to_owned(),
            Err(error) => format!("the storage cannot create an object only where there is none ({error})"),
        };
        let remedy = "two databases could claim this lake; use storage with conditional writes (If-None-Match), and never \
                      point a second database at it";
        findings.push(bad(State::Warning, PART, detail, remedy));
    }
    let at = lake.store().head(&lake.path(path)).await.map(|meta| meta.last_modified.timestamp_micros());
    findings.push(match at {
        Ok(at) => clock(ahead(at, before, now_micros())),
        Err(error) => fault(PART, &Error::unavailable("the storage does not say when an object was written", error)),
    });
    Ok(findings)
}

/// By how much a clock that said `at` between `before` and `after` is ahead, at the least.
fn ahead(at: i64, before: i64, after: i64) -> i64 {
    // Some storages tell whole seconds.
    const SECOND: i64 = 1_000_000;
    (at - after).max(0) + (at + SECOND - before).min(0)
}

/// By how much the storage's clock is ahead, in microseconds.
fn clock(ahead: i64) -> Finding {
    const PART: &str = "clock";
    let seconds = ahead.unsigned_abs() / 1_000_000;
    if Duration::from_micros(ahead.unsigned_abs()) > MAX_SKEW {
        let detail = format!("the clocks of this machine and of the storage differ by {seconds} s");
        let remedy =
            "set this machine's clock by NTP: a sweep refuses to work while they differ by more than ten minutes";
        return bad(State::Failed, PART, detail, remedy);
    }
    ok(PART, format!("this machine and the storage agree to {seconds} s"))
}

async fn database(config: &Config, location: &Location, findings: &mut Vec<Finding>) -> Option<Db> {
    const PART: &str = "database";
    let url = match config.database_url(location) {
        Ok(url) => url,
        Err(error) => {
            findings.push(fault(PART, &error));
            return None;
        }
    };
    // Opening it would make it: then nothing could be told about what is missing.
    if let Some(path) = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path))
        && !Path::new(path).exists()
    {
        let remedy = "the first import makes it; if this lake was in use, check --db, restore the file from a backup, or see `assay catalog rebuild`";
        findings.push(bad(State::Warning, PART, format!("{path} does not exist yet"), remedy));
        return None;
    }
    let opened = async {
        let db = Db::connect(&url).await?;
        let started = Instant::now();
        db.ping().await?;
        Ok::<_, Error>((db, started.elapsed()))
    };
    match opened.await {
        Ok((db, took)) => {
            let shown = crate::config::redacted(&url);
            findings.push(if took > SLOW {
                let detail = format!("{shown}: {} ms per round trip", took.as_millis());
                bad(State::Warning, PART, detail, "run Assay near its database: every request asks it several times")
            } else {
                ok(PART, format!("{shown}: answers, its tables are of this version"))
            });
            Some(db)
        }
        Err(error) => {
            findings.push(fault(PART, &error));
            None
        }
    }
}

async fn ownership(lake: &Lake, db: &Db) -> Finding {
    const PART: &str = "ownership";
    match lake.owner().await {
        Ok(Some(owner)) if owner == db.id() => ok(PART, "the storage belongs to this database"),
        Ok(Some(owner)) => {
            let detail = format!("the storage belongs to the database {owner}, this one is {}", db.id());
            let remedy = "point --db at the database that made it, or --data at its own place; if that database is lost, \
                          `assay catalog rebuild` makes a new one";
            bad(State::Failed, PART, detail, remedy)
        }
        Ok(None) => {
            let remedy = "the next import claims it; if it was in use before, restore _assay.json from a backup";
            bad(State::Warning, PART, "the storage has no mark of a database yet", remedy)
        }
        Err(error) => fault(PART, &error),
    }
}

async fn access(db: &Db) -> Result<Finding> {
    const PART: &str = "access";
    if !db.any_key().await? {
        let detail = "there are no API keys: `assay serve` answers this machine only, and everybody on it is the owner";
        return Ok(ok(PART, detail));
    }
    let (mut active, mut unlimited) = (0, 0);
    for workspace in db.list_workspaces().await? {
        for key in db.list_keys(&workspace.id).await?.iter().filter(|key| key.is_active(now_micros())) {
            active += 1;
            unlimited += u64::from(key.expires_at.is_none());
        }
    }
    if active == 0 {
        let detail = "all API keys have expired or are revoked: nobody can call the API";
        return Ok(bad(State::Warning, PART, detail, "make one with `assay keys create`"));
    }
    Ok(ok(PART, format!("{active} API keys work, {unlimited} of them for ever")))
}

async fn jobs(db: &Db) -> Result<Finding> {
    const PART: &str = "jobs";
    let unended = db.unended_jobs().await?;
    let now = now_micros();
    let late = now - UNCLAIMED.as_micros() as i64;
    let waiting = unended.iter().filter(|job| job.state == JobState::Queued && job.run_at < late).count();
    let silent = unended
        .iter()
        .filter(|job| job.state == JobState::Running && job.lease_until.is_some_and(|until| until < late))
        .count();
    if waiting + silent > 0 {
        let minutes = UNCLAIMED.as_secs() / 60;
        let detail =
            format!("{waiting} jobs wait, and {silent} were left by their worker, for more than {minutes} minutes");
        return Ok(bad(State::Warning, PART, detail, "is a server with a worker running? `assay serve` has one"));
    }
    Ok(ok(PART, format!("{} jobs wait or run", unended.len())))
}

/// Whether the files of the newest snapshots are there, and as they were written.
async fn snapshots(lake: Lake, db: Db, memory_mb: u64, temp: &Path, deep: bool) -> Result<Vec<Finding>> {
    const PART: &str = "snapshots";
    let app = App::with_parts(lake, db, memory_mb, temp.to_path_buf())?;
    let (mut findings, mut files, mut projects, mut uncopied) = (Vec::new(), 0, 0, 0);
    for project in all_projects(&app.db).await? {
        projects += 1;
        uncopied += app.db.uncopied_snapshots(&project.id).await?.len();
        let Some(newest) = app.db.latest_snapshot(&project.id).await? else { continue };
        for file in app.data_files(&project.id, newest.number).await? {
            files += 1;
            if let Some(damage) = damage(&app, &file, deep).await {
                let detail = format!("project {:?}, snapshot {}: {damage}", project.name, newest.number);
                let remedy =
                    "restore the file from a backup; `assay snapshots` lists older snapshots that may not need it";
                findings.push(bad(State::Failed, PART, detail, remedy));
            }
        }
    }
    if uncopied > 0 {
        let detail = format!("{uncopied} snapshots have no copy of their catalog row in the storage yet");
        findings.push(bad(
            State::Warning,
            PART,
            detail,
            "the next import of their project writes it; until then `assay catalog rebuild` would miss them",
        ));
    }
    if findings.is_empty() {
        let how = if deep { "have their checksums" } else { "are there in their size (--deep reads them)" };
        findings.push(ok(PART, format!("all {files} files of the newest snapshots {how} (projects: {projects})")));
    }
    Ok(findings)
}

async fn all_projects(db: &Db) -> Result<Vec<Project>> {
    let mut projects: Vec<Project> = Vec::new();
    for workspace in db.list_workspaces().await? {
        let mut after: Option<String> = None;
        loop {
            let page = db.list_projects(&workspace.id, after.as_deref(), PAGE).await?;
            after = page.last().map(|project| project.name.clone());
            let is_last = (page.len() as i64) < PAGE;
            projects.extend(page);
            if is_last {
                break;
            }
        }
    }
    Ok(projects)
}

async fn damage(app: &App, file: &DataFile, deep: bool) -> Option<String> {
    let place = format!("{}/{}", app.lake.location(), file.path);
    match app.lake.size(&file.path).await {
        Ok(Some(size)) if size != file.bytes => {
            Some(format!("{place} has {size} bytes, the catalog says {}", file.bytes))
        }
        Ok(Some(_)) if deep => app.lake.get_data(file).await.err().map(|error| error.to_string()),
        Ok(Some(_)) => None,
        Ok(None) => Some(format!("{place} is missing")),
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_counts() {
        let all = [ok("storage", "x"), bad(State::Failed, "clock", "x", "y"), bad(State::Warning, "jobs", "x", "y")];
        assert_eq!(Diagnosis::of(all.to_vec()).state, State::Failed);
        assert_eq!(Diagnosis::of(all[..1].to_vec()).state, State::Ok);
    }

    #[test]
    fn clocks_may_differ_a_little() {
        assert_eq!(clock(-3_000_000).state, State::Ok);
        assert_eq!(clock(601_000_000).state, State::Failed);
        assert_eq!(clock(-601_000_000).state, State::Failed);
        assert_eq!(ahead(5_000_000, 4_999_000, 5_001_000), 0);
        assert_eq!(ahead(5_000_000, 5_900_000, 5_950_000), 0, "a storage of whole seconds");
        assert_eq!(ahead(9_000_000, 1_000_000, 2_000_000), 7_000_000);
        assert_eq!(ahead(1_000_000, 9_000_000, 9_100_000), -7_000_000);
    }
}
