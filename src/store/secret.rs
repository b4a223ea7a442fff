//! Random texts that are secrets, and what is kept of them: SHA-256. With 238 bits of chance a slow hash would add nothing.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// In hex.
pub fn hash(secret: &str) -> String {
    Sha256::digest(secret).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Compares without stopping at the first difference, so that time tells nothing about the place of it.
pub fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b))) == 0
}

/// `n` characters, each drawn evenly from 62. Bytes above the last whole multiple of 62 are thrown away.
pub fn random_text(n: usize) -> Result<String> {
    let even = 256 / ALPHABET.len() * ALPHABET.len();
    let mut text = String::with_capacity(n);
    let mut bytes = [0; 64];
    while text.len() < n {
        getrandom::fill(&mut bytes)
            .map_err(|e| Error::unavailable("the system gives no random numbers", anyhow::anyhow!("{e}")))?;
        let usable = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < even);
        text.extend(usable.map(|byte| char::from(ALPHABET[byte % ALPHABET.len()])).take(n - text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn texts_are_random_and_evenly_spread() {
        let texts: BTreeSet<String> = (0..200).map(|_| random_text(40).unwrap()).collect();
        assert_eq!(texts.len(), 200);
        let used: BTreeSet<char> = texts.iter().flat_map(|text| text.chars()).collect();
        assert_eq!(used.len(), 62);
        assert!(texts.iter().all(|text| text.len() == 40));
    }

    #[test]
    fn hashes_are_compared_whole() {
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(same("abc", "abc"));
        assert!(!same("abc", "abd") && !same("abc", "bbc") && !same("abc", "ab") && !same("", "a"));
    }
}
