use super::super::ratings::Ratings;

/// Parts of the ratings. Codes of raters and labels keep their meaning, so figures of parts can be compared and facts merged.
impl Ratings {
    /// The ratings of the raters that `keep` wants. Items keep their places, also those without a rating left.
    pub fn of_raters(&self, keep: impl Fn(u32) -> bool) -> Self {
        let mut part = self.none();
        for answers in self.items() {
            part.push(answers.iter().copied().filter(|&(rater, _)| keep(rater)));
        }
        part
    }

    /// The ratings of all raters but one.
    pub fn without_rater(&self, rater: u32) -> Self {
        self.of_raters(|other| other != rater)
    }

    /// The items that `keep` wants, by their places; they move up.
    pub fn of_items(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut part = self.none();
        for (item, answers) in self.items().enumerate() {
            if keep(item) {
                part.push(answers.iter().copied());
            }
        }
        part
    }

    /// One part for each of `n` slices, in one pass; items without a slice below `n` are in none.
    pub fn by_slice(&self, n: usize, slice_of: impl Fn(usize) -> Option<usize>) -> Vec<Self> {
        let mut parts = vec![self.none(); n];
        for (item, answers) in self.items().enumerate() {
            if let Some(part) = slice_of(item).and_then(|slice| parts.get_mut(slice)) {
                part.push(answers.iter().copied());
            }
        }
        parts
    }

    fn none(&self) -> Self {
        Self { offsets: vec![0], cells: Vec::new(), n_raters: self.n_raters, n_labels: self.n_labels }
    }

    fn push(&mut self, cells: impl Iterator<Item = (u32, u32)>) {
        self.cells.extend(cells);
        self.offsets.push(self.cells.len());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn ratings() -> Ratings {
        Ratings::new(vec![0, 2, 3, 3, 5], &[0, 1, 2, 1, 0], &[3, 4, 3, 0, 1], 3, 5).unwrap()
    }

    fn parts(ratings: &Ratings) -> (Vec<usize>, Vec<(u32, u32)>) {
        assert_eq!((ratings.n_raters, ratings.n_labels), (3, 5), "codes keep their meaning");
        (ratings.offsets.clone(), ratings.cells.clone())
    }

    #[test]
    fn raters_leave_and_items_stay() {
        assert_eq!(parts(&ratings().without_rater(0)), (vec![0, 1, 2, 2, 3], vec![(1, 4), (2, 3), (1, 0)]));
        assert_eq!(parts(&ratings().of_raters(|rater| rater == 2)), (vec![0, 0, 1, 1, 1], vec![(2, 3)]));
    }

    #[test]
    fn items_leave_and_the_others_move_up() {
        assert_eq!(parts(&ratings().of_items(|item| item % 2 == 1)), (vec![0, 1, 3], vec![(2, 3), (0, 1), (1, 0)]));
        let slices = ratings().by_slice(2, |item| [Some(1), None, Some(7), Some(1)][item]);
        assert_eq!(parts(&slices[0]), (vec![0], vec![]));
        assert_eq!(parts(&slices[1]), parts(&ratings().of_items(|item| item == 0 || item == 3)));
        assert_eq!(ratings().n_items(), 4);
    }
}
