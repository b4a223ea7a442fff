//! Coefficients as functions of how often each item is counted, for jackknife and bootstrap.

use super::coefficient::Chance;
use super::facts::{Facts, Pattern};
use super::krippendorff::alpha_from;
use super::totals::Totals;
use super::weights::Weights;
use crate::resample::Statistic;

/// A coefficient that needs label counts per item only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coefficient {
    PercentAgreement,
    PooledPercentAgreement,
    FleissKappa,
    /// AC1 with identity weights, AC2 with others.
    GwetAc,
    BrennanPrediger,
    KrippendorffAlpha,
}

/// Several coefficients with the same weights. Its units are the distinct patterns of label counts, so that a draw of a million items costs
/// no more than one of their few thousand patterns.
#[derive(Debug)]
pub struct Coefficients<'a> {
    facts: &'a Facts,
    weights: &'a Weights,
    members: Vec<Coefficient>,
    /// By pattern: its disagreement.
    disagreements: Vec<f64>,
    observed: Totals,
}

impl<'a> Coefficients<'a> {
    pub fn new(facts: &'a Facts, weights: &'a Weights, members: Vec<Coefficient>) -> Self {
        let disagreements: Vec<f64> = facts.patterns.iter().map(|pattern| pattern.disagreement(weights)).collect();
        let mut observed = Totals::zero(weights.n_labels());
        for (pattern, &disagreement) in facts.patterns.iter().zip(&disagreements) {
            observed.add(pattern, disagreement, pattern.items as f64);
        }
        Self { facts, weights, members, disagreements, observed }
    }

    fn write(&self, totals: &Totals, figures: &mut [Option<f64>]) {
        if totals.check().is_err() {
            // Agreement itself is defined where chance is not.
            for (figure, member) in figures.iter_mut().zip(&self.members) {
                *figure = percent(*member, totals).filter(|_| totals.pairable > 0.0);
            }
            return;
        }
        let shares = totals.mean_shares();
        for (figure, member) in figures.iter_mut().zip(&self.members) {
            *figure = match member {
                Coefficient::PercentAgreement | Coefficient::PooledPercentAgreement => percent(*member, totals),
                Coefficient::FleissKappa => self.corrected(Chance::Fleiss, &shares, totals),
                Coefficient::GwetAc => self.corrected(Chance::Gwet, &shares, totals),
                Coefficient::BrennanPrediger => self.corrected(Chance::BrennanPrediger, &shares, totals),
                Coefficient::KrippendorffAlpha => self.alpha(totals),
            };
        }
    }

    fn corrected(&self, chance: Chance, shares: &[f64], totals: &Totals) -> Option<f64> {
        let expected = chance.overall(shares, self.weights);
        (expected > 0.0).then(|| 1.0 - totals.mean_disagreement() / expected)
    }

    fn alpha(&self, totals: &Totals) -> Option<f64> {
        let ratings = totals.pairable_ratings();
        let of_label = self.weights.disagreements(&totals.pairable_counts);
        let expected: f64 = of_label.iter().zip(&totals.pairable_counts).map(|(apart, n)| apart * n).sum();
        (expected > 0.0).then(|| alpha_from(totals, expected / (ratings * ratings)))
    }
}

fn percent(member: Coefficient, totals: &Totals) -> Option<f64> {
    match member {
        Coefficient::PercentAgreement => Some(1.0 - totals.mean_disagreement()),
        Coefficient::PooledPercentAgreement => Some(1.0 - totals.pair_disagreement / totals.pairs),
        _ => None,
    }
}

impl Statistic for Coefficients<'_> {
    fn multiplicities(&self) -> &[u64] {
        self.facts.patterns.rows.items()
    }

    fn figures(&self) -> usize {
        self.members.len()
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        let mut totals = Totals::zero(self.weights.n_labels());
        for ((pattern, &disagreement), &times) in self.facts.patterns.iter().zip(&self.disagreements).zip(times) {
            if times > 0 {
                totals.add(pattern, disagreement, times as f64);
            }
        }
        self.write(&totals, figures);
    }

    fn evaluate_without(&self, unit: usize, figures: &mut [Option<f64>]) {
        let pattern = Pattern::of(self.facts.patterns.rows.get(unit));
        let mut totals = self.observed.clone();
        totals.add(pattern, self.disagreements[unit], -1.0);
        self.write(&totals, figures);
    }
}
