//! A comparison as text: lines for people, JSON and CSV for programs.

use std::fmt::Write;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::reports::render::{Format, csv_line, cut};
use crate::reports::views::{DiffEntry, DiffReport, FieldChange, ResultChange, RowChange, RowCounts, RowKind};

/// Longer values are cut in lines for people.
const WIDEST_VALUE: usize = 60;

pub fn render_diff(report: &DiffReport, format: Format) -> Result<String> {
    match format {
        Format::Json => Ok(serde_json::to_string_pretty(report).map_err(Error::internal)? + "\n"),
        Format::Csv => Ok(csv(&report.entries)),
        Format::Table => Ok(lines(report)),
    }
}

fn kind(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Item => "item",
        RowKind::Annotation => "annotation",
        RowKind::Draft => "draft",
        RowKind::Prediction => "prediction",
    }
}

fn change(change: RowChange) -> &'static str {
    match change {
        RowChange::Added => "added",
        RowChange::Changed => "changed",
        RowChange::Removed => "removed",
    }
}

/// One line for each field that differs, and one for each row that was added or removed.
fn csv(entries: &[DiffEntry]) -> String {
    let mut text = csv_line(["kind", "change", "id", "item_id", "result", "field", "old", "new"]);
    for entry in entries {
        let mut line = |result: &str, field: &str, old: &str, new: &str| {
            let (kind, change) = (kind(entry.kind), change(entry.change));
            text.push_str(&csv_line([kind, change, &entry.id, &entry.item_id, result, field, old, new]));
        };
        if entry.change != RowChange::Changed {
            line("", "", "", "");
        }
        for field in &entry.fields {
            line("", &field.field, &plain(&field.old), &plain(&field.new));
        }
        for result in &entry.results {
            let name = format!("{} {}", change_of(result), name(result));
            for field in &result.fields {
                line(&name, &field.field, &plain(&field.old), &plain(&field.new));
            }
        }
    }
    text
}

fn change_of(result: &ResultChange) -> &'static str {
    change(result.change)
}

/// `sentiment`, or `boxes r7` with its region.
fn name(result: &ResultChange) -> String {
    let control = result.control.as_deref().unwrap_or(&result.r#type);
    result.region_id.as_ref().map_or_else(|| control.to_owned(), |region| format!("{control} {region}"))
}

/// Nothing for null, texts as they are, the rest as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn lines(report: &DiffReport) -> String {
    let DiffReport { project, from, to, counts, entries, more } = report;
    let mut text = format!("{project}: from snapshot {from} to snapshot {to}\n");
    let _ = writeln!(text, "  {:<12} {:>10} {:>10} {:>10}", "", "added", "changed", "removed");
    for (name, RowCounts { added, changed, removed }) in [
        ("items", counts.items),
        ("annotations", counts.annotations),
        ("drafts", counts.drafts),
        ("predictions", counts.predictions),
    ] {
        let _ = writeln!(text, "  {name:<12} {added:>10} {changed:>10} {removed:>10}");
    }
    for entry in entries {
        lines_of(&mut text, entry);
    }
    if *more {
        text.push_str("… and more: --limit\n");
    }
    text
}

fn sign(change: RowChange) -> char {
    match change {
        RowChange::Added => '+',
        RowChange::Changed => '~',
        RowChange::Removed => '-',
    }
}

fn lines_of(text: &mut String, entry: &DiffEntry) {
    let _ = write!(text, "{} {} {}", sign(entry.change), kind(entry.kind), entry.id);
    if entry.kind != RowKind::Item {
        let _ = write!(text, " on {}", entry.item_id);
    }
    text.push('\n');
    for field in &entry.fields {
        let _ = writeln!(text, "    {}: {}", field.field, values(field));
    }
    for result in &entry.results {
        let told: Vec<String> = result.fields.iter().map(|field| told(result.change, field)).collect();
        let _ = writeln!(text, "    {} result {}: {}", sign(result.change), name(result), told.join(", "));
    }
}

fn told(change: RowChange, field: &FieldChange) -> String {
    match change {
        RowChange::Added => format!("{} {}", field.field, short(&field.new)),
        RowChange::Removed => format!("{} {}", field.field, short(&field.old)),
        RowChange::Changed => format!("{} {}", field.field, values(field)),
    }
}

fn values(field: &FieldChange) -> String {
    format!("{} → {}", short(&field.old), short(&field.new))
}

fn short(value: &Value) -> String {
    cut(&if value.is_null() { "nothing".to_owned() } else { value.to_string() }, WIDEST_VALUE)
}
