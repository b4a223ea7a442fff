//! Intervals by counting items, or items and raters, anew.

use assay_stats::interval::{Bounds, Interval};
use assay_stats::resample::{
    Jackknife, NoBca, Resampled, Resampling, Statistic, TwoWayStatistic, bootstrap, jackknife, two_way,
};
use assay_stats::{Method, Undefined};

use super::Setting;
use super::options::{BootstrapKind, IntervalKind};
use crate::reports::measure::Measure;

/// A figure of a statistic, and the place of the measure that shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) place: usize,
    pub(super) figure: usize,
    /// Where a jackknife interval is cut.
    pub(super) bounds: Bounds,
}

/// What is counted anew.
pub(super) struct Drawn<'a> {
    pub(super) items: &'a dyn Statistic,
    /// The same figures with raters drawn, too, or why raters are not drawn.
    pub(super) both: Result<&'a dyn TwoWayStatistic, &'static str>,
    /// Leaving out one item costs as much as counting all.
    pub(super) counts_anew: bool,
}

/// Why raters are not drawn for the figure of a pair.
pub(super) const FIXED_PAIR: &str = "the pair of annotators is given";

/// Counting all items anew for each one that is left out would take hours with more items than this.
const MOST_LEFT_OUT: usize = 5000;

/// Replicates of all figures of a statistic, and figures without each unit, take 8 bytes each: 256 MB.
const MOST_CELLS: usize = 1 << 25;

/// Parts of one kind (pairs, raters) that are each resampled by themselves.
pub(super) const MOST_PARTS: usize = 1000;

/// An interval with how it came about.
struct Made {
    interval: Result<Interval, Undefined>,
    method: Method,
    standard_error: Option<f64>,
    bias_corrected: Option<f64>,
    undefined_resamples: Option<usize>,
    no_bca: Option<NoBca>,
}

/// Replaces the intervals of the wanted measures that have a value by those that the options ask for; what cannot be made leaves the interval
/// that there is and says so in its method.
pub(super) fn resample(setting: &Setting<'_>, drawn: &Drawn<'_>, wanted: &[Wanted], measures: &mut [Measure]) {
    let has_value = |wanted: &&Wanted| measures.get(wanted.place).is_some_and(|measure| measure.value.is_some());
    let wanted: Vec<Wanted> = wanted.iter().filter(has_value).copied().collect();
    if wanted.is_empty() || !setting.options.interval.is_resampled() {
        return;
    }
    if setting.options.interval != IntervalKind::TwoWay {
        return over_items(setting, drawn, &wanted, measures);
    }
    match drawn.both {
        Ok(statistic) if fits(statistic.figures(), setting.options.resamples as usize) => {
            let made = two_way(statistic, &resampling(setting));
            for wanted in &wanted {
                if let Some(made) = made.get(wanted.figure) {
                    write(setting, wanted, &(*made).into(), measures);
                }
            }
        }
        Ok(_) => refuse(setting, &wanted, TOO_MANY_FIGURES, measures),
        Err(why) => refuse(setting, &wanted, why, measures),
    }
}

const TOO_MANY_FIGURES: &str = "too many figures at once";

fn fits(figures: usize, rows: usize) -> bool {
    figures.saturating_mul(rows) <= MOST_CELLS
}

fn over_items(setting: &Setting<'_>, drawn: &Drawn<'_>, wanted: &[Wanted], measures: &mut [Measure]) {
    let (options, statistic) = (setting.options, drawn.items);
    let is_jackknife = options.interval == IntervalKind::Jackknife;
    let needs_jackknife = is_jackknife || options.bootstrap == BootstrapKind::Bca;
    let (units, figures) = (statistic.multiplicities().len(), statistic.figures());
    if !is_jackknife && !fits(figures, options.resamples as usize) {
        return refuse(setting, wanted, TOO_MANY_FIGURES, measures);
    }
    let no_jackknife = if drawn.counts_anew && units > MOST_LEFT_OUT {
        Some(format!("more than {MOST_LEFT_OUT} items"))
    } else {
        (!fits(figures, units)).then(|| TOO_MANY_FIGURES.to_owned())
    };
    let no_jackknife = no_jackknife.filter(|_| needs_jackknife);
    let without = match no_jackknife {
        None if needs_jackknife => jackknife(statistic, options.threads.get()),
        _ => Vec::new(),
    };
    if !is_jackknife {
        let replicates = bootstrap(statistic, &resampling(setting));
        for wanted in wanted {
            let made = match without.get(wanted.figure) {
                Some(without) => replicates.bca(wanted.figure, without),
                None => replicates.percentile(wanted.figure),
            };
            write(setting, wanted, &made.into(), measures);
        }
    } else {
        for wanted in wanted {
            if let Some(without) = without.get(wanted.figure) {
                write(setting, wanted, &from_jackknife(wanted.bounds, without), measures);
            }
        }
    }
    if let Some(why) = no_jackknife {
        wanted.iter().for_each(|wanted| add_to_method(wanted.place, "jackknife", &why, measures));
    }
}

/// Leaves the intervals that there are, and says that they are not what was asked for.
pub(super) fn refuse(setting: &Setting<'_>, wanted: &[Wanted], why: &str, measures: &mut [Measure]) {
    let name = setting.options.interval.name();
    wanted.iter().for_each(|wanted| add_to_method(wanted.place, name, why, measures));
}

/// The same of all measures from a place on that have a value.
pub(super) fn refuse_from(setting: &Setting<'_>, place: usize, why: &str, measures: &mut [Measure]) {
    if setting.options.interval.is_resampled() {
        let places = (place..measures.len()).filter(|&place| measures[place].value.is_some());
        let wanted: Vec<Wanted> = places.map(|place| Wanted { place, figure: 0, bounds: Bounds::NONE }).collect();
        refuse(setting, &wanted, why, measures);
    }
}

fn add_to_method(place: usize, interval: &str, why: &str, measures: &mut [Measure]) {
    if let Some(measure) = measures.get_mut(place) {
        measure.method = format!("{}; no {interval}: {why}", measure.method).into();
    }
}

fn resampling(setting: &Setting<'_>) -> Resampling {
    let options = setting.options;
    Resampling { resamples: options.resamples as usize, seed: options.seed, threads: options.threads.get() }
}

fn from_jackknife(bounds: Bounds, without: &Jackknife) -> Made {
    Made {
        interval: without.interval(bounds),
        method: Method::Jackknife,
        standard_error: without.standard_error.ok(),
        bias_corrected: without.bias_corrected.ok(),
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
            bias_corrected: None,
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
    if let Some(bias_corrected) = made.bias_corrected {
        measure.detail.insert("bias_corrected", bias_corrected);
    }
    if let Some(undefined) = made.undefined_resamples {
        measure.options.insert("resamples", setting.options.resamples.to_string());
        measure.options.insert("seed", setting.options.seed.to_string());
        measure.detail.insert("undefined_resamples", undefined as f64);
    }
}
