//! `manifest.json`: what is published of a project at this moment. Writing it is the moment of the swap.

use serde::{Deserialize, Serialize};

use super::columns::Column;

/// Raised when the meaning of a field changes; fields may be added without.
pub const LAYOUT_VERSION: u32 = 1;

/// The published tables of a project, all of one snapshot. A function of the snapshot and of what was asked for: publishing again gives
/// the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub layout_version: u32,
    pub workspace: String,
    pub project: ProjectRef,
    pub snapshot: i64,
    /// When the snapshot was made, RFC 3339.
    pub snapshot_created_at: String,
    pub formats: Vec<Format>,
    /// Where this file's folder lies for readers; paths below are relative to it.
    pub url: String,
    /// The lake's address for readers, where it is not the one that Assay itself uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// How many snapshots keep their files.
    pub keep: usize,
    /// Snapshots whose files are still there, this one first, then those that it replaced.
    pub kept: Vec<i64>,
    pub tables: Vec<PublishedTable>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRef {
    pub id: String,
    pub name: String,
}

/// What readers can follow: files alone, or a Delta log beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Parquet,
    Delta,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Rows of the exports.
    Data,
    /// Rows of a report.
    Report,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedTable {
    pub name: String,
    pub kind: Kind,
    pub comment: String,
    /// The folder of this snapshot's files.
    pub path: String,
    /// The list of these files, one address a line, at an address that stays.
    pub list: String,
    pub rows: u64,
    pub bytes: u64,
    pub columns: Vec<Column>,
    pub files: Vec<PublishedFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFile {
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: String,
}

impl Manifest {
    pub fn has(&self, format: Format) -> bool {
        self.formats.contains(&format)
    }

    /// The address that readers open for a path of this manifest.
    pub fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }
}
