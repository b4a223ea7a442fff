//! `assay keys`: API keys of a workspace.

use std::fmt::Write as _;

use clap::Subcommand;

use super::table::rfc3339;
use super::workspaces::WorkspaceArg;
use crate::app::App;
use crate::config::Config;
use crate::error::Result;
use crate::jobs::act::Act;
use crate::store::{KeyDraft, NewKey, Permission, Request, Role, Scopes, now_micros};

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
        /// What it may do of what its role allows, separated by commas: read, review, import, manage, access, audit,
        /// erase [default: all of it].
        #[arg(long, value_delimiter = ',')]
        scopes: Vec<Permission>,
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
    /// List the keys, without their secrets.
    List {
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
    /// Revoke a key, for good.
    Revoke {
        /// The key's id, as `assay keys list` shows it.
        id: String,
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
}

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

pub async fn run(config: &Config, command: KeysCommand) -> Result<()> {
    let app = App::open(config).await?;
    let now = now_micros();
    match command {
        KeysCommand::Create { name, role, expires_days, scopes, workspace } => {
            let workspace = workspace.find(&app).await?;
            let expires_at = expires_days.map(|days| now + days * DAY_MICROS);
            let scopes = if scopes.is_empty() { Scopes::default() } else { Scopes::of(role, &scopes)? };
            let new = NewKey { workspace_id: &workspace, name: &name, role, scopes, expires_at };
            let draft = KeyDraft::new(new, now)?;
            let target = format!("key:{}", draft.id);
            let act = Act { workspace: &workspace, actor: "cli", action: "key.create", target: &target };
            act.record(&app, async |_| app.db.insert_key(&draft, &Request::default()).await).await?;
            super::print(&format!(
                "{}\n\nThis is the key {:?} ({}). It is shown once: keep it safe.\n",
                draft.plaintext(),
                draft.name,
                draft.role.as_str()
            ))
        }
        KeysCommand::List { workspace } => super::print(&list(&app, &workspace.find(&app).await?, now).await?),
        KeysCommand::Revoke { id, workspace } => {
            let workspace = workspace.find(&app).await?;
            let target = format!("key:{id}");
            let act = Act { workspace: &workspace, actor: "cli", action: "key.revoke", target: &target };
            act.record(&app, async |_| app.db.revoke_key(&workspace, &id, now).await).await?;
            super::print(&format!("{id} is revoked\n"))
        }
    }
}

async fn list(app: &App, workspace: &str, now: i64) -> Result<String> {
    let mut text =
        format!("{:<14} {:<9} {:<9} {:<20} {:<24} {}\n", "id", "role", "state", "last used", "scopes", "name");
    for key in app.db.list_keys(workspace).await? {
        let state = if key.is_active(now) {
            "active"
        } else if key.revoked_at.is_some() {
            "revoked"
        } else {
            "expired"
        };
        let used = key.last_used_at.map_or_else(|| Ok("never".to_owned()), rfc3339)?;
        let scopes = Some(key.scopes.text()).filter(|text| !text.is_empty()).unwrap_or_else(|| "all".to_owned());
        let role = key.role.as_str();
        let _ = writeln!(text, "{:<14} {role:<9} {state:<9} {used:<20} {scopes:<24} {}", key.id, key.name);
    }
    Ok(text)
}
