//! Coefficients as functions of how often each item is counted, for jackknife and bootstrap.

use super::coefficient::Chance;
use super::facts::Facts;
use super::krippendorff::alpha_from;
use super::totals::Totals;
use super::weights::Weights;
use crate::resample::Statistic;

/// A coefficient of any number of raters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coefficient {
    PercentAgreement,
    PooledPercentAgreement,
    FleissKappa,
    /// AC1 with identity weights, AC2 with others.
    GwetAc,
    BrennanPrediger,
    KrippendorffAlpha,
    /// Alpha with the ordinal metric, whose ranks each draw takes anew; the weights play no part.
    KrippendorffOrdinalAlpha,
    CongerKappa,
    /// Over pairs that share at least so many items.
    MeanPairwiseCohenKappa {
        min_shared: u64,
    },
}

impl Coefficient {
    /// Whether who gave a label matters, so that counts of labels per item are not enough.
    pub fn needs_raters(self) -> bool {
        matches!(self, Self::CongerKappa | Self::MeanPairwiseCohenKappa { .. })
    }
}

/// Coefficients that need label counts per item only, with the same weights.
///
/// The units are the distinct patterns of label counts, so that a draw of a million items costs no more than one of their few thousand
/// patterns. Members that [need raters](Coefficient::needs_raters) are never defined here: see [`RaterCoefficients`](super::RaterCoefficients).
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
            observed.add_pattern(pattern, disagreement, pattern.items as f64);
        }
        Self { facts, weights, members, disagreements, observed }
    }

    fn write(&self, totals: &Totals, times: impl Fn(usize) -> f64, figures: &mut [Option<f64>]) {
        for (figure, &member) in figures.iter_mut().zip(&self.members) {
            *figure = match member {
                Coefficient::KrippendorffOrdinalAlpha => ordinal_alpha(self.facts, totals, &times),
                _ => of_totals(member, totals, self.weights),
            };
        }
    }

    /// The sums of all items.
    pub(super) fn totals(&self) -> &Totals {
        &self.observed
    }

    /// The sums of all items but one of a unit.
    pub(super) fn totals_without(&self, unit: usize) -> Totals {
        let mut totals = self.observed.clone();
        totals.add_pattern(self.facts.patterns.get(unit), self.disagreements[unit], -1.0);
        totals
    }
}

/// Alpha with the ordinal metric of patterns that are counted so often, by place; `totals` are their sums.
pub(super) fn ordinal_alpha(facts: &Facts, totals: &Totals, times: impl Fn(usize) -> f64) -> Option<f64> {
    totals.check().ok()?;
    let ranks = Weights::of_mean_ranks(&totals.pairable_counts);
    let patterns = facts.patterns.iter().enumerate();
    let rating_disagreement = patterns.map(|(place, pattern)| pattern.rating_disagreement(&ranks, times(place))).sum();
    alpha(&Totals { rating_disagreement, ..totals.clone() }, &ranks)
}

/// A coefficient of these sums; `None` where they leave it undefined or are not enough.
pub(super) fn of_totals(member: Coefficient, totals: &Totals, weights: &Weights) -> Option<f64> {
    if totals.pairable <= 0.0 {
        return None;
    }
    match member {
        Coefficient::PercentAgreement => return Some(1.0 - totals.mean_disagreement()),
        Coefficient::PooledPercentAgreement => return Some(1.0 - totals.pair_disagreement / totals.pairs),
        _ => totals.check().ok()?,
    }
    let chance = match member {
        Coefficient::FleissKappa => Chance::Fleiss,
        Coefficient::GwetAc => Chance::Gwet,
        Coefficient::BrennanPrediger => Chance::BrennanPrediger,
        Coefficient::KrippendorffAlpha => return alpha(totals, weights),
        _ => return None,
    };
    let expected = chance.overall(&totals.mean_shares(), weights);
    (expected > 0.0).then(|| 1.0 - totals.mean_disagreement() / expected)
}

pub(super) fn alpha(totals: &Totals, weights: &Weights) -> Option<f64> {
    let ratings = totals.pairable_ratings();
    let of_label = weights.disagreements(&totals.pairable_counts);
    let expected: f64 = of_label.iter().zip(&totals.pairable_counts).map(|(apart, n)| apart * n).sum();
    (expected > 0.0).then(|| alpha_from(totals, expected / (ratings * ratings)))
}

impl Statistic for Coefficients<'_> {
    fn multiplicities(&self) -> &[u64] {
        self.facts.patterns.rows.items()
    }

    fn figures(&self) -> usize {
        self.members.len()
    }

    /// Only Fleiss' kappa, AC1 and S take something from items with one rating.
    fn counts(&self, unit: usize, figure: usize) -> bool {
        let with_single = [Coefficient::FleissKappa, Coefficient::GwetAc, Coefficient::BrennanPrediger];
        with_single.contains(&self.members[figure]) || self.facts.patterns.get(unit).is_pairable()
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        let mut totals = Totals::zero(self.weights.n_labels());
        for ((pattern, &disagreement), &times) in self.facts.patterns.iter().zip(&self.disagreements).zip(times) {
            if times > 0 {
                totals.add_pattern(pattern, disagreement, times as f64);
            }
        }
        self.write(&totals, |unit| times[unit] as f64, figures);
    }

    fn evaluate_without(&self, unit: usize, figures: &mut [Option<f64>]) {
        let totals = self.totals_without(unit);
        let items = self.multiplicities();
        self.write(&totals, |other| items[other] as f64 - f64::from(u8::from(other == unit)), figures);
    }
}
