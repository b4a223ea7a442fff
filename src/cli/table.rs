//! What the commands for upkeep have in common: how they print.

use clap::ValueEnum;
use serde::Serialize;

use crate::error::{Error, Result};

/// Who acts, in the audit trail.
pub(super) const ACTOR: &str = "cli";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Table,
    Json,
}

impl Format {
    /// Prints a summary as JSON, or as `describe` puts it.
    pub(super) fn print<T: Serialize>(self, summary: &T, describe: impl FnOnce(&T) -> String) -> Result<()> {
        let text = match self {
            Self::Json => serde_json::to_string_pretty(summary).map_err(Error::internal)? + "\n",
            Self::Table => describe(summary),
        };
        super::print(&text)
    }
}

/// "would be" before a dry run's verbs.
pub(super) fn verb(dry_run: bool, done: &str) -> String {
    if dry_run { format!("would be {done}") } else { done.to_owned() }
}

/// A time of the database, to the second.
pub(super) fn rfc3339(micros: i64) -> Result<String> {
    let time = jiff::Timestamp::from_microsecond(micros).map_err(Error::internal)?;
    Ok(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
