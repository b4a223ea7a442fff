//! The answers to one control, coded for the statistics.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use assay_stats::agreement::Ratings;
use datafusion::common::ScalarValue;

use super::columns::{Columns, text_at, value_at};
use super::controls::{AnswerKind, Control};
use super::figures::{Breakdown, FigureOptions, Level, Subject};
use super::scale::Scale;
use crate::engine::{Engine, TableSet};
use crate::error::{Error, Result};

/// Between the labels of a set where it is one text: no label has it in it (ASCII's unit separator).
pub const SET_SEPARATOR: &str = "\u{1f}";
/// Numbers with more values than this are no labels: there are no figures of each value, and no table of value by value.
pub const MOST_LABELS_OF_NUMBERS: usize = 12;

/// Where sums over labels have no short form, their number is squared: this many take a second or two.
const MOST_ON_SCALE: usize = 2000;

/// One annotator's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Code into `ControlRatings::raters`.
    pub rater: u32,
    /// Code into `ControlRatings::labels`.
    pub label: u32,
}

/// Every answer to a control, by item. Codes follow the order of the scale, or of names, so that equal data give equal codes.
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
    /// Labels, numbers as texts, or sets with [`SET_SEPARATOR`] between their labels.
    pub labels: Vec<String>,
    pub kind: AnswerKind,
    pub level: Level,
    /// The labels as numbers, ascending, one for each; none where they are texts or nobody asks for their distance.
    pub values: Option<Vec<f64>>,
    /// Whether `labels` are in an order of their own although they are no numbers.
    pub ordered: bool,
}

impl ControlRatings {
    /// # Errors
    /// `Invalid` when the answers do not have the level.
    pub async fn load(engine: &Engine, tables: &TableSet, control: &Control, level: Level) -> Result<Self> {
        let mut params = vec![("control", ScalarValue::from(control.name.as_str()))];
        let sql = match control.kind {
            AnswerKind::Label => include_str!("../../queries/lake/ratings.sql"),
            AnswerKind::Number => include_str!("../../queries/lake/number_ratings.sql"),
            AnswerKind::Set => {
                params.push(("blank", ScalarValue::from(control.blank_is_empty)));
                include_str!("../../queries/lake/set_ratings.sql")
            }
        };
        let batches = engine.query(tables, sql, params).await?;
        let (mut ratings, scale) = match control.kind {
            AnswerKind::Label => {
                let (ratings, labels) = labels(&batches)?;
                (ratings, Scale::of_labels(labels, control, level)?)
            }
            AnswerKind::Number => {
                let (ratings, numbers) = numbers(&batches)?;
                (ratings, Scale::of_numbers(numbers, control, level)?)
            }
            AnswerKind::Set => {
                let (ratings, sets) = sets(&batches)?;
                (ratings, Scale::of_sets(sets))
            }
        };
        if matches!(level, Level::Ordinal | Level::Ratio) && scale.labels.len() > MOST_ON_SCALE {
            return Err(Error::invalid(format!(
                "level {} would set {} different answers to {:?} against each other one by one, and {MOST_ON_SCALE} is the most; level interval \
                 takes any number",
                level.name(),
                scale.labels.len(),
                control.name
            )));
        }
        ratings.answers.iter_mut().for_each(|answer| answer.label = scale.recode[answer.label as usize]);
        (ratings.labels, ratings.values, ratings.ordered) = (scale.labels, scale.values, scale.ordered);
        (ratings.kind, ratings.level) = (control.kind, level);
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

    /// What figures are made of: all ratings of the control, or those of some items.
    pub fn subject(&self, ratings: Ratings) -> Subject<'_> {
        let subject = Subject::new(ratings, &self.raters, &self.labels).with_values(self.values.as_deref());
        if self.ordered { subject.in_order() } else { subject }
    }

    /// How figures of these answers are made.
    pub fn options(&self) -> FigureOptions {
        let mut options = FigureOptions { level: self.level, ..FigureOptions::default() };
        if self.kind == AnswerKind::Set {
            options.sets = Some(SET_SEPARATOR.to_owned());
        }
        if !self.has_few_labels() {
            options.by.remove(&Breakdown::Label);
        }
        options
    }

    /// Whether each label can have figures of its own.
    pub fn has_few_labels(&self) -> bool {
        self.kind != AnswerKind::Number || self.labels.len() <= MOST_LABELS_OF_NUMBERS
    }

    /// The labels of an answer, one by one: of a set all of them.
    pub fn labels_of(&self, label: u32) -> Vec<&str> {
        let text = self.labels[label as usize].as_str();
        match self.kind {
            AnswerKind::Set => text.split(SET_SEPARATOR).filter(|name| !name.is_empty()).collect(),
            AnswerKind::Label | AnswerKind::Number => vec![text],
        }
    }

    /// An answer as people read it.
    pub fn shown(&self, label: u32) -> Cow<'_, str> {
        match self.kind {
            AnswerKind::Set => self.labels_of(label).join(", ").into(),
            AnswerKind::Label | AnswerKind::Number => self.labels[label as usize].as_str().into(),
        }
    }

    /// Answers without any label.
    pub fn empty_sets(&self) -> u64 {
        let is_empty = |answer: &&Answer| self.labels[answer.label as usize].is_empty();
        if self.kind == AnswerKind::Set { self.answers.iter().filter(is_empty).count() as u64 } else { 0 }
    }
}

/// Collects answers that come item by item.
struct Reader {
    ratings: ControlRatings,
    raters: Codes<String>,
}

