#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall panic")]

mod store;
