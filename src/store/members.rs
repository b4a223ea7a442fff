//! Members: users with a role in a workspace.

use super::users::{self, NewUser};
use super::{Db, Once, Request, Role, Tx};
use crate::error::{Error, Result};

/// A user in a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub user_id: String,
    pub email: String,
    pub name: String,
    pub role: Role,
    /// When the user became a member.
    pub created_at: i64,
    pub disabled_at: Option<i64>,
}

from_row!(Member { user_id, email, name, role: text, created_at, disabled_at });

/// A workspace that a user is a member of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub workspace_id: String,
    /// The workspace's name.
    pub name: String,
    pub role: Role,
}

from_row!(Membership { workspace_id, name, role: text });

#[derive(Debug, Clone)]
pub struct NewMember<'a> {
    pub workspace_id: &'a str,
    /// Made, without a password, unless there is a user with this address.
    pub user: NewUser,
    pub role: Role,
}

/// How a change of a member came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The member as it was before, if that differs.
    Done(Member),
    /// Nothing happened: nobody else is an owner who can log in.
    LastOwner,
}

impl Db {
    /// Makes a user a member.
    ///
    /// # Errors
    /// `Conflict` when it is one, or when the id of `new.user` is not the one of the user with this address.
    pub async fn add_member(&self, new: &NewMember<'_>, request: &Request<'_>) -> Result<Once<Member>> {
        let (workspace, now) = (new.workspace_id, new.user.created_at);
        let mut tx = self.begin().await?;
        if let Some(earlier) = request.claim(&mut tx, workspace, None, now).await? {
            return Ok(earlier);
        }
        let user = users::ensure(&mut tx, &new.user).await?;
        if user.id != new.user.id {
            tx.rollback().await?;
            return Err(Error::Conflict(format!("the user {} was made at this moment; try again", user.email)));
        }
        let rows = within!(tx, conn => {
            sqlx::query(sql!("members_insert"))
                .bind(workspace)
                .bind(&user.id)
                .bind(new.role.as_str())
                .bind(now)
                .execute(conn)
                .await?
                .rows_affected()
        });
        if rows == 0 {
            tx.rollback().await?;
            return Err(Error::Conflict(format!("{} is a member of the workspace already", user.email)));
        }
        request.complete_audit(&mut tx, workspace, now).await?;
        tx.commit().await?;
        Ok(Once::Done(self.member(workspace, &user.id).await?))
    }

    /// At most `limit` members in order of their addresses, after the address `after`.
    pub async fn list_members(&self, workspace: &str, after: Option<&str>, limit: i64) -> Result<Vec<Member>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("members_page")).bind(workspace).bind(after).bind(limit).fetch_all(pool).await
        })?)
    }

    /// # Errors
    /// `NotFound` when the user is no member of this workspace.
    pub async fn member(&self, workspace: &str, user_id: &str) -> Result<Member> {
        let found: Option<Member> = on!(&self.pool, pool => {
            sqlx::query_as(sql!("members_get")).bind(workspace).bind(user_id).fetch_optional(pool).await
        })?;
        found.ok_or_else(|| Error::not_found("member", user_id))
    }

    /// Gives a member another role, unless that would leave the workspace without an owner.
    ///
    /// # Errors
    /// `NotFound` when the user is no member of this workspace.
    pub async fn change_member(&self, workspace: &str, user_id: &str, role: Role) -> Result<Change> {
        let mut tx = self.begin().await?;
        let before = lock(&mut tx, workspace, user_id).await?;
        if role != Role::Owner && is_last_owner(&mut tx, workspace, &before).await? {
            tx.rollback().await?;
            return Ok(Change::LastOwner);
        }
        within!(tx, conn => {
            sqlx::query(sql!("members_role")).bind(workspace).bind(user_id).bind(role.as_str()).execute(conn).await?;
        });
        tx.commit().await?;
        Ok(Change::Done(before))
    }

    /// Takes a member out of the workspace, unless it is the last owner. The user stays.
    ///
    /// # Errors
    /// `NotFound` when the user is no member of this workspace.
    pub async fn remove_member(&self, workspace: &str, user_id: &str) -> Result<Change> {
        let mut tx = self.begin().await?;
        let before = lock(&mut tx, workspace, user_id).await?;
        if is_last_owner(&mut tx, workspace, &before).await? {
            tx.rollback().await?;
            return Ok(Change::LastOwner);
        }
        within!(tx, conn => {
            sqlx::query(sql!("members_delete")).bind(workspace).bind(user_id).execute(conn).await?;
        });
        tx.commit().await?;
        Ok(Change::Done(before))
    }

    /// The workspaces of a user, in order of their ids.
    pub async fn memberships(&self, user_id: &str) -> Result<Vec<Membership>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("memberships_of_user")).bind(user_id).fetch_all(pool).await
        })?)
    }
}

/// The member, with the workspace locked: two owners that remove each other at the same moment do so one after the other.
async fn lock(tx: &mut Tx, workspace: &str, user_id: &str) -> Result<Member> {
    within!(tx, conn => {
        sqlx::query(sql!("workspaces_lock")).bind(workspace).execute(conn).await?;
    });
    let found: Option<Member> = within!(tx, conn => {
        sqlx::query_as(sql!("members_get")).bind(workspace).bind(user_id).fetch_optional(conn).await
    })?;
    found.ok_or_else(|| Error::not_found("member", user_id))
}

async fn is_last_owner(tx: &mut Tx, workspace: &str, member: &Member) -> Result<bool> {
    if member.role != Role::Owner {
        return Ok(false);
    }
    let (others,): (i64,) = within!(tx, conn => {
        sqlx::query_as(sql!("members_other_owners")).bind(workspace).bind(&member.user_id).fetch_one(conn).await
    })?;
    Ok(others == 0)
}
