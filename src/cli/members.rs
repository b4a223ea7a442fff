//! `assay members`: who is what in a workspace.

use std::fmt::Write as _;

use clap::Subcommand;

use super::workspaces::WorkspaceArg;
use crate::app::App;
use crate::auth::actor_of;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::jobs::act::Act;
use crate::store::{MemberChange, NewMember, NewUser, Request, Role, now_micros};

#[derive(Debug, Subcommand)]
pub enum MembersCommand {
    /// Give a user a role in a workspace.
    Add {
        /// The user's e-mail address.
        email: String,
        /// owner, admin, analyst, reviewer or viewer.
        #[arg(long)]
        role: Role,
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
    /// List the members.
    List {
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
    /// Give a member another role.
    Role {
        email: String,
        /// owner, admin, analyst, reviewer or viewer.
        role: Role,
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
    /// Take a member out of a workspace; the user stays.
    Remove {
        email: String,
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
}

pub async fn run(config: &Config, command: MembersCommand) -> Result<()> {
    let app = App::open(config).await?;
    let db = &app.db;
    match command {
        MembersCommand::Add { email, role, workspace } => {
            let workspace = workspace.find(&app).await?;
            let known = db.find_user(&email).await.map_err(|error| match error {
                Error::NotFound { name, .. } => Error::invalid(format!(
                    "there is no user {name}; make one with `assay users add {name} --name NAME`"
                )),
                other => other,
            })?;
            let (id, now) = (known.id.clone(), now_micros());
            let user = NewUser { id: known.id, ..NewUser::new(&known.email, &known.name, now)? };
            let new = NewMember { workspace_id: &workspace, user, role };
            let act = async || db.add_member(&new, &Request::default()).await;
            record(&app, &workspace, "member.add", &as_role(&id, role), act).await?;
            super::print(&format!("{} is {} in {workspace}\n", known.email, role.as_str()))
        }
        MembersCommand::List { workspace } => super::print(&list(&app, &workspace.find(&app).await?).await?),
        MembersCommand::Role { email, role, workspace } => {
            let (workspace, user) = (workspace.find(&app).await?, db.find_user(&email).await?);
            let act = async || settled(&workspace, db.change_member(&workspace, &user.id, role).await?);
            record(&app, &workspace, "member.change", &as_role(&user.id, role), act).await?;
            super::print(&format!("{} is {} in {workspace}\n", user.email, role.as_str()))
        }
        MembersCommand::Remove { email, workspace } => {
            let (workspace, user) = (workspace.find(&app).await?, db.find_user(&email).await?);
            let act = async || settled(&workspace, db.remove_member(&workspace, &user.id).await?);
            record(&app, &workspace, "member.remove", &actor_of(&user.id), act).await?;
            super::print(&format!("{} is no member of {workspace} any more\n", user.email))
        }
    }
}

fn as_role(user_id: &str, role: Role) -> String {
    format!("{} as {}", actor_of(user_id), role.as_str())
}

fn settled(workspace: &str, change: MemberChange) -> Result<()> {
    match change {
        MemberChange::Done(_) => Ok(()),
        MemberChange::LastOwner => Err(Error::Conflict(format!(
            "{workspace} needs an owner who can log in; make somebody else an owner first"
        ))),
    }
}

async fn record<T>(
    app: &App,
    workspace: &str,
    action: &str,
    target: &str,
    act: impl AsyncFnOnce() -> Result<T>,
) -> Result<T> {
    Act { workspace, actor: "cli", action, target }.record(app, async |_| act().await).await
}

async fn list(app: &App, workspace: &str) -> Result<String> {
    let mut text = format!("{:<32} {:<9} {:<9} {}\n", "e-mail", "role", "state", "name");
    for member in app.db.list_members(workspace, None, i64::MAX).await? {
        let state = if member.disabled_at.is_some() { "disabled" } else { "active" };
        let _ = writeln!(text, "{:<32} {:<9} {state:<9} {}", member.email, member.role.as_str(), member.name);
    }
    Ok(text)
}
