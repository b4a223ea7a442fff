//! Label Studio's JSON: easy export, with all tasks, and snapshots, told apart by the content of each record.
//!
//! Reading has two halves. [`Splitter`] finds the tasks of the list, cheaply and in order; [`parse_chunk`] is pure and can run on any
//! number of threads.

mod annotation;
mod canonical;
mod json;
mod parse;
mod record;
mod slices;
mod split;
mod time;
mod value;

pub use crate::error::FormatError;
pub use crate::raters::{RaterMention, ResolvedRaters, known_raters, raters_batch, resolve_raters};
pub use json::Fields;
pub use parse::{
    ChunkParser, Counts, INCOMPLETE_ANNOTATIONS, INCOMPLETE_DRAFTS, INCOMPLETE_PREDICTIONS, ParseOptions, Parsed,
    parse_chunk,
};
pub use split::{Chunk, MAX_TASK_BYTES, SplitOptions, Splitter, TaskBytes};
