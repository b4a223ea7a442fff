//! How long files that no snapshot names are left alone, and how that is kept from both sides.
//!
//! A writer puts files into the lake before the snapshot that names them is committed, and a query reads the files of a snapshot that may be
//! retired meanwhile. So a sweep deletes only what has been unnamed for the grace time, and a writer whose first file may be older than
//! [`LONGEST_WRITE`] does not commit any more.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::store::now_micros;

const HOUR: Duration = Duration::from_secs(3600);

/// A sweep that others may work beside leaves everything younger than this alone.
pub const SHORTEST_GRACE: Duration = Duration::from_secs(12 * HOUR.as_secs());
/// From the first file written to the commit. An hour less than the grace time: for the commit itself, and for clocks that differ.
pub const LONGEST_WRITE: Duration = Duration::from_secs(11 * HOUR.as_secs());
/// The clock of this machine and that of the storage may differ by so much.
pub const MAX_SKEW: Duration = Duration::from_secs(10 * 60);

/// Opened before the first file of a snapshot is written.
#[derive(Debug, Clone, Copy)]
pub struct WriteWindow {
    /// Does not jump, but stands still while the machine sleeps.
    opened: Instant,
    /// Goes on while the machine sleeps, but may be set back.
    opened_at: i64,
}

impl WriteWindow {
    pub fn open() -> Self {
        Self { opened: Instant::now(), opened_at: now_micros() }
    }

    /// # Errors
    /// `Conflict` when a sweep may have taken the first files for orphans.
    pub fn check(&self) -> Result<()> {
        let by_clock = u64::try_from(now_micros() - self.opened_at).unwrap_or_default();
        let open = self.opened.elapsed().max(Duration::from_micros(by_clock));
        if open <= LONGEST_WRITE {
            return Ok(());
        }
        Err(Error::Conflict(format!(
            "writing took {} h, and after {} h a sweep may take the first files for orphans: nothing was committed; \
             run it again with less at once or on a faster machine",
            open.as_secs() / HOUR.as_secs(),
            LONGEST_WRITE.as_secs() / HOUR.as_secs(),
        )))
    }
}

/// Reads a span of time such as `90m`, `24h`, `30d` or `4w`.
pub fn parse_span(text: &str) -> std::result::Result<Duration, String> {
    let wrong = || format!("{text:?} is not a span of time; write a whole number and m, h, d or w, as in 30d");
    let at = text.len() - text.chars().last().map_or(0, char::len_utf8);
    let (number, unit) = text.split_at(at);
    let seconds: u64 = match unit {
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        "w" => 7 * 24 * 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let within_reason = number.checked_mul(seconds).filter(|seconds| *seconds <= 200 * 365 * 24 * 3600);
    within_reason.map(Duration::from_secs).ok_or_else(wrong)
}

/// The time `span` before `now`, in microseconds.
pub(super) fn before(now: i64, span: Duration) -> i64 {
    now.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(ago: Duration, by_clock: Duration) -> WriteWindow {
        let opened = Instant::now().checked_sub(ago).expect("the machine has run for long enough");
        WriteWindow { opened, opened_at: before(now_micros(), by_clock) }
    }

    #[test]
    fn a_writer_that_took_too_long_does_not_commit() {
        let (short, long) = (Duration::ZERO, LONGEST_WRITE + Duration::from_secs(1));
        opened(short, LONGEST_WRITE - Duration::from_secs(60)).check().unwrap();
        // As on a machine that slept meanwhile.
        let error = opened(short, long).check().unwrap_err();
        assert!(
            matches!(&error, Error::Conflict(text) if text.contains("11 h") && text.contains("run it again")),
            "{error}"
        );
        // A clock that was set back does not hide it, nor does one set forward and back.
        WriteWindow { opened: Instant::now(), opened_at: now_micros() + 3_600_000_000 }.check().unwrap();
        const { assert!(LONGEST_WRITE.as_secs() + MAX_SKEW.as_secs() < SHORTEST_GRACE.as_secs()) };
    }

    #[test]
    fn spans_are_read() {
        for (text, seconds) in [("90m", 5400), ("24h", 86_400), ("30d", 30 * 86_400), ("2w", 14 * 86_400), ("0h", 0)] {
            assert_eq!(parse_span(text).unwrap().as_secs(), seconds);
        }
        for bad in ["", "h", "5", "-1h", "1.5h", "5y", "5H", "99999999999999w", "ä", "30 d"] {
            assert!(parse_span(bad).unwrap_err().contains("as in 30d"), "{bad}");
        }
    }
}
