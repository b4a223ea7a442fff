use super::curve::Size;
use super::facts::{Facts, Pattern, Patterns};
use super::krippendorff::alpha_of;
use super::rows::RowCounts;
use super::weights::Weights;
use crate::estimate::{Estimate, Method, Sample, Undefined};
use crate::interval;
use crate::sum::tally;

/// How well raters agree on one label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelAgreement {
    pub label: u32,
    /// Krippendorff's alpha of this label against all others together.
    pub alpha: Estimate,
    /// Specific agreement: given that one rater of an item chose the label, the share of the other raters who did too.
    pub specific: Estimate,
}

/// Two labels (`label <= other`) and how many pairs of raters of one item chose them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelPairCount {
    pub label: u32,
    pub other: u32,
    pub pairs: u64,
}

/// The unordered pairs of labels that two raters gave to one item, in ascending order, without those that never occur.
pub fn label_pairs(facts: &Facts) -> Vec<LabelPairCount> {
    let mut counts = Vec::new();
    for pattern in facts.patterns.pairable() {
        for (place, &(label, n)) in pattern.labels.iter().enumerate() {
            let n = u64::from(n);
            counts.push(((label, label), n * (n - 1) / 2 * pattern.items));
            let others = &pattern.labels[place + 1..];
            counts.extend(others.iter().map(|&(other, m)| ((label, other), n * u64::from(m) * pattern.items)));
        }
    }
    tally(counts)
        .into_iter()
        .filter(|&(_, pairs)| pairs > 0)
        .map(|((label, other), pairs)| LabelPairCount { label, other, pairs })
        .collect()
}

/// Agreement on each label of the code range, in ascending order of the codes.
///
/// Specific agreement is Σ nᵢₖ (nᵢₖ - 1) / Σ nᵢₖ (nᵢ - 1) over items with two ratings or more (Spitzer and Fleiss 1974, in the
/// form of Uebersax for any number of ratings).
pub fn by_label(facts: &Facts) -> Vec<LabelAgreement> {
    let sample = facts.pairable_sample();
    if let Err(reason) = facts.check_pairable() {
        return (0..facts.ratings.n_labels as u32).map(|label| undefined(label, reason, sample)).collect();
    }
    let sizes = tally(facts.patterns.pairable().map(|pattern| (pattern.ratings, pattern.items)).collect());
    let counts = tally(
        facts
            .patterns
            .pairable()
            .flat_map(|pattern| {
                pattern.labels.iter().map(move |&(label, n)| ((label, pattern.ratings, n), pattern.items))
            })
            .collect(),
    );
    let mut start = 0;
    (0..facts.ratings.n_labels as u32)
        .map(|label| {
            let end = start + counts[start..].partition_point(|&((other, ..), _)| other == label);
            let of_label = &counts[start..end];
            start = end;
            if of_label.is_empty() {
                return undefined(label, Undefined::LabelNotUsed, sample);
            }
            let against_rest = against_rest(of_label, &sizes);
            LabelAgreement {
                label,
                alpha: alpha_of(&against_rest, &Weights::identity(2), sample),
                specific: specific_agreement(&against_rest, sample),
            }
        })
        .collect()
}

fn undefined(label: u32, reason: Undefined, sample: Sample) -> LabelAgreement {
    LabelAgreement {
        label,
        alpha: Estimate::undefined(reason, sample, Method::GwetLinearised),
        specific: Estimate::undefined(reason, sample, Method::LinearisedRatio),
    }
}

/// The patterns with the label as code 0 and all others as code 1, from (label, ratings, times chosen) -> items of the label
/// and ratings -> items of all.
fn against_rest(of_label: &[((u32, u64, u32), u64)], sizes: &[(u64, u64)]) -> Patterns {
    let mut rows: Vec<(Vec<(u32, u32)>, u64)> = of_label
        .iter()
        .map(|&((_, ratings, chosen), items)| {
            let rest = (ratings - u64::from(chosen)) as u32;
            let row = if rest > 0 { vec![(0, chosen), (1, rest)] } else { vec![(0, chosen)] };
            (row, items)
        })
        .collect();
    for &(ratings, items) in sizes {
        let with: u64 = of_label.iter().filter(|((_, size, _), _)| *size == ratings).map(|&(_, items)| items).sum();
        if items > with {
            rows.push((vec![(1, ratings as u32)], items - with));
        }
    }
    Patterns { rows: RowCounts::count(rows.iter().map(|(row, items)| (&row[..], *items))), n_labels: 2 }
}

/// Specific agreement of code 0, which occurs.
fn specific_agreement(patterns: &Patterns, sample: Sample) -> Estimate {
    let chosen = |pattern: &Pattern<'_>| match pattern.labels.first() {
        Some(&(0, n)) => u64::from(n),
        _ => 0,
    };
    let parts: Vec<(u64, u64, u64)> = patterns
        .pairable()
        .map(|pattern| {
            let n = chosen(&pattern);
            (n * n.saturating_sub(1), n * (pattern.ratings - 1), pattern.items)
        })
        .collect();
    let total = |part: fn(&(u64, u64, u64)) -> u64| -> u128 {
        parts.iter().map(|all| u128::from(part(all)) * u128::from(all.2)).sum()
    };
    let (agreeing, possible) = (total(|all| all.0) as f64, total(|all| all.1) as f64);
    let value = agreeing / possible;
    let mean_possible = possible / sample.items as f64;
    let by_item: Vec<(f64, u64)> = parts
        .iter()
        .map(|&(agreeing, possible, items)| {
            (value + (agreeing as f64 - value * possible as f64) / mean_possible, items)
        })
        .collect();
    let share =
        patterns.pairable().map(|pattern| chosen(&pattern) * pattern.items).sum::<u64>() as f64 / sample.ratings as f64;
    Estimate::spread(value, interval::from_items(value, &by_item), sample, Method::LinearisedRatio)
        .of_share()
        .with_curve(Size::of(sample).map(|size| size.label(share)))
}
