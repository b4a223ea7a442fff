//! Figures of one rater against the others as functions of how often each item is counted.

use super::facts::{Facts, Pattern};
use crate::interval::is_rounding;
use crate::resample::Statistic;

/// Percent agreement with the others and kappa against them of one rater, in this order.
///
/// The units are the distinct items of the rater: the same label of the rater and the same labels of the others.
#[derive(Debug)]
pub struct RaterFigures {
    pub rater: u32,
    answers: Vec<Answer>,
    items: Vec<u64>,
    observed: Sums,
}

/// Labels are numbered within the rater's items.
#[derive(Debug)]
struct Answer {
    own: usize,
    agreement: f64,
    /// The share of the others who chose each label.
    others: Vec<(usize, f64)>,
}

#[derive(Debug, Clone)]
struct Sums {
    items: u64,
    agreement: f64,
    own: Vec<u64>,
    others: Vec<f64>,
}

impl RaterFigures {
    /// One for each rater of the code range, in the order of [`by_rater`](super::by_rater).
    pub fn of_each(facts: &Facts) -> Vec<Self> {
        let mut given: Vec<Vec<(u32, Pattern<'_>)>> = vec![Vec::new(); facts.ratings.n_raters];
        for (row, pattern) in facts.pairable_items() {
            row.iter().for_each(|&(rater, label)| given[rater as usize].push((label, pattern)));
        }
        (0..).zip(given).map(|(rater, given)| Self::new(rater, given)).collect()
    }

    fn new(rater: u32, mut given: Vec<(u32, Pattern<'_>)>) -> Self {
        given.sort_unstable_by_key(|&(label, pattern)| (label, pattern.labels));
        let mut labels: Vec<u32> =
            given.iter().flat_map(|(_, pattern)| pattern.labels.iter().map(|&(label, _)| label)).collect();
        labels.sort_unstable();
        labels.dedup();
        let place = |label: u32| labels.partition_point(|&known| known < label);
        let distinct = given.chunk_by(|a, b| (a.0, a.1.labels) == (b.0, b.1.labels));
        let (answers, items): (Vec<Answer>, Vec<u64>) =
            distinct.map(|same| (Answer::new(same[0].0, same[0].1, place), same.len() as u64)).unzip();
        let mut observed = Sums::none(labels.len());
        answers.iter().zip(&items).for_each(|(answer, &items)| observed.add(answer, items));
        Self { rater, answers, items, observed }
    }
}

impl Answer {
    fn new(own: u32, pattern: Pattern<'_>, place: impl Fn(u32) -> usize) -> Self {
        let all = (pattern.ratings - 1) as f64;
        let share = |label: u32, n: u32| f64::from(n - u32::from(label == own)) / all;
        let others: Vec<(usize, f64)> =
            pattern.labels.iter().map(|&(label, n)| (place(label), share(label, n))).collect();
        let own = place(own);
        let agreement = others.iter().find(|&&(label, _)| label == own).map_or(0.0, |&(_, share)| share);
        Self { own, agreement, others }
    }
}

impl Sums {
    fn none(labels: usize) -> Self {
        Self { items: 0, agreement: 0.0, own: vec![0; labels], others: vec![0.0; labels] }
    }

    fn add(&mut self, answer: &Answer, times: u64) {
        self.items += times;
        self.own[answer.own] += times;
        self.add_shares(answer, times as f64);
    }

    fn remove(&mut self, answer: &Answer) {
        self.items -= 1;
        self.own[answer.own] -= 1;
        self.add_shares(answer, -1.0);
    }

    fn add_shares(&mut self, answer: &Answer, times: f64) {
        self.agreement += times * answer.agreement;
        answer.others.iter().for_each(|&(label, share)| self.others[label] += times * share);
    }

    fn write(&self, figures: &mut [Option<f64>]) {
        if self.items == 0 {
            return;
        }
        let items = self.items as f64;
        let agreement = self.agreement / items;
        let both = || self.own.iter().zip(&self.others);
        let always_the_same = both().any(|(&own, &others)| own == self.items && is_rounding(others / items - 1.0, 1.0));
        let chance: f64 = both().map(|(&own, &others)| own as f64 / items * (others / items)).sum();
        figures[0] = Some(agreement);
        figures[1] = (!always_the_same).then(|| (agreement - chance) / (1.0 - chance));
    }
}

impl Statistic for RaterFigures {
    fn multiplicities(&self) -> &[u64] {
        &self.items
    }

    fn figures(&self) -> usize {
        2
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        let mut sums = Sums::none(self.observed.own.len());
        let drawn = self.answers.iter().zip(times).filter(|&(_, &times)| times > 0);
        drawn.for_each(|(answer, &times)| sums.add(answer, times));
        sums.write(figures);
    }

    fn evaluate_without(&self, unit: usize, figures: &mut [Option<f64>]) {
        let mut sums = self.observed.clone();
        sums.remove(&self.answers[unit]);
        sums.write(figures);
    }
}
