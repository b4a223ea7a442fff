/// A short row of pairs of codes, sorted: an item's labels, each with its count.
pub(super) type Row = [(u32, u32)];

/// Distinct rows with the number of items that show each. Sorted, so that equal counts are equal values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RowCounts {
    offsets: Vec<usize>,
    cells: Vec<(u32, u32)>,
    items: Vec<u64>,
}

/// Marks a place in the table of [`Counter`] that no row has taken.
const FREE: u32 = u32::MAX;

/// Counts rows as they come, by hash.
#[derive(Debug)]
pub(super) struct Counter {
    rows: RowCounts,
    /// By hash, with linear probing: the number of a row.
    table: Vec<u32>,
}

impl Counter {
    pub(super) fn new() -> Self {
        Self { rows: RowCounts { offsets: vec![0], ..RowCounts::default() }, table: vec![FREE; 64] }
    }

    /// Counts a row for so many items and gives its number, in the order of first appearance.
    pub(super) fn add(&mut self, row: &Row, items: u64) -> u32 {
        if 2 * self.rows.len() >= self.table.len() {
            self.grow();
        }
        let mut slot = self.slot(row);
        loop {
            let number = self.table[slot];
            if number == FREE {
                let number = self.rows.len() as u32;
                self.table[slot] = number;
                self.rows.cells.extend_from_slice(row);
                self.rows.offsets.push(self.rows.cells.len());
                self.rows.items.push(items);
                return number;
            }
            if self.rows.row(number as usize) == row {
                self.rows.items[number as usize] += items;
                return number;
            }
            slot = (slot + 1) & (self.table.len() - 1);
        }
    }

    fn slot(&self, row: &Row) -> usize {
        (hash(row) >> (64 - self.table.len().trailing_zeros())) as usize
    }

    fn grow(&mut self) {
        self.table = vec![FREE; 4 * self.table.len()];
        for number in 0..self.rows.len() {
            let mut slot = self.slot(self.rows.row(number));
            while self.table[slot] != FREE {
                slot = (slot + 1) & (self.table.len() - 1);
            }
            self.table[slot] = number as u32;
        }
    }

    /// The rows in ascending order, and for each number the place of its row there.
    pub(super) fn finish(self) -> (RowCounts, Vec<u32>) {
        let rows = self.rows;
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| rows.row(a as usize).cmp(rows.row(b as usize)));
        let mut sorted = RowCounts { offsets: vec![0], ..RowCounts::default() };
        let mut places = vec![0; rows.len()];
        for (place, &number) in (0..).zip(&order) {
            sorted.cells.extend_from_slice(rows.row(number as usize));
            sorted.offsets.push(sorted.cells.len());
            sorted.items.push(rows.items[number as usize]);
            places[number as usize] = place;
        }
        (sorted, places)
    }
}

/// Multiply and fold, as in FxHash; the high bits are the good ones.
fn hash(row: &Row) -> u64 {
    row.iter().fold(row.len() as u64, |hash, &(code, count)| {
        let word = u64::from(code) << 32 | u64::from(count);
        (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

impl RowCounts {
    /// Counts rows, each for so many items.
    pub(super) fn count<'a>(rows: impl IntoIterator<Item = (&'a Row, u64)>) -> Self {
        let mut counter = Counter::new();
        for (row, items) in rows {
            counter.add(row, items);
        }
        counter.finish().0
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// How many items show each row.
    pub(super) fn items(&self) -> &[u64] {
        &self.items
    }

    fn row(&self, place: usize) -> &Row {
        &self.cells[self.offsets[place]..self.offsets[place + 1]]
    }

    /// The distinct rows in ascending order, each with its number of items.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Row, u64)> {
        (0..self.len()).map(|place| self.get(place))
    }

    pub(super) fn get(&self, place: usize) -> (&Row, u64) {
        (self.row(place), self.items[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_become_one_and_every_row_knows_its_place() {
        let rows: [(&Row, u64); 5] = [(&[(1, 1)], 1), (&[(0, 2)], 2), (&[(1, 1)], 5), (&[], 1), (&[(0, 2), (3, 1)], 1)];
        let mut counter = Counter::new();
        let numbers = rows.map(|(row, items)| counter.add(row, items));
        assert_eq!(numbers, [0, 1, 0, 2, 3]);
        let (counts, places) = counter.finish();
        let found: Vec<_> = counts.iter().collect();
        assert_eq!(found, [(&[][..], 1), (&[(0, 2)][..], 2), (&[(0, 2), (3, 1)][..], 1), (&[(1, 1)][..], 6)]);
        assert_eq!(places, [3, 1, 0, 2]);
        assert_eq!(counts.get(3), (&[(1, 1)][..], 6));
    }

    #[test]
    fn thousands_of_rows_keep_their_counts() {
        let row = |n: u32| [(n % 7, 1 + n % 3), (7 + n, 1)];
        let mut counter = Counter::new();
        for n in (0..5000).chain(0..5000) {
            assert_eq!(counter.add(&row(n), 1), n);
        }
        let (counts, places) = counter.finish();
        assert_eq!(counts.len(), 5000);
        assert!((0..5000).all(|n| counts.get(places[n as usize] as usize) == (&row(n)[..], 2)));
    }
}
