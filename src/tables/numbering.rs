//! Codes in the order of what they stand for.

use super::codes::{Coded, MISSING};
use super::names::Names;

/// Integers within 2³² of each other, as their distance from `base`.
#[derive(Debug, Clone, Copy)]
pub struct Near {
    pub base: i64,
    /// The least and the greatest distance; `low` is [`MISSING`] before the first.
    pub low: u32,
    pub high: u32,
}

impl Near {
    /// Room on both sides of the first value.
    pub fn around(value: i64) -> Self {
        Self { base: value.saturating_sub(1 << 31), low: MISSING, high: 0 }
    }

    pub fn distance(self, value: i64) -> Option<u32> {
        let distance = value.wrapping_sub(self.base) as u64;
        (value >= self.base && distance < u64::from(MISSING)).then_some(distance as u32)
    }

    pub fn value(self, distance: u32) -> i64 {
        self.base + i64::from(distance)
    }
}

/// Numbers integers by how many smaller ones occur.
pub fn number_near(mut codes: Vec<u32>, near: Near) -> Coded {
    let span = (near.high - near.low) as usize + 1;
    let mut present = vec![0_u64; span.div_ceil(64)];
    for code in codes.iter().filter(|code| **code != MISSING) {
        let place = (code - near.low) as usize;
        present[place / 64] |= 1 << (place % 64);
    }
    let distinct: usize = present.iter().map(|word| word.count_ones() as usize).sum();
    let first = near.value(near.low);
    if distinct == span {
        for code in codes.iter_mut().filter(|code| **code != MISSING) {
            *code -= near.low;
        }
        return Coded { codes, names: Names::Range { first, len: span } };
    }
    let mut before = Vec::with_capacity(present.len());
    let mut values = Vec::with_capacity(distinct);
    for (word, &bits) in present.iter().enumerate() {
        before.push(values.len() as u32);
        let mut rest = bits;
        while rest != 0 {
            values.push(first + (64 * word) as i64 + i64::from(rest.trailing_zeros()));
            rest &= rest - 1;
        }
    }
    for code in codes.iter_mut().filter(|code| **code != MISSING) {
        let place = (*code - near.low) as usize;
        let smaller = present[place / 64] & ((1 << (place % 64)) - 1);
        *code = before[place / 64] + smaller.count_ones();
    }
    Coded { codes, names: Names::Ints(values) }
}

/// Numbers values in their order.
pub fn sorted<T: Copy>(codes: &mut [u32], values: Vec<T>, compare: impl Fn(&T, &T) -> std::cmp::Ordering) -> Vec<T> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| compare(&values[a as usize], &values[b as usize]));
    recode_all(codes, &places(&order));
    order.iter().map(|&code| values[code as usize]).collect()
}

/// For each code its place in an order.
pub fn places(order: &[u32]) -> Vec<u32> {
    let mut places = vec![0; order.len()];
    for (place, &code) in (0..).zip(order) {
        places[code as usize] = place;
    }
    places
}

/// Replaces codes; missing values stay.
pub fn recode_all(codes: &mut [u32], recode: &[u32]) {
    if recode.iter().enumerate().all(|(code, &new)| code == new as usize) {
        return;
    }
    for code in codes.iter_mut().filter(|code| **code != MISSING) {
        *code = recode[*code as usize];
    }
}
