//! What the figures of a table mean: why they are low, how good they are, what more labels would give.

use std::fmt::Write;

use assay_stats::agreement::benchmark::Benchmark;
use assay_stats::agreement::paradox::{Diagnosis, Names, diagnose, explain};
use assay_stats::agreement::planning::{Costs, DesignPlan, PlannedFigure, items_needed, items_needed_by_score};
use assay_stats::agreement::{by_label, krippendorff_alpha, percent_agreement};
use assay_stats::{Estimate, Undefined};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::options::{FigureOptions, IntervalKind, Level};
use super::subject::Subject;
use crate::error::Result;

/// Readings of Krippendorff's alpha of one table of ratings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Insight {
    /// Why alpha is what it is; only for nominal labels.
    pub explanation: Option<ExplanationView>,
    /// How evenly labels are used, and who uses them differently.
    pub balance: Option<Balance>,
    /// Where alpha stands on the usual scales of words.
    pub benchmarks: Vec<BenchmarkView>,
    /// What more labels would give; null with `planning_undefined`.
    pub planning: Option<Planning>,
    /// Why there is no plan: a code of docs/METRICS.md.
    pub planning_undefined: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplanationView {
    /// `not_low`, `low_agreement`, `prevalence`, `bias`, `few_items`, `close_to_chance`, `not_defined`.
    pub reasons: Vec<String>,
    /// In plain English.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Balance {
    /// 0 when all labels occur equally often, 1 when only one does.
    pub prevalence_index: Option<f64>,
    /// Entropy of the label shares by that of equal ones.
    pub normalised_entropy: Option<f64>,
    /// The mean over annotators of how far their use of labels differs from that of the others on the same items.
    pub bias_index: f64,
    /// Annotators, in the order of their ids.
    pub annotators: Vec<Shift>,
}

/// How one annotator's use of labels differs from that of the others on the same items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shift {
    pub annotator: String,
    pub items: u64,
    /// The share of the annotator's labels that would have to change.
    pub shift: f64,
    /// The label whose share differs most.
    pub label: String,
    /// The annotator's share of it minus that of the others.
    pub difference: f64,
    /// The difference by its standard error (McNemar).
    pub z: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BenchmarkView {
    /// `landis_koch`, `altman`, `fleiss`, `cicchetti_sparrow`, `regier`, `krippendorff`.
    pub benchmark: String,
    /// The band of the value, as if it were exact.
    pub of_value: String,
    /// The highest band that is reached with a probability of 95 % (Gwet 2014).
    pub reached: String,
    /// The highest first.
    pub bands: Vec<BandView>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BandView {
    pub band: String,
    pub from: f64,
    pub probability: f64,
    /// That this band or a higher one is reached.
    pub cumulative: f64,
}

/// How wide the 95 % interval of alpha would be with other numbers of items and of ratings per item. Widths now and numbers of items are those of
/// the interval that the report states beside alpha; a score interval is not symmetric, half its width stands for its half-width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Planning {
    /// The half-width that is aimed at.
    pub target: f64,
    pub half_width_now: f64,
    pub items_now: u64,
    /// Items in all for the target, with ratings as they are now; `items_low` to `items_high` is its 95 % range.
    pub items_needed: u64,
    pub items_low: u64,
    pub items_high: u64,
    /// Expected half-widths of value ± t · standard error in designs with equal numbers of ratings.
    pub grid: Vec<DesignView>,
    /// The cheapest design for the target when a further item costs as much as a further rating.
    pub cheapest: Option<DesignView>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DesignView {
    pub items: u64,
    pub ratings_per_item: u64,
    /// From the smallest to the largest that the data allow.
    pub half_width_low: f64,
    pub half_width_high: f64,
}

/// The half-width of an interval that people can work with.
const TARGET: f64 = 0.05;
const MOST_RATINGS: u64 = 20;

/// What alpha of these ratings means.
///
/// # Errors
/// When the level or the weights do not fit the labels.
pub fn insight(subject: &Subject<'_>, options: &FigureOptions) -> Result<Insight> {
    let (weights, _) = subject.weights(options)?;
    let facts = &subject.facts;
    let alpha = if subject.has_ordinal_metric(options) {
        krippendorff_alpha(facts, &subject.ordinal_weights())
    } else {
        krippendorff_alpha(facts, &weights)
    };
    let mut found = Insight::default();
    let is_nominal = options.level == Level::Nominal && weights.is_identity();
    if let Some(diagnosis) = diagnose(facts, options.threads).ok().filter(|_| is_nominal) {
        let rarest = diagnosis.rarest().0;
        let specific = by_label(facts).into_iter().find(|label| label.label == rarest);
        let specific = specific.and_then(|label| label.specific.value.ok());
        let stated = as_stated(alpha, options);
        let said = explain(&diagnosis, &percent_agreement(facts, &weights), &stated, specific, &Named(subject));
        let reasons = said.reasons.iter().map(|reason| reason.code().to_owned()).collect();
        found.explanation = Some(ExplanationView { reasons, text: said.text });
        found.balance = Some(balance(&diagnosis, subject));
    }
    found.benchmarks = benchmarks(&alpha);
    match plan(subject, &alpha, &weights, options) {
        Ok(plan) => found.planning = Some(plan),
        Err(reason) => found.planning_undefined = Some(reason.code().to_owned()),
    }
    Ok(found)
}

/// With the interval that the report states beside the figure, so that the sentence names the same.
fn as_stated(alpha: Estimate, options: &FigureOptions) -> Estimate {
    match alpha.score() {
        Some(interval) if options.interval == IntervalKind::Default => Estimate { interval, ..alpha },
        _ => alpha,
    }
}

struct Named<'a>(&'a Subject<'a>);

impl Names for Named<'_> {
    fn coefficient(&self) -> String {
        "Krippendorff's alpha".to_owned()
    }

    fn label(&self, code: u32) -> String {
        self.0.label(code).unwrap_or_default()
    }

    fn rater(&self, code: u32) -> String {
        self.0.rater_name(code).unwrap_or_default()
    }
}

