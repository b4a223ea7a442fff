use assay_stats::agreement::{Facts, Ratings, Scheme, Weights, WeightsError, ordinal_weights};

use super::options::{FigureOptions, Level, WeightsBy, WeightsChoice, scheme_of};
use crate::error::{Error, Result};

/// Ratings with the names behind their codes.
#[derive(Debug)]
pub struct Subject<'a> {
    pub(super) facts: Facts,
    pub(super) raters: &'a [String],
    /// In the order of the scale, if there is one.
    pub(super) labels: &'a [String],
    /// By label, where all labels are numbers.
    pub(super) values: Option<&'a [f64]>,
    /// How raters are called in sentences; their ids otherwise.
    names: Option<&'a [String]>,
    /// Whether the order of `labels` means something although they are no numbers.
    ordered: bool,
}

impl<'a> Subject<'a> {
    /// Labels without an order.
    pub fn new(ratings: Ratings, raters: &'a [String], labels: &'a [String]) -> Self {
        Self { facts: Facts::new(ratings), raters, labels, values: None, names: None, ordered: false }
    }

    /// `values` are the labels as numbers, ascending, one for each.
    pub fn with_values(self, values: Option<&'a [f64]>) -> Self {
        Self { values, ..self }
    }

    /// The labels are in the order of their scale.
    pub fn in_order(self) -> Self {
        Self { ordered: true, ..self }
    }

    /// How raters are called in sentences, by code.
    pub fn with_names(self, names: &'a [String]) -> Self {
        Self { names: Some(names), ..self }
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(super) fn rater(&self, code: u32) -> Option<String> {
        self.raters.get(code as usize).cloned()
    }

    pub(super) fn rater_name(&self, code: u32) -> Option<String> {
        self.names.and_then(|names| names.get(code as usize).cloned()).or_else(|| self.rater(code))
    }

    pub(super) fn label(&self, code: u32) -> Option<String> {
        self.labels.get(code as usize).cloned()
    }

    /// The weights that the options mean for these labels, and what they measure distances by.
    pub(super) fn weights(&self, options: &FigureOptions) -> Result<(Weights, WeightsBy)> {
        let n_labels = self.labels.len();
        self.check_level(options.level)?;
        let by = match (options.weights_by, self.values) {
            (Some(WeightsBy::Value), None) => return Err(self.not_numbers("weights by value need")),
            (Some(by), _) => by,
            (None, Some(_)) => WeightsBy::Value,
            (None, None) => WeightsBy::Rank,
        };
        let scheme = match &options.weights {
            WeightsChoice::OfLevel => scheme_of(options.level),
            WeightsChoice::Scheme(scheme) => *scheme,
            WeightsChoice::Matrix(cells) => {
                let weights = Weights::matrix(cells.clone(), n_labels).map_err(|e| self.bad_weights("weights", &e))?;
                return Ok((weights, WeightsBy::Rank));
            }
        };
        if !matches!(scheme, Scheme::Identity) && self.values.is_none() && !self.ordered {
            return Err(Error::invalid(format!(
                "{scheme} weights need labels with an order: these are texts; give their order, as in --order {}",
                self.labels.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(",")
            )));
        }
        let weights = match (by, self.values) {
            (WeightsBy::Value, Some(values)) => {
                Weights::by_value(scheme, values).map_err(|e| self.bad_weights(&format!("{scheme} weights"), &e))?
            }
            _ => Weights::by_rank(scheme, n_labels),
        };
        Ok((weights, by))
    }

    /// The metric of alpha: that of the weights, but for an ordinal scale without weights of one's own Krippendorff's.
    pub(super) fn has_ordinal_metric(&self, options: &FigureOptions) -> bool {
        options.level == Level::Ordinal && options.weights == WeightsChoice::OfLevel
    }

    pub(super) fn ordinal_weights(&self) -> Weights {
        ordinal_weights(&self.facts)
    }

    /// The fault with the labels by name, and what to do.
    fn bad_weights(&self, weights: &str, fault: &WeightsError) -> Error {
        let name = |label: usize| self.labels.get(label).map_or("", String::as_str);
        let why = match *fault {
            WeightsError::Negative { label, .. } => {
                format!(
                    "{:?} is negative, and a ratio scale has no negative values; choose level interval",
                    name(label)
                )
            }
            WeightsError::NotFinite { label, .. } => format!("{:?} is no finite number; weigh by rank", name(label)),
            WeightsError::SamePosition { label, other } => {
                format!("{:?} and {:?} are the same number; weigh by rank", name(label), name(other))
            }
            WeightsError::WrongSize { labels, cells } => format!(
                "{labels} labels need a matrix of {labels} x {labels} weights, but there are {cells}; the labels are {}",
                self.labels.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", ")
            ),
            WeightsError::OutOfRange { row, column, weight } => {
                format!("that of {:?} and {:?} is {weight}; give one from 0 to 1", name(row), name(column))
            }
            WeightsError::Diagonal { label, weight } => {
                format!("that of {:?} with itself is {weight}; it must be 1", name(label))
            }
            WeightsError::NotSymmetric { row, column } => format!(
                "that of {:?} and {:?} is not that of {:?} and {:?}; give the same for both",
                name(row),
                name(column),
                name(column),
                name(row)
            ),
        };
        Error::invalid(format!("{weights}: {why}"))
    }

    fn check_level(&self, level: Level) -> Result<()> {
        match level {
            Level::Nominal => Ok(()),
            Level::Ordinal if self.ordered || self.values.is_some() => Ok(()),
            Level::Ordinal => Err(Error::invalid(format!(
                "level ordinal needs labels with an order: these are texts; give their order, as in --order {}",
                self.labels.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(",")
            ))),
            Level::Interval | Level::Ratio if self.values.is_some() => Ok(()),
            Level::Interval | Level::Ratio => Err(self.not_numbers(&format!("level {} needs", level.name()))),
        }
    }

    pub(super) fn is_ordered(&self) -> bool {
        self.ordered
    }

    pub(super) fn not_numbers(&self, what: &str) -> Error {
        let first = self.labels.iter().find(|label| label.parse::<f64>().map_or(true, |value| !value.is_finite()));
        let example = first.map_or_else(String::new, |label| format!(", but one is {label:?}"));
        Error::invalid(format!("{what} labels that are numbers{example}"))
    }
}
