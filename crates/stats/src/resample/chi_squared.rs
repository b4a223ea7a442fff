//! Pearson's test of counts against probabilities, for the tests of what is drawn.

/// Fails when counts so far from `probabilities` (or so close) have a probability below about 1e-6.
///
/// The quantiles of chi-squared are Wilson and Hilferty's (1931): good to two digits, and the seeds of tests are fixed.
#[track_caller]
pub(super) fn assert_fits(counts: &[u64], probabilities: &[f64]) {
    let total: u64 = counts.iter().sum();
    let mut statistic = 0.0;
    for (&count, probability) in counts.iter().zip(probabilities) {
        let expected = total as f64 * probability;
        assert!(expected >= 5.0, "too few draws for a test: {expected} expected");
        statistic += (count as f64 - expected).powi(2) / expected;
    }
    let degrees = (counts.len() - 1) as f64;
    let quantile =
        |z: f64| degrees * (1.0 - 2.0 / (9.0 * degrees) + z * (2.0 / (9.0 * degrees)).sqrt()).max(0.0).powi(3);
    let (low, high) = (quantile(-4.75), quantile(4.75));
    assert!(low <= statistic && statistic <= high, "chi-squared is {statistic}, not in {low}..{high}: {counts:?}");
}

/// Counts outcomes 0, 1, 2 …, those before `first` and after `last` together with these.
pub(super) fn histogram(outcomes: impl Iterator<Item = u64>, first: u64, last: u64) -> Vec<u64> {
    let mut counts = vec![0; (last - first + 1) as usize];
    for outcome in outcomes {
        counts[(outcome.clamp(first, last) - first) as usize] += 1;
    }
    counts
}
