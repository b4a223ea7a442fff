use super::interval::{Made, estimate, student};
use super::measure::PairMeasure;
use super::pair::Observed;
use super::pairs::Pairs;
use super::ranks::Scratch;
use crate::estimate::{Estimate, Method, Sample, Undefined};
use crate::interval::is_rounding;
use crate::parallel::Threads;
use crate::sum::{CompensatedSum, Sum, order_free_sum};

/// The unweighted mean of a measure over the pairs of raters for which it is defined.
///
/// Bland-Altman figures are differences: which of two raters is the first one, the one with the lower code, decides on the sign.
///
/// Interval: infinitesimal jackknife (Jaeckel 1972) over the items of those pairs, t with n - 1 degrees of freedom, cut at the bounds of the
/// measure. The items of a pair vary, the raters do not. Undefined: `no_ratings`, `one_rater`, `no_pairable_items` or
/// `no_complete_items`, and `no_defined_pair`. Interval: `one_item`, `zero_variance` when no item changes anything.
pub fn mean_over_pairs(pairs: &Pairs, measure: PairMeasure, threads: Threads) -> Estimate {
    let method = Method::InfinitesimalJackknife;
    if let Err(reason) = pairs.check() {
        return Estimate::undefined(reason, Sample::default(), method);
    }
    let of_pairs = OfPairs::new(pairs, measure, threads);
    let sample = of_pairs.sample(pairs, threads);
    estimate(of_pairs.mean(), |mean| of_pairs.jackknife(pairs, measure, mean, sample.items), sample, method)
}

/// The values of all pairs and, entry by entry, how one item of the entry changes its pair's value.
#[derive(Default)]
struct OfPairs {
    values: Vec<Option<f64>>,
    changes: Vec<f64>,
}

impl OfPairs {
    fn new(pairs: &Pairs, measure: PairMeasure, threads: Threads) -> Self {
        let parts = threads.map_ranges(pairs.len(), |places| {
            let (mut scratch, mut part) = (Scratch::default(), Self::default());
            for pair in &pairs.pairs[places] {
                let observed = Observed::new(pairs, pair);
                let value = observed.value(measure, &mut scratch).ok();
                part.values.push(value);
                match value {
                    Some(value) => {
                        let influence = observed.influence(measure, value);
                        part.changes.extend(influence.iter().map(|change| change / pair.items as f64));
                    }
                    None => part.changes.resize(part.changes.len() + pairs.entries(pair).len(), 0.0),
                }
            }
            part
        });
        let join = |mut all: Self, mut part: Self| {
            all.values.append(&mut part.values);
            all.changes.append(&mut part.changes);
            all
        };
        parts.into_iter().reduce(join).unwrap_or_default()
    }

    fn defined(&self) -> f64 {
        self.values.iter().flatten().count() as f64
    }

    fn mean(&self) -> Result<f64, Undefined> {
        let defined = self.defined();
        let mean = order_free_sum(self.values.iter().flatten().copied()) / defined;
        if defined > 0.0 { Ok(mean) } else { Err(Undefined::NoDefinedPair) }
    }

    fn jackknife(&self, pairs: &Pairs, measure: PairMeasure, mean: f64, items: u64) -> Result<Made, Undefined> {
        let (n, defined) = (items as f64, self.defined());
        let mut by_unit = vec![CompensatedSum::default(); pairs.rows.len()];
        for (entry, &change) in pairs.all_entries().iter().zip(&self.changes) {
            by_unit[entry.unit as usize].add(change);
        }
        let changes: Vec<f64> = by_unit.into_iter().map(|change| n * change.total() / defined).collect();
        if changes.iter().all(|&change| is_rounding(change, mean)) {
            return Err(if items < 2 { Undefined::OneItem } else { Undefined::ZeroVariance });
        }
        let terms = changes.iter().zip(pairs.rows.items()).map(|(change, &times)| times as f64 * change * change);
        let standard_error = (order_free_sum(terms) / (n * (n - 1.0))).sqrt();
        student(mean, standard_error, items, measure.bounds())
    }

    /// The items, ratings and raters of pairs with a value.
    fn sample(&self, pairs: &Pairs, threads: Threads) -> Sample {
        let with_value = pairs.pairs.iter().zip(&self.values).filter(|(_, value)| value.is_some());
        let mut raters: Vec<u32> = with_value.flat_map(|(pair, _)| [pair.rater, pair.other]).collect();
        raters.sort_unstable();
        raters.dedup();
        let parts = threads.map_ranges(pairs.rows.len(), |units| {
            let (mut items, mut ratings, mut takes_part) = (0, 0, Vec::new());
            for unit in units {
                takes_part.clear();
                takes_part.resize(pairs.rows.get(unit).len(), 0);
                for (_, [first, second]) in pairs.pairs_of(unit).filter(|&(pair, _)| self.values[pair].is_some()) {
                    takes_part[first] = 1;
                    takes_part[second] = 1;
                }
                let of_unit: u64 = takes_part.iter().sum();
                ratings += pairs.rows.items()[unit] * of_unit;
                items += if of_unit > 0 { pairs.rows.items()[unit] } else { 0 };
            }
            (items, ratings)
        });
        let (items, ratings) = parts.into_iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        Sample { items, ratings, raters: raters.len() as u64 }
    }
}
