//! API keys: `assay_<key id>_<secret>`. The database holds SHA-256 of the secret only.

use std::fmt;

use super::roles::{Rights, Role, Scopes};
use super::secret::{hash, random_text, same};
use super::{Db, Once, Request};
use crate::error::{Error, Result};

const SCHEME: &str = "assay";
const ID_CHARS: usize = 12;
const SECRET_CHARS: usize = 40;
/// The use of a key is noted at most once in this time (µs): reads must not turn into writes.
const TOUCH_INTERVAL: i64 = 60 * 1_000_000;
const HOUR: i64 = 3600 * 1_000_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub id: String,
    pub workspace_id: String,
    pub name: String,
    /// The public beginning of the key, for lists.
    pub prefix: String,
    secret_hash: String,
    pub role: Role,
    pub scopes: Scopes,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub last_used_at: Option<i64>,
}

from_row!(Key {
    id,
    workspace_id,
    name,
    prefix,
    secret_hash,
    role: text,
    scopes: text,
    created_at,
    expires_at,
    revoked_at,
    last_used_at
});

#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    pub workspace_id: &'a str,
    pub name: &'a str,
    pub role: Role,
    pub scopes: Scopes,
    pub expires_at: Option<i64>,
}

/// A key that is not in the database yet. Its id and secret are chosen before the write, so that the audit row and the answer can name it.
/// `Debug` does not show the secret.
pub struct KeyDraft {
    pub id: String,
    pub workspace_id: String,
    pub name: String,
    pub prefix: String,
    pub role: Role,
    pub scopes: Scopes,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    secret: String,
}

impl fmt::Debug for KeyDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyDraft").field("prefix", &self.prefix).field("role", &self.role).finish_non_exhaustive()
    }
}

impl KeyDraft {
    /// # Errors
    /// `Invalid` when the name is empty, longer than 200 characters or has control characters, or the end is not after `now`.
    pub fn new(new: NewKey<'_>, now: i64) -> Result<Self> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
            return Err(Error::invalid("a key needs a name of 1 to 200 characters without control characters"));
        }
        if new.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid("the key would have expired before it is made; give a later time"));
        }
        let (id, secret) = (random_text(ID_CHARS)?, random_text(SECRET_CHARS)?);
        Ok(Self {
            prefix: format!("{SCHEME}_{id}"),
            id,
            workspace_id: new.workspace_id.to_owned(),
            name: name.to_owned(),
            role: new.role,
            scopes: new.scopes,
            created_at: now,
            expires_at: new.expires_at,
            secret,
        })
    }

    /// The key itself: to be shown once, it cannot be had again.
    pub fn plaintext(&self) -> String {
        format!("{}_{}", self.prefix, self.secret)
    }

    pub fn rights(&self) -> Rights {
        self.scopes.narrow(self.role)
    }
}

/// A key that someone came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    pub key: Key,
    /// Whether this was its first use in this hour: the audit trail has one row for each.
    pub first_in_hour: bool,
}

impl Db {
    /// Makes a key. The second value is the key itself: it is shown once and cannot be had again.
    ///
    /// # Errors
    /// `Invalid` as [`KeyDraft::new`] has it.
    pub async fn create_key(&self, new: NewKey<'_>, now: i64) -> Result<(Key, String)> {
        let draft = KeyDraft::new(new, now)?;
        match self.insert_key(&draft, &Request::default()).await? {
            Once::Done(key) => Ok((key, draft.plaintext())),
            Once::Replay(_) | Once::Reused => Err(Error::Internal(anyhow::anyhow!("a replay without a request"))),
        }
    }

    /// Writes a key, with the record of its request.
    pub async fn insert_key(&self, draft: &KeyDraft, request: &Request<'_>) -> Result<Once<Key>> {
        let mut tx = self.begin().await?;
        if let Some(earlier) = request.claim(&mut tx, &draft.workspace_id, None, draft.created_at).await? {
            return Ok(earlier);
        }
        let key = within!(tx, conn => {
            sqlx::query_as(sql!("keys_insert"))
                .bind(&draft.id)
                .bind(&draft.workspace_id)
                .bind(&draft.name)
                .bind(&draft.prefix)
                .bind(hash(&draft.secret))
                .bind(draft.role.as_str())
                .bind(draft.scopes.text())
                .bind(draft.created_at)
                .bind(draft.expires_at)
                .fetch_one(conn)
                .await
        })?;
        request.complete_audit(&mut tx, &draft.workspace_id, draft.created_at).await?;
        tx.commit().await?;
        Ok(Once::Done(key))
    }

