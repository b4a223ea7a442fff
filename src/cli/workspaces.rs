//! `assay workspaces`: the tenants of a server.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use crate::app::App;
use crate::config::Config;
use crate::error::Result;
use crate::jobs::act::Act;
use crate::store::{DEFAULT_WORKSPACE, now_micros};

#[derive(Debug, Subcommand)]
pub enum WorkspacesCommand {
    /// Make a workspace: projects, keys and members of its own.
    Add {
        /// Part of its pages' addresses: a-z, 0-9 and `-`.
        id: String,
        /// What people call it [default: the id].
        #[arg(long)]
        name: Option<String>,
    },
    /// List the workspaces.
    List,
}

/// The workspace that a command works on.
#[derive(Debug, Args)]
pub struct WorkspaceArg {
    /// Id of the workspace.
    #[arg(long, default_value = DEFAULT_WORKSPACE)]
    workspace: String,
}

impl WorkspaceArg {
    /// Its id.
    ///
    /// # Errors
    /// `NotFound` when there is no such workspace.
    pub async fn find(&self, app: &App) -> Result<String> {
        Ok(app.db.workspace(&self.workspace).await?.id)
    }
}

pub async fn run(config: &Config, command: WorkspacesCommand) -> Result<()> {
    let app = App::open(config).await?;
    match command {
        WorkspacesCommand::Add { id, name } => {
            let name = name.as_deref().unwrap_or(&id);
            // The row cannot stand in a workspace that does not exist yet.
            let act = Act { workspace: DEFAULT_WORKSPACE, actor: "cli", action: "workspace.add", target: &id };
            act.record(&app, async |_| app.db.create_workspace(&id, name, now_micros()).await).await?;
            super::print(&format!(
                "workspace {id} is made; `assay members add EMAIL --role owner --workspace {id}` gives it an owner\n"
            ))
        }
        WorkspacesCommand::List => {
            let mut text = format!("{:<24} {}\n", "id", "name");
            for workspace in app.db.list_workspaces().await? {
                let _ = writeln!(text, "{:<24} {}", workspace.id, workspace.name);
            }
            super::print(&text)
        }
    }
}
