//! Settings, as flags with environment variables behind them: `--help` is the documentation.

use std::path::{Path, PathBuf};

use clap::Args;
use url::Url;

use crate::error::{Error, Result};
use crate::lake::Location;

const DEFAULT_DATA: &str = "./assay-data";

/// Where the data and the metadata are, and how much memory the engine may take.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// The lake: a folder, or `s3://bucket/prefix` (credentials and endpoint from the usual AWS_* variables).
    /// By default `./assay-data`.
    #[arg(long, env = "ASSAY_DATA", global = true)]
    pub data: Option<String>,

    /// The metadata database: `sqlite:///path/to/file` or `postgres://user@host/name`.
    /// By default `<data>/assay.db` for a folder; required for a bucket.
    #[arg(long, env = "ASSAY_DB", global = true)]
    pub db: Option<String>,

    /// Memory for queries in MiB; beyond it they spill to disk.
    #[arg(long, env = "ASSAY_QUERY_MEMORY_MB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(64..), global = true)]
    pub query_memory_mb: u64,

    /// Folder for temporary files of large imports and queries. By default `<data>/_tmp` for a folder, else the system's.
    #[arg(long, env = "ASSAY_TEMP", global = true)]
    pub temp: Option<PathBuf>,
}

impl Config {
    /// Settings for a folder, everything else by default.
    pub fn for_folder(folder: &Path) -> Self {
        Self { data: Some(folder.display().to_string()), db: None, query_memory_mb: 1024, temp: None }
    }

    pub fn location(&self) -> Result<Location> {
        Location::parse(self.data.as_deref().unwrap_or(DEFAULT_DATA))
    }

    /// The database URL, with the default filled in.
    pub fn database_url(&self, location: &Location) -> Result<String> {
        match (&self.db, location.folder()) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(folder)) => Ok(format!("sqlite://{}", folder.join("assay.db").display())),
            (None, None) => Err(Error::invalid(format!(
                "{location} is a bucket, so the metadata database must be named: give --db (or ASSAY_DB), \
                 e.g. postgres://user@host/assay or sqlite:///var/lib/assay/assay.db"
            ))),
        }
    }

    pub fn temp_folder(&self, location: &Location) -> PathBuf {
        match (&self.temp, location.folder()) {
            (Some(temp), _) => temp.clone(),
            (None, Some(folder)) => folder.join("_tmp"),
            (None, None) => std::env::temp_dir(),
        }
    }
}

/// An address without its password.
pub fn redacted(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => match parsed.set_password(Some("redacted")) {
            Ok(()) => parsed.into(),
            Err(()) => "(not shown)".to_owned(),
        },
        // Postgres takes a password as a parameter too.
        Ok(parsed) if parsed.query_pairs().any(|(name, _)| name == "password") => "(not shown)".to_owned(),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(redacted("postgres://user:secret@host:5432/name"), "postgres://user:redacted@host:5432/name");
        assert_eq!(redacted("postgres://host/name?user=x&password=secret"), "(not shown)");
        for plain in ["postgres://user@host/name", "sqlite:///var/lib/assay.db", "s3://bucket/prefix", "/data"] {
            assert_eq!(redacted(plain), plain);
        }
    }
}
