//! The agreement between annotators: facts by SQL, figures by `assay-stats`.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::Int64Type;
use assay_stats::agreement::{Facts, label_pairs};

use super::FIGURE_VERSION;
use super::columns::{Columns, text_at};
use super::controls::{Control, controls};
use super::figures::{FigureOptions, Subject, figures, insight};
use super::measure::{Dropped, Scope};
use super::ratings::ControlRatings;
use super::splits::{SliceValues, Whole, over_time};
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
    let names = rater_names(engine, tables).await?;
    let mut seen = BTreeSet::new();
    let slices = match &params.by_slice {
        Some(field) => Some(SliceValues::load(engine, tables, field).await?),
        None => None,
    };
    for control in chosen {
        let mut entry = ControlData {
            labels: labels.remove(&control.name).unwrap_or_default(),
            reported: control.why_not.is_none(),
            why_not: control.why_not.clone(),
            ..ControlData::default()
        };
        if entry.reported {
            let ratings = ControlRatings::load(engine, tables, &control.name).await?;
            let called: Vec<String> = ratings.raters.iter().map(|id| called(&names, id)).collect();
            let subject = Subject::new(ratings.coded()?, &ratings.raters, &ratings.labels).with_names(&called);
            let options = FigureOptions::default();
            let place = Scope { control: control.name.clone(), ..Scope::default() };
            measures.extend(figures(&subject, &options, &place, &policies())?);
            let policies = policies();
            let whole =
                Whole { ratings: &ratings, coded: subject.facts().ratings(), place: &place, policies: &policies };
            let (over_time, time) = over_time(whole, params.period)?;
            measures.extend(over_time);
            entry.time = Some(time);
            if let Some(slices) = &slices {
                let (by_slice, split) = slices.figures(whole)?;
                measures.extend(by_slice);
                entry.by_slice = Some(split);
            }
            entry.confusion = confusion(subject.facts(), &ratings);
            entry.insight = Some(insight(&subject, &options)?);
            entry.dropped = dropped(used, &control, &ratings);
            seen.extend(ratings.raters);
        }
        entry.control = control.name;
        entry.r#type = control.r#type;
        data.controls.push(entry);
    }
    data.raters = names.into_iter().filter(|rater| seen.contains(&rater.rater_id)).collect();
    Ok(AgreementReport {
        project: context.project.clone(),
        snapshot: context.snapshot,
        params: params.clone(),
        measures,
        data,
    })
}

/// The figures of annotators alone: of each against the others, of each two, and of all without each.
pub fn annotators_alone(report: &AgreementReport) -> AgreementReport {
    let mut alone = report.clone();
    alone.measures.retain(|measure| ["annotator", "pair", "without_annotator"].contains(&measure.scope.by.as_str()));
    alone
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

fn called(names: &[RaterName], id: &str) -> String {
    names.iter().find(|rater| rater.rater_id == id).map_or_else(|| id.to_owned(), |rater| rater.name.clone())
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

/// What a project's figures state besides their statistics.
fn policies() -> BTreeMap<String, String> {
    let policies = [
        ("cancelled", "left_out"),
        ("drafts", "left_out"),
        ("ground_truth", "left_out"),
        ("repeats", "highest_native_id"),
    ];
    policies.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}
