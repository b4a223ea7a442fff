//! `assay sweep`: deletes what nothing needs any more.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use indicatif::HumanBytes;

use super::table::{ACTOR, Format, verb};
use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::jobs::grace::parse_span;
use crate::jobs::sweep::{Kind, SweepRequest, SweepSummary, run as sweep};
use crate::store::DEFAULT_WORKSPACE;

#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Only this project (name or id); otherwise all projects and the temporary folder.
    #[arg(long)]
    project: Option<String>,

    /// Leave alone what is younger than this (m, h, d, w): running imports and queries may need it.
    #[arg(long, default_value = "24h", value_parser = parse_span)]
    older_than: Duration,

    /// No import, server or report is at work on this lake: allows --older-than below 12h.
    #[arg(long)]
    nothing_else_runs: bool,

    /// Only show what would be deleted.
    #[arg(long)]
    dry_run: bool,

    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub async fn run(config: &Config, args: SweepArgs) -> Result<()> {
    let app = App::open(config).await?;
    let request = SweepRequest {
        workspace: DEFAULT_WORKSPACE.to_owned(),
        project: args.project,
        older_than: args.older_than,
        nothing_else_runs: args.nothing_else_runs,
        dry_run: args.dry_run,
        actor: ACTOR.to_owned(),
    };
    let summary = sweep(&app, request).await?;
    args.format.print(&summary, describe)?;
    match summary.held_back.as_slice() {
        [] => Ok(()),
        held_back => Err(Error::Conflict(
            held_back
                .iter()
                .map(|one| format!("{} was left alone: {}", one.folder, one.why))
                .collect::<Vec<_>>()
                .join("; "),
        )),
    }
}

fn describe(summary: &SweepSummary) -> String {
    let mut text = format!(
        "{} files, {}, {}\n",
        summary.deleted.len(),
        HumanBytes(summary.bytes),
        verb(summary.dry_run, "deleted")
    );
    let mut by_kind: BTreeMap<Kind, (u64, u64)> = BTreeMap::new();
    for object in &summary.deleted {
        let (files, bytes) = by_kind.entry(object.kind).or_default();
        *files += 1;
        *bytes += object.bytes;
    }
    for (kind, (files, bytes)) in by_kind {
        let _ = writeln!(text, "  {:<10} {files:>8} files {:>12}", kind.as_str(), HumanBytes(bytes).to_string());
    }
    if summary.dry_run {
        for object in &summary.deleted {
            let _ = writeln!(text, "  {}", object.path);
        }
    }
    for name in &summary.unknown {
        let _ = writeln!(text, "  not Assay's, left alone: {name}");
    }
    text
}
