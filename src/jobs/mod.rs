//! Long work. The command line runs it inline, the API enqueues it: `kinds` says what is queued and calls the same code.

pub mod act;
pub mod compact;
pub mod control;
pub mod doctor;
pub mod erase;
pub mod grace;
pub mod import;
pub mod kinds;
pub mod publish;
mod read;
pub mod rebuild;
pub mod retain;
pub mod runner;
pub mod schedule;
pub mod sweep;
pub mod uploads;
