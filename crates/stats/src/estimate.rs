use std::fmt;

use crate::interval::{Bounds, Interval, VarianceCurve};

/// One figure: its value, its 95 % interval, what they rest on and how the interval was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub value: Result<f64, Undefined>,
    /// Can be undefined where the value is defined, for example with a single item.
    pub interval: Result<Interval, Undefined>,
    pub sample: Sample,
    pub method: Method,
    /// Where the interval rests on a standard error.
    pub spread: Option<Spread>,
    /// What a chance-corrected figure is made of.
    pub chance: Option<ChanceCorrection>,
    /// How its variance depends on the true figure, where that is known: what [`score`](Self::score) needs.
    pub curve: Option<VarianceCurve>,
}

impl Estimate {
    /// A figure that these ratings do not define.
    pub fn undefined(reason: Undefined, sample: Sample, method: Method) -> Self {
        Self { value: Err(reason), interval: Err(reason), sample, method, spread: None, chance: None, curve: None }
    }

    /// A figure with the interval that its standard error gives, if it has one.
    pub(crate) fn spread(value: f64, spread: Result<Spread, Undefined>, sample: Sample, method: Method) -> Self {
        let interval = spread.map(|spread| spread.interval(value, Bounds::AGREEMENT));
        Self { value: Ok(value), interval, sample, method, spread: spread.ok(), chance: None, curve: None }
    }

    pub(crate) fn with_chance(self, observed: f64, expected: f64) -> Self {
        Self { chance: Some(ChanceCorrection { observed, expected }), ..self }
    }

    pub(crate) fn with_curve(self, curve: Option<VarianceCurve>) -> Self {
        Self { curve, ..self }
    }

    /// The score interval: the figures that the observed one does not contradict, if the variance at other figures is known.
    ///
    /// It is not symmetric and stays among the possible figures. Unlike value ± quantile · standard error it holds its 95 % for 50
    /// items, near perfect agreement and with one frequent label, and exists when no disagreement was seen. Undefined: as the value;
    /// `one_item`.
    pub fn score(&self) -> Option<Result<Interval, Undefined>> {
        let curve = self.curve?;
        let standard_error = match (self.spread, self.interval) {
            (Some(spread), _) => spread.standard_error,
            (None, Err(Undefined::ZeroVariance)) => 0.0,
            (None, Ok(_)) => return None,
            (None, Err(reason)) => return Some(Err(reason)),
        };
        Some(self.value.map(|value| curve.interval(value, standard_error)))
    }

    /// The interval of a share, which cannot be negative.
    pub(crate) fn of_share(self) -> Self {
        Self { interval: self.interval.map(|interval| Bounds::SHARE.cut(interval)), ..self }
    }
}

/// How far a figure would vary, and by which distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub standard_error: f64,
    /// Degrees of freedom of Student's t; `None` is the normal distribution.
    pub degrees: Option<u64>,
}

/// Observed agreement and the agreement that chance would give: value = (observed - expected) / (1 - expected).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChanceCorrection {
    pub observed: f64,
    pub expected: f64,
}

/// What a figure was computed from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample {
    pub items: u64,
    pub ratings: u64,
    pub raters: u64,
}

/// Why a value or an interval does not exist. The codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Undefined {
    /// There is no rating at all.
    NoRatings,
    /// All ratings come from one rater.
    OneRater,
    /// No item has two ratings.
    NoPairableItems,
    /// Only one category occurs, so that chance agreement is certain and chance-corrected agreement is 0/0.
    SingleCategory,
    /// Every pair of raters has an undefined figure.
    NoDefinedPair,
    /// Every label's alpha is undefined.
    NoDefinedLabel,
    /// Comparing the distinct sets of labels would take too long, or too much memory.
    TooManyDistinctSets,
    /// A pool of raters does not agree better than chance, so that agreement between pools cannot be measured by theirs.
    IrrNotPositive,
    /// The label was never given to an item with two ratings.
    LabelNotUsed,
    /// One item has no spread between items. Concerns intervals, and the values of measures on numbers.
    OneItem,
    /// Interval: all items carry the same information, the estimated standard error is 0. Value of a measure on numbers: the variance that it
    /// divides by is 0.
    ZeroVariance,
    /// Jackknife only: the figure does not exist when one of the items is left out.
    UndefinedWithoutItem,
    /// Bootstrap only: the figure does not exist in more than [`MOST_UNDEFINED`](crate::resample::MOST_UNDEFINED) of the replicates.
    UndefinedInResamples,
    /// Bootstrap only: fewer than [`FEWEST_RESAMPLES`](crate::resample::FEWEST_RESAMPLES) replicates.
    TooFewResamples,
    /// No item was rated by every rater.
    NoCompleteItems,
    /// Interval only: its formula needs more items.
    TooFewItems,
    /// The estimated variance that the figure divides by is not positive.
    NonPositiveVariance,
    /// Test only: there is no error, F is infinite.
    InfiniteF,
    /// Interval only: the measure has none that is a formula; resampling gives one.
    NoAnalyticInterval,
}

