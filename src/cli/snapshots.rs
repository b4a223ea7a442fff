//! `assay snapshots`: the versions of a project, newest first.

use clap::Args;

use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::reports::{Format, render_snapshots, snapshot_view};
use crate::store::DEFAULT_WORKSPACE;

#[derive(Debug, Args)]
pub struct SnapshotsArgs {
    /// The project's name or id.
    #[arg(long)]
    project: String,

    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// At most so many, the newest.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,
}

pub async fn run(config: &Config, args: SnapshotsArgs) -> Result<()> {
    let app = App::open(config).await?;
    let project = app.db.find_project(DEFAULT_WORKSPACE, &args.project).await?;
    let mut rows = app.db.list_snapshots(&project.id, None, args.limit + 1).await?;
    let limit = usize::try_from(args.limit).map_err(Error::internal)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let views = rows.iter().map(snapshot_view).collect::<Result<Vec<_>>>()?;
    let mut text = render_snapshots(&views, args.format)?;
    if more && args.format == Format::Table {
        text.push_str("older ones: --limit\n");
    }
    super::print(&text)
}
