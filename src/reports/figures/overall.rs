//! Figures of all ratings together.

use assay_stats::agreement::{
    Coefficient, Coefficients, LabelEntropy, RaterCoefficients, brennan_prediger, conger_kappa, fleiss_kappa, gwet_ac,
    krippendorff_alpha, mean_label_entropy, mean_pairwise_cohen, percent_agreement, pooled_percent_agreement,
};
use assay_stats::interval::Bounds;
use assay_stats::{Estimate, Method, Undefined};

use super::Setting;
use super::interval::{self, Drawn, Wanted};
use super::options::IntervalKind;
use super::pairs::PairFigures;
use crate::reports::measure::Measure;

/// Whether so many raters have few enough pairs for figures of all of them to be made without being asked for.
pub(super) fn are_few_pairs(raters: usize) -> bool {
    raters * raters.saturating_sub(1) / 2 <= 20_000
}

/// The names of all coefficients, with weights or without.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    [
        "percent_agreement",
        "pooled_percent_agreement",
        "krippendorff_alpha",
        "fleiss_kappa",
        "conger_kappa",
        "gwet_ac1",
        "gwet_ac2",
        "brennan_prediger",
        "mean_pairwise_cohen_kappa",
        "cohen_kappa",
        "scott_pi",
        "pabak",
        ENTROPY,
    ]
    .into_iter()
}

pub(super) fn measures(setting: &Setting<'_>) -> Vec<Measure> {
    let coefficients = coefficients(setting);
    let mut measures = Vec::new();
    for (name, estimate, _) in &coefficients {
        measures.push(setting.measure(name, setting.scope("overall"), *estimate, true));
    }
    let members: Vec<Member> =
        coefficients.iter().enumerate().map(|(place, &(_, _, coefficient))| (place, coefficient)).collect();
    resample(setting, &members, &mut measures);
    entropy(setting, &mut measures);
    two_raters(setting, &mut measures);
    measures
}

/// The place of a coefficient's measure, and the coefficient.
type Member = (usize, Coefficient);

/// Intervals of coefficients by drawing: what label counts are enough for is counted pattern by pattern.
fn resample(setting: &Setting<'_>, members: &[Member], measures: &mut [Measure]) {
    if !setting.options.interval.is_resampled() {
        return;
    }
    let (facts, weights) = (&setting.subject.facts, &setting.weights);
    let rating_by_rating =
        |member: &Member| setting.options.interval == IntervalKind::TwoWay || member.1.needs_raters();
    let (rated, counted): (Vec<Member>, Vec<Member>) = members.iter().copied().partition(rating_by_rating);
    if !counted.is_empty() {
        let statistic = Coefficients::new(facts, weights, counted.iter().map(|member| member.1).collect());
        let drawn = Drawn { items: &statistic, both: Err("made of label counts"), counts_anew: false };
        interval::resample(setting, &drawn, &wanted(&counted), measures);
    }
    if !rated.is_empty() {
        let statistic = RaterCoefficients::new(facts, weights, rated.iter().map(|member| member.1).collect());
        let drawn = Drawn { items: &statistic, both: Ok(&statistic), counts_anew: false };
        interval::resample(setting, &drawn, &wanted(&rated), measures);
    }
}

fn wanted(members: &[Member]) -> Vec<Wanted> {
    let bounds = |coefficient| match coefficient {
        Coefficient::PercentAgreement | Coefficient::PooledPercentAgreement => Bounds::SHARE,
        _ => Bounds::AGREEMENT,
    };
    let members = members.iter().enumerate();
    members.map(|(figure, &(place, member))| Wanted { place, figure, bounds: bounds(member) }).collect()
}

fn coefficients(setting: &Setting<'_>) -> Vec<(&'static str, Estimate, Coefficient)> {
    let (facts, weights, options) = (&setting.subject.facts, &setting.weights, setting.options);
    let few_pairs = are_few_pairs(facts.sample().raters as usize);
    let gwet = if options.asks_for_weights() { "gwet_ac2" } else { "gwet_ac1" };
    let mut found = Vec::new();
    let mut add = |name, usual, coefficient, estimate: &dyn Fn() -> Estimate| {
        if options.measures.wants(name, usual) {
            found.push((name, estimate(), coefficient));
        }
    };
    add("percent_agreement", true, Coefficient::PercentAgreement, &|| percent_agreement(facts, weights));
    add("pooled_percent_agreement", true, Coefficient::PooledPercentAgreement, &|| {
        pooled_percent_agreement(facts, weights)
    });
    if setting.subject.has_ordinal_metric(options) {
        add("krippendorff_alpha", true, Coefficient::KrippendorffOrdinalAlpha, &|| {
            krippendorff_alpha(facts, &setting.subject.ordinal_weights())
        });
    } else {
        add("krippendorff_alpha", true, Coefficient::KrippendorffAlpha, &|| krippendorff_alpha(facts, weights));
    }
    add("fleiss_kappa", true, Coefficient::FleissKappa, &|| fleiss_kappa(facts, weights));
    add("conger_kappa", true, Coefficient::CongerKappa, &|| conger_kappa(facts, weights));
    add(gwet, true, Coefficient::GwetAc, &|| gwet_ac(facts, weights));
    add("brennan_prediger", true, Coefficient::BrennanPrediger, &|| brennan_prediger(facts, weights));
    let min_shared = options.min_shared;
    add("mean_pairwise_cohen_kappa", few_pairs, Coefficient::MeanPairwiseCohenKappa { min_shared }, &|| {
        mean_pairwise_cohen(facts, weights, min_shared, options.threads)
    });
    found
}

/// How divided items are; not a measure of agreement, so that it is made only when asked for.
const ENTROPY: &str = "mean_label_entropy";

fn entropy(setting: &Setting<'_>, measures: &mut Vec<Measure>) {
    if !setting.options.measures.wants(ENTROPY, false) {
        return;
    }
    let facts = &setting.subject.facts;
    let wanted = [Wanted { place: measures.len(), figure: 0, bounds: LabelEntropy::BOUNDS }];
    measures.push(setting.measure(ENTROPY, setting.scope("overall"), mean_label_entropy(facts), false));
    let statistic = LabelEntropy::new(facts);
    let drawn = Drawn { items: &statistic, both: Err("annotators are not told apart"), counts_anew: false };
    interval::resample(setting, &drawn, &wanted, measures);
}

/// Cohen's kappa, Scott's pi and PABAK of the whole, which only two raters have; with more they are figures of pairs.
fn two_raters(setting: &Setting<'_>, measures: &mut Vec<Measure>) {
    if setting.subject.facts.sample().raters != 2 {
        return;
    }
    let wants = |name: &str| name != "percent_agreement" && setting.options.measures.wants(name, true);
    let mut found = Vec::new();
    PairFigures::new(setting, wants).push(setting, "overall", &mut found);
    if found.is_empty() {
        // The two share no item.
        let sample = setting.subject.facts.sample();
        let undefined = |method| Estimate::undefined(Undefined::NoPairableItems, sample, method);
        for (name, method, weighted) in [
            ("cohen_kappa", Method::FleissCohenEveritt, true),
            ("scott_pi", Method::GwetLinearised, true),
            ("pabak", Method::ItemMean, false),
        ] {
            if wants(name) {
                found.push(setting.measure(name, setting.scope("overall"), undefined(method), weighted));
            }
        }
    }
    found.iter_mut().for_each(|measure| {
        (measure.scope.annotator, measure.scope.other) = (None, None);
    });
    measures.extend(found);
}
