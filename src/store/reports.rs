//! The index of reports that lie in storage. A report is a pure function of its key, so a row never changes its meaning.

use super::Db;
use crate::error::Result;

/// What a stored report is a function of.
#[derive(Debug, Clone, Copy)]
pub struct ReportKey<'a> {
    pub project_id: &'a str,
    pub snapshot: i64,
    /// `agreement` …
    pub kind: &'a str,
    /// SHA-256 of the canonical parameters, in hex.
    pub params_hash: &'a str,
    /// Raised when figures of this kind can change.
    pub figure_version: i64,
}

impl Db {
    /// Records where a report lies; a second writer of the same report replaces the path. False, and nothing recorded, when its snapshot
    /// was taken back meanwhile.
    pub async fn put_report(&self, key: ReportKey<'_>, path: &str, now: i64) -> Result<bool> {
        let rows = on!(&self.pool, pool => {
            sqlx::query(sql!("reports_put"))
                .bind(key.project_id)
                .bind(key.snapshot)
                .bind(key.kind)
                .bind(key.params_hash)
                .bind(key.figure_version)
                .bind(path)
                .bind(now)
                .execute(pool)
                .await?
                .rows_affected()
        });
        Ok(rows == 1)
    }

    /// Snapshot and folder of every report of a project that is in the index.
    pub async fn project_reports(&self, project_id: &str) -> Result<Vec<(i64, String)>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("reports_of_project")).bind(project_id).fetch_all(pool).await
        })?)
    }

    /// Where the report lies, if it was made before.
    pub async fn report_path(&self, key: ReportKey<'_>) -> Result<Option<String>> {
        let row: Option<(String,)> = on!(&self.pool, pool => {
            sqlx::query_as(sql!("reports_get"))
                .bind(key.project_id)
                .bind(key.snapshot)
                .bind(key.kind)
                .bind(key.params_hash)
                .bind(key.figure_version)
                .fetch_optional(pool)
                .await
        })?;
        Ok(row.map(|(path,)| path))
    }
}
