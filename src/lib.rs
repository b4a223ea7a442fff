//! Assay measures how good annotations, annotators and models are. See `docs/ARCHITECTURE.md` for the map.

pub mod api;
pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod copies;
pub mod engine;
pub mod error;
pub mod jobs;
pub mod lake;
pub mod reports;
pub mod store;
pub mod tables;
pub mod telemetry;
pub mod web;
