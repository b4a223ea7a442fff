//! `assay outputs`: what is published, and how each reader opens it.

mod ddl;
mod dialects;
mod examples;

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use indicatif::HumanBytes;
use serde_json::json;

use self::ddl::{DdlOptions, Dialect, ddl};
use super::publish::Output;
use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::jobs::publish::publication;
use crate::lake::Manifest;
use crate::store::DEFAULT_WORKSPACE;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct OutputsArgs {
    #[command(subcommand)]
    command: Option<OutputsCommand>,

    /// The project's name or id.
    #[arg(long, required = true)]
    project: Option<String>,

    #[arg(long, value_enum, default_value_t = Output::Table)]
    format: Output,
}

#[derive(Debug, Subcommand)]
enum OutputsCommand {
    /// Print CREATE statements for every published table.
    Ddl(DdlArgs),
}

#[derive(Debug, Args)]
struct DdlArgs {
    /// The project's name or id.
    #[arg(long)]
    project: String,

    #[arg(long, value_enum)]
    dialect: Dialect,

    /// Name of the dataset, database or schema [default: the project's name].
    #[arg(long)]
    schema: Option<String>,

    /// Trino: name of the Hive catalog.
    #[arg(long, default_value = "hive")]
    catalog: String,

    /// BigQuery: name of the connection, Snowflake: name of the storage integration, that may read the bucket.
    #[arg(long)]
    connection: Option<String>,
}

pub async fn run(config: &Config, args: OutputsArgs) -> Result<()> {
    match (args.command, args.project) {
        (Some(OutputsCommand::Ddl(args)), _) => {
            let manifest = published(config, &args.project).await?;
            let options = DdlOptions {
                schema: args.schema.unwrap_or_else(|| schema_name(&manifest)),
                catalog: args.catalog,
                connection: args.connection,
            };
            super::print(&ddl(&manifest, args.dialect, &options)?)
        }
        (None, Some(project)) => {
            let manifest = published(config, &project).await?;
            super::print(&match args.format {
                Output::Json => as_json(&manifest)?,
                Output::Table => as_table(&manifest),
            })
        }
        (None, None) => Err(Error::invalid("name a project with --project")),
    }
}

async fn published(config: &Config, project: &str) -> Result<Manifest> {
    let app = App::open(config).await?;
    let project = app.db.find_project(DEFAULT_WORKSPACE, project).await?;
    publication(&app, &project).manifest().await?.ok_or_else(|| {
        Error::invalid(format!(
            "nothing is published of project {}: run `assay publish --project {:?}` first",
            project.name, project.name
        ))
    })
}

/// The project's folder as a name that every engine takes.
fn schema_name(manifest: &Manifest) -> String {
    manifest.url.rsplit('/').next().unwrap_or_default().replace('-', "_")
}

fn as_json(manifest: &Manifest) -> Result<String> {
    let mut value = serde_json::to_value(manifest).map_err(Error::internal)?;
    value["manifest"] = manifest.address("manifest.json").into();
    for (at, table) in manifest.tables.iter().enumerate() {
        let examples = examples::of(manifest, table, &schema_name(manifest));
        value["tables"][at]["examples"] =
            examples.into_iter().map(|(reader, text)| (reader.to_owned(), json!(text))).collect();
    }
    Ok(serde_json::to_string_pretty(&value).map_err(Error::internal)? + "\n")
}

fn as_table(manifest: &Manifest) -> String {
    let kept: Vec<String> = manifest.kept.iter().map(i64::to_string).collect();
    let mut text = format!(
        "{}: snapshot {} of {}\n  manifest  {}\n  kept      snapshots {}\n\n",
        manifest.project.name,
        manifest.snapshot,
        manifest.snapshot_created_at,
        manifest.address("manifest.json"),
        kept.join(", "),
    );
    let _ = writeln!(
        text,
        "{:<14} {:>10} {:>12} {:>9} {:>6}  list of files",
        "table", "rows", "bytes", "snapshot", "files"
    );
    for table in &manifest.tables {
        let _ = writeln!(
            text,
            "{:<14} {:>10} {:>12} {:>9} {:>6}  {}",
            table.name,
            table.rows,
            HumanBytes(table.bytes).to_string(),
            manifest.snapshot,
            table.files.len(),
            manifest.address(&table.list),
        );
    }
    for table in &manifest.tables {
        let _ = writeln!(text, "\n{}: {}", table.name, table.comment);
        for column in &table.columns {
            let null = if column.nullable { "" } else { "not null" };
            let _ =
                writeln!(text, "  {:<19} {:<24} {null:<9} {}", column.name, column.r#type.to_string(), column.comment);
        }
        for (reader, example) in examples::of(manifest, table, &schema_name(manifest)) {
            let _ = writeln!(text, "  {reader}:\n    {}", example.replace('\n', "\n    "));
        }
    }
    text
}
