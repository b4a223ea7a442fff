//! What publishing asks of the database: whose turn it is, and which files have an older schema.

use super::Db;
use crate::error::Result;

impl Db {
    /// Takes the turn to publish a project, or keeps it until `until`; false while another owner has it.
    pub async fn take_publish_lease(&self, project_id: &str, owner: &str, now: i64, until: i64) -> Result<bool> {
        let rows = on!(&self.pool, pool => {
            sqlx::query(sql!("publish_lease_take"))
                .bind(project_id)
                .bind(owner)
                .bind(until)
                .bind(now)
                .execute(pool)
                .await?
                .rows_affected()
        });
        Ok(rows == 1)
    }

    /// Ends one's turn.
    pub async fn give_publish_lease(&self, project_id: &str, owner: &str) -> Result<()> {
        on!(&self.pool, pool => {
            sqlx::query(sql!("publish_lease_give")).bind(project_id).bind(owner).execute(pool).await?;
        });
        Ok(())
    }

    /// Ids of the snapshot's files that were written with a schema older than `version`.
    pub async fn files_of_older_schema(&self, project_id: &str, number: i64, version: i64) -> Result<Vec<String>> {
        let rows: Vec<(String,)> = on!(&self.pool, pool => {
            sqlx::query_as(sql!("files_of_older_schema"))
                .bind(project_id)
                .bind(number)
                .bind(version)
                .fetch_all(pool)
                .await?
        });
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}
