//! The ways to make an interval that are compared.

use assay_stats::Estimate;
use assay_stats::interval::{Bounds, Interval};
use assay_stats::resample::{Resampling, Statistic, TwoWayStatistic, bootstrap, jackknife, two_way};

/// A way to make an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// value ± quantile · standard error, as the peers.
    Analytic,
    /// The same on the scale of Fisher's z.
    Fisher,
    Score,
    Jackknife,
    Percentile,
    Bca,
    TwoWay,
}

impl Method {
    pub const ALL: [Self; 7] =
        [Self::Analytic, Self::Fisher, Self::Score, Self::Jackknife, Self::Percentile, Self::Bca, Self::TwoWay];

    pub fn name(self) -> &'static str {
        match self {
            Self::Analytic => "analytic",
            Self::Fisher => "fisher",
            Self::Score => "score",
            Self::Jackknife => "jackknife",
            Self::Percentile => "percentile",
            Self::Bca => "bca",
            Self::TwoWay => "two-way",
        }
    }
}

/// The intervals of one measure, by method; none where the method has none.
#[derive(Debug)]
pub struct Intervals<'a> {
    pub methods: &'a [Method],
    pub resampling: Resampling,
    pub made: &'a mut Vec<(Method, Option<Interval>)>,
}

impl Intervals<'_> {
    fn wants(&self, method: Method) -> bool {
        self.methods.contains(&method)
    }

    fn push(&mut self, method: Method, interval: Option<Interval>) {
        if self.wants(method) {
            self.made.push((method, interval));
        }
    }

    pub fn of_estimate(&mut self, estimate: &Estimate) {
        self.push(Method::Analytic, estimate.interval.ok());
        self.push(Method::Fisher, fisher(estimate));
        if let Some(score) = estimate.score() {
            self.push(Method::Score, score.ok());
        }
    }

    pub fn over_items(&mut self, statistic: &dyn Statistic, bounds: Bounds) {
        let (percentile, bca) = (self.wants(Method::Percentile), self.wants(Method::Bca));
        let without = (bca || self.wants(Method::Jackknife)).then(|| jackknife(statistic, 1));
        if let Some(without) = &without {
            self.push(Method::Jackknife, without[0].interval(bounds).ok());
        }
        if percentile || bca {
            let replicates = bootstrap(statistic, &self.resampling);
            self.push(Method::Percentile, replicates.percentile(0).interval.ok());
            if let Some(without) = without.filter(|_| bca) {
                self.push(Method::Bca, replicates.bca(0, &without[0]).interval.ok());
            }
        }
    }

    pub fn over_items_and_raters(&mut self, statistic: &dyn TwoWayStatistic) {
        if self.wants(Method::TwoWay) {
            let made = two_way(statistic, &self.resampling);
            self.push(Method::TwoWay, made[0].interval.ok());
        }
    }
}

/// tanh(atanh(value) ± half width / (1 - value²)).
fn fisher(estimate: &Estimate) -> Option<Interval> {
    let (value, interval) = (estimate.value.ok()?, estimate.interval.ok()?);
    // One end may have been cut.
    let half_width = (value - interval.low).max(interval.high - value);
    let reach = half_width / (1.0 - value * value);
    (value.abs() < 1.0).then(|| Interval { low: (value.atanh() - reach).tanh(), high: (value.atanh() + reach).tanh() })
}
