//! People and work in SQL: workspaces, users and their sessions, members, projects, snapshots and their files, jobs, keys, idempotency records, audit, the index of reports.
//!
//! SQLite and Postgres run the same statements (`queries/store`); only what one of them lacks has a text of its own. Ids are text, times are
//! microseconds since 1970 in UTC, and the clock is always passed in. Every write of several statements is one transaction.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};
use uuid::Uuid;

use crate::error::{Error, Result};

/// Runs one expression on whichever database this is: the SQL text and the order of binds are the same for both.
macro_rules! on {
    ($pool:expr, $conn:ident => $body:expr) => {{
        let pool: &$crate::store::Pool = $pool;
        $crate::store::probe::before(&pool.probe, $crate::store::Access::Statement)?;
        let answer = match &pool.server {
            $crate::store::Server::Sqlite($conn) => $body,
            $crate::store::Server::Postgres($conn) => $body,
        };
        $crate::store::probe::after(&pool.probe, $crate::store::Access::Statement)?;
        answer
    }};
}

/// The same inside a transaction.
macro_rules! within {
    ($tx:expr, $conn:ident => $body:expr) => {
        match &mut $tx.open {
            $crate::store::Open::Sqlite(tx) => {
                let $conn = &mut **tx;
                $body
            }
            $crate::store::Open::Postgres(tx) => {
                let $conn = &mut **tx;
                $body
            }
        }
    };
}

/// The text of a statement in `queries/store`.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/queries/store/", $name, ".sql"))
    };
}

/// Reads a struct from a row: each field from the column of its name, those marked `text` by way of `TryFrom<String>`. (The derive of the
/// library does this too, but its macro crate has SQLite and the Postgres driver compiled a second time.)
macro_rules! from_row {
    ($name:ident { $($field:ident $(: $text:ident)?),* }) => {
        impl<'r, R> sqlx::FromRow<'r, R> for $name
        where
            R: sqlx::Row,
            for<'c> &'c str: sqlx::ColumnIndex<R>,
            String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
            i64: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
            bool: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                Ok(Self { $($field: from_row!(row, stringify!($field) $(, $text)?)),* })
            }
        }
    };
    ($row:ident, $name:expr) => {
        $row.try_get($name)?
    };
    ($row:ident, $name:expr, text) => {
        $row.try_get::<String, _>($name)?.try_into().map_err(|error| $crate::store::unreadable($name, error))?
    };
}

mod audit;
mod claim;
mod idempotency;
mod jobs;
mod keys;
mod members;
mod migrate;
mod probe;
mod projects;
mod publish;
mod reports;
mod restore;
mod roles;
mod schedules;
mod scrub;
mod secret;
mod sessions;
mod snapshots;
mod users;
mod workspaces;

pub use audit::{AuditFilter, AuditRow, NewAudit};
pub use idempotency::{IDEMPOTENCY_TTL, NewRecord, Once, Record, Request};
pub use jobs::{ATTEMPTS, Failure, Heartbeat, Job, JobState, Lease, NewJob};
pub use keys::{Key, KeyDraft, KeyUse, NewKey};
pub use members::{Change as MemberChange, Member, Membership, NewMember};
pub use probe::{Access, Probe};
pub use projects::{NewProject, Project, check_project_name};
pub use reports::ReportKey;
pub use restore::RestoredProject;
pub use roles::{Permission, Rights, Role, Scopes};
pub use schedules::{NewSchedule, Schedule};
pub use scrub::Form;
pub use secret::{hash as secret_hash, same as same_secret};
pub use sessions::{ABSOLUTE as SESSION_ABSOLUTE, IDLE as SESSION_IDLE, Session};
pub use snapshots::{
    Change, Changes, Commit, Counts, DataFile, JobEnd, NewFile, NewSnapshot, Operation, Retirement, Snapshot,
};
pub use users::{NewUser, PasswordHash, User, email_of};
pub use workspaces::{DEFAULT_WORKSPACE, Workspace};

/// How long a statement waits for a lock or for a free connection.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 16;

/// The metadata database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    id: Arc<str>,
    pool: Pool,
}

#[derive(Debug, Clone)]
struct Pool {
    server: Server,
    probe: Option<Arc<dyn Probe>>,
}

