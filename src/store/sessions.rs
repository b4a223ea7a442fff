//! Browsers that are logged in. The cookie holds a random id of 238 bits, the table its SHA-256.

use super::secret::{hash, random_text};
use super::{Db, Tx};
use crate::error::Result;

const ID_CHARS: usize = 40;
const HOUR: i64 = 3600 * 1_000_000;
/// A session that is not used for so long has ended (µs): 12 hours.
pub const IDLE: i64 = 12 * HOUR;
/// However much it is used, it ends after this time (µs): 7 days.
pub const ABSOLUTE: i64 = 7 * 24 * HOUR;
/// The use of a session is noted at most once in this time (µs): reads must not turn into writes.
const TOUCH_INTERVAL: i64 = 60 * 1_000_000;

/// Who a cookie belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub user_id: String,
    pub email: String,
    pub name: String,
    pub last_seen_at: i64,
}

from_row!(Session { user_id, email, name, last_seen_at });

impl Db {
    /// Begins a session and returns its id, which is kept nowhere. The session that the browser had before ends; those that have expired
    /// are forgotten.
    pub async fn open_session(&self, user_id: &str, earlier: Option<&str>, now: i64) -> Result<String> {
        let id = random_text(ID_CHARS)?;
        let mut tx = self.begin().await?;
        within!(tx, conn => {
            sqlx::query(sql!("sessions_expire")).bind(now).execute(conn).await?;
        });
        if let Some(earlier) = earlier {
            within!(tx, conn => {
                sqlx::query(sql!("sessions_revoke")).bind(hash(earlier)).bind(now).execute(conn).await?;
            });
        }
        within!(tx, conn => {
            sqlx::query(sql!("sessions_insert"))
                .bind(hash(&id))
                .bind(user_id)
                .bind(now)
                .bind(now + ABSOLUTE)
                .execute(conn)
                .await?;
        });
        tx.commit().await?;
        Ok(id)
    }

    /// The session with this id, if it is neither over nor revoked and its user not disabled; notes its use.
    pub async fn session(&self, id: &str, now: i64) -> Result<Option<Session>> {
        if id.len() != ID_CHARS {
            return Ok(None);
        }
        let id_hash = hash(id);
        let found: Option<Session> = on!(&self.pool, pool => {
            sqlx::query_as(sql!("sessions_find")).bind(&id_hash).bind(now).bind(now - IDLE).fetch_optional(pool).await
        })?;
        let due = now - TOUCH_INTERVAL;
        if found.as_ref().is_some_and(|session| session.last_seen_at <= due) {
            on!(&self.pool, pool => {
                sqlx::query(sql!("sessions_touch")).bind(&id_hash).bind(now).bind(due).execute(pool).await?;
            });
        }
        Ok(found)
    }

    /// Ends a session.
    pub async fn close_session(&self, id: &str, now: i64) -> Result<()> {
        on!(&self.pool, pool => {
            sqlx::query(sql!("sessions_revoke")).bind(hash(id)).bind(now).execute(pool).await?;
        });
        Ok(())
    }
}

pub(super) async fn revoke_of_user(tx: &mut Tx, user_id: &str, now: i64) -> Result<()> {
    within!(tx, conn => {
        sqlx::query(sql!("sessions_revoke_user")).bind(user_id).bind(now).execute(conn).await?;
    });
    Ok(())
}
