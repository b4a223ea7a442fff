//! `assay retain`: retires snapshots that no rule keeps.

use std::fmt::Write as _;

use clap::Args;
use indicatif::HumanBytes;

use super::table::{ACTOR, Format, verb};
use crate::app::App;
use crate::config::Config;
use crate::error::Result;
use crate::jobs::retain::{Keep, RetainRequest, RetainSummary, run as retain};
use crate::store::{DEFAULT_WORKSPACE, now_micros};

#[derive(Debug, Args)]
pub struct RetainArgs {
    /// The project's name or id.
    #[arg(long)]
    project: String,

    /// What to keep: last=N (the newest N), within=30d (or m, h, w), number=N, separated by commas. A snapshot stays when any rule keeps it;
    /// the newest always stays.
    #[arg(long, value_name = "LIST")]
    keep: Keep,

    /// Only show what would be retired.
    #[arg(long)]
    dry_run: bool,

    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub async fn run(config: &Config, args: RetainArgs) -> Result<()> {
    let app = App::open(config).await?;
    let request = RetainRequest {
        workspace: DEFAULT_WORKSPACE.to_owned(),
        project: args.project,
        keep: args.keep,
        dry_run: args.dry_run,
        actor: ACTOR.to_owned(),
        now: now_micros(),
    };
    let summary = retain(&app, request).await?;
    args.format.print(&summary, describe)
}

fn describe(summary: &RetainSummary) -> String {
    let mut text = format!(
        "{}: {} kept, {} {}\n",
        summary.project,
        summary.kept.len(),
        summary.retired.len(),
        verb(summary.dry_run, "retired")
    );
    for snapshot in &summary.kept {
        let why = snapshot.why.join(", ");
        let _ = writeln!(text, "  {:>8}  {}  kept ({why})", snapshot.number, snapshot.created_at);
    }
    for snapshot in &summary.retired {
        let done = verb(summary.dry_run, "retired");
        let _ = writeln!(text, "  {:>8}  {}  {done}", snapshot.number, snapshot.created_at);
    }
    let _ = writeln!(
        text,
        "  a later sweep frees {} in {} files",
        HumanBytes(summary.unnamed_bytes),
        summary.unnamed_files
    );
    text
}
