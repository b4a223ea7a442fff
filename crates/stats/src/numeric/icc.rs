use super::anova::{Anova, AnovaTotals, MeanSquares};
use super::complete::Complete;
use super::hypothesis::FTest;
use super::interval::estimate;
use crate::distribution::f_quantile;
use crate::estimate::{Estimate, Method, Undefined};
use crate::interval::{Interval, ROUNDING, UPPER_TAIL};
use crate::resample::Statistic;

/// The six intraclass correlations, after McGraw and Wong (1996).
///
/// With mean squares between items R, between raters C, of error E and within items W, of n items by k raters:
///
/// | form | Shrout and Fleiss (1979) | value | raters |
/// | --- | --- | --- | --- |
/// | ICC(1,1) | ICC(1,1) | (R - W) / (R + (k - 1) W) | each item has its own |
/// | ICC(A,1) | ICC(2,1) | (R - E) / (R + (k - 1) E + k (C - E) / n) | the same for all items, and their level counts |
/// | ICC(C,1) | ICC(3,1) | (R - E) / (R + (k - 1) E) | the same for all items, their level does not count |
/// | ICC(1,k) | ICC(1,k) | (R - W) / R | as ICC(1,1), for the mean of the k raters |
/// | ICC(A,k) | ICC(2,k) | (R - E) / (R + (C - E) / n) | as ICC(A,1), for the mean of the k raters |
/// | ICC(C,k) | ICC(3,k) | (R - E) / R | as ICC(C,1), for the mean of the k raters (Cronbach's alpha) |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IccForm {
    OneWaySingle,
    AgreementSingle,
    ConsistencySingle,
    OneWayAverage,
    AgreementAverage,
    ConsistencyAverage,
}

impl IccForm {
    pub const ALL: [Self; 6] = [
        Self::OneWaySingle,
        Self::AgreementSingle,
        Self::ConsistencySingle,
        Self::OneWayAverage,
        Self::AgreementAverage,
        Self::ConsistencyAverage,
    ];

    /// The name of McGraw and Wong (1996), as in pingouin.
    pub fn name(self) -> &'static str {
        match self {
            Self::OneWaySingle => "ICC(1,1)",
            Self::AgreementSingle => "ICC(A,1)",
            Self::ConsistencySingle => "ICC(C,1)",
            Self::OneWayAverage => "ICC(1,k)",
            Self::AgreementAverage => "ICC(A,k)",
            Self::ConsistencyAverage => "ICC(C,k)",
        }
    }

    /// The name of Shrout and Fleiss (1979).
    pub fn shrout_fleiss(self) -> &'static str {
        match self {
            Self::OneWaySingle => "ICC(1,1)",
            Self::AgreementSingle => "ICC(2,1)",
            Self::ConsistencySingle => "ICC(3,1)",
            Self::OneWayAverage => "ICC(1,k)",
            Self::AgreementAverage => "ICC(2,k)",
            Self::ConsistencyAverage => "ICC(3,k)",
        }
    }

    fn method(self) -> Method {
        match self {
            Self::AgreementSingle | Self::AgreementAverage => Method::FSatterthwaite,
            _ => Method::FDistribution,
        }
    }
}

/// One form of the intraclass correlation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Icc {
    pub form: IccForm,
    /// Negative values are reported as they are: they say that items differ less than chance would have it.
    pub estimate: Estimate,
    /// The test of ICC = 0.
    pub test: Result<FTest, Undefined>,
}

