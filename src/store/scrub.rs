//! Rewriting texts that the database keeps of a project, for an erasure, and leaving no old copies of them in its files.

use std::collections::HashSet;

use super::{Access, Db, Server, Tx, probe};
use crate::error::{Error, Result};

const SALT: &str = "erasure_salt";

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Plain,
    Json,
    /// What came of work on the project, for people to read.
    Message,
}

/// Gives a text as it is to be; none when it stays.
pub type Rewrite<'a> = &'a (dyn Fn(Form, &str) -> Option<String> + Sync);

impl Db {
    /// Rewrites what jobs, schedules, snapshots, idempotency records and the audit trail say, in one transaction; returns how many rows that
    /// changes. A dry run counts only. What the job `except` is to do stays.
    pub async fn rewrite_texts(
        &self,
        workspace: &str,
        project_id: &str,
        rewrite: Rewrite<'_>,
        except: Option<&str>,
        dry_run: bool,
    ) -> Result<u64> {
        let mut tx = self.begin().await?;
        let (jobs, mut changed) = rewrite_jobs(&mut tx, project_id, rewrite, except).await?;
        changed += rewrite_schedules(&mut tx, project_id, rewrite).await?;
        changed += rewrite_snapshots(&mut tx, project_id, rewrite).await?;
        changed += rewrite_idempotency(&mut tx, workspace, rewrite).await?;
        changed += rewrite_audit(&mut tx, workspace, project_id, &jobs, rewrite).await?;
        if dry_run {
            tx.rollback().await?;
        } else {
            tx.commit().await?;
        }
        Ok(changed)
    }

    /// Numbers, sources and configs of a project's snapshots.
    pub async fn snapshot_texts(&self, project_id: &str) -> Result<Vec<(i64, String, Option<String>)>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("snapshots_texts")).bind(project_id).fetch_all(pool).await
        })?)
    }

    /// Rewrites the database's files, so that nothing of what was deleted or overwritten is left in them. In Postgres old versions of rows stay
    /// in its write-ahead log and in backups for as long as those are kept.
    ///
    /// # Errors
    /// `Unavailable` when another process reads the database all the while.
    pub async fn drop_old_versions(&self) -> Result<()> {
        probe::before(&self.pool.probe, Access::Statement)?;
        match &self.pool.server {
            Server::Sqlite(pool) => {
                sqlx::query(sql!("compact.sqlite")).execute(pool).await?;
                let (busy, _, _): (i64, i64, i64) = sqlx::query_as(sql!("checkpoint.sqlite")).fetch_one(pool).await?;
                if busy != 0 {
                    return Err(Error::Unavailable {
                        message: "another process reads the database, so that its log cannot be emptied; run it again"
                            .to_owned(),
                        source: None,
                    });
                }
            }
            Server::Postgres(pool) => {
                sqlx::query(sql!("compact.postgres")).execute(pool).await?;
            }
        }
        probe::after(&self.pool.probe, Access::Statement)
    }

    /// A random text, made once, that what is erased is hashed with.
    pub async fn erasure_salt(&self) -> Result<String> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|e| Error::unavailable("the system gives no random numbers", anyhow::anyhow!("{e}")))?;
        let new: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        on!(&self.pool, pool => {
            sqlx::query(sql!("meta_put")).bind(SALT).bind(&new).execute(pool).await?;
        });
        let (salt,): (String,) =
            on!(&self.pool, pool => sqlx::query_as(sql!("meta_get")).bind(SALT).fetch_one(pool).await)?;
        Ok(salt)
    }
}

/// The new text, or the old one, noting whether it changed.
fn renew(rewrite: Rewrite<'_>, form: Form, text: String, changed: &mut bool) -> String {
    match rewrite(form, &text) {
        Some(new) => {
            *changed = true;
            new
        }
        None => text,
    }
}

