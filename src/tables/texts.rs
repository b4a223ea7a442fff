//! Distinct texts, numbered in the order in which they first came.

use std::fmt::Write as _;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes that are not UTF-8; `at` is the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUtf8 {
    pub at: usize,
    pub byte: u8,
}

/// One buffer for all texts, with a table from hash to code.
#[derive(Debug, Clone)]
pub struct Texts {
    bytes: Vec<u8>,
    /// Text `i` is `bytes[bounds[i]..bounds[i + 1]]`.
    bounds: Vec<usize>,
    hashes: Vec<u64>,
    /// Codes with the low half of their hash, so that most other texts are told apart without a look at them.
    codes: HashTable<(u32, u32)>,
    /// Of the newest row: rows often repeat their predecessor's value.
    last: u32,
}

impl Default for Texts {
    fn default() -> Self {
        Self { bytes: Vec::new(), bounds: vec![0], hashes: Vec::new(), codes: HashTable::new(), last: 0 }
    }
}

impl Texts {
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The code is below [`len`](Self::len). All texts are UTF-8.
    pub fn get(&self, code: u32) -> &str {
        std::str::from_utf8(self.bytes_of(code)).unwrap_or_default()
    }

    fn bytes_of(&self, code: u32) -> &[u8] {
        &self.bytes[self.bounds[code as usize]..self.bounds[code as usize + 1]]
    }

    /// The code of a text, new or known.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn code(&mut self, text: &[u8]) -> Result<u32, NotUtf8> {
        if !self.hashes.is_empty() && self.bytes_of(self.last) == text {
            return Ok(self.last);
        }
        let hash = xxh3_64(text);
        let Self { bytes, bounds, hashes, codes, last } = self;
        let same = |&(half, code): &(u32, u32)| {
            let place = code as usize;
            half == hash as u32 && &bytes[bounds[place]..bounds[place + 1]] == text
        };
        *last = match codes.entry(hash, same, |&(_, code)| hashes[code as usize]) {
            Entry::Occupied(entry) => entry.get().1,
            Entry::Vacant(entry) => {
                if let Err(error) = std::str::from_utf8(text) {
                    let at = error.valid_up_to();
                    return Err(NotUtf8 { at, byte: text.get(at).copied().unwrap_or_default() });
                }
                let code = hashes.len() as u32;
                entry.insert((hash as u32, code));
                bytes.extend_from_slice(text);
                bounds.push(bytes.len());
                hashes.push(hash);
                code
            }
        };
        Ok(*last)
    }

    /// The code of a text that is UTF-8.
    pub(super) fn code_of_known(&mut self, text: &[u8]) -> u32 {
        self.code(text).unwrap_or_default()
    }

    pub(super) fn code_of_number(&mut self, value: i64) -> u32 {
        let mut text = String::new();
        let _ = write!(text, "{value}");
        self.code_of_known(text.as_bytes())
    }

    /// The codes in the order of the texts' code points.
    pub(super) fn by_code_points(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| self.bytes_of(a).cmp(self.bytes_of(b)));
        order
    }

    /// The codes in the order of the texts' hashes.
    pub(super) fn by_hash(&self) -> Vec<u32> {
        let mut order: Vec<(u64, u32)> = self.hashes.iter().copied().zip(0..).collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.bytes_of(a.1).cmp(self.bytes_of(b.1))));
        order.into_iter().map(|(_, code)| code).collect()
    }

    /// The texts renumbered: text `order[i]` becomes text `i`. Only for reading: the table of codes is given up.
    pub(super) fn reordered(&self, order: &[u32]) -> Self {
        let mut sorted = Self { bytes: Vec::with_capacity(self.bytes.len()), ..Self::default() };
        sorted.bounds.reserve(order.len());
        for &code in order {
            sorted.bytes.extend_from_slice(self.bytes_of(code));
            sorted.bounds.push(sorted.bytes.len());
        }
        sorted.hashes = order.iter().map(|&code| self.hashes[code as usize]).collect();
        sorted
    }
}

impl std::fmt::Display for NotUtf8 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { at, byte } = self;
        write!(f, "the text is not UTF-8 (byte 0x{byte:02x} after {at} good ones); save the file as UTF-8")
    }
}
