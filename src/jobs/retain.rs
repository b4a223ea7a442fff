//! Retention: snapshots that no rule keeps are retired, all in one transaction. Their files stay for the sweep.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::act::Act;
use super::grace::{before, parse_span};
use super::kinds::lease_lost;
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::ProjectPrefix;
use crate::store::{DataFile, JobEnd, Lease, Project, Retirement, Snapshot};

/// Which snapshots to keep: those that any of the rules keeps, and always the newest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keep {
    /// So many of the newest.
    pub last: Option<u64>,
    /// Those made within this time.
    pub within: Option<Duration>,
    /// Those of these numbers.
    pub numbers: BTreeSet<i64>,
}

impl FromStr for Keep {
    type Err = String;

    /// Reads `last=10,within=30d,number=7`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut keep = Self::default();
        for rule in text.split(',') {
            let Some((name, value)) = rule.trim().split_once('=') else {
                return Err(format!(
                    "{rule:?} is not a rule; write last=N, within=30d or number=N, separated by commas"
                ));
            };
            let twice = || format!("{name} is given twice");
            let number = || value.parse::<i64>().ok().filter(|n| *n >= 1);
            match name {
                "last" => {
                    let n = number().ok_or_else(|| format!("last={value}: write a whole number from 1 up"))?;
                    keep.last.replace(n.unsigned_abs()).map_or(Ok(()), |_| Err(twice()))?;
                }
                "within" => keep.within.replace(parse_span(value)?).map_or(Ok(()), |_| Err(twice()))?,
                "number" => {
                    let n = number().ok_or_else(|| format!("number={value}: write a snapshot's number"))?;
                    keep.numbers.insert(n);
                }
                other => return Err(format!("there is no rule {other:?}; write last=N, within=30d or number=N")),
            }
        }
        Ok(keep)
    }
}

#[derive(Debug, Clone)]
pub struct RetainRequest {
    pub workspace: String,
    pub project: String,
    pub keep: Keep,
    /// Only say what would be done.
    pub dry_run: bool,
    pub actor: String,
    /// In microseconds since 1970.
    pub now: i64,
}

/// What retention did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetainSummary {
    pub project: String,
    pub project_id: String,
    pub dry_run: bool,
    /// Newest first.
    pub kept: Vec<KeptSnapshot>,
    pub retired: Vec<RetiredSnapshot>,
    /// Bytes of files that no kept snapshot names: a later sweep frees them.
    pub unnamed_bytes: u64,
    pub unnamed_files: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptSnapshot {
    pub number: i64,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// The rules that keep it: `newest`, `last`, `within`, `number`.
    pub why: Vec<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetiredSnapshot {
    pub number: i64,
    /// RFC 3339, UTC.
    pub created_at: String,
}

/// Retires what no rule keeps.
///
/// # Errors
/// `NotFound` for the project; `Invalid` when a pinned number is not a snapshot that can be read.
pub async fn run(app: &Arc<App>, request: RetainRequest) -> Result<RetainSummary> {
    let project = app.db.find_project(&request.workspace, &request.project).await?;
    let summary = summarize(app, &project, &request).await?;
    if !request.dry_run && !summary.retired.is_empty() {
        let numbers = summary.numbers();
        let act = Act { workspace: &request.workspace, actor: &request.actor, action: "retain", target: &project.id };
        act.record(app, async |audit_id| {
            let by = Retirement::Retention;
            app.db.retire_snapshots(&project.id, &numbers, by, Some(audit_id), request.now).await?;
            clear(app, &project, &numbers).await
        })
        .await?;
    }
    Ok(summary)
}

/// The same for a job, which is ended together with the retirement. When nothing is retired it is not ended.
///
/// # Errors
/// As [`run`]; `Conflict` when the job is in other hands.
pub(super) async fn run_in_job(app: &Arc<App>, request: &RetainRequest, lease: &Lease) -> Result<RetainSummary> {
    let project = app.db.find_project(&request.workspace, &request.project).await?;
    let summary = summarize(app, &project, request).await?;
    if summary.retired.is_empty() {
        return Ok(summary);
    }
    let (numbers, result) = (summary.numbers(), serde_json::to_value(&summary).map_err(Error::internal)?);
    let job = JobEnd { lease: lease.clone(), result };
    let by = Retirement::Retention;
    if !app.db.retire_snapshots_and_end(&project.id, &numbers, by, &job, request.now).await? {
        return Err(lease_lost());
    }
    if let Err(error) = clear(app, &project, &numbers).await {
        tracing::warn!(project = %project.id, %error, "what belonged to retired snapshots stays until the next sweep");
    }
    Ok(summary)
}

async fn summarize(app: &App, project: &Project, request: &RetainRequest) -> Result<RetainSummary> {
    let (kept, retired) = plan(app, project, request).await?;
    let numbers: Vec<i64> = kept.iter().map(|snapshot| snapshot.number).collect();
    let files = app.db.project_files(&project.id).await?;
    let freed: Vec<u64> = unnamed(&files, &numbers).map(|file| u64::try_from(file.bytes).unwrap_or_default()).collect();
    Ok(RetainSummary {
        project: project.name.clone(),
        project_id: project.id.clone(),
        dry_run: request.dry_run,
        kept,
        retired,
        unnamed_bytes: freed.iter().sum(),
        unnamed_files: freed.len() as u64,
    })
}

impl RetainSummary {
    /// Of the snapshots that are retired.
    fn numbers(&self) -> Vec<i64> {
        self.retired.iter().map(|snapshot| snapshot.number).collect()
    }
}

/// The files that none of these snapshots consists of.
pub(super) fn unnamed<'a>(files: &'a [DataFile], kept: &[i64]) -> impl Iterator<Item = &'a DataFile> {
    files.iter().filter(move |file| !kept.iter().any(|&number| file.is_of(number)))
}

