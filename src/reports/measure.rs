//! The tidy shape of every report: measures, and what was left out of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a measure is about. Absent fields mean "all".
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Scope {
    /// `overall`, `label`, `pair`, `annotator`, `without_annotator`, `period`, `slice` or `column`.
    pub by: String,
    /// The control (`from_name`) the ratings belong to; of a table the column of labels.
    pub control: String,
    /// The label, for `by = "label"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The annotator, for `by = "annotator"` and `"without_annotator"`; the first of the two, for `by = "pair"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotator: Option<String>,
    /// The second annotator, for `by = "pair"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// What splits the items: a column for `by = "column"`, a slice field for `"slice"`, time and period for `"period"`, as in
    /// `updated_at:month`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The value of that column or field, or the period's name: `2026-01-05`, `2026-W02` or `2026-01`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// One figure with its interval, its n and how it was made. Never a bare number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Measure {
    /// The measure's name as in `docs/METRICS.md`, e.g. `krippendorff_alpha`.
    pub measure: String,
    /// Every resolved option that can change the number.
    pub options: BTreeMap<String, String>,
    pub scope: Scope,
    /// Null when undefined; `undefined_reason` then says why.
    pub value: Option<f64>,
    /// Lower end of the 95 % interval.
    pub ci_low: Option<f64>,
    /// Upper end of the 95 % interval.
    pub ci_high: Option<f64>,
    pub n_items: u64,
    pub n_ratings: u64,
    pub n_raters: u64,
    /// How the interval was made.
    pub method: String,
    /// A stable code: `one_rater`, `single_category`, `no_pairable_items`, `zero_variance` …
    pub undefined_reason: Option<String>,
    /// Numbers behind the figure: `standard_error`, `observed_agreement`, `expected_agreement` …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, f64>,
}

/// What a policy left out of the ratings, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dropped {
    /// `skipped`, `draft`, `ground_truth`, `prediction`, `repeat_by_same_annotator`, `no_answer`, `several_labels` …
    pub reason: String,
    /// Annotations left out for this reason.
    pub annotations: u64,
}
