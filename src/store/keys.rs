//! API keys: `assay_<key id>_<secret>`. The database holds SHA-256 of the secret only; with 40 random characters (238 bits) a slow hash
//! would add nothing.

use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::Db;
use crate::error::{Error, Result};

const SCHEME: &str = "assay";
const ID_CHARS: usize = 12;
const SECRET_CHARS: usize = 40;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The use of a key is noted at most once in this time (µs): reads must not turn into writes.
const TOUCH_INTERVAL: i64 = 60 * 1_000_000;

/// What the holder of a key may do; each role includes the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Owner,
    Admin,
    Analyst,
    Reviewer,
    Viewer,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Owner, Self::Admin, Self::Analyst, Self::Reviewer, Self::Viewer];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Analyst => "analyst",
            Self::Reviewer => "reviewer",
            Self::Viewer => "viewer",
        }
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            Error::invalid(format!("{text:?} is not a role; roles are owner, admin, analyst, reviewer, viewer"))
        })
    }
}

impl TryFrom<String> for Role {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub id: String,
    pub workspace_id: String,
    pub name: String,
    /// The public beginning of the key, for lists.
    pub prefix: String,
    secret_hash: String,
    pub role: Role,
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
    pub expires_at: Option<i64>,
}

impl Db {
    /// Makes a key. The second value is the key itself: it is shown once and cannot be had again.
    ///
    /// # Errors
    /// `Invalid` when the name is empty, longer than 200 characters or has control characters.
    pub async fn create_key(&self, new: NewKey<'_>, now: i64) -> Result<(Key, String)> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
            return Err(Error::invalid("a key needs a name of 1 to 200 characters without control characters"));
        }
        let (id, secret) = (random_text(ID_CHARS)?, random_text(SECRET_CHARS)?);
        let prefix = format!("{SCHEME}_{id}");
        let plaintext = format!("{prefix}_{secret}");
        let key = on!(&self.pool, pool => {
            sqlx::query_as(sql!("keys_insert"))
                .bind(&id)
                .bind(new.workspace_id)
                .bind(name)
                .bind(&prefix)
                .bind(hash(&secret))
                .bind(new.role.as_str())
                .bind(now)
                .bind(new.expires_at)
                .fetch_one(pool)
                .await
        })?;
        Ok((key, plaintext))
    }

    /// The key that this text is, if it is one, neither revoked nor expired; notes its use.
    pub async fn authenticate(&self, plaintext: &str, now: i64) -> Result<Option<Key>> {
        let Some((id, secret)) = parse(plaintext) else { return Ok(None) };
        let key: Option<Key> =
            on!(&self.pool, pool => sqlx::query_as(sql!("keys_by_id")).bind(id).fetch_optional(pool).await)?;
        let Some(key) = key.filter(|key| same(&key.secret_hash, &hash(secret)) && key.is_active(now)) else {
            return Ok(None);
        };
        self.touch_key(&key, now).await?;
        Ok(Some(key))
    }

    async fn touch_key(&self, key: &Key, now: i64) -> Result<()> {
        let due = now - TOUCH_INTERVAL;
        if key.last_used_at.is_none_or(|last| last <= due) {
            on!(&self.pool, pool => {
                sqlx::query(sql!("keys_touch")).bind(&key.id).bind(now).bind(due).execute(pool).await?;
            });
        }
        Ok(())
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

    /// Ends a key; one that is revoked already stays so.
    ///
    /// # Errors
    /// `NotFound` when the workspace has no such key.
    pub async fn revoke_key(&self, workspace: &str, id: &str, now: i64) -> Result<()> {
        let rows = on!(&self.pool, pool => {
            sqlx::query(sql!("keys_revoke")).bind(workspace).bind(id).bind(now).execute(pool).await?.rows_affected()
        });
        if rows == 1 || self.list_keys(workspace).await?.iter().any(|key| key.id == id) {
            return Ok(());
        }
        Err(Error::not_found("key", id))
    }
}

impl Key {
    pub fn is_active(&self, now: i64) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

fn parse(plaintext: &str) -> Option<(&str, &str)> {
    let (id, secret) = plaintext.strip_prefix(SCHEME)?.strip_prefix('_')?.split_once('_')?;
    (id.len() == ID_CHARS && secret.len() == SECRET_CHARS).then_some((id, secret))
}

fn hash(secret: &str) -> String {
    Sha256::digest(secret).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Compares without stopping at the first difference, so that time tells nothing about the place of it.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b))) == 0
}

/// `n` characters, each drawn evenly from 62. Bytes above the last whole multiple of 62 are thrown away.
fn random_text(n: usize) -> Result<String> {
    let even = 256 / ALPHABET.len() * ALPHABET.len();
    let mut text = String::with_capacity(n);
    let mut bytes = [0; 64];
    while text.len() < n {
        getrandom::fill(&mut bytes)
            .map_err(|e| Error::unavailable("the system gives no random numbers", anyhow::anyhow!("{e}")))?;
        let usable = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < even);
        text.extend(usable.map(|byte| char::from(ALPHABET[byte % ALPHABET.len()])).take(n - text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn texts_are_random_and_evenly_spread() {
        let texts: BTreeSet<String> = (0..200).map(|_| random_text(SECRET_CHARS).unwrap()).collect();
        assert_eq!(texts.len(), 200);
        let used: BTreeSet<char> = texts.iter().flat_map(|text| text.chars()).collect();
        assert_eq!(used.len(), 62);
        assert!(texts.iter().all(|text| text.len() == SECRET_CHARS));
    }

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

    #[test]
    fn hashes_are_compared_whole() {
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(same("abc", "abc"));
        assert!(!same("abc", "abd") && !same("abc", "bbc") && !same("abc", "ab") && !same("", "a"));
    }

    #[test]
    fn roles_read_back() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
        }
        assert!("root".parse::<Role>().is_err());
    }
}
