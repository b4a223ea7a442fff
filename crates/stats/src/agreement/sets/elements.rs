use super::facts::SetFacts;
use super::linearised::{Linearised, Terms};
use crate::estimate::{Estimate, Method, Undefined};
use crate::interval;
use crate::resample::Statistic;
use crate::sum::{order_free_sum, tally};

/// Agreement on whether one element belongs to the sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ElementAlpha {
    pub element: u32,
    pub alpha: Estimate,
}

/// Alpha of each element, and their mean.
#[derive(Debug, Clone, PartialEq)]
pub struct PerLabelAlpha {
    /// Every element of the code range, in ascending order.
    pub elements: Vec<ElementAlpha>,
    /// The unweighted mean over the elements whose alpha is defined.
    pub mean: Estimate,
    /// How many elements that are.
    pub defined: usize,
}

/// Krippendorff's alpha of each element's two values "in the set" and "not in the set", and the unweighted mean over elements.
///
/// Items with at least two ratings count. An element's value and interval are those of nominal alpha. The mean is over the elements
/// with a defined alpha; its interval rests on the mean of their linearised values item by item, so that elements chosen together
/// are not taken for independent ones.
///
/// Undefined: `no_ratings`, `one_rater`, `no_pairable_items`; for an element `label_not_used` and `single_category` (in every set);
/// for the mean `no_defined_label`. Equals `krippendorff.alpha` of the 0/1 columns and their mean.
pub fn krippendorff_alpha_per_label(facts: &SetFacts) -> PerLabelAlpha {
    let sample = facts.pairable_sample();
    let undefined = |reason| Estimate::undefined(reason, sample, Method::GwetLinearised);
    let codes = 0..facts.sets.n_elements() as u32;
    if let Err(reason) = facts.check_pairable() {
        let elements = codes.map(|element| ElementAlpha { element, alpha: undefined(reason) }).collect();
        return PerLabelAlpha { elements, mean: undefined(reason), defined: 0 };
    }
    let alphas = ElementAlphas::new(facts);
    let mut linearised: Vec<Option<Linearised>> = Vec::new();
    let elements: Vec<ElementAlpha> = codes
        .map(|element| {
            let terms = alphas.terms(element as usize);
            linearised.push(Linearised::of(&terms));
            let alpha = match linearised.last() {
                _ if alphas.holders[element as usize].is_empty() => undefined(Undefined::LabelNotUsed),
                Some(Some(all)) => {
                    let by_item: Vec<(f64, u64)> = terms.iter().map(|term| (all.value(term), term.items)).collect();
                    let spread = interval::from_items(all.centre, &by_item);
                    Estimate::spread(all.alpha, spread, sample, Method::GwetLinearised)
                        .with_chance(all.agreement(), all.chance())
                }
                _ => undefined(Undefined::SingleCategory),
            };
            ElementAlpha { element, alpha }
        })
        .collect();
    let defined = linearised.iter().flatten().count();
    PerLabelAlpha { mean: alphas.mean(&linearised), elements, defined }
}

/// The alphas of all elements as functions of how often each pattern of items is counted: one figure for each element, in the order
/// of their codes, and last their mean over those that are defined.
#[derive(Debug, Clone)]
pub struct ElementAlphas<'a> {
    facts: &'a SetFacts,
    multiplicities: Vec<u64>,
    ratings: Vec<u64>,
    /// By element: the patterns with a set that holds it, and how many ratings of each do.
    holders: Vec<Vec<(usize, u64)>>,
    /// Numbers of ratings, each with its items.
    sizes: Vec<(u64, u64)>,
    /// By element: its ratings, and their observed disagreement, with all items.
    observed: Vec<(u64, f64)>,
}

impl<'a> ElementAlphas<'a> {
    pub fn new(facts: &'a SetFacts) -> Self {
        let mut holders: Vec<Vec<(usize, u64)>> = vec![Vec::new(); facts.sets.n_elements()];
        let (mut multiplicities, mut ratings) = (Vec::new(), Vec::new());
        for (pattern, (row, items)) in facts.patterns.iter().enumerate() {
            multiplicities.push(items);
            ratings.push(row.iter().map(|&(_, n)| u64::from(n)).sum());
            for &(set, n) in row {
                for &element in facts.sets.get(set as usize) {
                    match holders[element as usize].last_mut() {
                        Some((last, chosen)) if *last == pattern => *chosen += u64::from(n),
                        _ => holders[element as usize].push((pattern, u64::from(n))),
                    }
                }
            }
        }
        let sizes = tally(ratings.iter().copied().zip(multiplicities.iter().copied()).collect());
        let mut alphas = Self { facts, multiplicities, ratings, holders, sizes, observed: Vec::new() };
        alphas.observed = alphas.sums(&alphas.multiplicities);
        alphas
    }

    /// By element: the ratings that hold it, and their observed disagreement, with so many items of each pattern.
    fn sums(&self, times: &[u64]) -> Vec<(u64, f64)> {
        let of_element = |holders: &Vec<(usize, u64)>| {
            holders.iter().fold((0, 0.0), |(all, observed), &(pattern, chosen)| {
                let apart = disagreement(self.ratings[pattern], chosen);
                (all + times[pattern] * chosen, observed + times[pattern] as f64 * apart)
            })
        };
        self.holders.iter().map(of_element).collect()
    }