fn balance(diagnosis: &Diagnosis, subject: &Subject<'_>) -> Balance {
    let shifts = diagnosis.raters.iter().map(|rater| Shift {
        annotator: subject.rater(rater.rater).unwrap_or_default(),
        items: rater.items,
        shift: rater.shift,
        label: subject.label(rater.label).unwrap_or_default(),
        difference: rater.difference,
        z: rater.z,
    });
    Balance {
        prevalence_index: diagnosis.prevalence_index,
        normalised_entropy: diagnosis.normalised_entropy,
        bias_index: diagnosis.bias_index,
        annotators: shifts.collect(),
    }
}

fn benchmarks(alpha: &Estimate) -> Vec<BenchmarkView> {
    let standings = Benchmark::ALL.into_iter().filter_map(|benchmark| benchmark.standing_of(alpha).ok());
    standings
        .map(|standing| BenchmarkView {
            benchmark: standing.benchmark.name().to_owned(),
            of_value: standing.of_value.name.to_owned(),
            reached: standing.reached.name.to_owned(),
            bands: standing
                .bands
                .iter()
                .map(|band| BandView {
                    band: band.band.name.to_owned(),
                    from: band.band.from,
                    probability: band.probability,
                    cumulative: band.cumulative,
                })
                .collect(),
        })
        .collect()
}

fn plan(
    subject: &Subject<'_>,
    alpha: &Estimate,
    weights: &assay_stats::agreement::Weights,
    options: &FigureOptions,
) -> std::result::Result<Planning, Undefined> {
    // Of the interval that stands beside alpha: the score interval, unless another kind was asked for.
    let score = alpha.score().filter(|_| options.interval == IntervalKind::Default);
    let (needed, half_width_now) = match score {
        Some(interval) => {
            let interval = interval?;
            (items_needed_by_score(alpha, TARGET)?, (interval.high - interval.low) / 2.0)
        }
        None => (items_needed(alpha, TARGET)?, alpha.value? - alpha.interval?.low),
    };
    let design = DesignPlan::new(&subject.facts, weights, PlannedFigure::KrippendorffAlpha)?;
    let items_now = alpha.sample.items;
    let items: Vec<u64> = [1, 2, 4, 8].into_iter().map(|times| items_now * times).collect();
    let grid = design.grid(&items, &[2, 3, 4, 5, 7, 10]).into_iter().filter_map(|(items, ratings, half_width)| {
        half_width.map(|half_width| DesignView {
            items,
            ratings_per_item: ratings,
            half_width_low: half_width.low,
            half_width_high: half_width.high,
        })
    });
    let cheapest = design.cheapest(TARGET, Costs { item: 1.0, rating: 1.0 }, MOST_RATINGS);
    Ok(Planning {
        target: TARGET,
        half_width_now,
        items_now,
        items_needed: needed.items,
        items_low: needed.low,
        items_high: needed.high,
        grid: grid.collect(),
        cheapest: cheapest.map(|design| DesignView {
            items: design.items,
            ratings_per_item: design.ratings,
            half_width_low: design.half_width.low,
            half_width_high: design.half_width.high,
        }),
    })
}

/// An insight as lines for a terminal.
pub fn in_words(insight: &Insight) -> String {
    let mut text = String::new();
    if let Some(explanation) = &insight.explanation {
        let _ = writeln!(text, "{}", explanation.text);
    }
    if let Some(standing) = insight.benchmarks.iter().find(|standing| standing.benchmark == "landis_koch") {
        let _ = writeln!(
            text,
            "Landis and Koch would call alpha {}; with 95 % probability it is at least {}.",
            standing.of_value, standing.reached
        );
    }
    if let Some(plan) = &insight.planning {
        let more = plan.items_needed.saturating_sub(plan.items_now);
        let _ = match more {
            0 => writeln!(text, "The interval of alpha is at most {} wide already.", 2.0 * plan.target),
            more => writeln!(
                text,
                "For an interval {} wide label {more} more items like these ({} to {} items in all).",
                2.0 * plan.target,
                plan.items_low,
                plan.items_high
            ),
        };
    }
    text
}
