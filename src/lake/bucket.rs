//! Which bucket an item lies in. The hash is part of the stored layout and never changes.

use xxhash_rust::xxh3::xxh3_64;

/// Bytes that one bucket should hold, as JSON or as rows in memory: large enough for good Parquet, small enough that a bucket is merged in
/// memory.
pub const BYTES_PER_BUCKET: u64 = 64 << 20;
const MAX_BUCKETS: u32 = 4096;

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
}
