//! `assay erase`: takes a person or an item out of everything that is kept of a project.

use std::fmt::Write as _;

use clap::Args;
use indicatif::HumanBytes;

use super::table::{ACTOR, Format, verb};
use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::jobs::erase::{EraseRequest, EraseSummary, Named, run as erase};
use crate::store::DEFAULT_WORKSPACE;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("subject").required(true).args(["annotator", "item"]))]
pub struct EraseArgs {
    /// The project's name or id.
    #[arg(long)]
    project: String,

    /// An annotator: e-mail, id in the labelling tool, rater id or full name, exactly.
    #[arg(long)]
    annotator: Option<String>,

    /// An item: its id, or its id in the labelling tool.
    #[arg(long)]
    item: Option<String>,

    /// Only show what would be erased.
    #[arg(long)]
    dry_run: bool,

    /// Erase; it cannot be undone.
    #[arg(long)]
    yes: bool,

    /// No import is at work on this project: files of imports that were cut off are erased without waiting.
    #[arg(long)]
    nothing_else_runs: bool,

    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub async fn run(config: &Config, args: EraseArgs) -> Result<()> {
    if !args.yes && !args.dry_run {
        return Err(Error::invalid(
            "what is erased cannot be had again: look at it with --dry-run first, then give --yes",
        ));
    }
    let named = match (args.annotator, args.item) {
        (Some(annotator), _) => Named::Annotator(annotator),
        (None, Some(item)) => Named::Item(item),
        (None, None) => return Err(Error::invalid("give --annotator or --item")),
    };
    let app = App::open(config).await?;
    let request = EraseRequest {
        workspace: DEFAULT_WORKSPACE.to_owned(),
        project: args.project,
        named,
        nothing_else_runs: args.nothing_else_runs,
        dry_run: args.dry_run,
        actor: ACTOR.to_owned(),
    };
    let summary = erase(&app, request).await?;
    args.format.print(&summary, describe)
}

fn describe(summary: &EraseSummary) -> String {
    let mut text = format!("{}: {} {}\n", summary.project, summary.ids.join(", "), verb(summary.dry_run, "erased"));
    let _ = match summary.snapshot {
        Some(number) => writeln!(text, "  snapshot {number} {}, without:", verb(summary.dry_run, "committed")),
        None => writeln!(text, "  the newest snapshot holds nothing of it"),
    };
    let removed = summary.removed;
    for (name, rows) in [
        ("items", removed.items),
        ("annotations", removed.annotations),
        ("predictions", removed.predictions),
        ("results", removed.results),
        ("raters", removed.raters),
        ("rejects", removed.rejects),
        ("scrubbed", summary.scrubbed),
    ] {
        if rows > 0 {
            let _ = writeln!(text, "    {name:<12} {rows:>8} rows");
        }
    }
    if !summary.retired.is_empty() {
        let numbers: Vec<String> = summary.retired.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "  snapshots {}: {}", verb(summary.dry_run, "retired"), numbers.join(", "));
    }
    let _ = writeln!(
        text,
        "  {} files, {}, {}; {} jobs {}; {} rows of the database {}",
        summary.files,
        HumanBytes(summary.bytes),
        verb(summary.dry_run, "deleted"),
        summary.cancelled_jobs,
        verb(summary.dry_run, "cancelled"),
        summary.database_rows,
        verb(summary.dry_run, "rewritten")
    );
    text
}
