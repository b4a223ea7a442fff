//! Logs: one line per event on standard error, as text or JSON. What never goes in: keys, bodies, data of items.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// What to log, as in `info` or `assay=debug,warn`.
    #[arg(long, env = "ASSAY_LOG", default_value = "info")]
    pub log: String,

    /// Form of the log lines.
    #[arg(long, env = "ASSAY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Starts logging; a second call in one process changes nothing.
pub fn start(args: &LogArgs) {
    let filter = EnvFilter::try_new(&args.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // An error means that a subscriber is installed already.
    let _ = match args.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

/// Names a request in logs, in audit rows and in answers; an extension of every request.
#[derive(Debug, Clone, Default)]
pub struct RequestId(pub String);
