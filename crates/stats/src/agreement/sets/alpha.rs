use super::distance::{SetDistance, shared};
use super::expected::{Similarities, distances_to_all};
use super::facts::SetFacts;
use super::linearised::{Linearised, Terms};
use crate::estimate::{Estimate, Method, Undefined};
use crate::interval;
use crate::resample::Statistic;
use crate::sum::order_free_sum;

/// Krippendorff's alpha of set-valued labels: 1 - observed / expected disagreement, over items with at least two ratings.
///
/// With nᵢₖ the times that set k was given to item i, and N = Σ nᵢ:
///
/// - observed: Σᵢ Σₖₗ nᵢₖ nᵢₗ d(k, l) / (nᵢ - 1) / N
/// - expected: Σₖₗ nₖ nₗ d(k, l) / (N (N - 1))
///
/// Krippendorff (2011); Passonneau (2006) for sets. Interval: Gwet's linearisation with weights 1 - d; with
/// [`SetDistance::Nominal`] it is the interval of nominal alpha with each distinct set as a label.
///
/// Undefined: `no_ratings`, `one_rater`, `no_pairable_items`, `single_category` (one and the same set on all pairable items) and
/// `too_many_distinct_sets` when comparing the sets takes more than 2^34 steps (nominal distance never does): sets over up to 64
/// elements when more than 131,072 different ones occur, sets over more elements when the squares of the elements' numbers of
/// distinct sets add up to more. Interval: `one_item`, `zero_variance`.
///
/// The value equals nltk's `AnnotationTask(distance = masi_distance | jaccard_distance | binary_distance).alpha()` (3.10; earlier
/// versions round MASI's 2/3 and 1/3 to two digits). nltk divides by 0 for two empty sets, which are equal here, and gives 1
/// where all sets are the same, which is 0/0.
pub fn krippendorff_alpha_sets(facts: &SetFacts, distance: SetDistance) -> Estimate {
    let sample = facts.pairable_sample();
    let undefined = |reason| Estimate::undefined(reason, sample, Method::GwetLinearised);
    if let Err(reason) = facts.check_pairable() {
        return undefined(reason);
    }
    let to_all = match distances_to_all(facts, distance) {
        Ok(to_all) => to_all,
        Err(reason) => return undefined(reason),
    };
    let terms: Vec<Terms> = facts
        .patterns
        .iter()
        .map(|(row, items)| Terms {
            ratings: ratings_of(row),
            items,
            observed: observed(facts, distance, row),
            expected: order_free_sum(row.iter().map(|&(set, n)| f64::from(n) * to_all[set as usize])),
        })
        .collect();
    let Some(linearised) = Linearised::of(&terms) else {
        return undefined(Undefined::SingleCategory);
    };
    let by_item: Vec<(f64, u64)> = terms.iter().map(|term| (linearised.value(term), term.items)).collect();
    let spread = interval::from_items(linearised.centre, &by_item);
    Estimate::spread(linearised.alpha, spread, sample, Method::GwetLinearised)
        .with_chance(linearised.agreement(), linearised.chance())
}

fn ratings_of(row: &[(u32, u32)]) -> u64 {
    row.iter().map(|&(_, n)| u64::from(n)).sum()
}

/// Σₖ Σₗ nᵢₖ nᵢₗ d(k, l) / (nᵢ - 1) of one pattern.
fn observed(facts: &SetFacts, distance: SetDistance, row: &[(u32, u32)]) -> f64 {
    let pairs = row.iter().enumerate().flat_map(|(place, &(set, n))| {
        row[place + 1..].iter().map(move |&(other, m)| {
            let (a, b) = (facts.sets.get(set as usize), facts.sets.get(other as usize));
            2.0 * f64::from(n) * f64::from(m) * distance.between(shared(a, b), a.len(), b.len())
        })
    });
    order_free_sum(pairs) / (ratings_of(row) - 1) as f64
}

