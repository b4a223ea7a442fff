//! One binary for all integration tests: linking the engine once is slow enough.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::disallowed_methods, reason = "tests are switched by the environment")]

mod agreement_file;
mod answers;
mod api;
mod buckets;
mod cli;
mod compact;
mod crash;
mod damage;
mod diff;
mod doctor;
mod erase;
mod full;
mod imports;
mod jobs;
mod jobs_store;
mod layers;
mod lockfile;
mod pages;
mod publish;
mod rebuild;
mod retain;
mod store;
mod support;
mod sweep;
