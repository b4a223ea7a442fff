//! Figures of labels that are numbers or ranks.

use std::collections::BTreeMap;

use assay_stats::Threads;
use assay_stats::interval::Bounds;
use assay_stats::numeric::{
    Complete, Icc, IccFigures, IccForm, KendallWFigures, Limits, LimitsError, Missing, Multiplier, PairFigures,
    PairMeasure, Pairs, Scores, bland_altman, by_pair, intraclass_correlations, kendall_w, mean_over_pairs,
};

use super::Setting;
use super::interval::{self, Drawn, FIXED_PAIR, MOST_PARTS, Wanted};
use super::options::{Breakdown, Level, MeasureChoice};
use super::overall::are_few_pairs;
use crate::error::{Error, Result};
use crate::reports::measure::{Measure, Scope};

const ICC: [(&str, IccForm); 6] = [
    ("icc_1_1", IccForm::OneWaySingle),
    ("icc_a_1", IccForm::AgreementSingle),
    ("icc_c_1", IccForm::ConsistencySingle),
    ("icc_1_k", IccForm::OneWayAverage),
    ("icc_a_k", IccForm::AgreementAverage),
    ("icc_c_k", IccForm::ConsistencyAverage),
];
const OF_PAIRS: [(&str, PairMeasure); 4] = [
    ("pearson_r", PairMeasure::PearsonR),
    ("spearman_rho", PairMeasure::SpearmanRho),
    ("kendall_tau_b", PairMeasure::KendallTauB),
    ("lin_ccc", PairMeasure::LinCcc(assay_stats::numeric::Divisor::N)),
];
const BLAND_ALTMAN: [(&str, PairMeasure); 3] = [
    ("bland_altman_bias", PairMeasure::MeanDifference),
    ("bland_altman_lower", PairMeasure::LowerLimit(LIMITS)),
    ("bland_altman_upper", PairMeasure::UpperLimit(LIMITS)),
];
const LIMITS: Limits = Limits { multiplier: Multiplier::OnePointNineSix, error: LimitsError::BlandAltman1999 };

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let icc = ICC.iter().map(|&(name, _)| name);
    icc.chain(["kendall_w"]).chain(OF_PAIRS.iter().chain(&BLAND_ALTMAN).map(|&(name, _)| name))
}

/// Those that fit the level and those asked for by name; none for labels that are no numbers and have no order.
///
/// # Errors
/// When a measure that is asked for by name needs numbers that the labels are not.
pub(super) fn measures(setting: &Setting<'_>) -> Result<Vec<Measure>> {
    if !names().any(|name| wants(setting, name)) {
        return Ok(Vec::new());
    }
    let values = values(setting)?;
    let scores = Scores::new(setting.subject.facts.ratings(), &values)
        .map_err(|e| Error::invalid(format!("measures of numbers: {e}")))?;
    let mut measures = Vec::new();
    of_all(setting, &scores, &mut measures);
    of_pairs(setting, &scores, &mut measures);
    Ok(measures)
}

fn wants(setting: &Setting<'_>, name: &str) -> bool {
    let by_rank = ["kendall_w", "spearman_rho", "kendall_tau_b"].contains(&name);
    let fits = match setting.options.level {
        Level::Nominal => false,
        Level::Ordinal => by_rank,
        Level::Interval | Level::Ratio => true,
    };
    match &setting.options.measures {
        MeasureChoice::Named(_) => setting.options.measures.wants(name, fits),
        MeasureChoice::Usual | MeasureChoice::All => fits,
    }
}

/// The labels as numbers; labels in an order of their own stand for their ranks.
fn values(setting: &Setting<'_>) -> Result<Vec<Option<f64>>> {
    let subject = setting.subject;
    match subject.values {
        Some(values) => Ok(values.iter().copied().map(Some).collect()),
        None if subject.is_ordered() => Ok((1..=subject.labels.len()).map(|rank| Some(rank as f64)).collect()),
        None => Err(subject.not_numbers("these measures need")),
    }
}

