//! Long work. Each kind of job is one file; the command line runs it inline, the API enqueues it.

pub mod act;
pub mod compact;
pub mod erase;
pub mod grace;
pub mod import;
pub mod publish;
mod read;
pub mod rebuild;
pub mod retain;
pub mod runner;
pub mod sweep;
pub mod uploads;
