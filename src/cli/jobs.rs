//! `assay jobs`: what waits, runs, is done or was given up.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::table::{ACTOR, Format, rfc3339};
use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::jobs::control;
use crate::store::{DEFAULT_WORKSPACE, Job, JobState};

#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// List jobs, newest first.
    List(ListArgs),
    /// Show one job, with its result or the reason why it failed.
    Show(OneArgs),
    /// End a job that waits, or ask one that runs to stop.
    Cancel(OneArgs),
    /// Queue a job that failed or was cancelled once more.
    Retry(OneArgs),
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only jobs of this project (name or id).
    #[arg(long)]
    project: Option<String>,

    /// Only jobs in this state: queued, running, done, failed (given up) or cancelled.
    #[arg(long, value_parser = |text: &str| JobState::try_from(text.to_owned()))]
    state: Option<JobState>,

    /// At most so many, the newest.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,

    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Args)]
pub struct OneArgs {
    /// The job's id.
    job: String,

    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub async fn run(config: &Config, command: JobsCommand) -> Result<()> {
    let app = App::open(config).await?;
    match command {
        JobsCommand::List(args) => list(&app, args).await,
        JobsCommand::Show(args) => args.print(&app.db.job(DEFAULT_WORKSPACE, &args.job).await?),
        JobsCommand::Cancel(args) => args.print(&control::cancel(&app, DEFAULT_WORKSPACE, ACTOR, &args.job).await?),
        JobsCommand::Retry(args) => args.print(&control::retry_as(&app, DEFAULT_WORKSPACE, ACTOR, &args.job).await?),
    }
}

impl OneArgs {
    fn print(&self, job: &Job) -> Result<()> {
        let text = describe(job)?;
        self.format.print(&view(job)?, |_| text)
    }
}

async fn list(app: &App, args: ListArgs) -> Result<()> {
    let project = match &args.project {
        Some(name) => Some(app.db.find_project(DEFAULT_WORKSPACE, name).await?.id),
        None => None,
    };
    let project = project.as_deref();
    let jobs = match args.state {
        Some(state) => app.db.list_jobs_of_state(DEFAULT_WORKSPACE, project, state, None, args.limit).await?,
        None => app.db.list_jobs(DEFAULT_WORKSPACE, project, None, args.limit).await?,
    };
    let mut text =
        format!("{:<36} {:<8} {:<9} {:>8} {:<20} {}\n", "id", "kind", "state", "attempts", "queued", "reason");
    for job in &jobs {
        let _ = writeln!(
            text,
            "{:<36} {:<8} {:<9} {:>8} {:<20} {}",
            job.id,
            job.kind,
            job.state.as_str(),
            format!("{}/{}", job.attempts, job.max_attempts),
            rfc3339(job.created_at)?,
            job.error.as_deref().unwrap_or_default()
        );
    }
    let views = jobs.iter().map(view).collect::<Result<Vec<_>>>()?;
    args.format.print(&views, |_| text)
}

/// What may be shown of a job: not what it is to do, which may name a person.
fn view(job: &Job) -> Result<Value> {
    Ok(json!({
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "project_id": job.project_id,
        "schedule_id": job.schedule_id,
        "progress": job.progress.0,
        "result": job.result.0,
        "error": job.error,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "priority": job.priority,
        "cancel_requested": job.cancel_requested,
        "created_at": rfc3339(job.created_at)?,
        "run_at": rfc3339(job.run_at)?,
        "finished_at": job.finished_at.map(rfc3339).transpose()?,
    }))
}

fn describe(job: &Job) -> Result<String> {
    let mut text = format!(
        "{} {}: {}{}\n  attempt {} of {}, queued {}, to run {}\n",
        job.kind,
        job.id,
        job.state.as_str(),
        if job.cancel_requested && job.state == JobState::Running { ", asked to stop" } else { "" },
        job.attempts,
        job.max_attempts,
        rfc3339(job.created_at)?,
        rfc3339(job.run_at)?
    );
    if let Some(finished) = job.finished_at {
        let _ = writeln!(text, "  ended {}", rfc3339(finished)?);
    }
    if let Some(error) = &job.error {
        let _ = writeln!(text, "  {error}");
    }
    for (name, value) in [("progress", &job.progress.0), ("result", &job.result.0)] {
        if !value.is_null() {
            let shown = serde_json::to_string_pretty(value).map_err(Error::internal)?;
            let _ = writeln!(text, "  {name} {}", shown.replace('\n', "\n  "));
        }
    }
    Ok(text)
}
