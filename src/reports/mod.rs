//! What a report is: SQL gives facts, `assay-stats` gives figures, this module puts them into one tidy shape.

pub mod measure;
pub mod views;
