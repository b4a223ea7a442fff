//! `assay publish`: the tables of a snapshot for warehouses and notebooks. Also what `import` and `serve` publish by themselves.

use std::fmt::Write as _;
use std::io::Write as _;

use clap::{Args, ValueEnum};
use indicatif::HumanBytes;

use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::jobs::publish::{
    PublishRequest, Published, Report, after_import as publish_after_import, run as run_publish,
};
use crate::lake::{Format, Table};
use crate::store::DEFAULT_WORKSPACE;

#[derive(Debug, Args)]
pub struct PublishArgs {
    /// The project's name or id.
    #[arg(long)]
    project: String,

    /// Publish this snapshot [default: the newest].
    #[arg(long)]
    snapshot: Option<i64>,

    /// Tables, separated by commas: items, annotations, results, raters, rejects, or none
    /// [default: as the last time; the first time all].
    #[arg(long, value_delimiter = ',', value_parser = parse_table)]
    tables: Option<Vec<Choice<Table>>>,

    /// Reports, separated by commas: agreement (tables measures and disagreements), or none
    /// [default: as the last time; the first time all].
    #[arg(long, value_delimiter = ',', value_parser = parse_report)]
    reports: Option<Vec<Choice<Report>>>,

    /// Plain Parquet, or with a Delta log beside the same files [default: as the last time; the first time parquet].
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// How many snapshots keep their files, for readers that have begun on an older one [default: as the last time; the first time 2].
    #[arg(long, value_parser = parse_keep)]
    keep: Option<usize>,

    /// The lake's address for readers where it differs from --data, such as gs://bucket/prefix for a bucket that Assay reaches by
    /// another protocol [default: as the last time; the first time that of --data].
    #[arg(long, env = "ASSAY_BASE_URL")]
    base_url: Option<String>,

    /// How to print the outcome.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// A name of a list in which `none` stands for the empty list.
#[derive(Debug, Clone, Copy)]
enum Choice<T> {
    One(T),
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Table,
    Json,
}

/// What to do after an import, as `import` and `serve` take it.
#[derive(Debug, Clone, Args)]
pub struct PublishAfter {
    /// Publish the project after each import, as it was published before or whole; `delta` adds a Delta log. If that fails the import
    /// stands, and the next import or publication catches up.
    #[arg(long, env = "ASSAY_PUBLISH", value_enum, num_args = 0..=1, default_missing_value = "parquet", require_equals = true)]
    pub publish: Option<Format>,
}

fn parse_table(text: &str) -> Result<Choice<Table>, String> {
    let names = Table::ALL.map(Table::name).join(", ");
    match text {
        "none" => Ok(Choice::None),
        name => Table::parse(name).map(Choice::One).ok_or_else(|| format!("expected {names} or none")),
    }
}

fn parse_report(text: &str) -> Result<Choice<Report>, String> {
    match text {
        "none" => Ok(Choice::None),
        name => Report::from_str(name, false).map(Choice::One).map_err(|_| "expected agreement or none".to_owned()),
    }
}

fn parse_keep(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(keep) if keep > 0 => Ok(keep),
        _ => Err("expected a number from 1".to_owned()),
    }
}

fn chosen<T: Copy>(choices: Option<Vec<Choice<T>>>) -> Option<Vec<T>> {
    let one = |choice: &Choice<T>| match choice {
        Choice::One(value) => Some(*value),
        Choice::None => None,
    };
    choices.map(|choices| choices.iter().filter_map(one).collect())
}

pub async fn run(config: &Config, args: PublishArgs) -> Result<()> {
    let app = App::open(config).await?;
    let project = app.db.find_project(DEFAULT_WORKSPACE, &args.project).await?;
    let request = PublishRequest {
        snapshot: args.snapshot,
        tables: chosen(args.tables),
        reports: chosen(args.reports),
        format: args.format,
        keep: args.keep,
        base_url: args.base_url,
    };
    let published = run_publish(&app, &project, &request).await?;
    super::print(&match args.output {
        Output::Json => serde_json::to_string_pretty(&published).map_err(Error::internal)? + "\n",
        Output::Table => describe(&published),
    })
}

/// The import is done and its summary printed: what happens here goes to standard error and changes no exit code.
pub(super) async fn after_import(app: &App, project_id: &str, format: Format) {
    let line = match publish_after_import(app, DEFAULT_WORKSPACE, project_id, format).await {
        Ok(published) => {
            let manifest = &published.manifest;
            format!("snapshot {} published: {}", manifest.snapshot, manifest.address("manifest.json"))
        }
        Err(error) => {
            format!("warning: imported, but not published: {error}; `assay publish` or the next import catches up")
        }
    };
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn describe(published: &Published) -> String {
    let manifest = &published.manifest;
    let mut text = match published.changed {
        true => format!("{}: snapshot {} published\n", manifest.project.name, manifest.snapshot),
        false => format!("{}: snapshot {} was published already\n", manifest.project.name, manifest.snapshot),
    };
    for table in &manifest.tables {
        let size = HumanBytes(table.bytes).to_string();
        let _ = writeln!(text, "  {:<14} {:>10} rows {size:>12}  {} files", table.name, table.rows, table.files.len());
    }
    let _ = writeln!(text, "  {}", manifest.address("manifest.json"));
    text
}
