use super::anova::CANCELLED;
use super::measure::Divisor;
use super::pairs::{Entry, Pair, Pairs};
use crate::estimate::Undefined;
use crate::sum::{CompensatedSum, Sum};

/// A measure that is a function of [`Moments`].
#[derive(Debug, Clone, Copy)]
pub(super) enum MomentMeasure {
    Pearson,
    Lin(Divisor),
    MeanDifference,
    DifferenceSd,
    /// Mean difference and so many standard deviations.
    Limit(f64),
}

/// Sums over the shared items of two raters, of x and y taken from their medians, and of their difference.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    items: u64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
    /// Squares of x - y, by themselves: near-equal raters would leave nothing but rounding of xx - 2 xy + yy.
    dd: f64,
    medians: (f64, f64),
    noise: f64,
}

/// Mean and centred moments with divisor n; what is rounding is 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    pub(super) items: f64,
    /// The means of x and y, from their medians.
    means: (f64, f64),
    medians: (f64, f64),
    var_x: f64,
    var_y: f64,
    cov: f64,
    var_difference: f64,
}

/// The deviations of one entry from the medians.
fn deviations(pairs: &Pairs, medians: (f64, f64), (first, second): (u32, u32)) -> (f64, f64) {
    (pairs.values[first as usize] - medians.0, pairs.values[second as usize] - medians.1)
}

impl Sums {
    /// As observed, the same to the last bit whichever of the two raters is the first.
    pub(super) fn observed(pairs: &Pairs, pair: &Pair) -> Self {
        Self::of::<CompensatedSum>(pairs, pair, pairs.observed())
    }

    /// Each unit counted as often as `times` says.
    pub(super) fn drawn(pairs: &Pairs, pair: &Pair, times: impl Fn(u32) -> u64) -> Self {
        Self::of::<f64>(pairs, pair, times)
    }

    fn of<S: Sum>(pairs: &Pairs, pair: &Pair, times: impl Fn(u32) -> u64) -> Self {
        let (mut items, mut sums) = (0, [S::default(); 6]);
        for entry in pairs.entries(pair) {
            let n = times(entry.unit);
            items += n;
            let (times, (x, y)) = (n as f64, deviations(pairs, pair.medians, (entry.first, entry.second)));
            for (sum, term) in sums.iter_mut().zip([x, y, x * x, y * y, x * y, (x - y) * (x - y)]) {
                sum.add(times * term);
            }
        }
        let [x, y, xx, yy, xy, dd] = sums.map(S::total);
        Self { items, x, y, xx, yy, xy, dd, medians: pair.medians, noise: pairs.noise }
    }

    /// With one item less, to which the two gave these value codes.
    pub(super) fn without(&self, pairs: &Pairs, codes: (u32, u32)) -> Self {
        let (x, y) = deviations(pairs, self.medians, codes);
        Self {
            items: self.items - 1,
            x: self.x - x,
            y: self.y - y,
            xx: self.xx - x * x,
            yy: self.yy - y * y,
            xy: self.xy - x * y,
            dd: self.dd - (x - y) * (x - y),
            ..*self
        }
    }

    /// None without items.
    pub(super) fn moments(&self) -> Option<Moments> {
        if self.items == 0 {
            return None;
        }
        let n = self.items as f64;
        let variance = |squares: f64, sum: f64, noise: f64| {
            let left = squares - sum * sum / n;
            if left <= CANCELLED * squares || left <= noise { 0.0 } else { left / n }
        };
        Some(Moments {
            items: n,
            means: (self.x / n, self.y / n),
            medians: self.medians,
            var_x: variance(self.xx, self.x, 0.0),
            var_y: variance(self.yy, self.y, 0.0),
            cov: (self.xy - self.x * self.y / n) / n,
            var_difference: variance(self.dd, self.x - self.y, n * self.noise * self.noise),
        })
    }
}

impl Moments {
    pub(super) fn value(&self, measure: MomentMeasure) -> Result<f64, Undefined> {
        match measure {
            MomentMeasure::Pearson => self.pearson(),
            MomentMeasure::Lin(divisor) => self.lin_ccc(divisor),
            MomentMeasure::MeanDifference => Ok(self.mean_difference()),
            MomentMeasure::DifferenceSd => self.difference_sd(),
            MomentMeasure::Limit(multiplier) => Ok(self.mean_difference() + multiplier * self.difference_sd()?),
        }
    }