/// All six intraclass correlations of complete items, in the order of [`IccForm::ALL`].
///
/// Intervals rest on the F distribution and take ratings for normal: Shrout and Fleiss (1979), for ICC(A,·) with Satterthwaite's degrees of
/// freedom. Values, tests and intervals equal pingouin's `intraclass_corr` (which rounds intervals to two decimals) and
/// `psych::ICC(lmer = FALSE)`.
///
/// Undefined: `no_ratings`, `one_rater`, `no_complete_items`, `one_item`; `zero_variance` when 0/0 or, for the mean of k raters, when the
/// items do not differ at all; `non_positive_variance` for ICC(A,k) when error outweighs everything that it divides by (peers give a figure
/// beyond 1 or an infinite one). Tests: `infinite_f` without error. Intervals: `zero_variance` when F is 0 or infinite;
/// `non_positive_variance` for ICC(A,·), mostly negative ones, where the formulas that the peers share give ends that are infinite or do not
/// enclose the value.
pub fn intraclass_correlations(complete: &Complete) -> [Icc; 6] {
    let (sample, figures) = (complete.sample(), IccFigures::new(complete));
    let squares =
        complete.check().and_then(|()| figures.anova.mean_squares(&figures.observed).ok_or(Undefined::NoCompleteItems));
    IccForm::ALL.map(|form| {
        let value = squares.and_then(|squares| squares.icc(form));
        let interval = |icc| squares.and_then(|squares| squares.interval(form, icc));
        let test = squares.and_then(|squares| squares.test(form));
        Icc { form, estimate: estimate(value, interval, sample, form.method()), test }
    })
}

impl MeanSquares {
    fn icc(&self, form: IccForm) -> Result<f64, Undefined> {
        let Self { rows, columns, error, within, .. } = *self;
        let (n, k) = (self.items as f64, self.raters as f64);
        let (numerator, denominator) = match form {
            IccForm::OneWaySingle => (rows - within, rows + (k - 1.0) * within),
            IccForm::AgreementSingle => (rows - error, rows + (k - 1.0) * error + k * (columns - error) / n),
            IccForm::ConsistencySingle => (rows - error, rows + (k - 1.0) * error),
            IccForm::OneWayAverage => (rows - within, rows),
            IccForm::AgreementAverage => (rows - error, rows + (columns - error) / n),
            IccForm::ConsistencyAverage => (rows - error, rows),
        };
        // The one denominator with a minus can be negative, or 0 but for rounding.
        let size = rows + (columns + error) / n;
        if form == IccForm::AgreementAverage && size > 0.0 && denominator <= ROUNDING * size {
            return Err(Undefined::NonPositiveVariance);
        }
        if denominator == 0.0 {
            return Err(Undefined::ZeroVariance);
        }
        Ok(numerator / denominator)
    }

    /// Mean square of what counts as error, and its degrees of freedom.
    fn error_of(&self, form: IccForm) -> (f64, u64) {
        match form {
            IccForm::OneWaySingle | IccForm::OneWayAverage => (self.within, self.items * (self.raters - 1)),
            _ => (self.error, (self.items - 1) * (self.raters - 1)),
        }
    }

    fn test(&self, form: IccForm) -> Result<FTest, Undefined> {
        let (error, df2) = self.error_of(form);
        match (self.rows > 0.0, error > 0.0) {
            (_, true) => Ok(FTest::new(self.rows / error, self.items - 1, df2)),
            (true, false) => Err(Undefined::InfiniteF),
            (false, false) => Err(Undefined::ZeroVariance),
        }
    }

    fn interval(&self, form: IccForm, icc: f64) -> Result<Interval, Undefined> {
        let k = self.raters as f64;
        match form {
            IccForm::OneWaySingle | IccForm::ConsistencySingle => {
                let (low, high) = self.ratio_bounds(form)?;
                Ok(Interval { low: (low - 1.0) / (low + k - 1.0), high: (high - 1.0) / (high + k - 1.0) })
            }
            IccForm::OneWayAverage | IccForm::ConsistencyAverage => {
                let (low, high) = self.ratio_bounds(form)?;
                Ok(Interval { low: 1.0 - 1.0 / low, high: 1.0 - 1.0 / high })
            }
            IccForm::AgreementSingle => self.agreement_interval(icc),
            IccForm::AgreementAverage => {
                let single = self.agreement_interval(self.icc(IccForm::AgreementSingle)?)?;
                // Spearman-Brown's step-up has a pole at -1 / (k - 1).
                if 1.0 + single.low * (k - 1.0) <= ROUNDING {
                    return Err(Undefined::NonPositiveVariance);
                }
                let step_up = |icc: f64| icc * k / (1.0 + icc * (k - 1.0));
                Ok(Interval { low: step_up(single.low), high: step_up(single.high) })
            }
        }
    }

