//! How well the ratings of several pools agree with each other: vendors, crews, rounds.

use std::collections::BTreeMap;

use assay_stats::agreement::Ratings;
use assay_stats::agreement::xrr::CrossReplication;
use assay_stats::interval::Bounds;

use super::interval::{self, Drawn, Wanted};
use super::options::FigureOptions;
use super::{Setting, Subject, caution};
use crate::error::{Error, Result};
use crate::reports::measure::{Measure, Scope};

const XRR: &str = "xrr";
pub(super) const NAMES: [&str; 2] = [XRR, "xrr_normalised"];

/// More pools than this are no pools, but values that happen to split the ratings.
pub const MOST_POOLS: usize = 12;

/// Cross-replication reliability between every two pools that share items: `pools` are parts of the subject's ratings, each with all its
/// items, by name. `place` is the scope of all figures but for the pools' names.
///
/// # Errors
/// When the level or the weights do not fit the labels.
pub fn pools(
    subject: &Subject<'_>,
    pools: &[(String, Ratings)],
    options: &FigureOptions,
    place: &Scope,
    policies: &BTreeMap<String, String>,
) -> Result<Vec<Measure>> {
    let wanted = || NAMES.into_iter().filter(|name| options.measures.wants(name, true));
    if options.sets.is_some() || wanted().next().is_none() {
        return Ok(Vec::new());
    }
    let setting = Setting::new(subject, options, place, policies)?;
    let mut measures = Vec::new();
    for (at, (name, pool)) in pools.iter().enumerate() {
        for (other_name, other) in &pools[at + 1..] {
            let between = CrossReplication::new(pool, other, setting.weights.clone())
                .map_err(|e| Error::internal(anyhow::Error::new(e).context("pools of ratings")))?;
            let found = between.estimate();
            let mut drawn = Vec::new();
            if found.kappa_x.sample.items == 0 {
                continue;
            }
            for measure in wanted() {
                let (estimate, figure, bounds) = match measure {
                    XRR => (found.kappa_x, 0, Bounds::AGREEMENT),
                    _ => (found.normalised, 3, Bounds::NONE),
                };
                let scope = Scope { value: Some(name.clone()), other: Some(other_name.clone()), ..place.clone() };
                drawn.push(Wanted { place: measures.len(), figure, bounds });
                measures.push(setting.measure(measure, scope, estimate, true));
            }
            let what = Drawn { items: &between, both: Err("not made for two pools"), counts_anew: false };
            interval::resample(&setting, &what, &drawn, &mut measures);
        }
    }
    caution::mark(&setting, &mut measures);
    Ok(measures)
}
