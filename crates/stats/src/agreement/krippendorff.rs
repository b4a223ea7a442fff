use super::curve::Size;
use super::facts::{Facts, Pattern, Patterns};
use super::totals::Totals;
use super::weights::Weights;
use crate::estimate::{Estimate, Method, Sample};
use crate::interval;
use crate::sum::order_free_sum;

/// Krippendorff's alpha: 1 - observed / expected disagreement, over items with at least two ratings.
///
/// Krippendorff (2011), "Computing Krippendorff's alpha-reliability". Identity weights give the nominal, quadratic the interval and ratio the
/// ratio metric; [`ordinal_weights`] the ordinal one. Interval: Gwet's linearisation as irrCAC (Python) has it.
pub fn krippendorff_alpha(facts: &Facts, weights: &Weights) -> Estimate {
    let sample = facts.pairable_sample();
    match facts.check_pairable() {
        Ok(()) => alpha_of(&facts.patterns, weights, sample),
        Err(reason) => Estimate::undefined(reason, sample, Method::GwetLinearised),
    }
}

/// Krippendorff's ordinal metric for these ratings: squared differences of the labels' mean ranks among the ratings of items with at least
/// two. Label codes are in the order of the scale.
///
/// The metric depends on the data; irrCAC's `ordinal` weights, which do not, are [`Scheme::Ordinal`](super::Scheme::Ordinal).
pub fn ordinal_weights(facts: &Facts) -> Weights {
    Weights::of_mean_ranks(&facts.pairable_label_counts().iter().map(|&n| n as f64).collect::<Vec<_>>())
}

/// Alpha from sums over items; the expected disagreement of two ratings is taken without replacement.
pub(super) fn alpha_from(totals: &Totals, expected: f64) -> f64 {
    let ratings = totals.pairable_ratings();
    1.0 - (ratings - 1.0) / ratings * (totals.rating_disagreement / ratings) / expected
}

/// Alpha of patterns of which at least one is pairable; `sample` describes the pairable items.
pub(super) fn alpha_of(patterns: &Patterns, weights: &Weights, sample: Sample) -> Estimate {
    let totals = Totals::of_patterns(patterns, weights);
    let ratings = totals.pairable_ratings();
    let shares: Vec<f64> = totals.pairable_counts.iter().map(|count| count / ratings).collect();
    let of_label = weights.disagreements(&shares);
    let expected = order_free_sum(of_label.iter().zip(&shares).map(|(apart, share)| apart * share));
    if shares.iter().filter(|&&share| share > 0.0).count() < 2 || expected <= 0.0 {
        return Estimate::undefined(crate::Undefined::SingleCategory, sample, Method::GwetLinearised);
    }
    let alpha = alpha_from(&totals, expected);
    let observed = totals.rating_disagreement / ratings;
    // irrCAC's alpha' and pa: without the small-sample term 1/N, and with it.
    let raw_alpha = 1.0 - observed / expected;
    let agreement = 1.0 - (1.0 - 1.0 / ratings) * observed;
    let mean_ratings = ratings / totals.pairable;
    let linearise = |pattern: Pattern<'_>| {
        let n = pattern.ratings as f64;
        let excess = (n - mean_ratings) / mean_ratings;
        let agreeing = (pattern.pairs() as f64 - pattern.disagreement(weights)) / (mean_ratings * (n - 1.0));
        let terms = pattern.labels.iter().map(|&(label, n)| f64::from(n) * (1.0 - of_label[label as usize]));
        let item_chance = order_free_sum(terms) / mean_ratings - (1.0 - expected) * excess;
        let item_alpha = (agreeing - agreement * excess - (1.0 - expected)) / expected;
        item_alpha - 2.0 * (1.0 - raw_alpha) * (item_chance - (1.0 - expected)) / expected
    };
    let by_item: Vec<(f64, u64)> = patterns.pairable().map(|pattern| (linearise(pattern), pattern.items)).collect();
    Estimate::spread(alpha, interval::from_items(raw_alpha, &by_item), sample, Method::GwetLinearised)
        .with_chance(agreement, 1.0 - expected)
        .with_curve(Size::of(sample).and_then(|size| size.margins(&shares, weights)))
}
