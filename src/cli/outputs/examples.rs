//! A query to begin with, for each reader. They run as they stand.

use super::ddl::spark_url;
use super::dialects::{backticks, double_quotes, text};
use crate::lake::{Format, Manifest, PublishedTable};

/// By reader.
pub fn of(manifest: &Manifest, table: &PublishedTable, schema: &str) -> Vec<(&'static str, String)> {
    let column = question(&table.name);
    let folder = manifest.address(&table.path);
    let mut examples = vec![
        (
            "duckdb",
            format!(
                "SELECT {0}, count(*) AS n FROM read_parquet({1}) GROUP BY 1 ORDER BY n DESC, 1;",
                double_quotes(column),
                text(&format!("{folder}/*.parquet"))
            ),
        ),
        (
            "polars",
            format!(
                "import polars\npolars.scan_parquet({}).group_by({}).len().collect()",
                python(&format!("{folder}/*.parquet")),
                python(column)
            ),
        ),
        (
            "pandas",
            format!(
                "import pandas\npandas.read_parquet({}).groupby({}, dropna=False).size()",
                python(&folder),
                python(column)
            ),
        ),
        ("spark", format!("spark.read.parquet({}).groupBy({}).count()", python(&spark_url(&folder)), python(column))),
        (
            "bigquery",
            format!(
                "SELECT {0}, COUNT(*) AS n FROM {1}.{2} GROUP BY {0} ORDER BY n DESC, {0};",
                backticks(column),
                backticks(schema),
                backticks(&table.name)
            ),
        ),
    ];
    if manifest.has(Format::Delta) {
        let root = manifest.address(&table.name);
        examples
            .push(("delta", format!("import deltalake\ndeltalake.DeltaTable({}).to_pyarrow_table()", python(&root))));
    }
    examples
}

/// What one first wants to count.
fn question(table: &str) -> &'static str {
    match table {
        "items" => "source",
        "annotations" | "raters" => "kind",
        "rejects" => "reason",
        "measures" => "measure",
        _ => "control",
    }
}

/// A string of Python: JSON's escapes are Python's, and nothing beyond ASCII needs one.
fn python(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}
