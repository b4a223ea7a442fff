//! Passwords: argon2id with the parameters that OWASP recommends (19 MiB, two passes), each hash in about 20 ms.

use argon2::password_hash::{PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};
use crate::store::PasswordHash;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const MIN_CHARS: usize = 12;
const MAX_CHARS: usize = 256;
/// Hashes computed at the same time: a flood of logins must not take all memory and all cores.
const AT_ONCE: usize = 2;

#[derive(Debug)]
pub struct Passwords(Semaphore);

impl Default for Passwords {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

impl Passwords {
    pub async fn hash(&self, password: &str) -> Result<PasswordHash> {
        let password = password.to_owned();
        self.run(move || {
            let mut salt = [0; 16];
            getrandom::fill(&mut salt)
                .map_err(|e| Error::unavailable("the system gives no random numbers", anyhow::anyhow!("{e}")))?;
            let salt = SaltString::encode_b64(&salt).map_err(fault)?;
            let hash = hasher()?.hash_password(password.as_bytes(), &salt).map_err(fault)?;
            Ok(PasswordHash(hash.to_string()))
        })
        .await
    }

    /// Whether this is the password. Without a hash the same work is done for nothing, so that time does not tell who exists.
    pub async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<bool> {
        let password = password.to_owned();
        self.run(move || {
            let known = hash.filter(|hash| !hash.0.is_empty());
            let is_known = known.is_some();
            let text = known.map_or_else(decoy, |hash| hash.0);
            let parsed = argon2::PasswordHash::new(&text).map_err(fault)?;
            match hasher()?.verify_password(password.as_bytes(), &parsed) {
                Ok(()) => Ok(is_known),
                Err(argon2::password_hash::Error::Password) => Ok(false),
                Err(error) => Err(fault(error)),
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let _place = self.0.acquire().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
    }
}

fn hasher() -> Result<Argon2<'static>> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| Error::internal(anyhow::anyhow!("{error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// A hash of the same cost that no password has: its salt and digest are all zeros.
fn decoy() -> String {
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}", "A".repeat(22), "A".repeat(43))
}

fn fault(error: argon2::password_hash::Error) -> Error {
    Error::internal(anyhow::anyhow!("argon2: {error}"))
}

/// The rule for new passwords: long rather than complicated.
///
/// # Errors
/// `Invalid`, never with the password in the message.
pub fn check_password(password: &str) -> Result<()> {
    let chars = password.chars().count();
    if !(MIN_CHARS..=MAX_CHARS).contains(&chars) {
        return Err(Error::invalid(format!(
            "a password has {MIN_CHARS} to {MAX_CHARS} characters; this one has {chars}"
        )));
    }
    let mut different: Vec<char> = password.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < 5 {
        return Err(Error::invalid("a password needs at least 5 different characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_told_from_others_and_hashed_anew_each_time() {
        let passwords = Passwords::default();
        let (one, two) =
            (passwords.hash("correct horse").await.unwrap(), passwords.hash("correct horse").await.unwrap());
        assert!(one != two && one.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.0);
        assert!(passwords.verify("correct horse", Some(one.clone())).await.unwrap());
        for (wrong, hash) in
            [("correct horsf", Some(one)), ("correct horse", None), ("", Some(PasswordHash::default()))]
        {
            assert!(!passwords.verify(wrong, hash).await.unwrap(), "{wrong}");
        }
        assert!(passwords.verify("x", Some(PasswordHash("plain".into()))).await.is_err());
    }

    #[test]
    fn long_passwords_are_taken_and_short_ones_not_shown() {
        assert!(check_password("twelve chars").is_ok() && check_password("Grüße an Käse 🧀").is_ok());
        for bad in ["", "eleven char", "aaaaaaaaaaaaaaaa", "abababababababab", &"xyz".repeat(100)] {
            let refused = check_password(bad).unwrap_err().to_string();
            assert!(bad.is_empty() || !refused.contains(bad), "{refused}");
        }
    }
}
