//! The measures: what each is in the population and on ratings, and what is drawn anew for its resampled intervals.

use assay_stats::agreement::{
    self, Coefficient, Coefficients, Facts, RaterCoefficients, Ratings, Scheme, Weights, by_label, by_pair, by_rater,
};
use assay_stats::interval::Bounds;
use assay_stats::{Estimate, Threads};

use crate::methods::Intervals;
use crate::population::{Population, Truth};

/// One measure. To add one, name it here, and say what it is in [`Measure::truth`] and [`Measure::estimate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    pub name: &'static str,
    figure: Figure,
    scheme: Scheme,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    Of(Coefficient),
    /// Of the first two raters, on the items that both rated.
    Cohen,
    Scott,
    /// Of the first rater.
    RaterPercent,
    RaterKappa,
    /// Of the second label: a rare one when prevalence is skewed.
    LabelAlpha,
    Specific,
    /// Of all labels but the second.
    SpecificOfRest,
}

const MEAN_COHEN: Coefficient = Coefficient::MeanPairwiseCohenKappa { min_shared: 1 };

const fn measure(name: &'static str, figure: Figure, scheme: Scheme) -> Measure {
    Measure { name, figure, scheme }
}

pub const MEASURES: [Measure; 19] = [
    measure("percent_agreement", Figure::Of(Coefficient::PercentAgreement), Scheme::Identity),
    measure("pooled_percent_agreement", Figure::Of(Coefficient::PooledPercentAgreement), Scheme::Identity),
    measure("krippendorff_alpha", Figure::Of(Coefficient::KrippendorffAlpha), Scheme::Identity),
    measure("fleiss_kappa", Figure::Of(Coefficient::FleissKappa), Scheme::Identity),
    measure("conger_kappa", Figure::Of(Coefficient::CongerKappa), Scheme::Identity),
    measure("gwet_ac1", Figure::Of(Coefficient::GwetAc), Scheme::Identity),
    measure("brennan_prediger", Figure::Of(Coefficient::BrennanPrediger), Scheme::Identity),
    measure("mean_pairwise_cohen_kappa", Figure::Of(MEAN_COHEN), Scheme::Identity),
    measure("cohen_kappa", Figure::Cohen, Scheme::Identity),
    measure("scott_pi", Figure::Scott, Scheme::Identity),
    measure("percent_agreement of a rater", Figure::RaterPercent, Scheme::Identity),
    measure("kappa_against_others", Figure::RaterKappa, Scheme::Identity),
    measure("krippendorff_alpha of a label", Figure::LabelAlpha, Scheme::Identity),
    measure("specific_agreement", Figure::Specific, Scheme::Identity),
    measure("specific_agreement of the rest", Figure::SpecificOfRest, Scheme::Identity),
    measure("krippendorff_alpha, interval", Figure::Of(Coefficient::KrippendorffAlpha), Scheme::Quadratic),
    measure("fleiss_kappa, linear", Figure::Of(Coefficient::FleissKappa), Scheme::Linear),
    measure("gwet_ac2, quadratic", Figure::Of(Coefficient::GwetAc), Scheme::Quadratic),
    measure("cohen_kappa, quadratic", Figure::Cohen, Scheme::Quadratic),
];

/// Simulated ratings, and what is looked at in them.
#[derive(Debug)]
pub struct Sample {
    all: Facts,
    /// The first two raters.
    pair: Facts,
    /// The second label against all others.
    label: Facts,
}

impl Sample {
    pub fn new(items: &[Vec<(u32, u32)>], raters: usize, labels: usize) -> Self {
        let recoded: Vec<Vec<(u32, u32)>> = items
            .iter()
            .map(|item| item.iter().map(|&(rater, label)| (rater, u32::from(label == 1))).collect())
            .collect();
        let of_two = |item: &Vec<(u32, u32)>| item.iter().copied().filter(|&(rater, _)| rater < 2).collect::<Vec<_>>();
        let pair: Vec<Vec<(u32, u32)>> = items.iter().map(of_two).filter(|item| item.len() == 2).collect();
        Self { all: facts(items, raters, labels), pair: facts(&pair, 2, labels), label: facts(&recoded, raters, 2) }
    }
}

#[expect(clippy::expect_used, reason = "simulated codes are in their ranges")]
fn facts(items: &[Vec<(u32, u32)>], raters: usize, labels: usize) -> Facts {
    let offsets = std::iter::once(0).chain(items.iter().scan(0, |end, item| {
        *end += item.len();
        Some(*end)
    }));
    let (who, what): (Vec<u32>, Vec<u32>) = items.iter().flatten().copied().unzip();
    Facts::new(Ratings::new(offsets.collect(), &who, &what, raters, labels).expect("ratings"))
}

