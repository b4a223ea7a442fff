use super::curve::Size;
use super::facts::Facts;
use super::pairs::Cell;
use super::weights::Weights;
use crate::estimate::{Estimate, Method, Sample, Undefined};
use crate::interval;
use crate::parallel::Threads;
use crate::sum::{order_free_sum, tally};

/// Two raters compared on the items that both rated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairAgreement {
    /// Rater codes, `rater < other`.
    pub rater: u32,
    pub other: u32,
    pub percent: Estimate,
    pub kappa: Estimate,
    pub pi: Estimate,
}

/// Percent agreement, Cohen's kappa and Scott's pi of every pair of raters with a shared item, in ascending order of the codes.
///
/// Cohen (1960), with weights Cohen (1968); interval of kappa: Fleiss, Cohen and Everitt (1969), normal, as statsmodels and vcd, with the
/// upper end cut at 1. Scott (1955): chance from the label shares of both raters together; interval as irrCAC's `scott` with n - 1 in place
/// of n in the variance.
pub fn by_pair(facts: &Facts, weights: &Weights, threads: Threads) -> Vec<PairAgreement> {
    let pairs = facts.pairs(threads);
    threads.map(pairs.len(), |place| {
        let ((rater, other), cells) = pairs.get(place);
        compare(rater, other, cells, weights)
    })
}

/// The unweighted mean of Cohen's kappa over the pairs of raters who share at least `min_shared` items and whose kappa is defined.
///
/// Light (1971) for incomplete designs. Interval: infinitesimal jackknife over the items of those pairs.
pub fn mean_pairwise_cohen(facts: &Facts, weights: &Weights, min_shared: u64, threads: Threads) -> Estimate {
    let undefined = |reason| Estimate::undefined(reason, facts.pairable_sample(), Method::InfinitesimalJackknife);
    if let Err(reason) = facts.check_pairable() {
        return undefined(reason);
    }
    let pairs = facts.pairs(threads);
    let of_pair = |place: usize| {
        let cells = pairs.get(place).1;
        let items: u64 = cells.iter().map(|cell| cell.items).sum();
        if items < min_shared { None } else { Kappa::cohen(cells, weights) }
    };
    let of_cells = |kappa: Option<Kappa>, cells: usize| match kappa {
        Some(kappa) => (Some(kappa.value), kappa.influence.iter().map(|l| l / kappa.items as f64).collect()),
        None => (None, vec![f64::NAN; cells]),
    };
    let parts = threads.map_ranges(pairs.len(), |places| {
        let (mut values, mut influence) = (Vec::new(), Vec::new());
        for place in places {
            let (value, of_pair): (Option<f64>, Vec<f64>) = of_cells(of_pair(place), pairs.get(place).1.len());
            values.extend(value);
            influence.extend(of_pair);
        }
        (values, influence)
    });
    let (values, influence): (Vec<Vec<f64>>, Vec<Vec<f64>>) = parts.into_iter().unzip();
    let (values, influence) = (values.concat(), influence.concat());
    let defined = values.len() as f64;
    if values.is_empty() {
        return undefined(Undefined::NoDefinedPair);
    }
    let value = order_free_sum(values) / defined;
    let shared = influence_by_item(facts, &influence, threads);
    let items = shared.sample.items as f64;
    let by_item: Vec<(f64, u64)> =
        shared.influence.iter().map(|&influence| (value + items * influence / defined, 1)).collect();
    let counts: Vec<f64> = facts.pairable_label_counts().iter().map(|&n| n as f64).collect();
    Estimate::spread(value, interval::from_items(value, &by_item), shared.sample, Method::InfinitesimalJackknife)
        .with_curve(Size::of(facts.pairable_sample()).and_then(|size| size.margins(&counts, weights)))
}

fn compare(rater: u32, other: u32, cells: &[Cell], weights: &Weights) -> PairAgreement {
    let items: u64 = cells.iter().map(|cell| cell.items).sum();
    let sample = Sample { items, ratings: 2 * items, raters: 2 };
    let agreement = |cell: &Cell| 1.0 - weights.disagreement(cell.label, cell.other);
    let by_cell: Vec<(f64, u64)> = cells.iter().map(|cell| (agreement(cell), cell.items)).collect();
    let share = order_free_sum(by_cell.iter().map(|&(agreement, items)| agreement * items as f64)) / items as f64;
    let percent = Estimate::spread(share, interval::from_items(share, &by_cell), sample, Method::ItemMean)
        .of_share()
        .with_curve(Size::of_two(items).map(|size| size.fixed_chance(1.0)));
    let both = tally(cells.iter().flat_map(|cell| [(cell.label, cell.items), (cell.other, cell.items)]).collect());
    let curve = Size::of_two(items).and_then(|size| size.counted(&both, weights));
    let corrected = |kappa: Option<Kappa>, method| match kappa {
        Some(kappa) => kappa.estimate(cells, sample, method).with_curve(curve),
        None => Estimate::undefined(Undefined::SingleCategory, sample, method),
    };
    let kappa = corrected(Kappa::cohen(cells, weights), Method::FleissCohenEveritt);
    let pi = corrected(Kappa::scott(cells, weights, &both), Method::GwetLinearised);
    PairAgreement { rater, other, percent, kappa, pi }
}

