//! How much two different labels agree: weights between 0 (full disagreement) and 1 (the same label).

use std::f64::consts::PI;
use std::fmt;

use crate::sum::order_free_sum;

/// The usual schemes, with k and l the positions of two labels, R the largest minus the smallest position.
///
/// Gwet (2014), chapter 3. Each is scaled so that the labels farthest apart have weight 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// 1 when the labels are equal, else 0: nominal labels.
    Identity,
    /// 1 - |k - l| / R (Cicchetti and Allison 1971).
    Linear,
    /// 1 - (k - l)² / R² (Fleiss and Cohen 1973): interval scales.
    Quadratic,
    /// 1 - C(|rank k - rank l| + 1, 2) / C(q, 2): always by rank.
    Ordinal,
    /// 1 - √|k - l| / √R.
    Radical,
    /// 1 - ((k - l) / (k + l))² / (R / (largest + smallest))²: ratio scales.
    Ratio,
    /// 1 - sin²(π (k - l) / (R + 1)) / its largest value: scales that close on themselves.
    Circular,
    /// 1 - (k - l)² / ((k + l - 2 smallest)(2 largest - k - l)) / its largest value: scales with two poles.
    Bipolar,
}

impl Scheme {
    pub const ALL: [Self; 8] = [
        Self::Identity,
        Self::Linear,
        Self::Quadratic,
        Self::Ordinal,
        Self::Radical,
        Self::Ratio,
        Self::Circular,
        Self::Bipolar,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Linear => "linear",
            Self::Quadratic => "quadratic",
            Self::Ordinal => "ordinal",
            Self::Radical => "radical",
            Self::Ratio => "ratio",
            Self::Circular => "circular",
            Self::Bipolar => "bipolar",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why there are no such weights. Labels and positions count from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WeightsError {
    /// Every label needs a finite position.
    NotFinite { label: usize, position: f64 },
    /// A ratio scale has no negative values.
    Negative { label: usize, position: f64 },
    /// Two labels at one position would be one label.
    SamePosition { label: usize, other: usize },
    /// A matrix needs one row and one column for each label.
    WrongSize { labels: usize, cells: usize },
    /// Weights lie in [0, 1].
    OutOfRange { row: usize, column: usize, weight: f64 },
    /// The weight of a label with itself is 1.
    Diagonal { label: usize, weight: f64 },
    /// Which of two raters comes first does not matter.
    NotSymmetric { row: usize, column: usize },
}

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotFinite { label, position } => {
                write!(f, "label {label} has the value {position}: weights by value need finite numbers")
            }
            Self::Negative { label, position } => {
                write!(f, "label {label} has the value {position}: a ratio scale has no negative values")
            }
            Self::SamePosition { label, other } => write!(f, "labels {label} and {other} have the same value"),
            Self::WrongSize { labels, cells } => {
                write!(f, "{labels} labels need a matrix of {labels} x {labels} weights, but there are {cells} weights")
            }
            Self::OutOfRange { row, column, weight } => {
                write!(f, "row {row}, column {column}: the weight {weight} is not between 0 and 1")
            }
            Self::Diagonal { label, weight } => {
                write!(
                    f,
                    "row {label}, column {label}: a label agrees with itself, so its weight must be 1, not {weight}"
                )
            }
            Self::NotSymmetric { row, column } => {
                write!(f, "row {row}, column {column}: the weight differs from that in row {column}, column {row}")
            }
        }
    }
}

impl std::error::Error for WeightsError {}

/// Symmetric weights between the labels of a code range.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    n_labels: usize,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Identity,
    /// Any number of labels fits: no matrix is kept.
    Scheme(Scaled),
    /// Quadratic on mean ranks; labels that do not occur may share a rank.
    MeanRanks(Scaled),
    Matrix(Vec<f64>),
}

impl Weights {
    /// Nominal labels: only equal labels agree.
    pub fn identity(n_labels: usize) -> Self {
        Self { n_labels, kind: Kind::Identity }
    }

