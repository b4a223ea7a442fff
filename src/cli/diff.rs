//! `assay diff`: what differs between two snapshots of a project.

use clap::Args;

use crate::app::App;
use crate::config::Config;
use crate::error::Result;
use crate::reports::{Format, diff_report, render_diff};
use crate::store::DEFAULT_WORKSPACE;

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The snapshot to begin from (`assay snapshots` lists them).
    #[arg(value_name = "A")]
    from: i64,

    /// The snapshot to compare it with; it may be the older one.
    #[arg(value_name = "B")]
    to: i64,

    /// The project's name or id.
    #[arg(long)]
    project: String,

    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// At most so many rows are told; all are counted.
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

pub async fn run(config: &Config, args: DiffArgs) -> Result<()> {
    let app = App::open(config).await?;
    let project = app.db.find_project(DEFAULT_WORKSPACE, &args.project).await?;
    let from = app.db.snapshot(&project.id, args.from).await?;
    let to = app.db.snapshot(&project.id, args.to).await?;
    let report = diff_report(&app, &project, (&from, &to), args.limit).await?;
    super::print(&render_diff(&report, args.format)?)
}
