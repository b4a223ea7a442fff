use crate::sum::order_free_sum;

/// The share of pairs of raters of one item who chose different labels, in [0, 1]. None with fewer than two ratings.
///
/// `label_counts` holds how often each label was given to the item.
pub fn share_of_differing_pairs(label_counts: &[u64]) -> Option<f64> {
    let ratings: u128 = label_counts.iter().map(|&count| u128::from(count)).sum();
    let pairs = ratings * ratings.saturating_sub(1);
    let agreeing: u128 =
        label_counts.iter().map(|&count| u128::from(count) * u128::from(count.saturating_sub(1))).sum();
    (pairs > 0).then(|| (pairs - agreeing) as f64 / pairs as f64)
}

/// The mean distance of an item's pairs of raters: Σₖ﹤ₗ nₖ nₗ d(k, l) / C(n, 2), in the units of `distance`, which is 0 for equal labels.
/// `label_counts` has each label once. None with fewer than two ratings.
pub fn mean_distance(label_counts: &[(u32, u64)], distance: impl Fn(u32, u32) -> f64) -> Option<f64> {
    let ratings: u128 = label_counts.iter().map(|&(_, count)| u128::from(count)).sum();
    let pairs = ratings * ratings.saturating_sub(1) / 2;
    let apart = label_counts.iter().enumerate().flat_map(|(place, &(label, n))| {
        let others = &label_counts[place + 1..];
        others.iter().map(move |&(other, m)| (label, other, n as f64 * m as f64))
    });
    let sum = order_free_sum(apart.map(|(label, other, n)| n * distance(label, other)));
    (pairs > 0).then(|| sum / pairs as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_three_pairs_differ_when_one_of_three_raters_does() {
        assert_eq!(share_of_differing_pairs(&[2, 1]), Some(2.0 / 3.0));
        assert_eq!(share_of_differing_pairs(&[3, 0]), Some(0.0));
        assert_eq!(share_of_differing_pairs(&[1, 1]), Some(1.0));
        assert_eq!(share_of_differing_pairs(&[1]), None);
        assert_eq!(share_of_differing_pairs(&[]), None);
    }

    #[test]
    fn a_mean_distance_weighs_each_pair_of_raters_the_same() {
        let apart = |a: u32, b: u32| f64::from(a.abs_diff(b)) / 4.0;
        assert_eq!(mean_distance(&[(0, 2), (4, 1)], apart), Some(2.0 / 3.0));
        assert_eq!(mean_distance(&[(0, 1), (2, 1), (4, 1)], apart), Some((0.5 + 1.0 + 0.5) / 3.0));
        assert_eq!(mean_distance(&[(3, 5)], apart), Some(0.0));
        assert_eq!(mean_distance(&[(3, 1)], apart), None);
        assert_eq!(mean_distance(&[], apart), None);
        assert_eq!(mean_distance(&[(1, 2), (2, 1)], |_, _| 1.0), share_of_differing_pairs(&[2, 1]));
    }
}
