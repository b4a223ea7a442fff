//! From the columns of a file to ratings.

use std::path::Path;

use assay_stats::agreement::Ratings;

use super::codes::{Coded, Coder, MISSING, TextOrder};
use super::columns::Chosen;
use super::labels::{LabelColumn, Labels, arrange};
use super::names::Names;
use super::repeats::{Repeat, resolve};
use super::sort::{Placed, Rows, Sorted, by_item};
use super::source::{Kind, open};
use super::split::Groups;
use super::{GroupSource, Level, RaterGroups, Repeats, Request, csv, fault, fault_at, jsonl, parquet};
use crate::error::{Error, Result};

/// The ratings of a table.
#[derive(Debug)]
pub struct RatingTable {
    pub kind: Kind,
    pub columns: Chosen,
    /// Rows of the file, without the header.
    pub rows: u64,
    pub ratings: Ratings,
    /// Items by code; some may have no rating that counts.
    pub items: Names,
    /// Items with a rating.
    pub rated: u64,
    /// By code, those with a rating that counts.
    pub raters: Vec<String>,
    /// By code, in the order of the labels: those with a rating that counts, and all of a given order.
    pub labels: Vec<String>,
    /// Ratings by label.
    pub label_counts: Vec<u64>,
    /// By label code, if all labels are numbers.
    pub values: Option<Vec<f64>>,
    /// One for each column of the request's `by`.
    pub groups: Vec<Groups>,
    pub rater_groups: Option<RaterGroups>,
    pub dropped: Vec<DroppedRows>,
}

impl RatingTable {
    /// The ratings, of which there is one copy only.
    pub fn take_ratings(&mut self) -> Ratings {
        std::mem::take(&mut self.ratings)
    }
}

/// Rows that do not count, and the first of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedRows {
    /// `missing_item`, `missing_annotator`, `missing_label`, `repeat_by_same_annotator`; `repeat_averaged` counts rows that went into a mean.
    pub reason: &'static str,
    pub rows: u64,
    /// From 1, without the header.
    pub first_row: u64,
}

/// What the formats hand over: a coder for each column of [`Chosen::all`].
#[derive(Debug)]
pub(super) struct Columns {
    pub chosen: Chosen,
    pub coders: Vec<Coder>,
    pub rows: u64,
}

/// Rows are numbered in 32 bits.
pub(super) fn check_rows(path: &Path, rows: u64) -> Result<()> {
    if rows < u64::from(MISSING) {
        return Ok(());
    }
    Err(fault(path, format_args!("a table can have up to {} rows; split it by item", MISSING - 1)))
}

