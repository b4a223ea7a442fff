//! Logging in: passwords, sessions, cookies, and what is done against guessing. Knows HTTP headers and the database, and no pages.

mod attempts;
mod cookie;
mod login;
mod origin;
mod password;
mod visitor;

use std::net::IpAddr;

pub use cookie::{clear as clear_cookie, csrf_token, session_id, set as set_cookie};
pub use login::{Attempt, Login, actor_of};
pub use origin::{Transport, client_address, is_same_origin};
pub use password::check_password;
pub use visitor::{Person, Visitor};

use crate::error::Result;
use crate::store::PasswordHash;

/// What logging in needs between requests. In memory: a restart forgets failed attempts, nothing else.
#[derive(Debug, Default)]
pub struct Auth {
    attempts: attempts::Attempts,
    passwords: password::Passwords,
}

impl Auth {
    /// The hash of a password that is to be set.
    ///
    /// # Errors
    /// `Invalid` when the password breaks the rule of [`check_password`].
    pub async fn hash_password(&self, password: &str) -> Result<PasswordHash> {
        check_password(password)?;
        self.passwords.hash(password).await
    }
}

/// Where a request comes from when nothing says so.
const NOWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
