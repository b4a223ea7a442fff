//! Brings the tables up to date. Migrations only ever run forward, and only one process at a time runs them.

use std::sync::LazyLock;

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::Server;
use crate::error::{Error, Result};

macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration::new(
            $version,
            $name.into(),
            MigrationType::Simple,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/queries/migrations/000", $version, "_", $name, ".sql"))
                .into_sql_str(),
            false,
        )
    };
}

static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    Migrator::with_migrations(vec![
        migration!(1, "init"),
        migration!(2, "snapshot_life"),
        migration!(4, "publish_leases"),
        migration!(5, "members"),
        migration!(6, "jobs"),
    ])
});

/// Postgres serialises migrators by an advisory lock of its own; SQLite has none, so there one transaction with the write lock spans all.
/// (`Migrator::run` is generic over how a connection is had, and its future cannot be shown to be `Send`; `run_direct` is what it calls.)
pub(super) async fn run(server: &Server) -> Result<()> {
    let outcome = match server {
        Server::Sqlite(pool) => {
            let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
            let outcome = MIGRATOR.run_direct(None, &mut *tx, false).await;
            if outcome.is_ok() {
                tx.commit().await?;
            }
            outcome
        }
        Server::Postgres(pool) => MIGRATOR.run_direct(None, &mut *pool.acquire().await?, false).await,
    };
    outcome.map_err(|error| match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_) => Error::invalid(format!(
            "the metadata database was written by another version of assay ({error}); use that version or a newer one"
        )),
        other => Error::internal(anyhow::Error::new(other).context("bringing the metadata database up to date")),
    })
}
