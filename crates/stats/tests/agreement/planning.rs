use assay_stats::agreement::planning::{
    Costs, DesignPlan, HalfWidth, PlannedFigure, items_needed, items_needed_by_score,
};
use assay_stats::agreement::{
    Facts, Scheme, Weights, brennan_prediger, fleiss_kappa, gwet_ac, krippendorff_alpha, percent_agreement,
};
use assay_stats::distribution::student_t_quantile;
use assay_stats::{Estimate, Undefined};

use super::table::facts;

/// SplitMix64: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Items of three kinds, two easy and one that splits raters; three labels.
    fn items(&mut self, items: usize, ratings: u32) -> Facts {
        const KINDS: [(f64, [f64; 3]); 3] =
            [(0.5, [0.9, 0.07, 0.03]), (0.25, [0.1, 0.85, 0.05]), (0.25, [0.3, 0.3, 0.4])];
        let mut drawn = Vec::new();
        for _ in 0..items {
            let kind = self.pick(&KINDS.map(|(share, _)| share));
            drawn.push((0..ratings).map(|rater| (rater, self.pick(&KINDS[kind].1) as u32)).collect());
        }
        facts(&drawn, ratings as usize, 3)
    }

    fn pick(&mut self, shares: &[f64]) -> usize {
        let mut left = self.next();
        shares
            .iter()
            .position(|share| {
                left -= share;
                left < 0.0
            })
            .unwrap_or(shares.len() - 1)
    }
}

fn figure(figure: PlannedFigure, facts: &Facts, weights: &Weights) -> Estimate {
    match figure {
        PlannedFigure::PercentAgreement => percent_agreement(facts, weights),
        PlannedFigure::KrippendorffAlpha => krippendorff_alpha(facts, weights),
        PlannedFigure::FleissKappa => fleiss_kappa(facts, weights),
        PlannedFigure::GwetAc => gwet_ac(facts, weights),
        PlannedFigure::BrennanPrediger => brennan_prediger(facts, weights),
    }
}

const FIGURES: [PlannedFigure; 5] = [
    PlannedFigure::PercentAgreement,
    PlannedFigure::KrippendorffAlpha,
    PlannedFigure::FleissKappa,
    PlannedFigure::GwetAc,
    PlannedFigure::BrennanPrediger,
];

