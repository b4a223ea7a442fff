//! Figures of labels, of pairs of raters and of raters against the others.

use assay_stats::agreement::{by_label, by_pair, by_rater};

use super::Setting;
use super::options::Breakdown;
use crate::reports::measure::{Measure, Scope};

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ["specific_agreement", "kappa_against_others"].into_iter()
}

pub(super) fn measures(setting: &Setting<'_>) -> Vec<Measure> {
    let mut measures = Vec::new();
    for by in &setting.options.by {
        match by {
            Breakdown::Label => labels(setting, &mut measures),
            Breakdown::Pair => pairs(setting, &mut measures),
            Breakdown::Annotator => raters(setting, &mut measures),
        }
    }
    measures
}

fn labels(setting: &Setting<'_>, measures: &mut Vec<Measure>) {
    let wants = |name| setting.options.measures.wants(name, true);
    for label in by_label(&setting.subject.facts) {
        let scope = || Scope { label: setting.subject.label(label.label), ..setting.scope("label") };
        if wants("krippendorff_alpha") {
            measures.push(setting.measure("krippendorff_alpha", scope(), label.alpha, false));
        }
        if wants("specific_agreement") {
            measures.push(setting.measure("specific_agreement", scope(), label.specific, false));
        }
    }
}

fn pairs(setting: &Setting<'_>, measures: &mut Vec<Measure>) {
    let (subject, options) = (setting.subject, setting.options);
    let wants = |name, usual| options.measures.wants(name, usual);
    for pair in by_pair(&subject.facts, &setting.weights, options.threads) {
        let scope = || Scope {
            annotator: subject.rater(pair.rater),
            other: subject.rater(pair.other),
            ..setting.scope("pair")
        };
        if wants("percent_agreement", true) {
            measures.push(setting.measure("percent_agreement", scope(), pair.percent, true));
        }
        if wants("cohen_kappa", true) {
            measures.push(setting.measure("cohen_kappa", scope(), pair.kappa, true));
        }
        if wants("scott_pi", false) {
            measures.push(setting.measure("scott_pi", scope(), pair.pi, true));
        }
    }
}

fn raters(setting: &Setting<'_>, measures: &mut Vec<Measure>) {
    let wants = |name| setting.options.measures.wants(name, true);
    for one in by_rater(&setting.subject.facts, setting.options.threads) {
        let scope = || Scope { annotator: setting.subject.rater(one.rater), ..setting.scope("annotator") };
        if wants("percent_agreement") {
            measures.push(setting.measure("percent_agreement", scope(), one.percent, false));
        }
        if wants("kappa_against_others") {
            measures.push(setting.measure("kappa_against_others", scope(), one.kappa, false));
        }
    }
}