impl Measure {
    /// The measure in the limit of infinitely many items.
    pub fn truth(&self, population: &Population, raters: usize) -> f64 {
        let all = population.truth();
        let apart = |k: usize, l: usize| self.weights(all.tables[0].len()).disagreement(k as u32, l as u32);
        match self.figure {
            Figure::Of(coefficient) => of_pairs(coefficient, &all, &apart),
            Figure::Cohen => all.first_pair().mean_cohen(&apart),
            Figure::Scott => all.first_pair().fleiss(&apart),
            Figure::RaterPercent => 1.0 - all.first_rater(raters).disagreement(&apart),
            Figure::RaterKappa => all.first_rater(raters).against_others(&apart),
            Figure::LabelAlpha => all.of_label(1).fleiss(&apart),
            Figure::Specific => all.specific(1),
            Figure::SpecificOfRest => all.of_label(1).specific(0),
        }
    }

    /// The measure with its intervals that rest on a standard error.
    fn estimate(&self, sample: &Sample) -> Option<Estimate> {
        let weights = self.weights(sample.all.ratings().n_labels());
        let (all, first) = (&sample.all, || by_pair(&sample.pair, &weights, Threads::ONE).into_iter().next());
        match self.figure {
            Figure::Of(coefficient) => Some(of_ratings(coefficient, all, &weights)),
            Figure::Cohen => first().map(|pair| pair.kappa),
            Figure::Scott => first().map(|pair| pair.pi),
            Figure::RaterPercent => by_rater(all, Threads::ONE).first().map(|rater| rater.percent),
            Figure::RaterKappa => by_rater(all, Threads::ONE).first().map(|rater| rater.kappa),
            Figure::LabelAlpha => by_label(&sample.label).get(1).map(|label| label.alpha),
            Figure::Specific => by_label(&sample.label).get(1).map(|label| label.specific),
            Figure::SpecificOfRest => by_label(&sample.label).first().map(|label| label.specific),
        }
    }

    /// The intervals of the measure by the methods asked for.
    pub fn intervals(&self, sample: &Sample, mut intervals: Intervals<'_>) {
        let estimate = self.estimate(sample);
        if let Some(estimate) = &estimate {
            intervals.of_estimate(estimate);
        }
        let weights = self.weights(sample.all.ratings().n_labels());
        let (facts, coefficient) = match self.figure {
            Figure::Of(coefficient) => (&sample.all, coefficient),
            Figure::Cohen => (&sample.pair, MEAN_COHEN),
            Figure::Scott => (&sample.pair, Coefficient::FleissKappa),
            Figure::LabelAlpha => (&sample.label, Coefficient::KrippendorffAlpha),
            _ => return,
        };
        let weights = if self.figure == Figure::LabelAlpha { Weights::identity(2) } else { weights };
        if coefficient.needs_raters() {
            intervals.over_items(&RaterCoefficients::new(facts, &weights, vec![coefficient]), self.bounds());
        } else {
            intervals.over_items(&Coefficients::new(facts, &weights, vec![coefficient]), self.bounds());
        }
        if let Figure::Of(coefficient) = self.figure {
            intervals.over_items_and_raters(&RaterCoefficients::new(facts, &weights, vec![coefficient]));
        }
    }

    fn weights(&self, labels: usize) -> Weights {
        Weights::by_rank(self.scheme, labels)
    }

    fn bounds(&self) -> Bounds {
        match self.figure {
            Figure::Of(Coefficient::PercentAgreement | Coefficient::PooledPercentAgreement) => Bounds::SHARE,
            _ => Bounds::AGREEMENT,
        }
    }
}

fn of_pairs(coefficient: Coefficient, truth: &Truth, apart: &dyn Fn(usize, usize) -> f64) -> f64 {
    match coefficient {
        Coefficient::PercentAgreement | Coefficient::PooledPercentAgreement => 1.0 - truth.disagreement(apart),
        Coefficient::GwetAc => truth.gwet(apart),
        Coefficient::BrennanPrediger => truth.brennan_prediger(apart),
        Coefficient::CongerKappa => truth.conger(apart),
        Coefficient::MeanPairwiseCohenKappa { .. } => truth.mean_cohen(apart),
        Coefficient::FleissKappa | Coefficient::KrippendorffAlpha | Coefficient::KrippendorffOrdinalAlpha => {
            truth.fleiss(apart)
        }
    }
}

fn of_ratings(coefficient: Coefficient, facts: &Facts, weights: &Weights) -> Estimate {
    match coefficient {
        Coefficient::PercentAgreement => agreement::percent_agreement(facts, weights),
        Coefficient::PooledPercentAgreement => agreement::pooled_percent_agreement(facts, weights),
        Coefficient::GwetAc => agreement::gwet_ac(facts, weights),
        Coefficient::BrennanPrediger => agreement::brennan_prediger(facts, weights),
        Coefficient::CongerKappa => agreement::conger_kappa(facts, weights),
        Coefficient::MeanPairwiseCohenKappa { min_shared } => {
            agreement::mean_pairwise_cohen(facts, weights, min_shared, Threads::ONE)
        }
        Coefficient::FleissKappa => agreement::fleiss_kappa(facts, weights),
        Coefficient::KrippendorffAlpha | Coefficient::KrippendorffOrdinalAlpha => {
            agreement::krippendorff_alpha(facts, weights)
        }
    }
}
