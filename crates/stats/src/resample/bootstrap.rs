use super::batch::{Batch, LANES, generators};
use super::bca::{NoBca, adjusted_levels};
use super::draw::Draws;
use super::generator::Generator;
use super::jackknife::Jackknife;
use super::work::{cell, fill_rows};
use super::{BatchStatistic, Resampling, Statistic};
use crate::estimate::{Method, Undefined};
use crate::interval::{Interval, LEVEL, is_rounding};
use crate::sum::order_free_sum;

/// The largest share of replicates without a figure with which the others still give its interval.
pub const MOST_UNDEFINED: f64 = 0.05;

/// With fewer replicates a 95 % interval would end at the most extreme one.
pub const FEWEST_RESAMPLES: usize = 40;

/// Draws as many items as there are, with replacement, again and again, and computes the figures of each draw (Efron 1979).
///
/// Takes `resamples` evaluations of the statistic, and 8 bytes for each figure of each of them; by thread 8 bytes for each unit, or
/// [`LANES`] where the statistic counts draws in batches.
pub fn bootstrap(statistic: &(impl Statistic + ?Sized), resampling: &Resampling) -> Replicates {
    let multiplicities = statistic.multiplicities();
    let values = match statistic.batched() {
        Some(batched) if multiplicities.iter().all(|&items| items == 1) => {
            in_batches(batched, multiplicities.len(), statistic.figures(), resampling)
        }
        _ => one_by_one(statistic, resampling),
    };
    Replicates {
        values,
        figures: statistic.figures(),
        resamples: resampling.resamples,
        items: multiplicities.iter().sum(),
    }
}

/// The figures by replicate.
fn one_by_one(statistic: &(impl Statistic + ?Sized), resampling: &Resampling) -> Vec<f64> {
    let multiplicities = statistic.multiplicities();
    let draws = Draws::new(multiplicities);
    let figures = statistic.figures();
    let mut values = vec![f64::NAN; resampling.resamples * figures];
    let scratch = || (vec![0; multiplicities.len()], vec![None; figures]);
    fill_rows(&mut values, figures, resampling.threads, scratch, |number, (times, found), row| {
        draws.draw(&mut Generator::stream(resampling.seed, number as u64), times);
        found.fill(None);
        statistic.evaluate(times, found);
        row.iter_mut().zip(found).for_each(|(value, &mut figure)| *value = cell(figure));
    });
    values
}

fn in_batches(statistic: &dyn BatchStatistic, units: usize, figures: usize, resampling: &Resampling) -> Vec<f64> {
    let width = LANES * figures;
    let mut values = vec![f64::NAN; resampling.resamples.div_ceil(LANES) * width];
    let scratch = || (Batch::new(units), vec![None; width]);
    fill_rows(&mut values, width, resampling.threads, scratch, |number, (draws, found), row| {
        draws.draw(&mut generators(resampling, number));
        found.fill(None);
        statistic.evaluate_batch(draws, found);
        row.iter_mut().zip(found).for_each(|(value, &mut figure)| *value = cell(figure));
    });
    values.truncate(resampling.resamples * figures);
    values
}

/// The figures of each draw of [`bootstrap`].
#[derive(Debug, Clone)]
pub struct Replicates {
    /// By replicate and figure; not a number where the figure is undefined.
    values: Vec<f64>,
    figures: usize,
    resamples: usize,
    items: u64,
}

/// An interval from replicates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resampled {
    pub interval: Result<Interval, Undefined>,
    /// How the interval was made; when BCa was asked for and is undefined, this is the percentile interval.
    pub method: Method,
    /// Why the interval is not BCa although that was asked for.
    pub no_bca: Option<NoBca>,
    /// The standard deviation of the replicates (divided by their number less one).
    pub standard_error: Result<f64, Undefined>,
    pub resamples: usize,
    /// In how many of them the figure does not exist.
    pub undefined: usize,
}

