//! What is published for warehouses and notebooks: see `docs/OUTPUTS.md`.

mod checkpoint;
mod columns;
mod comments;
mod delta;
mod manifest;
mod place;
mod storage;

pub use columns::{Column, ColumnType, columns};
pub use comments::table_comment;
pub use manifest::{Format, Kind, LAYOUT_VERSION, Manifest, ProjectRef, PublishedFile, PublishedTable};
pub use place::{PUBLISHED, Place};
pub use storage::{Part, Publication, empty_part};
