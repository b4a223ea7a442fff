use super::interval::{Made, estimate, student};
use super::measure::PairMeasure;
use super::pair::Observed;
use super::pairs::Pairs;
use super::ranks::Scratch;
use crate::estimate::{Estimate, Method, Sample, Undefined};
use crate::interval::ROUNDING;
use crate::sum::{CompensatedSum, Sum, order_free_sum};

/// The unweighted mean of a measure over the pairs of raters for which it is defined.
///
/// Bland-Altman figures are differences: which of two raters is the first one, the one with the lower code, decides on the sign.
///
/// Interval: infinitesimal jackknife (Jaeckel 1972) over the items of those pairs, t with n - 1 degrees of freedom, cut at the bounds of the
/// measure. The items of a pair vary, the raters do not. Undefined: `no_ratings`, `one_rater`, `no_pairable_items` or
/// `no_complete_items`, and `no_defined_pair`. Interval: `one_item`, `zero_variance` when no item changes anything.
pub fn mean_over_pairs(pairs: &Pairs, measure: PairMeasure) -> Estimate {
    let method = Method::InfinitesimalJackknife;
    if let Err(reason) = pairs.check() {
        return Estimate::undefined(reason, Sample::default(), method);
    }
    let mut scratch = Scratch::default();
    let value = |pair| Observed::new(pairs, pair).value(measure, &mut scratch).ok();
    let values: Vec<Option<f64>> = pairs.pairs.iter().map(value).collect();
    let defined = values.iter().flatten().count() as f64;
    let mean = order_free_sum(values.iter().flatten().copied()) / defined;
    let sample = sample(pairs, &values);
    let value = if defined > 0.0 { Ok(mean) } else { Err(Undefined::NoDefinedPair) };
    estimate(value, |value| jackknife(pairs, measure, &values, value, sample.items), sample, method)
}

fn jackknife(
    pairs: &Pairs,
    measure: PairMeasure,
    values: &[Option<f64>],
    mean: f64,
    items: u64,
) -> Result<Made, Undefined> {
    let n = items as f64;
    let defined = values.iter().flatten().count() as f64;
    let changes = changes_by_unit(pairs, measure, values);
    let changes: Vec<f64> = changes.iter().map(|change| n * change.total() / defined).collect();
    if changes.iter().all(|change| change.abs() <= ROUNDING * mean.abs().max(1.0)) {
        return Err(if items < 2 { Undefined::OneItem } else { Undefined::ZeroVariance });
    }
    let terms = changes.iter().zip(pairs.rows.items()).map(|(change, &times)| times as f64 * change * change);
    let standard_error = (order_free_sum(terms) / (n * (n - 1.0))).sqrt();
    student(mean, standard_error, items, measure.bounds())
}

/// By unit, how one of its items changes the sum of the pairs' values.
fn changes_by_unit(pairs: &Pairs, measure: PairMeasure, values: &[Option<f64>]) -> Vec<CompensatedSum> {
    let mut changes = vec![CompensatedSum::default(); pairs.rows.len()];
    for (pair, value) in pairs.pairs.iter().zip(values) {
        let Some(value) = *value else { continue };
        let of_pair = Observed::new(pairs, pair).influence(measure, value);
        for (entry, change) in pairs.entries(pair).iter().zip(of_pair) {
            changes[entry.unit as usize].add(change / pair.items as f64);
        }
    }
    changes
}

/// The items, ratings and raters of pairs with a value.
fn sample(pairs: &Pairs, values: &[Option<f64>]) -> Sample {
    let mut sample = Sample::default();
    let mut raters: Vec<u32> = pairs
        .pairs
        .iter()
        .zip(values)
        .filter(|(_, value)| value.is_some())
        .flat_map(|(pair, _)| [pair.rater, pair.other])
        .collect();
    raters.sort_unstable();
    raters.dedup();
    sample.raters = raters.len() as u64;
    let mut takes_part = Vec::new();
    for (unit, (row, items)) in pairs.rows.iter().enumerate() {
        takes_part.clear();
        takes_part.resize(row.len(), false);
        for (_, places) in pairs.pairs_of(unit).filter(|&(pair, _)| values[pair].is_some()) {
            takes_part[places[0]] = true;
            takes_part[places[1]] = true;
        }
        let ratings = takes_part.iter().filter(|&&takes_part| takes_part).count() as u64;
        sample.ratings += items * ratings;
        sample.items += if ratings > 0 { items } else { 0 };
    }
    sample
}
