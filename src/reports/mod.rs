//! What a report is: SQL gives facts, `assay-stats` gives figures, this module puts them into one tidy shape.

mod agreement;
pub mod answers;
mod cache;
mod columns;
mod controls;
mod counts;
mod diff;
mod disagreements;
mod distance;
pub mod figures;
mod history;
mod items;
pub mod measure;
mod ratings;
mod render;
mod scale;
mod splits;
mod table;
mod tidy;
pub mod views;

pub use agreement::annotators_alone;
pub use cache::{
    Answer, ReportCache, StoredReport, agreement, cached_agreement, disagreement_tables, disagreements, item,
    pinned_snapshot, report_key, slice_fields, store_agreement, tidy_agreement,
};
pub use diff::{diff_page, diff_report, diff_table, render_diff};
pub use history::{changes_in_words, render_snapshots, snapshot_view};
pub use render::{Format, render};
pub use splits::period_days;
pub use table::{TableFormat, TableReport, render_table, table_report};
pub use tidy::{difference_schema, disagreement_schema, figure_schema, figure_tables};

pub use crate::tables::Period;

/// Raised when figures can change although data and parameters stay: part of the name of every stored and cached report.
pub const FIGURE_VERSION: u32 = 3;
