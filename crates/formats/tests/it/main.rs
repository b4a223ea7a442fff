//! The Label Studio reader from the outside: shapes of results and tables.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step fails the test")]

mod bounds;
mod damage;
mod exports;
mod facts;
mod refusals;
mod shapes;
mod splitting;
mod support;
mod tables;