/// What compares all raters at once, on the items that all of them rated.
fn of_all(setting: &Setting<'_>, scores: &Scores, measures: &mut Vec<Measure>) {
    let complete = Complete::new(scores);
    let note = |measure: &mut Measure| {
        measure.options.insert("missing", "listwise");
        measure.detail.insert("incomplete_items", complete.incomplete_items() as f64);
    };
    if ICC.iter().any(|(name, _)| wants(setting, name)) {
        let mut wanted = Vec::new();
        for (figure, icc) in intraclass_correlations(&complete).iter().enumerate() {
            if let Some(mut measure) = of_form(setting, icc) {
                note(&mut measure);
                wanted.push(Wanted { place: measures.len(), figure, bounds: Bounds::AGREEMENT });
                measures.push(measure);
            }
        }
        if setting.options.interval.is_resampled() {
            let statistic = IccFigures::new(&complete);
            let drawn = Drawn { items: &statistic, both: Err(ALL_RATERS), counts_anew: false };
            interval::resample(setting, &drawn, &wanted, measures);
        }
    }
    if wants(setting, "kendall_w") {
        let found = kendall_w(&complete);
        let mut measure = setting.measure("kendall_w", setting.scope("overall"), found.corrected, true);
        note(&mut measure);
        let mut say = |name: &'static str, value: f64| measure.detail.insert(name, value);
        if let Ok(uncorrected) = found.uncorrected.value {
            say("w_uncorrected", uncorrected);
        }
        if let Ok(test) = found.test {
            say("chi_squared", test.chi_squared);
            say("degrees", test.df as f64);
            say("p_value", test.p);
        }
        let wanted = [Wanted { place: measures.len(), figure: 0, bounds: Bounds::SHARE }];
        measures.push(measure);
        if setting.options.interval.is_resampled() {
            let statistic = KendallWFigures::new(&complete);
            let drawn = Drawn { items: &statistic, both: Err(ALL_RATERS), counts_anew: true };
            interval::resample(setting, &drawn, &wanted, measures);
        }
    }
}

/// A copy of a rater agrees with itself: drawn raters would look better than any crew.
const ALL_RATERS: &str = "all annotators are compared at once";

fn of_form(setting: &Setting<'_>, icc: &Icc) -> Option<Measure> {
    let (name, _) = ICC.iter().find(|(_, form)| *form == icc.form)?;
    if !wants(setting, name) {
        return None;
    }
    let mut measure = setting.measure(name, setting.scope("overall"), icc.estimate, true);
    measure.options.insert("form", icc.form.name());
    if let Ok(test) = icc.test {
        let mut say = |name: &'static str, value: f64| measure.detail.insert(name, value);
        say("f", test.f);
        say("degrees_1", test.df1 as f64);
        say("degrees_2", test.df2 as f64);
        say("p_value", test.p);
    }
    Some(measure)
}

/// What compares two raters: the mean over pairs, and each pair where that is asked for.
fn of_pairs(setting: &Setting<'_>, scores: &Scores, measures: &mut Vec<Measure>) {
    let raters = scores.raters().len();
    let is_named = matches!(setting.options.measures, MeasureChoice::Named(_));
    if !is_named && !are_few_pairs(raters) {
        return;
    }
    let threads = setting.options.threads;
    let pairs = Pairs::new(scores, Missing::Pairwise, threads);
    let each = setting.options.by.contains(&Breakdown::Pair);
    let mut placed = Placed::default();
    for (name, measure) in OF_PAIRS.into_iter().filter(|(name, _)| wants(setting, name)) {
        let of_each = if each || raters == 2 { by_pair(&pairs, measure, threads) } else { Vec::new() };
        // Two raters are one pair, whose interval has a formula of its own.
        let overall = match of_each[..] {
            [pair] if raters == 2 => pair.estimate,
            _ => mean_over_pairs(&pairs, measure, threads),
        };
        let mut overall = setting.measure(name, setting.scope("overall"), overall, true);
        overall.options.insert("averaging", "pairs_unweighted");
        placed.overall.push((measure, measures.len()));
        measures.push(overall);
        if each {
            for pair in of_each {
                let scope = pair_scope(setting, pair.rater, pair.other);
                placed.of_pair(pair.rater, pair.other).push((measure, measures.len()));
                measures.push(setting.measure(name, scope, pair.estimate, true));
            }
        }
    }
    if BLAND_ALTMAN.iter().any(|(name, _)| wants(setting, name)) && (each || raters == 2 || is_named) {
        differences(setting, &pairs, raters == 2 && !each, &mut placed, measures);
    }
    if setting.options.interval.is_resampled() {
        placed.resample(setting, scores, &pairs, measures);
    }
}

