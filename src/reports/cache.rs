//! Reports are pure functions of a snapshot and parameters: computed once, kept in memory, and written to the lake as Parquet.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::FutureExt;
use moka::future::Cache;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::agreement::{Inputs, ReportContext, compute};
use super::answers::{AnswerCache, Answers};
use super::disagreements::{self, Differing, add_previews, all, cursor_snapshot, page};
use super::views::{AgreementParams, AgreementReport, Disagreement, DisagreementFilter, ItemView, Page, SliceField};
use super::{FIGURE_VERSION, items, splits, tidy};
use crate::app::App;
use crate::engine::TableSet;
use crate::error::{Error, Result};
use crate::lake::{ProjectPrefix, encode_report, hex};
use crate::store::{Project, ReportKey, Snapshot, now_micros};

/// Reports kept in memory; each is a few kilobytes to a few megabytes.
const KEPT: u64 = 256;
/// Lists of disagreements can be larger.
const LISTS_KEPT: u64 = 16;
/// Answers as they are sent, in bytes.
const ANSWERS_KEPT: u64 = 128 << 20;

/// An answer as it is sent.
#[derive(Debug, Clone)]
pub struct Answer {
    pub body: Bytes,
    /// Of a page the cursor of the next one.
    pub next_cursor: Option<String>,
}

#[derive(Debug, Clone)]
pub struct ReportCache {
    agreement: Cache<String, Arc<AgreementReport>>,
    disagreements: Cache<String, Arc<Vec<Differing>>>,
    slice_fields: Cache<String, Arc<Vec<SliceField>>>,
    answers: Cache<String, Answer>,
    /// What annotators said, from which reports are made.
    said: AnswerCache,
}

impl ReportCache {
    pub fn new() -> Self {
        let weight = |key: &String, answer: &Answer| u32::try_from(key.len() + answer.body.len()).unwrap_or(u32::MAX);
        Self {
            agreement: Cache::new(KEPT),
            disagreements: Cache::new(LISTS_KEPT),
            slice_fields: Cache::new(KEPT),
            said: AnswerCache::default(),
            answers: Cache::builder().max_capacity(ANSWERS_KEPT).weigher(weight).build(),
        }
    }

    /// An answer about a project as it is sent: from memory, or made once however many ask for it at the same time. `name` must name all that
    /// the answer is a function of, besides the project.
    ///
    /// # Errors
    /// Those of `make`.
    pub async fn answer(
        &self,
        project_id: &str,
        name: &str,
        make: impl Future<Output = Result<Answer>>,
    ) -> Result<Answer> {
        self.answers.try_get_with(format!("{project_id}/{name}"), make).await.map_err(Error::from_shared)
    }

    /// What annotators said in a snapshot, of all items or of a slice.
    ///
    /// # Errors
    /// When a data file is missing or not as it was written: the message names it.
    pub async fn answers(
        &self,
        app: &App,
        project: &Project,
        snapshot: i64,
        slice: &BTreeMap<String, String>,
    ) -> Result<Answers> {
        self.said.load(app, project, snapshot, slice).await
    }

    /// Drops every report of a project.
    pub async fn forget(&self, project_id: &str) {
        forget(&self.agreement, project_id).await;
        forget(&self.disagreements, project_id).await;
        forget(&self.slice_fields, project_id).await;
        forget(&self.answers, project_id).await;
        self.said.forget(project_id).await;
    }
}

/// Keys begin with the project's id.
pub(super) async fn forget<T: Clone + Send + Sync + 'static>(cache: &Cache<String, T>, project_id: &str) {
    let of_project = cache.iter().filter(|(key, _)| key.split('/').next() == Some(project_id));
    let keys: Vec<Arc<String>> = of_project.map(|(key, _)| key).collect();
    for key in keys {
        cache.invalidate(key.as_str()).await;
    }
}

impl Default for ReportCache {
    fn default() -> Self {
        Self::new()
    }
}

/// Names what a report is a function of, apart from the project: snapshot, parameters and figure rules. Serves as its ETag.
pub fn report_key(kind: &str, snapshot: i64, params: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(params).map_err(Error::internal)?;
    Ok(hex(&Sha256::digest(format!("{kind}/{snapshot}/{FIGURE_VERSION}/{text}"))))
}

fn context(project: &Project, snapshot: &Snapshot) -> ReportContext {
    ReportContext { project: project.name.clone(), snapshot: snapshot.number, config: snapshot.config.clone() }
}

