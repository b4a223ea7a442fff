use std::ops::Range;

use super::measure::{Kind, PairMeasure};
use super::moments::Sums;
use super::pairs::{Pair, Pairs};
use super::ranks::Scratch;
use crate::parallel::Threads;
use crate::resample::{Statistic, TwoWayStatistic};
use crate::sum::{CompensatedSum, Sum};

/// Means of measures over the pairs of raters, as functions of how often each distinct row of items is counted.
///
/// With a single pair ([`Scores::of_raters`](super::Scores::of_raters)) they are the pair's own figures. A pair that a draw leaves without a
/// value is left out of that draw's mean.
#[derive(Debug)]
pub struct PairFigures<'a> {
    pairs: &'a Pairs,
    measures: Vec<PairMeasure>,
    /// By pair, as observed; empty if no measure needs them.
    sums: Vec<Sums>,
    /// Pair by pair the values of all measures as observed.
    values: Vec<Option<f64>>,
    means: Vec<Mean>,
    /// How many raters are in a pair, and by pair the places of its two among them.
    n_raters: usize,
    raters: Vec<[u32; 2]>,
}

/// The raters of the pairs: how many, and by pair the places of its two among them.
fn raters_of(pairs: &Pairs) -> (usize, Vec<[u32; 2]>) {
    let mut raters: Vec<u32> = pairs.pairs.iter().flat_map(|pair| [pair.rater, pair.other]).collect();
    raters.sort_unstable();
    raters.dedup();
    let place = |rater: u32| raters.partition_point(|&known| known < rater) as u32;
    let places = pairs.pairs.iter().map(|pair| [place(pair.rater), place(pair.other)]).collect();
    (raters.len(), places)
}

/// A sum of values and how many there are.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: CompensatedSum,
    n: u64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>, times: u64) {
        if let Some(value) = value {
            self.sum.add(times as f64 * value);
            self.n += times;
        }
    }

    fn remove(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum.add(-value);
            self.n -= 1;
        }
    }

    fn value(self) -> Option<f64> {
        (self.n > 0).then(|| self.sum.total() / self.n as f64)
    }
}

impl<'a> PairFigures<'a> {
    pub fn new(pairs: &'a Pairs, measures: Vec<PairMeasure>, threads: Threads) -> Self {
        let of_moments = measures.iter().any(|measure| matches!(measure.kind(), Kind::Moments(_)));
        let sums = if of_moments {
            threads.map(pairs.len(), |place| Sums::observed(pairs, &pairs.pairs[place]))
        } else {
            Vec::new()
        };
        let (n_raters, raters) = raters_of(pairs);
        let means = vec![Mean::default(); measures.len()];
        let mut figures = Self { pairs, measures, sums, values: Vec::new(), means, n_raters, raters };
        figures.values = threads.map_ranges(pairs.len(), |places| figures.observed_values(places)).concat();
        for of_pair in figures.values.chunks_exact(figures.measures.len().max(1)) {
            figures.means.iter_mut().zip(of_pair).for_each(|(mean, &value)| mean.add(value, 1));
        }
        figures
    }

    fn observed_values(&self, places: Range<usize>) -> Vec<Option<f64>> {
        let (mut scratch, mut values) = (Scratch::default(), vec![None; self.measures.len()]);
        let mut all = Vec::new();
        for place in places {
            let sums = self.sums.get(place).copied();
            self.write(&self.pairs.pairs[place], sums, self.pairs.observed(), &mut scratch, &mut values);
            all.extend_from_slice(&values);
        }
        all
    }

    /// The values of all measures for one pair; `sums` are those of its moments.
    fn write(
        &self,
        pair: &Pair,
        sums: Option<Sums>,
        times: impl Fn(u32) -> u64 + Copy,
        scratch: &mut Scratch,
        values: &mut [Option<f64>],
    ) {
        let moments = sums.and_then(|sums| sums.moments());
        for (value, measure) in values.iter_mut().zip(&self.measures) {
            *value = match measure.kind() {
                Kind::Moments(measure) => moments.and_then(|moments| moments.value(measure).ok()),
                Kind::Ranks(measure) => measure.value(self.pairs.entries(pair), times, scratch),
            };
        }
    }
}

impl PairFigures<'_> {
    /// The means with unit `u` counted `times[u]` times and each pair as often as `copies` says.
    fn write_means(&self, times: &[u64], copies: impl Fn(usize) -> u64, figures: &mut [Option<f64>]) {
        let times = |unit: u32| times[unit as usize];
        let (mut scratch, mut values) = (Scratch::default(), vec![None; self.measures.len()]);
        let mut means = vec![Mean::default(); self.measures.len()];
        for (place, pair) in self.pairs.pairs.iter().enumerate() {
            let copies = copies(place);
            if copies == 0 {
                continue;
            }
            let sums = self.sums.get(place).map(|_| Sums::drawn(self.pairs, pair, times));
            self.write(pair, sums, times, &mut scratch, &mut values);
            for (mean, value) in means.iter_mut().zip(&values) {
                mean.add(*value, copies);
            }
        }
        for (figure, mean) in figures.iter_mut().zip(means) {
            *figure = mean.value();
        }
    }
}

impl Statistic for PairFigures<'_> {
    fn multiplicities(&self) -> &[u64] {
        self.pairs.rows.items()
    }

    fn figures(&self) -> usize {
        self.measures.len()
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        self.write_means(times, |_| 1, figures);
    }

    /// Only the pairs of the raters who rated the item change: their sums by subtraction, their ranks by counting these pairs again.
    fn evaluate_without(&self, unit: usize, figures: &mut [Option<f64>]) {
        let observed = self.pairs.observed();
        let times = |other: u32| observed(other) - u64::from(other as usize == unit);
        let row = self.pairs.rows.get(unit);
        let (mut scratch, mut values) = (Scratch::default(), vec![None; self.measures.len()]);
        let mut means = self.means.clone();
        for (place, [first, second]) in self.pairs.pairs_of(unit) {
            let sums = self.sums.get(place).map(|sums| sums.without(self.pairs, (row[first].1, row[second].1)));
            self.write(&self.pairs.pairs[place], sums, times, &mut scratch, &mut values);
            let before = &self.values[place * self.measures.len()..];
            for ((mean, value), before) in means.iter_mut().zip(&values).zip(before) {
                mean.remove(*before);
                mean.add(*value, 1);
            }
        }
        for (figure, mean) in figures.iter_mut().zip(means) {
            *figure = mean.value();
        }
    }
}

/// Items are numbered in the order of the units, each as many as it stands for; raters are those of the pairs, by ascending code.
impl TwoWayStatistic for PairFigures<'_> {
    fn n_items(&self) -> usize {
        self.pairs.rows.items().iter().sum::<u64>() as usize
    }

    fn n_raters(&self) -> usize {
        self.n_raters
    }

    fn figures(&self) -> usize {
        self.measures.len()
    }

    fn evaluate(&self, mut items: &[u64], raters: &[u64], figures: &mut [Option<f64>]) {
        let of_unit = |&n: &u64| {
            let (own, rest) = items.split_at(n as usize);
            items = rest;
            own.iter().sum()
        };
        let times: Vec<u64> = self.pairs.rows.items().iter().map(of_unit).collect();
        let copies = |pair: usize| self.raters[pair].map(|rater| raters[rater as usize]).iter().product();
        self.write_means(&times, copies, figures);
    }
}
