//! Where a lake lies: a folder or a bucket.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use crate::error::{Error, Result};

/// The place `--data` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    Folder(PathBuf),
    S3 { bucket: String, prefix: String },
}

impl Location {
    /// Reads `--data`: a folder (made absolute, so that a later change of directory does not move it) or an `s3://` URL.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(Error::invalid(format!("{text}: the bucket's name is missing, as in s3://bucket/prefix")));
            }
            let prefix = prefix.trim_matches('/').to_owned();
            if let Err(error) = StorePath::parse(&prefix) {
                return Err(Error::invalid(format!("{text}: {error}")));
            }
            return Ok(Self::S3 { bucket: bucket.to_owned(), prefix });
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(Error::invalid(format!(
                "{text}: {scheme}:// is not supported; use a folder or s3://bucket/prefix"
            )));
        }
        if text.is_empty() {
            return Err(Error::invalid("--data is empty; give a folder or s3://bucket/prefix"));
        }
        let folder =
            std::path::absolute(text).map_err(|e| Error::invalid(format!("{text}: not a usable folder name ({e})")))?;
        Ok(Self::Folder(folder))
    }

    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::S3 { .. } => None,
        }
    }

    /// Where the lake begins in the store that [`Location::open`] gives. Paths carry it themselves: the prefixing store of the
    /// object store library answers with paths that are not the ones it was asked for.
    pub fn prefix(&self) -> StorePath {
        match self {
            Self::Folder(_) => StorePath::default(),
            Self::S3 { prefix, .. } => StorePath::from(prefix.as_str()),
        }
    }

    /// Opens the store; a folder is created where missing.
    pub fn open(&self) -> Result<Arc<dyn ObjectStore>> {
        match self {
            Self::Folder(folder) => {
                std::fs::create_dir_all(folder).map_err(|e| {
                    Error::unavailable(format!("cannot create the data folder {}: {e}", folder.display()), e)
                })?;
                let store = LocalFileSystem::new_with_prefix(folder).map_err(|e| {
                    Error::unavailable(format!("cannot open the data folder {}: {e}", folder.display()), e)
                })?;
                // Folders that a withdrawn import leaves empty go with its files.
                Ok(Arc::new(store.with_automatic_cleanup(true)))
            }
            Self::S3 { bucket, .. } => {
                // Each wait is drawn between the least and four times the one before: with the library's factor of two they shrink as often
                // as they grow, and a store that throttles for three seconds would end an import of an hour. AWS_TIMEOUT (30 s) bounds one
                // request and AWS_CONNECT_TIMEOUT (5 s) its beginning, so one that does not answer at all is given up within two minutes.
                let backoff = BackoffConfig {
                    init_backoff: Duration::from_millis(100),
                    max_backoff: Duration::from_secs(10),
                    base: 4.0,
                };
                let retry = RetryConfig { backoff, max_retries: 12, retry_timeout: Duration::from_secs(60) };
                let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
                let plain_http = builder
                    .get_config_value(&object_store::aws::AmazonS3ConfigKey::Endpoint)
                    .is_some_and(|endpoint| endpoint.starts_with("http://"));
                let store = builder.with_allow_http(plain_http).build().map_err(|e| {
                    Error::invalid(format!("s3://{bucket}: the AWS_* settings do not make a usable client: {e}"))
                })?;
                Ok(Arc::new(store))
            }
        }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_folders_and_buckets() {
        assert!(
            matches!(Location::parse("data").unwrap(), Location::Folder(f) if f.is_absolute() && f.ends_with("data"))
        );
        let bucket = |b: &str, p: &str| Location::S3 { bucket: b.into(), prefix: p.into() };
        assert_eq!(Location::parse("s3://b").unwrap(), bucket("b", ""));
        assert_eq!(Location::parse("s3://b/x/y/").unwrap(), bucket("b", "x/y"));
    }

    #[test]
    fn refuses_what_it_cannot_open() {
        for (text, part) in [("s3://", "bucket's name"), ("ftp://x", "ftp:// is not supported"), ("", "empty")] {
            let message = Location::parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
