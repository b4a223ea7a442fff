use super::alias::Alias;
use super::generator::Generator;

/// Draws as many items as there are, with replacement, each equally likely: how often each unit comes out is multinomial.
///
/// Exact, in a time that grows with the number of units and not with that of items. Most items are drawn as independent Poisson
/// counts of the units: given their total T these are the counts of T equally likely draws, whatever T is. Draws with T above the
/// number of items are thrown away as a whole, and the items missing to their number are drawn one by one; neither changes
/// what the counts are given T. (Conditional binomials would need a sampler of binomials with new parameters at every step,
/// and logarithms, whose last bit differs between platforms.)
#[derive(Debug)]
pub(super) struct Draws<'a> {
    multiplicities: &'a [u64],
    items: u64,
    /// Poisson counts with the means share · 2^bit, by bit; empty when all items are drawn one by one.
    poisson: Vec<Poisson>,
    /// Units by their multiplicity; none when all are equal.
    single: Option<Alias>,
}

/// The total of the Poisson counts is this many standard deviations short of the number of items, which it exceeds once in 30,000
/// draws.
const SHORT_BY: f64 = 4.0;

impl<'a> Draws<'a> {
    pub(super) fn new(multiplicities: &'a [u64]) -> Self {
        let items: u64 = multiplicities.iter().sum();
        let equal = multiplicities.windows(2).all(|two| two[0] == two[1]);
        let weights = || multiplicities.iter().map(|&items| items as f64).collect::<Vec<_>>();
        let single = (!equal).then(|| Alias::new(&weights()));
        let missing = SHORT_BY * (items as f64).sqrt();
        let counts: u64 = multiplicities.iter().map(|items| u64::from(items.count_ones())).sum();
        let poisson = if counts as f64 + missing < items as f64 {
            let largest = multiplicities.iter().copied().max().unwrap_or(0);
            let share = 1.0 - missing / items as f64;
            (0..u64::BITS - largest.leading_zeros()).map(|bit| Poisson::new(share * (1_u64 << bit) as f64)).collect()
        } else {
            Vec::new()
        };
        Self { multiplicities, items, poisson, single }
    }

    /// Writes how often each unit is drawn.
    pub(super) fn draw(&self, generator: &mut Generator, times: &mut [u64]) {
        let drawn = loop {
            let drawn = self.draw_most(generator, times);
            if drawn <= self.items {
                break drawn;
            }
        };
        for _ in drawn..self.items {
            let unit = match &self.single {
                Some(units) => units.draw(generator),
                None => generator.below(times.len() as u64) as usize,
            };
            times[unit] += 1;
        }
    }

    /// The Poisson counts, and their total.
    fn draw_most(&self, generator: &mut Generator, times: &mut [u64]) -> u64 {
        if self.poisson.is_empty() {
            times.fill(0);
            return 0;
        }
        let mut total = 0;
        for (times, &items) in times.iter_mut().zip(self.multiplicities) {
            *times = self.count(items, generator);
            total += *times;
        }
        total
    }

    /// A Poisson count with the mean share · `items`: the sum of those of its binary digits.
    fn count(&self, items: u64, generator: &mut Generator) -> u64 {
        let (mut digits, mut count) = (items, 0);
        while digits != 0 {
            count += self.poisson[digits.trailing_zeros() as usize].draw(generator);
            digits &= digits - 1;
        }
        count
    }
}

/// The draw of [`Draws`] from units of one item each, in an eighth of the memory.
///
/// A unit comes out more than 255 times with a probability below 1 / 256!, that is 1e-506; it would count 255 times.
pub(super) fn draw_single_items(generator: &mut Generator, times: &mut [u8]) {
    times.fill(0);
    for _ in 0..times.len() {
        let times = &mut times[generator.below(times.len() as u64) as usize];
        *times = times.saturating_add(1);
    }
}

/// A Poisson distribution as a table.
#[derive(Debug)]
struct Poisson {
    first: u64,
    outcomes: Alias,
}

/// Outcomes less likely than this, against the likeliest, are left out: all together below 1e-22, less than rounding.
const NEGLIGIBLE: f64 = 1e-25;

impl Poisson {
    /// From the ratios of neighbouring probabilities, so that no exponential is needed. `mean` is positive.
    fn new(mean: f64) -> Self {
        let mode = mean as u64;
        let mut weights = Vec::new();
        let (mut weight, mut first) = (1.0, mode);
        while first > 0 && weight > NEGLIGIBLE {
            weight *= first as f64 / mean;
            weights.push(weight);
            first -= 1;
        }
        weights.reverse();
        weights.push(1.0);
        let (mut weight, mut next) = (1.0, mode + 1);
        while weight > NEGLIGIBLE {
            weight *= mean / next as f64;
            weights.push(weight);
            next += 1;
        }
        Self { first, outcomes: Alias::new(&weights) }
    }

