use super::batch::{Batch, LANES, generators};
use super::bootstrap::{PERCENTILE_LEVELS, Resampled, Sorted};
use super::draw::Draws;
use super::generator::Generator;
use super::work::{cell, fill_rows};
use super::{BatchTwoWayStatistic, Resampling, TwoWayStatistic};
use crate::estimate::Method;

/// Draws items and, independently, raters with replacement: would other raters on other items agree as much?
///
/// The pigeonhole bootstrap of Owen (2007, Annals of Applied Statistics 1). It needs no model of how raters and items act together,
/// and its variance is a little too large rather than too small. Intervals lie between the 2.5 % and the 97.5 % quantile of the
/// replicates, by figure.
///
/// Undefined as [`Replicates::percentile`](super::Replicates::percentile). Two copies of one rater are not compared, so of two
/// raters every second draw has nothing to compare, of three every ninth, of four one in 64: with fewer than four raters the
/// interval is undefined.
pub fn two_way(statistic: &(impl TwoWayStatistic + ?Sized), resampling: &Resampling) -> Vec<Resampled> {
    let figures = statistic.figures();
    let values = match statistic.batched() {
        Some(batched) => in_batches(batched, [statistic.n_items(), statistic.n_raters()], figures, resampling),
        None => one_by_one(statistic, resampling),
    };
    let of_figure = |figure: usize| {
        let values =
            values.iter().skip(figure).step_by(figures).map(|&value| Some(value).filter(|value| !value.is_nan()));
        Sorted::new(values).resampled(statistic.n_items() as u64, PERCENTILE_LEVELS, Method::TwoWayBootstrap)
    };
    (0..figures).map(of_figure).collect()
}

/// The figures by replicate: the items are drawn first, then the raters.
fn one_by_one(statistic: &(impl TwoWayStatistic + ?Sized), resampling: &Resampling) -> Vec<f64> {
    let (items, raters) = (vec![1; statistic.n_items()], vec![1; statistic.n_raters()]);
    let (item_draws, rater_draws) = (Draws::new(&items), Draws::new(&raters));
    let figures = statistic.figures();
    let mut values = vec![f64::NAN; resampling.resamples * figures];
    let scratch = || (items.clone(), raters.clone(), vec![None; figures]);
    fill_rows(&mut values, figures, resampling.threads, scratch, |number, (items, raters, found), row| {
        let mut generator = Generator::stream(resampling.seed, number as u64);
        item_draws.draw(&mut generator, items);
        rater_draws.draw(&mut generator, raters);
        found.fill(None);
        statistic.evaluate(items, raters, found);
        row.iter_mut().zip(found).for_each(|(value, &mut figure)| *value = cell(figure));
    });
    values
}

fn in_batches(
    statistic: &dyn BatchTwoWayStatistic,
    units: [usize; 2],
    figures: usize,
    resampling: &Resampling,
) -> Vec<f64> {
    let width = LANES * figures;
    let mut values = vec![f64::NAN; resampling.resamples.div_ceil(LANES) * width];
    let scratch = || (units.map(Batch::new), vec![None; width]);
    fill_rows(&mut values, width, resampling.threads, scratch, |number, ([items, raters], found), row| {
        let mut generators = generators(resampling, number);
        items.draw(&mut generators);
        raters.draw(&mut generators);
        found.fill(None);
        statistic.evaluate_batch(items, raters, found);
        row.iter_mut().zip(found).for_each(|(value, &mut figure)| *value = cell(figure));
    });
    values.truncate(resampling.resamples * figures);
    values
}
