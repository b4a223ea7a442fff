//! Figures of parts: of labels, of raters against the others, of the others without a rater; pairs have a file of their own.

use std::collections::BTreeSet;

use assay_stats::agreement::breakdown::leave_one_rater_out;
use assay_stats::agreement::{
    Coefficient, Coefficients, Facts, LabelFigures, RaterCoefficients, RaterFigures, by_label, by_rater,
    krippendorff_alpha, ordinal_weights,
};
use assay_stats::interval::Bounds;

use super::interval::{self, Drawn, MOST_PARTS, Wanted};
use super::options::{Breakdown, MeasureChoice};
use super::{Setting, pairs};
use crate::reports::measure::{Measure, Scope};

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ["specific_agreement", "kappa_against_others"].into_iter()
}

pub(super) fn measures(setting: &Setting<'_>, measures: &mut Vec<Measure>) {
    for by in breakdowns(setting) {
        match by {
            Breakdown::Label => labels(setting, measures),
            Breakdown::Pair => pairs::of_each(setting, measures),
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
            (Breakdown::Pair, more_raters && ["cohen_kappa", "scott_pi", "pabak"].into_iter().any(named)),
            (Breakdown::Annotator, named("kappa_against_others")),
        ];
        by.extend(needed.into_iter().filter(|(_, needed)| *needed).map(|(breakdown, _)| breakdown));
    }
    by
}

fn labels(setting: &Setting<'_>, measures: &mut Vec<Measure>) {
    let facts = &setting.subject.facts;
    let wants = |name| setting.options.measures.wants(name, true);
    let mut drawn = Vec::new();
    for label in by_label(facts) {
        let scope = || Scope { label: setting.subject.label(label.label), ..setting.scope("label") };
        let figure = 2 * label.label as usize;
        if wants("krippendorff_alpha") {
            drawn.push(Wanted { place: measures.len(), figure, bounds: Bounds::AGREEMENT });
            measures.push(setting.measure("krippendorff_alpha", scope(), label.alpha, false));
        }
        if wants("specific_agreement") {
            drawn.push(Wanted { place: measures.len(), figure: figure + 1, bounds: Bounds::SHARE });
            measures.push(setting.measure("specific_agreement", scope(), label.specific, false));
        }
    }
    if setting.options.interval.is_resampled() {
        let statistic = LabelFigures::new(facts);
        let what = Drawn { items: &statistic, both: Err("not made for labels"), counts_anew: false };
        interval::resample(setting, &what, &drawn, measures);
    }
}

fn raters(setting: &Setting<'_>, measures: &mut Vec<Measure>) {
    let facts = &setting.subject.facts;
    let wants = |name| setting.options.measures.wants(name, true);
    let (start, mut drawn) = (measures.len(), Vec::new());
    for one in by_rater(facts, setting.options.threads) {
        let scope = || Scope { annotator: setting.subject.rater(one.rater), ..setting.scope("annotator") };
        let mut wanted = Vec::new();
        if wants("percent_agreement") {
            wanted.push(Wanted { place: measures.len(), figure: 0, bounds: Bounds::SHARE });
            measures.push(setting.measure("percent_agreement", scope(), one.percent, false));
        }
        if wants("kappa_against_others") {
            wanted.push(Wanted { place: measures.len(), figure: 1, bounds: Bounds::AGREEMENT });
            measures.push(setting.measure("kappa_against_others", scope(), one.kappa, false));
        }
        drawn.push(wanted);
    }
    if !setting.options.interval.is_resampled() || measures.len() == start {
        return;
    }
    if drawn.len() > MOST_PARTS {
        return interval::refuse_from(setting, start, &format!("more than {MOST_PARTS} annotators"), measures);
    }
    for (statistic, wanted) in RaterFigures::of_each(facts).iter().zip(&drawn) {
        let what = Drawn { items: statistic, both: Err("the annotator is given"), counts_anew: false };
        interval::resample(setting, &what, wanted, measures);
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
        if options.interval.is_resampled() {
            resample_without(setting, one.rater, measures);
        }
    }
}

/// The interval of the last measure, the alpha of the others without this rater.
fn resample_without(setting: &Setting<'_>, rater: u32, measures: &mut [Measure]) {
    let facts = Facts::new(setting.subject.facts.ratings().without_rater(rater));
    let member = if setting.subject.has_ordinal_metric(setting.options) {
        Coefficient::KrippendorffOrdinalAlpha
    } else {
        Coefficient::KrippendorffAlpha
    };
    let wanted = [Wanted { place: measures.len().saturating_sub(1), figure: 0, bounds: Bounds::AGREEMENT }];
    let counted = Coefficients::new(&facts, &setting.weights, vec![member]);
    let rated = RaterCoefficients::new(&facts, &setting.weights, vec![member]);
    let drawn = Drawn { items: &counted, both: Ok(&rated), counts_anew: false };
    interval::resample(setting, &drawn, &wanted, measures);
}
