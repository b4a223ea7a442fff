//! The parts of the variance of a figure between items, as far as the data tell them apart.
//!
//! With the label shares as they are, an item's linearised value is the mean over its pairs of ratings of a kernel φ(x, y). For ratings drawn
//! independently for each item, its variance with K ratings is (Hoeffding 1948)
//!
//! > [(K - 2)(K - 3) A + 4 (K - 2) B + 2 C] / (K (K - 1)) - μ²
//!
//! where A, B and C are the means of φ φ' over two pairs of ratings of one item that share none, one or both of them, and μ is the
//! figure. A needs four ratings per item, B three, C two. A - μ² is the variance between items that no number of ratings reduces.

use super::super::facts::{Pattern, Patterns};
use crate::sum::order_free_sum;

/// A, B and C with the most ratings that at least half of the items have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parts {
    /// Two, three, or four and more.
    pub(super) ratings: u64,
    pub(super) items: u64,
    /// μ², without the noise of the mean.
    square: f64,
    none: Option<f64>,
    one: Option<f64>,
    both: f64,
    /// The standard error of the variance of the items' values, as a share of it.
    pub(super) relative_error: f64,
}

/// Of one pattern of items: its value, and its means of φ φ' over pairs that share none, one and both ratings.
struct Products {
    items: f64,
    value: f64,
    none: f64,
    one: f64,
    both: f64,
}

impl Parts {
    /// None when fewer than two items count.
    pub(super) fn of(patterns: &Patterns, kernel: impl Fn(u32, u32) -> f64) -> Option<Self> {
        let with = |least: u64| patterns.pairable().filter(move |pattern| pattern.ratings >= least);
        let items_with = |least: u64| with(least).map(|pattern| pattern.items).sum::<u64>();
        let ratings = [4, 3, 2].into_iter().find(|&least| 2 * items_with(least) >= items_with(2))?;
        let items = items_with(ratings);
        if items < 2 {
            return None;
        }
        let products: Vec<Products> = with(ratings).map(|pattern| Products::of(pattern, &kernel)).collect();
        let n = items as f64;
        let mean = |term: &dyn Fn(&Products) -> f64| order_free_sum(products.iter().map(|p| p.items * term(p))) / n;
        let centre = mean(&|p| p.value);
        let variance = mean(&|p| (p.value - centre).powi(2)) * n / (n - 1.0);
        let fourth = mean(&|p| (p.value - centre).powi(4));
        Some(Self {
            ratings,
            items,
            square: centre * centre - variance / n,
            none: (ratings >= 4).then(|| mean(&|p| p.none)),
            one: (ratings >= 3).then(|| mean(&|p| p.one)),
            both: mean(&|p| p.both),
            relative_error: ((fourth / (variance * variance) - 1.0).max(0.0) / n).sqrt(),
        })
    }

    /// The smallest and the largest variance of an item's value with K ≥ 2 ratings that the data allow. They differ only for K > 3 if
    /// no four ratings were seen together, and for K > 2 if no three were.
    pub(super) fn variance(&self, ratings: u64) -> (f64, f64) {
        let k = ratings as f64;
        let pairs = k * (k - 1.0);
        let of = |none: f64, one: f64| {
            let all = (k - 2.0) * (k - 3.0) * none + 4.0 * (k - 2.0) * one + 2.0 * self.both;
            (all / pairs - self.square).max(0.0)
        };
        match (self.none, self.one) {
            (Some(none), Some(one)) => (of(none, one), of(none, one)),
            // Of any mixture: μ² ≤ A ≤ B, and C - A ≥ 2 (B - A).
            (None, Some(one)) => {
                let least = self.square.max(2.0 * one - self.both).min(one);
                (of(least, one), of(one, one))
            }
            // μ² ≤ A ≤ B ≤ C: from "items do not differ" to "ratings of an item do not differ".
            _ => {
                let least = self.square.min(self.both);
                (of(least, least), of(self.both, self.both))
            }
        }
    }
}

impl Products {
    fn of(pattern: Pattern<'_>, kernel: &impl Fn(u32, u32) -> f64) -> Self {
        let n = pattern.ratings as f64;
        let others = |label: u32, power: i32| {
            let all = pattern.labels.iter().map(|&(other, m)| f64::from(m) * kernel(label, other).powi(power));
            order_free_sum(all) - kernel(label, label).powi(power)
        };
        let over = |term: &dyn Fn(f64, f64) -> f64| {
            let terms =
                pattern.labels.iter().map(|&(label, m)| f64::from(m) * term(others(label, 1), others(label, 2)));
            order_free_sum(terms)
        };
        // Sums over ordered pairs, over pairs of pairs that share one rating, and over a pair with itself.
        let pairs = over(&|sum, _| sum);
        let one = over(&|sum, squares| sum * sum - squares);
        let both = over(&|_, squares| squares);
        let of_n = |count: f64, total: f64| if count > 0.0 { total / count } else { 0.0 };
        Self {
            items: pattern.items as f64,
            value: pairs / (n * (n - 1.0)),
            none: of_n(n * (n - 1.0) * (n - 2.0) * (n - 3.0), pairs * pairs - 4.0 * one - 2.0 * both),
            one: of_n(n * (n - 1.0) * (n - 2.0), one),
            both: both / (n * (n - 1.0)),
        }
    }
}