    pub(super) fn pearson(&self) -> Result<f64, Undefined> {
        if self.var_x == 0.0 || self.var_y == 0.0 {
            return Err(self.no_variance());
        }
        // The product of two variances may be too small for a number; their ratio is exact where it should be.
        let (greater, lesser) = (self.var_x.max(self.var_y), self.var_x.min(self.var_y));
        Ok((self.cov / greater * (greater / lesser).sqrt()).clamp(-1.0, 1.0))
    }

    /// With a single item there is no variance for a reason of its own.
    fn no_variance(&self) -> Undefined {
        if self.items < 2.0 { Undefined::OneItem } else { Undefined::ZeroVariance }
    }

    fn mean_difference(&self) -> f64 {
        (self.medians.0 - self.medians.1) + (self.means.0 - self.means.1)
    }

    /// With divisor n - 1.
    pub(super) fn difference_sd(&self) -> Result<f64, Undefined> {
        if self.items < 2.0 {
            return Err(Undefined::OneItem);
        }
        Ok((self.var_difference * self.items / (self.items - 1.0)).sqrt())
    }

    pub(super) fn lin_ccc(&self, divisor: Divisor) -> Result<f64, Undefined> {
        if self.items < 2.0 {
            return Err(Undefined::OneItem);
        }
        let (scale, denominator) = self.lin_denominator(divisor);
        if denominator == 0.0 {
            return Err(Undefined::ZeroVariance);
        }
        Ok((2.0 * scale * self.cov / denominator).clamp(-1.0, 1.0))
    }

    /// The factor that the divisor puts on the moments, and σx² + σy² + (μx - μy)².
    fn lin_denominator(&self, divisor: Divisor) -> (f64, f64) {
        let scale = match divisor {
            Divisor::N => 1.0,
            Divisor::NMinusOne => self.items / (self.items - 1.0),
        };
        (scale, scale * (self.var_x + self.var_y) + self.mean_difference().powi(2))
    }

    /// Squared location shift u² = (μx - μy)² / (σx σy) and accuracy C = ρc / r of Lin (1989), with divisor n.
    pub(super) fn shift_and_accuracy(&self) -> (f64, f64) {
        let product = self.var_x.sqrt() * self.var_y.sqrt();
        let (_, denominator) = self.lin_denominator(Divisor::N);
        (self.mean_difference().powi(2) / product, 2.0 * product / denominator)
    }
}

/// How each moment changes when one item with deviations x, y from the means gets more weight: influence functions, of mean 0.
impl Moments {
    pub(super) fn of_entry(&self, pairs: &Pairs, entry: &Entry) -> (f64, f64) {
        let (x, y) = deviations(pairs, self.medians, (entry.first, entry.second));
        (x - self.means.0, y - self.means.1)
    }

    /// The influence of an item with these deviations on a measure with this value.
    pub(super) fn influence(&self, measure: MomentMeasure, value: f64, (x, y): (f64, f64)) -> f64 {
        match measure {
            MomentMeasure::Pearson => self.pearson_influence(value, (x, y)),
            MomentMeasure::Lin(divisor) => self.lin_influence(value, divisor, (x, y)),
            MomentMeasure::MeanDifference => x - y,
            MomentMeasure::DifferenceSd => self.sd_influence(x - y),
            MomentMeasure::Limit(multiplier) => x - y + multiplier * self.sd_influence(x - y),
        }
    }

    fn pearson_influence(&self, r: f64, (x, y): (f64, f64)) -> f64 {
        let (x, y) = (x / self.var_x.sqrt(), y / self.var_y.sqrt());
        x * y - r * (x * x + y * y) / 2.0
    }

    fn lin_influence(&self, ccc: f64, divisor: Divisor, (x, y): (f64, f64)) -> f64 {
        let (scale, denominator) = self.lin_denominator(divisor);
        let numerator_change = 2.0 * scale * (x * y - self.cov);
        let variances_change = scale * ((x * x - self.var_x) + (y * y - self.var_y));
        let denominator_change = variances_change + 2.0 * self.mean_difference() * (x - y);
        (numerator_change - ccc * denominator_change) / denominator
    }

    /// 0 where all differences are equal, or there is only one: one more of the same changes nothing.
    fn sd_influence(&self, difference: f64) -> f64 {
        match self.difference_sd() {
            Ok(sd) if sd > 0.0 => sd * (difference * difference / self.var_difference - 1.0) / 2.0,
            _ => 0.0,
        }
    }
}