/// Every snapshot of a project, newest first, without configs.
pub(super) async fn all_snapshots(app: &App, project: &Project) -> Result<Vec<Snapshot>> {
    app.db.list_snapshots(&project.id, None, i64::MAX).await
}

async fn plan(
    app: &App,
    project: &Project,
    request: &RetainRequest,
) -> Result<(Vec<KeptSnapshot>, Vec<RetiredSnapshot>)> {
    let mut readable = all_snapshots(app, project).await?;
    readable.retain(|snapshot| snapshot.retired_at.is_none());
    if let Some(missing) =
        request.keep.numbers.iter().find(|&&number| !readable.iter().any(|snapshot| snapshot.number == number))
    {
        return Err(Error::invalid(format!(
            "number={missing}: project {} has no such snapshot to keep; `assay snapshots --project {}` lists them",
            project.name, project.name
        )));
    }
    let (mut kept, mut retired) = (Vec::new(), Vec::new());
    for (place, snapshot) in (0u64..).zip(&readable) {
        let why = reasons(&request.keep, place, snapshot, request.now);
        let (number, created_at) = (snapshot.number, rfc3339(snapshot.created_at)?);
        if why.is_empty() {
            retired.push(RetiredSnapshot { number, created_at });
        } else {
            kept.push(KeptSnapshot { number, created_at, why });
        }
    }
    Ok((kept, retired))
}

fn rfc3339(micros: i64) -> Result<String> {
    let time = jiff::Timestamp::from_microsecond(micros).map_err(Error::internal)?;
    Ok(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The rules that keep the snapshot at this place among the newest, from 0.
fn reasons(keep: &Keep, place: u64, snapshot: &Snapshot, now: i64) -> Vec<&'static str> {
    let rules = [
        ("newest", place == 0),
        ("last", keep.last.is_some_and(|last| place < last)),
        ("within", keep.within.is_some_and(|span| snapshot.created_at >= before(now, span))),
        ("number", keep.numbers.contains(&snapshot.number)),
    ];
    rules.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
}

/// After the transaction: what a crash leaves, the next retention and the sweep finish.
async fn clear(app: &App, project: &Project, numbers: &[i64]) -> Result<()> {
    app.copy_snapshots(project).await?;
    let prefix = ProjectPrefix::new(&project.workspace_id, &project.id);
    for &number in numbers {
        app.lake.delete_folder(&prefix.reports(number)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read() {
        let keep: Keep = "last=10, within=30d,number=7,number=2".parse().unwrap();
        let within = Some(Duration::from_secs(30 * 24 * 3600));
        assert_eq!(keep, Keep { last: Some(10), within, numbers: [2, 7].into() });
        for (bad, said) in [
            ("", "not a rule"),
            ("last", "not a rule"),
            ("last=0", "from 1 up"),
            ("last=-3", "from 1 up"),
            ("last=1,last=2", "twice"),
            ("within=1d,within=2d", "twice"),
            ("within=30", "as in 30d"),
            ("number=x", "a snapshot's number"),
            ("first=1", "no rule \"first\""),
        ] {
            let message = bad.parse::<Keep>().unwrap_err();
            assert!(message.contains(said), "{bad}: {message}");
        }
    }
}
