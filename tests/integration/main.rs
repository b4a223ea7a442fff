//! One binary for all integration tests: linking the engine once is slow enough.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::disallowed_methods, reason = "tests are switched by the environment")]

mod api;
mod buckets;
mod cli;
mod diff;
mod full;
mod imports;
mod layers;
mod lockfile;
mod pages;
mod publish;
mod store;
mod support;
