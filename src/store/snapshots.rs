//! Snapshots of a project and the files they consist of. A snapshot becomes visible in one transaction or not at all.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Db, JobState, Json, Lease, Tx, audit, jobs};
use crate::error::{Error, Result};

#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub project_id: String,
    /// 1, 2, 3 … in a project.
    pub number: i64,
    /// 0 for the first.
    pub parent: i64,
    pub buckets: i64,
    pub schema_version: i64,
    pub created_at: i64,
    pub actor: String,
    /// The labelling config (XML). Left out of lists.
    pub config: Option<String>,
    /// What it was imported from.
    pub sources: Json,
    pub counts: Counts,
    pub job_id: Option<String>,
    pub operation: Operation,
    pub changes: Changes,
    /// When it was taken back; null while it can be read.
    pub retired_at: Option<i64>,
    /// `retention` or `erasure`.
    pub retired_by: Option<String>,
}

from_row!(Snapshot {
    project_id,
    number,
    parent,
    buckets,
    schema_version,
    created_at,
    actor,
    config,
    sources: text,
    counts: text,
    job_id,
    operation: text,
    changes: text,
    retired_at,
    retired_by
});

/// What made a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Import,
    /// The same rows in other files.
    Compact,
    /// Without what was known of a person or an item.
    Erase,
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Compact => "compact",
            Self::Erase => "erase",
        }
    }
}

impl TryFrom<String> for Operation {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        [Self::Import, Self::Compact, Self::Erase]
            .into_iter()
            .find(|operation| operation.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not an operation that makes snapshots"))
    }
}

/// Why a snapshot was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retirement {
    Retention,
    Erasure,
}

impl Retirement {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Erasure => "erasure",
        }
    }
}

/// How the rows of a snapshot differ from its parent's, by their ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Changes {
    pub items: Change,
    /// Submitted annotations and drafts.
    pub annotations: Change,
    pub predictions: Change,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SnapshotChange)]
pub struct Change {
    pub new: u64,
    pub changed: u64,
    pub removed: u64,
}

impl TryFrom<String> for Changes {
    type Error = serde_json::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        serde_json::from_str(&text)
    }
}

/// What a snapshot holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    pub items: u64,
    /// Submitted annotations and drafts; predictions are counted apart.
    pub annotations: u64,
    pub predictions: u64,
    pub results: u64,
    pub raters: u64,
    pub rejects: u64,
    /// Size of its files.
    pub bytes: u64,
    /// What the rows that are split into buckets take in memory; 0 in snapshots that are older than this figure.
    pub memory: u64,
}

impl TryFrom<String> for Counts {
    type Error = serde_json::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        serde_json::from_str(&text)
    }
}

/// One immutable Parquet file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    pub id: String,
    /// `items`, `annotations` …
    pub tbl: String,
    pub bucket: i64,
    /// From the root of the storage.
    pub path: String,
    pub rows: i64,
    pub bytes: i64,
    /// The least and the greatest item id in it; null where a table has none.
    pub min_item: Option<String>,
    pub max_item: Option<String>,
    pub checksum: String,
    pub added_in: i64,
    pub removed_in: Option<i64>,
}

from_row!(DataFile { id, tbl, bucket, path, rows, bytes, min_item, max_item, checksum, added_in, removed_in });

impl DataFile {
    /// Whether snapshot `number` consists of this file among others.
    pub fn is_of(&self, number: i64) -> bool {
        self.added_in <= number && self.removed_in.is_none_or(|removed| number < removed)
    }
}

#[derive(Debug, Clone)]
pub struct NewFile {
    pub id: String,
    pub tbl: String,
    pub bucket: i64,
    pub path: String,
    pub rows: i64,
    pub bytes: i64,
    pub min_item: Option<String>,
    pub max_item: Option<String>,
    pub checksum: String,
}

/// A snapshot to be committed on top of its parent.
#[derive(Debug, Clone)]
pub struct NewSnapshot {
    pub project_id: String,
    /// The newest snapshot when the merge began; 0 for none.
    pub parent: i64,
    pub buckets: i64,
    pub schema_version: i64,
    pub created_at: i64,
    pub actor: String,
    pub config: Option<String>,
    pub sources: Value,
    pub counts: Counts,
    pub operation: Operation,
    pub changes: Changes,
    /// Ids of the parent's files that this snapshot no longer holds.
    pub removed: Vec<String>,
    pub added: Vec<NewFile>,
    /// The job that this snapshot ends.
    pub job: Option<JobEnd>,
    /// The audit row of an act without a job.
    pub audit_id: Option<String>,
}

impl NewSnapshot {
    /// The number that it will have.
    pub fn number(&self) -> i64 {
        self.parent + 1
    }
}

#[derive(Debug, Clone)]
pub struct JobEnd {
    pub lease: Lease,
    pub result: Value,
}

