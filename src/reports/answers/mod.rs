//! What a snapshot's annotators said, as codes in memory: every count and rating of a report is read off it, of all items or of a slice.
//!
//! A bucket is read once and kept while its files are those of a snapshot that is asked for: an import that touches few buckets makes few
//! anew.

mod bucket;
mod cache;
mod read;

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

pub use bucket::{Annotation, Mark, NONE, Status};
pub use cache::AnswerCache;
pub use read::{Given, SeenControl};

use bucket::Bucket;

/// The answers of all items of a snapshot.
#[derive(Debug)]
pub struct Whole {
    buckets: Vec<Part>,
    /// Of all buckets, ascending.
    raters: Vec<String>,
    labels: Vec<String>,
    /// Name and type, ascending.
    controls: Vec<(String, String)>,
    /// Bucket and item, in the order of item ids.
    order: Vec<(u32, u32)>,
}

/// A bucket, and what its codes are among those of all.
#[derive(Debug)]
struct Part {
    bucket: Arc<Bucket>,
    raters: Vec<u32>,
    labels: Vec<u32>,
    controls: Vec<u32>,
}

/// The answers of a snapshot, or of a slice of its items.
#[derive(Debug, Clone)]
pub struct Answers {
    whole: Arc<Whole>,
    /// Places in `order`, ascending; all of them where there is none.
    selected: Option<Arc<Vec<u32>>>,
}

impl Whole {
    fn new(buckets: Vec<Arc<Bucket>>) -> Self {
        let raters = distinct(buckets.iter().flat_map(|bucket| &bucket.raters));
        let labels = distinct(buckets.iter().flat_map(|bucket| &bucket.labels));
        let controls = distinct(buckets.iter().flat_map(|bucket| &bucket.controls));
        let order = merged(&buckets);
        let part = |bucket: Arc<Bucket>| Part {
            raters: places(&bucket.raters, &raters),
            labels: places(&bucket.labels, &labels),
            controls: places(&bucket.controls, &controls),
            bucket,
        };
        let buckets = buckets.into_iter().map(part).collect();
        Self { buckets, raters, labels, controls, order }
    }

    fn item(&self, (bucket, item): (u32, u32)) -> &str {
        self.buckets[bucket as usize].bucket.item(item as usize)
    }
}

impl Answers {
    /// The answers of all items of the snapshot.
    pub fn whole(&self) -> Self {
        Self { whole: self.whole.clone(), selected: None }
    }

    pub fn is_sliced(&self) -> bool {
        self.selected.is_some()
    }
}

fn distinct<'a, T: Ord + Clone + 'a>(names: impl Iterator<Item = &'a T>) -> Vec<T> {
    let mut names: Vec<T> = names.cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn places<T: Ord>(names: &[T], all: &[T]) -> Vec<u32> {
    names.iter().map(|name| all.binary_search(name).map_or(NONE, |place| place as u32)).collect()
}

/// The next item of a bucket, for a heap whose greatest element is the least id.
struct Next<'a>(&'a str, u32, u32);

impl Ord for Next<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.0, other.1).cmp(&(self.0, self.1))
    }
}

impl PartialOrd for Next<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Next<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Next<'_> {}

fn merged(buckets: &[Arc<Bucket>]) -> Vec<(u32, u32)> {
    let next = |bucket: u32, item: u32| {
        let of = &buckets[bucket as usize];
        ((item as usize) < of.n_items()).then(|| Next(of.item(item as usize), bucket, item))
    };
    let mut heap: BinaryHeap<Next<'_>> = (0..buckets.len() as u32).filter_map(|bucket| next(bucket, 0)).collect();
    let mut order = Vec::with_capacity(buckets.iter().map(|bucket| bucket.n_items()).sum());
    while let Some(Next(_, bucket, item)) = heap.pop() {
        order.push((bucket, item));
        heap.extend(next(bucket, item + 1));
    }
    order
}
