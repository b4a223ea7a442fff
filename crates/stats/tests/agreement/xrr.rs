use assay_stats::agreement::xrr::{CrossReplication, Xrr, XrrError};
use assay_stats::agreement::{Facts, Ratings, Scheme, Weights};
use assay_stats::resample::Statistic;
use assay_stats::{Estimate, Undefined};
use proptest::prelude::*;

use super::table::nominal::{by_pair, krippendorff_alpha};
use super::table::{facts, ratings};

/// Ratings of items given as lists of labels, by raters 0, 1, …
fn pool(items: &[Vec<u32>], n_labels: usize) -> Ratings {
    let rows: Vec<Vec<(u32, u32)>> = items.iter().map(|labels| (0..).zip(labels.iter().copied()).collect()).collect();
    ratings(&rows, 5, n_labels)
}

fn compare(a: &[Vec<u32>], b: &[Vec<u32>], weights: Weights) -> Xrr {
    CrossReplication::new(&pool(a, 4), &pool(b, 4), weights).unwrap().estimate()
}

fn close(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-12, "{value} is not {expected}");
}

/// The example in the tests of the authors' library: 0.1818182 with observed 0.4090909 and expected 0.5; items that only one pool
/// rated change nothing.
#[test]
fn kappa_x_is_that_of_the_authors() {
    let a = [vec![1, 1], vec![1, 1, 1], vec![0, 0], vec![0, 0, 0], vec![0, 1]];
    let b = [vec![1, 1], vec![0, 1], vec![0, 1], vec![0, 1], vec![0, 0]];
    let value = compare(&a, &b, Weights::identity(4)).kappa_x.value.unwrap();
    close(value, 2.0 / 11.0);
    let more_a = [&a[..], &[vec![0, 0, 0], vec![0, 0, 1], vec![]]].concat();
    let more_b = [&b[..], &[vec![], vec![], vec![1]]].concat();
    let more = compare(&more_a, &more_b, Weights::identity(4));
    close(more.kappa_x.value.unwrap(), value);
    assert_eq!((more.kappa_x.sample.items, more.kappa_x.sample.ratings), (5, 22));
}

/// scikit-learn 1.9.1, `cohen_kappa_score(a, b, weights=None | "linear" | "quadratic")`.
#[test]
fn with_one_rating_in_each_pool_it_is_cohens_kappa() {
    let a = [0, 1, 2, 2, 0, 1, 3, 3, 1, 0].map(|label| vec![label]);
    let b = [0, 1, 1, 2, 0, 2, 3, 0, 1, 1].map(|label| vec![label]);
    for (weights, expected) in [
        (Weights::identity(4), 0.452_054_794_520_548),
        (Weights::by_rank(Scheme::Linear, 4), 9.0 / 19.0),
        (Weights::by_rank(Scheme::Quadratic, 4), 0.439_252_336_448_598_1),
        (Weights::by_value(Scheme::Quadratic, &[-20.0, -10.0, 0.0, 10.0]).unwrap(), 0.439_252_336_448_598_1),
    ] {
        let xrr = compare(&a, &b, weights);
        close(xrr.kappa_x.value.unwrap(), expected);
        assert_eq!(xrr.irr_a.value, Err(Undefined::NoPairableItems));
        assert_eq!(xrr.normalised.value, Err(Undefined::NoPairableItems));
    }
}

