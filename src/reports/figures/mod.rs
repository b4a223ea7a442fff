//! Which agreement figures are computed of which ratings: one code path for the controls of a project and for tables.

mod options;

use assay_stats::agreement::{
    Facts, by_label, by_pair, by_rater, fleiss_kappa, gwet_ac1, krippendorff_alpha, mean_pairwise_cohen,
    percent_agreement,
};
use assay_stats::{Estimate, Undefined};

pub use options::{Breakdown, FigureOptions, IntervalKind, MEASURES};

use super::measure::{Measure, Scope};

/// What the codes of the ratings mean, and where the ratings come from.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Where the scope of every figure starts from.
    pub scope: &'a Scope,
    pub raters: &'a [String],
    pub labels: &'a [String],
}

/// The figures that the options ask for: overall ones first, then those of each label, pair and annotator.
pub fn figures(facts: &Facts, subject: Subject<'_>, options: &FigureOptions) -> Vec<Measure> {
    let Subject { scope, raters, labels } = subject;
    let scope = |by: Breakdown| Scope { by: by.name().to_owned(), ..scope.clone() };
    let rater = |code: u32| Some(raters[code as usize].clone());
    let mut measures = overall(facts, &scope(Breakdown::Overall), options);
    let mut add = |by: Breakdown, name: &str, scope: &Scope, estimate: Estimate| {
        if options.wants(by, name) {
            measures.push(measure(name, scope.clone(), estimate, options));
        }
    };
    if options.wants_any(Breakdown::Label) {
        for label in by_label(facts) {
            let by = Breakdown::Label;
            let scope = Scope { label: Some(labels[label.label as usize].clone()), ..scope(by) };
            add(by, "krippendorff_alpha", &scope, label.alpha);
            add(by, "specific_agreement", &scope, label.specific);
        }
    }
    if options.wants_any(Breakdown::Pair) {
        for pair in by_pair(facts) {
            let by = Breakdown::Pair;
            let scope = Scope { annotator: rater(pair.rater), other: rater(pair.other), ..scope(by) };
            add(by, "percent_agreement", &scope, pair.percent);
            add(by, "cohen_kappa", &scope, pair.kappa);
        }
    }
    if options.wants_any(Breakdown::Annotator) {
        for one in by_rater(facts) {
            let by = Breakdown::Annotator;
            let scope = Scope { annotator: rater(one.rater), ..scope(by) };
            add(by, "percent_agreement", &scope, one.percent);
            add(by, "kappa_against_others", &scope, one.kappa);
        }
    }
    measures
}

type Figure = fn(&Facts) -> Estimate;

/// The overall figures alone, with a scope as it is given.
pub fn overall(facts: &Facts, scope: &Scope, options: &FigureOptions) -> Vec<Measure> {
    let figures: [(&str, Figure); 5] = [
        ("percent_agreement", percent_agreement),
        ("krippendorff_alpha", krippendorff_alpha),
        ("fleiss_kappa", fleiss_kappa),
        ("gwet_ac1", gwet_ac1),
        ("mean_pairwise_cohen_kappa", mean_pairwise_cohen),
    ];
    let wanted = figures.into_iter().filter(|(name, _)| options.wants(Breakdown::Overall, name));
    wanted.map(|(name, figure)| measure(name, scope.clone(), figure(facts), options)).collect()
}

fn measure(name: &str, scope: Scope, estimate: Estimate, options: &FigureOptions) -> Measure {
    let resolved = options.policies.iter().cloned().chain(own_options(name));
    let reason = |undefined: Undefined| undefined.code().to_owned();
    let interval = match options.interval {
        IntervalKind::Analytic => estimate.interval.ok(),
        IntervalKind::None => None,
    };
    Measure {
        measure: name.to_owned(),
        options: resolved.map(|(key, value)| (key.to_owned(), value)).collect(),
        scope,
        value: estimate.value.ok(),
        ci_low: interval.map(|interval| interval.low),
        ci_high: interval.map(|interval| interval.high),
        n_items: estimate.sample.items,
        n_ratings: estimate.sample.ratings,
        n_raters: estimate.sample.raters,
        method: match (options.interval, estimate.interval) {
            (IntervalKind::None, _) => "no interval: not asked for".to_owned(),
            (IntervalKind::Analytic, Ok(_)) => estimate.method.name().to_owned(),
            (IntervalKind::Analytic, Err(why)) => format!("{}; no interval: {}", estimate.method.name(), why.code()),
        },
        undefined_reason: estimate.value.err().map(reason),
    }
}

/// The options of one measure that other tools choose differently.
fn own_options(measure: &str) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let options: &[(&str, &str)] = match measure {
        "percent_agreement" | "kappa_against_others" => &[("averaging", "items")],
        "specific_agreement" => &[("averaging", "pairs")],
        "krippendorff_alpha" => &[("single_ratings", "left_out")],
        "fleiss_kappa" => &[("single_ratings", "count_in_chance_only")],
        "gwet_ac1" => &[("single_ratings", "count_in_chance_only"), ("categories", "observed")],
        "mean_pairwise_cohen_kappa" => &[("averaging", "pairs_unweighted"), ("min_shared_items", "1")],
        _ => &[],
    };
    options.iter().map(|&(key, value)| (key, value.to_owned()))
}
