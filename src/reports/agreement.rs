//! The agreement between annotators: answers from the lake, figures by `assay-stats`.

use std::collections::{BTreeMap, BTreeSet};

use super::FIGURE_VERSION;
use super::answers::{Answers, Status};
use super::columns::{Columns, text_at};
use super::controls::{AnswerKind, Control, controls};
use super::counts::{confusion, in_order, label_counts, number_counts, spread};
use super::figures::{Level, figures, insight};
use super::measure::{Dropped, Measure, Scope};
use super::ratings::ControlRatings;
use super::splits::{SliceValues, Whole, over_time};
use super::views::{AgreementData, AgreementParams, AgreementReport, ControlData, RaterName};
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

/// What a report is made of besides the answers.
#[derive(Debug)]
pub struct Inputs {
    params: AgreementParams,
    context: ReportContext,
    names: Vec<RaterName>,
    slices: Option<SliceValues>,
}

impl Inputs {
    /// `tables` carries the slice.
    pub async fn load(
        engine: &Engine,
        tables: &TableSet,
        params: &AgreementParams,
        context: &ReportContext,
    ) -> Result<Self> {
        let slices = match &params.by_slice {
            Some(field) => Some(SliceValues::load(engine, tables, field).await?),
            None => None,
        };
        Ok(Self { params: params.clone(), context: context.clone(), names: rater_names(engine, tables).await?, slices })
    }
}

/// A pure function of the snapshot's files and the parameters.
pub fn compute(answers: &Answers, inputs: Inputs) -> Result<AgreementReport> {
    let Inputs { params, context, names, slices } = inputs;
    let mut statuses = answers.statuses();
    let used = statuses.remove(&Status::Used).unwrap_or_default();
    let mut labels = label_counts(answers);
    let all = controls(answers, context.config.as_deref());
    let chosen = choose(all, params.control.as_deref())?;

    let mut measures = Vec::new();
    let mut data = AgreementData {
        figure_version: FIGURE_VERSION,
        items: answers.n_items() as u64,
        annotations: used,
        dropped: dropped(&statuses),
        ..AgreementData::default()
    };
    let mut seen = BTreeSet::new();
    for control in chosen {
        let mut entry = ControlData {
            labels: labels.remove(&control.name).unwrap_or_default(),
            reported: control.why_not.is_none(),
            why_not: control.why_not.clone(),
            control: control.name.clone(),
            r#type: control.r#type.clone(),
            ..ControlData::default()
        };
        if entry.reported {
            let (params, slices) = (&params, slices.as_ref());
            let part = OfControl { answers, control: &control, params, slices, used, names: &names };
            match part.report(&mut entry) {
                Ok((figures, raters)) => {
                    measures.extend(figures);
                    seen.extend(raters);
                }
                // What is asked of all controls, or of none, need not fit each of them.
                Err(Error::Invalid(why)) if params.control.is_none() || params.level.is_none() => {
                    let ControlData { control, r#type, labels, .. } = entry;
                    entry = ControlData { control, r#type, labels, why_not: Some(why), ..ControlData::default() };
                }
                Err(error) => return Err(error),
            }
        }
        data.controls.push(entry);
    }
    data.raters = names.into_iter().filter(|rater| seen.contains(&rater.rater_id)).collect();
    Ok(AgreementReport { project: context.project, snapshot: context.snapshot, params, measures, data })
}

/// One control with what its figures are made of.
struct OfControl<'a> {
    answers: &'a Answers,
    control: &'a Control,
    params: &'a AgreementParams,
    slices: Option<&'a SliceValues>,
    /// Usable annotations of the project.
    used: u64,
    names: &'a [RaterName],
}

impl OfControl<'_> {
    /// The figures and the annotators in them; what goes with the figures is noted in `entry`.
    fn report(&self, entry: &mut ControlData) -> Result<(Vec<Measure>, Vec<String>)> {
        let level = self.control.level(self.params.level)?;
        let ratings = ControlRatings::read(self.answers, self.control, level)?;
        let measures = self.figures(&ratings, entry)?;
        if ratings.kind == AnswerKind::Number {
            let counts = number_counts(self.answers, &self.control.name);
            (entry.labels, entry.histogram) = spread(&counts);
        } else if ratings.level != Level::Nominal {
            entry.labels = in_order(std::mem::take(&mut entry.labels), &ratings.labels);
        }
        Ok((measures, ratings.raters))
    }

    fn figures(&self, ratings: &ControlRatings, entry: &mut ControlData) -> Result<Vec<Measure>> {
        let called: Vec<String> = ratings.raters.iter().map(|id| called(self.names, id)).collect();
        let subject = ratings.subject(ratings.coded()?).with_names(&called);
        let (options, policies) = (ratings.options(), self.policies());
        let place = Scope { control: self.control.name.clone(), ..Scope::default() };
        let mut measures = figures(&subject, &options, &place, &policies)?;
        let whole = Whole { ratings, coded: subject.facts().ratings(), place: &place, policies: &policies };
        let (by_period, time) = over_time(whole, self.params.period)?;
        measures.extend(by_period);
        entry.time = Some(time);
        if let Some(slices) = self.slices {
            let (by_slice, split) = slices.figures(whole)?;
            measures.extend(by_slice);
            entry.by_slice = Some(split);
        }
        if ratings.kind != AnswerKind::Set {
            entry.insight = Some(insight(&subject, &options)?);
        }
        (entry.answers, entry.level) = (Some(ratings.kind), Some(ratings.level));
        (entry.confusion, entry.no_confusion) = confusion(subject.facts(), ratings);
        (entry.dropped, entry.empty_sets) = (self.dropped(ratings.answers.len() as u64), ratings.empty_sets());
        Ok(measures)
    }

    /// `given`: the answers that count.
    fn dropped(&self, given: u64) -> Vec<Dropped> {
        let reasons = match self.control.kind {
            AnswerKind::Set => [("no_answer", self.used.saturating_sub(given)), ("empty_answer", 0)],
            AnswerKind::Label | AnswerKind::Number => [
                ("no_answer", self.used.saturating_sub(self.control.answers)),
                ("empty_answer", self.control.answers.saturating_sub(given)),
            ],
        };
        let some = reasons.into_iter().filter(|(_, annotations)| *annotations > 0);
        some.map(|(reason, annotations)| Dropped { reason: reason.to_owned(), annotations }).collect()
    }

    /// What a project's figures state besides their statistics.
    fn policies(&self) -> BTreeMap<String, String> {
        let mut policies = vec![
            ("cancelled", "left_out"),
            ("drafts", "left_out"),
            ("ground_truth", "left_out"),
            ("repeats", "highest_native_id"),
        ];
        if self.control.kind == AnswerKind::Set {
            let blank = if self.control.blank_is_empty { "empty_set" } else { "left_out" };
            policies.push(("nothing_chosen", blank));
        }
        policies.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
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

/// By the name of the policy.
fn dropped(statuses: &BTreeMap<Status, u64>) -> Vec<Dropped> {
    let dropped = |(status, n): (&Status, &u64)| Dropped { reason: status.as_str().to_owned(), annotations: *n };
    let mut all: Vec<Dropped> = statuses.iter().map(dropped).collect();
    all.sort_by(|a, b| a.reason.cmp(&b.reason));
    all
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
