//! `assay keys`: API keys of the default workspace.

use std::fmt::Write as _;

use clap::Subcommand;

use super::table::rfc3339;
use crate::app::App;
use crate::config::Config;
use crate::error::Result;
use crate::store::{DEFAULT_WORKSPACE, NewKey, Role, now_micros};

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key and print it, once.
    Create {
        /// What or whom the key is for.
        #[arg(long)]
        name: String,
        /// owner, admin, analyst, reviewer or viewer.
        #[arg(long, default_value = "viewer")]
        role: Role,
        /// Days until the key expires [default: never].
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..=36_500))]
        expires_days: Option<i64>,
    },
    /// List the keys, without their secrets.
    List,
    /// Revoke a key, for good.
    Revoke {
        /// The key's id, as `assay keys list` shows it.
        id: String,
    },
}

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

pub async fn run(config: &Config, command: KeysCommand) -> Result<()> {
    let app = App::open(config).await?;
    let now = now_micros();
    match command {
        KeysCommand::Create { name, role, expires_days } => {
            let expires_at = expires_days.map(|days| now + days * DAY_MICROS);
            let new = NewKey { workspace_id: DEFAULT_WORKSPACE, name: &name, role, expires_at };
            let (key, plaintext) = app.db.create_key(new, now).await?;
            super::print(&format!(
                "{plaintext}\n\nThis is the key {:?} ({}). It is shown once: keep it safe.\n",
                key.name,
                key.role.as_str()
            ))
        }
        KeysCommand::List => {
            let mut text = format!("{:<14} {:<9} {:<9} {:<20} {}\n", "id", "role", "state", "last used", "name");
            for key in app.db.list_keys(DEFAULT_WORKSPACE).await? {
                let state = if key.is_active(now) {
                    "active"
                } else if key.revoked_at.is_some() {
                    "revoked"
                } else {
                    "expired"
                };
                let used = key.last_used_at.map_or_else(|| Ok("never".to_owned()), rfc3339)?;
                let _ = writeln!(text, "{:<14} {:<9} {state:<9} {used:<20} {}", key.id, key.role.as_str(), key.name);
            }
            super::print(&text)
        }
        KeysCommand::Revoke { id } => {
            app.db.revoke_key(DEFAULT_WORKSPACE, &id, now).await?;
            super::print(&format!("{id} is revoked\n"))
        }
    }
}
