//! How often. Each key and each user may read and write so many times a minute, spread or at once; each address may be refused so many times, so that keys
//! cannot be guessed. An answer says what is left (draft-ietf-httpapi-ratelimit-headers: `RateLimit-Policy`, `RateLimit`).

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use clap::Args;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::problem::Problem;
use crate::auth::client_address;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");
const WINDOW: Duration = Duration::from_secs(60);
/// Callers that are idle again are forgotten after so many checks.
const FORGET_EVERY: u32 = 4096;

/// Requests per minute; 0 sets no limit.
#[derive(Debug, Clone, Copy, Args)]
pub struct RateLimits {
    /// Reads per minute and key; 0: no limit.
    #[arg(long, env = "ASSAY_RATE_READ", default_value_t = 60_000)]
    pub rate_read: u32,

    /// Changes (imports, jobs, keys …) per minute and key; 0: no limit.
    #[arg(long, env = "ASSAY_RATE_WRITE", default_value_t = 1_200)]
    pub rate_write: u32,

    /// Wrong or missing credentials per minute and address; 0: no limit.
    #[arg(long, env = "ASSAY_RATE_REFUSED", default_value_t = 120)]
    pub rate_refused: u32,
}

impl RateLimits {
    /// No limits: for one's own machine.
    pub const NONE: Self = Self { rate_read: 0, rate_write: 0, rate_refused: 0 };
}

/// What a request counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Read,
    Write,
}

type Limiter<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// The limit of one class, over all callers.
struct Limit<K: std::hash::Hash + Eq + Clone> {
    name: &'static str,
    per_minute: NonZeroU32,
    limiter: Limiter<K>,
    checks: AtomicU32,
}

impl<K: std::hash::Hash + Eq + Clone> Limit<K> {
    fn new(name: &'static str, per_minute: u32) -> Option<Self> {
        let per_minute = NonZeroU32::new(per_minute)?;
        let limiter = RateLimiter::hashmap(Quota::per_minute(per_minute)).with_middleware();
        Some(Self { name, per_minute, limiter, checks: AtomicU32::new(0) })
    }

    /// Counts one request of this caller; an error when it is one too many.
    fn take(&self, caller: &K) -> Verdict {
        if self.checks.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let (left, wait) = match self.limiter.check_key(caller) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(until) => (0, Some(until.wait_time_from(DefaultClock::default().now()))),
        };
        Verdict { name: self.name, per_minute: self.per_minute.get(), left, wait }
    }
}

/// What became of a request, for the headers of its answer.
#[derive(Debug, Clone, Copy)]
struct Verdict {
    name: &'static str,
    per_minute: u32,
    left: u32,
    wait: Option<Duration>,
}

impl Verdict {
    /// Seconds until everything is free again.
    fn until_full(self) -> u64 {
        let used = u64::from(self.per_minute - self.left.min(self.per_minute));
        (used * WINDOW.as_secs()).div_ceil(u64::from(self.per_minute))
    }

    fn refusal(self) -> Option<Problem> {
        // At least a second: "0" would invite the next refusal.
        let seconds = self.wait?.as_secs_f64().ceil().max(1.0) as u64;
        let detail = match self.name {
            "refused" => format!("more than {} requests a minute from here without a valid key", self.per_minute),
            name => format!("more than {} {name} requests a minute with this key or by this user", self.per_minute),
        };
        let problem =
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", format!("{detail}; go on in {seconds} s"));
        Some(problem.with(RETRY_AFTER, HeaderValue::from(seconds)))
    }
}

/// Where [`headers`] finds what was decided on the way.
#[derive(Debug, Clone, Default)]
struct Slot(Arc<OnceLock<Verdict>>);

/// All limits of a server.
pub struct Rates {
    read: Option<Limit<String>>,
    write: Option<Limit<String>>,
    refused: Option<Limit<IpAddr>>,
}

impl Rates {
    pub fn new(limits: RateLimits) -> Self {
        Self {
            read: Limit::new("read", limits.rate_read),
            write: Limit::new("write", limits.rate_write),
            refused: Limit::new("refused", limits.rate_refused),
        }
    }

    /// Counts a request of this caller.
    ///
    /// # Errors
    /// `rate_limited` when it is one too many.
    pub fn take(&self, parts: &Parts, actor: &str, class: Class) -> Result<(), Problem> {
        let limit = match class {
            Class::Read => &self.read,
            Class::Write => &self.write,
        };
        limit.as_ref().map_or(Ok(()), |limit| decide(parts, limit.take(&actor.to_owned())))
    }

    /// Counts a request without valid credentials.
    ///
    /// # Errors
    /// `rate_limited` when its address has sent too many.
    pub fn refuse(&self, parts: &Parts) -> Result<(), Problem> {
        if parts.extensions.get::<ConnectInfo<SocketAddr>>().is_none() {
            return Ok(());
        }
        self.refused.as_ref().map_or(Ok(()), |limit| decide(parts, limit.take(&client_address(parts))))
    }
}

fn decide(parts: &Parts, verdict: Verdict) -> Result<(), Problem> {
    if let Some(Slot(slot)) = parts.extensions.get::<Slot>() {
        // A request is counted once.
        let _ = slot.set(verdict);
    }
    verdict.refusal().map_or(Ok(()), Err)
}

/// Around everything that is counted: says in the answer what the caller has left.
pub async fn headers(mut request: Request, next: Next) -> Response {
    let slot = Slot::default();
    request.extensions_mut().insert(slot.clone());
    let mut response = next.run(request).await;
    if let Some(verdict) = slot.0.get().copied() {
        let Verdict { name, per_minute, left, .. } = verdict;
        let policy = format!("\"{name}\";q={per_minute};w={}", WINDOW.as_secs());
        let rest = format!("\"{name}\";r={left};t={}", verdict.until_full());
        for (header, value) in [(POLICY, policy), (LEFT, rest)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(header, value);
            }
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_so_many_a_minute() {
        let limit = Limit::new("write", 3).unwrap();
        let left: Vec<u32> = (0..3).map(|_| limit.take(&"a").left).collect();
        assert_eq!(left, [2, 1, 0]);
        let refused = limit.take(&"a");
        assert!(refused.wait.is_some_and(|wait| wait <= Duration::from_secs(20)));
        assert_eq!((refused.left, refused.until_full()), (0, 60));
        assert_eq!(refused.refusal().unwrap().code(), "rate_limited");
        assert_eq!(limit.take(&"b").left, 2, "another caller has its own");
        assert!(Limit::<&str>::new("write", 0).is_none());
    }

    #[tokio::test]
    async fn idle_callers_are_forgotten() {
        let limit = Limit::new("read", u32::MAX).unwrap();
        for caller in 0..FORGET_EVERY {
            limit.take(&caller);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        limit.limiter.retain_recent();
        assert!(limit.limiter.is_empty(), "{} are known", limit.limiter.len());
    }
}
