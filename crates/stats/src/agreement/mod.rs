//! Agreement on labels between any number of raters, each of whom may have rated any of the items; labels may be nominal or weighed.
//!
//! | figure | function | source | items that count |
//! | --- | --- | --- | --- |
//! | percent agreement | [`percent_agreement`], [`pooled_percent_agreement`] | means over items, over pairs of ratings | two ratings or more |
//! | alpha | [`krippendorff_alpha`] | Krippendorff (2011) | two ratings or more |
//! | Fleiss' kappa | [`fleiss_kappa`] | Fleiss (1971), Gwet (2014) for unequal numbers of ratings | all, see there |
//! | Conger's kappa | [`conger_kappa`] | Conger (1980), Gwet (2014) | all, see there |
//! | AC1, AC2 | [`gwet_ac`] | Gwet (2008, 2014) | all, see there |
//! | S | [`brennan_prediger`] | Brennan and Prediger (1981) | all, see there |
//! | mean pairwise kappa | [`mean_pairwise_cohen`] | Cohen (1960), Light (1971) | two ratings or more |
//! | mean label entropy | [`mean_label_entropy`] | Shannon (1948), mean over items | all |
//! | per pair | [`by_pair`] | Cohen (1960, 1968), Scott (1955) | shared by the two |
//! | per label | [`by_label`] | alpha of the label against the rest, specific agreement | two ratings or more |
//! | per rater | [`by_rater`] | agreement with the other raters of the same items | rated by the rater and another |
//! | sets of labels | [`sets`] | alpha with Jaccard and MASI distances | two ratings or more |
//! | two pools of raters | [`xrr`] | Wong, Paritosh and Aroyo (2021) | rated by both pools |
//!
//! [`breakdown`] takes ratings apart, [`paradox`] says why a figure is low, [`benchmark`] gives it a word, [`planning`] says how much more to
//! label.

pub mod benchmark;
pub mod breakdown;
mod coefficient;
mod cohen;
mod conger;
mod curve;
mod draw;
mod draw_labels;
mod draw_pairs;
mod draw_rater;
mod draw_raters;
mod entropy;
mod facts;
mod item;
mod krippendorff;
mod label;
mod margins;
mod pairs;
pub mod paradox;
pub mod planning;
mod rater;
mod ratings;
mod rows;
pub mod sets;
mod totals;
mod weights;
pub mod xrr;

pub use coefficient::{brennan_prediger, fleiss_kappa, gwet_ac, percent_agreement, pooled_percent_agreement};
pub use cohen::{PairAgreement, by_pair, mean_pairwise_cohen};
pub use conger::conger_kappa;
pub use draw::{Coefficient, Coefficients};
pub use draw_labels::LabelFigures;
pub use draw_pairs::PairCoefficients;
pub use draw_rater::RaterFigures;
pub use draw_raters::RaterCoefficients;
pub use entropy::{LabelEntropy, mean_label_entropy};
pub use facts::Facts;
pub use item::{mean_distance, share_of_differing_pairs};
pub use krippendorff::{krippendorff_alpha, ordinal_weights};
pub use label::{LabelAgreement, LabelPairCount, by_label, label_pairs};
pub use rater::{RaterAgreement, by_rater};
pub use ratings::{Ratings, RatingsError};
pub use weights::{Scheme, Weights, WeightsError};
