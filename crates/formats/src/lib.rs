//! Annotation exports, read as streams into Arrow.
#![forbid(unsafe_code)]

mod error;
pub mod label_config;
pub mod label_studio;
mod raters;
mod rows;
pub mod schema;

pub use error::FormatError;
