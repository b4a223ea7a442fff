//! The snapshots of a project: who made them, when, of what, and what they changed.

use std::fmt::Write;

use super::columns::rfc3339;
use super::render::{Format, csv_line, cut};
use super::views::SnapshotView;
use crate::error::{Error, Result};
use crate::store::{Change, Changes, Snapshot};

const WIDEST_SOURCES: usize = 60;

/// What is shown of a snapshot, also of a retired one.
pub fn snapshot_view(snapshot: &Snapshot) -> Result<SnapshotView> {
    let unreadable = || Error::internal(anyhow::anyhow!("snapshot {} has an impossible time", snapshot.number));
    let sources = snapshot.sources.0.as_array().map(Vec::as_slice).unwrap_or_default();
    let counts = snapshot.counts;
    Ok(SnapshotView {
        number: snapshot.number,
        created_at: rfc3339(snapshot.created_at).ok_or_else(unreadable)?,
        operation: snapshot.operation,
        actor: snapshot.actor.clone(),
        sources: sources
            .iter()
            .map(|source| source.as_str().map_or_else(|| source.to_string(), str::to_owned))
            .collect(),
        items: counts.items,
        annotations: counts.annotations,
        predictions: counts.predictions,
        results: counts.results,
        raters: counts.raters,
        rejects: counts.rejects,
        bytes: counts.bytes,
        changes: snapshot.changes,
        retired_at: snapshot.retired_at.map(|time| rfc3339(time).ok_or_else(unreadable)).transpose()?,
        retired_by: snapshot.retired_by.clone(),
    })
}

/// `+3 ~1 −2 items, +5 annotations`: what is new, changed, removed; what did not change is left out.
pub fn changes_in_words(changes: &Changes) -> String {
    let part = |name: &str, change: Change| {
        let signed = [('+', change.new), ('~', change.changed), ('−', change.removed)];
        let signed: Vec<String> =
            signed.into_iter().filter(|(_, n)| *n > 0).map(|(sign, n)| format!("{sign}{n}")).collect();
        (!signed.is_empty()).then(|| format!("{} {name}", signed.join(" ")))
    };
    let parts = [
        part("items", changes.items),
        part("annotations", changes.annotations),
        part("predictions", changes.predictions),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "no rows".to_owned() } else { parts.join(", ") }
}

/// A list of snapshots, in the order given.
pub fn render_snapshots(list: &[SnapshotView], format: Format) -> Result<String> {
    match format {
        Format::Json => Ok(serde_json::to_string_pretty(list).map_err(Error::internal)? + "\n"),
        Format::Csv => Ok(csv(list)),
        Format::Table => Ok(table(list)),
    }
}

const CSV_HEAD: [&str; 23] = [
    "number",
    "created_at",
    "actor",
    "operation",
    "items",
    "annotations",
    "predictions",
    "results",
    "raters",
    "rejects",
    "bytes",
    "new_items",
    "changed_items",
    "removed_items",
    "new_annotations",
    "changed_annotations",
    "removed_annotations",
    "new_predictions",
    "changed_predictions",
    "removed_predictions",
    "sources",
    "retired_at",
    "retired_by",
];

fn csv(list: &[SnapshotView]) -> String {
    let mut text = csv_line(CSV_HEAD);
    for row in list {
        let mut fields = vec![row.number.to_string(), row.created_at.clone(), row.actor.clone()];
        fields.push(row.operation.as_str().to_owned());
        let counts = [row.items, row.annotations, row.predictions, row.results, row.raters, row.rejects, row.bytes];
        fields.extend(counts.map(|n| n.to_string()));
        for change in [row.changes.items, row.changes.annotations, row.changes.predictions] {
            fields.extend([change.new, change.changed, change.removed].map(|n| n.to_string()));
        }
        fields.push(row.sources.join("; "));
        fields.extend([&row.retired_at, &row.retired_by].map(|retired| retired.clone().unwrap_or_default()));
        text.push_str(&csv_line(fields.iter().map(String::as_str)));
    }
    text
}

fn table(list: &[SnapshotView]) -> String {
    let mut text = format!(
        "{:>6}  {:<20} {:<14} {:<9} {:>9} {:>11} {:>11} {:>13}  changes, and what they came from\n",
        "number", "time (UTC)", "by", "made by", "items", "annotations", "predictions", "bytes"
    );
    for row in list {
        let SnapshotView { number, items, annotations, predictions, bytes, .. } = row;
        let _ = write!(
            text,
            "{number:>6}  {:<20} {:<14} {:<9} {items:>9} {annotations:>11} {predictions:>11} {bytes:>13}  {}",
            to_the_second(&row.created_at),
            cut(&row.actor, 14),
            row.operation.as_str(),
            changes_in_words(&row.changes),
        );
        if !row.sources.is_empty() {
            let _ = write!(text, "; {}", cut(&row.sources.join(", "), WIDEST_SOURCES));
        }
        if let (Some(time), Some(by)) = (&row.retired_at, &row.retired_by) {
            let _ = write!(text, "; retired by {by} {}", to_the_second(time));
        }
        text.push('\n');
    }
    text
}

fn to_the_second(rfc3339: &str) -> String {
    rfc3339.get(..19).map_or_else(|| rfc3339.to_owned(), |second| second.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_name_only_what_changed() {
        let changes = Changes {
            items: Change { new: 3, changed: 1, removed: 2 },
            predictions: Change { new: 0, changed: 4, removed: 0 },
            ..Changes::default()
        };
        assert_eq!(changes_in_words(&changes), "+3 ~1 −2 items, ~4 predictions");
        assert_eq!(changes_in_words(&Changes::default()), "no rows");
    }
}