    /// A scheme on labels at the positions 1, 2, 3 …
    pub fn by_rank(scheme: Scheme, n_labels: usize) -> Self {
        Self::on(scheme, (1..=n_labels).map(|rank| rank as f64).collect())
    }

    /// A scheme on labels with these values, by label code. Only `ordinal` looks at their ranks instead, and `identity` at neither.
    ///
    /// # Errors
    /// When a value is not finite, occurs twice, or is negative on a ratio scale.
    pub fn by_value(scheme: Scheme, values: &[f64]) -> Result<Self, WeightsError> {
        if let Some(label) = values.iter().position(|value| !value.is_finite()) {
            return Err(WeightsError::NotFinite { label, position: values[label] });
        }
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
        if let Some(same) = order.windows(2).find(|two| values[two[0]] == values[two[1]]) {
            return Err(WeightsError::SamePosition { label: same[0].min(same[1]), other: same[0].max(same[1]) });
        }
        match scheme {
            Scheme::Ratio => {
                if let Some(label) = values.iter().position(|&value| value < 0.0) {
                    return Err(WeightsError::Negative { label, position: values[label] });
                }
                Ok(Self::on(scheme, values.to_vec()))
            }
            Scheme::Ordinal => {
                let mut ranks = vec![0.0; values.len()];
                for (rank, &label) in order.iter().enumerate() {
                    ranks[label] = rank as f64 + 1.0;
                }
                Ok(Self::on(scheme, ranks))
            }
            _ => Ok(Self::on(scheme, values.to_vec())),
        }
    }

    /// Weights of one's own, row by row, by label code.
    ///
    /// # Errors
    /// When the matrix has the wrong size, is not symmetric, has a weight outside [0, 1] or a diagonal other than 1.
    pub fn matrix(cells: Vec<f64>, n_labels: usize) -> Result<Self, WeightsError> {
        if cells.len() != n_labels * n_labels {
            return Err(WeightsError::WrongSize { labels: n_labels, cells: cells.len() });
        }
        for (place, &weight) in cells.iter().enumerate() {
            let (row, column) = (place / n_labels, place % n_labels);
            if !(0.0..=1.0).contains(&weight) {
                return Err(WeightsError::OutOfRange { row, column, weight });
            }
            if row == column && weight != 1.0 {
                return Err(WeightsError::Diagonal { label: row, weight });
            }
            if cells[column * n_labels + row] != weight {
                return Err(WeightsError::NotSymmetric { row, column });
            }
        }
        Ok(Self { n_labels, kind: Kind::Matrix(cells) })
    }

    /// Squared differences of mean ranks, for labels in the order of their scale that occur so often: Krippendorff's ordinal metric.
    pub(super) fn of_mean_ranks(counts: &[f64]) -> Self {
        let ranks = counts.iter().scan(0.0, |before, &count| {
            let rank = *before + count / 2.0;
            *before += count;
            Some(rank)
        });
        let ranks: Vec<f64> = ranks.collect();
        if counts.iter().filter(|&&count| count > 0.0).count() < 2 {
            return Self::identity(counts.len());
        }
        Self { n_labels: counts.len(), kind: Kind::MeanRanks(Scaled::new(Scheme::Quadratic, ranks)) }
    }

    fn on(scheme: Scheme, positions: Vec<f64>) -> Self {
        let n_labels = positions.len();
        if scheme == Scheme::Identity || n_labels < 2 {
            return Self::identity(n_labels);
        }
        Self { n_labels, kind: Kind::Scheme(Scaled::new(scheme, positions)) }
    }

    pub fn n_labels(&self) -> usize {
        self.n_labels
    }

    pub fn is_identity(&self) -> bool {
        self.kind == Kind::Identity
    }

