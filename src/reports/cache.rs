//! Reports are pure functions of a snapshot and parameters: computed once, kept in memory, and written to the lake as Parquet.

use std::sync::Arc;

use moka::future::Cache;
use sha2::{Digest, Sha256};

use super::views::{AgreementParams, AgreementReport};
use super::{FIGURE_VERSION, ReportContext, agreement, disagreements, tidy};
use crate::app::App;
use crate::engine::TableSet;
use crate::error::{Error, Result};
use crate::lake::{ProjectPrefix, encode_report, hex};
use crate::store::{Project, ReportKey, Snapshot, now_micros};

/// Reports kept in memory; each is a few kilobytes to a few megabytes.
const KEPT: u64 = 256;

#[derive(Debug, Clone)]
pub struct ReportCache {
    agreement: Cache<String, Arc<AgreementReport>>,
}

impl ReportCache {
    pub fn new() -> Self {
        Self { agreement: Cache::new(KEPT) }
    }
}

impl Default for ReportCache {
    fn default() -> Self {
        Self::new()
    }
}

/// Names what a report is a function of, apart from the project: snapshot, parameters and figure rules. Serves as its ETag.
pub fn report_key(kind: &str, snapshot: i64, params: &AgreementParams) -> Result<String> {
    let text = serde_json::to_string(params).map_err(Error::internal)?;
    Ok(hex(&Sha256::digest(format!("{kind}/{snapshot}/{FIGURE_VERSION}/{text}"))))
}

/// The agreement report of a snapshot: from memory, or computed once however many ask for it at the same time.
pub async fn cached_agreement(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
    params: &AgreementParams,
) -> Result<Arc<AgreementReport>> {
    let key = report_key("agreement", snapshot.number, params)?;
    let compute = compute_agreement(app, project, snapshot, params, &key);
    app.reports.agreement.try_get_with(format!("{}/{key}", project.id), compute).await.map_err(Error::from_shared)
}

async fn compute_agreement(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
    params: &AgreementParams,
    key: &str,
) -> Result<Arc<AgreementReport>> {
    let tables = tables(app, project, snapshot).await?;
    let report = agreement::agreement(&app.engine, &tables, params, &context(project, snapshot)).await?;
    if let Err(error) = publish(app, project, snapshot, params, key, &tables, &report).await {
        // Reading must go on where storage cannot be written; the next computation tries again.
        tracing::warn!(project = %project.id, snapshot = snapshot.number, %error, "the report could not be written to storage");
    }
    Ok(Arc::new(report))
}

/// The exact files of a snapshot, for the engine.
pub async fn tables(app: &App, project: &Project, snapshot: &Snapshot) -> Result<TableSet> {
    Ok(TableSet::new(&app.data_files(&project.id, snapshot.number).await?))
}

/// What a report says about where it comes from.
pub fn context(project: &Project, snapshot: &Snapshot) -> ReportContext {
    ReportContext { project: project.name.clone(), snapshot: snapshot.number, config_xml: snapshot.config.clone() }
}

async fn publish(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
    params: &AgreementParams,
    key: &str,
    tables: &TableSet,
    report: &AgreementReport,
) -> Result<()> {
    let index = ReportKey {
        project_id: &project.id,
        snapshot: snapshot.number,
        kind: "agreement",
        params_hash: key,
        figure_version: i64::from(FIGURE_VERSION),
    };
    if app.db.report_path(index).await?.is_some() {
        return Ok(());
    }
    let folder = ProjectPrefix::new(&project.workspace_id, &project.id).report(snapshot.number, "agreement", &key[..16]);
    let disagreements = disagreements::all(&app.engine, tables, params, &context(project, snapshot)).await?;
    let batches = [
        ("measures", tidy::measures(report, &key[..16])?),
        ("disagreements", tidy::disagreements(&disagreements, snapshot.number)?),
    ];
    for (name, batch) in batches {
        let bytes = tokio::task::spawn_blocking(move || encode_report(&batch)).await.map_err(Error::internal)??;
        app.lake.put(&format!("{folder}/{name}.parquet"), bytes).await?;
    }
    app.db.put_report(index, &folder, now_micros()).await
}
