//! Whose job is next. Workspaces take turns, so that one with a thousand jobs cannot keep another waiting; in a workspace the most urgent job
//! goes first, then the one that has waited longest.

use super::{Db, Job, JobState, Lease, Server, Tx, jobs};
use crate::error::Result;

impl Db {
    /// Takes the next job of one of these kinds, for one more attempt: of the workspace with the fewest running jobs, then of the one whose turn
    /// was longest ago. Jobs whose worker has let its lease run out wait again. Jobs that were given up by the worker of their last
    /// attempt, or after being asked to stop, are ended on the way.
    pub async fn claim_job(
        &self,
        owner: &str,
        now: i64,
        lease_until: i64,
        kinds: &[&str],
    ) -> Result<Option<(Job, Lease)>> {
        let kinds = format!(",{},", kinds.join(","));
        loop {
            let mut tx = self.begin().await?;
            self.claim_alone(&mut tx).await?;
            reap(&mut tx, now).await?;
            let Some(job) = take(&mut tx, owner, now, lease_until, &kinds).await? else {
                tx.commit().await?;
                return Ok(None);
            };
            let lease = Lease { job_id: job.id.clone(), owner: owner.to_owned(), attempt: job.attempts };
            if job.cancel_requested {
                jobs::end(&mut tx, &lease, JobState::Cancelled, None, None, now).await?;
            } else if job.attempts > job.max_attempts {
                let error = format!("the worker stopped without a word in the last of {} attempts", job.max_attempts);
                jobs::end(&mut tx, &lease, JobState::Failed, None, Some(&error), now).await?;
            } else {
                note_turn(&mut tx, &job.workspace_id, now).await?;
                tx.commit().await?;
                return Ok(Some((job, lease)));
            }
            tx.commit().await?;
        }
    }

    /// Two workers that look at the same time would see the same workspace at its turn: on Postgres they wait for each other here, on SQLite a
    /// write transaction is alone anyway.
    async fn claim_alone(&self, tx: &mut Tx) -> Result<()> {
        if let (Server::Postgres(_), super::Open::Postgres(tx)) = (&self.pool.server, &mut tx.open) {
            sqlx::query(sql!("jobs_alone.postgres")).execute(&mut **tx).await?;
        }
        Ok(())
    }
}

/// A worker that is silent for longer than its lease is taken for dead: its jobs wait again, and what it still writes is fenced off.
async fn reap(tx: &mut Tx, now: i64) -> Result<()> {
    within!(tx, conn => {
        sqlx::query(sql!("jobs_reap")).bind(now).execute(conn).await?;
    });
    Ok(())
}

async fn take(tx: &mut Tx, owner: &str, now: i64, lease_until: i64, kinds: &str) -> Result<Option<Job>> {
    Ok(within!(tx, conn => {
        sqlx::query_as(sql!("jobs_claim")).bind(owner).bind(lease_until).bind(now).bind(kinds).fetch_optional(conn).await
    })?)
}

async fn note_turn(tx: &mut Tx, workspace: &str, now: i64) -> Result<()> {
    within!(tx, conn => {
        sqlx::query(sql!("jobs_turn")).bind(workspace).bind(now).execute(conn).await?;
    });
    Ok(())
}
