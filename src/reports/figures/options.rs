//! What figures are asked for, and how they are to be made.

use std::collections::BTreeSet;

pub use assay_stats::Threads;
pub use assay_stats::agreement::Scheme;
use clap::ValueEnum;

pub use crate::tables::Level;

/// The weights that a level implies.
pub(super) fn scheme_of(level: Level) -> Scheme {
    match level {
        Level::Nominal => Scheme::Identity,
        Level::Ordinal => Scheme::Ordinal,
        Level::Interval => Scheme::Quadratic,
        Level::Ratio => Scheme::Ratio,
    }
}

/// The weights that were asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum WeightsChoice {
    /// Those of the level; alpha of an ordinal scale takes its own metric.
    #[default]
    OfLevel,
    Scheme(Scheme),
    /// One's own, row by row in the order of the labels.
    Matrix(Vec<f64>),
}

/// What a scheme measures distances by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WeightsBy {
    Value,
    Rank,
}

impl WeightsBy {
    pub fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Rank => "rank",
        }
    }
}

/// How intervals are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum IntervalKind {
    /// Each measure's own, as docs/METRICS.md says.
    #[default]
    #[value(skip)]
    Default,
    None,
    Analytic,
    Jackknife,
    Bootstrap,
    TwoWay,
}

impl IntervalKind {
    /// Whether items, or items and raters, are counted anew.
    pub(super) fn is_resampled(self) -> bool {
        matches!(self, Self::Jackknife | Self::Bootstrap | Self::TwoWay)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::None => "none",
            Self::Analytic => "analytic",
            Self::Jackknife => "jackknife",
            Self::Bootstrap => "bootstrap",
            Self::TwoWay => "two-way",
        }
    }
}

/// How a bootstrap distribution becomes an interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum BootstrapKind {
    #[default]
    Percentile,
    Bca,
}

impl BootstrapKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Percentile => "percentile",
            Self::Bca => "bca",
        }
    }
}

/// What figures are broken down by, besides the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Breakdown {
    Label,
    Pair,
    Annotator,
}

/// Which measures are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MeasureChoice {
    /// Those that fit the level and cost no more than reading the ratings.
    #[default]
    Usual,
    All,
    Named(BTreeSet<String>),
}

impl MeasureChoice {
    /// Whether a measure is wanted; `usual` says whether it belongs to the usual ones here.
    pub fn wants(&self, name: &str, usual: bool) -> bool {
        match self {
            Self::Usual => usual,
            Self::All => true,
            Self::Named(names) => names.contains(name),
        }
    }
}

/// Everything that decides the figures of given ratings.
#[derive(Debug, Clone)]
pub struct FigureOptions {
    pub level: Level,
    pub weights: WeightsChoice,
    /// By value where all labels are numbers, else by rank.
    pub weights_by: Option<WeightsBy>,
    pub measures: MeasureChoice,
    pub by: BTreeSet<Breakdown>,
    pub interval: IntervalKind,
    pub bootstrap: BootstrapKind,
    pub resamples: u32,
    pub seed: u64,
    /// Pairs of raters with fewer common items take no part in means over pairs.
    pub min_shared: u64,
    /// Labels are sets of labels, with this text between them.
    pub sets: Option<String>,
    /// Never changes a figure.
    pub threads: Threads,
}

impl FigureOptions {
    /// Whether labels that differ can agree in part.
    pub(super) fn asks_for_weights(&self) -> bool {
        match self.weights {
            WeightsChoice::OfLevel => scheme_of(self.level) != Scheme::Identity,
            WeightsChoice::Scheme(scheme) => scheme != Scheme::Identity,
            WeightsChoice::Matrix(_) => true,
        }
    }
}

impl Default for FigureOptions {
    fn default() -> Self {
        Self {
            level: Level::default(),
            weights: WeightsChoice::default(),
            weights_by: None,
            measures: MeasureChoice::default(),
            by: [Breakdown::Label, Breakdown::Pair, Breakdown::Annotator].into(),
            interval: IntervalKind::default(),
            bootstrap: BootstrapKind::default(),
            resamples: 1000,
            seed: 1,
            min_shared: 2,
            sets: None,
            threads: Threads::available(),
        }
    }
}
