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
}