    fn draw(&self, generator: &mut Generator) -> u64 {
        self.first + self.outcomes.draw(generator) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::super::chi_squared::{assert_fits, histogram};
    use super::*;

    /// Probabilities of `first` and below, … , `last` and above of a distribution on 0, 1, 2 …
    fn cells(probability: impl Fn(u64) -> f64, first: u64, last: u64) -> Vec<f64> {
        let mut cells: Vec<f64> = (first..last).map(&probability).collect();
        cells[0] = (0..=first).map(&probability).sum();
        cells.push(1.0 - cells.iter().sum::<f64>());
        cells
    }

    fn ln_factorial(n: u64) -> f64 {
        (1..=n).map(|k| (k as f64).ln()).sum()
    }

    fn binomial(n: u64, p: f64) -> impl Fn(u64) -> f64 {
        move |k| {
            let ways = ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
            (ways + k as f64 * p.ln() + (n - k) as f64 * (1.0 - p).ln()).exp()
        }
    }

    fn poisson(mean: f64) -> impl Fn(u64) -> f64 {
        move |k| (k as f64 * mean.ln() - mean - ln_factorial(k)).exp()
    }

    fn drawn(multiplicities: &[u64], replicates: u64) -> Vec<Vec<u64>> {
        let draws = Draws::new(multiplicities);
        let draw = |index| {
            let mut times = vec![u64::MAX; multiplicities.len()];
            draws.draw(&mut Generator::stream(5, index), &mut times);
            times
        };
        (0..replicates).map(draw).collect()
    }

    #[test]
    fn poisson_counts_have_their_distribution() {
        for (mean, first, last) in [(0.3, 0, 3), (0.87, 0, 5), (6.5, 1, 13), (240.0, 200, 280)] {
            let table = Poisson::new(mean);
            let mut generator = Generator::stream(3, 0);
            let counts = histogram((0..200_000).map(|_| table.draw(&mut generator)), first, last);
            assert_fits(&counts, &cells(poisson(mean), first, last));
        }
    }

    #[test]
    fn every_replicate_has_as_many_items_as_there_are() {
        for multiplicities in [&[][..], &[0], &[1], &[3], &[1; 50], &[0, 7, 900, 1, 1, 20_000], &[1; 3000]] {
            let items: u64 = multiplicities.iter().sum();
            for times in drawn(multiplicities, 50) {
                assert_eq!(times.iter().sum::<u64>(), items, "{multiplicities:?}");
                assert!(times.iter().zip(multiplicities).all(|(&times, &items)| items > 0 || times == 0));
            }
        }
    }

    /// A unit of m of N items comes out Binomial(N, m / N) times.
    #[test]
    fn units_are_binomial() {
        let few = drawn(&[1; 30], 30_000);
        let one = binomial(30, 1.0 / 30.0);
        assert_fits(&histogram(few.iter().map(|times| times[7]), 0, 5), &cells(one, 0, 5));
        let unequal = [700, 2, 90, 208, 40, 160];
        let many = drawn(&unequal, 30_000);
        assert!(!Draws::new(&unequal).poisson.is_empty());
        for (unit, first, last) in [(0, 665, 735), (1, 0, 7), (2, 65, 115), (3, 175, 241)] {
            let counts = histogram(many.iter().map(|times| times[unit]), first, last);
            assert_fits(&counts, &cells(binomial(1200, unequal[unit] as f64 / 1200.0), first, last));
        }
        // Two units together are one of their sum.
        let together = histogram(many.iter().map(|times| times[2] + times[3]), 260, 336);
        assert_fits(&together, &cells(binomial(1200, 298.0 / 1200.0), 260, 336));
    }

    /// All counts at once: two items of one unit and one of another, drawn three times.
    #[test]
    fn counts_are_jointly_multinomial() {
        let counts = drawn(&[2, 1, 3], 60_000);
        let outcomes = [[6, 0, 0], [2, 1, 3], [3, 0, 3], [0, 0, 6], [1, 2, 3], [2, 2, 2]];
        let shares = [2.0 / 6.0, 1.0 / 6.0, 0.5_f64];
        let probability = |times: &[u64; 3]| {
            let ways = ln_factorial(6) - times.iter().map(|&n| ln_factorial(n)).sum::<f64>();
            times.iter().zip(shares).fold(ways.exp(), |product, (&n, share)| product * share.powi(n as i32))
        };
        let mut found: Vec<u64> =
            outcomes.iter().map(|times| counts.iter().filter(|drawn| drawn[..] == times[..]).count() as u64).collect();
        let mut expected: Vec<f64> = outcomes.iter().map(probability).collect();
        found.push(60_000 - found.iter().sum::<u64>());
        expected.push(1.0 - expected.iter().sum::<f64>());
        assert_fits(&found, &expected);
    }
}
