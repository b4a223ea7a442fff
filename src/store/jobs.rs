//! The queue of long work. A worker holds a job by a lease; each write of it is fenced by that lease, so that a worker that was taken for
//! dead and comes back can neither end the job nor commit its outcome.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{Db, Json, Once, Request, Tx, audit, new_id};
use crate::error::{Error, Result};

const FIRST_RETRY: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// How often a job is begun before it is given up, unless it says otherwise.
pub const ATTEMPTS: i64 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl JobState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the job will not change any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

impl TryFrom<String> for JobState {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not a state of a job"))
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub id: String,
    pub workspace_id: String,
    pub project_id: Option<String>,
    pub kind: String,
    /// What is to be done.
    pub payload: Json,
    pub state: JobState,
    /// How far it is; null before the first report.
    pub progress: Json,
    /// What came of it; null unless done.
    pub result: Json,
    /// Why the last attempt failed.
    pub error: Option<String>,
    pub attempts: i64,
    pub max_attempts: i64,
    /// Not claimed before this time.
    pub run_at: i64,
    pub lease_owner: Option<String>,
    pub lease_until: Option<i64>,
    pub cancel_requested: bool,
    pub created_at: i64,
    pub finished_at: Option<i64>,
    /// 0 is the most urgent, 2 the least.
    pub priority: i64,
    /// The schedule that queued it.
    pub schedule_id: Option<String>,
}

from_row!(Job {
    id,
    workspace_id,
    project_id,
    kind,
    payload: text,
    state: text,
    progress: text,
    result: text,
    error,
    attempts,
    max_attempts,
    run_at,
    lease_owner,
    lease_until,
    cancel_requested,
    created_at,
    finished_at,
    priority,
    schedule_id
});

/// A job to be queued. The id is chosen before the write, so that the answer can be stored together with it.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub id: String,
    pub workspace_id: String,
    pub project_id: Option<String>,
    pub kind: String,
    pub payload: Value,
    pub max_attempts: i64,
    pub run_at: i64,
    pub created_at: i64,
    /// 0, 1 or 2: of the jobs of a workspace the one with the least is claimed first.
    pub priority: i64,
    /// The schedule that queues it, and the time for which it does.
    pub scheduled: Option<(String, i64)>,
}

impl NewJob {
    pub fn new(workspace_id: &str, project_id: Option<&str>, kind: &str, payload: Value, now: i64) -> Self {
        Self {
            id: new_id(),
            workspace_id: workspace_id.to_owned(),
            project_id: project_id.map(str::to_owned),
            kind: kind.to_owned(),
            payload,
            max_attempts: ATTEMPTS,
            run_at: now,
            created_at: now,
            priority: 0,
            scheduled: None,
        }
    }
}

/// The right to work on a job: one attempt of one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub job_id: String,
    pub owner: String,
    pub attempt: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// The lease is extended.
    Held { cancel_requested: bool },
    /// Someone else has the job, or it has ended: stop working.
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Queued again, not before this time.
    Retry { run_at: i64 },
    /// That was the last attempt.
    Final,
    /// The lease was lost; nothing was written.
    Lost,
}

impl Db {
    /// Queues a job together with its idempotency record; the audit row, if one was begun, is completed when the job ends.
    pub async fn enqueue_job(&self, new: &NewJob, request: &Request<'_>) -> Result<Once<Job>> {
        let mut tx = self.begin().await?;
        if let Some(earlier) = request.claim(&mut tx, &new.workspace_id, Some(&new.id), new.created_at).await? {
            return Ok(earlier);
        }
        let job = insert(&mut tx, new).await?;
        if let Some(audit_id) = request.audit_id {
            audit::attach(&mut tx, &new.workspace_id, audit_id, &new.id).await?;
        }
        tx.commit().await?;
        Ok(Once::Done(job))
    }

    /// Extends the lease and reports how far the work is (`None` leaves the last report).
    pub async fn heartbeat_job(&self, lease: &Lease, lease_until: i64, progress: Option<&Value>) -> Result<Heartbeat> {
        let progress = progress.map(Value::to_string);
        let row: Option<(bool,)> = on!(&self.pool, pool => {
            sqlx::query_as(sql!("jobs_heartbeat"))
                .bind(&lease.job_id)
                .bind(&lease.owner)
                .bind(lease.attempt)
                .bind(lease_until)
                .bind(progress)
                .fetch_optional(pool)
                .await
        })?;
        Ok(row.map_or(Heartbeat::Lost, |(cancel_requested,)| Heartbeat::Held { cancel_requested }))
    }

    /// Ends a job whose outcome needs no other write. False when the lease was lost: then nothing is written.
    pub async fn finish_job(&self, lease: &Lease, result: &Value, now: i64) -> Result<bool> {
        self.end_job(lease, JobState::Done, Some(result), None, now).await
    }