/// Reads a table of ratings.
///
/// # Errors
/// When the file is no table, lacks a column, or holds values that the request cannot work with: the message names file, row and column.
pub fn read(path: &Path, request: &Request) -> Result<RatingTable> {
    check(request)?;
    let (file, kind) = open(path)?;
    let Columns { chosen, coders, rows } = match kind {
        Kind::Csv { delimiter } => csv::read(path, file, delimiter, request)?,
        Kind::JsonLines => jsonl::read(path, file, request)?,
        Kind::Parquet => parquet::read(path, file, request)?,
    };
    let mut coded = finish(coders, request.threads);
    let mut by = coded.split_off(Chosen::BY.min(coded.len()));
    let of_groups = by.split_off(request.by.len().min(by.len())).pop();
    let mut core = coded.into_iter();
    let (Some(items), Some(raters), Some(labels)) = (core.next(), core.next(), core.next()) else {
        return Err(Error::internal(anyhow::anyhow!("a table without its three columns")));
    };
    let column = LabelColumn { path, name: &chosen.label, typed: kind.is_typed() };
    let mut labels = arrange(column, labels, request)?;

    let mut dropped = incomplete(rows_of(&items, &raters, &labels));
    let needs_rows = !by.is_empty() || of_groups.is_some();
    let (items, mut raters, sorted) = sort(items, raters, &mut labels, needs_rows, request.threads);
    let mut rater_groups = None;
    let (offsets, cells, groups) = match sorted {
        Ordered::Plain(mut sorted) => {
            raters = keep_those_used(&mut sorted.ratings, raters, &mut labels);
            (sorted.offsets, sorted.ratings, Vec::new())
        }
        Ordered::WithRows(mut sorted) => {
            let resolved = resolve(&mut sorted, request.repeats, &mut raters, &mut labels)
                .map_err(|repeat| refusal(path, &chosen, &repeat, &items, &raters))?;
            if resolved.rows > 0 {
                let is_mean = request.repeats == Repeats::Mean;
                let reason = if is_mean { "repeat_averaged" } else { "repeat_by_same_annotator" };
                dropped.push(DroppedRows { reason, rows: resolved.rows, first_row: resolved.first_row });
            }
            raters = keep_those_used(&mut sorted.ratings, raters, &mut labels);
            let groups = request.by.iter().zip(&by).map(|(by, coded)| Groups::new(path, by, coded, &sorted.ratings));
            let groups = groups.collect::<Result<Vec<_>>>()?;
            if let (Some(GroupSource::Column(column)), Some(coded)) = (&request.groups, &of_groups) {
                rater_groups = Some(RaterGroups::of_column(path, column, coded, &sorted.ratings, &raters)?);
            }
            let cells = sorted.ratings.iter().map(|&rating| Placed::of(rating)).collect();
            (sorted.offsets, cells, groups)
        }
    };
    if let Some(GroupSource::File(file)) = &request.groups {
        rater_groups = Some(RaterGroups::of_file(file, &raters)?);
    }
    let mut label_counts = vec![0; labels.names.len()];
    for &(_, label) in &cells {
        label_counts[label as usize] += 1;
    }
    let rated = offsets.windows(2).filter(|bounds| bounds[0] < bounds[1]).count() as u64;
    let ratings = Ratings::from_cells(offsets, cells, raters.len(), labels.names.len())
        .map_err(|e| Error::internal(anyhow::Error::new(e).context("ratings of a table")))?;
    Ok(RatingTable {
        kind,
        columns: chosen,
        rows,
        ratings,
        items,
        rated,
        raters,
        labels: labels.names,
        label_counts,
        values: labels.values,
        groups,
        rater_groups,
        dropped,
    })
}

fn rows_of<'a>(items: &'a Coded, raters: &'a Coded, labels: &'a Labels) -> Rows<'a> {
    Rows { items: &items.codes, raters: &raters.codes, labels: &labels.codes }
}

/// The complete rows, by item.
enum Ordered {
    /// Nobody rated an item twice, and no column splits the rows.
    Plain(Sorted<(u32, u32)>),
    WithRows(Sorted),
}

/// Consumes the codes: what the sorted ratings are made of would take as much memory again.
fn sort(
    items: Coded,
    raters: Coded,
    labels: &mut Labels,
    needs_rows: bool,
    threads: usize,
) -> (Names, Vec<String>, Ordered) {
    let rows = rows_of(&items, &raters, labels);
    let n_items = items.names.len();
    let plain = (!needs_rows).then(|| by_item(rows, n_items, threads)).filter(|sorted| !sorted.repeats);
    let ordered = match plain {
        Some(plain) => Ordered::Plain(plain),
        None => Ordered::WithRows(by_item(rows, n_items, threads)),
    };
    labels.codes = Vec::new();
    (items.names, names(&raters.names), ordered)
}

fn check(request: &Request) -> Result<()> {
    if request.repeats == Repeats::All && matches!(request.groups, Some(GroupSource::File(_))) {
        return Err(Error::invalid(
            "--duplicates all makes annotators of repeats, which are in no file of groups: give --group-by COLUMN, or another policy",
        ));
    }
    if request.repeats != Repeats::Mean {
        return Ok(());
    }
    if request.level == Level::Nominal {
        return Err(Error::invalid(
            "--duplicates mean needs numbers: give --level interval or ratio, or another policy",
        ));
    }
    if request.order.is_some() {
        return Err(Error::invalid(
            "--duplicates mean makes numbers that no given list of labels has: leave out one of them",
        ));
    }
    Ok(())
}

