//! `assay worker`: works on jobs that servers have queued, on this machine or another one.

use clap::Args;

use super::serve::{Background, wait_for_stop};
use crate::app::App;
use crate::config::Config;
use crate::error::Result;

#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Jobs that are worked on at the same time.
    #[arg(long, env = "ASSAY_WORKERS", default_value_t = 1, value_parser = parse_workers)]
    workers: usize,

    #[command(flatten)]
    after_import: super::publish::PublishAfter,

    #[command(flatten)]
    log: crate::telemetry::LogArgs,
}

fn parse_workers(text: &str) -> Result<usize, String> {
    match super::serve::parse_workers(text) {
        Ok(0) => Err("a worker without work: expected a number from 1 to 64".to_owned()),
        parsed => parsed,
    }
}

/// Works until Ctrl-C or SIGTERM: then jobs are given back, for another worker to begin again at once.
pub async fn run(config: &Config, args: WorkerArgs) -> Result<()> {
    crate::telemetry::start(&args.log);
    let app = App::open(config).await?;
    let background = Background::start(&app, args.workers, args.after_import.publish);
    tracing::info!(workers = args.workers, data = %app.lake.location(), "working");
    wait_for_stop().await;
    background.end(&app).await?;
    app.db.close().await;
    Ok(())
}
