//! Ratings split by the values of another column.

use std::collections::BTreeMap;
use std::path::Path;

use assay_stats::agreement::Ratings;

use super::codes::{Coded, MISSING};
use super::sort::Rating;
use super::{ByColumn, fault_at};
use crate::error::{Error, Result};

/// Which group each rating belongs to.
#[derive(Debug, Clone)]
pub struct Groups {
    pub by: ByColumn,
    /// The values in ascending order: numbers by value, texts by code point.
    pub names: Vec<String>,
    /// Parallel to the ratings.
    codes: Vec<u32>,
    /// Ratings whose row has no value: they are in no group.
    pub without: u64,
}

impl Groups {
    /// The groups of the ratings that count.
    pub fn new(path: &Path, by: &ByColumn, coded: &Coded, ratings: &[Rating]) -> Result<Self> {
        let (names, recode) = match by.period {
            None => ((0..coded.names.len() as u32).map(|code| coded.names.name(code).into_owned()).collect(), None),
            Some(_) => periods(path, by, coded).map(|(names, recode)| (names, Some(recode)))?,
        };
        let code_of = |rating: &Rating| match (coded.codes[rating.row as usize], &recode) {
            (MISSING, _) => MISSING,
            (code, Some(recode)) => recode[code as usize],
            (code, None) => code,
        };
        let codes: Vec<u32> = ratings.iter().map(code_of).collect();
        let without = codes.iter().filter(|&&code| code == MISSING).count() as u64;
        Ok(Self { by: by.clone(), names, codes, without })
    }

    /// The ratings of each group on all items, so that groups can be compared item by item.
    pub fn split_keeping_items(&self, ratings: &Ratings) -> Result<Vec<Ratings>> {
        let n = self.names.len();
        let mut offsets = vec![vec![0]; n];
        let mut cells = vec![Vec::new(); n];
        let mut codes = self.codes.iter();
        for answers in ratings.items() {
            for (&cell, &group) in answers.iter().zip(codes.by_ref()).filter(|&(_, &group)| group != MISSING) {
                cells[group as usize].push(cell);
            }
            offsets.iter_mut().zip(&cells).for_each(|(offsets, cells)| offsets.push(cells.len()));
        }
        offsets.into_iter().zip(cells).map(|(offsets, cells)| group(offsets, cells, ratings)).collect()
    }

    /// The ratings of each group, in the order of the names; codes of raters and labels stay what they are.
    pub fn split(&self, ratings: &Ratings) -> Result<Vec<Ratings>> {
        let n = self.names.len();
        let mut offsets = vec![Vec::new(); n];
        let mut cells = vec![Vec::new(); n];
        let mut newest = vec![usize::MAX; n];
        let mut codes = self.codes.iter();
        for (item, answers) in ratings.items().enumerate() {
            for (&cell, &group) in answers.iter().zip(codes.by_ref()) {
                if group == MISSING {
                    continue;
                }
                let group = group as usize;
                if newest[group] != item {
                    newest[group] = item;
                    offsets[group].push(cells[group].len());
                }
                cells[group].push(cell);
            }
        }
        let groups = offsets.into_iter().zip(cells).map(|(mut offsets, cells)| {
            offsets.push(cells.len());
            group(offsets, cells, ratings)
        });
        groups.collect()
    }
}

fn group(offsets: Vec<usize>, cells: Vec<(u32, u32)>, of: &Ratings) -> Result<Ratings> {
    Ratings::from_cells(offsets, cells, of.n_raters(), of.n_labels())
        .map_err(|e| Error::internal(anyhow::Error::new(e).context("ratings of a group")))
}

/// The periods that occur, and for each time the code of its period.
fn periods(path: &Path, by: &ByColumn, coded: &Coded) -> Result<(Vec<String>, Vec<u32>)> {
    let mut of_time = Vec::with_capacity(coded.names.len());
    for code in 0..coded.names.len() as u32 {
        let time = coded.names.name(code);
        let Some(period) = by.period.and_then(|period| period.of(&time)) else {
            let row = coded.codes.iter().position(|&other| other == code).map_or(0, |place| place as u64 + 1);
            let why = format!("{time:?} is not a date or time; 2026-01-31 or 2026-01-31T12:00:00Z was expected");
            return Err(fault_at(path, row, &by.name, why));
        };
        of_time.push(period);
    }
    let mut codes: BTreeMap<&str, u32> = of_time.iter().map(|period| (period.as_str(), 0)).collect();
    for (place, code) in (0..).zip(codes.values_mut()) {
        *code = place;
    }
    let recode = of_time.iter().map(|period| codes[period.as_str()]).collect();
    Ok((codes.keys().map(|&period| period.to_owned()).collect(), recode))
}