/// A chance-corrected coefficient of one table.
struct Kappa {
    value: f64,
    items: u64,
    /// Observed and expected disagreement.
    observed: f64,
    expected: f64,
    /// By cell: the derivative of the value with respect to the weight of one of the cell's items, times the number of items.
    influence: Vec<f64>,
}

impl Kappa {
    /// Chance by each rater's own label shares. None when both used one and the same label only: 0/0.
    fn cohen(cells: &[Cell], weights: &Weights) -> Option<Self> {
        let first = tally(cells.iter().map(|cell| (cell.label, cell.items)).collect());
        let second = tally(cells.iter().map(|cell| (cell.other, cell.items)).collect());
        Self::of(cells, weights, &first, &second)
    }

    /// Chance by the label shares of both raters together.
    fn scott(cells: &[Cell], weights: &Weights, both: &[(u32, u64)]) -> Option<Self> {
        Self::of(cells, weights, both, both)
    }

    fn of(cells: &[Cell], weights: &Weights, first: &[(u32, u64)], second: &[(u32, u64)]) -> Option<Self> {
        let items: u64 = cells.iter().map(|cell| cell.items).sum();
        let n = items as f64;
        let apart = |cell: &Cell| weights.disagreement(cell.label, cell.other);
        let observed = order_free_sum(cells.iter().map(|cell| apart(cell) * cell.items as f64)) / n;
        let (from_first, from_second) = (against(first, second, weights), against(second, first, weights));
        let expected = expected(first, second, weights);
        if expected <= 0.0 {
            return None;
        }
        let value = 1.0 - observed / expected;
        let influence = cells
            .iter()
            .map(|cell| {
                let margins = found(&from_first, cell.label) + found(&from_second, cell.other);
                (observed - apart(cell) + (1.0 - value) * (margins - 2.0 * expected)) / expected
            })
            .collect();
        Some(Self { value, items, observed, expected, influence })
    }

    fn estimate(&self, cells: &[Cell], sample: Sample, method: Method) -> Estimate {
        let by_cell = self.influence.iter().zip(cells);
        let spread = match method {
            Method::FleissCohenEveritt => {
                interval::from_influence(&by_cell.map(|(&l, cell)| (l, cell.items)).collect::<Vec<_>>())
            }
            _ => {
                let linearised: Vec<(f64, u64)> = by_cell.map(|(l, cell)| (self.value + l, cell.items)).collect();
                interval::from_items(self.value, &linearised)
            }
        };
        Estimate::spread(self.value, spread, sample, method).with_chance(1.0 - self.observed, 1.0 - self.expected)
    }
}

/// The disagreement of two labels drawn from two margins. Which comes first does not change a bit.
fn expected(first: &[(u32, u64)], second: &[(u32, u64)], weights: &Weights) -> f64 {
    let count = |labels: &[(u32, u64)]| labels.iter().map(|&(_, n)| n).sum::<u64>();
    let pairs = u128::from(count(first)) * u128::from(count(second));
    if weights.is_identity() {
        let same: u128 = first.iter().map(|&(label, n)| u128::from(n) * u128::from(count_of(second, label))).sum();
        return (pairs - same) as f64 / pairs as f64;
    }
    if first.len().min(second.len()) > FEW_LABELS {
        let sum = |from: &[(u32, u64)], to: &[(u32, u64)]| {
            let apart = sums_against(from, to, weights);
            order_free_sum(from.iter().zip(apart).map(|(&(_, n), apart)| n as f64 * apart))
        };
        return (sum(first, second) + sum(second, first)) / 2.0 / pairs as f64;
    }
    let terms = first.iter().flat_map(|&(label, n)| {
        second.iter().map(move |&(other, m)| weights.disagreement(label, other) * (n as f64 * m as f64))
    });
    order_free_sum(terms) / pairs as f64
}

/// With more labels in each margin than this, not all pairs of them are looked at.
const FEW_LABELS: usize = 64;

/// For every label of one margin the sum of its disagreements with the ratings of the other.
fn sums_against(labels: &[(u32, u64)], others: &[(u32, u64)], weights: &Weights) -> Vec<f64> {
    let counts: Vec<(u32, f64)> = others.iter().map(|&(other, n)| (other, n as f64)).collect();
    weights.disagreements_with(labels.iter().map(|&(label, _)| label), &counts)
}

