//! CREATE statements for the published tables: exact columns with their comments, and where the files lie.

use std::fmt::Write as _;

use clap::ValueEnum;

use crate::error::{Error, Result};
use crate::lake::{Column, ColumnType, Manifest, PublishedTable};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    Bigquery,
    Spark,
    Duckdb,
    Snowflake,
    Trino,
}

#[derive(Debug)]
pub struct DdlOptions {
    /// Dataset, database or schema.
    pub schema: String,
    /// Of Trino.
    pub catalog: String,
    /// BigQuery's connection, Snowflake's storage integration.
    pub connection: Option<String>,
}

/// The statements, each ended by a semicolon.
///
/// # Errors
/// `Invalid` when the dialect's engine cannot reach the place where the tables lie.
pub fn ddl(manifest: &Manifest, dialect: Dialect, options: &DdlOptions) -> Result<String> {
    let scheme = manifest.url.split_once("://").map(|(scheme, _)| scheme);
    if scheme.is_none() && matches!(dialect, Dialect::Bigquery | Dialect::Snowflake | Dialect::Trino) {
        return Err(Error::invalid(format!(
            "{} reads buckets only, and {} lies in the folder {}: keep the lake in a bucket (--data s3://bucket/prefix), or copy {} there \
             and publish with --base-url",
            dialect.product(),
            manifest.project.name,
            manifest.url,
            manifest.url
        )));
    }
    let mut out = header(manifest, dialect, options);
    for table in &manifest.tables {
        out.push('\n');
        out.push_str(&match dialect {
            Dialect::Bigquery => bigquery(manifest, table, options),
            Dialect::Spark => spark(manifest, table, options),
            Dialect::Duckdb => duckdb(manifest, table, options),
            Dialect::Snowflake => snowflake(table, options),
            Dialect::Trino => trino(manifest, table, options),
        });
    }
    Ok(out)
}

impl Dialect {
    fn product(self) -> &'static str {
        match self {
            Self::Bigquery => "BigQuery",
            Self::Spark => "Spark",
            Self::Duckdb => "DuckDB",
            Self::Snowflake => "Snowflake",
            Self::Trino => "Trino",
        }
    }
}

/// A line for each column.
fn lines(columns: &[Column], line: impl Fn(&Column) -> String) -> String {
    columns.iter().map(|column| format!("  {}", line(column))).collect::<Vec<_>>().join(",\n")
}

/// Spark and Hadoop call S3 by another name.
pub fn spark_url(url: &str) -> String {
    match url.strip_prefix("s3://") {
        Some(rest) => format!("s3a://{rest}"),
        None => url.to_owned(),
    }
}

fn header(manifest: &Manifest, dialect: Dialect, options: &DdlOptions) -> String {
    let mut out = format!("-- Snapshot {} of {:?}. ", manifest.snapshot, manifest.project.name);
    out.push_str(match dialect {
        Dialect::Bigquery => "The tables follow what is published next by themselves.\n",
        _ => "Run the statements of `assay outputs ddl` again after the next publication.\n",
    });
    if dialect == Dialect::Bigquery && options.connection.is_none() && !manifest.url.starts_with("gs://") {
        out.push_str("-- BigQuery reads other clouds' buckets through a connection: name it with --connection.\n");
    }
    if dialect == Dialect::Snowflake && options.connection.is_none() {
        out.push_str("-- A bucket that is not public needs a storage integration: name it with --connection.\n");
    }
    let schema = dialect.name(&options.schema);
    let _ = match dialect {
        Dialect::Trino => {
            writeln!(out, "CREATE SCHEMA IF NOT EXISTS {}.{schema};", dialect.name(&options.catalog))
        }
        _ => writeln!(out, "CREATE SCHEMA IF NOT EXISTS {schema};"),
    };
    if dialect == Dialect::Snowflake {
        let integration =
            options.connection.as_ref().map(|name| format!(" STORAGE_INTEGRATION = {}", dialect.name(name)));
        let _ = writeln!(
            out,
            "CREATE OR REPLACE STAGE {schema}.{} URL = {}{};",
            dialect.name("published"),
            // Snowflake's name for the scheme of Cloud Storage.
            dialect.text(&format!("{}/", manifest.url.replacen("gs://", "gcs://", 1))),
            integration.unwrap_or_default()
        );
    }
    out
}

