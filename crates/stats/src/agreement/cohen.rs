use super::facts::Facts;
use super::pairs::Cell;
use crate::estimate::{Estimate, Method, Sample, Undefined};
use crate::interval::{self, Interval};
use crate::sum::{order_free_sum, tally};

/// Two raters compared on the items that both rated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairAgreement {
    /// Rater codes, `rater < other`.
    pub rater: u32,
    pub other: u32,
    pub percent: Estimate,
    pub kappa: Estimate,
}

/// Percent agreement and Cohen's kappa of every pair of raters with a shared item, in ascending order of the codes.
///
/// Cohen (1960). Interval of kappa: Fleiss, Cohen and Everitt (1969), normal, as statsmodels, with the upper end cut at 1.
pub fn by_pair(facts: &Facts) -> Vec<PairAgreement> {
    facts.pairs.iter().map(|((rater, other), cells)| compare(rater, other, cells)).collect()
}

/// The unweighted mean of Cohen's kappa over the pairs of raters who share an item and whose kappa is defined.
///
/// Light (1971) for incomplete designs. Interval: infinitesimal jackknife over the items of those pairs.
pub fn mean_pairwise_cohen(facts: &Facts) -> Estimate {
    let undefined = |reason| Estimate::undefined(reason, facts.pairable_sample(), Method::InfinitesimalJackknife);
    if let Err(reason) = facts.check_pairable() {
        return undefined(reason);
    }
    let kappas: Vec<Option<Kappa>> = facts.pairs.iter().map(|(_, cells)| Kappa::of(cells)).collect();
    let defined = kappas.iter().flatten().count() as f64;
    if defined == 0.0 {
        return undefined(Undefined::NoDefinedPair);
    }
    let value = order_free_sum(kappas.iter().flatten().map(|kappa| kappa.value)) / defined;
    let shared = influence_by_item(facts, &kappas);
    let items = shared.sample.items as f64;
    let by_item: Vec<(f64, u64)> =
        shared.influence.iter().map(|&(influence, n)| (value + items * influence / defined, n)).collect();
    let interval = interval::from_items(value, value, &by_item);
    Estimate { value: Ok(value), interval, sample: shared.sample, method: Method::InfinitesimalJackknife }
}

fn compare(rater: u32, other: u32, cells: &[Cell]) -> PairAgreement {
    let items: u64 = cells.iter().map(|cell| cell.items).sum();
    let agreeing = agreeing(cells);
    let sample = Sample { items, ratings: 2 * items, raters: 2 };
    let share = agreeing as f64 / items as f64;
    let percent = Estimate {
        value: Ok(share),
        interval: interval::from_items(share, share, &[(1.0, agreeing), (0.0, items - agreeing)])
            .map(Interval::of_share),
        sample,
        method: Method::ItemMean,
    };
    let kappa = match Kappa::of(cells) {
        Some(kappa) => Estimate {
            value: Ok(kappa.value),
            interval: interval::from_influence(
                kappa.value,
                &kappa.influence.iter().zip(cells).map(|(&l, cell)| (l, cell.items)).collect::<Vec<_>>(),
            ),
            sample,
            method: Method::FleissCohenEveritt,
        },
        None => Estimate::undefined(Undefined::SingleCategory, sample, Method::FleissCohenEveritt),
    };
    PairAgreement { rater, other, percent, kappa }
}

fn agreeing(cells: &[Cell]) -> u64 {
    cells.iter().filter(|cell| cell.label == cell.other).map(|cell| cell.items).sum()
}

/// Cohen's kappa of one table.
struct Kappa {
    value: f64,
    items: u64,
    /// By cell: the derivative of kappa with respect to the weight of one of the cell's items, times the number of items.
    influence: Vec<f64>,
}

impl Kappa {
    /// None when both raters used one and the same label only: 0/0.
    fn of(cells: &[Cell]) -> Option<Self> {
        let items: u64 = cells.iter().map(|cell| cell.items).sum();
        let agreeing = agreeing(cells);
        let first = tally(cells.iter().map(|cell| (cell.label, cell.items)).collect());
        let second = tally(cells.iter().map(|cell| (cell.other, cell.items)).collect());
        let total = u128::from(items) * u128::from(items);
        let by_chance: u128 =
            first.iter().map(|&(label, n)| u128::from(n) * u128::from(count_of(&second, label))).sum();
        if by_chance == total {
            return None;
        }
        let observed = u128::from(items) * u128::from(agreeing);
        let value = 1.0 - (total - observed) as f64 / (total - by_chance) as f64;
        let n = items as f64;
        let (agreement, chance) = (agreeing as f64 / n, by_chance as f64 / total as f64);
        let influence = cells
            .iter()
            .map(|cell| {
                let agrees = f64::from(u8::from(cell.label == cell.other));
                let margins = (count_of(&second, cell.label) + count_of(&first, cell.other)) as f64 / n;
                (agrees - agreement - (1.0 - value) * (margins - 2.0 * chance)) / (1.0 - chance)
            })
            .collect();
        Some(Self { value, items, influence })
    }
}

fn count_of(counts: &[(u32, u64)], label: u32) -> u64 {
    counts.binary_search_by_key(&label, |&(label, _)| label).map_or(0, |place| counts[place].1)
}

/// What each item contributes to the sum of the pairs' kappas.
struct SharedItems {
    influence: Vec<(f64, u64)>,
    /// The items, ratings and raters of pairs with a defined kappa.
    sample: Sample,
}

fn influence_by_item(facts: &Facts, kappas: &[Option<Kappa>]) -> SharedItems {
    let influence: Vec<Option<f64>> = facts
        .pairs
        .iter()
        .zip(kappas)
        .flat_map(|((_, cells), kappa)| {
            (0..cells.len()).map(move |cell| kappa.as_ref().map(|kappa| kappa.influence[cell] / kappa.items as f64))
        })
        .collect();
    let offsets = facts.pairs.first_rater_offsets(facts.n_raters);
    let mut seen = vec![false; facts.n_raters];
    let mut shared = SharedItems { influence: Vec::new(), sample: Sample::default() };
    for (row, items) in facts.answers.iter() {
        let mut terms = Vec::new();
        let mut takes_part = vec![false; row.len()];
        for (first, &(rater, label)) in row.iter().enumerate() {
            let pairs = offsets[rater as usize]..offsets[rater as usize + 1];
            for (second, &(other, other_label)) in row.iter().enumerate().skip(first + 1) {
                let cell = facts.pairs.find(pairs.clone(), other, (label, other_label));
                if let Some(term) = cell.and_then(|cell| influence[cell]) {
                    terms.push(term);
                    takes_part[first] = true;
                    takes_part[second] = true;
                }
            }
        }
        if terms.is_empty() {
            continue;
        }
        shared.influence.push((order_free_sum(terms), items));
        shared.sample.items += items;
        for (&(rater, _), _) in row.iter().zip(&takes_part).filter(|&(_, &takes_part)| takes_part) {
            shared.sample.ratings += items;
            seen[rater as usize] = true;
        }
    }
    shared.sample.raters = seen.iter().filter(|&&seen| seen).count() as u64;
    shared
}
