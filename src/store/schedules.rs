//! Schedules: jobs that are queued again and again. Whoever enqueues for a due time compares and swaps the next one, so that however many servers
//! look, one of them does it once.

use serde_json::Value;

use super::audit::{self, NewAudit};
use super::{Db, Job, Json, NewJob, Once, Request, jobs, new_id};
use crate::error::{Error, Result};

#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub id: String,
    pub workspace_id: String,
    pub project_id: String,
    /// Of the jobs that it queues.
    pub kind: String,
    /// What they are to do.
    pub payload: Json,
    /// Five fields, UTC.
    pub cron: String,
    /// Who made it.
    pub actor: String,
    pub created_at: i64,
    /// The next time for which a job is queued.
    pub next_at: i64,
}

from_row!(Schedule { id, workspace_id, project_id, kind, payload: text, cron, actor, created_at, next_at });

#[derive(Debug, Clone)]
pub struct NewSchedule {
    pub id: String,
    pub workspace_id: String,
    pub project_id: String,
    pub kind: String,
    pub payload: Value,
    pub cron: String,
    pub actor: String,
    pub created_at: i64,
    pub next_at: i64,
}

impl Db {
    /// Stores a schedule together with its idempotency record, and completes the audit row.
    pub async fn add_schedule(&self, new: &NewSchedule, request: &Request<'_>) -> Result<Once<()>> {
        let mut tx = self.begin().await?;
        if let Some(earlier) = request.claim(&mut tx, &new.workspace_id, None, new.created_at).await? {
            return Ok(earlier);
        }
        within!(&mut tx, conn => {
            sqlx::query(sql!("schedules_insert"))
                .bind(&new.id)
                .bind(&new.workspace_id)
                .bind(&new.project_id)
                .bind(&new.kind)
                .bind(new.payload.to_string())
                .bind(&new.cron)
                .bind(&new.actor)
                .bind(new.created_at)
                .bind(new.next_at)
                .execute(conn)
                .await?;
        });
        request.complete_audit(&mut tx, &new.workspace_id, new.created_at).await?;
        tx.commit().await?;
        Ok(Once::Done(()))
    }

    /// # Errors
    /// `NotFound`, also for a schedule of another workspace.
    pub async fn schedule(&self, workspace: &str, id: &str) -> Result<Schedule> {
        let found: Option<Schedule> = on!(&self.pool, pool => {
            sqlx::query_as(sql!("schedules_get")).bind(workspace).bind(id).fetch_optional(pool).await
        })?;
        found.ok_or_else(|| Error::not_found("schedule", id))
    }

    /// At most `limit` schedules of the workspace (or of one of its projects), oldest first, after the schedule `after`.
    pub async fn list_schedules(
        &self,
        workspace: &str,
        project_id: Option<&str>,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Schedule>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("schedules_list"))
                .bind(workspace)
                .bind(project_id)
                .bind(after)
                .bind(limit)
                .fetch_all(pool)
                .await
        })?)
    }

    /// Removes a schedule; jobs that it has queued stay.
    ///
    /// # Errors
    /// `NotFound`, also for a schedule of another workspace.
    pub async fn remove_schedule(&self, workspace: &str, id: &str) -> Result<()> {
        let rows = on!(&self.pool, pool => {
            sqlx::query(sql!("schedules_delete")).bind(workspace).bind(id).execute(pool).await?.rows_affected()
        });
        if rows == 1 { Ok(()) } else { Err(Error::not_found("schedule", id)) }
    }

    /// At most `limit` schedules of all workspaces that are due, those that are due for longest first.
    pub async fn due_schedules(&self, now: i64, limit: i64) -> Result<Vec<Schedule>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("schedules_due")).bind(now).bind(limit).fetch_all(pool).await
        })?)
    }

    /// Queues the job of a due time with its audit row, and sets the schedule to `next_at`, in one transaction. None when somebody else has done
    /// so, or when a job of the schedule still waits: it will do what this one would.
    pub async fn enqueue_scheduled(&self, schedule: &Schedule, new: &NewJob, next_at: i64) -> Result<Option<Job>> {
        let mut tx = self.begin().await?;
        let rows = within!(&mut tx, conn => {
            sqlx::query(sql!("schedules_advance"))
                .bind(&schedule.id)
                .bind(schedule.next_at)
                .bind(next_at)
                .execute(conn)
                .await?
                .rows_affected()
        });
        if rows == 0 {
            tx.rollback().await?;
            return Ok(None);
        }
        let waiting: Option<(String,)> = within!(&mut tx, conn => {
            sqlx::query_as(sql!("schedules_waiting")).bind(&schedule.id).fetch_optional(conn).await
        })?;
        if waiting.is_some() {
            tx.commit().await?;
            return Ok(None);
        }
        let job = jobs::insert(&mut tx, new).await?;
        let row = NewAudit {
            workspace_id: &schedule.workspace_id,
            actor: &format!("schedule:{}", schedule.id),
            action: &schedule.kind,
            target: &schedule.project_id,
            request_id: &new_id(),
        };
        let audit_id = audit::insert(&mut tx, row, new.created_at).await?;
        audit::attach(&mut tx, &schedule.workspace_id, &audit_id, &job.id).await?;
        tx.commit().await?;
        Ok(Some(job))
    }
}
