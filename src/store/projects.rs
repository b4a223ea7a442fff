//! Projects: an id for storage paths, a name for people, unique in the workspace.

use super::{Db, Once, Request, Tx, new_id};
use crate::error::{Error, Result};

const MAX_NAME_CHARS: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub id: String,
    pub workspace_id: String,
    pub name: String,
    pub created_at: i64,
    /// Number of the newest snapshot; 0 before the first.
    pub latest_snapshot: i64,
}

from_row!(Project { id, workspace_id, name, created_at, latest_snapshot });

/// A project to be made. The id is chosen before the write, so that the answer can be stored together with it.
#[derive(Debug, Clone)]
pub struct NewProject {
    pub id: String,
    pub workspace_id: String,
    pub name: String,
    pub created_at: i64,
}

impl NewProject {
    /// # Errors
    /// `Invalid` when the name breaks the rule of [`check_project_name`].
    pub fn new(workspace_id: &str, name: &str, now: i64) -> Result<Self> {
        let name = check_project_name(name)?.to_owned();
        Ok(Self { id: new_id(), workspace_id: workspace_id.to_owned(), name, created_at: now })
    }
}

impl Db {
    /// Makes a project.
    ///
    /// # Errors
    /// `Conflict` when the workspace has a project of this name.
    pub async fn create_project(&self, new: &NewProject, request: &Request<'_>) -> Result<Once<Project>> {
        let mut tx = self.begin().await?;
        if let Some(earlier) = request.claim(&mut tx, &new.workspace_id, None, new.created_at).await? {
            return Ok(earlier);
        }
        let Some(project) = insert(&mut tx, new).await? else {
            tx.rollback().await?;
            return Err(Error::Conflict(format!("the workspace already has a project {:?}", new.name)));
        };
        request.complete_audit(&mut tx, &new.workspace_id, new.created_at).await?;
        tx.commit().await?;
        Ok(Once::Done(project))
    }

    /// The project of this name; made now if there is none.
    ///
    /// # Errors
    /// `Invalid` when the name breaks the rule of [`check_project_name`].
    pub async fn ensure_project(&self, workspace: &str, name: &str, now: i64) -> Result<Project> {
        let new = NewProject::new(workspace, name, now)?;
        let mut tx = self.begin().await?;
        let made = insert(&mut tx, &new).await?;
        tx.commit().await?;
        match made {
            Some(project) => Ok(project),
            None => self.find_project(workspace, &new.name).await,
        }
    }

    /// # Errors
    /// `NotFound`, also for a project of another workspace.
    pub async fn find_project(&self, workspace: &str, name_or_id: &str) -> Result<Project> {
        let found: Option<Project> = on!(&self.pool, pool => {
            sqlx::query_as(sql!("projects_find")).bind(workspace).bind(name_or_id).fetch_optional(pool).await
        })?;
        found.ok_or_else(|| Error::not_found("project", name_or_id))
    }

    /// At most `limit` projects in order of their names, after the name `after`.
    pub async fn list_projects(&self, workspace: &str, after: Option<&str>, limit: i64) -> Result<Vec<Project>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("projects_list")).bind(workspace).bind(after).bind(limit).fetch_all(pool).await
        })?)
    }
}

async fn insert(tx: &mut Tx, new: &NewProject) -> Result<Option<Project>> {
    Ok(within!(tx, conn => {
        sqlx::query_as(sql!("projects_insert"))
            .bind(&new.id)
            .bind(&new.workspace_id)
            .bind(&new.name)
            .bind(new.created_at)
            .fetch_optional(conn)
            .await
    })?)
}

/// The name without outer blanks.
///
/// # Errors
/// `Invalid` unless it has 1 to 200 characters, none of them a control character, `/` or `\`, and is neither `.` nor `..`.
pub fn check_project_name(name: &str) -> Result<&str> {
    let name = name.trim();
    let fault = match name.chars().count() {
        0 => Some("it is empty"),
        n if n > MAX_NAME_CHARS => Some("it has more than 200 characters"),
        _ if name.chars().any(char::is_control) => Some("it contains a control character"),
        _ if name.contains(['/', '\\']) => Some("it contains '/' or '\\'"),
        _ if matches!(name, "." | "..") => Some("it is a folder's name for itself or its parent"),
        _ => None,
    };
    match fault {
        None => Ok(name),
        Some(fault) => Err(Error::invalid(format!(
            "project name {:?} cannot be used: {fault}",
            name.chars().take(MAX_NAME_CHARS).collect::<String>()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_checked() {
        assert_eq!(check_project_name("  Sentiment 2026 ").unwrap(), "Sentiment 2026");
        assert_eq!(check_project_name("Käse & Öl 🧀").unwrap(), "Käse & Öl 🧀");
        assert!(check_project_name(&"ä".repeat(200)).is_ok());
        for bad in ["", " ", ".", "..", "a/b", "a\\b", "a\nb", "a\u{7f}b", &"ä".repeat(201)] {
            assert!(matches!(check_project_name(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }
}
