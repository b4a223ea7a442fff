//! The snapshot without the subject.

use std::sync::Arc;

use super::scan::Plan;
use crate::app::App;
use crate::error::{Error, Result};
use crate::jobs::grace::WriteWindow;
use crate::lake::{DataFile, ProjectPrefix, Scrubber, Table, encode, erase_rows, read_rows};
use crate::store::{Change, Changes, Commit, NewSnapshot, Operation, Project, Snapshot, now_micros};

/// Writes and commits it on top of the plan's newest snapshot; returns its number, or none when somebody else committed first.
pub(super) async fn commit(
    app: &App,
    project: &Project,
    scrubber: &Arc<Scrubber>,
    plan: &Plan,
    actor: &str,
) -> Result<Option<i64>> {
    let Some(newest) = &plan.newest else { return Ok(None) };
    let window = WriteWindow::open();
    let mut written = Vec::new();
    let files = write(app, project, scrubber, plan, &mut written).await;
    let (added, removed) = match files.and_then(|files| window.check().map(|()| files)) {
        Ok(files) => files,
        Err(error) => {
            app.lake.withdraw(&written).await;
            return Err(error);
        }
    };
    let new = snapshot(newest, scrubber, plan, actor, added, removed);
    match app.db.commit_snapshot(&new).await {
        Ok(Commit::Done) => Ok(Some(new.number())),
        Ok(Commit::ParentMoved | Commit::LeaseLost) => {
            app.lake.withdraw(&written).await;
            Ok(None)
        }
        // The commit may have come through and its answer been lost: the files stay, for the sweep if they are orphans.
        Err(error) => Err(error),
    }
}

/// The files that take the place of others, and the ids of those.
async fn write(
    app: &App,
    project: &Project,
    scrubber: &Arc<Scrubber>,
    plan: &Plan,
    written: &mut Vec<String>,
) -> Result<(Vec<DataFile>, Vec<DataFile>)> {
    let prefix = ProjectPrefix::new(&project.workspace_id, &project.id);
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for (file, _) in plan.to_rewrite() {
        let bytes = app.lake.get_data(file).await?;
        let (table, scrubber) = (file.table, scrubber.clone());
        let work = tokio::task::spawn_blocking(move || {
            let erased = erase_rows(table, &read_rows(table, bytes)?, &scrubber)?;
            let rows = erased.rows.filter(|rows| rows.num_rows() > 0);
            rows.map(|rows| encode(table, &rows)).transpose()
        });
        if let Some(encoded) = work.await.map_err(Error::internal)?? {
            let new = app.lake.put_data(&prefix, table, file.bucket, encoded).await?;
            written.push(new.path.clone());
            added.push(new);
        }
        removed.push(file.clone());
    }
    Ok((added, removed))
}

fn snapshot(
    newest: &Snapshot,
    scrubber: &Scrubber,
    plan: &Plan,
    actor: &str,
    added: Vec<DataFile>,
    removed: Vec<DataFile>,
) -> NewSnapshot {
    let bytes = |files: &[DataFile]| files.iter().map(|file| file.bytes).sum::<u64>();
    let (lost, _) = plan.losses();
    let mut counts = newest.counts;
    for (count, lost) in [
        (&mut counts.items, lost.items),
        (&mut counts.annotations, lost.annotations),
        (&mut counts.predictions, lost.predictions),
        (&mut counts.results, lost.results),
        (&mut counts.raters, lost.raters),
        (&mut counts.rejects, lost.rejects),
    ] {
        *count = count.saturating_sub(lost);
    }
    counts.bytes = (counts.bytes + bytes(&added)).saturating_sub(bytes(&removed));
    let config = newest.config.as_ref().map(|config| scrubber.text(config).unwrap_or_else(|| config.clone()));
    NewSnapshot {
        project_id: newest.project_id.clone(),
        parent: newest.number,
        buckets: newest.buckets,
        schema_version: newest.schema_version.max(i64::from(assay_formats::schema::VERSION)),
        created_at: now_micros(),
        actor: actor.to_owned(),
        config,
        sources: serde_json::json!([]),
        counts,
        operation: Operation::Erase,
        changes: changes(plan),
        removed: removed.into_iter().map(|file| file.id).collect(),
        added: added.iter().map(Into::into).collect(),
        job: None,
        audit_id: None,
    }
}

fn changes(plan: &Plan) -> Changes {
    let mut changes = Changes::default();
    for (file, erased) in plan.to_rewrite() {
        let change = match file.table {
            Table::Items => &mut changes.items,
            Table::Annotations => &mut changes.annotations,
            Table::Results | Table::Raters | Table::Rejects => continue,
        };
        add(change, erased.removed, erased.scrubbed);
        changes.predictions.removed += erased.removed_predictions;
    }
    changes
}

fn add(change: &mut Change, removed: u64, changed: u64) {
    change.removed += removed;
    change.changed += changed;
}