impl Replicates {
    pub fn resamples(&self) -> usize {
        self.resamples
    }

    /// A figure in each replicate, in the order in which they were drawn.
    pub fn values(&self, figure: usize) -> impl Iterator<Item = Option<f64>> {
        self.values
            .iter()
            .skip(figure)
            .step_by(self.figures.max(1))
            .map(|&value| Some(value).filter(|value| !value.is_nan()))
    }

    /// Between the 2.5 % and the 97.5 % quantile of the replicates (Efron 1979), linear between two of them as in NumPy.
    ///
    /// Undefined: `one_item`; `too_few_resamples`; `undefined_in_resamples`; `zero_variance` when all replicates are the same.
    pub fn percentile(&self, figure: usize) -> Resampled {
        let sorted = Sorted::new(self.values(figure));
        sorted.resampled(self.items, PERCENTILE_LEVELS, Method::BootstrapPercentile)
    }

    /// Bias-corrected and accelerated (Efron 1987): quantiles of the replicates at levels adjusted for how their median lies
    /// beside the observed value and for how the standard error changes with the figure.
    ///
    /// `jackknife` is that of the same figure. Bias: z₀ = Φ⁻¹(share of the replicates below the value, with half of those equal
    /// to it); acceleration: Σ d³ / (6 (Σ d²)^1.5) with d the mean of the jackknife less its values. As SciPy's
    /// `bootstrap(method="BCa")`. Where that is undefined the percentile interval is given instead, with the reason.
    ///
    /// Undefined as the percentile interval.
    pub fn bca(&self, figure: usize, jackknife: &Jackknife) -> Resampled {
        let sorted = Sorted::new(self.values(figure));
        match adjusted_levels(&sorted.defined, jackknife) {
            Ok(levels) => sorted.resampled(self.items, levels, Method::BootstrapBca),
            Err(reason) => {
                let percentile = sorted.resampled(self.items, PERCENTILE_LEVELS, Method::BootstrapPercentile);
                Resampled { no_bca: Some(reason), ..percentile }
            }
        }
    }
}

/// The probabilities below the ends of an interval.
pub(super) const PERCENTILE_LEVELS: [f64; 2] = [(1.0 - LEVEL) / 2.0, 1.0 - (1.0 - LEVEL) / 2.0];

/// The replicates of one figure, ascending.
pub(super) struct Sorted {
    defined: Vec<f64>,
    undefined: usize,
}

impl Sorted {
    pub(super) fn new(values: impl Iterator<Item = Option<f64>>) -> Self {
        let (mut defined, mut undefined) = (Vec::new(), 0);
        for value in values {
            match value {
                Some(value) => defined.push(value),
                None => undefined += 1,
            }
        }
        defined.sort_unstable_by(f64::total_cmp);
        Self { defined, undefined }
    }

    /// `drawn` is how many items there are to draw from.
    pub(super) fn resampled(&self, drawn: u64, levels: [f64; 2], method: Method) -> Resampled {
        let usable = self.check(drawn);
        let interval = usable.and_then(|()| {
            let [low, high] = levels.map(|level| quantile(&self.defined, level));
            if self.is_constant() { Err(Undefined::ZeroVariance) } else { Ok(Interval { low, high }) }
        });
        Resampled {
            interval,
            method,
            no_bca: None,
            standard_error: usable.map(|()| standard_deviation(&self.defined)),
            resamples: self.defined.len() + self.undefined,
            undefined: self.undefined,
        }
    }

    fn check(&self, drawn: u64) -> Result<(), Undefined> {
        let resamples = self.defined.len() + self.undefined;
        if drawn < 2 {
            Err(Undefined::OneItem)
        } else if resamples < FEWEST_RESAMPLES {
            Err(Undefined::TooFewResamples)
        } else if self.undefined as f64 > MOST_UNDEFINED * resamples as f64 {
            Err(Undefined::UndefinedInResamples)
        } else {
            Ok(())
        }
    }

