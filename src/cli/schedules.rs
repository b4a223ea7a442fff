//! `assay schedules`: jobs that are queued again and again, by the clock.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::table::{ACTOR, Format, rfc3339};
use crate::app::App;
use crate::config::Config;
use crate::error::Result;
use crate::jobs::schedule::{self, ScheduleRequest};
use crate::store::{DEFAULT_WORKSPACE, now_micros};

#[derive(Debug, Subcommand)]
pub enum SchedulesCommand {
    /// Make a schedule. Its jobs run on servers and workers.
    Add(AddArgs),
    /// List schedules, oldest first.
    List(ListArgs),
    /// Remove a schedule; jobs that it has queued stay.
    Remove {
        /// The schedule's id, as `assay schedules list` shows it.
        id: String,
    },
}

#[derive(Debug, Args)]
pub struct AddArgs {
    /// The project's name or id.
    #[arg(long)]
    project: String,

    /// report, compact, publish, retain or sweep.
    #[arg(long)]
    kind: String,

    /// Minute, hour, day of the month, month, day of the week, in UTC: "30 2 * * *" is 02:30 every day.
    #[arg(long)]
    cron: String,

    /// What the jobs are to do, as JSON: the body of the route that queues one of them, as in '{"keep": "last=30"}'.
    #[arg(long, default_value = "{}", value_parser = parse_json)]
    payload: Value,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only schedules of this project (name or id).
    #[arg(long)]
    project: Option<String>,

    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

fn parse_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

pub async fn run(config: &Config, command: SchedulesCommand) -> Result<()> {
    let app = App::open(config).await?;
    match command {
        SchedulesCommand::Add(args) => add(&app, args).await,
        SchedulesCommand::List(args) => list(&app, args).await,
        SchedulesCommand::Remove { id } => {
            schedule::remove(&app, DEFAULT_WORKSPACE, ACTOR, &id).await?;
            super::print(&format!("{id} is removed\n"))
        }
    }
}

async fn add(app: &App, args: AddArgs) -> Result<()> {
    let project = app.db.find_project(DEFAULT_WORKSPACE, &args.project).await?;
    let request =
        ScheduleRequest { project: &project, kind: &args.kind, cron: &args.cron, order: args.payload, actor: ACTOR };
    let new = schedule::draft(request, now_micros())?;
    schedule::add(app, &new).await?;
    super::print(&format!("{}: {} of {}, next {}\n", new.id, new.kind, project.name, rfc3339(new.next_at)?))
}

async fn list(app: &App, args: ListArgs) -> Result<()> {
    let project = match &args.project {
        Some(name) => Some(app.db.find_project(DEFAULT_WORKSPACE, name).await?.id),
        None => None,
    };
    let schedules = app.db.list_schedules(DEFAULT_WORKSPACE, project.as_deref(), None, i64::MAX).await?;
    let mut text =
        format!("{:<36} {:<8} {:<16} {:<20} {:<36} {}\n", "id", "kind", "cron", "next", "project", "payload");
    let mut views = Vec::with_capacity(schedules.len());
    for schedule in &schedules {
        let payload = &schedule.payload.0["order"];
        let next = rfc3339(schedule.next_at)?;
        let _ = writeln!(
            text,
            "{:<36} {:<8} {:<16} {next:<20} {:<36} {payload}",
            schedule.id, schedule.kind, schedule.cron, schedule.project_id
        );
        views.push(json!({
            "id": schedule.id,
            "project_id": schedule.project_id,
            "kind": schedule.kind,
            "cron": schedule.cron,
            "payload": payload,
            "actor": schedule.actor,
            "created_at": rfc3339(schedule.created_at)?,
            "next_at": next,
        }));
    }
    args.format.print(&views, |_| text)
}
