//! DataFusion over the exact Parquet files of one snapshot.
//!
//! One runtime (memory pool, disk, caches) serves the process; every query gets its own session that knows nothing but
//! the tables it was handed. No directory is ever listed.

mod bridge;
pub mod frames;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, ParamValues, ScalarValue};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::prelude::{SessionConfig, SessionContext, col, lit};
use url::Url;

use crate::error::{Error, Result};
use crate::lake::{DataFile, Lake, Table, bucket_of};

/// The lake's store under DataFusion's registry.
const STORE_URL: &str = "lake://root/";
const QUERY_TIMEOUT: Duration = Duration::from_secs(60);

/// The files of one snapshot, by table.
#[derive(Debug, Clone, Default)]
pub struct TableSet {
    files: BTreeMap<Table, Vec<DataFile>>,
    slice: BTreeMap<String, String>,
}

impl TableSet {
    pub fn new<'a>(files: impl IntoIterator<Item = &'a DataFile>) -> Self {
        let mut set = Self::default();
        for file in files {
            set.files.entry(file.table).or_default().push(file.clone());
        }
        set
    }

    /// Only the files that can hold rows of `item`, of a project with `buckets` buckets.
    pub fn of_item<'a>(files: impl IntoIterator<Item = &'a DataFile>, item: &str, buckets: u32) -> Self {
        let bucket = bucket_of(item, buckets);
        Self::new(files.into_iter().filter(|file| file.bucket == bucket || !Table::BUCKETED.contains(&file.table)))
    }

    /// Narrows `selected_items` to the items whose slice fields have these values.
    pub fn with_slice(mut self, slice: &BTreeMap<String, String>) -> Self {
        self.slice = slice.clone();
        self
    }
}

#[derive(Debug, Clone)]
pub struct Engine {
    lake: Lake,
    runtime: Arc<RuntimeEnv>,
    config: SessionConfig,
}

impl Engine {
    /// An engine over `lake` with at most `memory` bytes for queries; beyond it they spill into `temp`.
    pub fn new(lake: &Lake, memory: usize, temp: &Path) -> Result<Self> {
        std::fs::create_dir_all(temp).map_err(|e| {
            let message = format!(
                "temporary folder {}: {e}; make it writable or name another folder with --temp",
                temp.display()
            );
            Error::unavailable(message, e)
        })?;
        let five = std::num::NonZeroUsize::MIN.saturating_add(4);
        let pool = TrackConsumersPool::new(FairSpillPool::new(memory), five);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_temp_file_path(temp)
            .build_arc()
            .map_err(|e| Error::internal(anyhow::Error::new(e).context("start the query engine")))?;
        let url = Url::parse(STORE_URL).map_err(Error::internal)?;
        runtime.register_object_store(&url, lake.store().clone());

        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let mut config = SessionConfig::new()
            .with_create_default_catalog_and_schema(true)
            .with_information_schema(false)
            .with_target_partitions(threads);
        let parquet = &mut config.options_mut().execution.parquet;
        parquet.pushdown_filters = true;
        parquet.reorder_filters = true;
        // Facts go to code that reads plain strings.
        parquet.schema_force_view_types = false;
        config.options_mut().sql_parser.map_string_types_to_utf8view = false;
        Ok(Self { lake: lake.clone(), runtime, config })
    }

    /// Runs one of our named queries (`queries/lake/*.sql`) with named parameters (`$name`) over the tables of a snapshot
    /// and the view `selected_items` (the slice).
    pub async fn query(
        &self,
        tables: &TableSet,
        sql: &str,
        params: Vec<(&str, ScalarValue)>,
    ) -> Result<Vec<RecordBatch>> {
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        self.check_files(tables).await?;
        let params = ParamValues::from(params);
        let run = async {
            let context = self.session(tables).await?;
            let frame = context.sql_with_options(sql, read_only).await?;
            frame.with_param_values(params)?.collect().await
        };
        match tokio::time::timeout(QUERY_TIMEOUT, run).await {
            Ok(Ok(batches)) => Ok(batches),
            Ok(Err(error)) => {
                if may_be_damage(&error) {
                    self.verify(tables).await?;
                }
                Err(query_error(error))
            }
            Err(_) => Err(Error::Unavailable {
                message: format!(
                    "the query took longer than {} s and was stopped; narrow it by control or slice",
                    QUERY_TIMEOUT.as_secs()
                ),
                source: None,
            }),
        }
    }

    /// A listing table takes a file that is not there for an empty folder, and answers as if it had no rows.
    async fn check_files(&self, tables: &TableSet) -> Result<()> {
        let there = tables.files.values().flatten().map(async |file| {
            let fault = match self.lake.size(&file.path).await? {
                Some(size) if size == file.bytes => return Ok(()),
                Some(size) => format!("is damaged: it has {size} bytes, the catalog says {}", file.bytes),
                None => "is missing".to_owned(),
            };
            let place = format!("{}/{}", self.lake.location(), file.path);
            let message = format!("{place}, a data file of the snapshot, {fault}; restore it from a backup");
            Err(Error::Unavailable { message, source: None })
        });
        futures::future::try_join_all(there).await.map(drop)
    }

    /// Names the file that is not as it was written, if there is one: the reader's own error does not.
    async fn verify(&self, tables: &TableSet) -> Result<()> {
        for file in tables.files.values().flatten() {
            self.lake.get_data(file).await?;
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that makes sessions")]
    async fn session(&self, tables: &TableSet) -> Result<SessionContext, DataFusionError> {
        let state = SessionStateBuilder::new_with_default_features()
            .with_config(self.config.clone())
            .with_runtime_env(self.runtime.clone())
            .build();
        let context = SessionContext::new_with_state(state);
        for table in Table::ALL {
            let provider = self.provider(table, tables.files.get(&table).map_or(&[], Vec::as_slice))?;
            context.register_table(table.name(), provider)?;
        }
        let mut selected = context.table(Table::Items.name()).await?;
        for (field, value) in &tables.slice {
            selected = selected.filter(get_field(col("slices"), field.as_str()).eq(lit(value.as_str())))?;
        }
        context.register_table("selected_items", selected.into_view())?;
        Ok(context)
    }

    fn provider(&self, table: Table, files: &[DataFile]) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let schema = table.schema();
        if files.is_empty() {
            return Ok(Arc::new(EmptyTable::new(schema)));
        }
        let urls = files
            .iter()
            .map(|file| ListingTableUrl::parse(format!("{STORE_URL}{}", self.lake.path(&file.path))))
            .collect::<Result<Vec<_>, _>>()?;
        let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
        let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options).with_schema(schema);
        Ok(Arc::new(ListingTable::try_new(config)?))
    }
}

fn may_be_damage(error: &DataFusionError) -> bool {
    !matches!(error.find_root(), DataFusionError::ResourcesExhausted(_) | DataFusionError::ObjectStore(_))
}

fn query_error(error: DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => {
            Error::unavailable("the query needs more memory than --query-memory-mb allows", error)
        }
        DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => Error::unavailable(
            "a data file of the snapshot cannot be read; check that the data location can be reached, and try again later",
            error,
        ),
        _ => Error::Internal(anyhow::Error::new(error).context("lake query")),
    }
}