    fn is_constant(&self) -> bool {
        match (self.defined.first(), self.defined.last()) {
            (Some(&least), Some(&most)) => is_rounding(most - least, least),
            _ => true,
        }
    }
}

/// The quantile of ascending values, of which there is at least one: linear between its neighbours (Hyndman and Fan's seventh, NumPy's default).
fn quantile(ascending: &[f64], level: f64) -> f64 {
    let place = level * (ascending.len() - 1) as f64;
    let below = (place as usize).min(ascending.len() - 1);
    let (low, high) = (ascending[below], ascending[(below + 1).min(ascending.len() - 1)]);
    low + (high - low) * (place - below as f64)
}

fn standard_deviation(ascending: &[f64]) -> f64 {
    let n = ascending.len() as f64;
    let mean = order_free_sum(ascending.iter().copied()) / n;
    (order_free_sum(ascending.iter().map(|value| (value - mean).powi(2))) / (n - 1.0)).sqrt()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn resampled(values: &[Option<f64>]) -> Resampled {
        Sorted::new(values.iter().copied()).resampled(9, PERCENTILE_LEVELS, Method::BootstrapPercentile)
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy.quantile([1, 2, 4, 8, 16], [0, 0.025, 0.1, 0.5, 0.9, 0.975, 1])
        let levels = [0.0, 0.025, 0.1, 0.5, 0.9, 0.975, 1.0];
        let found = levels.map(|level| quantile(&[1.0, 2.0, 4.0, 8.0, 16.0], level));
        for (found, expected) in found.iter().zip([1.0, 1.1, 1.4, 4.0, 12.8, 15.2, 16.0]) {
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
        assert_eq!(quantile(&[3.0], 0.7), 3.0);
    }

    #[test]
    fn interval_and_standard_error_are_those_of_numpy() {
        // x = numpy.arange(40.0) ** 2; numpy.quantile(x, [0.025, 0.975]); x.std(ddof=1)
        let squares: Vec<Option<f64>> = (0..40).rev().map(|n| Some(f64::from(n * n))).collect();
        let found = resampled(&squares);
        let interval = found.interval.unwrap();
        assert!((interval.low - 0.975).abs() < 1e-12 && (interval.high - 1_445.925).abs() < 1e-9, "{interval:?}");
        assert!((found.standard_error.unwrap() - 471.605_060_758_823_24).abs() < 1e-9, "{found:?}");
        assert_eq!((found.resamples, found.undefined), (40, 0));
    }

    #[test]
    fn a_twentieth_of_the_replicates_may_be_undefined() {
        let with_undefined = |undefined: usize| {
            let defined = (undefined..100).map(|n| Some(n as f64));
            resampled(&defined.chain(vec![None; undefined]).collect::<Vec<_>>())
        };
        let (some, many) = (with_undefined(5), with_undefined(6));
        assert!(some.interval.is_ok());
        assert_eq!((some.undefined, some.resamples), (5, 100));
        assert_eq!(many.interval, Err(Undefined::UndefinedInResamples));
        assert_eq!((many.standard_error, many.undefined), (Err(Undefined::UndefinedInResamples), 6));
    }

    #[test]
    fn what_cannot_vary_has_no_interval() {
        assert_eq!(resampled(&[Some(1.0); 50]).interval, Err(Undefined::ZeroVariance));
        assert_eq!(resampled(&[Some(1.0); 50]).standard_error, Ok(0.0));
        assert_eq!(resampled(&[Some(1.0); 39]).interval, Err(Undefined::TooFewResamples));
        assert_eq!(resampled(&[]).interval, Err(Undefined::TooFewResamples));
        let one_item =
            Sorted::new([Some(1.0); 50].into_iter()).resampled(1, PERCENTILE_LEVELS, Method::BootstrapPercentile);
        assert_eq!(one_item.interval, Err(Undefined::OneItem));
    }
}
