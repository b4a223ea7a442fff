//! Cuts a process off at its n-th operation on storage or database: from then on every operation fails.

use std::sync::{Mutex, MutexGuard, PoisonError};

use assay::error::{Error, Result};
use assay::store::{Access, Probe};

/// How far the operation comes at which the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Not at all.
    Before,
    /// A part of it: what a process that dies inside the operation leaves behind.
    Half,
    /// To its end, but nobody hears of it.
    Lost,
}

impl Cut {
    pub const ALL: [Self; 3] = [Self::Before, Self::Half, Self::Lost];
}

/// What becomes of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Whole,
    Nothing,
    Half,
    Unheard,
}

#[derive(Debug)]
pub struct Fuse {
    at: usize,
    cut: Cut,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    schedule: Vec<String>,
    blown: bool,
}

impl Fuse {
    /// Blows at operation `at`, counted from 1.
    pub fn new(at: usize, cut: Cut) -> Self {
        Self { at, cut, seen: Mutex::default() }
    }

    /// Only counts.
    pub fn never() -> Self {
        Self::new(0, Cut::Before)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_blown(&self) -> bool {
        self.seen().blown
    }

    /// The operations up to and with the one at which the process died.
    pub fn schedule(&self) -> Vec<String> {
        self.seen().schedule.clone()
    }

    pub fn meets(&self, operation: String) -> Fate {
        let mut seen = self.seen();
        if seen.blown {
            return Fate::Nothing;
        }
        seen.schedule.push(operation);
        if seen.schedule.len() != self.at {
            return Fate::Whole;
        }
        seen.blown = true;
        match self.cut {
            Cut::Before => Fate::Nothing,
            Cut::Half => Fate::Half,
            Cut::Lost => Fate::Unheard,
        }
    }
}

/// A database operation of several statements that is half done is a transaction that never commits, and one statement is never half done:
/// for both, nothing happens.
impl Probe for Fuse {
    fn before(&self, access: Access) -> Result<()> {
        match self.meets(format!("database: {access:?}")) {
            Fate::Whole | Fate::Unheard => Ok(()),
            Fate::Nothing | Fate::Half => Err(dead()),
        }
    }

    fn after(&self, _: Access) -> Result<()> {
        if self.is_blown() { Err(dead()) } else { Ok(()) }
    }
}

fn dead() -> Error {
    Error::Unavailable { message: "the process has died".to_owned(), source: None }
}
