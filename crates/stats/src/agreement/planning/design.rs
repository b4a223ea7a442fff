use super::super::coefficient::Chance;
use super::super::facts::Facts;
use super::super::totals::Totals;
use super::super::weights::Weights;
use super::variance::Parts;
use super::{half_width_of, smallest};
use crate::estimate::Undefined;

/// The figures that a design can be planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlannedFigure {
    PercentAgreement,
    KrippendorffAlpha,
    FleissKappa,
    GwetAc,
    BrennanPrediger,
}

/// An expected half-width of a 95 % interval, from the smallest to the largest that the data allow; mostly they are equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HalfWidth {
    pub low: f64,
    pub high: f64,
}

/// What an item costs by itself (to find, to show) and what one rating of it costs, in any unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    pub item: f64,
    pub rating: f64,
}

/// So many items with so many ratings each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Design {
    pub items: u64,
    pub ratings: u64,
    pub cost: f64,
    pub half_width: HalfWidth,
}

/// Predicts how wide the interval of a figure would be with other numbers of items and of ratings per item.
///
/// The variance between items is split into what more ratings reduce and what they do not, from pairs of pairs of ratings of the items
/// seen (Hoeffding 1948, applied to the linearised values of the figure). Raters are taken to be exchangeable, ratings of an item to be
/// independent, every item to get the same number of ratings, and label shares to stay as they are. How many ratings one item needs is
/// the question of Homan, Korn, Pandita and Welty (arXiv 2412.02968), who simulate; the formula says the same without simulation.
///
/// Most items need four ratings to tell all parts apart. With three, designs with more than three have a range of half-widths, with two
/// those with more than two, and the range is wide: two ratings cannot say whether a third would be worth its price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DesignPlan {
    parts: Parts,
}

impl DesignPlan {
    /// # Errors
    /// `no_ratings`, `one_rater`, `no_pairable_items`, `single_category` (chance-corrected figures), `one_item`, and `zero_variance`
    /// when items do not differ at all, which no plan can start from.
    pub fn new(facts: &Facts, weights: &Weights, figure: PlannedFigure) -> Result<Self, Undefined> {
        facts.check_pairable()?;
        let totals = Totals::observed(facts, weights);
        let apart = |label: u32, other: u32| weights.disagreement(label, other);
        let chance = match figure {
            PlannedFigure::PercentAgreement => None,
            PlannedFigure::KrippendorffAlpha | PlannedFigure::FleissKappa => Some(Chance::Fleiss),
            PlannedFigure::GwetAc => Some(Chance::Gwet),
            PlannedFigure::BrennanPrediger => Some(Chance::BrennanPrediger),
        };
        let parts = match chance {
            None => Parts::of(&facts.patterns, |label, other| 1.0 - apart(label, other)),
            Some(chance) => {
                totals.check()?;
                let shares = match figure {
                    PlannedFigure::KrippendorffAlpha => {
                        totals.pairable_counts.iter().map(|count| count / totals.pairable_ratings()).collect()
                    }
                    _ => totals.mean_shares(),
                };
                let expected = chance.expected(&shares, weights);
                if expected.overall <= 0.0 {
                    return Err(Undefined::SingleCategory);
                }
                let ratio = totals.mean_disagreement() / expected.overall;
                // The linearised value of a pair of ratings, as in the coefficients' own intervals.
                Parts::of(&facts.patterns, |label, other| {
                    let by_chance = expected.of_label[label as usize] + expected.of_label[other as usize];
                    1.0 - 2.0 * ratio + (ratio * by_chance - apart(label, other)) / expected.overall
                })
            }
        };
        let parts = parts.ok_or(Undefined::OneItem)?;
        if parts.variance(2).1 <= 1e-12 { Err(Undefined::ZeroVariance) } else { Ok(Self { parts }) }
    }

    /// How many ratings per item the parts of the variance come from: two, three, or four and more.
    pub fn ratings_seen_together(&self) -> u64 {
        self.parts.ratings
    }

    /// How many items they come from.
    pub fn items_seen(&self) -> u64 {
        self.parts.items
    }

    /// The standard error of a predicted half-width as a share of it, from how much the spread between the items seen varies.
    pub fn relative_error(&self) -> f64 {
        self.parts.relative_error / 2.0
    }

    /// The half-width that `items` items with `ratings` ratings each would give; at least two of both, else None.
    pub fn half_width(&self, items: u64, ratings: u64) -> Option<HalfWidth> {
        (items >= 2 && ratings >= 2).then(|| {
            let (low, high) = self.parts.variance(ratings);
            HalfWidth { low: half_width_of(low.sqrt(), items), high: half_width_of(high.sqrt(), items) }
        })
    }

    /// The half-widths of all combinations, by numbers of items and then of ratings.
    pub fn grid(&self, items: &[u64], ratings: &[u64]) -> Vec<(u64, u64, Option<HalfWidth>)> {
        let row = |&items: &u64| ratings.iter().map(move |&ratings| (items, ratings, self.half_width(items, ratings)));
        items.iter().flat_map(row).collect()
    }

    /// The cheapest design whose half-width is at most `half_width` even at its largest, with 2 to `most_ratings` ratings per item; of
    /// equal costs the one with fewer ratings per item. None when `half_width` or a cost is not usable, or no rating can be had.
    pub fn cheapest(&self, half_width: f64, costs: Costs, most_ratings: u64) -> Option<Design> {
        let usable =
            half_width > 0.0 && costs.item >= 0.0 && costs.rating >= 0.0 && (costs.item + costs.rating).is_finite();
        if !usable {
            return None;
        }
        let of_ratings = |ratings: u64| {
            let deviation = self.parts.variance(ratings).1.sqrt();
            let items = smallest(|items| half_width_of(deviation, items) <= half_width);
            let cost = items as f64 * (costs.item + ratings as f64 * costs.rating);
            Some(Design { items, ratings, cost, half_width: self.half_width(items, ratings)? })
        };
        (2..=most_ratings).filter_map(of_ratings).reduce(|best, next| if next.cost < best.cost { next } else { best })
    }
}