async fn tables(app: &App, project: &Project, snapshot: i64, slice: &BTreeMap<String, String>) -> Result<TableSet> {
    Ok(TableSet::new(&app.data_files(&project.id, snapshot).await?).with_slice(slice))
}

/// A query that fails on a damaged file says what it stumbled over, not where: the checksums tell which file it was.
async fn name_damage<T>(app: &App, project: &Project, snapshot: i64, outcome: Result<T>) -> Result<T> {
    if !matches!(outcome, Err(Error::Internal(_) | Error::Unavailable { .. })) {
        return outcome;
    }
    for file in app.data_files(&project.id, snapshot).await? {
        app.lake.get_data(&file).await?;
    }
    outcome
}

/// The agreement report of a snapshot: from memory, or computed once however many ask for it at the same time.
pub async fn agreement(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
    params: &AgreementParams,
) -> Result<Arc<AgreementReport>> {
    let key = report_key("agreement", snapshot.number, params)?;
    // Boxed: the futures of computations are large, and every layer around a handler would hold them in its own.
    let computed = compute_agreement(app, project, snapshot, params, &key).boxed();
    app.reports.agreement.try_get_with(format!("{}/{key}", project.id), computed).await.map_err(Error::from_shared)
}

/// The agreement report of a snapshot, if it is in memory.
pub async fn cached_agreement(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
    params: &AgreementParams,
) -> Result<Option<Arc<AgreementReport>>> {
    let key = report_key("agreement", snapshot.number, params)?;
    Ok(app.reports.agreement.get(&format!("{}/{key}", project.id)).await)
}

/// Where a report lies in storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredReport {
    pub project: String,
    pub project_id: String,
    pub kind: &'static str,
    pub snapshot: i64,
    /// The folder of its Parquet tables, from the root of the storage.
    pub path: String,
}

/// Computes the agreement report of a snapshot and stores it, where that was not done before.
///
/// # Errors
/// As [`agreement`]; `Unavailable` when storage cannot be written; `Gone` when the snapshot is taken back meanwhile.
pub async fn store_agreement(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
    params: &AgreementParams,
) -> Result<StoredReport> {
    let report = agreement(app, project, snapshot, params).await?;
    let key = report_key("agreement", snapshot.number, params)?;
    match publish(app, project, snapshot, params, &key, &report).await? {
        Some(path) => Ok(StoredReport {
            project: project.name.clone(),
            project_id: project.id.clone(),
            kind: "agreement",
            snapshot: snapshot.number,
            path,
        }),
        None => Err(Error::Gone(format!("snapshot {} was taken back while its report was computed", snapshot.number))),
    }
}

async fn compute_agreement(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
    params: &AgreementParams,
    key: &str,
) -> Result<Arc<AgreementReport>> {
    let tables = tables(app, project, snapshot.number, &params.slice).await?;
    let answers = app.reports.answers(app, project, snapshot.number, &params.slice).await?;
    let inputs = Inputs::load(&app.engine, &tables, params, &context(project, snapshot)).await;
    let inputs = name_damage(app, project, snapshot.number, inputs).await?;
    // Figures are made on a thread that may take its time: the others go on answering.
    let made = tokio::task::spawn_blocking(move || compute(&answers, inputs));
    let report = made.await.map_err(Error::internal)??;
    if let Err(error) = publish(app, project, snapshot, params, key, &report).await {
        // Reading must go on where storage cannot be written; the next computation tries again.
        tracing::warn!(project = %project.id, snapshot = snapshot.number, %error, "the report could not be written to storage");
    }
    Ok(Arc::new(report))
}

/// Writes the report's tidy tables once; gives their folder, or none when the snapshot was taken back meanwhile.
async fn publish(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
    params: &AgreementParams,
    key: &str,
    report: &AgreementReport,
) -> Result<Option<String>> {
    let index = ReportKey {
        project_id: &project.id,
        snapshot: snapshot.number,
        kind: "agreement",
        params_hash: key,
        figure_version: i64::from(FIGURE_VERSION),
    };
    if let Some(path) = app.db.report_path(index).await? {
        return Ok(Some(path));
    }
    let folder =
        ProjectPrefix::new(&project.workspace_id, &project.id).report(snapshot.number, "agreement", report_id(key));
    for (name, batch) in tidy_tables(app, project, snapshot, params, key, report).await? {
        let bytes = tokio::task::spawn_blocking(move || encode_report(&batch)).await.map_err(Error::internal)??;
        app.lake.put(&format!("{folder}/{name}.parquet"), bytes).await?;
    }
    if !app.db.put_report(index, &folder, now_micros()).await? {
        // The snapshot was taken back while its report was computed: nothing of it stays.
        app.lake.delete_folder(&folder).await?;
        return Ok(None);
    }
    Ok(Some(folder))
}

