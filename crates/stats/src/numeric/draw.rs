use super::measure::{Kind, PairMeasure};
use super::moments::Sums;
use super::pairs::{Pair, Pairs};
use super::ranks::Scratch;
use crate::resample::Statistic;
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
}

/// A sum of values and how many there are.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: CompensatedSum,
    n: u64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum.add(value);
            self.n += 1;
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
    pub fn new(pairs: &'a Pairs, measures: Vec<PairMeasure>) -> Self {
        let of_moments = measures.iter().any(|measure| matches!(measure.kind(), Kind::Moments(_)));
        let with_sums = pairs.pairs.iter().filter(|_| of_moments);
        let sums = with_sums.map(|pair| Sums::observed(pairs, pair)).collect();
        let means = vec![Mean::default(); measures.len()];
        let mut figures = Self { pairs, measures, sums, values: Vec::new(), means };
        let (mut scratch, mut values) = (Scratch::default(), vec![None; figures.measures.len()]);
        for (place, pair) in pairs.pairs.iter().enumerate() {
            figures.write(pair, figures.sums.get(place).copied(), pairs.observed(), &mut scratch, &mut values);
            figures.values.extend_from_slice(&values);
            for (mean, value) in figures.means.iter_mut().zip(&values) {
                mean.add(*value);
            }
        }
        figures
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

impl Statistic for PairFigures<'_> {
    fn multiplicities(&self) -> &[u64] {
        self.pairs.rows.items()
    }

    fn figures(&self) -> usize {
        self.measures.len()
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        let times = |unit: u32| times[unit as usize];
        let (mut scratch, mut values) = (Scratch::default(), vec![None; self.measures.len()]);
        let mut means = vec![Mean::default(); self.measures.len()];
        for (place, pair) in self.pairs.pairs.iter().enumerate() {
            let sums = self.sums.get(place).map(|_| Sums::drawn(self.pairs, pair, times));
            self.write(pair, sums, times, &mut scratch, &mut values);
            for (mean, value) in means.iter_mut().zip(&values) {
                mean.add(*value);
            }
        }
        for (figure, mean) in figures.iter_mut().zip(means) {
            *figure = mean.value();
        }
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
                mean.add(*value);
            }
        }
        for (figure, mean) in figures.iter_mut().zip(means) {
            *figure = mean.value();
        }
    }
}
