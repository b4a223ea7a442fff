//! What the API, the pages and the command line show of a report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use super::controls::AnswerKind;
use super::figures::{Insight, Level};
use super::measure::{Dropped, Measure};
use crate::store::{Changes, Operation};
use crate::tables::Period;

/// What an agreement report was asked for. Two equal parameter sets on one snapshot give the same bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgreementParams {
    /// Only this control; all controls with figures otherwise.
    pub control: Option<String>,
    /// What differences between answers mean; otherwise choices are nominal, ratings ordinal and numbers interval.
    #[serde(default)]
    pub level: Option<Level>,
    /// Only items whose slice field has this value.
    pub slice: BTreeMap<String, String>,
    /// Figures over time by this period; by one that suits the items otherwise.
    #[serde(default)]
    pub period: Option<Period>,
    /// Also the figures of the items with each value of this slice field.
    #[serde(default)]
    pub by_slice: Option<String>,
}

/// The agreement between annotators of one project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgreementReport {
    pub project: String,
    pub snapshot: i64,
    pub params: AgreementParams,
    pub measures: Vec<Measure>,
    pub data: AgreementData,
}

/// What went into the figures and what was left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgreementData {
    /// Number of the figure rules; raised when figures can change.
    pub figure_version: u32,
    pub items: u64,
    pub annotations: u64,
    /// Per control, sorted by name.
    pub controls: Vec<ControlData>,
    /// Rows left out of every control.
    pub dropped: Vec<Dropped>,
    /// Every rater that appears in a figure.
    pub raters: Vec<RaterName>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ControlData {
    pub control: String,
    /// `choices` …
    pub r#type: String,
    /// Whether agreement figures are computed for it; `why_not` says why not.
    pub reported: bool,
    pub why_not: Option<String>,
    /// What an answer is; null where there are no figures.
    #[serde(default)]
    pub answers: Option<AnswerKind>,
    /// What differences between answers mean; null where there are no figures.
    #[serde(default)]
    pub level: Option<Level>,
    /// How often each label was given, most frequent first, those of a scale in its order; annotations and predictions apart.
    /// Of numbers with more than a few values none: `histogram` has them.
    pub labels: Vec<LabelCount>,
    /// How numbers with many values are spread; empty otherwise.
    #[serde(default)]
    pub histogram: Vec<Bin>,
    /// Pairs of labels that two annotators gave to one item, without order.
    pub confusion: Vec<ConfusionCell>,
    /// Why there are no pairs of labels although there are figures.
    #[serde(default)]
    pub no_confusion: Option<String>,
    /// Answers that are the empty set: nothing was chosen where any number of labels can be.
    #[serde(default)]
    pub empty_sets: u64,
    /// Rows left out of this control only.
    pub dropped: Vec<Dropped>,
    /// What the figures mean; null where there are none.
    #[serde(default)]
    pub insight: Option<Insight>,
    /// What the figures over time are figures of; null where there are none.
    #[serde(default)]
    pub time: Option<TimeSplit>,
    /// What the figures by slice are figures of; null where none were asked for.
    #[serde(default)]
    pub by_slice: Option<SliceSplit>,
}

/// The periods of a control's items: an item belongs to the period of its newest answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimeSplit {
    pub period: Period,
    /// Periods with an item.
    pub periods: u64,
    /// Of these the newest have figures.
    pub shown: u64,
    /// Items none of whose answers has a time.
    pub items_without: u64,
}

/// The values of a slice field among a control's items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SliceSplit {
    pub field: String,
    /// Values that the field has.
    pub values: u64,
    /// Of these the ones with most items have figures.
    pub shown: u64,
    /// Items without the field.
    pub items_without: u64,
}

/// A field that items can be sliced by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceField {
    pub field: String,
    /// About how many values it has.
    pub values: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LabelCount {
    pub label: String,
    pub annotations: u64,
    pub predictions: u64,
}

/// Answers of at least `from` and below `to`; the last bin has its upper end, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Bin {
    pub from: f64,
    pub to: f64,
    pub annotations: u64,
    pub predictions: u64,
}

/// `n` times two annotators of one item chose `label` and `other` (unordered; `label <= other`, on a scale by its order).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfusionCell {
    pub label: String,
    pub other: String,
    pub n: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct RaterName {
    pub rater_id: String,
    /// Name, else e-mail, else the native id.
    pub name: String,
}

/// One item on which annotators differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Disagreement {
    pub item_id: String,
    pub control: String,
    /// Mean distance of the item's annotator pairs, in [0, 1]: of labels the share of pairs that differ, of numbers their difference by
    /// the range of all answers, of sets of labels MASI.
    pub score: f64,
    pub n_ratings: u64,
    /// Who said what, sorted by annotator.
    pub votes: Vec<Vote>,
    /// A short text of the item, for lists.
    pub preview: String,
    /// RFC 3339, UTC: the newest of the item's annotations.
    pub updated_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Vote {
    pub annotator: String,
    /// The label, the number as text, or the labels of a set with commas between them (empty for the empty set).
    pub label: String,
    /// Of a set its labels one by one; absent for other answers and for the empty set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    pub annotation_id: String,
}

impl Vote {
    /// Whether the answer is this label, or a set with it.
    pub fn has(&self, label: &str) -> bool {
        if self.labels.is_empty() { self.label == label } else { self.labels.iter().any(|own| own == label) }
    }
}

