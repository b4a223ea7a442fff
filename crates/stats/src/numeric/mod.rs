//! Measures on labels that stand for numbers or ranks.
//!
//! [`Scores`] are the numbers of all raters. Measures that compare all raters at once are made of [`Complete`] items, which every rater
//! rated; measures of two raters of [`Pairs`], for each pair or as unweighted mean over the pairs.
//!
//! | figure | function | source |
//! | --- | --- | --- |
//! | ICC, six forms | [`intraclass_correlations`] | Shrout and Fleiss (1979), McGraw and Wong (1996) |
//! | Kendall's W | [`kendall_w()`] | Kendall and Babington Smith (1939), Siegel and Castellan (1988) for ties |
//! | Pearson's r, Spearman's rho, Kendall's tau-b, Lin's CCC | [`by_pair`], [`mean_over_pairs`] | see [`PairMeasure`] |
//! | Bland-Altman | [`bland_altman()`], [`mean_over_pairs`] | Bland and Altman (1986, 1999) |
//!
//! [`IccFigures`], [`KendallWFigures`] and [`PairFigures`] are the same figures as functions of how often each item is counted, for
//! jackknife and bootstrap.
//!
//! Ranks are whole numbers and their sums exact. Other sums are taken around a median of the ratings at hand, with compensation, over
//! distinct rows in ascending order: the order of items never changes a bit. Between values that differ by more than 16 digits in size
//! the codes of the raters may.

mod anova;
mod bland_altman;
mod complete;
mod draw;
mod hypothesis;
mod icc;
mod influence;
mod interval;
mod kendall_w;
mod mean;
mod measure;
mod moments;
mod pair;
mod pairs;
mod ranks;
mod rows;
mod scores;

pub use bland_altman::{BlandAltman, bland_altman};
pub use complete::Complete;
pub use draw::PairFigures;
pub use hypothesis::{ChiSquaredTest, FTest};
pub use icc::{Icc, IccFigures, IccForm, intraclass_correlations};
pub use kendall_w::{KendallW, KendallWFigures, kendall_w};
pub use mean::mean_over_pairs;
pub use measure::{Divisor, Limits, LimitsError, Multiplier, PairMeasure};
pub use pair::{PairEstimate, by_pair};
pub use pairs::{Missing, Pairs};
pub use scores::{Dropped, Scores, ScoresError};