    /// The name of the scheme; `matrix` for weights of one's own.
    pub fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Identity => Scheme::Identity.name(),
            Kind::Scheme(scaled) => scaled.scheme.name(),
            Kind::MeanRanks(_) => "mean_ranks",
            Kind::Matrix(_) => "matrix",
        }
    }

    /// 1 - weight: how much two labels disagree.
    pub fn disagreement(&self, label: u32, other: u32) -> f64 {
        if label == other {
            return 0.0;
        }
        match &self.kind {
            Kind::Identity => 1.0,
            Kind::Scheme(scaled) | Kind::MeanRanks(scaled) => scaled.disagreement(label as usize, other as usize),
            Kind::Matrix(cells) => 1.0 - cells[label as usize * self.n_labels + other as usize],
        }
    }

    /// For every label its disagreement with labels drawn by `shares`: Σ (1 - wₖₗ) sharesₗ.
    ///
    /// Linear in the number of labels for the identity, linear and quadratic schemes, else quadratic.
    pub fn disagreements(&self, shares: &[f64]) -> Vec<f64> {
        match &self.kind {
            Kind::Identity => {
                let total = order_free_sum(shares.iter().copied());
                shares.iter().map(|share| total - share).collect()
            }
            Kind::Scheme(scaled) | Kind::MeanRanks(scaled) => scaled.disagreements(shares),
            Kind::Matrix(cells) => cells
                .chunks(self.n_labels.max(1))
                .map(|row| order_free_sum(row.iter().zip(shares).map(|(weight, share)| (1.0 - weight) * share)))
                .collect(),
        }
    }

    /// For every one of `labels` its disagreement with labels that occur as `counts` says, each listed once: Σ (1 - wₖₗ) nₗ.
    ///
    /// Linear in the labels that occur where they are many and the scheme is quadratic.
    pub(super) fn disagreements_with(&self, labels: impl Iterator<Item = u32>, counts: &[(u32, f64)]) -> Vec<f64> {
        if let Some(scaled) = self.by_moments(counts.len()) {
            let moments = Moments::of(counts.iter().map(|&(label, n)| (scaled.positions[label as usize], n)));
            return labels.map(|label| moments.squared(scaled.positions[label as usize]) / scaled.largest).collect();
        }
        let terms = |label: u32| counts.iter().map(move |&(other, n)| self.disagreement(label, other) * n);
        labels.map(|label| order_free_sum(terms(label))).collect()
    }

    /// The squared disagreement of two labels drawn from labels that occur as `counts` says, each listed once.
    pub(super) fn mean_square(&self, counts: &[(u32, f64)]) -> f64 {
        let total = order_free_sum(counts.iter().map(|&(_, n)| n));
        if let Some(scaled) = self.by_moments(counts.len()) {
            let moments = Moments::of(counts.iter().map(|&(label, n)| (scaled.positions[label as usize], n)));
            // E (x - y)⁴ of independent x and y with the same distribution.
            let (second, fourth) = (moments.spread / total, moments.fourth / total);
            return (2.0 * fourth + 6.0 * second * second) / (scaled.largest * scaled.largest);
        }
        let of_pair = |label: u32, n: f64, other: u32, m: f64| {
            let apart = self.disagreement(label, other);
            apart * apart * (n * m)
        };
        let sum = if counts.len() <= MANY {
            let pairs =
                counts.iter().flat_map(|&(label, n)| counts.iter().map(move |&(other, m)| (label, n, other, m)));
            order_free_sum(pairs.map(|(label, n, other, m)| of_pair(label, n, other, m)))
        } else {
            // Row by row: all pairs at once would not fit the memory.
            let row = |label: u32, n: f64| order_free_sum(counts.iter().map(|&(other, m)| of_pair(label, n, other, m)));
            order_free_sum(counts.iter().map(|&(label, n)| row(label, n)))
        };
        sum / (total * total)
    }

    /// The scheme, if sums over so many labels come from the moments of their positions.
    fn by_moments(&self, labels: usize) -> Option<&Scaled> {
        match &self.kind {
            Kind::Scheme(scaled) | Kind::MeanRanks(scaled) if scaled.scheme == Scheme::Quadratic && labels > MANY => {
                Some(scaled)
            }
            _ => None,
        }
    }

    /// Σ wₖₗ over all ordered pairs of labels, the equal ones included.
    pub fn total(&self) -> f64 {
        let q = self.n_labels as f64;
        match &self.kind {
            Kind::Identity => q,
            _ => q * q - order_free_sum(self.disagreements(&vec![1.0; self.n_labels])),
        }
    }
}

