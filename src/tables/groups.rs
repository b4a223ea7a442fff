//! Groups of annotators: crews, vendors, levels of training.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use assay_stats::agreement::Ratings;

use super::codes::{Coded, MISSING};
use super::records::Records;
use super::sort::Rating;
use super::{fault, fault_at};
use crate::error::{Error, Result};

/// More groups than this are no groups, but values that happen to differ between annotators.
const MOST_GROUPS: usize = 50;

/// Where it stands which group an annotator is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupSource {
    /// A CSV file with the columns annotator and group.
    File(PathBuf),
    /// A column of the table that is the same in all rows of an annotator.
    Column(String),
}

/// The group of each annotator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaterGroups {
    /// The column of the groups.
    pub column: String,
    /// Those with an annotator, in ascending order.
    pub names: Vec<String>,
    /// By rater code the place of its group.
    of_rater: Vec<Option<usize>>,
}

impl RaterGroups {
    /// Groups by a column of the table; rows without a value say nothing.
    pub(super) fn of_column(
        path: &Path,
        column: &str,
        coded: &Coded,
        ratings: &[Rating],
        raters: &[String],
    ) -> Result<Self> {
        let code = |rating: &Rating| Some(coded.codes[rating.row as usize]).filter(|&code| code != MISSING);
        let mut first: Vec<Option<Rating>> = vec![None; raters.len()];
        for rating in ratings.iter().filter(|rating| code(rating).is_some()) {
            let known = &mut first[rating.rater as usize];
            if known.is_none_or(|known| rating.row < known.row) {
                *known = Some(*rating);
            }
        }
        let name = |rating: &Rating| code(rating).map(|code| coded.names.name(code).into_owned()).unwrap_or_default();
        let other = |rating: &&Rating| {
            let known = first[rating.rater as usize].as_ref().and_then(code);
            code(rating).is_some_and(|code| known.is_some_and(|known| known != code))
        };
        if let Some(rating) = ratings.iter().filter(other).min_by_key(|rating| rating.row)
            && let Some(known) = &first[rating.rater as usize]
        {
            let why = two_groups(&raters[rating.rater as usize], &name(rating), &name(known), u64::from(known.row) + 1);
            let why = format!("{why}, or split ratings instead: --by {column}");
            return Err(fault_at(path, u64::from(rating.row) + 1, column, why));
        }
        let codes: Vec<Option<u32>> = first.iter().map(|rating| rating.as_ref().and_then(code)).collect();
        let mut used: Vec<u32> = codes.iter().flatten().copied().collect();
        used.sort_unstable();
        used.dedup();
        let place = |code: u32| used.partition_point(|&known| known < code);
        let groups = Self {
            column: column.to_owned(),
            names: used.iter().map(|&code| coded.names.name(code).into_owned()).collect(),
            of_rater: codes.into_iter().map(|code| code.map(place)).collect(),
        };
        groups.checked(path)
    }

    /// Groups by a file of their own; annotators that are not in the table play no part.
    pub(super) fn of_file(path: &Path, raters: &[String]) -> Result<Self> {
        let file = File::open(path)
            .map_err(|error| Error::invalid(format!("--groups {}: cannot be read ({error})", path.display())))?;
        let given = read_groups(path, file)?;
        let group = |rater: &String| given.get(rater).map(|(group, _)| group);
        let mut names: Vec<String> = raters.iter().filter_map(group).cloned().collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            let known: Vec<&str> = raters.iter().take(3).map(String::as_str).collect();
            let why = format!("none of its annotators rated anything; those of the table are {} …", known.join(", "));
            return Err(fault(path, why));
        }
        let place = |group: &String| names.partition_point(|known| known < group);
        let of_rater = raters.iter().map(|rater| group(rater).map(place)).collect();
        Self { column: GROUP.to_owned(), names, of_rater }.checked(path)
    }

    fn checked(self, path: &Path) -> Result<Self> {
        match self.names.len() {
            0 => Err(fault(path, format!("no row has a {:?}: there are no groups to compare", self.column))),
            n if n > MOST_GROUPS => {
                let why =
                    format!("{:?} makes {n} groups of annotators; up to {MOST_GROUPS} can be compared", self.column);
                Err(fault(path, why))
            }
            _ => Ok(self),
        }
    }

    /// How many annotators each group has.
    pub fn sizes(&self) -> Vec<u64> {
        let mut sizes = vec![0; self.names.len()];
        self.of_rater.iter().flatten().for_each(|&group| sizes[group] += 1);
        sizes
    }

    /// Annotators of no group.
    pub fn without(&self) -> u64 {
        self.of_rater.iter().filter(|group| group.is_none()).count() as u64
    }

    /// The ratings of each group on all items, in the order of the names; codes stay what they are.
    pub fn split(&self, ratings: &Ratings) -> Vec<Ratings> {
        let of = |rater: u32| self.of_rater.get(rater as usize).copied().flatten();
        (0..self.names.len()).map(|group| ratings.of_raters(|rater| of(rater) == Some(group))).collect()
    }
}

const ANNOTATOR: &str = "annotator";
const GROUP: &str = "group";

fn two_groups(annotator: &str, group: &str, known: &str, row: u64) -> String {
    format!(
        "annotator {annotator:?} is of group {group:?} here, but of {known:?} in row {row}; an annotator has one group: mend one of them"
    )
}

/// By annotator the group, and the row that says so.
fn read_groups(path: &Path, file: File) -> Result<BTreeMap<String, (String, u64)>> {
    let mut records = Records::new(file, b',');
    let text = |records: &Records<File>, place: usize| {
        let field = records.field(place);
        let field = if place == 0 { field.strip_prefix(b"\xef\xbb\xbf").unwrap_or(field) } else { field };
        std::str::from_utf8(field).map(|text| text.trim().to_owned())
    };
    let header = || fault(path, "expected a CSV file with the header annotator,group and one row for each annotator");
    if !records.advance().map_err(|bad| fault(path, bad))? {
        return Err(header());
    }
    let names: Vec<String> = (0..records.len()).map(|place| text(&records, place).unwrap_or_default()).collect();
    let column = |wanted: &str| names.iter().position(|name| name == wanted).ok_or_else(header);
    let (annotators, groups) = (column(ANNOTATOR)?, column(GROUP)?);
    let mut found: BTreeMap<String, (String, u64)> = BTreeMap::new();
    let mut row = 0;
    while records.advance().map_err(|bad| fault(path, bad))? {
        if records.len() == 1 && records.field(0).is_empty() {
            continue;
        }
        row += 1;
        let field = |place: usize, column: &str| {
            let value = if place < records.len() { text(&records, place).ok() } else { None };
            value
                .filter(|value| !value.is_empty())
                .ok_or_else(|| fault_at(path, row, column, "expected a name in UTF-8, found none; leave out the row"))
        };
        let (annotator, group) = (field(annotators, ANNOTATOR)?, field(groups, GROUP)?);
        match found.get(&annotator) {
            Some((known, first)) if *known != group => {
                return Err(fault_at(path, row, GROUP, two_groups(&annotator, &group, known, *first)));
            }
            Some(_) => {}
            None => drop(found.insert(annotator, (group, row))),
        }
    }
    Ok(found)
}
