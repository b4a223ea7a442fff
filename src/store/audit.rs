//! The audit trail. A row is written before the act and completed with it, so that an act that was cut short is seen too.

use super::{Db, Tx, new_id};
use crate::error::Result;

#[derive(Debug, Clone, Copy)]
pub struct NewAudit<'a> {
    pub workspace_id: &'a str,
    /// Who: `key:<key id>`, `user:<user id>`, `schedule:<schedule id>`, `local`, `cli` or `demo`. Of a login that failed: who it claimed to be.
    pub actor: &'a str,
    /// What: `project.create`, `import`, `login` …
    pub action: &'a str,
    /// On what: a project's id, a job's id, `user:<user id>`, `address:<IP address>` …
    pub target: &'a str,
    /// The request's; of a command one of its own.
    pub request_id: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    pub id: String,
    pub workspace_id: String,
    pub actor: String,
    pub action: String,
    pub target: String,
    pub request_id: String,
    /// The job in which the act goes on.
    pub job_id: Option<String>,
    pub started_at: i64,
    pub finished_at: Option<i64>,
    /// `done`, `cancelled`, or `failed: …`; null while the act goes on, and for ever if it was cut short.
    pub outcome: Option<String>,
}

from_row!(AuditRow { id, workspace_id, actor, action, target, request_id, job_id, started_at, finished_at, outcome });

/// Which acts; by default all.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuditFilter<'a> {
    pub actor: Option<&'a str>,
    pub action: Option<&'a str>,
    /// Begun at this time or later.
    pub from: Option<i64>,
    /// Begun before this time.
    pub to: Option<i64>,
}

impl Db {
    /// Writes the row of an act that is about to begin; returns its id.
    pub async fn begin_audit(&self, new: NewAudit<'_>, now: i64) -> Result<String> {
        let id = new_id();
        on!(&self.pool, pool => {
            sqlx::query(sql!("audit_insert"))
                .bind(&id)
                .bind(new.workspace_id)
                .bind(new.actor)
                .bind(new.action)
                .bind(new.target)
                .bind(new.request_id)
                .bind(now)
                .execute(pool)
                .await?;
        });
        Ok(id)
    }

    /// Completes a row; one that is complete stays as it is.
    pub async fn complete_audit(&self, workspace: &str, id: &str, outcome: &str, now: i64) -> Result<()> {
        let mut tx = self.begin().await?;
        complete(&mut tx, workspace, id, outcome, now).await?;
        tx.commit().await
    }

    /// At most `limit` rows, newest first, older than the row `before`.
    pub async fn list_audit(&self, workspace: &str, before: Option<&str>, limit: i64) -> Result<Vec<AuditRow>> {
        self.search_audit(workspace, AuditFilter::default(), before, limit).await
    }

    /// The same, of the rows that the filter lets through.
    pub async fn search_audit(
        &self,
        workspace: &str,
        filter: AuditFilter<'_>,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<AuditRow>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("audit_list"))
                .bind(workspace)
                .bind(before)
                .bind(filter.actor)
                .bind(filter.action)
                .bind(filter.from)
                .bind(filter.to)
                .bind(limit)
                .fetch_all(pool)
                .await
        })?)
    }

    /// The acts on one target, oldest first.
    pub async fn audit_of_target(&self, workspace: &str, target: &str) -> Result<Vec<AuditRow>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("audit_of_target")).bind(workspace).bind(target).fetch_all(pool).await
        })?)
    }
}

/// The row of an act that begins within a transaction of its own.
pub(super) async fn insert(tx: &mut Tx, new: NewAudit<'_>, now: i64) -> Result<String> {
    let id = new_id();
    within!(tx, conn => {
        sqlx::query(sql!("audit_insert"))
            .bind(&id)
            .bind(new.workspace_id)
            .bind(new.actor)
            .bind(new.action)
            .bind(new.target)
            .bind(new.request_id)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(id)
}

pub(super) async fn complete(tx: &mut Tx, workspace: &str, id: &str, outcome: &str, now: i64) -> Result<()> {
    within!(tx, conn => {
        sqlx::query(sql!("audit_complete")).bind(workspace).bind(id).bind(now).bind(outcome).execute(conn).await?;
    });
    Ok(())
}

/// Completes the row of the act that went on in this job.
pub(super) async fn complete_of_job(tx: &mut Tx, job_id: &str, outcome: &str, now: i64) -> Result<()> {
    within!(tx, conn => {
        sqlx::query(sql!("audit_complete_by_job")).bind(job_id).bind(now).bind(outcome).execute(conn).await?;
    });
    Ok(())
}

/// Completes the row of an act on this project.
pub(super) async fn complete_of_project(tx: &mut Tx, project_id: &str, id: &str, now: i64) -> Result<()> {
    within!(tx, conn => {
        sqlx::query(sql!("audit_complete_by_project")).bind(project_id).bind(id).bind(now).bind("done").execute(conn).await?;
    });
    Ok(())
}

/// Hands the row over to a job: it is completed when the job ends.
pub(super) async fn attach(tx: &mut Tx, workspace: &str, id: &str, job_id: &str) -> Result<()> {
    within!(tx, conn => {
        sqlx::query(sql!("audit_attach")).bind(workspace).bind(id).bind(job_id).execute(conn).await?;
    });
    Ok(())
}
