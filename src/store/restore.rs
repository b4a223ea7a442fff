//! Restoring the catalog from what storage repeats of it: everything in one transaction, into a database without projects.

use super::{DataFile, Db, Project, Snapshot, Tx};
use crate::error::{Error, Result};

/// A project as it is to be again. `project.latest_snapshot` is one of the snapshots, and none has a greater number.
#[derive(Debug, Clone)]
pub struct RestoredProject {
    pub project: Project,
    pub snapshots: Vec<Snapshot>,
    pub files: Vec<DataFile>,
}

impl Db {
    /// Whether there is a project in any workspace.
    pub async fn any_project(&self) -> Result<bool> {
        let row: Option<(i32,)> =
            on!(&self.pool, pool => sqlx::query_as(sql!("projects_any")).fetch_optional(pool).await)?;
        Ok(row.is_some())
    }

    /// # Errors
    /// `Conflict` when the database has a project: then nothing is written.
    pub async fn restore(&self, projects: &[RestoredProject]) -> Result<()> {
        let mut tx = self.begin().await?;
        let any: Option<(i32,)> =
            within!(&mut tx, conn => sqlx::query_as(sql!("projects_any")).fetch_optional(conn).await)?;
        if any.is_some() {
            tx.rollback().await?;
            return Err(Error::Conflict("the database has projects: restore into an empty one".to_owned()));
        }
        for restored in projects {
            put_project(&mut tx, &restored.project).await?;
            for snapshot in &restored.snapshots {
                put_snapshot(&mut tx, snapshot).await?;
            }
            for file in &restored.files {
                put_file(&mut tx, &restored.project.id, file).await?;
            }
        }
        tx.commit().await
    }
}

async fn put_project(tx: &mut Tx, project: &Project) -> Result<()> {
    within!(tx, conn => {
        sqlx::query(sql!("workspaces_put"))
            .bind(&project.workspace_id)
            .bind(&project.workspace_id)
            .bind(project.created_at)
            .execute(conn)
            .await?;
    });
    within!(tx, conn => {
        sqlx::query(sql!("projects_restore"))
            .bind(&project.id)
            .bind(&project.workspace_id)
            .bind(&project.name)
            .bind(project.created_at)
            .bind(project.latest_snapshot)
            .execute(conn)
            .await?;
    });
    Ok(())
}

async fn put_snapshot(tx: &mut Tx, snapshot: &Snapshot) -> Result<()> {
    let counts = serde_json::to_string(&snapshot.counts).map_err(Error::internal)?;
    let changes = serde_json::to_string(&snapshot.changes).map_err(Error::internal)?;
    within!(tx, conn => {
        sqlx::query(sql!("snapshots_restore"))
            .bind(&snapshot.project_id)
            .bind(snapshot.number)
            .bind(snapshot.parent)
            .bind(snapshot.buckets)
            .bind(snapshot.schema_version)
            .bind(snapshot.created_at)
            .bind(&snapshot.actor)
            .bind(&snapshot.config)
            .bind(snapshot.sources.0.to_string())
            .bind(counts)
            .bind(snapshot.operation.as_str())
            .bind(changes)
            .bind(snapshot.retired_at)
            .bind(&snapshot.retired_by)
            .execute(conn)
            .await?;
    });
    Ok(())
}

async fn put_file(tx: &mut Tx, project_id: &str, file: &DataFile) -> Result<()> {
    within!(tx, conn => {
        sqlx::query(sql!("files_restore"))
            .bind(&file.id)
            .bind(project_id)
            .bind(&file.tbl)
            .bind(file.bucket)
            .bind(&file.path)
            .bind(file.rows)
            .bind(file.bytes)
            .bind(&file.min_item)
            .bind(&file.max_item)
            .bind(&file.checksum)
            .bind(file.added_in)
            .bind(file.removed_in)
            .execute(conn)
            .await?;
    });
    Ok(())
}
