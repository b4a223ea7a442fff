//! An attempt to log in: limited, audited, and answered alike whoever is unknown and whatever is wrong.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Auth;
use crate::error::Result;
use crate::store::{DEFAULT_WORKSPACE, Db, NewAudit, User, now_micros};

/// A refusal comes this long after it was asked for, whatever the reason: neither the database nor the hash can be told by time.
const REFUSAL: Duration = Duration::from_millis(500);

/// What someone types, and where from. `Debug` shows neither.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    pub email: &'a str,
    pub password: &'a str,
    pub address: IpAddr,
    /// The session that the browser has: it ends with a new one.
    pub earlier: Option<&'a str>,
    pub request_id: &'a str,
}

impl fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("request_id", &self.request_id).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// In, with this session.
    Done {
        session_id: String,
    },
    /// The user is unknown, disabled or without a password, or the password is wrong: nobody is told which.
    Refused,
    TooMany {
        retry_after: u32,
    },
}

/// A user, as the audit trail has it.
pub fn actor_of(user_id: &str) -> String {
    format!("user:{user_id}")
}

impl Auth {
    pub async fn log_in(&self, db: &Db, attempt: Attempt<'_>) -> Result<Login> {
        let started = Instant::now();
        let outcome = self.try_log_in(db, attempt).await;
        if matches!(outcome, Ok(Login::Refused)) {
            sleep_until(started + REFUSAL).await;
        }
        outcome
    }

    async fn try_log_in(&self, db: &Db, attempt: Attempt<'_>) -> Result<Login> {
        if let Err(too_many) = self.attempts.begin(attempt.email, attempt.address, now_micros()) {
            if too_many.first {
                let user = db.user_by_email(attempt.email).await?;
                Trail::begin(db, attempt, user.as_ref()).await?.end("failed: too_many_attempts").await?;
            }
            return Ok(Login::TooMany { retry_after: too_many.retry_after });
        }
        let user = db.user_by_email(attempt.email).await?;
        let trail = Trail::begin(db, attempt, user.as_ref()).await?;
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let is_right = self.passwords.verify(attempt.password, hash).await?;
        let Some(user) = user.filter(|user| is_right && user.disabled_at.is_none()) else {
            trail.end("failed: refused").await?;
            return Ok(Login::Refused);
        };
        let session_id = db.open_session(&user.id, attempt.earlier, now_micros()).await?;
        trail.end("done").await?;
        self.attempts.succeeded(attempt.email, attempt.address);
        Ok(Login::Done { session_id })
    }
}

/// The audit rows of one attempt: one in each workspace of the user. What is nobody's stands in the default workspace, the server's own.
struct Trail<'a> {
    db: &'a Db,
    rows: Vec<(String, String)>,
}

impl<'a> Trail<'a> {
    async fn begin(db: &'a Db, attempt: Attempt<'_>, user: Option<&User>) -> Result<Self> {
        // Who it claims to be. Names of nobody are not kept: people type passwords into the wrong field.
        let actor = user.map_or_else(|| "user:unknown".to_owned(), |user| actor_of(&user.id));
        let target = format!("address:{}", attempt.address);
        let mut rows = Vec::new();
        for workspace in workspaces_of(db, user).await? {
            let row = NewAudit {
                workspace_id: &workspace,
                actor: &actor,
                action: "login",
                target: &target,
                request_id: attempt.request_id,
            };
            let id = db.begin_audit(row, now_micros()).await?;
            rows.push((workspace, id));
        }
        Ok(Self { db, rows })
    }

    async fn end(self, outcome: &str) -> Result<()> {
        for (workspace, id) in &self.rows {
            self.db.complete_audit(workspace, id, outcome, now_micros()).await?;
        }
        Ok(())
    }
}

async fn workspaces_of(db: &Db, user: Option<&User>) -> Result<Vec<String>> {
    let memberships = match user {
        Some(user) => db.memberships(&user.id).await?,
        None => Vec::new(),
    };
    if memberships.is_empty() {
        return Ok(vec![DEFAULT_WORKSPACE.to_owned()]);
    }
    Ok(memberships.into_iter().map(|one| one.workspace_id).collect())
}