#[test]
fn what_is_undefined_says_why() {
    let nominal = || Weights::identity(4);
    let value = |a: &[Vec<u32>], b: &[Vec<u32>]| compare(a, b, nominal()).kappa_x.value;
    assert_eq!(value(&[], &[]), Err(Undefined::NoRatings));
    assert_eq!(value(&[vec![1]], &[vec![]]), Err(Undefined::NoRatings));
    assert_eq!(value(&[vec![1], vec![]], &[vec![], vec![1]]), Err(Undefined::NoPairableItems));
    assert_eq!(value(&[vec![1], vec![1]], &[vec![1, 1], vec![1]]), Err(Undefined::SingleCategory));
    let opposed = compare(&[vec![0, 1], vec![1, 0]], &[vec![0, 0], vec![1, 1]], nominal());
    assert!(opposed.irr_a.value.unwrap() < 0.0);
    assert_eq!((opposed.irr_b.value, opposed.normalised.value), (Ok(1.0), Err(Undefined::IrrNotPositive)));
    let one = pool(&[vec![1]], 4);
    assert_eq!(
        CrossReplication::new(&one, &pool(&[], 4), nominal()).unwrap_err(),
        XrrError::ItemsDiffer { a: 1, b: 0 }
    );
    assert_eq!(
        CrossReplication::new(&one, &one, Weights::identity(1)).unwrap_err(),
        XrrError::LabelWithoutWeights { n_labels: 4, weights: 1 }
    );
}

fn pools() -> impl Strategy<Value = Vec<(Vec<u32>, Vec<u32>)>> {
    let labels = || prop::collection::vec(0..4_u32, 0..4);
    prop::collection::vec((labels(), labels()), 0..20)
}

fn all_weights() -> [Weights; 3] {
    [
        Weights::identity(4),
        Weights::by_value(Scheme::Quadratic, &[0.5, 1.0, 7.0, 3.0]).unwrap(),
        Weights::by_rank(Scheme::Radical, 4),
    ]
}

fn split(items: &[(Vec<u32>, Vec<u32>)]) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    items.iter().cloned().unzip()
}

fn figures(xrr: &Xrr) -> [Estimate; 4] {
    [xrr.kappa_x, xrr.irr_a, xrr.irr_b, xrr.normalised]
}

