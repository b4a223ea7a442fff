//! A small project for the tests of the pages.

use serde_json::json;

use crate::reports::Period;
use crate::reports::figures::{
    Balance, BandView, BenchmarkView, DesignView, ExplanationView, Insight, Planning, Shift,
};
use crate::reports::measure::{Dropped, Measure, Scope};
use crate::reports::views::{
    AgreementData, AgreementParams, AgreementReport, AnnotationView, ConfusionCell, ControlData, Disagreement,
    ItemView, LabelCount, ProjectView, RaterName, ResultView, SliceField, SliceSplit, SnapshotView, TimeSplit, Vote,
};
use crate::store::{Change, Changes, Operation};

const RATERS: [(&str, &str); 5] = [
    ("reviews/user/2", "Ann Novak"),
    ("reviews/user/3", "Bo Lee"),
    ("reviews/user/4", "Carla Díaz"),
    ("reviews/user/5", "Дмитрий Орлов"),
    ("reviews/user/6", "Eva"),
];
const LABELS: [&str; 3] = ["Negative", "Neutral", "Positive"];

pub fn measure(name: &str, value: f64, (low, high): (f64, f64)) -> Measure {
    Measure {
        measure: name.into(),
        options: Default::default(),
        scope: Scope { by: "overall".into(), control: "sentiment".into(), ..Scope::default() },
        value: Some(value),
        ci_low: Some(low),
        ci_high: Some(high),
        n_items: 92,
        n_ratings: 331,
        n_raters: 5,
        method: "percentile_bootstrap".into(),
        undefined_reason: None,
        caution: None,
        detail: Default::default(),
    }
}

fn scoped(
    mut measure: Measure,
    by: &str,
    label: Option<&str>,
    annotator: Option<&str>,
    other: Option<&str>,
) -> Measure {
    let text = |part: Option<&str>| part.map(str::to_owned);
    measure.scope =
        Scope { by: by.into(), label: text(label), annotator: text(annotator), other: text(other), ..measure.scope };
    measure
}

pub fn project() -> ProjectView {
    ProjectView {
        id: "0198".into(),
        name: "Customer reviews".into(),
        created_at: "2026-11-20T08:00:00Z".into(),
        snapshot: Some(SnapshotView {
            number: 3,
            created_at: "2026-11-23T14:05:09.120Z".into(),
            operation: Operation::Import,
            actor: "cli".into(),
            sources: vec!["export.json".into()],
            items: 120,
            annotations: 381,
            predictions: 240,
            results: 602,
            raters: 7,
            rejects: 2,
            bytes: 48_213,
            changes: Changes { items: Change { new: 4, changed: 1, removed: 0 }, ..Changes::default() },
            retired_at: None,
            retired_by: None,
        }),
    }
}