/// Alpha of set-valued labels as a function of how often each pattern of items is counted; one figure.
///
/// Leaving out one item costs what its own sets cost; counting everything anew costs a look at each pair of overlapping sets.
#[derive(Debug, Clone)]
pub struct SetAlpha<'a> {
    facts: &'a SetFacts,
    multiplicities: Vec<u64>,
    observed: Vec<f64>,
    similarities: Similarities,
    /// By set, over all items: Σₗ nₗ s(k, l).
    near: Vec<f64>,
    total_near: f64,
    total_observed: f64,
}

impl<'a> SetAlpha<'a> {
    /// # Errors
    /// `too_many_distinct_sets` when more than 2^24 pairs of distinct sets overlap, as the pairs are kept in memory. The estimate of
    /// [`krippendorff_alpha_sets`] has a value and an analytic interval long after that.
    pub fn new(facts: &'a SetFacts, distance: SetDistance) -> Result<Self, Undefined> {
        let similarities = Similarities::new(facts, distance)?;
        let near = similarities.times(&facts.counts);
        let total_near = facts.counts.iter().zip(&near).map(|(&n, near)| n as f64 * near).sum();
        let observed: Vec<f64> = facts.patterns.iter().map(|(row, _)| observed(facts, distance, row)).collect();
        let multiplicities: Vec<u64> = facts.patterns.iter().map(|(_, items)| items).collect();
        let total_observed = multiplicities.iter().zip(&observed).map(|(&items, d)| items as f64 * d).sum();
        Ok(Self { facts, multiplicities, observed, similarities, near, total_near, total_observed })
    }

    /// Alpha from total disagreement, ratings, and Σₖₗ nₖ nₗ s(k, l).
    fn alpha(observed: f64, ratings: u64, near: f64) -> f64 {
        let n = ratings as f64;
        1.0 - (n - 1.0) * observed / (n * n - near)
    }
}

impl Statistic for SetAlpha<'_> {
    fn multiplicities(&self) -> &[u64] {
        &self.multiplicities
    }

    fn figures(&self) -> usize {
        1
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        let mut counts = vec![0_u64; self.facts.counts.len()];
        let mut observed = 0.0;
        for (((row, _), &times), apart) in self.facts.patterns.iter().zip(times).zip(&self.observed) {
            if times > 0 {
                observed += times as f64 * apart;
                row.iter().for_each(|&(set, n)| counts[set as usize] += u64::from(n) * times);
            }
        }
        figures[0] = (counts.iter().filter(|&&n| n > 0).count() >= 2).then(|| {
            let sums = self.similarities.times(&counts);
            let near: f64 = counts.iter().zip(&sums).map(|(&n, sum)| n as f64 * sum).sum();
            Self::alpha(observed, counts.iter().sum(), near)
        });
    }

    fn evaluate_without(&self, unit: usize, figures: &mut [Option<f64>]) {
        let (row, _) = self.facts.patterns.get(unit);
        let without = |set: u32| {
            let own = row.iter().find(|&&(own, _)| own == set).map_or(0, |&(_, n)| u64::from(n));
            self.facts.counts[set as usize] - own
        };
        let ratings = self.facts.pairable_sample().ratings - ratings_of(row);
        let gone = row.iter().filter(|&&(set, _)| without(set) == 0).count();
        let once: f64 = row.iter().map(|&(set, n)| f64::from(n) * self.near[set as usize]).sum();
        let twice: f64 = row
            .iter()
            .flat_map(|&(a, n)| row.iter().map(move |&(b, m)| (a, b, f64::from(n) * f64::from(m))))
            .map(|(a, b, n)| n * self.similarities.of(a, b))
            .sum();
        figures[0] = (self.facts.counts.len() - gone >= 2).then(|| {
            Self::alpha(self.total_observed - self.observed[unit], ratings, self.total_near - 2.0 * once + twice)
        });
    }
}
