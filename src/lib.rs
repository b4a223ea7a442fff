//! Assay measures how good annotations, annotators and models are. See `docs/ARCHITECTURE.md` for the map.

pub mod error;
pub mod reports;
pub mod store;
