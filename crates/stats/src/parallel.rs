//! Work on independent pieces by several threads, whose results do not depend on the number of threads.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::thread;

/// How many threads may work at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads(NonZeroUsize);

impl Threads {
    pub const ONE: Self = Self(NonZeroUsize::MIN);

    pub fn new(threads: NonZeroUsize) -> Self {
        Self(threads)
    }

    /// As many as the machine offers.
    pub fn available() -> Self {
        thread::available_parallelism().map_or(Self::ONE, Self)
    }

    pub fn get(self) -> usize {
        self.0.get()
    }

    /// Splits `0..n` into one range per thread and puts the results in their order.
    pub(crate) fn map_ranges<T: Send>(self, n: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
        let parts = self.get().min(n).max(1);
        let ranges: Vec<Range<usize>> = (0..parts).map(|part| n * part / parts..n * (part + 1) / parts).collect();
        in_parts(&ranges, work)
    }

    /// One result for each number below `n`, in their order.
    pub(crate) fn map<T: Send>(self, n: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
        let parts = self.map_ranges(n, |range| range.map(&work).collect::<Vec<T>>());
        let mut all = Vec::with_capacity(n);
        parts.into_iter().for_each(|part| all.extend(part));
        all
    }
}

/// One thread for each of these ranges; results in their order. A panic in a thread goes on in the caller.
pub(crate) fn in_parts<T: Send>(ranges: &[Range<usize>], work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    if ranges.len() == 1 {
        return ranges.iter().cloned().map(work).collect();
    }
    let work = &work;
    thread::scope(|scope| {
        let running: Vec<_> = ranges.iter().map(|range| scope.spawn(move || work(range.clone()))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_threads_gives_the_same() {
        let expected: Vec<usize> = (0..1000).map(|n| n * n).collect();
        for threads in [1, 2, 3, 7, 2000] {
            let threads = Threads::new(NonZeroUsize::new(threads).unwrap());
            assert_eq!(threads.map(1000, |n| n * n), expected);
            assert!(threads.map(0, |n| n).is_empty());
        }
    }
}