/// With more labels than this their number must not be squared.
const MANY: usize = 64;

/// Moments of positions that occur so often, about their mean so that nothing cancels.
struct Moments {
    total: f64,
    mean: f64,
    /// Σ n (x - mean)² and Σ n (x - mean)⁴.
    spread: f64,
    fourth: f64,
}

impl Moments {
    fn of(counts: impl Iterator<Item = (f64, f64)> + Clone) -> Self {
        let total = order_free_sum(counts.clone().map(|(_, n)| n));
        let mean = order_free_sum(counts.clone().map(|(at, n)| at * n)) / total;
        let power = |of: i32| order_free_sum(counts.clone().map(|(at, n)| (at - mean).powi(of) * n));
        Self { total, mean, spread: power(2), fourth: power(4) }
    }

    /// Σ n (x - at)².
    fn squared(&self, at: f64) -> f64 {
        (at - self.mean).powi(2) * self.total + self.spread
    }
}

/// A scheme on positions, scaled by the largest distance of two of them.
#[derive(Debug, Clone, PartialEq)]
struct Scaled {
    scheme: Scheme,
    positions: Vec<f64>,
    low: f64,
    high: f64,
    largest: f64,
}

impl Scaled {
    /// `positions` are two or more, finite and different.
    fn new(scheme: Scheme, positions: Vec<f64>) -> Self {
        let low = positions.iter().copied().fold(f64::INFINITY, f64::min);
        let high = positions.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut scaled = Self { scheme, positions, low, high, largest: 1.0 };
        scaled.largest = match scheme {
            // The extremes need not be farthest apart on these scales.
            Scheme::Circular | Scheme::Bipolar => {
                let to_later = |(place, &a): (usize, &f64)| {
                    scaled.positions[place + 1..].iter().map(|&b| scaled.distance(a, b)).fold(0.0, f64::max)
                };
                scaled.positions.iter().enumerate().map(to_later).fold(0.0, f64::max)
            }
            _ => scaled.distance(low, high),
        };
        scaled
    }

    /// The unscaled distance of two different positions.
    fn distance(&self, a: f64, b: f64) -> f64 {
        let apart = (a - b).abs();
        match self.scheme {
            Scheme::Identity => 1.0,
            Scheme::Linear => apart,
            Scheme::Quadratic => apart * apart,
            Scheme::Ordinal => apart * (apart + 1.0) / 2.0,
            Scheme::Radical => apart.sqrt(),
            Scheme::Ratio => (apart / (a + b)).powi(2),
            Scheme::Circular => (PI * apart / (self.high - self.low + 1.0)).sin().powi(2),
            Scheme::Bipolar => apart * apart / ((a + b - 2.0 * self.low) * (2.0 * self.high - a - b)),
        }
    }

    fn disagreement(&self, label: usize, other: usize) -> f64 {
        self.distance(self.positions[label], self.positions[other]) / self.largest
    }

    fn disagreements(&self, shares: &[f64]) -> Vec<f64> {
        match self.scheme {
            Scheme::Quadratic => self.squared(shares),
            Scheme::Linear => self.absolute(shares),
            _ => {
                let used: Vec<(usize, f64)> =
                    shares.iter().copied().enumerate().filter(|&(_, share)| share != 0.0).collect();
                let against = |label: usize| {
                    let others = used.iter().filter(|&&(other, _)| other != label);
                    order_free_sum(others.map(|&(other, share)| self.disagreement(label, other) * share))
                };
                (0..self.positions.len()).map(against).collect()
            }
        }
    }

