//! Figures of labels, of pairs of raters and of raters against the others.

use std::collections::BTreeSet;

use assay_stats::agreement::breakdown::leave_one_rater_out;
use assay_stats::agreement::{Facts, by_label, by_pair, by_rater, krippendorff_alpha, ordinal_weights};

use super::Setting;
use super::options::{Breakdown, MeasureChoice};
use crate::reports::measure::{Measure, Scope};

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ["specific_agreement", "kappa_against_others"].into_iter()
}

pub(super) fn measures(setting: &Setting<'_>, measures: &mut Vec<Measure>) {
    for by in breakdowns(setting) {
        match by {
            Breakdown::Label => labels(setting, measures),
            Breakdown::Pair => pairs(setting, measures),
            Breakdown::Annotator => {
                raters(setting, measures);
                without_rater(setting, measures);
            }
        }
    }
}

/// Those asked for, and those that a measure asked for by name cannot do without.
fn breakdowns(setting: &Setting<'_>) -> BTreeSet<Breakdown> {
    let mut by = setting.options.by.clone();
    if let MeasureChoice::Named(names) = &setting.options.measures {
        let named = |name: &str| names.contains(name);
        let more_raters = setting.subject.facts.sample().raters != 2;
        let needed = [
            (Breakdown::Label, named("specific_agreement")),
            (Breakdown::Pair, more_raters && (named("cohen_kappa") || named("scott_pi"))),
            (Breakdown::Annotator, named("kappa_against_others")),
        ];
        by.extend(needed.into_iter().filter(|(_, needed)| *needed).map(|(breakdown, _)| breakdown));
    }
    by
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
    let pairs = by_pair(&subject.facts, &setting.weights, options.threads);
    let of_each = ["percent_agreement", "cohen_kappa", "scott_pi"].map(|name| wants(name, name != "scott_pi"));
    // Hundreds of thousands of pairs are not moved again and again.
    measures.reserve_exact(pairs.len() * of_each.iter().filter(|&&wanted| wanted).count());
    for pair in pairs {
        let scope = || Scope {
            annotator: subject.rater(pair.rater),
            other: subject.rater(pair.other),
            ..setting.scope("pair")
        };
        if of_each[0] {
            measures.push(setting.measure("percent_agreement", scope(), pair.percent, true));
        }
        if of_each[1] {
            measures.push(setting.measure("cohen_kappa", scope(), pair.kappa, true));
        }
        if of_each[2] {
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

/// With more raters than this, leaving out each of them is done only for the alpha that is asked for by name.
const USUAL_LEAVE_OUT: u64 = 100;

/// Alpha of the others when one rater is left out.
fn without_rater(setting: &Setting<'_>, measures: &mut Vec<Measure>) {
    let (subject, options) = (setting.subject, setting.options);
    let few = subject.facts.sample().raters <= USUAL_LEAVE_OUT;
    if !options.measures.wants("krippendorff_alpha", few) {
        return;
    }
    let (is_ordinal, of_scale) = (subject.has_ordinal_metric(options), &setting.weights);
    let alpha = |ratings: &assay_stats::agreement::Ratings| {
        let facts = Facts::new(ratings.clone());
        let weights = if is_ordinal { &ordinal_weights(&facts) } else { of_scale };
        krippendorff_alpha(&facts, weights)
    };
    let left_out = leave_one_rater_out(subject.facts.ratings(), options.threads, alpha);
    for one in left_out.raters {
        let scope = Scope { annotator: subject.rater(one.rater), ..setting.scope("without_annotator") };
        let mut measure = setting.measure("krippendorff_alpha", scope, one.without, true);
        if let Some(change) = one.change {
            measure.detail.insert("change", change);
        }
        measures.push(measure);
    }
}
