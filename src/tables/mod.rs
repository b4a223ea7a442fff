//! Tidy tables of ratings, one row per rating, from a file to coded ratings.
//!
//! A file is CSV, Parquet or JSON lines. Only the columns that are asked for are kept, as codes of their distinct values; rows are then
//! sorted by item, repeats are resolved, and what was left out is counted with its first row. Rows are counted from 1, without the header.

mod codes;
mod columns;
mod csv;
mod groups;
mod jsonl;
mod labels;
mod names;
mod numbering;
mod parquet;
mod periods;
mod positional;
mod records;
mod repeats;
mod sort;
mod source;
mod split;
mod table;
mod texts;

use std::path::Path;

pub use columns::Chosen;
pub use groups::{GroupSource, RaterGroups};
pub use names::Names;
pub use periods::Period;
pub use source::Kind;
pub use split::Groups;
pub use table::{DroppedRows, RatingTable, read};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Error;

/// What to take from a file and how to understand it.
#[derive(Debug, Clone)]
pub struct Request {
    /// Names of columns; by default the first that exists of the usual ones.
    pub item: Option<String>,
    pub annotator: Option<String>,
    pub label: Option<String>,
    /// Columns whose values split the ratings.
    pub by: Vec<ByColumn>,
    /// What says which group an annotator is of.
    pub groups: Option<GroupSource>,
    pub level: Level,
    /// Every label in ascending order, used or not. By default numbers by value, texts by code point.
    pub order: Option<Vec<String>>,
    pub repeats: Repeats,
    pub threads: usize,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            item: None,
            annotator: None,
            label: None,
            by: Vec::new(),
            groups: None,
            level: Level::Nominal,
            order: None,
            repeats: Repeats::First,
            threads: 1,
        }
    }
}

/// A column that splits the ratings, by its values or by the calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByColumn {
    pub name: String,
    pub period: Option<Period>,
}

/// What differences between labels mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Labels are equal or not.
    #[default]
    Nominal,
    /// Labels have an order.
    Ordinal,
    /// Differences between values mean the same everywhere on the scale.
    Interval,
    /// Values have a true zero.
    Ratio,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Self::Nominal => "nominal",
            Self::Ordinal => "ordinal",
            Self::Interval => "interval",
            Self::Ratio => "ratio",
        }
    }
}

/// Which rating counts where an annotator rated an item more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Repeats {
    /// The first row.
    First,
    /// The last row.
    Last,
    /// The mean of the numbers.
    Mean,
    /// Every row: the second rating of an item is that of another annotator.
    All,
    /// None: the table is refused.
    #[value(name = "error")]
    Refuse,
}

impl Repeats {
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
            Self::Mean => "mean",
            Self::All => "all",
            Self::Refuse => "error",
        }
    }
}

/// A fault of a file, with its name in front.
fn fault(path: &Path, message: impl std::fmt::Display) -> Error {
    Error::invalid(format!("{}: {message}", path.display()))
}

/// A fault of a value. Rows count from 1.
fn fault_at(path: &Path, row: u64, column: &str, message: impl std::fmt::Display) -> Error {
    fault(path, format!("row {row}, column {column:?}: {message}"))
}

/// A list as in L1,L2: one record of CSV, so that quotes hold labels with commas.
///
/// # Errors
/// When it is not one record.
pub fn parse_list(text: &str) -> crate::error::Result<Vec<String>> {
    let mut records = records::Records::new(text.as_bytes(), b',');
    let bad = || {
        Error::invalid(format!("{text:?} is not a list; expected labels with commas between them, as in low,mid,high"))
    };
    if !records.advance().map_err(|_| bad())? {
        return Err(bad());
    }
    let list = (0..records.len()).map(|place| String::from_utf8_lossy(records.field(place)).into_owned()).collect();
    if records.advance().map_err(|_| bad())? { Err(bad()) } else { Ok(list) }
}
