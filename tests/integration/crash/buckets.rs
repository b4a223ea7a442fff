//! A lake of several buckets, small.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use assay::app::App;
use assay::lake::{DataFile, ProjectPrefix, Table, bucket_of, encode, read_rows};
use assay::store::{Changes, Commit, DEFAULT_WORKSPACE, NewSnapshot, Operation, now_micros};

/// Spreads the rows of the project's newest snapshot, which has one bucket, over `buckets`. An import chooses so many by itself only for
/// hundreds of megabytes.
pub async fn spread(app: &Arc<App>, project: &str, buckets: u32) {
    let project = app.db.find_project(DEFAULT_WORKSPACE, project).await.unwrap();
    let newest = app.db.latest_snapshot(&project.id).await.unwrap().unwrap();
    assert_eq!(newest.buckets, 1);
    let prefix = ProjectPrefix::new(&project.workspace_id, &project.id);
    let (mut added, mut removed): (Vec<DataFile>, Vec<DataFile>) = Default::default();
    for file in app.data_files(&project.id, newest.number).await.unwrap() {
        if !Table::BUCKETED.contains(&file.table) {
            continue;
        }
        let rows = read_rows(file.table, app.lake.get_data(&file).await.unwrap()).unwrap();
        let ids = rows.column_by_name("item_id").unwrap().as_string::<i32>();
        for bucket in 0..buckets {
            let here: BooleanArray = ids.iter().map(|id| Some(bucket_of(id.unwrap(), buckets) == bucket)).collect();
            let rows = filter_record_batch(&rows, &here).unwrap();
            if rows.num_rows() > 0 {
                let encoded = encode(file.table, &rows).unwrap();
                added.push(app.lake.put_data(&prefix, file.table, bucket, encoded).await.unwrap());
            }
        }
        removed.push(file);
    }
    let size = |files: &[DataFile]| files.iter().map(|file| file.bytes).sum::<u64>();
    let mut counts = newest.counts;
    counts.bytes = counts.bytes + size(&added) - size(&removed);
    let new = NewSnapshot {
        project_id: project.id.clone(),
        parent: newest.number,
        buckets: i64::from(buckets),
        schema_version: newest.schema_version,
        created_at: now_micros(),
        actor: "test".to_owned(),
        config: newest.config,
        sources: newest.sources.0,
        counts,
        operation: Operation::Compact,
        changes: Changes::default(),
        removed: removed.into_iter().map(|file| file.id).collect(),
        added: added.iter().map(Into::into).collect(),
        job: None,
        audit_id: None,
    };
    assert_eq!(app.db.commit_snapshot(&new).await.unwrap(), Commit::Done);
    app.copy_snapshots(&project).await.unwrap();
}