    /// What items bring into the alpha of one element, by their ratings and how many of these hold it.
    fn terms(&self, element: usize) -> Vec<Terms> {
        let all = self.facts.pairable_sample().ratings;
        let holders = self.holders[element].iter();
        let chosen: Vec<((u64, u64), u64)> =
            tally(holders.map(|&(pattern, n)| ((self.ratings[pattern], n), self.multiplicities[pattern])).collect());
        let chosen_by_all = chosen.iter().map(|&((_, n), items)| n * items).sum();
        let rest = self.sizes.iter().map(|&(ratings, items)| {
            let holding: u64 = chosen.iter().filter(|((size, _), _)| *size == ratings).map(|&(_, items)| items).sum();
            ((ratings, 0), items - holding)
        });
        let of_all: Vec<((u64, u64), u64)> = rest.filter(|&(_, items)| items > 0).collect();
        of_all.iter().chain(&chosen).map(|&(kind, items)| binary_terms(kind, items, chosen_by_all, all)).collect()
    }

    /// The mean over elements. Item by item, what each element brings in with no rating that holds it is the same for all items of
    /// one number of ratings, so that only the elements that an item's sets hold are looked at.
    fn mean(&self, linearised: &[Option<Linearised>]) -> Estimate {
        let sample = self.facts.pairable_sample();
        let defined: Vec<&Linearised> = linearised.iter().flatten().collect();
        if defined.is_empty() {
            return Estimate::undefined(Undefined::NoDefinedLabel, sample, Method::GwetLinearised);
        }
        let chosen_by_all: Vec<u64> = self
            .holders
            .iter()
            .map(|holders| holders.iter().map(|&(pattern, n)| n * self.multiplicities[pattern]).sum())
            .collect();
        let value_of = |element: usize, ratings: u64, chosen: u64| {
            let terms = binary_terms((ratings, chosen), 1, chosen_by_all[element], sample.ratings);
            linearised[element].map(|all| all.value(&terms))
        };
        let without: Vec<f64> = self
            .sizes
            .iter()
            .map(|&(ratings, _)| order_free_sum((0..linearised.len()).filter_map(|e| value_of(e, ratings, 0))))
            .collect();
        let mut terms: Vec<Vec<f64>> = vec![Vec::new(); self.ratings.len()];
        for (element, holders) in self.holders.iter().enumerate() {
            for &(pattern, chosen) in holders {
                let ratings = self.ratings[pattern];
                if let (Some(with), Some(without)) = (value_of(element, ratings, chosen), value_of(element, ratings, 0))
                {
                    terms[pattern].push(with - without);
                }
            }
        }
        let n = defined.len() as f64;
        let by_item: Vec<(f64, u64)> = terms
            .into_iter()
            .enumerate()
            .map(|(pattern, terms)| {
                let size = self.sizes.partition_point(|&(size, _)| size < self.ratings[pattern]);
                ((without[size] + order_free_sum(terms)) / n, self.multiplicities[pattern])
            })
            .collect();
        let value = order_free_sum(defined.iter().map(|all| all.alpha)) / n;
        let centre = order_free_sum(defined.iter().map(|all| all.centre)) / n;
        Estimate::spread(value, interval::from_items(centre, &by_item), sample, Method::GwetLinearised)
    }
}

/// The terms of items with (ratings, ratings that hold the element).
fn binary_terms((ratings, chosen): (u64, u64), items: u64, chosen_by_all: u64, all: u64) -> Terms {
    let rest = ratings - chosen;
    Terms {
        ratings,
        items,
        observed: disagreement(ratings, chosen),
        expected: chosen as f64 * (all - chosen_by_all) as f64 + rest as f64 * chosen_by_all as f64,
    }
}

impl Statistic for ElementAlphas<'_> {
    fn multiplicities(&self) -> &[u64] {
        &self.multiplicities
    }

    fn figures(&self) -> usize {
        self.holders.len() + 1
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        let all = times.iter().zip(&self.ratings).map(|(&times, &ratings)| times * ratings).sum();
        write(all, self.sums(times).into_iter(), figures);
    }

    fn evaluate_without(&self, unit: usize, figures: &mut [Option<f64>]) {
        let (row, _) = self.facts.patterns.get(unit);
        let held = row.iter().flat_map(|&(set, n)| {
            self.facts.sets.get(set as usize).iter().map(move |&element| (element, u64::from(n)))
        });
        let held = tally(held.collect());
        let mut held = held.iter().peekable();
        let ratings = self.ratings[unit];
        let sums = (0_u32..).zip(&self.observed).map(|(element, &sums)| {
            let chosen = held.next_if(|&&(holder, _)| holder == element).map_or(0, |&(_, n)| n);
            (sums.0 - chosen, sums.1 - disagreement(ratings, chosen))
        });
        write(self.facts.pairable_sample().ratings - ratings, sums, figures);
    }
}

/// 2 c (n - c) / (n - 1): what an item with n ratings, c of which hold an element, adds to its observed disagreement.
fn disagreement(ratings: u64, chosen: u64) -> f64 {
    (2 * chosen * (ratings - chosen)) as f64 / (ratings - 1) as f64
}

/// The alphas from all ratings and, by element, those that hold it and their observed disagreement; and the mean.
fn write(all: u64, sums: impl Iterator<Item = (u64, f64)>, figures: &mut [Option<f64>]) {
    let (mut sum, mut defined, mut place) = (0.0, 0_u32, 0);
    for (chosen, observed) in sums {
        let expected = 2.0 * chosen as f64 * (all - chosen) as f64;
        figures[place] = (expected > 0.0).then(|| 1.0 - (all as f64 - 1.0) * observed / expected);
        if let Some(alpha) = figures[place] {
            sum += alpha;
            defined += 1;
        }
        place += 1;
    }
    figures[place] = (defined > 0).then(|| sum / f64::from(defined));
}
