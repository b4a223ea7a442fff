//! HTTP in and out. `router.rs` lists every route; each resource is one file.
#![expect(unused_qualifications, reason = "the macros of utoipa write them")]

mod access;
mod audit;
mod diff;
mod disagreements;
mod docs;
mod etags;
mod events;
mod extract;
mod forms;
mod guard;
mod health;
mod idempotency;
mod imports;
mod items;
mod jobs;
mod keys;
mod limits;
mod me;
mod members;
mod observe;
mod orders;
mod paging;
mod problem;
mod projects;
mod rate;
mod reports;
mod router;
mod schedules;
mod snapshots;
mod state;

pub use rate::RateLimits;
pub use router::{Settings, openapi, router};

/// A time of the database as text, UTC.
fn rfc3339(micros: i64) -> crate::error::Result<String> {
    jiff::Timestamp::from_microsecond(micros).map(|time| time.to_string()).map_err(crate::error::Error::internal)
}

/// A time that someone gave, RFC 3339, in the database's microseconds.
fn time(field: &str, text: &str) -> crate::error::Result<i64> {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    parsed.map(jiff::Timestamp::as_microsecond).map_err(|_| {
        let shown: String = text.chars().take(40).collect();
        crate::error::Error::invalid(format!("{field} {shown:?}: write a time as 2026-11-24T10:00:00Z"))
    })
}
