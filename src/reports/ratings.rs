//! The answers to one control, coded for the statistics.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use assay_stats::agreement::Ratings;

use super::answers::{Answers, Given};
use super::controls::{AnswerKind, Control};
use super::figures::{Breakdown, FigureOptions, Level, Subject};
use super::scale::Scale;
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
    pub fn read(answers: &Answers, control: &Control, level: Level) -> Result<Self> {
        let of_control = Reader::new(answers, &control.name);
        let (mut ratings, scale) = match control.kind {
            AnswerKind::Label => {
                let (ratings, labels) = of_control.labels();
                (ratings, Scale::of_labels(labels, control, level)?)
            }
            AnswerKind::Number => {
                let (ratings, numbers) = of_control.numbers();
                (ratings, Scale::of_numbers(numbers, control, level)?)
            }
            AnswerKind::Set => {
                let (ratings, sets) = of_control.sets(control.blank_is_empty);
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

/// Collects answers item by item.
struct Reader<'a> {
    answers: &'a Answers,
    control: Option<u32>,
    ratings: ControlRatings,
    /// By code of the snapshot's raters: code of first appearance, where they have one.
    raters: Vec<Option<u32>>,
    seen: Vec<u32>,
}

impl<'a> Reader<'a> {
    fn new(answers: &'a Answers, control: &str) -> Self {
        let code = answers.controls().iter().position(|(name, _)| name == control).map(|code| code as u32);
        Self {
            answers,
            control: code,
            ratings: ControlRatings { offsets: vec![0], ..ControlRatings::default() },
            raters: vec![None; answers.raters().len()],
            seen: Vec::new(),
        }
    }

    /// Adds each answer for which `label` gives a code.
    fn collect(mut self, mut label: impl FnMut(Given<'_>, u32) -> Option<u32>) -> ControlRatings {
        let Some(control) = self.control else { return self.ratings };
        for (item, given) in self.answers.used() {
            let start = self.ratings.answers.len();
            let mut newest = None;
            for given in given {
                let Some(label) = label(given, control) else { continue };
                let rater = self.rater(given.rater());
                self.ratings.answers.push(Answer { rater, label });
                self.ratings.annotation_ids.push(given.id().to_owned());
                newest = newest.max(given.updated_at());
            }
            if self.ratings.answers.len() > start {
                self.ratings.items.push(item.to_owned());
                self.ratings.offsets.push(self.ratings.answers.len());
                self.ratings.updated_at.push(newest);
            }
        }
        self.finish()
    }

    fn rater(&mut self, code: u32) -> u32 {
        let seen = &mut self.seen;
        *self.raters[code as usize].get_or_insert_with(|| {
            seen.push(code);
            seen.len() as u32 - 1
        })
    }

    /// Raters in the order of their ids.
    fn finish(self) -> ControlRatings {
        let mut ratings = self.ratings;
        let mut order: Vec<u32> = (0..self.seen.len() as u32).collect();
        order.sort_unstable_by_key(|&place| self.seen[place as usize]);
        let mut recode = vec![0; order.len()];
        for (sorted, &place) in (0..).zip(&order) {
            recode[place as usize] = sorted;
        }
        ratings.answers.iter_mut().for_each(|answer| answer.rater = recode[answer.rater as usize]);
        let name = |&place: &u32| self.answers.raters()[self.seen[place as usize] as usize].clone();
        ratings.raters = order.iter().map(name).collect();
        ratings
    }

    fn labels(self) -> (ControlRatings, SortedCodes<String>) {
        let answers = self.answers;
        let mut codes = Codes::<u32>::default();
        let ratings = self.collect(|given, control| {
            let label = given.marks(control).find_map(|(label, _)| label)?;
            Some(codes.code(&label))
        });
        let SortedCodes { names, recode } = codes.sorted();
        // Codes of the snapshot are in the order of labels.
        let names = names.into_iter().map(|label| answers.labels()[label as usize].clone()).collect();
        (ratings, SortedCodes { names, recode })
    }

    fn numbers(self) -> (ControlRatings, SortedCodes<Number>) {
        let mut codes = Codes::<Number>::default();
        let ratings = self.collect(|given, control| {
            let number = given.marks(control).find_map(|(_, number)| number.filter(|number| number.is_finite()))?;
            Some(codes.code(&Number::new(number)))
        });
        (ratings, codes.sorted())
    }

    fn sets(self, blank_is_empty: bool) -> (ControlRatings, SortedCodes<String>) {
        let answers = self.answers;
        let mut codes = Codes::<String>::default();
        let ratings = self.collect(|given, control| {
            let mut marks = given.marks(control).peekable();
            if marks.peek().is_none() && !blank_is_empty {
                return None;
            }
            let set: BTreeSet<&str> =
                marks.filter_map(|(label, _)| Some(answers.labels()[label? as usize].as_str())).collect();
            Some(codes.code(&joined(set)))
        });
        (ratings, codes.sorted())
    }
}

fn joined(set: BTreeSet<&str>) -> String {
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
