//! `assay report`: a report of a project's newest snapshot, or of an older one, printed.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::reports::figures::Level;
use crate::reports::views::AgreementParams;
use crate::reports::{Format, Period, agreement, render};
use crate::store::DEFAULT_WORKSPACE;

#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// Agreement between annotators, for each control of choices, ratings or numbers.
    Agreement(AgreementArgs),
}

#[derive(Debug, Args)]
pub struct AgreementArgs {
    /// The project's name or id.
    #[arg(long)]
    project: String,

    /// Only this control.
    #[arg(long)]
    control: Option<String>,

    /// What differences between answers mean [default: choices nominal, ratings ordinal, numbers interval]. Ordinal choices have the order of
    /// the labelling config; interval and ratio need numbers.
    #[arg(long, value_enum)]
    level: Option<Level>,

    /// Only items whose data field has this value, as in language=de; repeat it to narrow further.
    #[arg(long, value_name = "FIELD=VALUE", value_parser = parse_slice)]
    slice: Vec<(String, String)>,

    /// Figures over time by this period [default: the shortest with enough items, at most 60 periods].
    #[arg(long, value_enum)]
    period: Option<Period>,

    /// Also the figures of the items with each value of this data field.
    #[arg(long, value_name = "FIELD")]
    by_slice: Option<String>,

    /// Of this snapshot (`assay snapshots` lists them) [default: the newest].
    #[arg(long, value_name = "NUMBER")]
    snapshot: Option<i64>,

    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

fn parse_slice(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((field, value)) if !field.is_empty() => Ok((field.to_owned(), value.to_owned())),
        _ => Err("expected FIELD=VALUE, as in language=de".to_owned()),
    }
}

pub async fn run(config: &Config, command: ReportCommand) -> Result<()> {
    let ReportCommand::Agreement(args) = command;
    let app = App::open(config).await?;
    let project = app.db.find_project(DEFAULT_WORKSPACE, &args.project).await?;
    let snapshot = match args.snapshot {
        Some(number) => app.db.snapshot(&project.id, number).await?,
        None => app.db.latest_snapshot(&project.id).await?.ok_or_else(|| {
            Error::invalid(format!("project {} has no snapshot yet: import an export first", project.name))
        })?,
    };
    let slice: BTreeMap<String, String> = args.slice.into_iter().collect();
    let AgreementArgs { control, level, period, by_slice, .. } = args;
    let params = AgreementParams { control, level, slice, period, by_slice };
    let report = agreement(&app, &project, &snapshot, &params).await?;
    super::print(&render(&report, args.format)?)
}