    /// The bounds of the true F, from the F of the test.
    fn ratio_bounds(&self, form: IccForm) -> Result<(f64, f64), Undefined> {
        let (error, df2) = self.error_of(form);
        if self.rows == 0.0 || error == 0.0 {
            return Err(Undefined::ZeroVariance);
        }
        let (f, df1, df2) = (self.rows / error, (self.items - 1) as f64, df2 as f64);
        Ok((f / f_quantile(UPPER_TAIL, df1, df2), f * f_quantile(UPPER_TAIL, df2, df1)))
    }

    /// Shrout and Fleiss (1979), formulas for ICC(2,1); the degrees of freedom in the form of McGraw and Wong (1996), which needs no
    /// division by the mean square of error.
    fn agreement_interval(&self, icc: f64) -> Result<Interval, Undefined> {
        // In units of the largest: squares of extreme mean squares are no numbers.
        let largest = self.rows.max(self.columns).max(self.error);
        let [rows, columns, error] = [self.rows, self.columns, self.error].map(|square| square / largest);
        let (n, k) = (self.items as f64, self.raters as f64);
        let from_raters = k * icc * columns;
        let from_error = (n * (1.0 + (k - 1.0) * icc) - k * icc) * error;
        let spread = from_raters.powi(2) / (k - 1.0) + from_error.powi(2) / ((n - 1.0) * (k - 1.0));
        let df = (from_raters + from_error).powi(2) / spread;
        if rows == 0.0 || spread == 0.0 || df == 0.0 {
            return Err(Undefined::ZeroVariance);
        }
        let (above, below) = (f_quantile(UPPER_TAIL, n - 1.0, df), f_quantile(UPPER_TAIL, df, n - 1.0));
        let rest = k * columns + (k * n - k - n) * error;
        let (low_denominator, high_denominator) = (above * rest + n * rows, rest + n * below * rows);
        if low_denominator <= 0.0 || high_denominator <= 0.0 {
            return Err(Undefined::NonPositiveVariance);
        }
        let low = n * (rows - above * error) / low_denominator;
        let high = n * (below * rows - error) / high_denominator;
        if low <= icc && icc <= high { Ok(Interval { low, high }) } else { Err(Undefined::NonPositiveVariance) }
    }
}

/// The six intraclass correlations as functions of how often each distinct row of complete items is counted, in the order of
/// [`IccForm::ALL`].
#[derive(Debug)]
pub struct IccFigures<'a> {
    complete: &'a Complete,
    anova: Anova,
    observed: AnovaTotals,
}

impl<'a> IccFigures<'a> {
    pub fn new(complete: &'a Complete) -> Self {
        let anova = Anova::new(complete);
        let observed = anova.observed(&complete.items);
        Self { complete, anova, observed }
    }

    fn write(&self, totals: &AnovaTotals, figures: &mut [Option<f64>]) {
        let squares = self.anova.mean_squares(totals);
        for (figure, form) in figures.iter_mut().zip(IccForm::ALL) {
            *figure = squares.and_then(|squares| squares.icc(form).ok());
        }
    }
}

impl Statistic for IccFigures<'_> {
    fn multiplicities(&self) -> &[u64] {
        &self.complete.items
    }

    fn figures(&self) -> usize {
        IccForm::ALL.len()
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        self.write(&self.anova.drawn(times), figures);
    }

    fn evaluate_without(&self, unit: usize, figures: &mut [Option<f64>]) {
        self.write(&self.anova.without(&self.observed, unit), figures);
    }
}
