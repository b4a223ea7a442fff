//! `assay catalog`: the metadata database as a whole.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use indicatif::HumanBytes;

use super::table::{ACTOR, Format};
use crate::app::App;
use crate::config::Config;
use crate::error::Result;
use crate::jobs::rebuild::{RebuildRequest, RebuildSummary, run as rebuild};

#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
    /// Restore projects and snapshots from the lake alone into a database without projects.
    Rebuild(RebuildArgs),
}

#[derive(Debug, Args)]
pub struct RebuildArgs {
    /// Read every data file and compare its checksum, not only its size.
    #[arg(long)]
    verify: bool,

    /// The database that the lake belongs to is lost and nothing uses it any more: make the lake belong to this one.
    #[arg(long)]
    take_over: bool,

    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub async fn run(config: &Config, command: CatalogCommand) -> Result<()> {
    let CatalogCommand::Rebuild(args) = command;
    let app = App::open_unclaimed(config).await?;
    let request = RebuildRequest { verify: args.verify, take_over: args.take_over, actor: ACTOR.to_owned() };
    let summary = rebuild(&app, request).await?;
    args.format.print(&summary, describe)
}

fn describe(summary: &RebuildSummary) -> String {
    let mut text = format!("{} projects restored\n", summary.projects.len());
    for project in &summary.projects {
        let _ = writeln!(
            text,
            "  {}/{}: snapshot {} is the newest, {} can be read, {} are retired; {} files, {}",
            project.workspace,
            project.name,
            project.latest,
            project.readable.len(),
            project.retired.len(),
            project.files,
            HumanBytes(project.bytes)
        );
    }
    for lost in &summary.lost {
        let what = lost.snapshot.map_or_else(String::new, |number| format!(" snapshot {number}"));
        let _ = writeln!(text, "  not restored: {}{what}: {}", lost.folder, lost.why);
    }
    text
}
