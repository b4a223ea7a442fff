use std::fmt;

use crate::sum::order_free_sum;

/// How far apart two label codes are: at least 0, symmetric, and 0 from a label to itself.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelDistance(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Nominal,
    /// By label code its value, moved and scaled so that values lie in [-1, 1].
    Squared(Vec<f64>),
    /// Row by row.
    Matrix {
        n_labels: usize,
        distances: Vec<f64>,
    },
}

/// Why numbers are not distances. Labels and positions count from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LabelDistanceError {
    /// Values and their range are finite.
    ValueNotFinite {
        label: usize,
        value: f64,
    },
    /// A matrix has as many entries as pairs of labels.
    NotSquare {
        n_labels: usize,
        entries: usize,
    },
    /// Distances are finite and at least 0, and 0 on the diagonal.
    BadDistance {
        label: usize,
        other: usize,
        distance: f64,
    },
    NotSymmetric {
        label: usize,
        other: usize,
    },
}

impl fmt::Display for LabelDistanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ValueNotFinite { label, value } => {
                write!(f, "label {label}: value {value}; values and their range must be finite")
            }
            Self::NotSquare { n_labels, entries } => {
                write!(
                    f,
                    "{entries} distances for {n_labels} labels: there must be one for each pair, {n_labels} squared"
                )
            }
            Self::BadDistance { label, other, distance } => write!(
                f,
                "labels {label} and {other}: distance {distance}; distances must be finite, not negative, and 0 from a label to itself"
            ),
            Self::NotSymmetric { label, other } => {
                write!(f, "labels {label} and {other}: the distance must be the same in both directions")
            }
        }
    }
}

impl std::error::Error for LabelDistanceError {}

impl LabelDistance {
    /// 0 for equal labels, 1 otherwise.
    pub fn nominal() -> Self {
        Self(Kind::Nominal)
    }

    /// The squared difference of the labels' values, for interval data. `values[k]` is the value of label code `k`.
    ///
    /// # Errors
    /// When a value, or the difference of the largest and the smallest, is not finite.
    pub fn squared(values: &[f64]) -> Result<Self, LabelDistanceError> {
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let half = (highest - lowest) / 2.0;
        if let Some(label) = values.iter().position(|value| !value.is_finite() || !half.is_finite()) {
            return Err(LabelDistanceError::ValueNotFinite { label, value: values[label] });
        }
        // Kappa and alpha do not depend on the unit; near 0 the sums of squares lose nothing.
        let scaled = |value: f64| if half > 0.0 { (value - lowest) / half - 1.0 } else { 0.0 };
        Ok(Self(Kind::Squared(values.iter().map(|&value| scaled(value)).collect())))
    }

    /// Any distances: `distances[k * n_labels + l]` is that of labels `k` and `l`. For weights w of agreement it is 1 - w.
    ///
    /// # Errors
    /// When the matrix is not square and symmetric, or an entry is negative, not finite or not 0 on the diagonal.
    pub fn matrix(n_labels: usize, distances: &[f64]) -> Result<Self, LabelDistanceError> {
        if n_labels.checked_mul(n_labels) != Some(distances.len()) {
            return Err(LabelDistanceError::NotSquare { n_labels, entries: distances.len() });
        }
        for label in 0..n_labels {
            for other in label..n_labels {
                let (distance, back) = (distances[label * n_labels + other], distances[other * n_labels + label]);
                if !distance.is_finite() || distance < 0.0 || (label == other && distance != 0.0) {
                    return Err(LabelDistanceError::BadDistance { label, other, distance });
                }
                if distance != back {
                    return Err(LabelDistanceError::NotSymmetric { label, other });
                }
            }
        }
        Ok(Self(Kind::Matrix { n_labels, distances: distances.to_vec() }))
    }

    /// How many label codes have a distance; None is all.
    pub(super) fn n_labels(&self) -> Option<usize> {
        match &self.0 {
            Kind::Nominal => None,
            Kind::Squared(values) => Some(values.len()),
            Kind::Matrix { n_labels, .. } => Some(*n_labels),
        }
    }

    pub(super) fn between(&self, label: u32, other: u32) -> f64 {
        match &self.0 {
            Kind::Nominal => f64::from(u8::from(label != other)),
            Kind::Squared(values) => (values[label as usize] - values[other as usize]).powi(2),
            Kind::Matrix { n_labels, distances } => distances[label as usize * n_labels + other as usize],
        }
    }

