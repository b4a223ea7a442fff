/// A short row of pairs of codes, sorted: (rater, label) of an item's answers, or (label, count) of its pattern of labels.
pub(super) type Row = [(u32, u32)];

/// Distinct rows with the number of items that show each. Sorted, so that equal counts are equal values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RowCounts {
    offsets: Vec<usize>,
    cells: Vec<(u32, u32)>,
    items: Vec<u64>,
}

impl RowCounts {
    /// Counts equal rows. The second answer gives for each input row its place among the distinct ones.
    pub(super) fn count(rows: &[(&Row, u64)]) -> (Self, Vec<usize>) {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by(|&a, &b| rows[a].0.cmp(rows[b].0));
        let mut counts = Self { offsets: vec![0], cells: Vec::new(), items: Vec::new() };
        let mut places = vec![0; rows.len()];
        let mut last: Option<&Row> = None;
        for index in order {
            let (row, items) = rows[index];
            if last == Some(row) {
                if let Some(total) = counts.items.last_mut() {
                    *total += items;
                }
            } else {
                counts.cells.extend_from_slice(row);
                counts.offsets.push(counts.cells.len());
                counts.items.push(items);
                last = Some(row);
            }
            places[index] = counts.items.len() - 1;
        }
        (counts, places)
    }

    /// The distinct rows in ascending order, each with its number of items.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Row, u64)> {
        self.offsets.windows(2).map(|bounds| &self.cells[bounds[0]..bounds[1]]).zip(self.items.iter().copied())
    }

    pub(super) fn get(&self, place: usize) -> (&Row, u64) {
        (&self.cells[self.offsets[place]..self.offsets[place + 1]], self.items[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_become_one_and_every_row_knows_its_place() {
        let (counts, places) =
            RowCounts::count(&[(&[(1, 1)], 1), (&[(0, 2)], 2), (&[(1, 1)], 5), (&[], 1), (&[(0, 2), (3, 1)], 1)]);
        let rows: Vec<_> = counts.iter().collect();
        assert_eq!(rows, [(&[][..], 1), (&[(0, 2)][..], 2), (&[(0, 2), (3, 1)][..], 1), (&[(1, 1)][..], 6)]);
        assert_eq!(places, [3, 1, 3, 0, 2]);
        assert_eq!(counts.get(3), (&[(1, 1)][..], 6));
    }
}
