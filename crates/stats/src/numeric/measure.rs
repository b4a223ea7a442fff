use super::moments::MomentMeasure;
use super::ranks::RankMeasure;
use crate::estimate::Method;
use crate::interval::Bounds;

/// A measure of two raters on the n items they share; x is what the first gave, y the second.
///
/// All are undefined without a shared item (`no_ratings`, `one_rater`, `no_pairable_items`, `no_complete_items`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PairMeasure {
    /// Pearson's r. Interval: Fisher's z ± 1.96 / √(n - 3). Equals scipy's `pearsonr`, interval too. Undefined: `one_item`, `zero_variance`
    /// when one of the two gave one value only. Interval: `too_few_items` below 4, `zero_variance` at ±1, where scipy gives [±1, ±1].
    PearsonR,
    /// Spearman's rho: Pearson's r of mid-ranks. Interval: Fisher's z with variance (1 + rho² / 2) / (n - 3), Bonett and Wright (2000), who
    /// found it to hold up to |rho| = 0.95. Equals scipy's `spearmanr`. Undefined as Pearson's r.
    SpearmanRho,
    /// Kendall's tau-b: concordant less discordant pairs of items, over √(pairs that x tells apart · pairs that y tells apart). Counted in
    /// O(n log n): Knight (1966). Interval: Fisher's z with the large-sample standard error of Brown and Benedetti (1977), which allows for
    /// ties; the usual 0.437 / (n - 4) of Fieller, Hartley and Pearson (1957) holds for continuous values only. Equals scipy's `kendalltau`.
    /// Undefined as Pearson's r; interval `zero_variance` at ±1.
    KendallTauB,
    /// Lin's concordance correlation, 2 σxy / (σx² + σy² + (μx - μy)²). Interval: Fisher's z with the standard error of Lin (1989), corrected
    /// (2000), divisor n - 2, as epiR's `epi.ccc` (`ci = "z-transform"`), for either divisor of the value. Undefined: `one_item`,
    /// `zero_variance` when both gave the same one value. A single rater without variance makes it 0. Interval: `too_few_items` below 3,
    /// `zero_variance` at ±1 and when one of the two gave one value only.
    LinCcc(Divisor),
    /// Bland-Altman's bias, the mean of x - y. Interval: t.
    MeanDifference,
    /// The standard deviation of x - y, divisor n - 1. Interval: chi-squared. Undefined: `one_item`.
    DifferenceSd,
    /// Bland-Altman's lower limit of agreement, bias - multiplier · sd. Interval: t. Undefined: `one_item`.
    LowerLimit(Limits),
    /// Bland-Altman's upper limit of agreement, bias + multiplier · sd. Interval: t. Undefined: `one_item`.
    UpperLimit(Limits),
}

/// By what sums of squares and products are divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Divisor {
    /// As Lin (1989) and epiR.
    #[default]
    N,
    NMinusOne,
}

/// How limits of agreement are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    pub multiplier: Multiplier,
    pub error: LimitsError,
}

/// How many standard deviations the limits of agreement lie from the bias.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Multiplier {
    /// 1.96, as Bland and Altman (1999).
    #[default]
    OnePointNineSix,
    /// 2, as Bland and Altman (1986).
    Two,
}

/// The standard error of a limit of agreement, with m the multiplier and s the standard deviation of the differences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum LimitsError {
    /// s √(1 / n + m² / (2 (n - 1))): Bland and Altman (1999).
    #[default]
    BlandAltman1999,
    /// s √(3 / n): Bland and Altman (1986), rounded from the above for large n; pingouin 0.7.
    BlandAltman1986,
}

impl Multiplier {
    pub fn value(self) -> f64 {
        match self {
            Self::OnePointNineSix => 1.96,
            Self::Two => 2.0,
        }
    }
}

impl Limits {
    /// The standard error of either limit.
    pub(super) fn standard_error(self, sd: f64, items: f64) -> f64 {
        let variance = match self.error {
            LimitsError::BlandAltman1999 => 1.0 / items + self.multiplier.value().powi(2) / (2.0 * (items - 1.0)),
            LimitsError::BlandAltman1986 => 3.0 / items,
        };
        sd * variance.sqrt()
    }

    fn method(self) -> Method {
        match self.error {
            LimitsError::BlandAltman1999 => Method::BlandAltman1999,
            LimitsError::BlandAltman1986 => Method::BlandAltman1986,
        }
    }
}

/// What a measure is computed from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Ranks(RankMeasure),
    Moments(MomentMeasure),
}

impl PairMeasure {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::SpearmanRho => Kind::Ranks(RankMeasure::Spearman),
            Self::KendallTauB => Kind::Ranks(RankMeasure::TauB),
            Self::PearsonR => Kind::Moments(MomentMeasure::Pearson),
            Self::LinCcc(divisor) => Kind::Moments(MomentMeasure::Lin(divisor)),
            Self::MeanDifference => Kind::Moments(MomentMeasure::MeanDifference),
            Self::DifferenceSd => Kind::Moments(MomentMeasure::DifferenceSd),
            Self::LowerLimit(limits) => Kind::Moments(MomentMeasure::Limit(-limits.multiplier.value())),
            Self::UpperLimit(limits) => Kind::Moments(MomentMeasure::Limit(limits.multiplier.value())),
        }
    }

    /// The least and the greatest value that there can be.
    pub fn bounds(self) -> Bounds {
        match self {
            Self::PearsonR | Self::SpearmanRho | Self::KendallTauB | Self::LinCcc(_) => Bounds::CORRELATION,
            Self::DifferenceSd => Bounds { low: 0.0, ..Bounds::NONE },
            Self::MeanDifference | Self::LowerLimit(_) | Self::UpperLimit(_) => Bounds::NONE,
        }
    }

    /// How the interval of a single pair is made.
    pub(super) fn method(self) -> Method {
        match self {
            Self::PearsonR => Method::FisherZ,
            Self::SpearmanRho => Method::BonettWright,
            Self::KendallTauB => Method::BrownBenedetti,
            Self::LinCcc(_) => Method::LinZ,
            Self::MeanDifference => Method::ItemMean,
            Self::DifferenceSd => Method::ChiSquared,
            Self::LowerLimit(limits) | Self::UpperLimit(limits) => limits.method(),
        }
    }
}
