//! Publishing: the tables of one snapshot, and of its reports, at addresses that warehouses and notebooks can keep.
//!
//! Fill the folder of the snapshot → point lists and Delta logs at it → write the manifest (the swap) → remove what is no longer kept.
//! Each step leaves readers with one whole snapshot, and each can be repeated: a run that was cut off is completed by the next.

mod lease;
mod plan;

use futures::FutureExt;
use serde::Serialize;

use self::plan::{Planned, plan};
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::{
    Format, LAYOUT_VERSION, Manifest, Place, ProjectRef, Publication, PublishedTable, Table, columns, table_comment,
};
use crate::store::{Project, Snapshot, now_micros};

pub use self::plan::Report;

/// Snapshots whose files stay, so that readers who have begun on an older one can end.
pub const KEEP: usize = 2;

/// What to publish. What is not said stays as it was at the last publication; at the first it is everything, as plain Parquet.
#[derive(Debug, Clone, Default)]
pub struct PublishRequest {
    /// By default the newest.
    pub snapshot: Option<i64>,
    pub tables: Option<Vec<Table>>,
    pub reports: Option<Vec<Report>>,
    pub format: Option<Format>,
    /// How many snapshots keep their files; at least the published one. At first [`KEEP`].
    pub keep: Option<usize>,
    /// The lake's address for readers, where it is not the one that Assay itself uses.
    pub base_url: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Published {
    pub manifest: Manifest,
    /// False when all of it was published already.
    pub changed: bool,
}

/// The place of a project's publication.
pub fn publication(app: &App, project: &Project) -> Publication {
    Publication::new(&app.lake, Place::new(&project.workspace_id, &project.id, &project.name))
}

/// Publishes a snapshot of the project.
///
/// # Errors
/// `Invalid` when there is no snapshot yet; `NotFound` and `Gone` for a snapshot that is not there; `Unavailable` when storage or the
/// database fails: run it again.
pub async fn run(app: &App, project: &Project, request: &PublishRequest) -> Result<Published> {
    lease::alone(app, project, publish(app, project, request).boxed()).await
}

/// Publishes the newest snapshot as the last publication was made, or everything; `format` is added to what there is. The import before it
/// stands whatever comes of this: a caller reports the error, and the next import catches up, also one that changes nothing.
pub async fn after_import(app: &App, workspace: &str, project: &str, format: Format) -> Result<Published> {
    let project = app.db.find_project(workspace, project).await?;
    if let Some(manifest) = publication(app, &project).manifest().await?
        && manifest.snapshot == project.latest_snapshot
        && manifest.has(format)
    {
        return Ok(Published { manifest, changed: false });
    }
    let format = (format == Format::Delta).then_some(format);
    run(app, &project, &PublishRequest { format, ..PublishRequest::default() }).await
}

/// Removes every published byte of these snapshots. Publish another one before, and readers notice nothing.
///
/// # Errors
/// `Unavailable` when storage or the database fails: run it again.
pub async fn unpublish(app: &App, project: &Project, snapshots: &[i64]) -> Result<()> {
    let place = publication(app, project);
    lease::alone(app, project, place.unpublish(snapshots, now_micros()).boxed()).await
}

async fn publish(app: &App, project: &Project, request: &PublishRequest) -> Result<Published> {
    let place = publication(app, project);
    let before = place.manifest().await?;
    let snapshot = choose(app, project, request.snapshot).await?;
    let planned = plan(app, project, &snapshot, request, before.as_ref()).await?;
    let base_url = request.base_url.clone().or_else(|| before.as_ref().and_then(|manifest| manifest.base_url.clone()));
    let base = base_url.clone().unwrap_or_else(|| app.lake.location().to_string());
    let keep = request.keep.or_else(|| before.as_ref().map(|manifest| manifest.keep)).unwrap_or(KEEP).max(1);
    let mut manifest = Manifest {
        layout_version: LAYOUT_VERSION,
        workspace: project.workspace_id.clone(),
        project: ProjectRef { id: project.id.clone(), name: project.name.clone() },
        snapshot: snapshot.number,
        snapshot_created_at: rfc3339(snapshot.created_at)?,
        formats: formats(request.format, before.as_ref()),
        url: format!("{}/{}", base.trim_end_matches('/'), place.place().folder()),
        base_url,
        keep,
        kept: kept(snapshot.number, before.as_ref(), keep),
        tables: Vec::with_capacity(planned.len()),
    };
    for table in planned {
        manifest.tables.push(fill(&place, &snapshot, table).await?);
    }
    for table in &manifest.tables {
        place.point(&table.name, &manifest.url, &table.files).await?;
        if manifest.has(Format::Delta) {
            place.commit_delta(table, snapshot.number, snapshot.created_at, now_micros()).await?;
        }
    }
    let changed = place.swap(&manifest).await?;
    place.clean_up(&manifest, now_micros()).await?;
    Ok(Published { manifest, changed })
}

async fn choose(app: &App, project: &Project, number: Option<i64>) -> Result<Snapshot> {
    match number {
        Some(number) => app.db.snapshot(&project.id, number).await,
        None => app.db.latest_snapshot(&project.id).await?.ok_or_else(|| {
            Error::invalid(format!("project {} has no snapshot yet: import an export first", project.name))
        }),
    }
}

fn formats(wanted: Option<Format>, before: Option<&Manifest>) -> Vec<Format> {
    match (wanted, before) {
        (Some(Format::Parquet), _) | (None, None) => vec![Format::Parquet],
        (Some(Format::Delta), _) => vec![Format::Parquet, Format::Delta],
        (None, Some(before)) => before.formats.clone(),
    }
}

/// The published snapshot, then those that readers may still be on, newest first.
fn kept(snapshot: i64, before: Option<&Manifest>, keep: usize) -> Vec<i64> {
    let earlier = before.map(|manifest| manifest.kept.as_slice()).unwrap_or_default();
    let others = earlier.iter().copied().filter(|number| *number != snapshot);
    std::iter::once(snapshot).chain(others).take(keep).collect()
}

async fn fill(place: &Publication, snapshot: &Snapshot, planned: Planned) -> Result<PublishedTable> {
    let filled = place.fill(planned.name, snapshot.number, &planned.parts).await?;
    let schema = filled.schema.unwrap_or(planned.schema);
    Ok(PublishedTable {
        name: planned.name.to_owned(),
        kind: planned.kind,
        comment: table_comment(planned.name).to_owned(),
        path: format!("{}/snapshot={}", planned.name, snapshot.number),
        list: format!("{}.files", planned.name),
        rows: filled.files.iter().map(|file| file.rows).sum(),
        bytes: filled.files.iter().map(|file| file.bytes).sum(),
        columns: columns(planned.name, &schema)?,
        files: filled.files,
    })
}

fn rfc3339(micros: i64) -> Result<String> {
    Ok(jiff::Timestamp::from_microsecond(micros).map_err(Error::internal)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(kept: &[i64]) -> Manifest {
        Manifest {
            layout_version: 1,
            workspace: "default".into(),
            project: ProjectRef { id: "p".into(), name: "p".into() },
            snapshot: kept[0],
            snapshot_created_at: String::new(),
            formats: vec![Format::Parquet, Format::Delta],
            url: String::new(),
            base_url: None,
            keep: 2,
            kept: kept.to_vec(),
            tables: vec![],
        }
    }

    #[test]
    fn the_published_snapshot_is_kept_and_then_the_latest_before_it() {
        assert_eq!(kept(1, None, 2), [1]);
        assert_eq!(kept(7, Some(&manifest(&[5, 4])), 2), [7, 5]);
        assert_eq!(kept(5, Some(&manifest(&[5, 4])), 2), [5, 4], "again: nothing changes");
        assert_eq!(kept(3, Some(&manifest(&[5, 4])), 2), [3, 5], "back to an older one");
        assert_eq!(kept(7, Some(&manifest(&[5, 4])), 1), [7]);
        assert_eq!(kept(7, Some(&manifest(&[5, 4])), 9), [7, 5, 4]);
    }

    #[test]
    fn formats_stay_until_others_are_asked_for() {
        assert_eq!(formats(None, None), [Format::Parquet]);
        assert_eq!(formats(None, Some(&manifest(&[1]))), [Format::Parquet, Format::Delta]);
        assert_eq!(formats(Some(Format::Parquet), Some(&manifest(&[1]))), [Format::Parquet]);
    }
}
