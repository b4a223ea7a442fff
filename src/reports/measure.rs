//! The tidy shape of every report: measures, and what was left out of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::figures::Caution;

/// What a measure is about. Absent fields mean "all".
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Scope {
    /// `overall`, `label`, `pair`, `annotator`, `without_annotator`, `period`, `slice`, `column`, `pools` or `group`.
    pub by: String,
    /// The control (`from_name`) the ratings belong to; of a table the column of labels.
    pub control: String,
    /// The label, for `by = "label"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The annotator, for `by = "annotator"` and `"without_annotator"`; the first of the two, for `by = "pair"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotator: Option<String>,
    /// The second annotator, for `by = "pair"`; the second value, for `by = "pools"` and between
    /// groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// What splits the items: a column for `by = "column"` and `"group"`, a slice field for `"slice"`, time and period for `"period"`, as in
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
    #[schema(value_type = BTreeMap<String, String>)]
    pub options: Options,
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
    #[schema(value_type = String)]
    pub method: Cow<'static, str>,
    /// A stable code: `one_rater`, `single_category`, `no_pairable_items`, `zero_variance` …
    pub undefined_reason: Option<String>,
    /// Why the interval may hold the truth less often than it says (docs/INTERVALS.md); absent where nothing speaks against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caution: Option<Caution>,
    /// Numbers behind the figure: `standard_error`, `observed_agreement`, `expected_agreement` …
    #[serde(default, skip_serializing_if = "Detail::is_empty")]
    #[schema(value_type = BTreeMap<String, f64>)]
    pub detail: Detail,
}

/// Options by name. Hundreds of thousands of figures of pairs share them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options(Arc<BTreeMap<String, String>>);

impl Options {
    pub fn insert(&mut self, name: &str, value: impl Into<String>) {
        Arc::make_mut(&mut self.0).insert(name.to_owned(), value.into());
    }
}

impl Options {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl From<BTreeMap<String, String>> for Options {
    fn from(options: BTreeMap<String, String>) -> Self {
        Self(Arc::new(options))
    }
}

impl Serialize for Options {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self::from)
    }
}

/// A few numbers by name, ascending.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detail(Vec<(Cow<'static, str>, f64)>);

impl Detail {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<f64> {
        self.find(name).ok().map(|place| self.0[place].1)
    }

    pub fn insert(&mut self, name: &'static str, value: f64) {
        match self.find(name) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (Cow::Borrowed(name), value)),
        }
    }

    pub fn remove(&mut self, name: &str) {
        if let Ok(place) = self.find(name) {
            self.0.remove(place);
        }
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name))
    }
}

impl Serialize for Detail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Detail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = BTreeMap::<String, f64>::deserialize(deserializer)?;
        Ok(Self(numbers.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect()))
    }
}

/// What a policy left out of the ratings, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dropped {
    /// `skipped`, `draft`, `ground_truth`, `prediction`, `repeat_by_same_annotator`, `no_answer`, `several_labels` …
    pub reason: String,
    /// Annotations left out for this reason.
    pub annotations: u64,
}
