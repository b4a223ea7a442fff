//! Answers are kept in memory: by bucket, so that the next snapshot reads only what changed, and by snapshot, whole and by slice.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::Array;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt, TryStreamExt};
use hashbrown::HashSet;
use moka::future::Cache;

use super::bucket::{Bucket, Files};
use super::{Answers, Whole};
use crate::app::App;
use crate::engine::TableSet;
use crate::error::{Error, Result};
use crate::lake::{DataFile, Table};
use crate::reports::columns::Columns;
use crate::store::Project;

/// Bytes of buckets that are kept; an annotation with one label takes some 60.
const KEPT: u64 = 512 << 20;
/// Snapshots, and slices of them, that are kept put together.
const WHOLES_KEPT: u64 = 8;
const SLICES_KEPT: u64 = 64;
/// Buckets that are read at the same time.
const AT_ONCE: usize = 2;

#[derive(Debug, Clone)]
pub struct AnswerCache {
    buckets: Cache<String, Arc<Bucket>>,
    wholes: Cache<String, Arc<Whole>>,
    slices: Cache<String, Arc<Vec<u32>>>,
}

impl Default for AnswerCache {
    fn default() -> Self {
        let weight = |_: &String, bucket: &Arc<Bucket>| u32::try_from(bucket.bytes()).unwrap_or(u32::MAX);
        Self {
            buckets: Cache::builder().max_capacity(KEPT).weigher(weight).build(),
            wholes: Cache::new(WHOLES_KEPT),
            slices: Cache::new(SLICES_KEPT),
        }
    }
}

impl AnswerCache {
    /// Drops everything of a project.
    pub async fn forget(&self, project_id: &str) {
        crate::reports::cache::forget(&self.buckets, project_id).await;
        crate::reports::cache::forget(&self.wholes, project_id).await;
        crate::reports::cache::forget(&self.slices, project_id).await;
    }

    /// The answers of a snapshot's items, or of those whose slice fields have these values.
    pub async fn load(
        &self,
        app: &App,
        project: &Project,
        snapshot: i64,
        slice: &BTreeMap<String, String>,
    ) -> Result<Answers> {
        let name = format!("{}/{snapshot}", project.id);
        let whole = self.wholes.try_get_with(name.clone(), self.whole(app, project, snapshot).boxed());
        let whole = whole.await.map_err(Error::from_shared)?;
        if slice.is_empty() {
            return Ok(Answers { whole, selected: None });
        }
        let name = format!("{name}/{}", serde_json::to_string(slice).map_err(Error::internal)?);
        let selected = self.slices.try_get_with(name, select(app, project, snapshot, slice, &whole).boxed());
        let selected = selected.await.map_err(Error::from_shared)?;
        Ok(Answers { whole, selected: Some(selected) })
    }

    async fn whole(&self, app: &App, project: &Project, snapshot: i64) -> Result<Arc<Whole>> {
        let mut by_bucket: BTreeMap<u32, Vec<DataFile>> = BTreeMap::new();
        for file in app.data_files(&project.id, snapshot).await? {
            if Table::BUCKETED.contains(&file.table) {
                by_bucket.entry(file.bucket).or_default().push(file);
            }
        }
        let mut read: Vec<BoxFuture<'_, Result<Arc<Bucket>>>> = Vec::new();
        for files in by_bucket.into_values() {
            read.push(self.bucket(app, &project.id, files).boxed());
        }
        let buckets: Vec<Arc<Bucket>> = stream::iter(read).buffered(AT_ONCE).try_collect().await?;
        tokio::task::spawn_blocking(move || Arc::new(Whole::new(buckets))).await.map_err(Error::internal)
    }

    async fn bucket(&self, app: &App, project_id: &str, files: Vec<DataFile>) -> Result<Arc<Bucket>> {
        let mut ids: Vec<&str> = files.iter().map(|file| file.id.as_str()).collect();
        ids.sort_unstable();
        let name = format!("{project_id}/{}", ids.join("+"));
        self.buckets.try_get_with(name, read_bucket(app, files).boxed()).await.map_err(Error::from_shared)
    }
}

async fn read_bucket(app: &App, files: Vec<DataFile>) -> Result<Arc<Bucket>> {
    let mut contents = Files::default();
    for file in &files {
        let bytes = app.lake.get_data(file).await?;
        match file.table {
            Table::Items => contents.items = Some(bytes),
            Table::Annotations => contents.annotations = Some(bytes),
            Table::Results => contents.results = Some(bytes),
            Table::Raters | Table::Rejects => {}
        }
    }
    tokio::task::spawn_blocking(move || Bucket::read(contents).map(Arc::new)).await.map_err(Error::internal)?
}

/// The places of the items of a slice.
async fn select(
    app: &App,
    project: &Project,
    snapshot: i64,
    slice: &BTreeMap<String, String>,
    whole: &Arc<Whole>,
) -> Result<Arc<Vec<u32>>> {
    let tables = TableSet::new(&app.data_files(&project.id, snapshot).await?).with_slice(slice);
    let found = app.engine.query(&tables, include_str!("../../../queries/lake/selected.sql"), vec![]).await?;
    let mut ids = HashSet::new();
    for batch in &found {
        let items = Columns(batch).text("item_id")?;
        ids.extend((0..items.len()).map(|row| items.value(row)));
    }
    let places = (0..).zip(&whole.order).filter(|(_, place)| ids.contains(whole.item(**place))).map(|(n, _)| n);
    Ok(Arc::new(places.collect()))
}
