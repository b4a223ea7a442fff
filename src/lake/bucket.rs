//! Which bucket an item lies in. The hash is part of the stored layout and never changes.

use xxhash_rust::xxh3::xxh3_64;

/// Bytes that one bucket should hold, as JSON or as rows in memory: large enough for good Parquet, small enough that a bucket is merged in
/// memory.
pub const BYTES_PER_BUCKET: u64 = 64 << 20;
pub const MAX_BUCKETS: u32 = 4096;

/// The bucket of an item: XXH3 (64 bit, seed 0) of its id, modulo the project's number of buckets (a power of two).
pub fn bucket_of(item_id: &str, buckets: u32) -> u32 {
    debug_assert!(buckets.is_power_of_two());
    (xxh3_64(item_id.as_bytes()) & u64::from(buckets - 1)) as u32
}

/// The number of buckets of about `bytes_per_bucket` each that hold `bytes`.
pub fn buckets_for(bytes: u64, bytes_per_bucket: u64) -> u32 {
    let wanted = bytes.div_ceil(bytes_per_bucket.max(1)).clamp(1, u64::from(MAX_BUCKETS));
    (wanted as u32).next_power_of_two()
}

/// A bucket may hold so many times what it should before the number of buckets grows: then growth is rare, and what is in one fits in
/// memory all the same.
const SLACK: u64 = 2;

/// The number of buckets for a project that has `buckets` of them, whose rows take `known` bytes in memory, and into which `staged` bytes
/// are to be merged. It never gets less.
///
/// How much of what is staged is known already is seen only when it is merged. The larger of the two is at least half of what the project
/// will hold, and does not count an export that is imported every night twice.
pub fn grown_buckets(buckets: u32, known: u64, staged: u64, bytes_per_bucket: u64) -> u32 {
    let bytes = known.max(staged);
    let room = u64::from(buckets).saturating_mul(bytes_per_bucket).saturating_mul(SLACK);
    if bytes <= room { buckets } else { buckets.max(buckets_for(bytes, bytes_per_bucket)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fixed() {
        // Stored files depend on this function: another one would lose items.
        assert_eq!(
            xxh3_64(b""),
            0x2d06_8005_38d3_94c2,
            "XXH3 with seed 0, as its specification gives for the empty input"
        );
    }

    #[test]
    fn doubling_the_buckets_splits_each_in_two() {
        for n in 0..1000 {
            let id = format!("demo/task/{n}");
            assert_eq!(bucket_of(&id, 64) % 32, bucket_of(&id, 32));
        }
    }

    #[test]
    fn bucket_counts_follow_the_size() {
        let buckets = |bytes| buckets_for(bytes, BYTES_PER_BUCKET);
        assert_eq!(buckets(0), 1);
        assert_eq!(buckets(64 << 20), 1);
        assert_eq!(buckets((64 << 20) + 1), 2);
        assert_eq!(buckets(2 << 30), 32);
        assert_eq!(buckets(u64::MAX), MAX_BUCKETS);
        assert_eq!(buckets_for(1000, 300), 4);
    }

    #[test]
    fn buckets_grow_when_they_hold_twice_their_measure() {
        assert_eq!(grown_buckets(1, 0, 200, 100), 1);
        assert_eq!(grown_buckets(1, 0, 201, 100), 4);
        assert_eq!(grown_buckets(4, 800, 800, 100), 4, "the same export again makes nothing grow");
        assert_eq!(grown_buckets(4, 801, 1, 100), 16);
        assert_eq!(grown_buckets(64, 100, 100, 100), 64, "never less");
        assert_eq!(grown_buckets(1, u64::MAX, u64::MAX, 1), MAX_BUCKETS);
        assert_eq!(grown_buckets(MAX_BUCKETS, u64::MAX, 0, u64::MAX), MAX_BUCKETS);
    }
}
