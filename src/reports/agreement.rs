//! The agreement between annotators: facts by SQL, figures by `assay-stats`.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::Int64Type;
use assay_stats::agreement::{
    Facts, Weights, by_label, by_pair, by_rater, fleiss_kappa, gwet_ac, krippendorff_alpha, label_pairs,
    mean_pairwise_cohen, percent_agreement,
};
use assay_stats::{Estimate, Threads, Undefined};

use super::FIGURE_VERSION;
use super::columns::{Columns, text_at};
use super::controls::{Control, controls};
use super::measure::{Dropped, Measure, Scope};
use super::ratings::ControlRatings;
use super::views::{
    AgreementData, AgreementParams, AgreementReport, ConfusionCell, ControlData, LabelCount, RaterName,
};
use crate::engine::{Engine, TableSet};
use crate::error::{Error, Result};

/// What a report says about where it comes from.
#[derive(Debug, Clone)]
pub struct ReportContext {
    pub project: String,
    pub snapshot: i64,
    /// The labelling config (XML), if the project has one.
    pub config: Option<String>,
}

/// A pure function of the snapshot's files and the parameters; `tables` carries the slice.
pub async fn compute(
    engine: &Engine,
    tables: &TableSet,
    params: &AgreementParams,
    context: &ReportContext,
) -> Result<AgreementReport> {
    let mut statuses = statuses(engine, tables).await?;
    let used = statuses.remove("used").unwrap_or_default();
    let mut labels = label_counts(engine, tables).await?;
    let all = controls(engine, tables, context.config.as_deref()).await?;
    let chosen = choose(all, params.control.as_deref())?;

    let mut measures = Vec::new();
    let mut data = AgreementData {
        figure_version: FIGURE_VERSION,
        items: count(engine, tables).await?,
        annotations: used,
        dropped: statuses.into_iter().map(|(reason, annotations)| Dropped { reason, annotations }).collect(),
        ..AgreementData::default()
    };
    let mut seen = BTreeSet::new();
    for control in chosen {
        let mut entry = ControlData {
            labels: labels.remove(&control.name).unwrap_or_default(),
            reported: control.why_not.is_none(),
            why_not: control.why_not.clone(),
            ..ControlData::default()
        };
        if entry.reported {
            let ratings = ControlRatings::load(engine, tables, &control.name).await?;
            let facts = Facts::new(ratings.coded()?);
            measures.extend(control_measures(&control.name, &facts, &ratings));
            entry.confusion = confusion(&facts, &ratings);
            entry.dropped = dropped(used, &control, &ratings);
            seen.extend(ratings.raters);
        }
        entry.control = control.name;
        entry.r#type = control.r#type;
        data.controls.push(entry);
    }
    data.raters =
        rater_names(engine, tables).await?.into_iter().filter(|rater| seen.contains(&rater.rater_id)).collect();
    Ok(AgreementReport {
        project: context.project.clone(),
        snapshot: context.snapshot,
        params: params.clone(),
        measures,
        data,
    })
}

fn choose(all: Vec<Control>, wanted: Option<&str>) -> Result<Vec<Control>> {
    let Some(wanted) = wanted else { return Ok(all) };
    let names: Vec<&str> = all.iter().map(|control| control.name.as_str()).collect();
    if !names.contains(&wanted) {
        return Err(Error::invalid(format!(
            "there is no control {wanted:?}; this project's controls are {}",
            names.join(", ")
        )));
    }
    Ok(all.into_iter().filter(|control| control.name == wanted).collect())
}

async fn count(engine: &Engine, tables: &TableSet) -> Result<u64> {
    let batches = engine.query(tables, include_str!("../../queries/lake/item_count.sql"), vec![]).await?;
    let mut items = 0;
    for batch in &batches {
        items += Columns(batch).number::<Int64Type>("n")?.iter().flatten().map(i64::unsigned_abs).sum::<u64>();
    }
    Ok(items)
}

async fn statuses(engine: &Engine, tables: &TableSet) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for batch in engine.query(tables, include_str!("../../queries/lake/statuses.sql"), vec![]).await? {
        let (statuses, n) = (Columns(&batch).text("status")?, Columns(&batch).number::<Int64Type>("n")?);
        for row in 0..batch.num_rows() {
            found.insert(statuses.value(row).to_owned(), n.value(row).unsigned_abs());
        }
    }
    Ok(found)
}

async fn label_counts(engine: &Engine, tables: &TableSet) -> Result<BTreeMap<String, Vec<LabelCount>>> {
    let mut found: BTreeMap<String, Vec<LabelCount>> = BTreeMap::new();
    for batch in engine.query(tables, include_str!("../../queries/lake/labels.sql"), vec![]).await? {
        let columns = Columns(&batch);
        let (controls, labels) = (columns.text("control")?, columns.text("label")?);
        let (annotations, predictions) =
            (columns.number::<Int64Type>("annotations")?, columns.number::<Int64Type>("predictions")?);
        for row in 0..batch.num_rows() {
            found.entry(controls.value(row).to_owned()).or_default().push(LabelCount {
                label: labels.value(row).to_owned(),
                annotations: annotations.value(row).unsigned_abs(),
                predictions: predictions.value(row).unsigned_abs(),
            });
        }
    }
    Ok(found)
}

