//! Figures of any table of ratings: a control of a project, a file, a slice of either. One way for all of them.

mod caution;
mod insight;
mod interval;
mod numeric;
mod options;
mod overall;
mod pairs;
mod parts;
mod pools;
mod sets;
mod subject;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use assay_stats::interval::Interval;
use assay_stats::{Estimate, Method, Undefined};

pub use caution::Caution;
pub use insight::{
    Balance, BandView, BenchmarkView, DesignView, ExplanationView, Insight, Planning, Shift, in_words, insight,
};
pub use options::{
    BootstrapKind, Breakdown, FigureOptions, IntervalKind, Level, MeasureChoice, Scheme, Threads, WeightsBy,
    WeightsChoice,
};
pub use pools::{MOST_POOLS, pools};
pub use subject::Subject;

use super::measure::{Detail, Measure, Options, Scope};
use crate::error::{Error, Result};

/// Every measure by name, as `--measures` takes them.
pub fn names() -> Vec<&'static str> {
    overall::names().chain(parts::names()).chain(numeric::names()).chain(sets::names()).chain(pools::NAMES).collect()
}

/// The figures of a subject: of the whole, then of its labels, pairs of raters and raters as the options say.
///
/// `place` is the scope that all share (a control, a slice); `policies` are options that are not about statistics.
///
/// # Errors
/// When the level or the weights do not fit the labels, or a measure is not known.
pub fn figures(
    subject: &Subject<'_>,
    options: &FigureOptions,
    place: &Scope,
    policies: &BTreeMap<String, String>,
) -> Result<Vec<Measure>> {
    check_names(options)?;
    let setting = Setting::new(subject, options, place, policies)?;
    let mut measures = match &options.sets {
        Some(separator) => sets::measures(&setting, separator)?,
        None => {
            let mut measures = overall::measures(&setting);
            measures.extend(numeric::measures(&setting)?);
            parts::measures(&setting, &mut measures);
            measures
        }
    };
    caution::mark(&setting, &mut measures);
    Ok(measures)
}

/// The figures of the whole alone, with a scope as it is given.
///
/// # Errors
/// As [`figures`].
pub fn overall(
    subject: &Subject<'_>,
    options: &FigureOptions,
    place: &Scope,
    policies: &BTreeMap<String, String>,
) -> Result<Vec<Measure>> {
    let options = FigureOptions { by: BTreeSet::new(), ..options.clone() };
    let mut measures = figures(subject, &options, place, policies)?;
    measures.retain(|measure| measure.scope.by == "overall");
    measures.iter_mut().for_each(|measure| measure.scope.clone_from(place));
    Ok(measures)
}

fn check_names(options: &FigureOptions) -> Result<()> {
    let MeasureChoice::Named(wanted) = &options.measures else { return Ok(()) };
    let known: BTreeSet<&str> = names().into_iter().collect();
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(name.as_str())) {
        let known: Vec<&str> = known.into_iter().collect();
        return Err(Error::invalid(format!("there is no measure {unknown:?}; the measures are {}", known.join(", "))));
    }
    match wanted.iter().find_map(|name| Some((name, ruled_out(name, options)?))) {
        Some((name, why)) => Err(Error::invalid(format!("there can be no {name} here: {why}"))),
        None => Ok(()),
    }
}

/// Why these options have no such figure, whatever the ratings.
fn ruled_out(measure: &str, options: &FigureOptions) -> Option<&'static str> {
    let of_sets = sets::names().any(|name| name == measure);
    match (of_sets, &options.sets) {
        (true, None) => {
            return Some("it compares sets of labels; say what stands between the labels of a set, as in --sets ,");
        }
        (false, Some(_)) if measure != "krippendorff_alpha" => {
            return Some(
                "labels are sets; leave out --sets, or ask for krippendorff_alpha, its _masi, _jaccard or _per_label",
            );
        }
        _ => {}
    }
    match (measure, options.asks_for_weights()) {
        ("gwet_ac1", true) => Some("with weights it is gwet_ac2"),
        ("gwet_ac2", false) => Some("without weights it is gwet_ac1; give --level or --weights"),
        _ => None,
    }
}

/// A subject with everything resolved that its figures share.
struct Setting<'a> {
    subject: &'a Subject<'a>,
    options: &'a FigureOptions,
    weights: assay_stats::agreement::Weights,
    by: WeightsBy,
    place: &'a Scope,
    policies: &'a BTreeMap<String, String>,
    /// What was stated for measures before, by name and by whether it is weighted.
    stated: RefCell<BTreeMap<(String, bool), Options>>,
}

