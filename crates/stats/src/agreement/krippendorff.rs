use super::facts::{Facts, Patterns};
use crate::estimate::{Estimate, Method, Sample, Undefined};
use crate::interval::{self, Interval};
use crate::sum::{FractionSum, order_free_sum};

/// Krippendorff's alpha for nominal labels: 1 - observed / expected disagreement, over items with at least two ratings.
///
/// Krippendorff (2011), "Computing Krippendorff's alpha-reliability". Interval: Gwet's linearisation as irrCAC (Python) has it.
pub fn krippendorff_alpha(facts: &Facts) -> Estimate {
    let sample = facts.pairable_sample();
    match facts.check_pairable() {
        Ok(()) => alpha_of(&facts.patterns, sample),
        Err(reason) => Estimate::undefined(reason, sample, Method::GwetLinearised),
    }
}

/// Alpha of patterns of which at least one is pairable; `sample` describes the pairable items.
pub(super) fn alpha_of(patterns: &Patterns, sample: Sample) -> Estimate {
    let mut disagreement = FractionSum::default();
    let mut label_counts = vec![0_u64; patterns.n_labels];
    for pattern in patterns.pairable() {
        disagreement.add(pattern.pairs() - pattern.agreeing_pairs(), pattern.ratings - 1, pattern.items);
        for &(label, count) in pattern.labels {
            label_counts[label as usize] += u64::from(count) * pattern.items;
        }
    }
    let total = u128::from(sample.ratings);
    let squares: u128 = label_counts.iter().map(|&count| u128::from(count) * u128::from(count)).sum();
    let expected = total * total - squares;
    if expected == 0 {
        return Estimate::undefined(Undefined::SingleCategory, sample, Method::GwetLinearised);
    }
    let value = 1.0 - (total - 1) as f64 * disagreement.total() / expected as f64;
    let chance = squares as f64 / (total * total) as f64;
    let interval = linearised(patterns, sample, &label_counts, value, disagreement.total(), chance);
    Estimate { value: Ok(value), interval, sample, method: Method::GwetLinearised }
}

/// irrCAC's linearisation. `raw` is its alpha' and pa', alpha and pa without the small-sample term 1/N.
fn linearised(
    patterns: &Patterns,
    sample: Sample,
    label_counts: &[u64],
    alpha: f64,
    disagreement: f64,
    chance: f64,
) -> Result<Interval, Undefined> {
    let total = sample.ratings as f64;
    let mean_ratings = total / sample.items as f64;
    let raw_agreement = 1.0 - disagreement / total;
    let agreement = raw_agreement + (1.0 - raw_agreement) / total;
    let raw_alpha = (raw_agreement - chance) / (1.0 - chance);
    let by_item: Vec<(f64, u64)> = patterns
        .pairable()
        .map(|pattern| {
            let ratings = pattern.ratings as f64;
            let excess = (ratings - mean_ratings) / mean_ratings;
            let agreeing = pattern.agreeing_pairs() as f64 / (mean_ratings * (ratings - 1.0));
            let expected = order_free_sum(
                pattern.labels.iter().map(|&(label, n)| f64::from(n) * label_counts[label as usize] as f64),
            );
            let item_chance = expected / total / mean_ratings - chance * excess;
            let item_alpha = (agreeing - agreement * excess - chance) / (1.0 - chance);
            let u = item_alpha - 2.0 * (1.0 - raw_alpha) * (item_chance - chance) / (1.0 - chance);
            (u, pattern.items)
        })
        .collect();
    interval::from_items(alpha, raw_alpha, &by_item)
}
