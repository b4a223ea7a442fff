use super::curve::Size;
use super::facts::{Facts, Pattern};
use super::weights::Weights;
use crate::estimate::{Estimate, Method, Sample, Undefined};
use crate::interval;
use crate::parallel::Threads;
use crate::sum::{FractionSum, order_free_sum};

/// One rater compared with all other raters of the same items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RaterAgreement {
    pub rater: u32,
    /// Mean over the rater's items of the share of the item's other raters who agree.
    pub percent: Estimate,
    /// Kappa of the rater against the pooled others. With two raters it is Cohen's kappa.
    pub kappa: Estimate,
}

/// Agreement of each rater of the code range with the others, in ascending order of the codes.
///
/// Each item weighs the same: on item i the others choose label k with the share sᵢₖ of the other raters. Then kappa is
/// (pₒ - pₑ) / (1 - pₑ) with pₒ the mean of sᵢₖ at the rater's own labels and pₑ = Σ pₖ qₖ, where p are the rater's label shares
/// and q the means of s. Interval of kappa: infinitesimal jackknife over the rater's items.
pub fn by_rater(facts: &Facts, threads: Threads) -> Vec<RaterAgreement> {
    let mut answers: Vec<Vec<Answer<'_>>> = vec![Vec::new(); facts.ratings.n_raters];
    for (row, pattern) in facts.pairable_items() {
        for &(rater, label) in row {
            answers[rater as usize].push(Answer { label, pattern: Pattern { items: 1, ..pattern } });
        }
    }
    let met = raters_met(facts, threads);
    threads.map(answers.len(), |rater| against_others(rater as u32, &answers[rater], met[rater], facts))
}

/// A label that the rater gave to items of one pattern (which includes that label).
#[derive(Debug, Clone, Copy)]
struct Answer<'a> {
    label: u32,
    pattern: Pattern<'a>,
}

impl<'a> Answer<'a> {
    /// How often the other raters chose each label.
    fn others(self) -> impl Iterator<Item = (u32, u64)> + 'a {
        let own = self.label;
        self.pattern.labels.iter().map(move |&(label, n)| (label, u64::from(n) - u64::from(label == own)))
    }

    fn n_others(self) -> u64 {
        self.pattern.ratings - 1
    }

    fn agreeing(self) -> u64 {
        self.others().filter(|&(label, _)| label == self.label).map(|(_, n)| n).sum()
    }

    fn agreement(self) -> f64 {
        self.agreeing() as f64 / self.n_others() as f64
    }
}

fn against_others(rater: u32, answers: &[Answer<'_>], met: u64, facts: &Facts) -> RaterAgreement {
    let items: u64 = answers.iter().map(|answer| answer.pattern.items).sum();
    let ratings = answers.iter().map(|answer| answer.pattern.items * answer.pattern.ratings).sum();
    let sample = Sample { items, ratings, raters: met };
    if items == 0 {
        let reason = facts.check_pairable().err().unwrap_or(Undefined::NoPairableItems);
        return RaterAgreement {
            rater,
            percent: Estimate::undefined(reason, sample, Method::ItemMean),
            kappa: Estimate::undefined(reason, sample, Method::InfinitesimalJackknife),
        };
    }
    let mut total = FractionSum::default();
    for answer in answers {
        total.add(answer.agreeing(), answer.n_others(), answer.pattern.items);
    }
    let share = total.total() / items as f64;
    let by_item: Vec<(f64, u64)> = answers.iter().map(|answer| (answer.agreement(), answer.pattern.items)).collect();
    let percent = Estimate::spread(share, interval::from_items(share, &by_item), sample, Method::ItemMean)
        .of_share()
        .with_curve(Size::of_two(items).map(|size| size.fixed_chance(1.0)));
    RaterAgreement { rater, percent, kappa: kappa(answers, share, sample, facts.ratings.n_labels) }
}

/// By rater code: how many raters share an item with this one, itself included.
fn raters_met(facts: &Facts, threads: Threads) -> Vec<u64> {
    let mut met = vec![1; facts.ratings.n_raters];
    for ((rater, other), _) in facts.pairs(threads).iter() {
        met[rater as usize] += 1;
        met[other as usize] += 1;
    }
    met
}

fn kappa(answers: &[Answer<'_>], agreement: f64, sample: Sample, n_labels: usize) -> Estimate {
    let items = sample.items as f64;
    let mut own = vec![0_u64; n_labels];
    let mut others = vec![FractionSum::default(); n_labels];
    for answer in answers {
        own[answer.label as usize] += answer.pattern.items;
        for (label, n) in answer.others().filter(|&(_, n)| n > 0) {
            others[label as usize].add(n, answer.n_others(), answer.pattern.items);
        }
    }
    let always_the_same = own.iter().zip(&others).any(|(&own, others)| own == sample.items && others.total() == items);
    if always_the_same {
        return Estimate::undefined(Undefined::SingleCategory, sample, Method::InfinitesimalJackknife);
    }
    let own: Vec<f64> = own.iter().map(|&n| n as f64 / items).collect();
    let others: Vec<f64> = others.iter().map(|sum| sum.total() / items).collect();
    let both: Vec<f64> = own.iter().zip(&others).map(|(own, other)| own + other).collect();
    let chance = order_free_sum(own.iter().zip(&others).map(|(p, q)| p * q));
    let value = (agreement - chance) / (1.0 - chance);
    let linearise = |answer: &Answer<'_>| {
        let expected = answer.others().map(|(label, n)| n as f64 * own[label as usize]);
        let item_chance = others[answer.label as usize] + order_free_sum(expected) / answer.n_others() as f64;
        let change = answer.agreement() - agreement - (1.0 - value) * (item_chance - 2.0 * chance);
        value + change / (1.0 - chance)
    };
    let by_item: Vec<(f64, u64)> = answers.iter().map(|answer| (linearise(answer), answer.pattern.items)).collect();
    Estimate::spread(value, interval::from_items(value, &by_item), sample, Method::InfinitesimalJackknife)
        .with_chance(agreement, chance)
        .with_curve(Size::of_two(sample.items).and_then(|size| size.margins(&both, &Weights::identity(n_labels))))
}