/// Bland and Altman's figures of each pair; of the only one, if that is all there is.
fn differences(
    setting: &Setting<'_>,
    pairs: &Pairs,
    only_pair: bool,
    placed: &mut Placed,
    measures: &mut Vec<Measure>,
) {
    for found in bland_altman(pairs, LIMITS, setting.options.threads) {
        for ((name, kind), estimate) in BLAND_ALTMAN.into_iter().zip([found.bias, found.lower, found.upper]) {
            if !wants(setting, name) {
                continue;
            }
            let mut scope = pair_scope(setting, found.rater, found.other);
            if only_pair {
                "overall".clone_into(&mut scope.by);
            }
            let mut measure = setting.measure(name, scope, estimate, true);
            measure.options.insert("multiplier", "1.96");
            if let Ok(sd) = found.sd.value {
                measure.detail.insert("standard_deviation", sd);
            }
            if let Some(error) = found.limits_error.ok().filter(|_| kind != PairMeasure::MeanDifference) {
                measure.detail.insert("standard_error", error);
            }
            placed.of_pair(found.rater, found.other).push((kind, measures.len()));
            measures.push(measure);
        }
    }
}

/// Where the figures of pairs and their means stand among the measures.
#[derive(Default)]
struct Placed {
    overall: Vec<(PairMeasure, usize)>,
    pairs: BTreeMap<(u32, u32), Vec<(PairMeasure, usize)>>,
}

impl Placed {
    fn of_pair(&mut self, rater: u32, other: u32) -> &mut Vec<(PairMeasure, usize)> {
        self.pairs.entry((rater, other)).or_default()
    }

    fn resample(&self, setting: &Setting<'_>, scores: &Scores, pairs: &Pairs, measures: &mut [Measure]) {
        let of_all = PairFigures::new(
            pairs,
            self.overall.iter().map(|&(measure, _)| measure).collect(),
            setting.options.threads,
        );
        let drawn = Drawn { items: &of_all, both: Ok(&of_all), counts_anew: true };
        interval::resample(setting, &drawn, &wanted(&self.overall), measures);
        let too_many = self.pairs.len() > MOST_PARTS;
        for (&(rater, other), placed) in &self.pairs {
            if too_many {
                interval::refuse(setting, &wanted(placed), &format!("more than {MOST_PARTS} pairs"), measures);
                continue;
            }
            let pair = Pairs::new(&scores.of_raters(&[rater, other]), Missing::Pairwise, Threads::ONE);
            let figures = PairFigures::new(&pair, placed.iter().map(|&(measure, _)| measure).collect(), Threads::ONE);
            let drawn = Drawn { items: &figures, both: Err(FIXED_PAIR), counts_anew: true };
            interval::resample(setting, &drawn, &wanted(placed), measures);
        }
    }
}

/// Figures in the order of their statistic.
fn wanted(placed: &[(PairMeasure, usize)]) -> Vec<Wanted> {
    let placed = placed.iter().enumerate();
    placed.map(|(figure, &(measure, place))| Wanted { place, figure, bounds: measure.bounds() }).collect()
}

fn pair_scope(setting: &Setting<'_>, rater: u32, other: u32) -> Scope {
    Scope { annotator: setting.subject.rater(rater), other: setting.subject.rater(other), ..setting.scope("pair") }
}