    /// Ends a job that was asked to stop. False when the lease was lost.
    pub async fn stop_job(&self, lease: &Lease, now: i64) -> Result<bool> {
        self.end_job(lease, JobState::Cancelled, None, None, now).await
    }

    /// Ends an attempt. With `retry` the job is queued again after a wait that doubles each time, as long as attempts are left.
    pub async fn fail_job(&self, lease: &Lease, error: &str, retry: bool, now: i64) -> Result<Failure> {
        if retry {
            let run_at = now + i64::try_from(backoff(&lease.job_id, lease.attempt).as_micros()).unwrap_or(i64::MAX);
            let rows = on!(&self.pool, pool => {
                sqlx::query(sql!("jobs_retry"))
                    .bind(&lease.job_id)
                    .bind(&lease.owner)
                    .bind(lease.attempt)
                    .bind(error)
                    .bind(run_at)
                    .execute(pool)
                    .await?
                    .rows_affected()
            });
            if rows == 1 {
                return Ok(Failure::Retry { run_at });
            }
        }
        let ended = self.end_job(lease, JobState::Failed, None, Some(error), now).await?;
        Ok(if ended { Failure::Final } else { Failure::Lost })
    }

    /// Gives a job back unfinished, as at a shutdown: it can be claimed at once and the attempt does not count.
    pub async fn release_job(&self, lease: &Lease) -> Result<bool> {
        let rows = on!(&self.pool, pool => {
            sqlx::query(sql!("jobs_release"))
                .bind(&lease.job_id)
                .bind(&lease.owner)
                .bind(lease.attempt)
                .execute(pool)
                .await?
                .rows_affected()
        });
        Ok(rows == 1)
    }

    /// Ends a queued job at once and asks a running one to stop; one that has ended stays as it is. Returns the job as it now is.
    ///
    /// # Errors
    /// `NotFound`, also for a job of another workspace.
    pub async fn cancel_job(&self, workspace: &str, id: &str, now: i64) -> Result<Job> {
        let mut tx = self.begin().await?;
        let job: Option<Job> = within!(&mut tx, conn => {
            sqlx::query_as(sql!("jobs_cancel")).bind(workspace).bind(id).bind(now).fetch_optional(conn).await
        })?;
        let Some(job) = job else {
            tx.rollback().await?;
            return self.job(workspace, id).await;
        };
        if job.state == JobState::Cancelled {
            audit::complete_of_job(&mut tx, id, job.state.as_str(), now).await?;
        }
        tx.commit().await?;
        Ok(job)
    }

    /// # Errors
    /// `NotFound`, also for a job of another workspace.
    pub async fn job(&self, workspace: &str, id: &str) -> Result<Job> {
        let found: Option<Job> = on!(&self.pool, pool => {
            sqlx::query_as(sql!("jobs_get")).bind(workspace).bind(id).fetch_optional(pool).await
        })?;
        found.ok_or_else(|| Error::not_found("job", id))
    }

    /// At most `limit` jobs of the workspace (or of one of its projects), newest first, older than the job `before`.
    pub async fn list_jobs(
        &self,
        workspace: &str,
        project_id: Option<&str>,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Job>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("jobs_list"))
                .bind(workspace)
                .bind(project_id)
                .bind(before)
                .bind(limit)
                .fetch_all(pool)
                .await
        })?)
    }

    /// The same of the jobs in one state.
    pub async fn list_jobs_of_state(
        &self,
        workspace: &str,
        project_id: Option<&str>,
        state: JobState,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Job>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("jobs_list_of_state"))
                .bind(workspace)
                .bind(project_id)
                .bind(before)
                .bind(limit)
                .bind(state.as_str())
                .fetch_all(pool)
                .await
        })?)
    }

    /// Queues a job that failed or was cancelled once more, with [`ATTEMPTS`] new attempts; the audit row is completed when it ends. `None`
    /// when it is in another state. The number of attempts goes on: an attempt of before stays fenced off.
    pub async fn retry_job(&self, workspace: &str, id: &str, audit_id: Option<&str>, now: i64) -> Result<Option<Job>> {
        let mut tx = self.begin().await?;
        let job: Option<Job> = within!(&mut tx, conn => {
            sqlx::query_as(sql!("jobs_again"))
                .bind(workspace)
                .bind(id)
                .bind(now)
                .bind(ATTEMPTS)
                .fetch_optional(conn)
                .await
        })?;
        if let (Some(_), Some(audit_id)) = (&job, audit_id) {
            audit::attach(&mut tx, workspace, audit_id, id).await?;
        }
        tx.commit().await?;
        Ok(job)
    }

    /// Replaces what is to be done by what is left to do. False when the lease was lost: then nothing is written.
    pub async fn note_job(&self, lease: &Lease, payload: &Value) -> Result<bool> {
        let rows = on!(&self.pool, pool => {
            sqlx::query(sql!("jobs_note"))
                .bind(&lease.job_id)
                .bind(&lease.owner)
                .bind(lease.attempt)
                .bind(payload.to_string())
                .execute(pool)
                .await?
                .rows_affected()
        });
        Ok(rows == 1)
    }

    /// The jobs of all workspaces that wait or run.
    pub async fn unended_jobs(&self) -> Result<Vec<Job>> {
        Ok(on!(&self.pool, pool => sqlx::query_as(sql!("jobs_unended")).fetch_all(pool).await)?)
    }

    /// How many jobs of all workspaces wait or run.
    pub async fn count_jobs(&self) -> Result<Vec<(JobState, i64)>> {
        let rows: Vec<(String, i64)> =
            on!(&self.pool, pool => sqlx::query_as(sql!("jobs_count")).fetch_all(pool).await)?;
        rows.into_iter().map(|(state, n)| Ok((JobState::try_from(state).map_err(unreadable)?, n))).collect()
    }

    async fn end_job(
        &self,
        lease: &Lease,
        state: JobState,
        result: Option<&Value>,
        error: Option<&str>,
        now: i64,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let held = end(&mut tx, lease, state, result, error, now).await?;
        tx.commit().await?;
        Ok(held)
    }
}

