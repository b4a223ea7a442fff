//! Figures of all ratings together.

use assay_stats::agreement::{
    Coefficient, brennan_prediger, by_pair, conger_kappa, fleiss_kappa, gwet_ac, krippendorff_alpha,
    mean_pairwise_cohen, percent_agreement, pooled_percent_agreement,
};
use assay_stats::{Estimate, Method, Undefined};

use super::Setting;
use super::interval::{self, Wanted};
use super::options::IntervalKind;
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
    ]
    .into_iter()
}

pub(super) fn measures(setting: &Setting<'_>) -> Vec<Measure> {
    let coefficients = coefficients(setting);
    let mut measures = Vec::new();
    for (name, estimate, _) in &coefficients {
        measures.push(setting.measure(name, setting.scope("overall"), *estimate, true));
    }
    if matches!(setting.options.interval, IntervalKind::Jackknife | IntervalKind::Bootstrap | IntervalKind::TwoWay) {
        let wanted = coefficients.iter().enumerate().filter_map(|(place, (_, estimate, coefficient))| {
            estimate.value.ok().map(|_| Wanted { place, coefficient: *coefficient })
        });
        interval::resample(setting, wanted.collect(), &mut measures);
    }
    measures.extend(two_raters(setting));
    measures
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

/// Cohen's kappa and Scott's pi of the whole, which only two raters have; with more they are figures of pairs.
fn two_raters(setting: &Setting<'_>) -> Vec<Measure> {
    let (facts, options) = (&setting.subject.facts, setting.options);
    if facts.sample().raters != 2 {
        return Vec::new();
    }
    let pair = by_pair(facts, &setting.weights, options.threads).into_iter().next();
    let undefined = Estimate::undefined(Undefined::NoPairableItems, facts.sample(), Method::FleissCohenEveritt);
    let (kappa, pi) = pair.map_or((undefined, undefined), |pair| (pair.kappa, pair.pi));
    let wanted = [("cohen_kappa", kappa), ("scott_pi", pi)].into_iter();
    let wanted = wanted.filter(|(name, _)| options.measures.wants(name, true));
    wanted.map(|(name, estimate)| setting.measure(name, setting.scope("overall"), estimate, true)).collect()
}