pub fn report() -> AgreementReport {
    let mut measures = vec![
        measure("gwet_ac1", 0.612, (0.53, 0.694)),
        measure("percent_agreement", 0.731, (0.672, 0.79)),
        measure("krippendorff_alpha", 0.571, (0.481, 0.655)),
        measure("fleiss_kappa", 0.569, (0.478, 0.652)),
        measure("mean_pairwise_cohen_kappa", 0.566, (0.452, 0.671)),
    ];
    for (at, (one, _)) in RATERS.iter().enumerate() {
        let skill = 0.78 - 0.17 * at as f64;
        measures.push(scoped(
            measure("krippendorff_alpha", skill, (skill - 0.11, skill + 0.09)),
            "annotator",
            None,
            Some(one),
            None,
        ));
        for (by, (other, _)) in RATERS.iter().enumerate().skip(at + 1) {
            let kappa = 0.86 - 0.11 * (at + by) as f64;
            measures.push(scoped(
                measure("cohen_kappa", kappa, (kappa - 0.15, kappa + 0.12)),
                "pair",
                None,
                Some(one),
                Some(other),
            ));
            let share = 0.93 - 0.06 * (at + by) as f64;
            measures.push(scoped(
                measure("percent_agreement", share, (share - 0.1, share + 0.05)),
                "pair",
                None,
                Some(one),
                Some(other),
            ));
        }
    }
    if let Some(last) = measures.iter_mut().rfind(|m| m.measure == "cohen_kappa") {
        (last.value, last.ci_low, last.ci_high) = (None, None, None);
        last.undefined_reason = Some("single_category".into());
    }
    for (label, share) in LABELS.iter().zip([0.79, 0.52, 0.81]) {
        measures.push(scoped(
            measure("specific_agreement", share, (share - 0.08, share + 0.06)),
            "label",
            Some(label),
            None,
            None,
        ));
    }
    let count = |label: &str, annotations, predictions| LabelCount { label: label.into(), annotations, predictions };
    let cell = |one: &str, other: &str, n| ConfusionCell { label: one.into(), other: other.into(), n };
    AgreementReport {
        project: "Customer reviews".into(),
        snapshot: 3,
        params: AgreementParams::default(),
        measures,
        data: AgreementData {
            figure_version: 1,
            items: 92,
            annotations: 331,
            controls: vec![
                ControlData {
                    control: "sentiment".into(),
                    r#type: "choices".into(),
                    reported: true,
                    labels: vec![count("Positive", 141, 109), count("Negative", 112, 78), count("Neutral", 78, 53)],
                    confusion: vec![
                        cell("Negative", "Negative", 121),
                        cell("Negative", "Neutral", 43),
                        cell("Negative", "Positive", 12),
                        cell("Neutral", "Neutral", 61),
                        cell("Neutral", "Positive", 38),
                        cell("Positive", "Positive", 168),
                    ],
                    dropped: vec![Dropped { reason: "no_answer".into(), annotations: 3 }],
                    ..ControlData::default()
                },
                ControlData {
                    control: "topics".into(),
                    r#type: "choices".into(),
                    why_not: Some("several labels per answer".into()),
                    ..ControlData::default()
                },
            ],
            dropped: vec![
                Dropped { reason: "skipped".into(), annotations: 14 },
                Dropped { reason: "ground_truth".into(), annotations: 15 },
                Dropped { reason: "draft".into(), annotations: 0 },
            ],
            raters: RATERS
                .iter()
                .map(|(id, name)| RaterName { rater_id: (*id).into(), name: (*name).into() })
                .collect(),
        },
    }
}

/// What alpha of the report means.
pub fn insight() -> Insight {
    let band =
        |band: &str, from, probability, cumulative| BandView { band: band.into(), from, probability, cumulative };
    let shift = |at: usize, shift, difference, z| Shift {
        annotator: RATERS[at].0.into(),
        items: 60 - at as u64,
        shift,
        label: LABELS[at % 3].into(),
        difference,
        z,
    };
    let design = |items, ratings_per_item, half_width_low, half_width_high| DesignView {
        items,
        ratings_per_item,
        half_width_low,
        half_width_high,
    };
    Insight {
        explanation: Some(ExplanationView {
            reasons: vec!["low_agreement".into()],
            text: "Krippendorff's alpha is 0.57, and two raters of an item give the same label only 73 % of the time."
                .into(),
        }),
        balance: Some(Balance {
            prevalence_index: Some(0.18),
            normalised_entropy: None,
            bias_index: 0.07,
            annotators: vec![
                shift(0, 0.031, 0.02, Some(0.4)),
                shift(4, 0.213, -0.19, Some(-4.21)),
                shift(2, 0.05, 0.05, None),
            ],
        }),
        benchmarks: vec![
            BenchmarkView {
                benchmark: "landis_koch".into(),
                of_value: "moderate".into(),
                reached: "moderate".into(),
                bands: vec![
                    band("almost perfect", 0.8, 0.0, 0.0),
                    band("substantial", 0.6, 0.319, 0.319),
                    band("moderate", 0.4, 0.68, 0.999),
                    band("fair", 0.2, 0.001, 1.0),
                    band("slight", 0.0, 0.0, 1.0),
                    band("poor", -1.0, 0.0, 1.0),
                ],
            },
            BenchmarkView {
                benchmark: "krippendorff".into(),
                of_value: "unreliable".into(),
                reached: "unreliable".into(),
                bands: vec![
                    band("reliable", 0.8, 0.0, 0.0),
                    band("tentative", 0.667, 0.061, 0.061),
                    band("unreliable", -1.0, 0.939, 1.0),
                ],
            },
        ],
        planning: Some(Planning {
            target: 0.05,
            half_width_now: 0.083,
            items_now: 92,
            items_needed: 252,
            items_low: 212,
            items_high: 307,
            grid: vec![
                design(92, 2, 0.11, 0.11),
                design(92, 5, 0.07, 0.076),
                design(184, 2, 0.081, 0.081),
                design(184, 5, 0.041, 0.062),
                design(368, 2, 0.049, 0.049),
                design(368, 5, 0.029, 0.034),
                design(736, 2, 0.032, 0.032),
            ],
            cheapest: Some(design(240, 3, 0.047, 0.05)),
        }),
        planning_undefined: None,
    }
}