/// The columns that all queries of ratings have.
struct Row<'a> {
    items: &'a StringArray,
    raters: &'a StringArray,
    annotations: &'a StringArray,
    times: &'a TimestampMicrosecondArray,
}

impl<'a> Row<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self> {
        let columns = Columns(batch);
        Ok(Self {
            items: columns.text("item_id")?,
            raters: columns.text("rater_id")?,
            annotations: columns.text("annotation_id")?,
            times: columns.number::<TimestampMicrosecondType>("updated_at")?,
        })
    }
}

impl Reader {
    fn new() -> Self {
        Self { ratings: ControlRatings { offsets: vec![0], ..ControlRatings::default() }, raters: Codes::default() }
    }

    fn push(&mut self, columns: &Row<'_>, row: usize, label: u32) {
        let ratings = &mut self.ratings;
        let item = columns.items.value(row);
        if ratings.items.last().is_none_or(|last| last != item) {
            ratings.items.push(item.to_owned());
            ratings.offsets.push(ratings.answers.len());
            ratings.updated_at.push(None);
        }
        ratings.answers.push(Answer { rater: self.raters.code(columns.raters.value(row)), label });
        ratings.annotation_ids.push(columns.annotations.value(row).to_owned());
        if let (Some(end), Some(newest)) = (ratings.offsets.last_mut(), ratings.updated_at.last_mut()) {
            *end = ratings.answers.len();
            *newest = (*newest).max(value_at(columns.times, row));
        }
    }

    fn finish(self) -> ControlRatings {
        let mut ratings = self.ratings;
        let sorted = self.raters.sorted();
        ratings.answers.iter_mut().for_each(|answer| answer.rater = sorted.recode[answer.rater as usize]);
        ratings.raters = sorted.names;
        ratings
    }
}

fn labels(batches: &[RecordBatch]) -> Result<(ControlRatings, SortedCodes<String>)> {
    let (mut reader, mut codes) = (Reader::new(), Codes::<String>::default());
    for batch in batches {
        let (columns, names) = (Row::of(batch)?, Columns(batch).text("label")?);
        for row in 0..batch.num_rows() {
            reader.push(&columns, row, codes.code(names.value(row)));
        }
    }
    Ok((reader.finish(), codes.sorted()))
}

fn numbers(batches: &[RecordBatch]) -> Result<(ControlRatings, SortedCodes<Number>)> {
    let (mut reader, mut codes) = (Reader::new(), Codes::<Number>::default());
    for batch in batches {
        let (columns, numbers) = (Row::of(batch)?, Columns(batch).number::<Float64Type>("number")?);
        for row in (0..batch.num_rows()).filter(|row| numbers.value(*row).is_finite()) {
            reader.push(&columns, row, codes.code(&Number::new(numbers.value(row))));
        }
    }
    Ok((reader.finish(), codes.sorted()))
}

fn sets(batches: &[RecordBatch]) -> Result<(ControlRatings, SortedCodes<String>)> {
    let (mut reader, mut codes) = (Reader::new(), Codes::<String>::default());
    // The rows of one answer stand together; an answer is in one batch or goes on in the next.
    let mut answer: Option<(String, BTreeSet<String>)> = None;
    let mut places: Vec<u32> = Vec::new();
    for batch in batches {
        let (columns, names) = (Row::of(batch)?, Columns(batch).text("label")?);
        for row in 0..batch.num_rows() {
            let annotation = columns.annotations.value(row);
            if answer.as_ref().is_none_or(|(current, _)| current != annotation) {
                places.extend(answer.take().map(|(_, set)| codes.code(&joined(set))));
                reader.push(&columns, row, 0);
                answer = Some((annotation.to_owned(), BTreeSet::new()));
            }
            if let (Some((_, set)), Some(label)) = (&mut answer, text_at(names, row)) {
                set.insert(label);
            }
        }
    }
    places.extend(answer.map(|(_, set)| codes.code(&joined(set))));
    let mut ratings = reader.finish();
    ratings.answers.iter_mut().zip(places).for_each(|(answer, place)| answer.label = place);
    Ok((ratings, codes.sorted()))
}

fn joined(set: BTreeSet<String>) -> String {
    Vec::from_iter(set).join(SET_SEPARATOR)
}

/// A finite number that can be a key; −0 is 0.
#[derive(Debug, Clone, Copy)]
pub struct Number(pub f64);

impl Number {
    fn new(value: f64) -> Self {
        Self(value + 0.0)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

#[derive(Debug)]
struct Codes<K> {
    codes: BTreeMap<K, u32>,
}

impl<K> Default for Codes<K> {
    fn default() -> Self {
        Self { codes: BTreeMap::new() }
    }
}

/// Names in ascending order, and the place of each code of first appearance among them.
#[derive(Debug)]
pub struct SortedCodes<K> {
    pub names: Vec<K>,
    pub recode: Vec<u32>,
}

impl<K: Ord> Codes<K> {
    fn code<Q: Ord + ToOwned<Owned = K> + ?Sized>(&mut self, name: &Q) -> u32
    where
        K: Borrow<Q>,
    {
        if let Some(&code) = self.codes.get(name) {
            return code;
        }
        let code = self.codes.len() as u32;
        self.codes.insert(name.to_owned(), code);
        code
    }

    /// Codes in the order of names instead of first appearance.
    fn sorted(self) -> SortedCodes<K> {
        let mut recode = vec![0; self.codes.len()];
        for (sorted, code) in (0..).zip(self.codes.values()) {
            recode[*code as usize] = sorted;
        }
        SortedCodes { names: self.codes.into_keys().collect(), recode }
    }
}
