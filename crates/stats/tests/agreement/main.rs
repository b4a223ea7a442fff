//! Agreement figures against the reference libraries, and what must hold for any ratings.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

mod breakdown;
mod draws;
mod draws_of_parts;
mod golden;
mod paradox;
mod planning;
mod properties;
mod resampled;
mod score;
mod sets;
mod table;
mod undefined;
mod xrr;
