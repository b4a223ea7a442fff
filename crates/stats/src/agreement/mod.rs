//! Agreement on nominal labels between any number of raters, each of whom may have rated any of the items.
//!
//! | figure | function | source | items that count |
//! | --- | --- | --- | --- |
//! | percent agreement | [`percent_agreement`] | mean over items of the share of agreeing rater pairs | two ratings or more |
//! | alpha | [`krippendorff_alpha`] | Krippendorff (2011) | two ratings or more |
//! | kappa | [`fleiss_kappa`] | Fleiss (1971), Gwet (2014) for unequal numbers of ratings | all, see there |
//! | AC1 | [`gwet_ac1`] | Gwet (2008, 2014) | all, see there |
//! | mean pairwise kappa | [`mean_pairwise_cohen`] | Cohen (1960), Light (1971) | two ratings or more |
//! | per pair | [`by_pair`] | Cohen (1960) | shared by the two |
//! | per label | [`by_label`] | alpha of the label against the rest, specific agreement | two ratings or more |
//! | per rater | [`by_rater`] | agreement with the other raters of the same items | rated by the rater and another |

pub mod breakdown;
mod cohen;
mod facts;
mod gwet;
mod item;
mod krippendorff;
mod label;
mod pairs;
mod percent;
mod rater;
mod ratings;
mod rows;
pub mod sets;
pub mod xrr;

pub use cohen::{PairAgreement, by_pair, mean_pairwise_cohen};
pub use facts::Facts;
pub use gwet::{fleiss_kappa, gwet_ac1};
pub use item::share_of_differing_pairs;
pub use krippendorff::krippendorff_alpha;
pub use label::{LabelAgreement, LabelPairCount, by_label, label_pairs};
pub use percent::percent_agreement;
pub use rater::{RaterAgreement, by_rater};
pub use ratings::{Ratings, RatingsError};
