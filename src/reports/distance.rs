//! How far apart two answers to a control are, from 0 (equal) to 1: what the score of a disagreement is made of.

use assay_stats::agreement::mean_distance;
use assay_stats::agreement::sets::SetDistance;

use super::controls::AnswerKind;
use super::figures::Level;
use super::ratings::ControlRatings;

/// The distance between the labels of a control.
#[derive(Debug)]
pub enum Distance {
    /// Labels are equal or not.
    Nominal,
    /// |a − b| by the range: the places of the labels on their scale.
    Range { places: Vec<f64>, range: f64 },
    /// MASI: the elements of each set, ascending.
    Masi(Vec<Vec<u32>>),
}

impl Distance {
    pub fn of(ratings: &ControlRatings) -> Self {
        if ratings.kind == AnswerKind::Set {
            return Self::Masi(elements(ratings));
        }
        if ratings.level == Level::Nominal {
            return Self::Nominal;
        }
        let ranks = || (0..ratings.labels.len()).map(|rank| rank as f64).collect();
        let places = ratings.values.clone().unwrap_or_else(ranks);
        let range = places.last().zip(places.first()).map_or(0.0, |(high, low)| high - low);
        // The whole range of floating-point numbers has no difference that is one.
        if range > 0.0 && range.is_finite() { Self::Range { places, range } } else { Self::Nominal }
    }

    fn between(&self, label: u32, other: u32) -> f64 {
        match self {
            Self::Nominal => f64::from(u8::from(label != other)),
            Self::Range { places, range } => (places[label as usize] - places[other as usize]).abs() / range,
            Self::Masi(sets) => SetDistance::Masi.of(&sets[label as usize], &sets[other as usize]),
        }
    }

    /// The mean distance of an item's pairs of annotators; none with fewer than two. `counts` holds how often each label was given.
    pub fn score(&self, counts: &[(u32, u64)]) -> Option<f64> {
        mean_distance(counts, |label, other| self.between(label, other))
    }
}

fn elements(ratings: &ControlRatings) -> Vec<Vec<u32>> {
    let sets: Vec<Vec<&str>> = (0..ratings.labels.len() as u32).map(|label| ratings.labels_of(label)).collect();
    let mut names: Vec<&str> = sets.iter().flatten().copied().collect();
    names.sort_unstable();
    names.dedup();
    let code = |name: &&str| names.binary_search(name).ok().map(|place| place as u32);
    let mut coded: Vec<Vec<u32>> = sets.iter().map(|set| set.iter().filter_map(code).collect()).collect();
    coded.iter_mut().for_each(|set| set.sort_unstable());
    coded
}

#[cfg(test)]
mod tests {
    use super::super::ratings::SET_SEPARATOR;
    use super::*;

    fn ratings(kind: AnswerKind, level: Level, labels: &[&str], values: Option<Vec<f64>>) -> ControlRatings {
        let labels = labels.iter().map(|label| label.replace('+', SET_SEPARATOR)).collect();
        ControlRatings { kind, level, labels, values, ..ControlRatings::default() }
    }

    #[test]
    fn numbers_differ_by_their_share_of_the_range() {
        let values = Some(vec![1.0, 2.0, 5.0]);
        let distance = Distance::of(&ratings(AnswerKind::Number, Level::Ordinal, &["1", "2", "5"], values));
        assert_eq!(distance.score(&[(0, 1), (1, 1)]), Some(0.25));
        assert_eq!(distance.score(&[(0, 1), (2, 1)]), Some(1.0));
        assert_eq!(distance.score(&[(0, 1)]), None);
        let ranks = Distance::of(&ratings(AnswerKind::Label, Level::Ordinal, &["low", "middle", "high"], None));
        assert_eq!(ranks.score(&[(0, 1), (1, 1)]), Some(0.5));
    }

    #[test]
    fn labels_without_a_scale_differ_or_not() {
        let nominal = Distance::of(&ratings(AnswerKind::Label, Level::Nominal, &["a", "b", "c"], None));
        assert_eq!(nominal.score(&[(0, 2), (2, 1)]), Some(2.0 / 3.0));
        let one = Distance::of(&ratings(AnswerKind::Number, Level::Interval, &["7"], Some(vec![7.0])));
        assert_eq!(one.score(&[(0, 3)]), Some(0.0));
        let wide = Some(vec![-f64::MAX, f64::MAX]);
        let wide = Distance::of(&ratings(AnswerKind::Number, Level::Interval, &["-", "+"], wide));
        assert_eq!(wide.score(&[(0, 1), (1, 1)]), Some(1.0));
    }

    #[test]
    fn sets_differ_by_masi() {
        let sets = Distance::of(&ratings(AnswerKind::Set, Level::Nominal, &["", "a", "a+b", "b+c"], None));
        assert_eq!(sets.score(&[(0, 1), (1, 1)]), Some(1.0), "an empty set has nothing in common with others");
        assert_eq!(sets.score(&[(0, 2)]), Some(0.0));
        assert_eq!(sets.score(&[(1, 1), (2, 1)]), Some(2.0 / 3.0));
        assert!((sets.score(&[(2, 1), (3, 1)]).unwrap() - (1.0 - 1.0 / 9.0)).abs() < 1e-15);
    }
}
