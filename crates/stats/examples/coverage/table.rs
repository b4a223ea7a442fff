//! Counting what intervals hold, and printing it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::iter::Sum;

use assay_stats::interval::Interval;

use crate::methods::Method;
use crate::population::{Design, Scene};

/// What became of the intervals of one measure and method in one scene.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub asked: u64,
    made: u64,
    /// The truth lies below the interval, or above it.
    below: u64,
    above: u64,
    /// In units of 2^-32, so that sums do not depend on how simulations are split among threads.
    width: u64,
}

const UNIT: f64 = (1_u64 << 32) as f64;

/// An end that equals the truth but for rounding holds it.
const ROUNDING: f64 = 1e-12;

impl Tally {
    pub fn add(&mut self, interval: Option<Interval>, truth: f64) {
        self.asked += 1;
        let Some(interval) = interval else { return };
        self.made += 1;
        self.below += u64::from(truth < interval.low - ROUNDING);
        self.above += u64::from(truth > interval.high + ROUNDING);
        self.width += ((interval.high - interval.low) * UNIT) as u64;
    }

    fn coverage(&self) -> f64 {
        1.0 - (self.below + self.above) as f64 / self.made as f64
    }

    fn none(&self) -> f64 {
        1.0 - self.made as f64 / self.asked as f64
    }

    fn width(&self) -> f64 {
        self.width as f64 / UNIT / self.made as f64
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |sum, tally| Self {
            asked: sum.asked + tally.asked,
            made: sum.made + tally.made,
            below: sum.below + tally.below,
            above: sum.above + tally.above,
            width: sum.width + tally.width,
        })
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub scene: Scene,
    pub measure: &'static str,
    pub method: Method,
    pub truth: f64,
    pub tally: Tally,
}

fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

/// Every scene, measure and method.
pub fn each(rows: &[Row]) -> String {
    let mut text = String::from(
        "| items | raters | categories | prevalence | errors | kappa | measure | truth | method | coverage % | truth below % | \
         truth above % | none % | width |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for Row { scene, measure, method, truth, tally } in rows.iter().filter(|row| row.tally.made > 0) {
        let design = match scene.design {
            Design::All(raters) => raters.to_string(),
            Design::Some { of_item, raters } => format!("{of_item} of {raters}"),
            Design::UpTo { of_item, raters } => format!("2-{of_item} of {raters}"),
        };
        let made = tally.made as f64;
        let _ = writeln!(
            text,
            "| {} | {design} | {} | {:?} | {:?} | {} | {measure} | {truth:.3} | {} | {} | {} | {} | {} | {:.3} |",
            scene.items,
            scene.labels,
            scene.prevalence,
            scene.errors,
            scene.kappa,
            method.name(),
            percent(tally.coverage()),
            percent(tally.below as f64 / made),
            percent(tally.above as f64 / made),
            percent(tally.none()),
            tally.width(),
        );
    }
    text
}

/// Scenes in which the measure's own true value lies in 0.2 … 0.9, by items, prevalence, measure and method.
pub fn summary(rows: &[Row]) -> String {
    let mut groups: BTreeMap<(usize, String, &str, usize), Vec<&Row>> = BTreeMap::new();
    let in_range = |row: &&Row| (0.195..0.905).contains(&row.truth) && row.tally.made > 0;
    for row in rows.iter().filter(in_range) {
        let prevalence = format!("{:?}", row.scene.prevalence);
        groups.entry((row.scene.items, prevalence, row.measure, row.method as usize)).or_default().push(row);
    }
    let mut text = String::from(
        "| items | prevalence | measure | method | scenes | lowest % | median % | highest % | in 93-97 % | none % | width |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for ((items, prevalence, measure, _), rows) in groups {
        let mut coverage: Vec<f64> = rows.iter().map(|row| row.tally.coverage()).collect();
        coverage.sort_unstable_by(f64::total_cmp);
        let held = coverage.iter().filter(|&&share| (0.93..=0.97).contains(&share)).count();
        let none = rows.iter().map(|row| row.tally.none()).fold(0.0, f64::max);
        let width = rows.iter().map(|row| row.tally.width()).sum::<f64>() / rows.len() as f64;
        let _ = writeln!(
            text,
            "| {items} | {prevalence} | {measure} | {} | {} | {} | {} | {} | {} | {} | {width:.3} |",
            rows[0].method.name(),
            rows.len(),
            percent(coverage[0]),
            percent(coverage[coverage.len() / 2]),
            percent(coverage[coverage.len() - 1]),
            percent(held as f64 / rows.len() as f64),
            percent(none),
        );
    }
    text
}
