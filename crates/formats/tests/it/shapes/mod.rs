//! One test per value shape: what a control writes lands in its columns exactly, and what has no column is in `raw`.

use crate::support::results_of;

mod answers;
mod lossless;
mod regions;
mod time;

/// The rows of one result: `name=value` of every column that is not null.
#[track_caller]
fn shape(result: &str, expected: &[&[&str]]) {
    assert_eq!(results_of(&format!("[{result}]")), expected);
}
