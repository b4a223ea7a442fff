use super::ratings::Ratings;
use crate::sum::tally;

/// How often each rater chose each label: for each rater the labels used, ascending, with their counts.
#[derive(Debug, Clone)]
pub(super) struct Margins {
    offsets: Vec<usize>,
    cells: Vec<(u32, u64)>,
}

/// Up to this many cells per rating a full table is cheaper than sorting.
const DENSE: usize = 8;

impl Margins {
    pub(super) fn new(ratings: &Ratings) -> Self {
        let cells = ratings.n_raters.saturating_mul(ratings.n_labels);
        if cells <= DENSE * ratings.n_ratings() { Self::dense(ratings) } else { Self::sorted(ratings) }
    }

    fn dense(ratings: &Ratings) -> Self {
        let mut counts = vec![0_u64; ratings.n_raters * ratings.n_labels];
        for &(rater, label) in &ratings.cells {
            counts[rater as usize * ratings.n_labels + label as usize] += 1;
        }
        let mut margins = Self { offsets: vec![0], cells: Vec::new() };
        for of_rater in counts.chunks(ratings.n_labels.max(1)) {
            margins.cells.extend((0..).zip(of_rater.iter().copied()).filter(|&(_, n)| n > 0));
            margins.offsets.push(margins.cells.len());
        }
        margins
    }

    fn sorted(ratings: &Ratings) -> Self {
        let counts = tally(ratings.cells.iter().map(|&cell| (cell, 1)).collect());
        let mut margins = Self { offsets: Vec::with_capacity(ratings.n_raters + 1), cells: Vec::new() };
        let mut counts = counts.into_iter().peekable();
        margins.offsets.push(0);
        for rater in 0..ratings.n_raters as u32 {
            while let Some(((_, label), n)) = counts.next_if(|&((of, _), _)| of == rater) {
                margins.cells.push((label, n));
            }
            margins.offsets.push(margins.cells.len());
        }
        margins
    }

    /// The labels of a rater with their counts, and how many cells come before them.
    pub(super) fn get(&self, rater: usize) -> (usize, &[(u32, u64)]) {
        let (start, end) = (self.offsets[rater], self.offsets[rater + 1]);
        (start, &self.cells[start..end])
    }

    /// The labels of each rater of the code range with their counts.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[(u32, u64)]> {
        self.offsets.windows(2).map(|bounds| &self.cells[bounds[0]..bounds[1]])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn both_ways_count_the_same() {
        let ratings = Ratings::new(vec![0, 2, 4, 5], &[0, 2, 0, 2, 0], &[1, 0, 1, 3, 0], 4, 4).unwrap();
        let (dense, sorted) = (Margins::dense(&ratings), Margins::sorted(&ratings));
        let expected: [&[(u32, u64)]; 4] = [&[(0, 1), (1, 2)], &[], &[(0, 1), (3, 1)], &[]];
        assert_eq!(dense.iter().collect::<Vec<_>>(), expected);
        assert_eq!(sorted.iter().collect::<Vec<_>>(), expected);
    }
}
