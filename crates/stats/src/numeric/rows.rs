/// What raters said about one item: (rater, value) codes, ascending by rater.
pub(super) type Row = [(u32, u32)];

/// Distinct rows in ascending order, each with the number of items that show it.
///
/// The order rests on the rows alone, so that whatever is drawn or added up by row does not depend on the order of the items.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    offsets: Vec<usize>,
    cells: Vec<(u32, u32)>,
    items: Vec<u64>,
}

impl Rows {
    pub(super) fn count(mut rows: Vec<(&Row, u64)>) -> Self {
        rows.sort_unstable_by_key(|&(row, _)| row);
        let mut counted = Self { offsets: vec![0], cells: Vec::new(), items: Vec::new() };
        let mut last: Option<&Row> = None;
        for (row, items) in rows {
            match counted.items.last_mut() {
                Some(total) if last == Some(row) => *total += items,
                _ => {
                    counted.cells.extend_from_slice(row);
                    counted.offsets.push(counted.cells.len());
                    counted.items.push(items);
                }
            }
            last = Some(row);
        }
        counted
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn get(&self, place: usize) -> &Row {
        &self.cells[self.offsets[place]..self.offsets[place + 1]]
    }

    /// By row, how many items show it.
    pub(super) fn items(&self) -> &[u64] {
        &self.items
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Row, u64)> {
        (0..self.len()).map(|place| self.get(place)).zip(self.items.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_become_one_in_ascending_order() {
        let rows = Rows::count(vec![(&[(1, 1)], 1), (&[(0, 2), (3, 1)], 1), (&[(1, 1)], 5), (&[(0, 2)], 2)]);
        let found: Vec<_> = rows.iter().collect();
        assert_eq!(found, [(&[(0, 2)][..], 2), (&[(0, 2), (3, 1)][..], 1), (&[(1, 1)][..], 6)]);
        assert_eq!((rows.len(), rows.items()), (3, &[2, 1, 6][..]));
        assert_eq!(Rows::count(Vec::new()).len(), 0);
    }
}
