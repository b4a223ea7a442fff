//! What a POST stores with its effect, so that a repeat of it finds the first answer instead of a second effect.

use super::{Db, Tx, audit};
use crate::error::{Error, Result};

/// How long a key is remembered, in microseconds: 24 hours.
pub const IDEMPOTENCY_TTL: i64 = 24 * 3600 * 1_000_000;

/// The answer to be stored under a caller's key.
#[derive(Debug, Clone)]
pub struct NewRecord {
    pub key: String,
    /// e.g. `POST /v1/projects`.
    pub method_path: String,
    /// SHA-256 of the body, in hex.
    pub request_hash: String,
    /// The HTTP status.
    pub status: i64,
    /// The JSON body of the answer.
    pub body: String,
}

/// The stored answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub method_path: String,
    pub request_hash: String,
    pub job_id: Option<String>,
    pub status: i64,
    pub body: String,
    pub created_at: i64,
}

from_row!(Record { method_path, request_hash, job_id, status, body, created_at });

/// How an act that may be a repeat came out.
#[derive(Debug, Clone, PartialEq)]
pub enum Once<T> {
    Done(T),
    /// The same request was carried out before; nothing happened now.
    Replay(Record),
    /// The key was used for another request; nothing happened.
    Reused,
}

/// What an act stores in its own transaction besides its effect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    pub idempotency: Option<&'a NewRecord>,
    /// The audit row that was begun for it.
    pub audit_id: Option<&'a str>,
}

impl Request<'_> {
    /// Stores the record, or says what was stored under its key before.
    pub(super) async fn claim<T>(
        &self,
        tx: &mut Tx,
        workspace: &str,
        job_id: Option<&str>,
        now: i64,
    ) -> Result<Option<Once<T>>> {
        let Some(new) = self.idempotency else { return Ok(None) };
        expire(tx, workspace, now).await?;
        if insert(tx, workspace, new, job_id, now).await? {
            return Ok(None);
        }
        let earlier: Record = within!(tx, conn => {
            sqlx::query_as(sql!("idempotency_get"))
                .bind(workspace)
                .bind(&new.key)
                .bind(now - IDEMPOTENCY_TTL)
                .fetch_optional(conn)
                .await
        })?
        .ok_or_else(|| Error::Conflict("the Idempotency-Key has just expired; send the request again".into()))?;
        let same = earlier.method_path == new.method_path && earlier.request_hash == new.request_hash;
        Ok(Some(if same { Once::Replay(earlier) } else { Once::Reused }))
    }

    /// Ends the audit row of an act that is complete with this transaction.
    pub(super) async fn complete_audit(&self, tx: &mut Tx, workspace: &str, now: i64) -> Result<()> {
        match self.audit_id {
            Some(id) => audit::complete(tx, workspace, id, "done", now).await,
            None => Ok(()),
        }
    }
}

impl Db {
    /// What is stored under a caller's key, if it has not expired.
    pub async fn idempotency_record(&self, workspace: &str, key: &str, now: i64) -> Result<Option<Record>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("idempotency_get"))
                .bind(workspace)
                .bind(key)
                .bind(now - IDEMPOTENCY_TTL)
                .fetch_optional(pool)
                .await
        })?)
    }
}

async fn expire(tx: &mut Tx, workspace: &str, now: i64) -> Result<()> {
    within!(tx, conn => {
        sqlx::query(sql!("idempotency_expire")).bind(workspace).bind(now - IDEMPOTENCY_TTL).execute(conn).await?;
    });
    Ok(())
}

async fn insert(tx: &mut Tx, workspace: &str, new: &NewRecord, job_id: Option<&str>, now: i64) -> Result<bool> {
    let rows = within!(tx, conn => {
        sqlx::query(sql!("idempotency_insert"))
            .bind(workspace)
            .bind(&new.key)
            .bind(&new.method_path)
            .bind(&new.request_hash)
            .bind(job_id)
            .bind(new.status)
            .bind(&new.body)
            .bind(now)
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(rows == 1)
}