/// How a commit came out. Only `Done` has written anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    Done,
    /// Someone else has committed on the parent: merge again on top of the newest snapshot.
    ParentMoved,
    /// The job is in other hands, or has ended: stop.
    LeaseLost,
}

impl Db {
    /// Makes the snapshot visible, ends its job and completes its audit row, in one transaction.
    ///
    /// # Errors
    /// `NotFound` when there is no such project; `Internal` when a file to be removed is not one of the parent's.
    pub async fn commit_snapshot(&self, new: &NewSnapshot) -> Result<Commit> {
        let mut tx = self.begin().await?;
        if !end_job(&mut tx, new).await? {
            tx.rollback().await?;
            return Ok(Commit::LeaseLost);
        }
        if !advance(&mut tx, new).await? {
            tx.rollback().await?;
            return self.parent_moved(&new.project_id).await;
        }
        insert(&mut tx, new).await?;
        for id in &new.removed {
            remove_file(&mut tx, new, id).await?;
        }
        for file in &new.added {
            add_file(&mut tx, new, file).await?;
        }
        if let Some(audit_id) = &new.audit_id {
            audit::complete_of_project(&mut tx, &new.project_id, audit_id, new.created_at).await?;
        }
        tx.commit().await?;
        Ok(Commit::Done)
    }

    async fn parent_moved(&self, project_id: &str) -> Result<Commit> {
        let row: Option<(i32,)> = on!(&self.pool, pool => sqlx::query_as(sql!("projects_exists")).bind(project_id).fetch_optional(pool).await)?;
        row.map(|_| Commit::ParentMoved).ok_or_else(|| Error::not_found("project", project_id))
    }

    /// The newest snapshot; none before the first import.
    pub async fn latest_snapshot(&self, project_id: &str) -> Result<Option<Snapshot>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("snapshots_latest")).bind(project_id).fetch_optional(pool).await
        })?)
    }

    /// The newest snapshots of the projects that [`Db::list_projects`] gives for the same arguments, without configs.
    pub async fn latest_snapshots(&self, workspace: &str, after: Option<&str>, limit: i64) -> Result<Vec<Snapshot>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("snapshots_latest_of_list")).bind(workspace).bind(after).bind(limit).fetch_all(pool).await
        })?)
    }

    /// # Errors
    /// `NotFound`; `Gone` when retention or an erasure has taken it back.
    pub async fn snapshot(&self, project_id: &str, number: i64) -> Result<Snapshot> {
        let found: Option<Snapshot> = on!(&self.pool, pool => {
            sqlx::query_as(sql!("snapshots_get")).bind(project_id).bind(number).fetch_optional(pool).await
        })?;
        let snapshot = found.ok_or_else(|| Error::not_found("snapshot", number))?;
        match snapshot.retired_by {
            Some(why) => Err(Error::Gone(format!("snapshot {number} was taken back by {why}; use a newer one"))),
            None => Ok(snapshot),
        }
    }

    /// Takes snapshots back, all in one transaction with the rows of their reports: from now on they are [`Error::Gone`]. Returns those
    /// that were not gone already. The newest stays.
    pub async fn retire_snapshots(
        &self,
        project_id: &str,
        numbers: &[i64],
        by: Retirement,
        audit_id: Option<&str>,
        now: i64,
    ) -> Result<Vec<i64>> {
        let mut tx = self.begin().await?;
        let mut retired = Vec::new();
        for &number in numbers {
            if retire(&mut tx, project_id, number, by, now).await? {
                retired.push(number);
            }
        }
        if let Some(audit_id) = audit_id {
            audit::complete_of_project(&mut tx, project_id, audit_id, now).await?;
        }
        tx.commit().await?;
        Ok(retired)
    }

    /// The same for a job that ends with it. False when its lease was lost: then nothing is written.
    pub async fn retire_snapshots_and_end(
        &self,
        project_id: &str,
        numbers: &[i64],
        by: Retirement,
        job: &JobEnd,
        now: i64,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        if !jobs::end(&mut tx, &job.lease, JobState::Done, Some(&job.result), None, now).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        for &number in numbers {
            retire(&mut tx, project_id, number, by, now).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Snapshots, also retired ones, of which the copy in storage is missing or says something else; oldest first.
    pub async fn uncopied_snapshots(&self, project_id: &str) -> Result<Vec<Snapshot>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("snapshots_uncopied")).bind(project_id).fetch_all(pool).await
        })?)
    }

    /// Notes that storage has a copy of this row, unless it was retired meanwhile.
    pub async fn mark_copied(&self, snapshot: &Snapshot) -> Result<()> {
        on!(&self.pool, pool => {
            sqlx::query(sql!("snapshots_copied"))
                .bind(&snapshot.project_id)
                .bind(snapshot.number)
                .bind(snapshot.retired_at)
                .execute(pool)
                .await?;
        });
        Ok(())
    }

    /// At most `limit` snapshots, also retired ones, newest first, older than number `before`, without configs.
    pub async fn list_snapshots(&self, project_id: &str, before: Option<i64>, limit: i64) -> Result<Vec<Snapshot>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("snapshots_list")).bind(project_id).bind(before).bind(limit).fetch_all(pool).await
        })?)
    }

    /// The files that a snapshot consists of, by table and bucket.
    pub async fn snapshot_files(&self, project_id: &str, number: i64) -> Result<Vec<DataFile>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("files_of_snapshot")).bind(project_id).bind(number).fetch_all(pool).await
        })?)
    }

    /// Every file of the project that the catalog knows, also those of retired snapshots.
    pub async fn project_files(&self, project_id: &str) -> Result<Vec<DataFile>> {
        Ok(on!(&self.pool, pool => {
            sqlx::query_as(sql!("files_of_project")).bind(project_id).fetch_all(pool).await
        })?)
    }

    /// Drops the rows of files that are deleted and in no kept snapshot.
    pub async fn forget_files(&self, project_id: &str, ids: &[String]) -> Result<()> {
        let mut tx = self.begin().await?;
        for id in ids {
            within!(&mut tx, conn => {
                sqlx::query(sql!("files_forget")).bind(project_id).bind(id).execute(conn).await?;
            });
        }
        tx.commit().await
    }
}

