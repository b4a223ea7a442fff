//! Intervals of coefficients by counting items, or items and raters, anew.

use assay_stats::agreement::{Coefficient, Coefficients, RaterCoefficients};
use assay_stats::interval::{Bounds, Interval};
use assay_stats::resample::{Jackknife, NoBca, Resampled, Resampling, Statistic, bootstrap, jackknife, two_way};
use assay_stats::{Method, Undefined};

use super::Setting;
use super::options::{BootstrapKind, IntervalKind};
use crate::reports::measure::Measure;

/// A coefficient that has a value, and the place of its measure.
pub(super) struct Wanted {
    pub(super) place: usize,
    pub(super) coefficient: Coefficient,
}

/// An interval with how it came about.
struct Made {
    interval: Result<Interval, Undefined>,
    method: Method,
    standard_error: Option<f64>,
    undefined_resamples: Option<usize>,
    no_bca: Option<NoBca>,
}

/// Replaces the intervals of the wanted measures by those that the options ask for.
pub(super) fn resample(setting: &Setting<'_>, wanted: Vec<Wanted>, measures: &mut [Measure]) {
    if setting.options.interval == IntervalKind::TwoWay {
        let members = wanted.iter().map(|wanted| wanted.coefficient).collect();
        let statistic = RaterCoefficients::new(&setting.subject.facts, &setting.weights, members);
        for (wanted, made) in wanted.iter().zip(two_way(&statistic, &resampling(setting))) {
            write(setting, wanted, &made.into(), measures);
        }
        return;
    }
    let (rated, counted): (Vec<Wanted>, Vec<Wanted>) =
        wanted.into_iter().partition(|wanted| wanted.coefficient.needs_raters());
    let members = |wanted: &[Wanted]| wanted.iter().map(|wanted| wanted.coefficient).collect();
    if !counted.is_empty() {
        let statistic = Coefficients::new(&setting.subject.facts, &setting.weights, members(&counted));
        over_items(setting, &statistic, &counted, measures);
    }
    if !rated.is_empty() {
        let statistic = RaterCoefficients::new(&setting.subject.facts, &setting.weights, members(&rated));
        over_items(setting, &statistic, &rated, measures);
    }
}

/// Coefficients that need raters are counted anew for each item that is left out: with more items than this it would take hours.
const MOST_LEFT_OUT: usize = 5000;

fn over_items(setting: &Setting<'_>, statistic: &dyn Statistic, wanted: &[Wanted], measures: &mut [Measure]) {
    let options = setting.options;
    let threads = options.threads.get();
    let is_bca = options.bootstrap == BootstrapKind::Bca;
    let needs_jackknife = options.interval == IntervalKind::Jackknife || is_bca;
    let counts_anew = wanted.iter().any(|wanted| wanted.coefficient.needs_raters());
    let too_many = needs_jackknife && counts_anew && statistic.multiplicities().len() > MOST_LEFT_OUT;
    if too_many && options.interval == IntervalKind::Jackknife {
        wanted.iter().for_each(|wanted| refuse_jackknife(wanted, measures));
        return;
    }
    let without = if needs_jackknife && !too_many { jackknife(statistic, threads) } else { Vec::new() };
    if options.interval == IntervalKind::Jackknife {
        for (wanted, without) in wanted.iter().zip(&without) {
            write(setting, wanted, &from_jackknife(wanted.coefficient, without), measures);
        }
        return;
    }
    let replicates = bootstrap(statistic, &resampling(setting));
    for (figure, wanted) in wanted.iter().enumerate() {
        let made = match without.get(figure) {
            Some(without) => replicates.bca(figure, without),
            None => replicates.percentile(figure),
        };
        write(setting, wanted, &made.into(), measures);
        if too_many {
            refuse_jackknife(wanted, measures);
        }
    }
}

/// Leaves the interval that there is, and says that no jackknife went into it.
fn refuse_jackknife(wanted: &Wanted, measures: &mut [Measure]) {
    if let Some(measure) = measures.get_mut(wanted.place) {
        measure.method = format!("{}; no jackknife: more than {MOST_LEFT_OUT} items", measure.method).into();
    }
}

fn resampling(setting: &Setting<'_>) -> Resampling {
    let options = setting.options;
    Resampling { resamples: options.resamples as usize, seed: options.seed, threads: options.threads.get() }
}

fn from_jackknife(coefficient: Coefficient, without: &Jackknife) -> Made {
    let bounds = match coefficient {
        Coefficient::PercentAgreement | Coefficient::PooledPercentAgreement => Bounds::SHARE,
        _ => Bounds::AGREEMENT,
    };
    Made {
        interval: without.interval(bounds),
        method: Method::Jackknife,
        standard_error: without.standard_error.ok(),
        undefined_resamples: None,
        no_bca: None,
    }
}

impl From<Resampled> for Made {
    fn from(resampled: Resampled) -> Self {
        Self {
            interval: resampled.interval,
            method: resampled.method,
            standard_error: resampled.standard_error.ok(),
            undefined_resamples: Some(resampled.undefined),
            no_bca: resampled.no_bca,
        }
    }
}

fn write(setting: &Setting<'_>, wanted: &Wanted, made: &Made, measures: &mut [Measure]) {
    let Some(measure) = measures.get_mut(wanted.place) else { return };
    measure.ci_low = made.interval.ok().map(|interval| interval.low);
    measure.ci_high = made.interval.ok().map(|interval| interval.high);
    measure.method = super::how(made.method, made.interval);
    if let Some(why) = made.no_bca {
        measure.method = format!("{}; no bca: {}", measure.method, why.code()).into();
    }
    measure.detail.remove("standard_error");
    if let Some(standard_error) = made.standard_error {
        measure.detail.insert("standard_error", standard_error);
    }
    if let Some(undefined) = made.undefined_resamples {
        measure.options.insert("resamples", setting.options.resamples.to_string());
        measure.options.insert("seed", setting.options.seed.to_string());
        measure.detail.insert("undefined_resamples", undefined as f64);
    }
}
