//! Which part of the data a figure comes from: one rater left out, groups of raters, slices of items.

mod groups;
mod leave_out;
mod subset;

pub use groups::{BetweenGroups, GroupAgreement, WithinGroup, by_rater_group};
pub use leave_out::{LeaveOneOut, WithoutRater, krippendorff_alpha_without_each, leave_one_rater_out};
