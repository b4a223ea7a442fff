//! Jackknife, bootstrap and two-way bootstrap of real figures: against the peers, against textbook formulas, and for any threads.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

mod alpha;
mod bootstrap;
mod jackknife;
mod mean;
mod two_way;