    /// Σₖ Σₗ aₖ bₗ d(k, l) over the labels with their counts; 0 exactly when no two of the labels differ.
    pub(super) fn total(&self, a: &[u64], b: &[u64]) -> f64 {
        if !self.any_apart(a, b) {
            return 0.0;
        }
        match &self.0 {
            Kind::Nominal => {
                let all = |counts: &[u64]| counts.iter().map(|&n| u128::from(n)).sum::<u128>();
                let equal: u128 = a.iter().zip(b).map(|(&n, &m)| u128::from(n) * u128::from(m)).sum();
                (all(a) * all(b) - equal) as f64
            }
            Kind::Squared(values) => {
                let (a, b) = (Moments::of(values, a), Moments::of(values, b));
                a.n * b.squares + b.n * a.squares - 2.0 * a.sum * b.sum
            }
            Kind::Matrix { .. } => {
                let to_b = self.to_all(b);
                order_free_sum(a.iter().zip(to_b).filter(|&(&n, _)| n > 0).map(|(&n, apart)| n as f64 * apart))
            }
        }
    }

    /// By label k: Σₗ bₗ d(k, l).
    pub(super) fn to_all(&self, b: &[u64]) -> Vec<f64> {
        match &self.0 {
            Kind::Nominal => {
                let all: u64 = b.iter().sum();
                b.iter().map(|&n| (all - n) as f64).collect()
            }
            Kind::Squared(values) => {
                let b = Moments::of(values, b);
                values.iter().map(|v| b.n * v * v - 2.0 * v * b.sum + b.squares).collect()
            }
            Kind::Matrix { n_labels, distances } => (0..b.len())
                .map(|label| {
                    let row = &distances[label * n_labels..][..b.len()];
                    order_free_sum(row.iter().zip(b).filter(|&(_, &n)| n > 0).map(|(apart, &n)| apart * n as f64))
                })
                .collect(),
        }
    }

    fn any_apart(&self, a: &[u64], b: &[u64]) -> bool {
        let used = |counts: &[u64]| (0_u32..).zip(counts.to_vec()).filter(|&(_, n)| n > 0).map(|(label, _)| label);
        used(a).any(|label| used(b).any(|other| self.between(label, other) > 0.0))
    }
}

/// Sums over ratings.
struct Moments {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn of(values: &[f64], counts: &[u64]) -> Self {
        let used = || values.iter().zip(counts).filter(|&(_, &n)| n > 0).map(|(&value, &n)| (value, n as f64));
        Self {
            n: counts.iter().sum::<u64>() as f64,
            sum: order_free_sum(used().map(|(value, n)| n * value)),
            squares: order_free_sum(used().map(|(value, n)| n * value * value)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn totals_are_the_sums_over_all_pairs() {
        let values = [1.0, 2.0, 4.0];
        let matrix: Vec<f64> = (0..9).map(|place: usize| place.abs_diff(place / 3 * 4) as f64).collect();
        let matrix: Vec<f64> = (0..9).map(|place| f64::max(matrix[place], matrix[place % 3 * 3 + place / 3])).collect();
        for distance in [
            LabelDistance::nominal(),
            LabelDistance::squared(&values).unwrap(),
            LabelDistance::matrix(3, &matrix).unwrap(),
        ] {
            let (a, b) = ([3, 0, 5], [1, 2, 7]);
            let pairs = (0..3_u32).flat_map(|k| (0..3_u32).map(move |l| (k, l)));
            let expected: f64 =
                pairs.map(|(k, l)| (a[k as usize] * b[l as usize]) as f64 * distance.between(k, l)).sum();
            assert!((distance.total(&a, &b) - expected).abs() < 1e-12, "{distance:?}");
            let by_label: f64 = a.iter().zip(distance.to_all(&b)).map(|(&n, apart)| n as f64 * apart).sum();
            assert!((by_label - expected).abs() < 1e-12, "{distance:?}");
            assert_eq!(distance.total(&[0, 4, 0], &[0, 2, 0]), 0.0);
        }
    }

    #[test]
    fn numbers_that_are_no_distances_are_refused() {
        assert!(matches!(
            LabelDistance::squared(&[1.0, f64::NAN]),
            Err(LabelDistanceError::ValueNotFinite { label: 1, .. })
        ));
        assert!(LabelDistance::squared(&[f64::MAX, f64::MIN]).is_err());
        assert_eq!(LabelDistance::matrix(2, &[0.0; 3]), Err(LabelDistanceError::NotSquare { n_labels: 2, entries: 3 }));
        assert_eq!(
            LabelDistance::matrix(2, &[0.0, 1.0, 2.0, 0.0]),
            Err(LabelDistanceError::NotSymmetric { label: 0, other: 1 })
        );
        for bad in [[1.0, 1.0, 1.0, 0.0], [0.0, -1.0, -1.0, 0.0], [0.0, f64::INFINITY, f64::INFINITY, 0.0]] {
            assert!(matches!(LabelDistance::matrix(2, &bad), Err(LabelDistanceError::BadDistance { .. })));
        }
    }
}
