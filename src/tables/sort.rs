//! Ratings sorted by item, by counting: linear in the number of rows.

use super::codes::MISSING;

/// One row that counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rating {
    pub rater: u32,
    pub label: u32,
    /// From 0.
    pub row: u32,
}

/// A rating as it is kept while ratings are sorted.
pub trait Placed: Copy + Default + Send {
    fn of(rating: Rating) -> Self;
    fn rater(&self) -> u32;
    /// Rater and label, to be changed.
    fn codes(&mut self) -> (&mut u32, &mut u32);
}

impl Placed for Rating {
    fn of(rating: Rating) -> Self {
        rating
    }

    fn rater(&self) -> u32 {
        self.rater
    }

    fn codes(&mut self) -> (&mut u32, &mut u32) {
        (&mut self.rater, &mut self.label)
    }
}

/// Rater and label alone, where nobody will ask for the row: the form in which ratings stay.
impl Placed for (u32, u32) {
    fn of(rating: Rating) -> Self {
        (rating.rater, rating.label)
    }

    fn rater(&self) -> u32 {
        self.0
    }

    fn codes(&mut self) -> (&mut u32, &mut u32) {
        (&mut self.0, &mut self.1)
    }
}

/// Item `i` has the ratings `offsets[i]..offsets[i + 1]`, by rater and then by row.
#[derive(Debug, PartialEq, Eq)]
pub struct Sorted<P = Rating> {
    pub offsets: Vec<usize>,
    pub ratings: Vec<P>,
    /// Somebody rated an item more than once.
    pub repeats: bool,
}

/// The columns of the table, as codes or [`MISSING`].
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    pub items: &'a [u32],
    pub raters: &'a [u32],
    pub labels: &'a [u32],
}

impl Rows<'_> {
    /// Item, and rating, of the rows that are complete.
    fn complete(&self) -> impl Iterator<Item = (u32, Rating)> {
        let codes = self.items.iter().zip(self.raters).zip(self.labels);
        codes.zip(0..).filter_map(|(((&item, &rater), &label), row)| {
            let complete = item != MISSING && rater != MISSING && label != MISSING;
            complete.then_some((item, Rating { rater, label, row }))
        })
    }
}

/// Sorts complete rows. Each thread takes a range of items; the answer does not depend on their number.
pub fn by_item<P: Placed>(rows: Rows<'_>, n_items: usize, threads: usize) -> Sorted<P> {
    let threads = threads.clamp(1, n_items.max(1));
    let ranges: Vec<(u32, u32)> = (0..threads)
        .map(|thread| ((n_items * thread / threads) as u32, (n_items * (thread + 1) / threads) as u32))
        .collect();
    let counts = in_parallel(ranges.iter().map(|&range| move || count(rows, range)).collect());
    let mut offsets = Vec::with_capacity(n_items + 1);
    let mut total = 0;
    offsets.push(0);
    for count in counts.into_iter().flatten() {
        total += count as usize;
        offsets.push(total);
    }
    let mut ratings = vec![P::default(); total];
    let mut rest = &mut ratings[..];
    let mut work = Vec::new();
    for range in ranges {
        let bounds = &offsets[range.0 as usize..=range.1 as usize];
        let (own, others) = rest.split_at_mut(bounds[bounds.len() - 1] - bounds[0]);
        rest = others;
        work.push(move || place(rows, range, bounds, own));
    }
    let repeats = in_parallel(work).contains(&true);
    Sorted { offsets, ratings, repeats }
}

/// Runs each on a thread of its own, the last one on this.
fn in_parallel<T: Send>(mut work: Vec<impl FnOnce() -> T + Send>) -> Vec<T> {
    let last = work.pop();
    std::thread::scope(|scope| {
        let others: Vec<_> = work.into_iter().map(|work| scope.spawn(work)).collect();
        let last = last.map(|work| work());
        let done =
            others.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        done.collect::<Vec<T>>().into_iter().chain(last).collect()
    })
}

fn count(rows: Rows<'_>, (first, end): (u32, u32)) -> Vec<u32> {
    let mut counts = vec![0; (end - first) as usize];
    for (item, _) in rows.complete() {
        if let Some(count) = counts.get_mut(item.wrapping_sub(first) as usize) {
            *count += 1;
        }
    }
    counts
}

/// Puts the ratings of a range of items into their places. True if there are repeats.
fn place<P: Placed>(rows: Rows<'_>, (first, end): (u32, u32), bounds: &[usize], own: &mut [P]) -> bool {
    let base = bounds[0];
    let mut next: Vec<usize> = bounds[..(end - first) as usize].iter().map(|bound| bound - base).collect();
    for (item, rating) in rows.complete() {
        if let Some(next) = next.get_mut(item.wrapping_sub(first) as usize) {
            own[*next] = P::of(rating);
            *next += 1;
        }
    }
    let mut repeats = false;
    for bounds in bounds.windows(2) {
        let ratings = &mut own[bounds[0] - base..bounds[1] - base];
        // Rows came in their order, and those of one rater stay in it.
        ratings.sort_by_key(P::rater);
        repeats |= ratings.windows(2).any(|two| two[0].rater() == two[1].rater());
    }
    repeats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_are_grouped_by_item_in_the_order_of_raters_at_any_number_of_threads() {
        let rows = Rows {
            items: &[2, 0, 2, MISSING, 2, 4, 0],
            raters: &[1, 0, 0, 0, 1, 0, MISSING],
            labels: &[5, 6, 7, 8, 9, MISSING, 1],
        };
        let rating = |rater, label, row| Rating { rater, label, row };
        let expected = Sorted {
            offsets: vec![0, 1, 1, 4, 4, 4],
            ratings: vec![rating(0, 6, 1), rating(0, 7, 2), rating(1, 5, 0), rating(1, 9, 4)],
            repeats: true,
        };
        for threads in [1, 2, 3, 9] {
            assert_eq!(by_item(rows, 5, threads), expected, "{threads} threads");
            let cells: Sorted<(u32, u32)> = by_item(rows, 5, threads);
            assert_eq!((cells.ratings, cells.repeats), (vec![(0, 6), (0, 7), (1, 5), (1, 9)], true));
        }
        let none = Rows { items: &[], raters: &[], labels: &[] };
        assert_eq!(by_item::<Rating>(none, 0, 2), Sorted { offsets: vec![0], ratings: vec![], repeats: false });
    }
}
