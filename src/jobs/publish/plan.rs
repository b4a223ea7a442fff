//! Which tables a publication has, and which files each of them.

use std::collections::BTreeSet;

use arrow::datatypes::SchemaRef;
use futures::FutureExt;
use serde::{Deserialize, Serialize};

use super::PublishRequest;
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::{DataFile, Kind, Manifest, Part, Table, empty_part, encode_report};
use crate::reports::tidy_agreement;
use crate::store::{Project, Snapshot};

/// A report whose tidy tables can be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// Agreement between annotators: `measures` and `disagreements`.
    Agreement,
}

impl Report {
    pub const ALL: [Self; 1] = [Self::Agreement];

    fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Agreement => &["measures", "disagreements"],
        }
    }
}

/// A table to be published.
#[derive(Debug)]
pub(super) struct Planned {
    pub name: &'static str,
    pub kind: Kind,
    pub schema: SchemaRef,
    pub parts: Vec<Part>,
}

pub(super) async fn plan(
    app: &App,
    project: &Project,
    snapshot: &Snapshot,
    request: &PublishRequest,
    before: Option<&Manifest>,
) -> Result<Vec<Planned>> {
    let files = app.data_files(&project.id, snapshot.number).await?;
    let version = i64::from(assay_formats::schema::VERSION);
    let older: BTreeSet<String> =
        app.db.files_of_older_schema(&project.id, snapshot.number, version).await?.into_iter().collect();
    let mut planned = Vec::new();
    for table in wanted_tables(request, before) {
        planned.push(data_table(table, &files, &older)?);
    }
    for report in wanted_reports(request, before) {
        planned.extend(report_tables(app, project, snapshot, report).await?);
    }
    if planned.is_empty() {
        return Err(Error::invalid("nothing is left to publish: name at least one table or report"));
    }
    Ok(planned)
}

/// In one order, whatever the order of the request.
fn wanted_tables(request: &PublishRequest, before: Option<&Manifest>) -> Vec<Table> {
    let wanted = |table: &Table| match (&request.tables, before) {
        (Some(tables), _) => tables.contains(table),
        (None, Some(before)) => before.tables.iter().any(|published| published.name == table.name()),
        (None, None) => true,
    };
    Table::ALL.into_iter().filter(wanted).collect()
}

fn wanted_reports(request: &PublishRequest, before: Option<&Manifest>) -> Vec<Report> {
    let wanted = |report: &Report| match (&request.reports, before) {
        (Some(reports), _) => reports.contains(report),
        (None, Some(before)) => before.tables.iter().any(|table| report.tables().contains(&table.name.as_str())),
        (None, None) => true,
    };
    Report::ALL.into_iter().filter(wanted).collect()
}

fn data_table(table: Table, files: &[DataFile], older: &BTreeSet<String>) -> Result<Planned> {
    let part = |file: &DataFile| match older.contains(&file.id) {
        true => Part::Older(file.clone()),
        false => Part::Stored(file.clone()),
    };
    let mut parts: Vec<Part> = files.iter().filter(|file| file.table == table).map(part).collect();
    if parts.is_empty() {
        parts.push(empty_part(table)?);
    }
    Ok(Planned { name: table.name(), kind: Kind::Data, schema: table.schema(), parts })
}

async fn report_tables(app: &App, project: &Project, snapshot: &Snapshot, report: Report) -> Result<Vec<Planned>> {
    let Report::Agreement = report;
    let mut planned = Vec::new();
    // Boxed: as a part of every future around it, its type is deeper than the compiler looks.
    for (name, batch) in tidy_agreement(app, project, snapshot).boxed().await? {
        let batch = without_partition(batch)?;
        let (schema, rows) = (batch.schema(), batch.num_rows() as u64);
        let bytes = tokio::task::spawn_blocking(move || encode_report(&batch)).await.map_err(Error::internal)??;
        let parts = vec![Part::Made { bytes: bytes.into(), rows }];
        planned.push(Planned { name, kind: Kind::Report, schema, parts });
    }
    Ok(planned)
}

/// The number of the snapshot is in the folder's name, and BigQuery and Hive refuse files that have a column of that name as well.
fn without_partition(batch: arrow::array::RecordBatch) -> Result<arrow::array::RecordBatch> {
    let schema = batch.schema();
    let others: Vec<usize> = (0..schema.fields().len()).filter(|at| schema.field(*at).name() != "snapshot").collect();
    batch.project(&others).map_err(Error::internal)
}
