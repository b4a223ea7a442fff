//! Several draws in one pass over the ratings.

use std::array::from_fn;
use std::ops::Range;

use super::super::draw::{Coefficient, alpha, of_totals};
use super::super::pairs::{Lookup, Stretch};
use super::super::totals::Totals;
use super::super::weights::Weights;
use super::RaterCoefficients;
use super::crew::Crew;
use super::kappas::Table;
use crate::parallel::Threads;
use crate::resample::{Batch, BatchStatistic, BatchTwoWayStatistic, LANES};

/// A count of each draw. No count exceeds the number of items.
pub(super) type Lanes = [u32; LANES];

/// How often a rater is there in each draw.
pub(super) type Copies = [f64; LANES];

/// Counts are kept for so many things at a time (32 MB), those of one rater at least: what there is more of takes more passes.
pub(super) const MOST_COUNTS: usize = 1 << 19;

pub(super) fn add(counts: &mut Lanes, times: &Lanes) {
    counts.iter_mut().zip(times).for_each(|(count, times)| *count += times);
}

impl RaterCoefficients<'_> {
    /// Calls `visit` with each pattern in turn and how often each draw counts it.
    fn for_each_pattern(&self, draws: &Batch, mut visit: impl FnMut(usize, &Lanes)) {
        let patterns = self.facts.patterns.rows.len();
        for start in (0..patterns).step_by(self.most_counts) {
            let mut counts = vec![[0; LANES]; self.most_counts.min(patterns - start)];
            draws.for_each_unit(|item, times| {
                let counts = self.facts.pattern_of(item).and_then(|place| counts.get_mut(place.wrapping_sub(start)));
                if let Some(counts) = counts {
                    add(counts, &times.map(u32::from));
                }
            });
            counts.iter().enumerate().for_each(|(place, counts)| visit(start + place, counts));
        }
    }

    fn totals_of_batch(&self, draws: &Batch) -> [Totals; LANES] {
        let mut totals = from_fn(|_| Totals::zero(self.weights.n_labels()));
        self.for_each_pattern(draws, |place, counts| {
            let (pattern, disagreement) = (self.facts.patterns.get(place), self.disagreements[place]);
            for (totals, &times) in totals.iter_mut().zip(counts).filter(|&(_, &times)| times > 0) {
                totals.add_pattern(pattern, disagreement, f64::from(times));
            }
        });
        totals
    }

    fn ordinal_alphas(&self, draws: &Batch, totals: &[Totals; LANES]) -> [Option<f64>; LANES] {
        let ranks: [Weights; LANES] = from_fn(|lane| Weights::of_mean_ranks(&totals[lane].pairable_counts));
        let mut disagreements = [0.0; LANES];
        self.for_each_pattern(draws, |place, counts| {
            let pattern = self.facts.patterns.get(place);
            for (lane, &times) in counts.iter().enumerate().filter(|&(_, &times)| times > 0) {
                disagreements[lane] += pattern.rating_disagreement(&ranks[lane], f64::from(times));
            }
        });
        from_fn(|lane| {
            totals[lane].check().ok()?;
            alpha(&Totals { rating_disagreement: disagreements[lane], ..totals[lane].clone() }, &ranks[lane])
        })
    }

    /// The raters of each draw, so many at a time that their counts fit.
    fn crews(&self, items: &Batch, copies: &[Copies]) -> [Crew; LANES] {
        let labels = self.weights.n_labels();
        let mut crews = from_fn(|_| Crew::empty(labels));
        let mut counts = vec![0.0; labels];
        let at_a_time = (self.most_counts / labels.max(1)).max(1);
        for (number, copies) in copies.chunks(at_a_time).enumerate() {
            let first = number * at_a_time;
            let margins = self.margins_of_batch(items, first..first + copies.len());
            for (of_rater, copies) in margins.chunks(labels.max(1)).zip(copies) {
                for (lane, crew) in crews.iter_mut().enumerate() {
                    counts.iter_mut().zip(of_rater).for_each(|(count, of_label)| *count = f64::from(of_label[lane]));
                    crew.add(&mut counts, copies[lane], self.weights);
                }
            }
        }
        crews
    }

    /// The figures draw by draw.
    fn write(
        &self,
        items: &Batch,
        copies: &[Copies],
        totals: &[Totals; LANES],
        ordinal: impl Fn() -> [Option<f64>; LANES],
        figures: &mut [Option<f64>],
    ) {
        for (place, &member) in self.members.iter().enumerate() {
            let values = match member {
                Coefficient::CongerKappa => {
                    let crews = self.crews(items, copies);
                    from_fn(|lane| self.conger(&totals[lane], &crews[lane]))
                }
                Coefficient::MeanPairwiseCohenKappa { min_shared } => self.mean_cohens(items, copies, min_shared),
                Coefficient::KrippendorffOrdinalAlpha => ordinal(),
                _ => from_fn(|lane| of_totals(member, &totals[lane], self.weights)),
            };
            for (row, value) in figures.chunks_mut(self.members.len()).zip(values) {
                row[place] = value;
            }
        }
    }

    /// By rater of the range and label: how often each draw counts a rating.
    fn margins_of_batch(&self, draws: &Batch, raters: Range<usize>) -> Vec<Lanes> {
        let (ratings, labels) = (self.facts.ratings(), self.weights.n_labels());
        let mut counts = vec![[0; LANES]; raters.len() * labels];
        draws.for_each_unit(|item, times| {
            let times = times.map(u32::from);
            for &(rater, label) in ratings.item(item) {
                let cell = (rater as usize).wrapping_sub(raters.start).wrapping_mul(labels) + label as usize;
                if let Some(counts) = counts.get_mut(cell) {
                    add(counts, &times);
                }
            }
        });
        counts
    }

    fn mean_cohens(&self, items: &Batch, copies: &[Copies], min_shared: u64) -> [Option<f64>; LANES] {
        let pairs = self.facts.pairs(Threads::ONE);
        let lookup = pairs.lookup(self.facts.ratings().n_raters());
        let mut table = Table::new(self.weights.n_labels());
        let mut means = [(0.0, 0.0); LANES];
        for stretch in pairs.stretches(self.most_counts) {
            let counts = self.cells_of_batch(items, &stretch, &lookup);
            let mut counts = &counts[..];
            for place in stretch.pairs {
                let ((rater, other), cells) = pairs.get(place);
                let (own, rest) = counts.split_at(cells.len());
                counts = rest;
                let kappas = table.kappas(cells, own, self.weights, min_shared);
                let copies = from_fn::<_, LANES, _>(|lane| copies[rater as usize][lane] * copies[other as usize][lane]);
                for ((sum, n), (kappa, copies)) in means.iter_mut().zip(kappas.into_iter().zip(copies)) {
                    if let Some(kappa) = kappa.filter(|_| copies > 0.0) {
                        *sum += copies * kappa;
                        *n += copies;
                    }
                }
            }
        }
        means.map(|(sum, n)| (n > 0.0).then(|| sum / n))
    }

    /// By cell of the stretch: how often each draw counts an item of it.
    fn cells_of_batch(&self, draws: &Batch, stretch: &Stretch, lookup: &Lookup<'_>) -> Vec<Lanes> {
        let ratings = self.facts.ratings();
        let mut counts = vec![[0; LANES]; stretch.cells.len()];
        draws.for_each_unit(|item, times| {
            let (answers, times) = (ratings.item(item), times.map(u32::from));
            let first = answers.partition_point(|&(rater, _)| rater < stretch.raters.start);
            for (place, &(rater, label)) in answers.iter().enumerate().skip(first) {
                if rater >= stretch.raters.end {
                    break;
                }
                for &(other, other_label) in &answers[place + 1..] {
                    if let Some(cell) = lookup.find((rater, other), (label, other_label)) {
                        add(&mut counts[cell - stretch.cells.start], &times);
                    }
                }
            }
        });
        counts
    }
}

