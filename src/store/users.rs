//! People who log in. One person is one user, whatever the workspaces.

use std::fmt;

use super::{Db, Tx, new_id, sessions};
use crate::error::{Error, Result};

/// An argon2id hash as a PHC string, or empty while no password is set. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "PasswordHash(none)" } else { "PasswordHash(…)" })
    }
}

impl From<String> for PasswordHash {
    fn from(text: String) -> Self {
        Self(text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: String,
    /// In lower case; unique.
    pub email: String,
    pub name: String,
    pub password_hash: PasswordHash,
    pub created_at: i64,
    pub disabled_at: Option<i64>,
}

from_row!(User { id, email, name, password_hash: text, created_at, disabled_at });

/// A user to be made. The id is chosen before the write, so that the audit row can name it.
#[derive(Debug, Clone)]
pub struct NewUser {
    pub id: String,
    pub email: String,
    pub name: String,
    pub password_hash: PasswordHash,
    pub created_at: i64,
}

impl NewUser {
    /// One without a password: it cannot log in yet.
    ///
    /// # Errors
    /// `Invalid` when the e-mail address is none, or the name is empty, longer than 200 characters or has control characters.
    pub fn new(email: &str, name: &str, now: i64) -> Result<Self> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
            return Err(Error::invalid("a user needs a name of 1 to 200 characters without control characters"));
        }
        let (email, name) = (email_of(email)?, name.to_owned());
        Ok(Self { id: new_id(), email, name, password_hash: PasswordHash::default(), created_at: now })
    }
}

impl Db {
    /// Makes a user.
    ///
    /// # Errors
    /// `Conflict` when there is one with this e-mail address.
    pub async fn create_user(&self, new: &NewUser) -> Result<User> {
        let mut tx = self.begin().await?;
        let user = ensure(&mut tx, new).await?;
        if user.id != new.id {
            tx.rollback().await?;
            return Err(Error::Conflict(format!("there is a user {} already", new.email)));
        }
        tx.commit().await?;
        Ok(user)
    }

    /// The user with this e-mail address, in whatever case it is written.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn find_user(&self, email: &str) -> Result<User> {
        self.user_by_email(email).await?.ok_or_else(|| Error::not_found("user", email.trim()))
    }

    /// The same; none if there is none, or if the text is no address.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>> {
        let Ok(email) = email_of(email) else { return Ok(None) };
        Ok(on!(&self.pool, pool => sqlx::query_as(sql!("users_by_email")).bind(email).fetch_optional(pool).await)?)
    }

    /// Every user, by e-mail address.
    pub async fn list_users(&self) -> Result<Vec<User>> {
        Ok(on!(&self.pool, pool => sqlx::query_as(sql!("users_list")).fetch_all(pool).await)?)
    }

    /// Whether a user was ever made. Users are never deleted.
    pub async fn any_user(&self) -> Result<bool> {
        let row: Option<(i32,)> =
            on!(&self.pool, pool => sqlx::query_as(sql!("users_any")).fetch_optional(pool).await)?;
        Ok(row.is_some())
    }

    /// Sets the password and ends every session of the user: whoever had the old password is out.
    pub async fn set_password(&self, user_id: &str, hash: &PasswordHash, now: i64) -> Result<()> {
        let mut tx = self.begin().await?;
        within!(tx, conn => {
            sqlx::query(sql!("users_password")).bind(user_id).bind(&hash.0).execute(conn).await?;
        });
        sessions::revoke_of_user(&mut tx, user_id, now).await?;
        tx.commit().await
    }

    /// Locks the user out, everywhere and at once; memberships stay.
    pub async fn disable_user(&self, user_id: &str, now: i64) -> Result<()> {
        let mut tx = self.begin().await?;
        within!(tx, conn => {
            sqlx::query(sql!("users_disable")).bind(user_id).bind(now).execute(conn).await?;
        });
        sessions::revoke_of_user(&mut tx, user_id, now).await?;
        tx.commit().await
    }

    /// Lets a disabled user in again.
    pub async fn enable_user(&self, user_id: &str) -> Result<()> {
        on!(&self.pool, pool => {
            sqlx::query(sql!("users_enable")).bind(user_id).execute(pool).await?;
        });
        Ok(())
    }
}

/// The user with the address of `new`: made now if there is none.
pub(super) async fn ensure(tx: &mut Tx, new: &NewUser) -> Result<User> {
    within!(tx, conn => {
        sqlx::query(sql!("users_insert"))
            .bind(&new.id)
            .bind(&new.email)
            .bind(&new.name)
            .bind(&new.password_hash.0)
            .bind(new.created_at)
            .execute(conn)
            .await?;
    });
    Ok(within!(tx, conn => sqlx::query_as(sql!("users_by_email")).bind(&new.email).fetch_one(conn).await)?)
}

/// An e-mail address as it is kept: without outer blanks, in lower case.
///
/// # Errors
/// `Invalid` unless it has something on both sides of one `@`, no blanks, no control characters, and at most 254 bytes.
pub fn email_of(text: &str) -> Result<String> {
    let email = text.trim().to_lowercase();
    let usable =
        |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@');
    match email.split_once('@') {
        Some((name, host)) if email.len() <= 254 && usable(name) && usable(host) => Ok(email),
        _ => Err(Error::invalid(format!(
            "{:?} is not an e-mail address: name@host, without blanks, at most 254 bytes",
            text.chars().take(254).collect::<String>()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_in_lower_case() {
        assert_eq!(email_of(" Ada@Example.COM ").unwrap(), "ada@example.com");
        assert_eq!(email_of("ÄDA+x@müller.example").unwrap(), "äda+x@müller.example");
        for bad in ["", "ada", "@b", "a@", "a@b@c", "a b@c", "a@b\n", &format!("a@{}", "b".repeat(253))] {
            let kept = email_of(bad);
            assert!(kept.is_err() || bad.ends_with('\n'), "{bad:?}: {kept:?}");
        }
        assert!(email_of("a@b\u{7}c").is_err());
    }

    #[test]
    fn a_hash_is_not_shown() {
        let new =
            NewUser { password_hash: PasswordHash("$argon2id$secret".into()), ..NewUser::new("a@b", "A", 0).unwrap() };
        assert!(!format!("{new:?}").contains("secret"));
        assert!(NewUser::new("a@b", " ", 0).is_err() && NewUser::new("a@b", "a\u{1b}[2J", 0).is_err());
    }
}