/// Names of all raters, by id.
pub async fn rater_names(engine: &Engine, tables: &TableSet) -> Result<Vec<RaterName>> {
    let mut found = Vec::new();
    for batch in engine.query(tables, include_str!("../../queries/lake/raters.sql"), vec![]).await? {
        let (ids, names) = (Columns(&batch).text("rater_id")?, Columns(&batch).text("name")?);
        for row in 0..batch.num_rows() {
            let rater_id = ids.value(row).to_owned();
            let name = text_at(names, row).unwrap_or_else(|| rater_id.clone());
            found.push(RaterName { rater_id, name });
        }
    }
    Ok(found)
}

fn dropped(used: u64, control: &Control, ratings: &ControlRatings) -> Vec<Dropped> {
    let labelled = ratings.answers.len() as u64;
    let reasons = [
        ("no_answer", used.saturating_sub(control.answers)),
        ("empty_answer", control.answers.saturating_sub(labelled)),
    ];
    let some = reasons.into_iter().filter(|(_, annotations)| *annotations > 0);
    some.map(|(reason, annotations)| Dropped { reason: reason.to_owned(), annotations }).collect()
}

fn confusion(facts: &Facts, ratings: &ControlRatings) -> Vec<ConfusionCell> {
    let name = |code: u32| ratings.labels[code as usize].clone();
    let pairs = label_pairs(facts).into_iter();
    pairs.map(|pair| ConfusionCell { label: name(pair.label), other: name(pair.other), n: pair.pairs }).collect()
}

fn control_measures(control: &str, facts: &Facts, ratings: &ControlRatings) -> Vec<Measure> {
    let scope = |by: &str| Scope { by: by.to_owned(), control: control.to_owned(), ..Scope::default() };
    let rater = |code: u32| Some(ratings.raters[code as usize].clone());
    let weights = Weights::identity(facts.ratings().n_labels());
    let threads = Threads::available();
    let overall = [
        ("percent_agreement", percent_agreement(facts, &weights)),
        ("krippendorff_alpha", krippendorff_alpha(facts, &weights)),
        ("fleiss_kappa", fleiss_kappa(facts, &weights)),
        ("gwet_ac1", gwet_ac(facts, &weights)),
        ("mean_pairwise_cohen_kappa", mean_pairwise_cohen(facts, &weights, 1, threads)),
    ];
    let mut measures: Vec<Measure> =
        overall.into_iter().map(|(name, estimate)| measure(name, scope("overall"), estimate)).collect();
    for label in by_label(facts) {
        let scope = Scope { label: Some(ratings.labels[label.label as usize].clone()), ..scope("label") };
        measures.push(measure("krippendorff_alpha", scope.clone(), label.alpha));
        measures.push(measure("specific_agreement", scope, label.specific));
    }
    for pair in by_pair(facts, &weights, threads) {
        let scope = Scope { annotator: rater(pair.rater), other: rater(pair.other), ..scope("pair") };
        measures.push(measure("percent_agreement", scope.clone(), pair.percent));
        measures.push(measure("cohen_kappa", scope, pair.kappa));
    }
    for one in by_rater(facts, threads) {
        let scope = Scope { annotator: rater(one.rater), ..scope("annotator") };
        measures.push(measure("percent_agreement", scope.clone(), one.percent));
        measures.push(measure("kappa_against_others", scope, one.kappa));
    }
    measures
}

fn measure(name: &str, scope: Scope, estimate: Estimate) -> Measure {
    let policies = [
        ("level", "nominal"),
        ("cancelled", "left_out"),
        ("drafts", "left_out"),
        ("ground_truth", "left_out"),
        ("repeats", "highest_native_id"),
        ("confidence", "0.95"),
    ];
    let options = policies.into_iter().chain(own_options(name).iter().copied());
    let reason = |undefined: Undefined| undefined.code().to_owned();
    Measure {
        measure: name.to_owned(),
        options: options.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        scope,
        value: estimate.value.ok(),
        ci_low: estimate.interval.ok().map(|interval| interval.low),
        ci_high: estimate.interval.ok().map(|interval| interval.high),
        n_items: estimate.sample.items,
        n_ratings: estimate.sample.ratings,
        n_raters: estimate.sample.raters,
        method: match estimate.interval {
            Ok(_) => estimate.method.name().to_owned(),
            Err(why) => format!("{}; no interval: {}", estimate.method.name(), why.code()),
        },
        undefined_reason: estimate.value.err().map(reason),
    }
}

/// The options of one measure that other tools choose differently.
fn own_options(measure: &str) -> &'static [(&'static str, &'static str)] {
    match measure {
        "percent_agreement" | "kappa_against_others" => &[("averaging", "items")],
        "specific_agreement" => &[("averaging", "pairs")],
        "krippendorff_alpha" => &[("single_ratings", "left_out")],
        "fleiss_kappa" => &[("single_ratings", "count_in_chance_only")],
        "gwet_ac1" => &[("single_ratings", "count_in_chance_only"), ("categories", "observed")],
        "mean_pairwise_cohen_kappa" => &[("averaging", "pairs_unweighted"), ("min_shared_items", "1")],
        _ => &[],
    }
}
