//! Figures of labels that are sets of labels.

use std::collections::BTreeMap;

use assay_stats::agreement::sets::{
    ElementAlphas, EmptySets, LabelSets, SetAlpha, SetDistance, SetFacts, krippendorff_alpha_per_label,
    krippendorff_alpha_sets,
};
use assay_stats::interval::Bounds;
use assay_stats::resample::Statistic;

use super::Setting;
use super::interval::{self, Drawn, Wanted};
use super::options::Breakdown;
use crate::error::{Error, Result};
use crate::reports::measure::{Measure, Scope};

const DISTANCES: [(&str, SetDistance); 3] = [
    ("krippendorff_alpha_masi", SetDistance::Masi),
    ("krippendorff_alpha_jaccard", SetDistance::Jaccard),
    ("krippendorff_alpha", SetDistance::Nominal),
];
const PER_LABEL: &str = "krippendorff_alpha_per_label";

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ["krippendorff_alpha_masi", "krippendorff_alpha_jaccard", PER_LABEL].into_iter()
}

/// The figures of sets that are written with `separator` between their labels; an empty text is the empty set.
pub(super) fn measures(setting: &Setting<'_>, separator: &str) -> Result<Vec<Measure>> {
    let wants = |name: &str| setting.options.measures.wants(name, true);
    let (names, sets) = parse(setting.subject.labels, separator)?;
    let facts = SetFacts::new(setting.subject.facts.ratings(), &sets, EmptySets::Value)
        .map_err(|e| Error::internal(anyhow::Error::new(e).context("sets of labels")))?;
    let mut measures = Vec::new();
    for (name, distance) in DISTANCES.into_iter().filter(|(name, _)| wants(name)) {
        let estimate = krippendorff_alpha_sets(&facts, distance);
        let wanted = [Wanted { place: measures.len(), figure: 0, bounds: Bounds::AGREEMENT }];
        measures.push(setting.measure(name, setting.scope("overall"), estimate, false));
        if setting.options.interval.is_resampled() && estimate.value.is_ok() {
            match SetAlpha::new(&facts, distance) {
                Ok(statistic) => interval::resample(setting, &drawn(&statistic), &wanted, &mut measures),
                Err(why) => interval::refuse(setting, &wanted, why.code(), &mut measures),
            }
        }
    }
    let by_label = setting.options.by.contains(&Breakdown::Label);
    if wants(PER_LABEL) || by_label {
        let mut wanted = Vec::new();
        let mut want = |place, figure| wanted.push(Wanted { place, figure, bounds: Bounds::AGREEMENT });
        let per_label = krippendorff_alpha_per_label(&facts);
        if wants(PER_LABEL) {
            want(measures.len(), per_label.elements.len());
            measures.push(setting.measure(PER_LABEL, setting.scope("overall"), per_label.mean, false));
        }
        for (label, estimate) in names.iter().zip(&per_label.elements).filter(|_| by_label) {
            want(measures.len(), estimate.element as usize);
            let scope = Scope { label: Some(label.clone()), ..setting.scope("label") };
            measures.push(setting.measure("krippendorff_alpha", scope, estimate.alpha, false));
        }
        if setting.options.interval.is_resampled() {
            interval::resample(setting, &drawn(&ElementAlphas::new(&facts)), &wanted, &mut measures);
        }
    }
    Ok(measures)
}

fn drawn(statistic: &dyn Statistic) -> Drawn<'_> {
    Drawn { items: statistic, both: Err("not made for sets"), counts_anew: false }
}

/// The names of the elements in ascending order, and the sets that the labels are.
fn parse(labels: &[String], separator: &str) -> Result<(Vec<String>, LabelSets)> {
    if separator.is_empty() {
        return Err(Error::invalid("--sets needs the text between the labels of a set, as in --sets ,"));
    }
    let split = |label: &str| -> Vec<String> {
        label.split(separator).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let mut codes: BTreeMap<String, u32> = labels.iter().flat_map(|label| split(label)).map(|name| (name, 0)).collect();
    for (code, value) in (0..).zip(codes.values_mut()) {
        *value = code;
    }
    let (mut offsets, mut elements) = (vec![0], Vec::new());
    for label in labels {
        elements.extend(split(label).iter().filter_map(|name| codes.get(name).copied()));
        offsets.push(elements.len());
    }
    let sets = LabelSets::new(&offsets, &elements, codes.len())
        .map_err(|e| Error::internal(anyhow::Error::new(e).context("sets of labels")))?;
    Ok((codes.into_keys().collect(), sets))
}
