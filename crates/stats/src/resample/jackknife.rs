use super::Statistic;
use super::work::{cell, fill_rows};
use crate::estimate::Undefined;
use crate::interval::{Bounds, Interval, student_t_interval};
use crate::sum::order_free_sum;

/// A figure with each of its items left out in turn (Quenouille 1956, Tukey 1958).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jackknife {
    /// The figure of all items.
    pub value: Option<f64>,
    /// m, the items that count in the figure.
    pub items: u64,
    /// √((m - 1) / m · Σ (θ₋ᵢ - mean)²) with θ₋ᵢ the figure without item i.
    ///
    /// Undefined: `one_item`; `undefined_without_item` when the figure does not exist, or not without some item.
    pub standard_error: Result<f64, Undefined>,
    /// m · value - (m - 1) · mean of θ₋ᵢ. Undefined as the standard error.
    pub bias_corrected: Result<f64, Undefined>,
    /// Σ d³ / (6 (Σ d²)^1.5) with d = mean - θ₋ᵢ.
    pub(super) acceleration: Option<f64>,
}

impl Jackknife {
    /// value ± t(m - 1) · standard error, cut at `bounds`.
    ///
    /// Undefined as the standard error, and `zero_variance` when leaving out an item never changes the figure.
    pub fn interval(&self, bounds: Bounds) -> Result<Interval, Undefined> {
        let (Some(value), standard_error) = (self.value, self.standard_error?) else {
            return Err(Undefined::UndefinedWithoutItem);
        };
        if standard_error == 0.0 {
            return Err(Undefined::ZeroVariance);
        }
        Ok(bounds.cut(student_t_interval(value, standard_error, self.items - 1)))
    }
}

/// The jackknife over items of each figure of the statistic. A unit counts with as many items as it stands for.
///
/// Takes one [`evaluate_without`](Statistic::evaluate_without) for each unit: with the default of that method the time grows with
/// the square of their number. Keeps 8 bytes for each figure of each unit meanwhile.
pub fn jackknife(statistic: &(impl Statistic + ?Sized), threads: usize) -> Vec<Jackknife> {
    let multiplicities = statistic.multiplicities();
    let figures = statistic.figures();
    let mut observed = vec![None; figures];
    statistic.evaluate(multiplicities, &mut observed);
    let mut without = vec![f64::NAN; multiplicities.len() * figures];
    fill_rows(
        &mut without,
        figures,
        threads,
        || vec![None; figures],
        |unit, found, row| {
            if multiplicities[unit] == 0 {
                return;
            }
            found.fill(None);
            statistic.evaluate_without(unit, found);
            row.iter_mut().zip(found).for_each(|(value, &mut figure)| *value = cell(figure));
        },
    );
    let of_figure = |(figure, value): (usize, &Option<f64>)| {
        let values: Vec<(f64, u64)> = multiplicities
            .iter()
            .enumerate()
            .filter(|&(unit, &items)| items > 0 && statistic.counts(unit, figure))
            .map(|(unit, &items)| (without[unit * figures + figure], items))
            .collect();
        summarise(value.filter(|value| value.is_finite()), &values)
    };
    observed.iter().enumerate().map(of_figure).collect()
}

/// Deviations below this share of the figure are rounding. Real ones are smaller the more items there are.
const ROUNDING: f64 = 1e-14;

/// From the values without an item, each with the number of items that it is the value without.
fn summarise(value: Option<f64>, without: &[(f64, u64)]) -> Jackknife {
    let items: u64 = without.iter().map(|&(_, items)| items).sum();
    let undefined = |reason| Jackknife {
        value,
        items,
        standard_error: Err(reason),
        bias_corrected: Err(reason),
        acceleration: None,
    };
    let Some(observed) = value.filter(|_| without.iter().all(|(value, _)| !value.is_nan())) else {
        return undefined(Undefined::UndefinedWithoutItem);
    };
    if items < 2 {
        return undefined(Undefined::OneItem);
    }
    let m = items as f64;
    let sum_of =
        |term: &dyn Fn(f64) -> f64| order_free_sum(without.iter().map(|&(value, items)| items as f64 * term(value)));
    // About the observed value, which is near all of them: their mean loses nothing that way.
    let shift = sum_of(&|value| value - observed) / m;
    let mean = observed + shift;
    let is_constant = without.iter().all(|(value, _)| (value - mean).abs() <= ROUNDING * mean.abs().max(1.0));
    let squares = if is_constant { 0.0 } else { sum_of(&|value| (mean - value).powi(2)) };
    let cubes = sum_of(&|value| (mean - value).powi(3));
    Jackknife {
        value,
        items,
        standard_error: Ok(((m - 1.0) / m * squares).sqrt()),
        bias_corrected: Ok(observed - (m - 1.0) * shift),
        acceleration: Some(cubes / (6.0 * squares * squares.sqrt())).filter(|acceleration| acceleration.is_finite()),
    }
}
