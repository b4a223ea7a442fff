//! Long work. Each kind of job is one file; the command line runs it inline, the API enqueues it.

pub mod import;
pub mod publish;
mod read;
pub mod runner;