/// Follows the list of files, which changes in one piece.
fn bigquery(manifest: &Manifest, table: &PublishedTable, options: &DdlOptions) -> String {
    let dialect = Dialect::Bigquery;
    let columns = lines(&table.columns, |column| {
        let (name, kind) = (dialect.name(&column.name), dialect.type_of(&column.r#type));
        format!("{name} {kind} OPTIONS (description = {})", dialect.text(&column.comment))
    });
    let connection =
        options.connection.as_ref().map(|name| format!("WITH CONNECTION {}\n", dialect.name(name))).unwrap_or_default();
    format!(
        "CREATE OR REPLACE EXTERNAL TABLE {}.{} (\n{columns}\n)\nWITH PARTITION COLUMNS (`snapshot` INT64)\n{connection}OPTIONS (\n  \
         format = 'PARQUET',\n  uris = [{}],\n  file_set_spec_type = 'NEW_LINE_DELIMITED_MANIFEST',\n  hive_partition_uri_prefix = {},\n  \
         enable_list_inference = TRUE,\n  description = {}\n);\n",
        dialect.name(&options.schema),
        dialect.name(&table.name),
        dialect.text(&manifest.address(&table.list)),
        dialect.text(&manifest.address(&table.name)),
        dialect.text(&table.comment),
    )
}

fn spark(manifest: &Manifest, table: &PublishedTable, options: &DdlOptions) -> String {
    let dialect = Dialect::Spark;
    let columns = lines(&table.columns, |column| {
        let (name, kind) = (dialect.name(&column.name), dialect.type_of(&column.r#type));
        format!("{name} {kind} COMMENT {}", dialect.text(&column.comment))
    });
    let name = format!("{}.{}", dialect.name(&options.schema), dialect.name(&table.name));
    format!(
        "DROP TABLE IF EXISTS {name};\nCREATE TABLE {name} (\n{columns}\n)\nUSING parquet\nLOCATION {}\nCOMMENT {};\n",
        dialect.text(&spark_url(&manifest.address(&table.path))),
        dialect.text(&table.comment),
    )
}

/// A view: DuckDB has no external tables. The casts change nothing; they say what the types are.
fn duckdb(manifest: &Manifest, table: &PublishedTable, options: &DdlOptions) -> String {
    let dialect = Dialect::Duckdb;
    let name = format!("{}.{}", dialect.name(&options.schema), dialect.name(&table.name));
    let columns = lines(&table.columns, |column| {
        let name = dialect.name(&column.name);
        format!("CAST({name} AS {}) AS {name}", dialect.type_of(&column.r#type))
    });
    let mut out = format!(
        "CREATE OR REPLACE VIEW {name} AS\nSELECT\n{columns}\nFROM read_parquet({}, hive_partitioning = false);\nCOMMENT ON VIEW {name} IS {};\n",
        dialect.text(&format!("{}/*.parquet", manifest.address(&table.path))),
        dialect.text(&table.comment),
    );
    for column in &table.columns {
        let text = dialect.text(&column.comment);
        let _ = writeln!(out, "COMMENT ON COLUMN {name}.{} IS {text};", dialect.name(&column.name));
    }
    out
}

/// Columns of external tables are expressions over the row.
fn snowflake(table: &PublishedTable, options: &DdlOptions) -> String {
    let dialect = Dialect::Snowflake;
    let schema = dialect.name(&options.schema);
    let columns = lines(&table.columns, |column| {
        let (name, kind) = (dialect.name(&column.name), dialect.type_of(&column.r#type));
        let value = match column.r#type {
            ColumnType::Map(_) => format!("VALUE:{name}"),
            _ => format!("VALUE:{name}::{kind}"),
        };
        format!("{name} {kind} AS ({value}) COMMENT {}", dialect.text(&column.comment))
    });
    format!(
        "CREATE OR REPLACE EXTERNAL TABLE {schema}.{} (\n{columns}\n)\nLOCATION = @{schema}.{}/{}/\nAUTO_REFRESH = FALSE\n\
         PATTERN = '.*[.]parquet'\nFILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE)\nCOMMENT = {};\n",
        dialect.name(&table.name),
        dialect.name("published"),
        table.path,
        dialect.text(&table.comment),
    )
}

fn trino(manifest: &Manifest, table: &PublishedTable, options: &DdlOptions) -> String {
    let dialect = Dialect::Trino;
    let name = [&options.catalog, &options.schema, &table.name].map(|part| dialect.name(part)).join(".");
    let columns = lines(&table.columns, |column| {
        let (name, kind) = (dialect.name(&column.name), dialect.type_of(&column.r#type));
        format!("{name} {kind} COMMENT {}", dialect.text(&column.comment))
    });
    format!(
        "DROP TABLE IF EXISTS {name};\nCREATE TABLE {name} (\n{columns}\n)\nCOMMENT {}\nWITH (\n  format = 'PARQUET',\n  external_location = {}\n);\n",
        dialect.text(&table.comment),
        dialect.text(&format!("{}/", manifest.address(&table.path))),
    )
}
