//! How rank correlations change when one item gets more weight: influence functions, by entry, of mean 0 over the items.

use super::pairs::Entry;

/// Margins of the table of two raters.
struct Margins {
    n: u64,
    /// By entry, the place of its first value among the distinct ones.
    firsts: Vec<usize>,
    /// Items by place of the first value, and of the second.
    first: Vec<u64>,
    second: Vec<u64>,
}

impl Margins {
    fn of(entries: &[Entry], times: impl Fn(u32) -> u64) -> Self {
        let places = entries.iter().map(|entry| entry.second_place as usize + 1).max().unwrap_or(0);
        let mut margins = Self { n: 0, firsts: Vec::new(), first: Vec::new(), second: vec![0; places] };
        for group in entries.chunk_by(|a, b| a.first == b.first) {
            let mut of_first = 0;
            for entry in group {
                let weight = times(entry.unit);
                margins.firsts.push(margins.first.len());
                margins.second[entry.second_place as usize] += weight;
                of_first += weight;
            }
            margins.first.push(of_first);
            margins.n += of_first;
        }
        margins
    }
}

/// One rater's mid-ranks and what they add up to, doubled so that all is whole.
struct Ranks {
    /// By place: twice the mid-rank less its mean, which is 2 n times the ridit u = P(X < x) + P(X = x) / 2 - 1/2.
    ranks: Vec<i128>,
    /// By place: Σ over the rater's items of x · (2 above this place, 1 at it).
    above: Vec<i128>,
    /// Σ x².
    squares: i128,
}

impl Ranks {
    fn of(items: &[u64], n: u64) -> Self {
        let mut before = 0;
        let rank = |&items: &u64| {
            before += items;
            i128::from(2 * before - items) - i128::from(n)
        };
        let ranks: Vec<i128> = items.iter().map(rank).collect();
        let products: Vec<i128> = ranks.iter().zip(items).map(|(rank, &items)| rank * i128::from(items)).collect();
        let squares = ranks.iter().zip(&products).map(|(rank, product)| rank * product).sum();
        Self { above: twice_above(&products), ranks, squares }
    }

    /// The change of the sum of squares by one more item at this place, times n.
    fn change(&self, place: usize, n: i128) -> f64 {
        let rank = self.ranks[place];
        (n * (rank * rank + 2 * self.above[place]) - 3 * self.squares) as f64
    }
}

/// For each place twice the sum of all terms above it, and its own.
fn twice_above(terms: &[i128]) -> Vec<i128> {
    let mut above = 0;
    let sum = |&term: &i128| {
        above += 2 * term;
        above - term
    };
    let mut sums: Vec<i128> = terms.iter().rev().map(sum).collect();
    sums.reverse();
    sums
}

/// Of Spearman's rho, the correlation of ridits: of the moments of the ridits, and of the ridits themselves, which are made of shares.
pub(super) fn spearman_influence(entries: &[Entry], times: impl Fn(u32) -> u64, rho: f64) -> Vec<f64> {
    let margins = Margins::of(entries, &times);
    let (x, y) = (Ranks::of(&margins.first, margins.n), Ranks::of(&margins.second, margins.n));
    // By own value, the sum of the other rater's ranks.
    let (mut y_at, mut x_at) = (vec![0_i128; margins.first.len()], vec![0_i128; margins.second.len()]);
    let mut products = 0;
    for (entry, &a) in entries.iter().zip(&margins.firsts) {
        let (weight, b) = (i128::from(times(entry.unit)), entry.second_place as usize);
        y_at[a] += weight * y.ranks[b];
        x_at[b] += weight * x.ranks[a];
        products += weight * x.ranks[a] * y.ranks[b];
    }
    let (y_above, x_above) = (twice_above(&y_at), twice_above(&x_at));
    let (var_x, var_y, n) = (x.squares as f64, y.squares as f64, i128::from(margins.n));
    let change = |(entry, &a): (&Entry, &usize)| {
        let b = entry.second_place as usize;
        let of_products = n * (x.ranks[a] * y.ranks[b] + y_above[a] + x_above[b]) - 3 * products;
        let of_squares = x.change(a, n) / var_x + y.change(b, n) / var_y;
        of_products as f64 / (var_x * var_y).sqrt() - rho * of_squares / 2.0
    };
    entries.iter().zip(&margins.firsts).map(change).collect()
}

/// Of Kendall's tau-b: Brown and Benedetti (1977), the derivative behind their ASE1.
pub(super) fn tau_b_influence(entries: &[Entry], times: impl Fn(u32) -> u64, tau: f64) -> Vec<f64> {
    let margins = Margins::of(entries, &times);
    let square = |items: u64| u128::from(items) * u128::from(items);
    let told_apart =
        |items: &[u64]| (square(margins.n) - items.iter().map(|&items| square(items)).sum::<u128>()) as f64;
    let (first, second) = (told_apart(&margins.first), told_apart(&margins.second));
    let (n, scale) = (margins.n as f64, (first * second).sqrt());
    let mut excess = vec![0; entries.len()];
    add_excess(entries, &times, margins.second.len(), &mut excess, false);
    add_excess(entries, &times, margins.second.len(), &mut excess, true);
    let change = |((entry, &place), &excess): ((&Entry, &usize), &i64)| {
        let items = (margins.first[place] as f64, margins.second[entry.second_place as usize] as f64);
        let ties = (n / first + n / second) - (items.0 / first + items.1 / second);
        n * (2.0 * excess as f64 / scale - tau * ties)
    };
    entries.iter().zip(&margins.firsts).zip(&excess).map(change).collect()
}

/// Adds for each entry the items that are concordant with it less those that are discordant, among those below it by the first rater or,
/// from above, among those above.
fn add_excess(entries: &[Entry], times: impl Fn(u32) -> u64, places: usize, excess: &mut [i64], from_above: bool) {
    let mut seen = Fenwick::new(places);
    let mut groups: Vec<(usize, &[Entry])> = Vec::new();
    let mut start = 0;
    for group in entries.chunk_by(|a, b| a.first == b.first) {
        groups.push((start, group));
        start += group.len();
    }
    if from_above {
        groups.reverse();
    }
    for (start, group) in groups {
        for (offset, entry) in group.iter().enumerate() {
            let place = entry.second_place as usize;
            let (below, above) = (seen.before(place), seen.total - seen.before(place + 1));
            let difference = below as i64 - above as i64;
            excess[start + offset] += if from_above { -difference } else { difference };
        }
        for entry in group {
            seen.add(entry.second_place as usize, times(entry.unit));
        }
    }
}

/// Counts with sums of prefixes in O(log n): Fenwick (1994).
struct Fenwick {
    sums: Vec<u64>,
    total: u64,
}

impl Fenwick {
    fn new(places: usize) -> Self {
        Self { sums: vec![0; places + 1], total: 0 }
    }

    fn add(&mut self, place: usize, count: u64) {
        self.total += count;
        let mut node = place + 1;
        while node < self.sums.len() {
            self.sums[node] += count;
            node += node & node.wrapping_neg();
        }
    }

    /// The sum over all places below `place`.
    fn before(&self, place: usize) -> u64 {
        let (mut node, mut sum) = (place, 0);
        while node > 0 {
            sum += self.sums[node];
            node &= node - 1;
        }
        sum
    }
}
