//! The agreement between the annotators of a table: one file, no project.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use assay_stats::agreement::Ratings;
use clap::ValueEnum;
use serde::Serialize;

use super::figures::{
    FigureOptions, Insight, MOST_POOLS, MeasureChoice, Subject, figures, in_words, insight, overall, pools,
};
use super::measure::{Measure, Scope};
use super::{FIGURE_VERSION, render, tidy};
use crate::error::{Error, Result};
use crate::tables::{RatingTable, Request, read};

/// The figures of a table, with all that they rest on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableReport {
    pub source: Source,
    /// Every option that can change a figure.
    pub params: BTreeMap<&'static str, serde_json::Value>,
    pub measures: Vec<Measure>,
    pub data: TableData,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Source {
    pub file: String,
    /// `csv`, `tsv`, `parquet` or `jsonl`.
    pub format: &'static str,
    pub rows: u64,
    pub columns: SourceColumns,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceColumns {
    pub item: String,
    pub annotator: String,
    pub label: String,
}

/// What went into the figures and what was left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableData {
    pub figure_version: u32,
    pub rows: u64,
    /// Items with a rating.
    pub items: u64,
    pub ratings: u64,
    pub annotators: u64,
    /// In the order of the labels.
    pub labels: Vec<LabelRatings>,
    pub dropped: Vec<DroppedRows>,
    /// The columns that split the ratings.
    pub by: Vec<SplitColumn>,
    /// The groups of annotators; null when none were asked for.
    pub annotator_groups: Option<AnnotatorGroups>,
    /// What alpha means here; null for sets, and when certain measures were asked for.
    pub insight: Option<Insight>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelRatings {
    pub label: String,
    pub n: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DroppedRows {
    pub reason: &'static str,
    pub rows: u64,
    /// From 1, without the header.
    pub first_row: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitColumn {
    pub column: String,
    /// How many values it has.
    pub values: u64,
    /// Ratings whose row has no value: they are in no split.
    pub ratings_without: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnnotatorGroups {
    pub column: String,
    pub groups: Vec<AnnotatorGroup>,
    /// Annotators of no group: they are in no figure of groups.
    pub annotators_without: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnnotatorGroup {
    pub group: String,
    pub annotators: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    Table,
    Json,
    Csv,
    Parquet,
}

/// Reads a table and computes its figures.
pub fn table_report(
    path: &Path,
    request: &Request,
    options: &FigureOptions,
    params: BTreeMap<&'static str, serde_json::Value>,
) -> Result<TableReport> {
    let asks_for_pools =
        matches!(&options.measures, MeasureChoice::Named(names) if names.iter().any(|name| name.starts_with("xrr")));
    if asks_for_pools && request.by.is_empty() && request.groups.is_none() {
        return Err(Error::invalid(
            "xrr compares pools of ratings: name the column that tells them apart, as in --by vendor, or groups of annotators, as in --group-by crew",
        ));
    }
    let mut table = read(path, request)?;
    let place = Scope { control: table.columns.label.clone(), ..Scope::default() };
    let policies = BTreeMap::from([("repeats".to_owned(), request.repeats.name().to_owned())]);
    let ratings = table.take_ratings();
    let of_table = |ratings| {
        let subject = Subject::new(ratings, &table.raters, &table.labels).with_values(table.values.as_deref());
        if request.order.is_some() { subject.in_order() } else { subject }
    };
    let subject = of_table(ratings);
    let counted = subject.facts().sample().ratings;
    let mut measures = figures(&subject, options, &place, &policies)?;
    // Who asks for certain measures has their own reading of them, and need not wait for ours.
    let is_asked = options.sets.is_none() && !matches!(options.measures, MeasureChoice::Named(_));
    let meaning = if is_asked { Some(insight(&subject, options)?) } else { None };
    for groups in &table.groups {
        let column = match groups.by.period {
            Some(period) => format!("{}:{}", groups.by.name, period.name()),
            None => groups.by.name.clone(),
        };
        for (value, ratings) in groups.names.iter().zip(groups.split(subject.facts().ratings())?) {
            let scope = Scope {
                by: "column".to_owned(),
                column: Some(column.clone()),
                value: Some(value.clone()),
                ..place.clone()
            };
            measures.extend(overall(&of_table(ratings), options, &scope, &policies)?);
        }
        if groups.names.len() <= MOST_POOLS {
            let parts = groups.split_keeping_items(subject.facts().ratings())?;
            let parts: Vec<_> = groups.names.iter().cloned().zip(parts).collect();
            let scope = Scope { by: "pools".to_owned(), column: Some(column), ..place.clone() };
            measures.extend(pools(&subject, &parts, options, &scope, &policies)?);
        }
    }
    if let Some(groups) = &table.rater_groups {
        let place = Scope { by: "group".to_owned(), column: Some(groups.column.clone()), ..place.clone() };
        let parts = groups.names.iter().cloned().zip(groups.split(subject.facts().ratings()));
        let parts: Vec<(String, Ratings)> = parts.collect();
        for (name, ratings) in &parts {
            let scope = Scope { value: Some(name.clone()), ..place.clone() };
            measures.extend(overall(&of_table(ratings.clone()), options, &scope, &policies)?);
        }
        measures.extend(pools(&subject, &parts, options, &place, &policies)?);
    }
    let data = TableData { insight: meaning, ..data(&table, counted) };
    Ok(TableReport { source: source(path, &table), params, measures, data })
}

fn source(path: &Path, table: &RatingTable) -> Source {
    let columns = &table.columns;
    Source {
        file: path.display().to_string(),
        format: table.kind.name(),
        rows: table.rows,
        columns: SourceColumns {
            item: columns.item.clone(),
            annotator: columns.annotator.clone(),
            label: columns.label.clone(),
        },
    }
}

fn data(table: &RatingTable, ratings: u64) -> TableData {
    let labels = table.labels.iter().zip(&table.label_counts);
    let dropped = table.dropped.iter();
    let by = table.groups.iter();
    TableData {
        figure_version: FIGURE_VERSION,
        rows: table.rows,
        items: table.rated,
        ratings,
        annotators: table.raters.len() as u64,
        labels: labels.map(|(label, &n)| LabelRatings { label: label.clone(), n }).collect(),
        dropped: dropped
            .map(|dropped| DroppedRows { reason: dropped.reason, rows: dropped.rows, first_row: dropped.first_row })
            .collect(),
        by: by
            .map(|groups| SplitColumn {
                column: groups.by.name.clone(),
                values: groups.names.len() as u64,
                ratings_without: groups.without,
            })
            .collect(),
        annotator_groups: table.rater_groups.as_ref().map(|groups| AnnotatorGroups {
            column: groups.column.clone(),
            groups: (groups.names.iter().cloned().zip(groups.sizes()))
                .map(|(group, annotators)| AnnotatorGroup { group, annotators })
                .collect(),
            annotators_without: groups.without(),
        }),
        insight: None,
    }
}

/// Writes the report as a file or as text.
pub fn render_table(report: &TableReport, format: TableFormat, out: &mut dyn std::io::Write) -> Result<()> {
    let written = match format {
        TableFormat::Json => {
            let mut buffered = std::io::BufWriter::new(&mut *out);
            let json = serde_json::to_writer_pretty(&mut buffered, report).map_err(std::io::Error::from);
            json.and_then(|()| buffered.write_all(b"\n")).and_then(|()| buffered.flush())
        }
        TableFormat::Csv => out.write_all(render::csv(&report.measures).as_bytes()),
        TableFormat::Parquet => out.write_all(&crate::lake::encode_report(&tidy::figure_table(&report.measures)?)?),
        TableFormat::Table => out.write_all(text(report)?.as_bytes()),
    };
    // The reader of a pipe may have seen enough.
    written
        .or_else(|error| if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
        .map_err(|error| Error::invalid(format!("the output cannot be written ({error})")))
}

/// Labels printed; JSON has them all.
const LABELS_SHOWN: usize = 20;

fn text(report: &TableReport) -> Result<String> {
    let mut text = String::new();
    let (source, data) = (&report.source, &report.data);
    let _ = writeln!(
        text,
        "{}: {} rows, {} ratings of {} items by {} annotators",
        source.file, data.rows, data.ratings, data.items, data.annotators
    );
    for dropped in &data.dropped {
        let reason = dropped.reason.replace('_', " ");
        let _ = writeln!(text, "  left out: {} {reason}, first in row {}", dropped.rows, dropped.first_row);
    }
    for by in &data.by {
        if by.ratings_without > 0 {
            let _ = writeln!(text, "  {} ratings have no {:?}", by.ratings_without, by.column);
        }
    }
    if let Some(groups) = data.annotator_groups.as_ref().filter(|groups| groups.annotators_without > 0) {
        let _ = writeln!(text, "  annotators without a {:?}: {}", groups.column, groups.annotators_without);
    }
    let mut labels: Vec<String> =
        data.labels.iter().take(LABELS_SHOWN).map(|label| format!("{} ({})", label.label, label.n)).collect();
    if data.labels.len() > LABELS_SHOWN {
        labels.push(format!("and {} more", data.labels.len() - LABELS_SHOWN));
    }
    let _ = writeln!(text, "\n{}: {}", source.columns.label, labels.join(", "));
    let rows: Vec<&Measure> = report.measures.iter().collect();
    render::sections(&mut text, &rows, &|id| id.to_owned())?;
    if let Some(insight) = &data.insight {
        let _ = write!(text, "\n{}", in_words(insight));
    }
    Ok(text)
}