async fn end_job(tx: &mut Tx, new: &NewSnapshot) -> Result<bool> {
    match &new.job {
        Some(JobEnd { lease, result }) => {
            jobs::end(tx, lease, JobState::Done, Some(result), None, new.created_at).await
        }
        None => Ok(true),
    }
}

/// Compare and swap on the project's row: of two committers on one parent the second waits for the first and then finds it moved.
async fn advance(tx: &mut Tx, new: &NewSnapshot) -> Result<bool> {
    let rows = within!(tx, conn => {
        sqlx::query(sql!("projects_advance"))
            .bind(&new.project_id)
            .bind(new.number())
            .bind(new.parent)
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(rows == 1)
}

async fn insert(tx: &mut Tx, new: &NewSnapshot) -> Result<()> {
    let counts = serde_json::to_string(&new.counts).map_err(Error::internal)?;
    let changes = serde_json::to_string(&new.changes).map_err(Error::internal)?;
    within!(tx, conn => {
        sqlx::query(sql!("snapshots_insert"))
            .bind(&new.project_id)
            .bind(new.number())
            .bind(new.parent)
            .bind(new.buckets)
            .bind(new.schema_version)
            .bind(new.created_at)
            .bind(&new.actor)
            .bind(&new.config)
            .bind(new.sources.to_string())
            .bind(counts)
            .bind(new.job.as_ref().map(|job| &job.lease.job_id))
            .bind(new.operation.as_str())
            .bind(changes)
            .execute(conn)
            .await?;
    });
    Ok(())
}

async fn retire(tx: &mut Tx, project_id: &str, number: i64, by: Retirement, now: i64) -> Result<bool> {
    let rows = within!(tx, conn => {
        sqlx::query(sql!("snapshots_retire"))
            .bind(project_id)
            .bind(number)
            .bind(now)
            .bind(by.as_str())
            .execute(conn)
            .await?
            .rows_affected()
    });
    if rows == 1 {
        within!(tx, conn => {
            sqlx::query(sql!("reports_forget")).bind(project_id).bind(number).execute(conn).await?;
        });
    }
    Ok(rows == 1)
}

async fn remove_file(tx: &mut Tx, new: &NewSnapshot, id: &str) -> Result<()> {
    let rows = within!(tx, conn => {
        sqlx::query(sql!("files_remove"))
            .bind(&new.project_id)
            .bind(id)
            .bind(new.number())
            .execute(conn)
            .await?
            .rows_affected()
    });
    if rows == 1 {
        return Ok(());
    }
    Err(Error::Internal(anyhow::anyhow!(
        "file {id} is not one of snapshot {} of project {}",
        new.parent,
        new.project_id
    )))
}

async fn add_file(tx: &mut Tx, new: &NewSnapshot, file: &NewFile) -> Result<()> {
    within!(tx, conn => {
        sqlx::query(sql!("files_insert"))
            .bind(&file.id)
            .bind(&new.project_id)
            .bind(&file.tbl)
            .bind(file.bucket)
            .bind(&file.path)
            .bind(file.rows)
            .bind(file.bytes)
            .bind(&file.min_item)
            .bind(&file.max_item)
            .bind(&file.checksum)
            .bind(new.number())
            .execute(conn)
            .await?;
    });
    Ok(())
}