impl BatchStatistic for RaterCoefficients<'_> {
    fn evaluate_batch(&self, draws: &Batch, figures: &mut [Option<f64>]) {
        let totals = self.totals_of_batch(draws);
        let everyone = vec![[1.0; LANES]; self.facts.ratings().n_raters()];
        let ordinal = || self.ordinal_alphas(draws, &totals);
        self.write(draws, &everyone, &totals, ordinal, figures);
    }
}

impl BatchTwoWayStatistic for RaterCoefficients<'_> {
    fn evaluate_batch(&self, items: &Batch, raters: &Batch, figures: &mut [Option<f64>]) {
        let mut copies = Vec::with_capacity(self.facts.ratings().n_raters());
        raters.for_each_unit(|_, times| copies.push(times.map(f64::from)));
        let totals =
            self.totals_of_both(items, &copies, |label, other| [self.weights.disagreement(label, other); LANES]);
        let ordinal = || {
            let ranks: [Weights; LANES] = from_fn(|lane| Weights::of_mean_ranks(&totals[lane].pairable_counts));
            let apart = |label, other| from_fn(|lane| ranks[lane].disagreement(label, other));
            let ranked = self.totals_of_both(items, &copies, apart);
            from_fn(|lane| totals[lane].check().ok().and_then(|()| alpha(&ranked[lane], &ranks[lane])))
        };
        self.write(items, &copies, &totals, ordinal, figures);
    }
}