/// Numbers the distinct values of each column, several columns at a time.
fn finish(coders: Vec<Coder>, threads: usize) -> Vec<Coded> {
    let order = |slot| if slot == Chosen::ITEM { TextOrder::Hash } else { TextOrder::CodePoints };
    if threads < 2 {
        return coders.into_iter().enumerate().map(|(slot, coder)| coder.finish(order(slot))).collect();
    }
    // The items take as long as all other columns.
    let mut coders = coders.into_iter();
    let items = coders.next();
    std::thread::scope(|scope| {
        let others = scope.spawn(|| coders.map(|coder| coder.finish(TextOrder::CodePoints)).collect::<Vec<_>>());
        let items = items.map(|coder| coder.finish(TextOrder::Hash));
        let others = others.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        items.into_iter().chain(others).collect()
    })
}

fn names(names: &Names) -> Vec<String> {
    (0..names.len() as u32).map(|code| names.name(code).into_owned()).collect()
}

/// Rows without an item, an annotator or a label; a row counts for the first of these.
fn incomplete(table: Rows<'_>) -> Vec<DroppedRows> {
    let mut dropped = Vec::new();
    let columns = [("missing_item", table.items), ("missing_annotator", table.raters), ("missing_label", table.labels)];
    for (place, (reason, codes)) in columns.iter().enumerate() {
        let counted_before = |row: usize| columns[..place].iter().any(|(_, codes)| codes[row] == MISSING);
        let mut missing = codes.iter().enumerate().filter(|&(row, &code)| code == MISSING && !counted_before(row));
        if let Some((first, _)) = missing.next() {
            dropped.push(DroppedRows { reason, rows: 1 + missing.count() as u64, first_row: first as u64 + 1 });
        }
    }
    dropped
}

fn refusal(path: &Path, columns: &Chosen, repeat: &Repeat, items: &Names, raters: &[String]) -> Error {
    let Repeat { item, rater, row, first_row, rows } = *repeat;
    let message = format!(
        "{:?} rated item {:?} in row {first_row} already ({rows} such {} in all); mend the table, or say which rating counts: --duplicates first, last, mean or all",
        raters[rater as usize],
        items.name(item),
        if rows == 1 { "row" } else { "rows" }
    );
    fault_at(path, row, &columns.annotator, message)
}

/// Leaves out raters and labels without a rating, except for labels of a given order.
fn keep_those_used(ratings: &mut [impl Placed], raters: Vec<String>, labels: &mut Labels) -> Vec<String> {
    let (mut by_rater, mut by_label) = (vec![0_u64; raters.len()], vec![0_u64; labels.names.len()]);
    for (rater, label) in ratings.iter_mut().map(Placed::codes) {
        by_rater[*rater as usize] += 1;
        by_label[*label as usize] += 1;
    }
    let unused = |counts: &[u64]| counts.contains(&0);
    if !unused(&by_rater) && (labels.fixed || !unused(&by_label)) {
        return raters;
    }
    let mut next = 0;
    let recode: Vec<u32> = by_rater
        .iter()
        .map(|&count| {
            let code = next;
            next += u32::from(count > 0);
            code
        })
        .collect();
    let label_codes = if labels.fixed { (0..by_label.len() as u32).collect() } else { labels.keep(&by_label) };
    for (rater, label) in ratings.iter_mut().map(Placed::codes) {
        *rater = recode[*rater as usize];
        *label = label_codes[*label as usize];
    }
    raters.into_iter().zip(by_rater).filter(|&(_, count)| count > 0).map(|(name, _)| name).collect()
}
