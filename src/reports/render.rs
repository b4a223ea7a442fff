//! A report as text: a table for people, JSON and CSV for programs.

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::ValueEnum;

use super::figures::{Caution, Level};
use super::measure::{Measure, Scope};
use super::tidy;
use super::views::{AgreementReport, AnswerKind, ControlData};
use crate::engine::frames::matrix;
use crate::error::{Error, Result};

/// A wider matrix would not fit a terminal; the list of pairs has it all.
const MATRIX_COLUMNS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Csv,
}

pub fn render(report: &AgreementReport, format: Format) -> Result<String> {
    match format {
        Format::Json => Ok(serde_json::to_string_pretty(report).map_err(Error::internal)? + "\n"),
        Format::Csv => Ok(csv(&report.measures)),
        Format::Table => table(report),
    }
}

pub(super) fn csv(measures: &[Measure]) -> String {
    let mut text = csv_line([
        "control",
        "measure",
        "by",
        "label",
        "annotator",
        "other",
        "column",
        "column_value",
        "value",
        "ci_low",
        "ci_high",
        "n_items",
        "n_ratings",
        "n_raters",
        "method",
        "undefined_reason",
    ]);
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let text_of = |text: &Option<String>| text.clone().unwrap_or_default();
    for row in measures {
        let scope = &row.scope;
        let fields = [
            scope.control.clone(),
            row.measure.clone(),
            scope.by.clone(),
            text_of(&scope.label),
            text_of(&scope.annotator),
            text_of(&scope.other),
            text_of(&scope.column),
            text_of(&scope.value),
            number(row.value),
            number(row.ci_low),
            number(row.ci_high),
            row.n_items.to_string(),
            row.n_ratings.to_string(),
            row.n_raters.to_string(),
            row.method.clone().into_owned(),
            text_of(&row.undefined_reason),
        ];
        text.push_str(&csv_line(fields.iter().map(String::as_str)));
    }
    text
}

/// One line of CSV, with its end.
pub(super) fn csv_line<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    fields.into_iter().map(quote).collect::<Vec<_>>().join(",") + "\n"
}

/// RFC 4180; a leading sign or formula character is left as it is, since numbers may have one.
fn quote(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}

fn table(report: &AgreementReport) -> Result<String> {
    let mut text = String::new();
    let data = &report.data;
    let slice: Vec<String> = report.params.slice.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let scope = if slice.is_empty() { String::new() } else { format!(", where {}", slice.join(" and ")) };
    let _ = writeln!(
        text,
        "{}, snapshot {}: {} items, {} annotations count{scope}",
        report.project, report.snapshot, data.items, data.annotations
    );
    for dropped in &data.dropped {
        let _ = writeln!(text, "  left out: {} {}", dropped.annotations, dropped.reason.replace('_', " "));
    }
    for control in &data.controls {
        control_table(&mut text, report, control)?;
    }
    Ok(text)
}

