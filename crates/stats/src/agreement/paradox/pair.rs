use super::super::curve::Size;
use super::super::facts::Facts;
use super::super::pairs::Cell;
use super::prevalence_index;
use crate::estimate::{Estimate, Method, Sample, Undefined};
use crate::interval;
use crate::parallel::Threads;
use crate::sum::{order_free_sum, tally};

/// What limits the kappa of one pair of raters, over the items that both rated. q is the number of labels that occur anywhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairParadox {
    /// Rater codes, `rater < other`.
    pub rater: u32,
    pub other: u32,
    pub items: u64,
    /// As in [`Diagnosis`](super::Diagnosis), of both raters' labels together.
    pub prevalence_index: Option<f64>,
    /// Half the sum of the absolute differences of the two raters' label shares; |b - c| / n of a two by two table.
    pub bias_index: f64,
    /// (q pₒ - 1) / (q - 1): prevalence-adjusted bias-adjusted kappa, kappa if labels were equally frequent. 2 pₒ - 1 for two labels
    /// (Byrt, Bishop and Carlin 1993), else the S of Brennan and Prediger (1981). Interval: that of percent agreement, on its scale.
    /// Undefined: `single_category`.
    pub pabak: Estimate,
    /// The largest kappa that the two raters' label shares allow: (Σ min(pₖ, qₖ) - pₑ) / (1 - pₑ) (Cohen 1960). None when both used
    /// one and the same label only.
    pub kappa_max: Option<f64>,
}

/// The limits of kappa for every pair of raters with a shared item, in ascending order of the codes.
pub fn by_pair_paradox(facts: &Facts, threads: Threads) -> Vec<PairParadox> {
    let labels = facts.labels_in_use();
    let pairs = facts.pairs(threads);
    threads.map(pairs.len(), |place| {
        let ((rater, other), cells) = pairs.get(place);
        of_pair((rater, other), cells, labels)
    })
}

fn of_pair((rater, other): (u32, u32), cells: &[Cell], labels: usize) -> PairParadox {
    let items: u64 = cells.iter().map(|cell| cell.items).sum();
    let n = items as f64;
    let agreeing: u64 = cells.iter().filter(|cell| cell.label == cell.other).map(|cell| cell.items).sum();
    let margins = margins(cells);
    let pooled: Vec<f64> = margins.iter().map(|&(first, second)| (first + second) as f64 / (2.0 * n)).collect();
    let apart: u64 = margins.iter().map(|&(first, second)| first.abs_diff(second)).sum();
    let chance = order_free_sum(margins.iter().map(|&(first, second)| (first as f64 / n) * (second as f64 / n)));
    let most: u64 = margins.iter().map(|&(first, second)| first.min(second)).sum();
    PairParadox {
        rater,
        other,
        items,
        prevalence_index: prevalence_index(&pooled, labels),
        bias_index: apart as f64 / (2.0 * n),
        pabak: pabak(agreeing, items, labels),
        kappa_max: (margins.len() >= 2).then(|| (most as f64 / n - chance) / (1.0 - chance)),
    }
}

fn pabak(agreeing: u64, items: u64, labels: usize) -> Estimate {
    let sample = Sample { items, ratings: 2 * items, raters: 2 };
    let Some(value) = pabak_of_counts(agreeing, items, labels) else {
        return Estimate::undefined(Undefined::SingleCategory, sample, Method::ItemMean);
    };
    let [of_agreeing, of_differing] = [1.0, -1.0 / (labels as f64 - 1.0)];
    let spread = interval::from_items(value, &[(of_agreeing, agreeing), (of_differing, items - agreeing)]);
    let chance = 1.0 / labels as f64;
    Estimate::spread(value, spread, sample, Method::ItemMean)
        .with_chance(agreeing as f64 / items as f64, chance)
        .with_curve(Size::of_two(items).map(|size| size.fixed_chance(1.0 - chance)))
}

/// (q pₒ - 1) / (q - 1) of two raters who agree on so many of their items; None with fewer than two labels.
pub(in super::super) fn pabak_of_counts(agreeing: u64, items: u64, labels: usize) -> Option<f64> {
    let q = labels as f64;
    (labels >= 2).then(|| (q * agreeing as f64 / items as f64 - 1.0) / (q - 1.0))
}

/// By label that one of the two used, ascending: how often each did.
fn margins(cells: &[Cell]) -> Vec<(u64, u64)> {
    let first = tally(cells.iter().map(|cell| (cell.label, cell.items)).collect());
    let second = tally(cells.iter().map(|cell| (cell.other, cell.items)).collect());
    let of = |counts: &[(u32, u64)], label: u32| {
        counts.binary_search_by_key(&label, |&(label, _)| label).map_or(0, |place| counts[place].1)
    };
    let labels = tally(first.iter().chain(&second).map(|&(label, _)| (label, 1)).collect());
    labels.into_iter().map(|(label, _)| (of(&first, label), of(&second, label))).collect()
}

/// Two raters, two labels: `both` and `neither` agree on yes and on no, `first` and `second` are items that one of them alone called
/// yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwoByTwo {
    pub both: u64,
    pub first: u64,
    pub second: u64,
    pub neither: u64,
}

impl TwoByTwo {
    fn share(self, count: u64) -> Option<f64> {
        let n = self.both + self.first + self.second + self.neither;
        (n > 0).then(|| count as f64 / n as f64)
    }

    /// |a - d| / n (Byrt, Bishop and Carlin 1993). None of an empty table, as all of these.
    pub fn prevalence_index(self) -> Option<f64> {
        self.share(self.both.abs_diff(self.neither))
    }

    /// |b - c| / n.
    pub fn bias_index(self) -> Option<f64> {
        self.share(self.first.abs_diff(self.second))
    }

    /// 2 pₒ - 1.
    pub fn pabak(self) -> Option<f64> {
        self.share(self.both + self.neither).map(|agreement| 2.0 * agreement - 1.0)
    }

    /// Cohen's kappa from the three: (PABAK - PI² + BI²) / (1 - PI² + BI²). None when both raters used one and the same label only.
    pub fn kappa(self) -> Option<f64> {
        let (prevalence, bias) = (self.prevalence_index()?, self.bias_index()?);
        let scale = 1.0 - prevalence * prevalence + bias * bias;
        (scale > 0.0).then_some((self.pabak()? - prevalence * prevalence + bias * bias) / scale)
    }
}