#[derive(Debug, Clone)]
enum Server {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A write transaction. Dropped without `commit` it rolls back.
struct Tx {
    open: Open,
    probe: Option<Arc<dyn Probe>>,
}

enum Open {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Db {
    /// Opens `sqlite:///absolute/path` (or `sqlite://relative`; created when missing, the path is taken as written, without escapes) or
    /// `postgres://user@host/database`, and brings its tables up to date.
    ///
    /// # Errors
    /// `Invalid` for another scheme, a database that refuses the login or one that a newer Assay has written; `Unavailable` when it does
    /// not answer.
    pub async fn connect(url: &str) -> Result<Self> {
        let server = if let Some(path) = url.strip_prefix("sqlite:") {
            open_sqlite(Path::new(path.strip_prefix("//").unwrap_or(path))).await?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            open_postgres(url).await?
        } else {
            return Err(Error::invalid(
                "the database must be given as sqlite:///path/to/file.db or postgres://user@host/database",
            ));
        };
        migrate::run(&server).await?;
        let pool = Pool { server, probe: None };
        let id = database_id(&pool).await?;
        let db = Self { id: id.into(), pool };
        db.ensure_workspace(DEFAULT_WORKSPACE, "Default", now_micros()).await?;
        Ok(db)
    }

    /// The same database, with every access seen by `probe`.
    pub fn with_probe(self, probe: Arc<dyn Probe>) -> Self {
        Self { pool: Pool { probe: Some(probe), ..self.pool }, ..self }
    }

    /// A number of this database alone (UUID), made at its first opening. Storage remembers it and refuses any other database.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the database answers: one round trip.
    pub async fn ping(&self) -> Result<()> {
        let _: (String,) =
            on!(&self.pool, pool => sqlx::query_as(sql!("meta_get")).bind("database_id").fetch_one(pool).await)?;
        Ok(())
    }

    /// Finishes what runs and closes every connection.
    pub async fn close(&self) {
        match &self.pool.server {
            Server::Sqlite(pool) => pool.close().await,
            Server::Postgres(pool) => pool.close().await,
        }
    }

    /// SQLite transactions take the write lock at once: one that reads first and upgrades later fails at once instead of waiting.
    async fn begin(&self) -> Result<Tx> {
        let probe = self.pool.probe.clone();
        probe::before(&probe, Access::Begin)?;
        let open = match &self.pool.server {
            Server::Sqlite(pool) => Open::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Server::Postgres(pool) => Open::Postgres(pool.begin().await?),
        };
        probe::after(&probe, Access::Begin)?;
        Ok(Tx { open, probe })
    }
}

impl Tx {
    async fn commit(self) -> Result<()> {
        probe::before(&self.probe, Access::Commit)?;
        match self.open {
            Open::Sqlite(tx) => tx.commit().await?,
            Open::Postgres(tx) => tx.commit().await?,
        }
        probe::after(&self.probe, Access::Commit)
    }

    async fn rollback(self) -> Result<()> {
        match self.open {
            Open::Sqlite(tx) => tx.rollback().await?,
            Open::Postgres(tx) => tx.rollback().await?,
        }
        Ok(())
    }
}

/// `synchronous = FULL`: an acknowledged snapshot or job outlives a power cut, at one fsync for each commit.
async fn open_sqlite(path: &Path) -> Result<Server> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // What is erased is overwritten with zeros.
        .pragma("secure_delete", "ON")
        .busy_timeout(PATIENCE);
    let pool =
        SqlitePoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE).connect_with(options).await;
    pool.map(Server::Sqlite).map_err(|error| {
        Error::invalid(format!(
            "cannot open the database {}: {error}; its folder must exist, be writable and have room, and an existing file must be a SQLite database",
            path.display()
        ))
    })
}

async fn open_postgres(url: &str) -> Result<Server> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| Error::invalid(format!("the database address cannot be read: {error}")))?
        .application_name("assay");
    // The address may hold a password: messages name its parts.
    let place = format!(
        "{}:{}/{}",
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or(options.get_username())
    );
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE).connect_with(options).await;
    pool.map(Server::Postgres).map_err(|error| match &error {
        sqlx::Error::Database(refusal) => Error::invalid(format!("postgres at {place} refuses: {}", refusal.message())),
        _ => Error::unavailable(format!("postgres at {place} does not answer"), error),
    })
}

async fn database_id(pool: &Pool) -> Result<String> {
    on!(pool, pool => {
        sqlx::query(sql!("meta_put")).bind("database_id").bind(new_id()).execute(pool).await?;
        let (id,): (String,) = sqlx::query_as(sql!("meta_get")).bind("database_id").fetch_one(pool).await?;
        Ok(id)
    })
}

/// Microseconds since 1970-01-01 UTC.
#[expect(clippy::disallowed_methods, reason = "the clock itself")]
pub fn now_micros() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// A new id: UUID version 7, so that ids sort by the time of their making.
pub fn new_id() -> String {
    Uuid::now_v7().to_string()
}

fn unreadable(column: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: error.into() }
}

/// A JSON value kept as text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Json(pub Value);

impl TryFrom<String> for Json {
    type Error = serde_json::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        serde_json::from_str(&text).map(Self)
    }
}