fn count_of(counts: &[(u32, u64)], label: u32) -> u64 {
    counts.binary_search_by_key(&label, |&(label, _)| label).map_or(0, |place| counts[place].1)
}

/// Cohen's kappa of (label, other label, items) cells in ascending order, if they hold enough items and define one.
pub(super) fn kappa_of_counts(cells: &[(u32, u32, u64)], weights: &Weights, min_shared: u64) -> Option<f64> {
    let items: u64 = cells.iter().map(|&(.., n)| n).sum();
    if items < min_shared { None } else { figures_of_counts(cells, weights)[1] }
}

/// Percent agreement, Cohen's kappa and Scott's pi of (label, other label, items) cells in ascending order with at least one item.
pub(super) fn figures_of_counts(cells: &[(u32, u32, u64)], weights: &Weights) -> [Option<f64>; 3] {
    let items = cells.iter().map(|&(.., n)| n).sum::<u64>() as f64;
    let first = tally(cells.iter().map(|&(label, _, n)| (label, n)).collect());
    let second = tally(cells.iter().map(|&(_, other, n)| (other, n)).collect());
    let both = tally(first.iter().chain(&second).copied().collect());
    let observed = cells.iter().map(|&(label, other, n)| weights.disagreement(label, other) * n as f64).sum::<f64>();
    let corrected = |first: &[(u32, u64)], second: &[(u32, u64)]| {
        let expected = expected(first, second, weights);
        (expected > 0.0).then(|| 1.0 - observed / items / expected)
    };
    [Some(1.0 - observed / items), corrected(&first, &second), corrected(&both, &both)]
}

/// For every label of one margin its expected disagreement with a label of the other.
fn against(labels: &[(u32, u64)], others: &[(u32, u64)], weights: &Weights) -> Vec<(u32, f64)> {
    let total = others.iter().map(|&(_, n)| n).sum::<u64>();
    if weights.is_identity() {
        let apart = |label: u32| (total - count_of(others, label)) as f64 / total as f64;
        return labels.iter().map(|&(label, _)| (label, apart(label))).collect();
    }
    let sums = sums_against(labels, others, weights);
    labels.iter().zip(sums).map(|(&(label, _), sum)| (label, sum / total as f64)).collect()
}

fn found(of_labels: &[(u32, f64)], label: u32) -> f64 {
    of_labels.binary_search_by_key(&label, |&(label, _)| label).map_or(0.0, |place| of_labels[place].1)
}

/// What each item contributes to the sum of the pairs' kappas.
struct SharedItems {
    influence: Vec<f64>,
    /// The items, ratings and raters of pairs with a defined kappa.
    sample: Sample,
}

/// `influence` is that of one item on its pair's kappa, for every cell of every pair; NaN where the kappa does not count.
fn influence_by_item(facts: &Facts, influence: &[f64], threads: Threads) -> SharedItems {
    let lookup = facts.pairs(threads).lookup(facts.ratings.n_raters);
    let parts = threads.map_ranges(facts.ratings.n_items(), |items| {
        let mut seen = vec![false; facts.ratings.n_raters];
        let mut part = SharedItems { influence: Vec::new(), sample: Sample::default() };
        let (mut terms, mut takes_part) = (Vec::new(), Vec::new());
        for answers in facts.ratings.items_in(items) {
            terms.clear();
            takes_part.clear();
            takes_part.resize(answers.len(), false);
            for (first, &(rater, label)) in answers.iter().enumerate() {
                for (second, &(other, other_label)) in answers.iter().enumerate().skip(first + 1) {
                    let cell = lookup.find((rater, other), (label, other_label));
                    let Some(term) = cell.map(|cell| influence[cell]).filter(|term| !term.is_nan()) else { continue };
                    terms.push(term);
                    takes_part[first] = true;
                    takes_part[second] = true;
                }
            }
            if terms.is_empty() {
                continue;
            }
            part.influence.push(order_free_sum(terms.iter().copied()));
            part.sample.items += 1;
            for (&(rater, _), _) in answers.iter().zip(&takes_part).filter(|&(_, &takes_part)| takes_part) {
                part.sample.ratings += 1;
                seen[rater as usize] = true;
            }
        }
        (part, seen)
    });
    let mut shared = SharedItems { influence: Vec::new(), sample: Sample::default() };
    let mut seen = vec![false; facts.ratings.n_raters];
    for (part, seen_here) in parts {
        shared.influence.extend(part.influence);
        shared.sample.items += part.sample.items;
        shared.sample.ratings += part.sample.ratings;
        seen.iter_mut().zip(seen_here).for_each(|(seen, here)| *seen |= here);
    }
    shared.sample.raters = seen.iter().filter(|&&seen| seen).count() as u64;
    shared
}
