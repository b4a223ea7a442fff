//! The command line: parse, call, print.

mod agreement;
mod catalog;
mod compact;
mod config;
mod demo;
mod diff;
mod doctor;
mod erase;
mod import;
mod jobs;
mod keys;
mod members;
mod outputs;
mod publish;
mod report;
mod retain;
mod schedules;
mod secret;
mod serve;
mod snapshots;
mod sweep;
mod table;
mod users;
mod worker;
mod workspaces;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::Config;
use crate::error::{Error, Result};

/// How far can you trust your labels, your annotators and your models?
#[derive(Debug, Parser)]
#[command(name = "assay", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    config: Config,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Import annotation exports into a project, as one snapshot.
    Import(import::ImportArgs),
    /// Print a report on a project.
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// Agreement between the annotators of a tidy CSV, Parquet or JSON lines file; no project is needed.
    Agreement(Box<agreement::AgreementArgs>),
    /// List the snapshots of a project: who made them, of what, and what they changed.
    Snapshots(snapshots::SnapshotsArgs),
    /// Show what differs between two snapshots of a project.
    Diff(diff::DiffArgs),
    /// Retire snapshots that no rule keeps; `assay sweep` frees their files later.
    Retain(retain::RetainArgs),
    /// Delete files that nothing needs any more: of retired snapshots, and of work that was cut off.
    Sweep(sweep::SweepArgs),
    /// Rewrite the newest snapshot's files: as many buckets as its size asks for, today's schema and encoding.
    Compact(compact::CompactArgs),
    /// Erase an annotator or an item from everything that is kept of a project.
    Erase(erase::EraseArgs),
    /// Restore the metadata database from the lake.
    #[command(subcommand)]
    Catalog(catalog::CatalogCommand),
    /// Publish a project's tables for warehouses and notebooks.
    Publish(publish::PublishArgs),
    /// List what is published, or print CREATE statements for it.
    Outputs(outputs::OutputsArgs),
    /// Serve the API and the dashboard.
    Serve(serve::ServeArgs),
    /// Work on the jobs of a server elsewhere; several may run beside each other.
    Worker(worker::WorkerArgs),
    /// List, show, cancel and retry jobs.
    #[command(subcommand)]
    Jobs(jobs::JobsCommand),
    /// Queue jobs again and again, by the clock.
    #[command(subcommand)]
    Schedules(schedules::SchedulesCommand),
    /// Make, list and revoke API keys.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Make, list, disable users of the dashboard, and set their passwords.
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// Give users roles in a workspace, change and remove them.
    #[command(subcommand)]
    Members(members::MembersCommand),
    /// Make and list workspaces.
    #[command(subcommand)]
    Workspaces(workspaces::WorkspacesCommand),
    /// Look at everything that Assay needs, and say what to fix.
    Doctor(doctor::DoctorArgs),
    /// Show the settings that `serve` would run with, and where each comes from.
    Config(Box<config::ConfigArgs>),
    /// Import the demo projects that come with Assay and serve them on a free port.
    Demo(demo::DemoArgs),
}

/// Runs the command that the process was started with. Exit codes: 0 done, 1 the input or the request cannot be used,
/// 2 wrong usage, 3 something Assay needs failed, 130 interrupted.
pub fn main() -> ExitCode {
    let command = Cli::command();
    let matches = command.clone().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Error::unavailable("cannot start threads", error)),
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Import(args) => import::run(&cli.config, args).await,
            Command::Report(command) => report::run(&cli.config, command).await,
            Command::Agreement(args) => agreement::run(*args),
            Command::Snapshots(args) => snapshots::run(&cli.config, args).await,
            Command::Diff(args) => diff::run(&cli.config, args).await,
            Command::Retain(args) => retain::run(&cli.config, args).await,
            Command::Sweep(args) => sweep::run(&cli.config, args).await,
            Command::Compact(args) => compact::run(&cli.config, args).await,
            Command::Erase(args) => erase::run(&cli.config, args).await,
            Command::Catalog(command) => catalog::run(&cli.config, command).await,
            Command::Publish(args) => publish::run(&cli.config, args).await,
            Command::Outputs(args) => outputs::run(&cli.config, args).await,
            Command::Serve(args) => serve::run(&cli.config, args).await,
            Command::Worker(args) => worker::run(&cli.config, args).await,
            Command::Jobs(command) => jobs::run(&cli.config, command).await,
            Command::Schedules(command) => schedules::run(&cli.config, command).await,
            Command::Keys(command) => keys::run(&cli.config, command).await,
            Command::Users(command) => users::run(&cli.config, command).await,
            Command::Members(command) => members::run(&cli.config, command).await,
            Command::Workspaces(command) => workspaces::run(&cli.config, command).await,
            Command::Doctor(args) => doctor::run(&cli.config, args).await,
            Command::Config(args) => config::run(&cli.config, &args, &command, &matches),
            Command::Demo(args) => demo::run(&cli.config, args).await,
        }
    });
    // A worker thread deep in a long computation must not hold up the exit.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {error}");
    match error {
        Error::NotFound { .. } | Error::Gone(_) | Error::Invalid(_) | Error::Conflict(_) => ExitCode::from(1),
        Error::Unavailable { .. } | Error::Internal(_) => ExitCode::from(3),
        Error::Cancelled => ExitCode::from(130),
    }
}

/// Prints to standard output. A reader that went away (`assay … | head`) is not an error.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::internal(error)),
        _ => Ok(()),
    }
}
