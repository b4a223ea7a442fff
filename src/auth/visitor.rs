//! Who looks at a page.

use super::cookie::csrf_token;
use super::login::actor_of;
use crate::error::Result;
use crate::store::{Db, Membership, Role};

/// Who looks at a page; an extension of the request once it is known.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// As the audit trail has it: `user:<id>` or `key:<id>`.
    pub actor: String,
    /// The workspaces to choose from, in order of their ids.
    pub memberships: Vec<Membership>,
    /// None for the holder of an API key.
    pub person: Option<Person>,
}

/// Someone who has logged in.
#[derive(Debug, Clone)]
pub struct Person {
    pub name: String,
    pub email: String,
    /// Every form of a page has it in a field `csrf`.
    pub csrf: String,
}

impl Visitor {
    /// Whose session it is, if it goes on.
    pub async fn of_session(db: &Db, session_id: &str, now: i64) -> Result<Option<Self>> {
        let Some(session) = db.session(session_id, now).await? else { return Ok(None) };
        Ok(Some(Self {
            actor: actor_of(&session.user_id),
            memberships: db.memberships(&session.user_id).await?,
            person: Some(Person { name: session.name, email: session.email, csrf: csrf_token(session_id) }),
        }))
    }

    /// What the visitor is in a workspace, if it is a member.
    pub fn role_in(&self, workspace: &str) -> Option<Role> {
        self.memberships.iter().find(|one| one.workspace_id == workspace).map(|one| one.role)
    }
}
