//! `assay users`: people who log in to the dashboard.

use std::fmt::Write as _;

use clap::Subcommand;

use super::secret::PasswordArgs;
use crate::app::App;
use crate::auth::actor_of;
use crate::config::Config;
use crate::error::Result;
use crate::jobs::act::Act;
use crate::store::{DEFAULT_WORKSPACE, NewUser, now_micros};

#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// Make a user, with a password; `assay members add` then gives them a role in a workspace.
    Add {
        /// The e-mail address that they log in with.
        email: String,
        /// What to call them.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// List the users and where they are members.
    List,
    /// Set a new password, and end every login of the user.
    Password {
        email: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Lock a user out at once; memberships stay.
    Disable { email: String },
    /// Let a disabled user in again.
    Enable { email: String },
}

pub async fn run(config: &Config, command: UsersCommand) -> Result<()> {
    let app = App::open(config).await?;
    let db = &app.db;
    match command {
        UsersCommand::Add { email, name, password } => {
            // Before the password is asked for: a name that cannot be used should not cost two entries.
            let new = NewUser::new(&email, &name, now_micros())?;
            let password_hash = app.auth.hash_password(&password.read()?).await?;
            let new = NewUser { password_hash, ..new };
            let user = record(&app, "user.add", &new.id, async || db.create_user(&new).await).await?;
            super::print(&format!(
                "{} can log in; `assay members add {} --role ROLE` gives them a role in a workspace\n",
                user.email, user.email
            ))
        }
        UsersCommand::List => super::print(&list(&app).await?),
        UsersCommand::Password { email, password } => {
            let user = db.find_user(&email).await?;
            let hash = app.auth.hash_password(&password.read()?).await?;
            let act = async || db.set_password(&user.id, &hash, now_micros()).await;
            record(&app, "user.password", &user.id, act).await?;
            super::print(&format!("{} has a new password and is logged out everywhere\n", user.email))
        }
        UsersCommand::Disable { email } => {
            let user = db.find_user(&email).await?;
            record(&app, "user.disable", &user.id, async || db.disable_user(&user.id, now_micros()).await).await?;
            super::print(&format!("{} is locked out\n", user.email))
        }
        UsersCommand::Enable { email } => {
            let user = db.find_user(&email).await?;
            record(&app, "user.enable", &user.id, async || db.enable_user(&user.id).await).await?;
            super::print(&format!("{} can log in again\n", user.email))
        }
    }
}

/// Users belong to the server: what is done to them stands in the audit trail of its own workspace.
async fn record<T>(app: &App, action: &str, user_id: &str, act: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
    let row = Act { workspace: DEFAULT_WORKSPACE, actor: "cli", action, target: &actor_of(user_id) };
    row.record(app, async |_| act().await).await
}

async fn list(app: &App) -> Result<String> {
    let mut text = format!("{:<32} {:<12} {:<24} {}\n", "e-mail", "state", "name", "member of");
    for user in app.db.list_users().await? {
        let state = match (user.disabled_at, user.password_hash.0.is_empty()) {
            (Some(_), _) => "disabled",
            (None, true) => "no password",
            (None, false) => "active",
        };
        let memberships = app.db.memberships(&user.id).await?;
        let places: Vec<String> =
            memberships.iter().map(|one| format!("{} ({})", one.workspace_id, one.role.as_str())).collect();
        let _ = writeln!(text, "{:<32} {state:<12} {:<24} {}", user.email, user.name, places.join(", "));
    }
    Ok(text)
}
