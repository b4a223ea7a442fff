//! The answers to one single-choice control, coded for the statistics.

use std::collections::BTreeMap;

use arrow::datatypes::TimestampMicrosecondType;
use assay_stats::agreement::Ratings;
use datafusion::common::ScalarValue;

use super::columns::{Columns, value_at};
use crate::engine::{Engine, TableSet};
use crate::error::{Error, Result};

/// One annotator's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Code into `ControlRatings::raters`.
    pub rater: u32,
    /// Code into `ControlRatings::labels`.
    pub label: u32,
}

/// Every answer to a control, by item. Codes follow the order of names, so that equal data give equal codes.
#[derive(Debug, Clone, Default)]
pub struct ControlRatings {
    pub items: Vec<String>,
    /// Item `i` has the answers `offsets[i]..offsets[i + 1]`.
    pub offsets: Vec<usize>,
    pub answers: Vec<Answer>,
    /// Parallel to `answers`.
    pub annotation_ids: Vec<String>,
    /// The newest answer to each item, µs.
    pub updated_at: Vec<Option<i64>>,
    pub raters: Vec<String>,
    pub labels: Vec<String>,
}

impl ControlRatings {
    pub async fn load(engine: &Engine, tables: &TableSet, control: &str) -> Result<Self> {
        let params = vec![("control", ScalarValue::from(control))];
        let batches = engine.query(tables, include_str!("../../queries/lake/ratings.sql"), params).await?;
        let mut ratings = Self { offsets: vec![0], ..Self::default() };
        let (mut raters, mut labels) = (Codes::default(), Codes::default());
        for batch in &batches {
            let columns = Columns(batch);
            let (items, rater_ids) = (columns.text("item_id")?, columns.text("rater_id")?);
            let (names, annotations) = (columns.text("label")?, columns.text("annotation_id")?);
            let times = columns.number::<TimestampMicrosecondType>("updated_at")?;
            for row in 0..batch.num_rows() {
                let item = items.value(row);
                if ratings.items.last().is_none_or(|last| last != item) {
                    ratings.items.push(item.to_owned());
                    ratings.offsets.push(ratings.answers.len());
                    ratings.updated_at.push(None);
                }
                ratings
                    .answers
                    .push(Answer { rater: raters.code(rater_ids.value(row)), label: labels.code(names.value(row)) });
                ratings.annotation_ids.push(annotations.value(row).to_owned());
                if let (Some(end), Some(newest)) = (ratings.offsets.last_mut(), ratings.updated_at.last_mut()) {
                    *end = ratings.answers.len();
                    *newest = (*newest).max(value_at(times, row));
                }
            }
        }
        let (rater_order, label_order) = (raters.sorted(), labels.sorted());
        for answer in &mut ratings.answers {
            answer.rater = rater_order.recode[answer.rater as usize];
            answer.label = label_order.recode[answer.label as usize];
        }
        ratings.raters = rater_order.names;
        ratings.labels = label_order.names;
        Ok(ratings)
    }

    pub fn of_item(&self, item: usize) -> std::ops::Range<usize> {
        self.offsets[item]..self.offsets[item + 1]
    }

    /// As the statistics take them.
    pub fn coded(&self) -> Result<Ratings> {
        let raters: Vec<u32> = self.answers.iter().map(|answer| answer.rater).collect();
        let labels: Vec<u32> = self.answers.iter().map(|answer| answer.label).collect();
        Ratings::new(self.offsets.clone(), &raters, &labels, self.raters.len(), self.labels.len())
            .map_err(|e| Error::internal(anyhow::Error::new(e).context("ratings of a control")))
    }
}

#[derive(Debug, Default)]
struct Codes {
    codes: BTreeMap<String, u32>,
}

struct SortedCodes {
    names: Vec<String>,
    recode: Vec<u32>,
}

impl Codes {
    fn code(&mut self, name: &str) -> u32 {
        if let Some(&code) = self.codes.get(name) {
            return code;
        }
        let code = self.codes.len() as u32;
        self.codes.insert(name.to_owned(), code);
        code
    }

    /// Codes in the order of names instead of first appearance.
    fn sorted(self) -> SortedCodes {
        let mut recode = vec![0; self.codes.len()];
        for (sorted, code) in (0..).zip(self.codes.values()) {
            recode[*code as usize] = sorted;
        }
        SortedCodes { names: self.codes.into_keys().collect(), recode }
    }
}