/// The agreement report of a snapshot as tidy tables, by their names.
pub async fn tidy_agreement(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
) -> Result<[(&'static str, RecordBatch); 2]> {
    let params = AgreementParams::default();
    let report = agreement(app, project, snapshot, &params).await?;
    let key = report_key("agreement", snapshot.number, &params)?;
    tidy_tables(app, project, snapshot, &params, &key, &report).await
}

fn report_id(key: &str) -> &str {
    &key[..16]
}

async fn tidy_tables(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
    params: &AgreementParams,
    key: &str,
    report: &AgreementReport,
) -> Result<[(&'static str, RecordBatch); 2]> {
    let list = differing(app, project, snapshot, &params.slice).await?;
    let of_control: Vec<Differing> = list
        .iter()
        .filter(|found| params.control.as_ref().is_none_or(|control| *control == found.row.control))
        .cloned()
        .collect();
    Ok([
        ("measures", tidy::measures(report, report_id(key))?),
        ("disagreements", tidy::disagreements(&of_control, snapshot.number)?),
    ])
}

async fn differing(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
    slice: &BTreeMap<String, String>,
) -> Result<Arc<Vec<Differing>>> {
    let key = format!("{}/{}", project.id, report_key("disagreements", snapshot.number, slice)?);
    let computed = async {
        let answers = app.reports.answers(app, project, snapshot.number, slice).await?;
        let context = context(project, snapshot);
        let made = tokio::task::spawn_blocking(move || all(&answers, &context));
        made.await.map_err(Error::internal)?.map(Arc::new)
    };
    app.reports.disagreements.try_get_with(key, computed.boxed()).await.map_err(Error::from_shared)
}

/// The fields that the items of a snapshot can be sliced by.
pub async fn slice_fields(app: &App, project: &Project, snapshot: &Snapshot) -> Result<Arc<Vec<SliceField>>> {
    let computed = async {
        let tables = tables(app, project, snapshot.number, &BTreeMap::new()).await?;
        let found = splits::slice_fields(&app.engine, &tables).await;
        name_damage(app, project, snapshot.number, found).await.map(Arc::new)
    };
    let key = format!("{}/{}", project.id, snapshot.number);
    app.reports.slice_fields.try_get_with(key, computed.boxed()).await.map_err(Error::from_shared)
}

/// The snapshot that a list of disagreements is of: the one that its cursor continues, else the newest.
pub async fn pinned_snapshot(
    app: &App,
    project: &Project,
    newest: &Snapshot,
    cursor: Option<&str>,
) -> Result<Snapshot> {
    match cursor.map(cursor_snapshot).transpose()? {
        Some(number) if number != newest.number => app.db.snapshot(&project.id, number).await,
        _ => Ok(newest.clone()),
    }
}

/// One page of disagreements, of the newest snapshot or of the one that the cursor continues.
pub async fn disagreements(
    app: &App,
    project: &Project,
    newest: &Snapshot,
    filter: &DisagreementFilter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Disagreement>> {
    let pinned = pinned_snapshot(app, project, newest, cursor).await?;
    let number = pinned.number;
    let list = differing(app, project, &pinned, &filter.slice).await?;
    let mut page = page(&list, filter, number, cursor, limit)?;
    let tables = tables(app, project, number, &BTreeMap::new()).await?;
    let added = add_previews(&app.engine, &tables, &mut page).await;
    name_damage(app, project, number, added).await?;
    Ok(page)
}

/// Every disagreement that passes the filter, as tables.
pub async fn disagreement_tables(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
    filter: DisagreementFilter,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
    let list = differing(app, project, snapshot, &filter.slice).await?;
    disagreements::tables(list, filter, snapshot.number)
}

/// An item by its id, or by the id that the labelling tool gave it.
pub async fn item(app: &App, project: &Project, snapshot: &Snapshot, id: &str) -> Result<ItemView> {
    let files = app.data_files(&project.id, snapshot.number).await?;
    let id = match id.contains('/') {
        true => id.to_owned(),
        false => {
            let found = items::find_by_native_id(&app.engine, &TableSet::new(&files), id).await;
            name_damage(app, project, snapshot.number, found).await?
        }
    };
    let buckets = u32::try_from(snapshot.buckets).map_err(Error::internal)?;
    let view = items::view(&app.engine, &TableSet::of_item(&files, &id, buckets), &id, snapshot.number).await;
    name_damage(app, project, snapshot.number, view).await
}