fn unreadable(reason: String) -> Error {
    Error::Internal(anyhow::anyhow!(reason))
}

pub(super) async fn insert(tx: &mut Tx, new: &NewJob) -> Result<Job> {
    let (schedule_id, due_at) = match &new.scheduled {
        Some((schedule, due)) => (Some(schedule), Some(due)),
        None => (None, None),
    };
    Ok(within!(tx, conn => {
        sqlx::query_as(sql!("jobs_insert"))
            .bind(&new.id)
            .bind(&new.workspace_id)
            .bind(&new.project_id)
            .bind(&new.kind)
            .bind(new.payload.to_string())
            .bind(new.max_attempts)
            .bind(new.run_at)
            .bind(new.created_at)
            .bind(new.priority)
            .bind(schedule_id)
            .bind(due_at)
            .fetch_one(conn)
            .await
    })?)
}

/// Ends the job and its audit row, if the lease still holds.
pub(super) async fn end(
    tx: &mut Tx,
    lease: &Lease,
    state: JobState,
    result: Option<&Value>,
    error: Option<&str>,
    now: i64,
) -> Result<bool> {
    let result = result.map(Value::to_string);
    let rows = within!(tx, conn => {
        sqlx::query(sql!("jobs_end"))
            .bind(&lease.job_id)
            .bind(&lease.owner)
            .bind(lease.attempt)
            .bind(state.as_str())
            .bind(result)
            .bind(error)
            .bind(now)
            .execute(conn)
            .await?
            .rows_affected()
    });
    if rows == 0 {
        return Ok(false);
    }
    let outcome = error.map_or_else(|| state.as_str().to_owned(), |error| format!("failed: {error}"));
    audit::complete_of_job(tx, &lease.job_id, &outcome, now).await?;
    Ok(true)
}

/// 10 s, doubled with each attempt up to an hour, less up to a quarter that depends on the job: jobs that failed together come back apart.
fn backoff(job_id: &str, attempt: i64) -> Duration {
    let doublings = u32::try_from((attempt - 1).clamp(0, 16)).unwrap_or_default();
    let wait = FIRST_RETRY.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let spread = Sha256::digest(format!("{job_id}/{attempt}"))[0];
    wait - wait / 4 * u32::from(spread) / 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour_and_differ_between_jobs() {
        for attempt in 1..40 {
            let full =
                Duration::from_secs(10).saturating_mul(1 << (attempt - 1).min(16)).min(Duration::from_secs(3600));
            let wait = backoff("a", i64::from(attempt));
            assert!(wait <= full && wait > full * 3 / 4 - Duration::from_millis(1), "{attempt}: {wait:?} of {full:?}");
            assert_eq!(wait, backoff("a", i64::from(attempt)));
        }
        let waits: std::collections::BTreeSet<_> = (0..100).map(|job| backoff(&job.to_string(), 3)).collect();
        assert!(waits.len() > 50, "{}", waits.len());
    }

    #[test]
    fn every_state_reads_back() {
        for state in [JobState::Queued, JobState::Running, JobState::Done, JobState::Failed, JobState::Cancelled] {
            assert_eq!(JobState::try_from(state.as_str().to_owned()), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        assert!(JobState::try_from("paused".to_owned()).is_err());
    }
}