fn agree(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
        (a, b) => a.is_none() && b.is_none(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Straight from the definition, over all pairs of ratings.
    #[test]
    fn kappa_x_is_its_definition(items in pools()) {
        let (a, b) = split(&items);
        let shared = || items.iter().filter(|(a, b)| !a.is_empty() && !b.is_empty());
        let d = |k: &u32, l: &u32| f64::from(u8::from(k != l));
        let weight: f64 = shared().map(|(a, b)| (a.len() + b.len()) as f64).sum();
        let observed: f64 = shared()
            .map(|(a, b)| {
                let all: f64 = a.iter().flat_map(|k| b.iter().map(move |l| d(k, l))).sum();
                (a.len() + b.len()) as f64 * all / (a.len() * b.len()) as f64 / weight
            })
            .sum();
        let all_a: Vec<u32> = shared().flat_map(|(a, _)| a.clone()).collect();
        let all_b: Vec<u32> = shared().flat_map(|(_, b)| b.clone()).collect();
        let expected: f64 = all_a.iter().flat_map(|k| all_b.iter().map(move |l| d(k, l))).sum::<f64>()
            / (all_a.len() * all_b.len()) as f64;
        let value = compare(&a, &b, Weights::identity(4)).kappa_x.value.ok();
        prop_assert!(agree(value, (expected > 0.0).then(|| 1.0 - observed / expected)), "{:?}", value);
    }

    /// The alphas are those of the pools' own ratings on the shared items; exchanging the pools exchanges them.
    #[test]
    fn the_pools_have_their_own_alpha(items in pools()) {
        let shared: Vec<_> = items.into_iter().filter(|(a, b)| !a.is_empty() && !b.is_empty()).collect();
        let (a, b) = split(&shared);
        let xrr = compare(&a, &b, Weights::identity(4));
        if !shared.is_empty() {
            for (irr, pool_of) in [(xrr.irr_a, &a), (xrr.irr_b, &b)] {
                let alpha = krippendorff_alpha(&Facts::new(pool(pool_of, 4)));
                prop_assert!(agree(irr.value.ok(), alpha.value.ok()), "{:?} {:?}", irr, alpha);
            }
        }
        let back = compare(&b, &a, Weights::identity(4));
        prop_assert_eq!((xrr.kappa_x.value.ok(), xrr.irr_a.value), (back.kappa_x.value.ok(), back.irr_b.value));
    }

    /// The figures of a statistic are the estimates; intervals rest on the derivative of each figure with respect to an item's
    /// weight, here by counting an item once more among many.
    #[test]
    fn figures_counted_anew_and_their_derivatives(items in pools()) {
        let (a, b) = split(&items);
        let (many_a, many_b) = split(&vec![items; 500].concat());
        for weights in all_weights() {
            let data = CrossReplication::new(&pool(&a, 4), &pool(&b, 4), weights.clone()).unwrap();
            let mut anew = [None; 4];
            data.evaluate(data.multiplicities(), &mut anew);
            for (estimate, anew) in figures(&data.estimate()).iter().zip(anew) {
                prop_assert!(agree(estimate.value.ok(), anew), "{:?} {:?}", estimate, anew);
            }
            for unit in 0..data.multiplicities().len() {
                let mut times = data.multiplicities().to_vec();
                times[unit] -= 1;
                let (mut anew, mut without) = ([None; 4], [None; 4]);
                data.evaluate(&times, &mut anew);
                data.evaluate_without(unit, &mut without);
                for (anew, without) in anew[..3].iter().zip(&without) {
                    prop_assert!(agree(*anew, *without), "{:?} {:?}", anew, without);
                }
            }
            let data = CrossReplication::new(&pool(&many_a, 4), &pool(&many_b, 4), weights).unwrap();
            let n = data.multiplicities().iter().sum::<u64>() as f64;
            let many: Vec<u64> = data.multiplicities().iter().map(|&items| items * 1000).collect();
            let mut base = [None; 4];
            data.evaluate(&many, &mut base);
            for (place, estimate) in figures(&data.estimate()).iter().enumerate() {
                let (Ok(value), Ok(interval)) = (estimate.value, estimate.interval) else { continue };
                // Near 0 the alpha of a pool changes its sign, and the normalised figure with it.
                if place == 3 && base[1..3].iter().flatten().any(|alpha| *alpha < 0.05) {
                    continue;
                }
                let mut squares = 0.0;
                for unit in 0..many.len() {
                    let mut more = many.clone();
                    more[unit] += 1;
                    let mut figures = [None; 4];
                    data.evaluate(&more, &mut figures);
                    let slope = (figures[place].unwrap() - base[place].unwrap()) * 1000.0 * n;
                    squares += data.multiplicities()[unit] as f64 * slope * slope;
                }
                let half = 1.96 * squares.sqrt() / n;
                prop_assert!((value - interval.low - half).abs() < 0.02 * half + 1e-6, "{} {:?} {}", place, estimate, half);
            }
        }
    }
}

/// Pooling two raters is a pair: the value is Cohen's kappa by pair, and the interval differs by t(n - 1) and n - 1.
#[test]
fn the_interval_is_that_of_cohens_kappa_by_delta_method() {
    let a = [0, 1, 2, 2, 0, 1, 3, 3, 1, 0, 2, 3];
    let b = [0, 1, 1, 2, 0, 2, 3, 0, 1, 1, 2, 3];
    let xrr = compare(&a.map(|label| vec![label]), &b.map(|label| vec![label]), Weights::identity(4));
    let rows: Vec<Vec<(u32, u32)>> = a.iter().zip(b).map(|(&a, b)| vec![(0, a), (1, b)]).collect();
    let pair = by_pair(&facts(&rows, 2, 4))[0].kappa;
    close(xrr.kappa_x.value.unwrap(), pair.value.unwrap());
    let (x, p) = (xrr.kappa_x.interval.unwrap().low, pair.interval.unwrap().low);
    let (x, p) = (xrr.kappa_x.value.unwrap() - x, pair.value.unwrap() - p);
    // t(0.975, 11) = 2.200985160082949
    let (x, p) = (x / 2.200_985_160_083 * 11_f64.sqrt(), p / 1.959_963_984_540_054 * 12_f64.sqrt());
    assert!((x - p).abs() < 1e-9, "{x} is not {p}");
}
