use super::curve::Size;
use super::facts::Facts;
use super::margins::Margins;
use super::totals::Totals;
use super::weights::Weights;
use crate::estimate::{Estimate, Method, Undefined};
use crate::interval;
use crate::sum::order_free_sum;

/// Conger's kappa, Cohen's for any number of raters: chance agreement is the mean over pairs of raters of Σ wₖₗ pₖ qₗ, with p and q their
/// label shares over all items they rated.
///
/// Conger (1980), Davies and Fleiss (1982); Gwet (2014) for weights and missing ratings; value and interval as irrCAC's `conger`. With two
/// raters and no missing rating it is Cohen's kappa.
pub fn conger_kappa(facts: &Facts, weights: &Weights) -> Estimate {
    let sample = facts.sample();
    let undefined = |reason| Estimate::undefined(reason, sample, Method::GwetLinearised);
    if let Err(reason) = facts.check_pairable() {
        return undefined(reason);
    }
    let totals = Totals::observed(facts, weights);
    if let Err(reason) = totals.check() {
        return undefined(reason);
    }
    let shares = RaterShares::of(facts.margins(), weights);
    let expected = shares.expected();
    if expected <= 0.0 {
        return undefined(Undefined::SingleCategory);
    }
    let observed = totals.mean_disagreement();
    let value = 1.0 - observed / expected;
    let inflation = totals.items / totals.pairable;
    let pairs = shares.raters() * (shares.raters() - 1.0);
    let linearise = |answers: &[(u32, u32)], disagreement: Option<f64>| {
        let terms = answers.iter().map(|&(rater, label)| totals.items * shares.influence(rater, label));
        let change = order_free_sum(terms) / pairs;
        let excess = disagreement.map_or(0.0, |disagreement| inflation * (expected - disagreement));
        (excess + 2.0 * (1.0 - value) * change) / expected
    };
    let by_item: Vec<(f64, u64)> = facts
        .rated_items()
        .map(|(answers, pattern)| {
            let disagreement = pattern.is_pairable().then(|| pattern.disagreement(weights) / pattern.pairs() as f64);
            (linearise(answers, disagreement), 1)
        })
        .collect();
    Estimate::spread(value, interval::from_items(value, &by_item), sample, Method::GwetLinearised)
        .with_chance(1.0 - observed, 1.0 - expected)
        .with_curve(Size::of(facts.pairable_sample()).and_then(|size| size.margins(&totals.mean_shares(), weights)))
}

/// The label shares of the raters, each with what the other raters' shares say about them.
struct RaterShares {
    raters: Vec<RaterShare>,
    rated: f64,
}

struct RaterShare {
    ratings: f64,
    /// By label used: the summed disagreement of this label with the shares of all other raters.
    against_others: Vec<(u32, f64)>,
    /// The mean of these over the rater's own ratings.
    mean: f64,
}

impl RaterShares {
    fn of(margins: &Margins, weights: &Weights) -> Self {
        let totals: Vec<f64> =
            margins.iter().map(|labels| labels.iter().map(|&(_, n)| n).sum::<u64>() as f64).collect();
        let mut by_label = vec![Vec::new(); weights.n_labels()];
        for (labels, &ratings) in margins.iter().zip(&totals) {
            for &(label, n) in labels {
                by_label[label as usize].push(n as f64 / ratings);
            }
        }
        let summed: Vec<f64> = by_label.into_iter().map(order_free_sum).collect();
        let against_all = weights.disagreements(&summed);
        let raters = margins
            .iter()
            .zip(&totals)
            .map(|(labels, &ratings)| RaterShare::of(labels, ratings, &against_all, weights));
        Self { raters: raters.collect(), rated: totals.iter().filter(|&&n| n > 0.0).count() as f64 }
    }

    fn raters(&self) -> f64 {
        self.rated
    }

    /// The mean over ordered pairs of raters of their expected disagreement.
    fn expected(&self) -> f64 {
        order_free_sum(self.raters.iter().map(|rater| rater.mean)) / (self.rated * (self.rated - 1.0))
    }

    /// How one rating moves the sum of expected disagreements of its rater with the others, per rating of that rater.
    fn influence(&self, rater: u32, label: u32) -> f64 {
        let rater = &self.raters[rater as usize];
        let place = rater.against_others.binary_search_by_key(&label, |&(label, _)| label);
        place.map_or(0.0, |place| (rater.against_others[place].1 - rater.mean) / rater.ratings)
    }
}

impl RaterShare {
    fn of(labels: &[(u32, u64)], ratings: f64, against_all: &[f64], weights: &Weights) -> Self {
        let share = |n: u64| n as f64 / ratings;
        let shares: Vec<(u32, f64)> = labels.iter().map(|&(label, n)| (label, share(n))).collect();
        let own = weights.disagreements_with(labels.iter().map(|&(label, _)| label), &shares);
        let against_others: Vec<(u32, f64)> =
            labels.iter().zip(own).map(|(&(label, _), own)| (label, against_all[label as usize] - own)).collect();
        let mean = order_free_sum(labels.iter().zip(&against_others).map(|(&(_, n), &(_, apart))| share(n) * apart));
        Self { ratings, against_others, mean }
    }
}