/// Filters of a disagreement list; all given ones must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DisagreementFilter {
    pub control: Option<String>,
    /// Both labels were given to the item (an unordered pair); a set has a label if it contains it.
    pub label: Option<String>,
    pub other_label: Option<String>,
    /// This annotator took part; with `other_annotator`, these two differ from each other.
    pub annotator: Option<String>,
    pub other_annotator: Option<String>,
    pub slice: BTreeMap<String, String>,
    /// RFC 3339: the newest annotation is at or after / before this.
    pub from: Option<String>,
    pub to: Option<String>,
    pub min_score: Option<f64>,
}

/// A page of a list: `next_cursor` is null on the last one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

/// An item with every annotation and prediction on it, side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ItemView {
    pub item_id: String,
    pub snapshot: i64,
    /// The item's data as imported.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
    #[schema(value_type = Object)]
    pub meta: serde_json::Value,
    pub annotations: Vec<AnnotationView>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnnotationView {
    pub annotation_id: String,
    /// `annotation` or `prediction`.
    pub kind: String,
    pub rater_id: String,
    pub rater_name: String,
    pub model_version: Option<String>,
    pub score: Option<f64>,
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
    pub lead_time_s: Option<f64>,
    pub cancelled: bool,
    pub ground_truth: bool,
    pub draft: bool,
    pub results: Vec<ResultView>,
}

/// One value or region. Geometry is in the units of the import (percent of the image for Label Studio).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResultView {
    pub control: String,
    pub target: Option<String>,
    pub r#type: String,
    pub region_id: Option<String>,
    pub labels: Vec<String>,
    pub number: Option<f64>,
    pub text: Option<String>,
    pub start: Option<f64>,
    pub end: Option<f64>,
    /// x, y, width, height, rotation.
    pub bbox: Option<[f64; 5]>,
    pub points: Option<Vec<[f64; 2]>>,
    pub score: Option<f64>,
    /// Width of the image in pixels, where regions are in percent of it.
    pub original_width: Option<f64>,
    pub original_height: Option<f64>,
    /// What has no column, as imported.
    #[schema(value_type = Option<Object>)]
    pub raw: Option<serde_json::Value>,
}

/// One project in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProjectView {
    pub id: String,
    pub name: String,
    pub created_at: String,
    /// The newest snapshot; null before the first import.
    pub snapshot: Option<SnapshotView>,
}

/// One version of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotView {
    pub number: i64,
    pub created_at: String,
    /// What made it.
    pub operation: Operation,
    /// Who made it: `key:<key id>`, `local`, `cli` or `demo`.
    pub actor: String,
    /// The files that it was imported from.
    pub sources: Vec<String>,
    pub items: u64,
    /// Submitted annotations and drafts; predictions are counted apart.
    pub annotations: u64,
    pub predictions: u64,
    pub results: u64,
    pub raters: u64,
    pub rejects: u64,
    pub bytes: u64,
    /// How it differs from the snapshot before.
    pub changes: Changes,
    /// When it was taken back; null while it can be read.
    pub retired_at: Option<String>,
    /// `retention` or `erasure`.
    pub retired_by: Option<String>,
}

/// What a compared row is. In this order where an item has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    Item,
    /// A submitted annotation.
    Annotation,
    Draft,
    Prediction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowChange {
    Added,
    Changed,
    Removed,
}

/// A row that differs between two snapshots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiffEntry {
    pub kind: RowKind,
    pub change: RowChange,
    /// The item's or the annotation's id.
    pub id: String,
    pub item_id: String,
    /// Of a changed row the fields that differ.
    pub fields: Vec<FieldChange>,
    /// Of a changed annotation the results that differ.
    pub results: Vec<ResultChange>,
}

/// A field with its value before and after; null where it has none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    /// A column, or a key in an object that a column holds: `updated_at`, `data.text`.
    #[schema(example = "label")]
    pub field: String,
    #[schema(value_type = Option<Value>, example = "good")]
    pub old: serde_json::Value,
    #[schema(value_type = Option<Value>, example = "bad")]
    pub new: serde_json::Value,
}

/// A result (one label of it) that differs between two versions of an annotation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResultChange {
    pub change: RowChange,
    pub control: Option<String>,
    pub r#type: String,
    pub region_id: Option<String>,
    /// The fields that differ; of an added or removed result all it has.
    pub fields: Vec<FieldChange>,
}

/// How many rows differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffCounts {
    pub items: RowCounts,
    pub annotations: RowCounts,
    pub drafts: RowCounts,
    pub predictions: RowCounts,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    pub added: u64,
    pub changed: u64,
    pub removed: u64,
}

impl DiffCounts {
    pub fn count(&mut self, entry: &DiffEntry) {
        let counts = match entry.kind {
            RowKind::Item => &mut self.items,
            RowKind::Annotation => &mut self.annotations,
            RowKind::Draft => &mut self.drafts,
            RowKind::Prediction => &mut self.predictions,
        };
        match entry.change {
            RowChange::Added => counts.added += 1,
            RowChange::Changed => counts.changed += 1,
            RowChange::Removed => counts.removed += 1,
        }
    }
}

/// What differs between two snapshots of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiffReport {
    pub project: String,
    pub from: i64,
    pub to: i64,
    pub counts: DiffCounts,
    /// The first of the rows that differ.
    pub entries: Vec<DiffEntry>,
    /// Whether there are more than those.
    pub more: bool,
}
