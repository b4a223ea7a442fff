//! Guessing is limited: by user and address together, by address, and by user from everywhere.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// How long attempts count, from the first on (µs).
const WINDOW: i64 = 15 * 60 * 1_000_000;
/// Failed attempts within a window. Of one user from one address: someone who has forgotten. From one address: an office behind one
/// router. Of one user from everywhere: many, or anybody could lock anybody out.
const LIMITS: [u32; 3] = [10, 60, 200];
/// What is remembered at most: about 10 MB.
const CAPACITY: usize = 65_536;

#[derive(Debug, Default)]
pub struct Attempts(Mutex<HashMap<Who, Count>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    UserAt(String, IpAddr),
    Address(IpAddr),
    User(String),
}

#[derive(Debug, Clone, Copy)]
struct Count {
    attempts: u32,
    since: i64,
}

/// Why an attempt is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// Whole seconds until the next attempt.
    pub retry_after: u32,
    /// Whether this is the first one over the limit: only that one is worth a line in the audit trail.
    pub first: bool,
}

impl Attempts {
    /// Counts an attempt before it is made, so that a hundred at once are a hundred.
    pub fn begin(&self, email: &str, address: IpAddr, now: i64) -> Result<(), TooMany> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut counts, now);
        let mut refused: Option<TooMany> = None;
        for (who, limit) in whos(email, address).into_iter().zip(LIMITS) {
            let count = counts.entry(who).or_insert(Count { attempts: 0, since: now });
            if now - count.since >= WINDOW {
                *count = Count { attempts: 0, since: now };
            }
            count.attempts = count.attempts.saturating_add(1);
            if count.attempts > limit {
                let left = (count.since + WINDOW - now).max(0);
                let retry_after = u32::try_from(left.div_euclid(1_000_000) + 1).unwrap_or(u32::MAX);
                let first = count.attempts == limit + 1;
                refused = Some(refused.map_or(TooMany { retry_after, first }, |other| TooMany {
                    retry_after: other.retry_after.max(retry_after),
                    first: other.first || first,
                }));
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// Takes back what a right password had counted. The count of the address loses one only: who has one account cannot buy guesses at
    /// others with it.
    pub fn succeeded(&self, email: &str, address: IpAddr) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [pair, address, user] = whos(email, address);
        counts.remove(&pair);
        for who in [address, user] {
            if let Some(count) = counts.get_mut(&who) {
                count.attempts = count.attempts.saturating_sub(1);
            }
        }
    }
}

fn whos(email: &str, address: IpAddr) -> [Who; 3] {
    // What cannot be a user's address is still somebody's attempt.
    let email: String = email.trim().to_lowercase().chars().take(254).collect();
    let address = network(address);
    [Who::UserAt(email.clone(), address), Who::Address(address), Who::User(email)]
}

/// An IPv6 customer has a /64 at least: its addresses are one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

/// Forgets what no longer counts, and if that is not enough the older half.
fn make_room(counts: &mut HashMap<Who, Count>, now: i64) {
    if counts.len() < CAPACITY {
        return;
    }
    counts.retain(|_, count| now - count.since < WINDOW);
    if counts.len() < CAPACITY {
        return;
    }
    let mut times: Vec<i64> = counts.values().map(|count| count.since).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    counts.retain(|_, count| count.since > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_user_at_an_address_has_ten_attempts_in_a_window() {
        let attempts = Attempts::default();
        let home = ip("192.0.2.1");
        for n in 0..10 {
            assert_eq!(attempts.begin("Ada@example.com", home, n * SECOND), Ok(()), "{n}");
        }
        let refused = attempts.begin("ada@example.com ", home, 10 * SECOND).unwrap_err();
        assert_eq!(refused, TooMany { retry_after: 15 * 60 - 10 + 1, first: true });
        assert!(!attempts.begin("ada@example.com", home, 11 * SECOND).unwrap_err().first);
        assert_eq!(attempts.begin("ada@example.com", ip("192.0.2.2"), 11 * SECOND), Ok(()), "elsewhere she can");
        assert_eq!(attempts.begin("bob@example.com", home, 11 * SECOND), Ok(()));
        assert_eq!(attempts.begin("ada@example.com", home, WINDOW), Ok(()), "the window is over");
    }

    #[test]
    fn success_forgets_ones_own_failures_and_no_others() {
        let attempts = Attempts::default();
        let office = ip("2001:db8::1");
        for n in 0..9 {
            attempts.begin("ada@example.com", office, n).unwrap();
        }
        attempts.begin("ada@example.com", office, 9).unwrap();
        attempts.succeeded("ada@example.com", office);
        assert_eq!(attempts.begin("ada@example.com", office, 10), Ok(()));
        // 60 in all from the address, whatever its last 64 bits.
        for n in 0..50_u16 {
            let neighbour = ip(&format!("2001:db8::{:x}", n + 2));
            attempts.begin(&format!("user{n}@example.com"), neighbour, 11).unwrap();
        }
        assert!(attempts.begin("last@example.com", office, 12).is_err());
        assert_eq!(attempts.begin("last@example.com", ip("2001:db8:0:1::1"), 12), Ok(()));
    }

    #[test]
    fn a_flood_takes_no_more_than_its_room() {
        let attempts = Attempts::default();
        for n in 0..100_000_u32 {
            let _ = attempts.begin("ada@example.com", IpAddr::from(n.to_be_bytes()), i64::from(n));
        }
        assert!(attempts.0.lock().unwrap().len() <= CAPACITY + 2);
        let victim = attempts.begin("ada@example.com", ip("198.51.100.1"), 100_000);
        assert!(victim.is_err(), "200 attempts at one user from everywhere are enough");
    }
}