/// 1.96 times the standard deviation of the figure over data sets drawn anew.
fn simulated(kind: PlannedFigure, weights: &Weights, items: usize, ratings: u32) -> f64 {
    let mut random = Random(7);
    let values: Vec<f64> =
        (0..600).map(|_| figure(kind, &random.items(items, ratings), weights).value.unwrap()).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    1.96 * (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}

/// From 500 items with five ratings each, other designs are predicted to 10 %.
#[test]
fn predicted_half_widths_are_those_of_simulated_studies() {
    let seen = Random(1).items(500, 5);
    for (kind, weights) in [
        (PlannedFigure::PercentAgreement, Weights::identity(3)),
        (PlannedFigure::KrippendorffAlpha, Weights::identity(3)),
        (PlannedFigure::KrippendorffAlpha, Weights::by_rank(Scheme::Quadratic, 3)),
        (PlannedFigure::GwetAc, Weights::identity(3)),
    ] {
        let plan = DesignPlan::new(&seen, &weights, kind).unwrap();
        assert_eq!((plan.ratings_seen_together(), plan.items_seen()), (4, 500));
        for (items, ratings) in [(200, 2), (100, 3), (150, 12)] {
            let HalfWidth { low, high } = plan.half_width(items, ratings).unwrap();
            let simulated = simulated(kind, &weights, items as usize, ratings as u32);
            assert_eq!(low, high);
            assert!((high / simulated - 1.0).abs() < 0.1, "{kind:?} {items} x {ratings}: {high} is not {simulated}");
        }
    }
}

/// For the design seen the prediction is the estimate's own interval.
#[test]
fn the_design_seen_has_the_interval_seen() {
    for ratings in [2, 3, 6] {
        let seen = Random(3).items(300, ratings);
        for kind in FIGURES {
            for weights in [Weights::identity(3), Weights::by_rank(Scheme::Linear, 3)] {
                let estimate = figure(kind, &seen, &weights);
                let half = estimate.value.unwrap() - estimate.interval.unwrap().low;
                let plan = DesignPlan::new(&seen, &weights, kind).unwrap();
                let predicted = plan.half_width(300, u64::from(ratings)).unwrap();
                assert!((predicted.low - half).abs() < 2e-3 * half, "{kind:?} {ratings}: {predicted:?} is not {half}");
                assert_eq!(predicted.low, predicted.high);
            }
        }
    }
}

/// With fewer than four ratings seen together, the true half-width lies in the range said, and the range is as wide as it must be.
#[test]
fn few_ratings_leave_a_range() {
    let weights = Weights::identity(3);
    let all = DesignPlan::new(&Random(1).items(3000, 5), &weights, PlannedFigure::KrippendorffAlpha).unwrap();
    let two = DesignPlan::new(&Random(2).items(3000, 2), &weights, PlannedFigure::KrippendorffAlpha).unwrap();
    let three = DesignPlan::new(&Random(2).items(3000, 3), &weights, PlannedFigure::KrippendorffAlpha).unwrap();
    for ratings in [4, 6, 10] {
        let best = all.half_width(200, ratings).unwrap();
        let [from_two, from_three] = [two, three].map(|plan| plan.half_width(200, ratings).unwrap());
        for range in [from_two, from_three] {
            assert!(range.low <= 1.05 * best.low && best.high <= 1.05 * range.high, "{ratings}: {range:?} {best:?}");
        }
        assert!(from_three.high - from_three.low < from_two.high - from_two.low);
    }
    assert_eq!(
        two.half_width(200, 9).unwrap().high,
        two.half_width(200, 2).unwrap().high,
        "a third rating may add nothing"
    );
}

#[test]
fn the_cheapest_design_is_cheapest() {
    let plan =
        DesignPlan::new(&Random(1).items(500, 5), &Weights::identity(3), PlannedFigure::KrippendorffAlpha).unwrap();
    for costs in [Costs { item: 0.0, rating: 1.0 }, Costs { item: 10.0, rating: 1.0 }, Costs { item: 1.0, rating: 0.0 }]
    {
        let best = plan.cheapest(0.05, costs, 12).unwrap();
        assert!(best.half_width.high <= 0.05);
        assert!(plan.half_width(best.items - 1, best.ratings).unwrap().high > 0.05, "one item less is not enough");
        for ratings in 2..=12 {
            let enough = (2..).find(|&items| plan.half_width(items, ratings).unwrap().high <= 0.05).unwrap();
            assert!(best.cost <= enough as f64 * (costs.item + ratings as f64 * costs.rating));
        }
    }
    let dear_items = plan.cheapest(0.05, Costs { item: 50.0, rating: 1.0 }, 12).unwrap();
    let dear_ratings = plan.cheapest(0.05, Costs { item: 0.0, rating: 1.0 }, 12).unwrap();
    assert!(dear_items.ratings > dear_ratings.ratings && dear_items.items < dear_ratings.items);
    assert_eq!(plan.cheapest(0.0, Costs { item: 1.0, rating: 1.0 }, 5), None);
    assert_eq!(plan.cheapest(f64::NAN, Costs { item: 1.0, rating: 1.0 }, 5), None);
    assert_eq!(plan.cheapest(0.05, Costs { item: 1.0, rating: 1.0 }, 1), None);
    assert_eq!((plan.half_width(1, 3), plan.half_width(3, 1)), (None, None));
    let grid = plan.grid(&[100, 400], &[2, 5]);
    assert_eq!(
        grid.iter().map(|&(items, ratings, _)| (items, ratings)).collect::<Vec<_>>(),
        [(100, 2), (100, 5), (400, 2), (400, 5)]
    );
    assert!(plan.relative_error() > 0.0 && plan.relative_error() < 0.1);
}

#[test]
fn what_cannot_be_planned_says_why() {
    let plan = |items: &[Vec<(u32, u32)>], figure| DesignPlan::new(&facts(items, 2, 3), &Weights::identity(3), figure);
    use PlannedFigure::{KrippendorffAlpha, PercentAgreement};
    assert_eq!(plan(&[], PercentAgreement), Err(Undefined::NoRatings));
    assert_eq!(plan(&[vec![(0, 1)], vec![(1, 1)]], PercentAgreement), Err(Undefined::NoPairableItems));
    assert_eq!(plan(&[vec![(0, 1), (1, 2)]], PercentAgreement), Err(Undefined::OneItem));
    let same = vec![vec![(0, 1), (1, 1)]; 5];
    assert_eq!(plan(&same, PercentAgreement), Err(Undefined::ZeroVariance));
    assert_eq!(plan(&same, KrippendorffAlpha), Err(Undefined::SingleCategory));
}

#[test]
fn more_items_narrow_the_interval_by_their_root() {
    let seen = Random(5).items(100, 3);
    let estimate = figure(PlannedFigure::KrippendorffAlpha, &seen, &Weights::identity(3));
    let half = estimate.value.unwrap() - estimate.interval.unwrap().low;
    let now = items_needed(&estimate, half * (1.0 + 1e-9)).unwrap();
    assert_eq!((now.items, now.more), (100, 0));
    // A tenth of the width: a hundred times the items, a little less as t(99) is wider than t(9900).
    let narrow = items_needed(&estimate, half / 10.0).unwrap();
    assert!((9750..9800).contains(&narrow.items), "{narrow:?}");
    assert_eq!(narrow.more, narrow.items - 100);
    // scipy.stats.chi2.ppf([0.975, 0.025], 99) = 128.42198864384587, 73.36108019128376
    assert!((narrow.low as f64 / (narrow.items as f64 * 99.0 / 128.422) - 1.0).abs() < 1e-3, "{narrow:?}");
    assert!((narrow.high as f64 / (narrow.items as f64 * 99.0 / 73.361) - 1.0).abs() < 1e-3, "{narrow:?}");
    assert_eq!(items_needed(&estimate, 0.0), Err(Undefined::ZeroVariance));
    assert_eq!(items_needed(&estimate, f64::NAN), Err(Undefined::ZeroVariance));
    assert!(items_needed(&estimate, 1e-300).is_ok());
    let none = figure(PlannedFigure::KrippendorffAlpha, &facts(&[vec![(0, 1), (1, 2)]], 2, 3), &Weights::identity(3));
    assert_eq!(items_needed(&none, 0.05), Err(Undefined::OneItem));
}

/// A score interval of a share that agrees on 90 of 100 items: with N items Wilson's, with t(N - 1) for z, is 2 · 0.05 wide.
#[test]
fn items_for_a_score_interval_make_it_as_wide_as_wanted() {
    let items: Vec<Vec<(u32, u32)>> = (0..100).map(|item| vec![(0, 0), (1, u32::from(item % 10 == 0))]).collect();
    let estimate = figure(PlannedFigure::PercentAgreement, &facts(&items, 2, 2), &Weights::identity(2));
    let needed = items_needed_by_score(&estimate, 0.05).unwrap();
    let width = |n: f64| {
        let t = student_t_quantile(0.975, n - 1.0);
        // The standard error of the estimate divides by n - 1, and four items of the model are added.
        let height = (0.09 * n * 100.0 / 99.0 + 1.0) / (0.09 * n + 1.0);
        let t2 = t * t * height;
        2.0 * (t2 * 0.09 / n + t2 * t2 / (4.0 * n * n)).sqrt() / (1.0 + t2 / n)
    };
    assert!(width(needed.items as f64) <= 0.1 && width(needed.items as f64 - 1.0) > 0.1, "{needed:?}");
    assert_eq!(needed.more, needed.items - 100);
    assert!(needed.low < needed.items && needed.items < needed.high, "{needed:?}");
    // Nobody differed: value ± t · se has no width to plan with, the score interval has.
    let same = figure(PlannedFigure::PercentAgreement, &facts(&items[1..9], 2, 2), &Weights::identity(2));
    assert_eq!(items_needed(&same, 0.05), Err(Undefined::ZeroVariance));
    assert!(items_needed_by_score(&same, 0.05).unwrap().items > 8);
    assert_eq!(items_needed_by_score(&estimate, 0.0), Err(Undefined::ZeroVariance));
}
