//! `assay compact`: the newest snapshot's rows in other files.

use clap::Args;
use indicatif::HumanBytes;

use super::table::{ACTOR, Format, verb};
use crate::app::App;
use crate::config::Config;
use crate::error::Result;
use crate::jobs::compact::{CompactRequest, CompactSummary, run as compact};
use crate::store::DEFAULT_WORKSPACE;

#[derive(Debug, Args)]
pub struct CompactArgs {
    /// The project's name or id.
    #[arg(long)]
    project: String,

    /// How many buckets, a power of two [default: what the size asks for].
    #[arg(long)]
    buckets: Option<u32>,

    /// Only show what would be written.
    #[arg(long)]
    dry_run: bool,

    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub async fn run(config: &Config, args: CompactArgs) -> Result<()> {
    let app = App::open(config).await?;
    let request = CompactRequest {
        workspace: DEFAULT_WORKSPACE.to_owned(),
        project: args.project,
        buckets: args.buckets,
        dry_run: args.dry_run,
        actor: ACTOR.to_owned(),
    };
    let summary = compact(&app, request).await?;
    args.format.print(&summary, describe)
}

fn describe(summary: &CompactSummary) -> String {
    let Some(number) = summary.snapshot else {
        return format!("{}: every file is as it would be written today; nothing to do\n", summary.project);
    };
    format!(
        "{}: snapshot {number} {}\n  buckets {} -> {}, files {} -> {}, {} -> {}\n",
        summary.project,
        verb(summary.dry_run, "committed"),
        summary.buckets_before,
        summary.buckets,
        summary.files_before,
        summary.files,
        HumanBytes(summary.bytes_before),
        HumanBytes(summary.bytes)
    )
}