pub fn slice_fields() -> Vec<SliceField> {
    let field = |name: &str, values| SliceField { field: name.into(), values };
    vec![field("locale", 4), field("source", 3), field("text", 4_000)]
}

fn split(mut measure: Measure, by: &str, column: &str, value: &str) -> Measure {
    (measure.scope.by, measure.scope.column, measure.scope.value) =
        (by.into(), Some(column.into()), Some(value.into()));
    measure
}

/// The report with everything that the page of agreement shows.
pub fn agreement_report() -> AgreementReport {
    let mut report = report();
    for (at, (rater, _)) in RATERS.iter().enumerate() {
        let alpha = 0.55 + 0.03 * at as f64;
        let mut without = measure("krippendorff_alpha", alpha, (alpha - 0.1, alpha + 0.09));
        without.detail.insert("change", alpha - 0.571);
        report.measures.push(scoped(without, "without_annotator", None, Some(rater), None));
    }
    for (at, month) in ["2025-12", "2026-01", "2026-02", "2026-03"].into_iter().enumerate() {
        let alpha = 0.42 + 0.08 * at as f64;
        for (name, value) in [("percent_agreement", alpha + 0.2), ("krippendorff_alpha", alpha)] {
            report.measures.push(split(
                measure(name, value, (value - 0.12, value + 0.1)),
                "period",
                "updated_at:month",
                month,
            ));
        }
    }
    if let Some(last) = report.measures.last_mut() {
        (last.value, last.ci_low, last.ci_high, last.n_items) = (None, None, None, 0);
        last.undefined_reason = Some("no_pairable_items".into());
    }
    for (at, source) in ["amazon", "app_store", "email"].into_iter().enumerate() {
        for (by, name) in ["krippendorff_alpha", "percent_agreement", "gwet_ac1"].into_iter().enumerate() {
            let value = 0.5 + 0.07 * (at + by) as f64;
            report.measures.push(split(measure(name, value, (value - 0.1, value + 0.1)), "slice", "source", source));
        }
    }
    let control = &mut report.data.controls[0];
    control.insight = Some(insight());
    control.time = Some(TimeSplit { period: Period::Month, periods: 70, shown: 60, items_without: 1 });
    control.by_slice = Some(SliceSplit { field: "source".into(), values: 3, shown: 3, items_without: 3 });
    report
}

pub fn disagreements() -> Vec<Disagreement> {
    let vote = |at: usize, label: &str| Vote {
        annotator: RATERS[at].0.into(),
        label: label.into(),
        labels: Vec::new(),
        annotation_id: format!("reviews/annotation/{}", 100 + at),
    };
    let texts = [
        "Delivery was late but the product itself is excellent.",
        "<img src=x onerror=alert(1)> The box says one thing, the manual another, and support never answers the phone.",
        "It is fine.",
    ];
    texts
        .iter()
        .enumerate()
        .map(|(at, preview)| Disagreement {
            item_id: format!("reviews/task/{}", 41 + at),
            control: "sentiment".into(),
            score: 1.0 / (at as f64 + 1.0),
            n_ratings: 4,
            votes: vec![vote(0, "Positive"), vote(1, "Neutral"), vote(2, "Positive"), vote(3 + at % 2, "Negative")],
            preview: (*preview).into(),
            updated_at: Some("2026-11-22T10:31:00Z".into()),
        })
        .collect()
}