impl<'a> Setting<'a> {
    fn new(
        subject: &'a Subject<'a>,
        options: &'a FigureOptions,
        place: &'a Scope,
        policies: &'a BTreeMap<String, String>,
    ) -> Result<Self> {
        let (weights, by) = subject.weights(options)?;
        Ok(Self { subject, options, weights, by, place, policies, stated: RefCell::default() })
    }

    fn scope(&self, by: &str) -> Scope {
        Scope { by: by.to_owned(), ..self.place.clone() }
    }

    /// The options that every figure states, and those that other tools choose differently for this one.
    fn stated(&self, name: &str, weighted: bool) -> Options {
        let key = (name.to_owned(), weighted);
        self.stated.borrow_mut().entry(key).or_insert_with(|| self.state(name, weighted).into()).clone()
    }

    fn state(&self, name: &str, weighted: bool) -> BTreeMap<String, String> {
        let mut stated = self.policies.clone();
        let mut say = |key: &str, value: &str| stated.insert(key.to_owned(), value.to_owned());
        say("level", if weighted { self.options.level.name() } else { Level::Nominal.name() });
        say("confidence", "0.95");
        if weighted && !self.weights.is_identity() {
            say("weights", self.weights.name());
            if self.weights.name() != "matrix" {
                say("weights_by", self.by.name());
            }
        }
        own_options(name).iter().for_each(|(key, value)| {
            say(key, value);
        });
        if name == "mean_pairwise_cohen_kappa" {
            say("min_shared_items", &self.options.min_shared.to_string());
        }
        stated
    }

    /// A figure with the interval that a formula gives, if intervals are wanted: by default the score interval, where there is one.
    fn measure(&self, name: &str, scope: Scope, estimate: Estimate, weighted: bool) -> Measure {
        let mut measure = plain(name, scope, estimate, self.stated(name, weighted));
        let score = if self.options.interval == IntervalKind::Default { estimate.score() } else { None };
        match (self.options.interval, score) {
            (IntervalKind::None, _) => {
                (measure.ci_low, measure.ci_high) = (None, None);
                measure.method = "no interval: not asked for".into();
            }
            (_, Some(score)) => {
                measure.ci_low = score.ok().map(|interval| interval.low);
                measure.ci_high = score.ok().map(|interval| interval.high);
                measure.method = how(Method::Score, score);
            }
            _ => {}
        }
        measure
    }
}

/// How an interval was made, and why there is none.
fn how(method: Method, interval: std::result::Result<Interval, Undefined>) -> Cow<'static, str> {
    match interval {
        Ok(_) => method.name().into(),
        Err(why) => format!("{}; no interval: {}", method.name(), why.code()).into(),
    }
}

fn plain(name: &str, scope: Scope, estimate: Estimate, options: Options) -> Measure {
    let reason = |undefined: Undefined| undefined.code().to_owned();
    let mut detail = Detail::default();
    if let Some(spread) = estimate.spread {
        detail.insert("standard_error", spread.standard_error);
    }
    if let Some(chance) = estimate.chance {
        detail.insert("observed_agreement", chance.observed);
        detail.insert("expected_agreement", chance.expected);
    }
    Measure {
        measure: name.to_owned(),
        options,
        scope,
        value: estimate.value.ok(),
        ci_low: estimate.interval.ok().map(|interval| interval.low),
        ci_high: estimate.interval.ok().map(|interval| interval.high),
        n_items: estimate.sample.items,
        n_ratings: estimate.sample.ratings,
        n_raters: estimate.sample.raters,
        method: how(estimate.method, estimate.interval),
        undefined_reason: estimate.value.err().map(reason),
        caution: None,
        detail,
    }
}

/// The options of one measure that other tools choose differently.
fn own_options(measure: &str) -> &'static [(&'static str, &'static str)] {
    match measure {
        "percent_agreement" | "kappa_against_others" => &[("averaging", "items")],
        "specific_agreement" | "pooled_percent_agreement" => &[("averaging", "pairs")],
        "krippendorff_alpha" => &[("single_ratings", "left_out")],
        "fleiss_kappa" | "conger_kappa" => &[("single_ratings", "count_in_chance_only")],
        "gwet_ac1" | "gwet_ac2" => &[("single_ratings", "count_in_chance_only")],
        "mean_label_entropy" => &[("averaging", "items"), ("single_ratings", "count_with_0"), ("unit", "nats")],
        "mean_pairwise_cohen_kappa" => &[("averaging", "pairs_unweighted")],
        _ => &[],
    }
}
