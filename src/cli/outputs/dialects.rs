//! Names, texts and types in the SQL of each engine.

use super::ddl::Dialect;
use crate::lake::{Column, ColumnType};

/// A text literal that doubles quotes: DuckDB, Snowflake, Trino.
pub fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A text literal that escapes with backslashes: BigQuery, Spark.
pub fn escaped_text(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

pub fn double_quotes(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub fn backticks(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

impl Dialect {
    pub fn name(self, name: &str) -> String {
        match self {
            Self::Bigquery | Self::Spark => backticks(name),
            Self::Duckdb | Self::Snowflake | Self::Trino => double_quotes(name),
        }
    }

    pub fn text(self, value: &str) -> String {
        match self {
            Self::Bigquery | Self::Spark => escaped_text(value),
            // Snowflake reads a backslash as the begin of an escape.
            Self::Snowflake => text(&value.replace('\\', "\\\\")),
            Self::Duckdb | Self::Trino => text(value),
        }
    }

    pub fn type_of(self, column_type: &ColumnType) -> String {
        match column_type {
            ColumnType::List(element) => self.list(element),
            ColumnType::Map(value) => self.map(value),
            ColumnType::Struct(fields) => self.structure(fields),
            simple => self.simple(simple).to_owned(),
        }
    }

    fn simple(self, column_type: &ColumnType) -> &'static str {
        let [bigquery, spark, duckdb, snowflake, trino] = match column_type {
            ColumnType::Boolean => ["BOOL", "BOOLEAN", "BOOLEAN", "BOOLEAN", "BOOLEAN"],
            ColumnType::Int64 => ["INT64", "BIGINT", "BIGINT", "NUMBER(19, 0)", "BIGINT"],
            ColumnType::Float32 => ["FLOAT64", "FLOAT", "FLOAT", "FLOAT", "REAL"],
            ColumnType::Float64 => ["FLOAT64", "DOUBLE", "DOUBLE", "FLOAT", "DOUBLE"],
            ColumnType::Timestamp => ["TIMESTAMP", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_LTZ", "TIMESTAMP"],
            ColumnType::Binary => ["BYTES", "BINARY", "BLOB", "BINARY", "VARBINARY"],
            _ => ["STRING", "STRING", "VARCHAR", "VARCHAR", "VARCHAR"],
        };
        match self {
            Self::Bigquery => bigquery,
            Self::Spark => spark,
            Self::Duckdb => duckdb,
            Self::Snowflake => snowflake,
            Self::Trino => trino,
        }
    }

    fn list(self, element: &ColumnType) -> String {
        let inner = self.type_of(element);
        match self {
            Self::Bigquery | Self::Spark => format!("ARRAY<{inner}>"),
            Self::Duckdb => format!("{inner}[]"),
            Self::Snowflake => "ARRAY".to_owned(),
            Self::Trino => format!("ARRAY({inner})"),
        }
    }

    fn map(self, value: &ColumnType) -> String {
        let inner = self.type_of(value);
        match self {
            // BigQuery has no maps: it shows the groups of the Parquet file.
            Self::Bigquery => format!("STRUCT<`key_value` ARRAY<STRUCT<`key` STRING, `value` {inner}>>>"),
            Self::Spark => format!("MAP<STRING, {inner}>"),
            Self::Duckdb => format!("MAP(VARCHAR, {inner})"),
            // External tables have no typed maps.
            Self::Snowflake => "VARIANT".to_owned(),
            Self::Trino => format!("MAP(VARCHAR, {inner})"),
        }
    }

    fn structure(self, fields: &[Column]) -> String {
        let between = if self == Self::Spark { ": " } else { " " };
        let parts: Vec<String> = fields
            .iter()
            .map(|field| format!("{}{between}{}", self.name(&field.name), self.type_of(&field.r#type)))
            .collect();
        let parts = parts.join(", ");
        match self {
            Self::Bigquery | Self::Spark => format!("STRUCT<{parts}>"),
            Self::Duckdb => format!("STRUCT({parts})"),
            Self::Snowflake => "OBJECT".to_owned(),
            Self::Trino => format!("ROW({parts})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::{Table, columns};

    #[test]
    fn nested_types_in_every_dialect() {
        let found = columns("items", &Table::Items.schema()).unwrap();
        let vectors = &found.iter().find(|column| column.name == "vectors").unwrap().r#type;
        let found = columns("results", &Table::Results.schema()).unwrap();
        let points = &found.iter().find(|column| column.name == "points").unwrap().r#type;
        for (dialect, vectors_type, points_type) in [
            (
                Dialect::Bigquery,
                "STRUCT<`key_value` ARRAY<STRUCT<`key` STRING, `value` ARRAY<FLOAT64>>>>",
                "ARRAY<STRUCT<`x` FLOAT64, `y` FLOAT64>>",
            ),
            (Dialect::Spark, "MAP<STRING, ARRAY<FLOAT>>", "ARRAY<STRUCT<`x`: DOUBLE, `y`: DOUBLE>>"),
            (Dialect::Duckdb, "MAP(VARCHAR, FLOAT[])", "STRUCT(\"x\" DOUBLE, \"y\" DOUBLE)[]"),
            (Dialect::Snowflake, "VARIANT", "ARRAY"),
            (Dialect::Trino, "MAP(VARCHAR, ARRAY(REAL))", "ARRAY(ROW(\"x\" DOUBLE, \"y\" DOUBLE))"),
        ] {
            assert_eq!(dialect.type_of(vectors), vectors_type);
            assert_eq!(dialect.type_of(points), points_type);
        }
    }

    #[test]
    fn quotes_in_names_and_texts_do_not_end_them() {
        assert_eq!(text("it's"), "'it''s'");
        assert_eq!(escaped_text(r"it's \ "), r"'it\'s \\ '");
        assert_eq!(double_quotes("a\"b"), "\"a\"\"b\"");
        assert_eq!(Dialect::Snowflake.text(r"a\b"), r"'a\\b'");
    }
}