fn control_table(text: &mut String, report: &AgreementReport, control: &ControlData) -> Result<()> {
    let level = control.level.filter(|level| *level != Level::Nominal);
    let level = level.map(|level| format!(", {}", level.name())).unwrap_or_default();
    let sets = if control.answers == Some(AnswerKind::Set) { ", sets of labels" } else { "" };
    let _ = writeln!(text, "\n{} ({}{level}{sets})", control.control, control.r#type);
    if let Some(why_not) = &control.why_not {
        let _ = writeln!(text, "  no figures: {why_not}");
        return Ok(());
    }
    if control.empty_sets > 0 {
        let _ = writeln!(text, "  empty sets: {} answers, nothing was chosen in them", control.empty_sets);
    }
    for dropped in &control.dropped {
        let _ = writeln!(text, "  left out: {} {}", dropped.annotations, dropped.reason.replace('_', " "));
    }
    let rows: Vec<&Measure> = report.measures.iter().filter(|row| row.scope.control == control.control).collect();
    sections(text, &rows, &|id| rater_name(report, id))
}

/// Figures by what they are figures of; `name` gives the name of an annotator's id.
pub(super) fn sections(text: &mut String, measures: &[&Measure], name: &dyn Fn(&str) -> String) -> Result<()> {
    let sections: [(&str, &str); 10] = [
        ("overall", ""),
        ("label", "per label"),
        ("annotator", "per annotator, against the others"),
        ("without_annotator", "without each annotator"),
        ("pair", "per pair of annotators"),
        ("column", "per value of a column"),
        ("pools", "between the values of a column"),
        ("group", "within and between groups of annotators"),
        ("period", "over time, by the newest answer of each item"),
        ("slice", "per value of a slice field"),
    ];
    for (by, title) in sections {
        let rows: Vec<&Measure> = measures.iter().copied().filter(|row| row.scope.by == by).collect();
        if rows.is_empty() {
            continue;
        }
        if by == "pair" {
            pair_matrix(text, &rows, name)?;
        }
        if !title.is_empty() {
            let _ = writeln!(text, "  {title}");
        }
        let _ = writeln!(
            text,
            "  {:<30} {:<26} {:>7}  {:<16} {:>6} {:>7}",
            "", "", "value", "95 % interval", "items", "ratings"
        );
        for row in rows {
            let subject = subject(row, name);
            let (first, second) =
                if by == "overall" { (row.measure.clone(), String::new()) } else { (subject, row.measure.clone()) };
            let line = format!(
                "  {:<30} {:<26} {:>7}  {:<16} {:>6} {:>7}",
                cut(&first, 30),
                cut(&second, 26),
                value(row),
                interval(row),
                row.n_items,
                row.n_ratings
            );
            let caution = row.caution.map(|caution| format!("  ! {}", caution.name().replace('_', " ")));
            let _ = writeln!(text, "{line}{}", caution.unwrap_or_default());
        }
    }
    cautions(text, measures);
    Ok(())
}

/// What the marks behind figures mean.
fn cautions(text: &mut String, measures: &[&Measure]) {
    let found: BTreeSet<Caution> = measures.iter().filter_map(|row| row.caution).collect();
    if found.is_empty() {
        return;
    }
    let _ =
        writeln!(text, "  ! marked intervals may hold the truth less often than 95 times in 100 (docs/INTERVALS.md)");
    for caution in found {
        let _ = writeln!(text, "    {}: {}", caution.name().replace('_', " "), caution.words());
    }
}

fn subject(row: &Measure, name: &dyn Fn(&str) -> String) -> String {
    let known = |id: &Option<String>| name(id.as_deref().unwrap_or_default());
    match row.scope.by.as_str() {
        "label" => row.scope.label.clone().unwrap_or_default(),
        "annotator" => known(&row.scope.annotator),
        "without_annotator" => format!("without {}", known(&row.scope.annotator)),
        "pair" => format!("{} / {}", known(&row.scope.annotator), known(&row.scope.other)),
        "pools" | "group" if row.scope.other.is_some() => {
            let of = |name: &Option<String>| name.clone().unwrap_or_default();
            format!("{}: {} / {}", of(&row.scope.column), of(&row.scope.value), of(&row.scope.other))
        }
        "period" => row.scope.value.clone().unwrap_or_default(),
        "column" | "slice" | "group" => {
            let (column, value) = (row.scope.column.as_deref(), row.scope.value.as_deref());
            format!("{} = {}", column.unwrap_or_default(), value.unwrap_or_default())
        }
        _ => String::new(),
    }
}

fn rater_name(report: &AgreementReport, id: &str) -> String {
    report.data.raters.iter().find(|rater| rater.rater_id == id).map_or(id, |rater| rater.name.as_str()).to_owned()
}

/// Cohen's kappa of every pair, as a square that is read by rows.
fn pair_matrix(text: &mut String, pairs: &[&Measure], name: &dyn Fn(&str) -> String) -> Result<()> {
    let kappas: Vec<Measure> =
        pairs.iter().filter(|row| row.measure == "cohen_kappa").map(|&row| row.clone()).collect();
    let annotators: BTreeSet<&Option<String>> =
        kappas.iter().flat_map(|row| [&row.scope.annotator, &row.scope.other]).collect();
    if annotators.is_empty() || annotators.len() > MATRIX_COLUMNS {
        return Ok(());
    }
    let mirrored = kappas.iter().map(|row| {
        let scope =
            Scope { annotator: row.scope.other.clone(), other: row.scope.annotator.clone(), ..row.scope.clone() };
        Measure { scope, ..row.clone() }
    });
    let both: Vec<Measure> = kappas.iter().cloned().chain(mirrored).collect();
    let matrix = matrix(&[tidy::figure_table(&both)?], "annotator", "other", "value")?;
    let _ = writeln!(text, "  Cohen's kappa of each pair");
    let _ = write!(text, "  {:<20}", "");
    for id in &matrix.columns {
        let _ = write!(text, " {:>9}", cut(&name(id), 9));
    }
    for (id, values) in matrix.rows.iter().zip(&matrix.values) {
        let _ = write!(text, "\n  {:<20}", cut(&name(id), 20));
        for value in values {
            let _ = write!(text, " {:>9}", value.map_or_else(|| "·".to_owned(), |value| format!("{value:.2}")));
        }
    }
    text.push('\n');
    Ok(())
}

fn value(row: &Measure) -> String {
    row.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

fn interval(row: &Measure) -> String {
    match (row.ci_low, row.ci_high, &row.undefined_reason) {
        (Some(low), Some(high), _) => format!("{low:.3} to {high:.3}"),
        (_, _, Some(reason)) => reason.replace('_', " "),
        _ => "none".to_owned(),
    }
}

pub(super) fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some(_) => text.chars().take(width - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}
