use std::collections::BTreeMap;

use super::super::ratings::Ratings;
use super::super::weights::Weights;
use super::super::xrr::{CrossReplication, Xrr, XrrError};
use crate::estimate::Estimate;

/// Agreement within each group of raters and between every two.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupAgreement {
    /// In ascending order of the groups that have a rating.
    pub within: Vec<WithinGroup>,
    /// Every two of these groups, `group < other`, in ascending order.
    pub between: Vec<BetweenGroups>,
}

/// A figure of the ratings of one group alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WithinGroup {
    pub group: u32,
    pub estimate: Estimate,
}

/// How two groups agree with each other on the items that both rated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetweenGroups {
    pub group: u32,
    pub other: u32,
    pub xrr: Xrr,
}

/// Any figure within each group of raters, and cross-replication reliability between groups.
///
/// `group_of` gives the group of a rater code; raters without one are left out. Groups that agree within but not with each other see
/// the items differently; groups that do not even agree within cannot tell.
///
/// # Errors
/// When a label code has no weights.
pub fn by_rater_group(
    ratings: &Ratings,
    group_of: impl Fn(u32) -> Option<u32>,
    weights: &Weights,
    within: impl Fn(&Ratings) -> Estimate,
) -> Result<GroupAgreement, XrrError> {
    let mut groups: BTreeMap<u32, Ratings> = BTreeMap::new();
    for &(rater, _) in &ratings.cells {
        if let Some(group) = group_of(rater) {
            groups.entry(group).or_insert_with(|| ratings.of_raters(|rater| group_of(rater) == Some(group)));
        }
    }
    let mut between = Vec::new();
    for (&group, a) in &groups {
        for (&other, b) in groups.range(group + 1..) {
            let xrr = CrossReplication::new(a, b, weights.clone())?.estimate();
            between.push(BetweenGroups { group, other, xrr });
        }
    }
    let within = groups.iter().map(|(&group, part)| WithinGroup { group, estimate: within(part) }).collect();
    Ok(GroupAgreement { within, between })
}
