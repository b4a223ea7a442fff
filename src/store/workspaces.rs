//! Workspaces: the tenants.

use super::Db;
use crate::error::{Error, Result};

/// The workspace of a server without keys.
pub const DEFAULT_WORKSPACE: &str = "default";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Part of storage paths and of page addresses.
    pub id: String,
    pub name: String,
    pub created_at: i64,
}

from_row!(Workspace { id, name, created_at });

impl Db {
    /// Makes the workspace unless it exists, and returns it as it is.
    ///
    /// # Errors
    /// `Invalid` unless the id has 1 to 63 characters of a-z, 0-9 and `-`, and begins with a letter or digit.
    pub async fn ensure_workspace(&self, id: &str, name: &str, now: i64) -> Result<Workspace> {
        check_workspace_id(id)?;
        on!(&self.pool, pool => {
            sqlx::query(sql!("workspaces_put")).bind(id).bind(name).bind(now).execute(pool).await?;
            Ok(sqlx::query_as(sql!("workspaces_get")).bind(id).fetch_one(pool).await?)
        })
    }

    /// Makes a workspace.
    ///
    /// # Errors
    /// `Invalid` as for [`Self::ensure_workspace`], and for a name that is empty, longer than 200 characters or has control characters;
    /// `Conflict` when there is one with this id.
    pub async fn create_workspace(&self, id: &str, name: &str, now: i64) -> Result<Workspace> {
        check_workspace_id(id)?;
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
            return Err(Error::invalid("a workspace needs a name of 1 to 200 characters without control characters"));
        }
        let made: Option<Workspace> = on!(&self.pool, pool => {
            sqlx::query_as(sql!("workspaces_insert")).bind(id).bind(name).bind(now).fetch_optional(pool).await
        })?;
        made.ok_or_else(|| Error::Conflict(format!("there is a workspace {id:?} already")))
    }

    /// # Errors
    /// `NotFound`.
    pub async fn workspace(&self, id: &str) -> Result<Workspace> {
        let found: Option<Workspace> =
            on!(&self.pool, pool => sqlx::query_as(sql!("workspaces_get")).bind(id).fetch_optional(pool).await)?;
        found.ok_or_else(|| Error::not_found("workspace", id))
    }

    /// All of them, in order of their ids.
    pub async fn list_workspaces(&self) -> Result<Vec<Workspace>> {
        Ok(on!(&self.pool, pool => sqlx::query_as(sql!("workspaces_list")).fetch_all(pool).await)?)
    }
}

fn check_workspace_id(id: &str) -> Result<()> {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if (1..=63).contains(&id.len()) && id.bytes().all(allowed) && !id.starts_with('-') {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "workspace id {id:?}: 1 to 63 characters of a-z, 0-9 and '-' are allowed, the first of them a letter or a digit"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspace_ids_are_safe_in_paths() {
        for good in ["default", "a", "team-7", &"x".repeat(63)] {
            assert!(check_workspace_id(good).is_ok(), "{good}");
        }
        for bad in ["", "..", "A", "a/b", "a b", "-a", "ä", &"x".repeat(64)] {
            assert!(check_workspace_id(bad).is_err(), "{bad}");
        }
    }
}
