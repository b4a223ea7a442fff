//! Sums of several draws of items and raters in one pass over the ratings.

use super::super::totals::Totals;
use super::RaterCoefficients;
use super::batch::Copies;
use crate::resample::{Batch, LANES};

/// A number of each draw.
type Numbers = [f64; LANES];

/// [`Totals`] of each draw. What a draw does not count adds 0, which changes no bit.
struct Sums {
    items: Numbers,
    pairable: Numbers,
    item_shares: Numbers,
    pair_disagreement: Numbers,
    pairs: Numbers,
    rating_disagreement: Numbers,
    shares: Vec<Numbers>,
    pairable_counts: Vec<Numbers>,
}

/// An item in each draw: its ratings, the ordered pairs of them that are compared, and how much those disagree together.
struct Drawn {
    ratings: Numbers,
    pairs: Numbers,
    disagreement: Numbers,
}

impl RaterCoefficients<'_> {
    /// Each is to the last bit what [`RaterCoefficients::totals`] counts. `apart` is the disagreement of two labels in each draw.
    pub(super) fn totals_of_both(
        &self,
        items: &Batch,
        copies: &[Copies],
        apart: impl Fn(u32, u32) -> Numbers,
    ) -> [Totals; LANES] {
        let ratings = self.facts.ratings();
        let mut sums = Sums::zero(self.weights.n_labels());
        let mut labels: Vec<(u32, Numbers)> = Vec::new();
        items.for_each_unit(|item, times| {
            labels.clear();
            let mut drawn = Drawn { ratings: [0.0; LANES], pairs: [0.0; LANES], disagreement: [0.0; LANES] };
            for &(rater, label) in ratings.item(item) {
                let copies = &copies[rater as usize];
                add(&mut drawn.ratings, copies);
                // Copies of one rater are no pairs.
                drawn.pairs.iter_mut().zip(copies).for_each(|(pairs, n)| *pairs -= n * n);
                match labels.iter_mut().find(|(known, _)| *known == label) {
                    Some((_, counts)) => add(counts, copies),
                    None => labels.push((label, *copies)),
                }
            }
            drawn.pairs.iter_mut().zip(&drawn.ratings).for_each(|(pairs, n)| *pairs += n * n);
            drawn.disagreement = disagreement(&labels, &apart);
            sums.add(&labels, &drawn, &times.map(f64::from));
        });
        std::array::from_fn(|lane| sums.of_draw(lane))
    }
}

fn add(sums: &mut Numbers, terms: &Numbers) {
    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
}

/// The disagreement of all ordered pairs of an item's ratings together, label by label.
fn disagreement(labels: &[(u32, Numbers)], apart: impl Fn(u32, u32) -> Numbers) -> Numbers {
    let mut all = [0.0; LANES];
    for (place, (label, n)) in labels.iter().enumerate() {
        let mut of_label = [0.0; LANES];
        for (other, m) in &labels[place + 1..] {
            let apart = apart(*label, *other);
            for (lane, sum) in of_label.iter_mut().enumerate() {
                *sum += n[lane] * m[lane] * apart[lane];
            }
        }
        add(&mut all, &of_label);
    }
    all.map(|sum| 2.0 * sum)
}

impl Sums {
    fn zero(n_labels: usize) -> Self {
        Self {
            items: [0.0; LANES],
            pairable: [0.0; LANES],
            item_shares: [0.0; LANES],
            pair_disagreement: [0.0; LANES],
            pairs: [0.0; LANES],
            rating_disagreement: [0.0; LANES],
            shares: vec![[0.0; LANES]; n_labels],
            pairable_counts: vec![[0.0; LANES]; n_labels],
        }
    }

    /// As [`Totals::add`], step by step.
    fn add(&mut self, labels: &[(u32, Numbers)], item: &Drawn, times: &Numbers) {
        let (mut per_rating, mut pairable) = ([0.0; LANES], [0.0; LANES]);
        for lane in 0..LANES {
            let (times, ratings, disagreement) = (times[lane], item.ratings[lane], item.disagreement[lane]);
            let is_pairable = item.pairs[lane] > 0.0;
            let counted = if ratings > 0.0 { times } else { 0.0 };
            let (pairs, times) = if is_pairable { (item.pairs[lane], times) } else { (1.0, 0.0) };
            self.items[lane] += counted;
            per_rating[lane] = counted / ratings.max(1.0);
            pairable[lane] = times;
            self.pairable[lane] += times;
            self.item_shares[lane] += times * disagreement / pairs;
            self.pair_disagreement[lane] += times * disagreement;
            self.pairs[lane] += times * pairs;
            self.rating_disagreement[lane] += times * ratings * disagreement / pairs;
        }
        for (label, n) in labels {
            let (shares, counts) = (&mut self.shares[*label as usize], &mut self.pairable_counts[*label as usize]);
            for lane in 0..LANES {
                shares[lane] += n[lane] * per_rating[lane];
                counts[lane] += pairable[lane] * n[lane];
            }
        }
    }

    fn of_draw(&self, lane: usize) -> Totals {
        let of_labels = |numbers: &[Numbers]| numbers.iter().map(|numbers| numbers[lane]).collect();
        Totals {
            items: self.items[lane],
            pairable: self.pairable[lane],
            item_shares: self.item_shares[lane],
            pair_disagreement: self.pair_disagreement[lane],
            pairs: self.pairs[lane],
            rating_disagreement: self.rating_disagreement[lane],
            shares: of_labels(&self.shares),
            pairable_counts: of_labels(&self.pairable_counts),
        }
    }
}