fn annotation(at: usize, results: Vec<ResultView>) -> AnnotationView {
    AnnotationView {
        annotation_id: format!("reviews/annotation/{}", 100 + at),
        kind: "annotation".into(),
        rater_id: RATERS[at].0.into(),
        rater_name: RATERS[at].1.into(),
        model_version: None,
        score: None,
        created_at: Some("2026-11-21T09:12:44Z".into()),
        updated_at: Some("2026-11-22T10:31:00Z".into()),
        lead_time_s: Some(14.2 + at as f64),
        cancelled: false,
        ground_truth: false,
        draft: false,
        results,
    }
}

fn choice(label: &str) -> ResultView {
    ResultView {
        control: "sentiment".into(),
        target: Some("text".into()),
        r#type: "choices".into(),
        labels: vec![label.into()],
        ..ResultView::default()
    }
}

pub fn span(start: f64, end: f64, text: &str, label: &str) -> ResultView {
    ResultView {
        control: "ner".into(),
        target: Some("text".into()),
        r#type: "labels".into(),
        region_id: Some(format!("{label}-{start}")),
        labels: vec![label.into()],
        start: Some(start),
        end: Some(end),
        text: Some(text.into()),
        ..ResultView::default()
    }
}

pub fn rectangle(bbox: [f64; 5], label: &str) -> ResultView {
    ResultView {
        control: "box".into(),
        target: Some("image".into()),
        r#type: "rectanglelabels".into(),
        labels: vec![label.into()],
        bbox: Some(bbox),
        original_width: Some(640.0),
        original_height: Some(480.0),
        ..ResultView::default()
    }
}

pub fn text_item() -> ItemView {
    let text = "Angela Merkel met Sundar Pichai of Google in Paris <b>on Monday</b>.";
    let mut model = annotation(3, vec![choice("Positive"), span(35.0, 41.0, "Google", "ORG")]);
    (model.kind, model.rater_id, model.rater_name) =
        ("prediction".into(), "reviews/model/bert-v2".into(), "bert-v2".into());
    (model.model_version, model.score, model.lead_time_s) = (Some("bert-v2".into()), Some(0.83), None);
    let mut skipped = annotation(4, vec![]);
    skipped.cancelled = true;
    ItemView {
        item_id: "reviews/task/41".into(),
        snapshot: 3,
        data: json!({ "text": text, "source": "app_store", "review_id": 41, "url": "javascript:alert(1)" }),
        meta: json!({ "batch": "2026-11" }),
        annotations: vec![
            annotation(
                0,
                vec![
                    choice("Positive"),
                    span(0.0, 13.0, "Angela Merkel", "PER"),
                    span(18.0, 31.0, "Sundar Pichai", "PER"),
                    span(35.0, 41.0, "Google", "ORG"),
                ],
            ),
            annotation(
                1,
                vec![
                    choice("Neutral"),
                    span(0.0, 13.0, "Angela Merkel", "PER"),
                    span(18.0, 41.0, "Sundar Pichai of Google", "PER"),
                    span(35.0, 41.0, "Google", "ORG"),
                    span(45.0, 50.0, "Paris", "LOC"),
                ],
            ),
            annotation(
                2,
                vec![choice("Positive"), span(0.0, 13.0, "Angela Merkel", "PER"), span(45.0, 50.0, "Paris", "ORG")],
            ),
            model,
            skipped,
        ],
    }
}

pub fn image_item() -> ItemView {
    let polygon = ResultView {
        control: "outline".into(),
        r#type: "polygonlabels".into(),
        labels: vec!["roof".into()],
        points: Some(vec![[60.0, 20.0], [85.0, 25.0], [80.0, 60.0], [58.0, 50.0]]),
        original_width: Some(640.0),
        original_height: Some(480.0),
        ..ResultView::default()
    };
    ItemView {
        item_id: "lot/task/7".into(),
        snapshot: 1,
        data: json!({ "image": "/data/upload/8/a12cdf29-lot_003.png" }),
        meta: json!({}),
        annotations: vec![
            annotation(0, vec![rectangle([10.0, 20.0, 30.0, 25.0, 0.0], "car"), polygon]),
            annotation(1, vec![rectangle([12.0, 21.0, 29.0, 26.0, 15.0], "truck")]),
        ],
    }
}