impl Undefined {
    pub fn code(self) -> &'static str {
        match self {
            Self::NoRatings => "no_ratings",
            Self::OneRater => "one_rater",
            Self::NoPairableItems => "no_pairable_items",
            Self::SingleCategory => "single_category",
            Self::NoDefinedPair => "no_defined_pair",
            Self::NoDefinedLabel => "no_defined_label",
            Self::TooManyDistinctSets => "too_many_distinct_sets",
            Self::IrrNotPositive => "irr_not_positive",
            Self::LabelNotUsed => "label_not_used",
            Self::OneItem => "one_item",
            Self::ZeroVariance => "zero_variance",
            Self::UndefinedWithoutItem => "undefined_without_item",
            Self::UndefinedInResamples => "undefined_in_resamples",
            Self::TooFewResamples => "too_few_resamples",
            Self::NoCompleteItems => "no_complete_items",
            Self::TooFewItems => "too_few_items",
            Self::NonPositiveVariance => "non_positive_variance",
            Self::InfiniteF => "infinite_f",
            Self::NoAnalyticInterval => "no_analytic_interval",
        }
    }
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// How an interval was made: what varies, how its standard error is estimated and which distribution gives the width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Items vary; standard error of a mean over items; t with n - 1 degrees of freedom.
    ItemMean,
    /// Items vary; linearisation of Gwet (2008, 2014) as in irrCAC; t with n - 1 degrees of freedom.
    GwetLinearised,
    /// Items vary; linearised ratio of two totals; t with n - 1 degrees of freedom.
    LinearisedRatio,
    /// Items vary; infinitesimal jackknife (Jaeckel 1972) over items; t with n - 1 degrees of freedom.
    InfinitesimalJackknife,
    /// Items vary; large-sample standard error of Fleiss, Cohen and Everitt (1969); normal distribution.
    FleissCohenEveritt,
    /// Items vary; the figures that the observed one does not contradict ([`Estimate::score`]); t with n - 1 degrees of freedom.
    Score,
    /// Items vary; jackknife (Tukey 1958); t with n - 1 degrees of freedom.
    Jackknife,
    /// Items vary; percentiles of the bootstrap (Efron 1979).
    BootstrapPercentile,
    /// Items vary; bias-corrected and accelerated bootstrap (Efron 1987).
    BootstrapBca,
    /// Items and raters vary; percentiles of the pigeonhole bootstrap (Owen 2007).
    TwoWayBootstrap,
    /// Items vary and ratings are normal; F distribution (Shrout and Fleiss 1979, McGraw and Wong 1996).
    FDistribution,
    /// Items and raters vary and ratings are normal; F distribution with Satterthwaite's degrees of freedom (Shrout and Fleiss 1979).
    FSatterthwaite,
    /// Items vary and ratings are normal; Fisher's z with variance 1 / (n - 3).
    FisherZ,
    /// Items vary; Fisher's z with the variance of Bonett and Wright (2000) for rank correlations.
    BonettWright,
    /// Items vary; Fisher's z with the large-sample standard error of Brown and Benedetti (1977), which holds with ties.
    BrownBenedetti,
    /// Items vary and ratings are normal; Fisher's z with the large-sample standard error of Lin (1989, corrected 2000).
    LinZ,
    /// Items vary and differences are normal; chi-squared with n - 1 degrees of freedom.
    ChiSquared,
    /// Items vary and differences are normal; standard error of a limit of agreement of Bland and Altman (1986); t with n - 1 degrees of freedom.
    BlandAltman1986,
    /// The same with the standard error of Bland and Altman (1999).
    BlandAltman1999,
    /// There is no formula: resampling alone gives an interval.
    NoFormula,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Self::ItemMean => "mean over items, t(n-1)",
            Self::GwetLinearised => "gwet linearisation over items, t(n-1)",
            Self::LinearisedRatio => "linearised ratio over items, t(n-1)",
            Self::InfinitesimalJackknife => "infinitesimal jackknife over items, t(n-1)",
            Self::FleissCohenEveritt => "fleiss-cohen-everitt 1969, normal",
            Self::Score => "score interval over items, t(n-1)",
            Self::Jackknife => "jackknife over items, t(n-1)",
            Self::BootstrapPercentile => "bootstrap over items, percentile",
            Self::BootstrapBca => "bootstrap over items, bca",
            Self::TwoWayBootstrap => "two-way bootstrap over items and raters, percentile",
            Self::FDistribution => "f distribution",
            Self::FSatterthwaite => "f distribution, satterthwaite",
            Self::FisherZ => "fisher z, normal",
            Self::BonettWright => "fisher z, bonett-wright 2000, normal",
            Self::BrownBenedetti => "fisher z, brown-benedetti 1977, normal",
            Self::LinZ => "fisher z, lin 1989, normal",
            Self::ChiSquared => "chi-squared(n-1)",
            Self::BlandAltman1986 => "bland-altman 1986, t(n-1)",
            Self::BlandAltman1999 => "bland-altman 1999, t(n-1)",
            Self::NoFormula => "no formula",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
