#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod peers;
mod properties;
mod published;
mod statistic;
mod table;
mod undefined;