/// Returns the ids of the project's jobs, and how many changed.
async fn rewrite_jobs(
    tx: &mut Tx,
    project_id: &str,
    rewrite: Rewrite<'_>,
    except: Option<&str>,
) -> Result<(HashSet<String>, u64)> {
    let rows: Vec<(String, String, String, String, Option<String>)> = within!(tx, conn => {
        sqlx::query_as(sql!("jobs_texts")).bind(project_id).fetch_all(conn).await
    })?;
    let (mut ids, mut changed) = (HashSet::new(), 0);
    for (id, payload, progress, result, error) in rows {
        let mut differs = false;
        let payload = match except {
            Some(except) if except == id => payload,
            _ => renew(rewrite, Form::Json, payload, &mut differs),
        };
        let progress = renew(rewrite, Form::Json, progress, &mut differs);
        let result = renew(rewrite, Form::Json, result, &mut differs);
        let error = error.map(|error| renew(rewrite, Form::Message, error, &mut differs));
        if differs {
            changed += 1;
            within!(tx, conn => {
                sqlx::query(sql!("jobs_rewrite"))
                    .bind(&id)
                    .bind(payload)
                    .bind(progress)
                    .bind(result)
                    .bind(error)
                    .execute(conn)
                    .await?;
            });
        }
        ids.insert(id);
    }
    Ok((ids, changed))
}

async fn rewrite_schedules(tx: &mut Tx, project_id: &str, rewrite: Rewrite<'_>) -> Result<u64> {
    let rows: Vec<(String, String)> = within!(tx, conn => {
        sqlx::query_as(sql!("schedules_texts")).bind(project_id).fetch_all(conn).await
    })?;
    let mut changed = 0;
    for (id, payload) in rows {
        let mut differs = false;
        let payload = renew(rewrite, Form::Json, payload, &mut differs);
        if differs {
            changed += 1;
            within!(tx, conn => {
                sqlx::query(sql!("schedules_rewrite")).bind(&id).bind(payload).execute(conn).await?;
            });
        }
    }
    Ok(changed)
}

async fn rewrite_snapshots(tx: &mut Tx, project_id: &str, rewrite: Rewrite<'_>) -> Result<u64> {
    let rows: Vec<(i64, String, Option<String>)> = within!(tx, conn => {
        sqlx::query_as(sql!("snapshots_texts")).bind(project_id).fetch_all(conn).await
    })?;
    let mut changed = 0;
    for (number, sources, config) in rows {
        let mut differs = false;
        let sources = renew(rewrite, Form::Json, sources, &mut differs);
        let config = config.map(|config| renew(rewrite, Form::Plain, config, &mut differs));
        if differs {
            changed += 1;
            within!(tx, conn => {
                sqlx::query(sql!("snapshots_rewrite"))
                    .bind(project_id)
                    .bind(number)
                    .bind(sources)
                    .bind(config)
                    .execute(conn)
                    .await?;
            });
        }
    }
    Ok(changed)
}

async fn rewrite_idempotency(tx: &mut Tx, workspace: &str, rewrite: Rewrite<'_>) -> Result<u64> {
    let rows: Vec<(String, String)> = within!(tx, conn => {
        sqlx::query_as(sql!("idempotency_texts")).bind(workspace).fetch_all(conn).await
    })?;
    let mut changed = 0;
    for (key, body) in rows {
        let mut differs = false;
        let body = renew(rewrite, Form::Json, body, &mut differs);
        let names = rewrite(Form::Plain, &key).is_some();
        if names {
            within!(tx, conn => {
                sqlx::query(sql!("idempotency_forget")).bind(workspace).bind(&key).execute(conn).await?;
            });
        } else if differs {
            within!(tx, conn => {
                sqlx::query(sql!("idempotency_rewrite")).bind(workspace).bind(&key).bind(body).execute(conn).await?;
            });
        }
        changed += u64::from(names || differs);
    }
    Ok(changed)
}

async fn rewrite_audit(
    tx: &mut Tx,
    workspace: &str,
    project_id: &str,
    jobs: &HashSet<String>,
    rewrite: Rewrite<'_>,
) -> Result<u64> {
    let rows: Vec<(String, String, Option<String>, Option<String>)> = within!(tx, conn => {
        sqlx::query_as(sql!("audit_texts")).bind(workspace).fetch_all(conn).await
    })?;
    let mut changed = 0;
    for (id, target, outcome, job_id) in rows {
        let mut differs = false;
        let of_project = target == project_id || job_id.is_some_and(|job| jobs.contains(&job));
        let form = if of_project { Form::Message } else { Form::Plain };
        let target = renew(rewrite, Form::Plain, target, &mut differs);
        let outcome = outcome.map(|outcome| renew(rewrite, form, outcome, &mut differs));
        if differs {
            changed += 1;
            within!(tx, conn => {
                sqlx::query(sql!("audit_rewrite"))
                    .bind(workspace)
                    .bind(&id)
                    .bind(target)
                    .bind(outcome)
                    .execute(conn)
                    .await?;
            });
        }
    }
    Ok(changed)
}