    /// Σ (xₖ - xₗ)² sₗ from the moments of the shares, taken about their mean so that nothing cancels.
    fn squared(&self, shares: &[f64]) -> Vec<f64> {
        let total = order_free_sum(shares.iter().copied());
        if total == 0.0 {
            return vec![0.0; shares.len()];
        }
        let weighted = || self.positions.iter().zip(shares);
        let mean = order_free_sum(weighted().map(|(at, share)| at * share)) / total;
        let spread = order_free_sum(weighted().map(|(at, share)| (at - mean).powi(2) * share));
        self.positions.iter().map(|at| ((at - mean).powi(2) * total + spread) / self.largest).collect()
    }

    /// Σ |xₖ - xₗ| sₗ from running sums in ascending and in descending order.
    fn absolute(&self, shares: &[f64]) -> Vec<f64> {
        let mut order: Vec<usize> = (0..shares.len()).collect();
        order.sort_unstable_by(|&a, &b| self.positions[a].total_cmp(&self.positions[b]));
        let mut found = vec![0.0; shares.len()];
        let mut run = |order: &mut dyn Iterator<Item = usize>| {
            let (mut passed, mut last, mut sum) = (0.0, None, 0.0);
            for label in order {
                let at = self.positions[label];
                sum += passed * (at - last.unwrap_or(at)).abs();
                found[label] += sum / self.largest;
                passed += shares[label];
                last = Some(at);
            }
        };
        run(&mut order.iter().copied());
        run(&mut order.iter().rev().copied());
        found
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn all(values: &[f64]) -> Vec<Weights> {
        Scheme::ALL.map(|scheme| Weights::by_value(scheme, values).unwrap()).to_vec()
    }

    #[test]
    fn rows_equal_irrcac() {
        // irrCAC.weights.Weights([1, 2, 4, 7])[name][0], Python 0.4.4
        let rows = [
            (Scheme::Linear, [1.0, 0.833_333_333_333_333_4, 0.5, 0.0]),
            (Scheme::Quadratic, [1.0, 0.972_222_222_222_222_2, 0.75, 0.0]),
            (Scheme::Ordinal, [1.0, 0.833_333_333_333_333_4, 0.5, 0.0]),
            (Scheme::Radical, [1.0, 0.591_751_709_536_136_9, 0.292_893_218_813_452_4, 0.0]),
            (Scheme::Ratio, [1.0, 0.802_469_135_802_469_1, 0.36, 0.0]),
            (Scheme::Circular, [1.0, 0.801_937_735_804_838_3, 0.0, 0.801_937_735_804_838_2]),
            (Scheme::Bipolar, [1.0, 0.909_090_909_090_909_1, 0.666_666_666_666_666_7, 0.0]),
        ];
        for (scheme, row) in rows {
            let weights = Weights::by_value(scheme, &[1.0, 2.0, 4.0, 7.0]).unwrap();
            for (label, expected) in (0..).zip(row) {
                let weight = 1.0 - weights.disagreement(0, label);
                assert!((weight - expected).abs() < 1e-12, "{scheme} {label}: {weight} is not {expected}");
            }
        }
    }

    #[test]
    fn the_shortcuts_equal_the_sums() {
        let values = [3.0, -1.0, 10.5, 4.0, 2.0];
        let shares = [0.1, 0.4, 0.2, 0.0, 0.3];
        let usable = Scheme::ALL.into_iter().filter(|&scheme| scheme != Scheme::Ratio);
        for weights in usable.map(|scheme| Weights::by_value(scheme, &values).unwrap()) {
            for (label, found) in (0..).zip(weights.disagreements(&shares)) {
                let plain: f64 =
                    (0..).zip(shares).map(|(other, share)| weights.disagreement(label, other) * share).sum();
                assert!((found - plain).abs() < 1e-14, "{} {label}: {found} is not {plain}", weights.name());
            }
        }
    }

    #[test]
    fn sums_over_many_labels_equal_those_over_pairs() {
        let values: Vec<f64> = (0..200).map(|n| f64::from(n) * 1.5 + f64::from(n % 7) / 10.0 - 40.0).collect();
        let counts: Vec<(u32, f64)> = (0..200).filter(|n| n % 3 > 0).map(|n| (n, f64::from(n % 5 + 1))).collect();
        let total: f64 = counts.iter().map(|&(_, n)| n).sum();
        for scheme in [Scheme::Quadratic, Scheme::Linear, Scheme::Ordinal] {
            let weights = Weights::by_value(scheme, &values).unwrap();
            let against = |label: u32| counts.iter().map(|&(l, n)| weights.disagreement(label, l) * n).sum::<f64>();
            for (label, found) in (0..).zip(weights.disagreements_with(0..200, &counts)) {
                assert!((found - against(label)).abs() < 1e-11, "{scheme} {label}");
            }
            let pairs = counts.iter().flat_map(|&(k, n)| counts.iter().map(move |&(l, m)| (k, l, n * m)));
            let square = pairs.map(|(k, l, n)| weights.disagreement(k, l).powi(2) * n).sum::<f64>() / (total * total);
            assert!((weights.mean_square(&counts) - square).abs() < 1e-12, "{scheme}");
        }
    }

    #[test]
    fn weights_lie_between_0_and_1_and_reach_both() {
        for weights in all(&[0.0, 1.0, 2.0, 5.0]) {
            let pairs = || (0..4).flat_map(|a| (0..4).map(move |b| (a, b)));
            assert!(pairs().all(|(a, b)| (0.0..=1.0).contains(&weights.disagreement(a, b))), "{}", weights.name());
            assert!(pairs().any(|(a, b)| weights.disagreement(a, b) == 1.0), "{}", weights.name());
            assert!(pairs().all(|(a, b)| weights.disagreement(a, b) == weights.disagreement(b, a)));
            let sum: f64 = pairs().map(|(a, b)| 1.0 - weights.disagreement(a, b)).sum();
            assert!((weights.total() - sum).abs() < 1e-12, "{}", weights.name());
        }
    }

    #[test]
    fn what_is_no_scale_is_refused() {
        let refused = |scheme, values: &[f64]| Weights::by_value(scheme, values).unwrap_err();
        assert_eq!(refused(Scheme::Linear, &[2.0, 1.0, 2.0]), WeightsError::SamePosition { label: 0, other: 2 });
        assert_eq!(refused(Scheme::Ratio, &[1.0, -1.0]), WeightsError::Negative { label: 1, position: -1.0 });
        assert!(matches!(refused(Scheme::Linear, &[f64::NAN]), WeightsError::NotFinite { label: 0, .. }));
        let matrix = |cells: &[f64]| Weights::matrix(cells.to_vec(), 2);
        assert_eq!(matrix(&[1.0]), Err(WeightsError::WrongSize { labels: 2, cells: 1 }));
        assert_eq!(matrix(&[1.0, 2.0, 2.0, 1.0]), Err(WeightsError::OutOfRange { row: 0, column: 1, weight: 2.0 }));
        assert_eq!(matrix(&[0.5, 0.0, 0.0, 1.0]), Err(WeightsError::Diagonal { label: 0, weight: 0.5 }));
        assert_eq!(matrix(&[1.0, 0.0, 0.5, 1.0]), Err(WeightsError::NotSymmetric { row: 0, column: 1 }));
        assert!(matrix(&[1.0, 0.5, 0.5, 1.0]).is_ok());
    }

    #[test]
    fn one_label_has_identity_weights() {
        assert!(all(&[3.0]).iter().all(Weights::is_identity));
        assert_eq!(Weights::by_rank(Scheme::Linear, 0).total(), 0.0);
    }
}