    /// The key that this text is, if it is one, neither revoked nor expired; notes its use.
    pub async fn authenticate(&self, plaintext: &str, now: i64) -> Result<Option<KeyUse>> {
        let Some((id, secret)) = parse(plaintext) else { return Ok(None) };
        let key: Option<Key> =
            on!(&self.pool, pool => sqlx::query_as(sql!("keys_by_id")).bind(id).fetch_optional(pool).await)?;
        let Some(key) = key.filter(|key| same(&key.secret_hash, &hash(secret)) && key.is_active(now)) else {
            return Ok(None);
        };
        let noted = self.touch_key(&key, now).await?;
        let first_in_hour = noted && key.last_used_at.is_none_or(|last| last / HOUR < now / HOUR);
        Ok(Some(KeyUse { key, first_in_hour }))
    }

    /// Whether this call noted it: of several at once one does.
    async fn touch_key(&self, key: &Key, now: i64) -> Result<bool> {
        let due = now - TOUCH_INTERVAL;
        if key.last_used_at.is_some_and(|last| last > due) {
            return Ok(false);
        }
        let rows = on!(&self.pool, pool => {
            sqlx::query(sql!("keys_touch")).bind(&key.id).bind(now).bind(due).execute(pool).await?.rows_affected()
        });
        Ok(rows == 1)
    }

    /// Whether a key was ever made. Revoked and expired ones count: the end of the last key must not open a server to everyone.
    pub async fn any_key(&self) -> Result<bool> {
        let row: Option<(i32,)> = on!(&self.pool, pool => sqlx::query_as(sql!("keys_any")).fetch_optional(pool).await)?;
        Ok(row.is_some())
    }

    /// Every key of the workspace, oldest first.
    pub async fn list_keys(&self, workspace: &str) -> Result<Vec<Key>> {
        Ok(on!(&self.pool, pool => sqlx::query_as(sql!("keys_list")).bind(workspace).fetch_all(pool).await)?)
    }

    /// At most `limit` keys, newest first, made before the key that was made at `before.0` and has the id `before.1`.
    pub async fn page_keys(&self, workspace: &str, before: Option<(i64, &str)>, limit: i64) -> Result<Vec<Key>> {
        let (time, id) = before.unzip();
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("keys_page")).bind(workspace).bind(time).bind(id).bind(limit).fetch_all(pool).await
        })?)
    }

    /// # Errors
    /// `NotFound` when the workspace has no such key.
    pub async fn key(&self, workspace: &str, id: &str) -> Result<Key> {
        let found: Option<Key> = on!(&self.pool, pool => {
            sqlx::query_as(sql!("keys_get")).bind(workspace).bind(id).fetch_optional(pool).await
        })?;
        found.ok_or_else(|| Error::not_found("key", id))
    }

    /// Ends a key; one that is revoked already stays so.
    ///
    /// # Errors
    /// `NotFound` when the workspace has no such key.
    pub async fn revoke_key(&self, workspace: &str, id: &str, now: i64) -> Result<()> {
        self.key(workspace, id).await?;
        on!(&self.pool, pool => {
            sqlx::query(sql!("keys_revoke")).bind(workspace).bind(id).bind(now).execute(pool).await?;
        });
        Ok(())
    }
}

impl Key {
    pub fn is_active(&self, now: i64) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// What its holder may do.
    pub fn rights(&self) -> Rights {
        self.scopes.narrow(self.role)
    }
}

fn parse(plaintext: &str) -> Option<(&str, &str)> {
    let (id, secret) = plaintext.strip_prefix(SCHEME)?.strip_prefix('_')?.split_once('_')?;
    (id.len() == ID_CHARS && secret.len() == SECRET_CHARS).then_some((id, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_keys_parse() {
        let (id, secret) = ("A".repeat(12), "b".repeat(40));
        assert_eq!(parse(&format!("assay_{id}_{secret}")), Some((id.as_str(), secret.as_str())));
        for bad in
            ["", "assay_", "assay__", &format!("assay_{id}"), &format!("assay_{id}_"), &format!("other_{id}_{secret}")]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse(&format!("assay_{id}_{secret}x")), None);
    }
}
