use assay_stats::resample::{NoBca, Replicates, Resampled, Resampling, Statistic, bootstrap, jackknife};
use assay_stats::{Method, Undefined};

use super::alpha::Alpha;
use super::mean::{MEAN, Moments, VARIANCE};

const PLAN: Resampling = Resampling { resamples: 2000, seed: 1, threads: 2 };

fn bits(replicates: &Replicates, figure: usize) -> Vec<Option<u64>> {
    replicates.values(figure).map(|value| value.map(f64::to_bits)).collect()
}

#[test]
fn threads_never_change_a_bit() {
    let numbers: Vec<(f64, u64)> = (0..200_u64).map(|n| ((n as f64).sin(), 1 + n % 70)).collect();
    let statistic = Moments::new(&numbers);
    let replicates = |threads| bootstrap(&statistic, &Resampling { resamples: 101, seed: 3, threads });
    let one = replicates(1);
    for threads in [0, 2, 3, 16] {
        for figure in [MEAN, VARIANCE] {
            assert_eq!(bits(&one, figure), bits(&replicates(threads), figure), "{threads}");
        }
    }
}

#[test]
fn replicates_are_known_by_seed_and_number() {
    let statistic = Moments::of(&[3.1, 0.2, -4.0, 7.7, 1.5, 0.2]);
    let replicates = |resamples, seed| bits(&bootstrap(&statistic, &Resampling { resamples, seed, threads: 2 }), MEAN);
    assert_eq!(replicates(100, 7), replicates(250, 7)[..100]);
    assert_ne!(replicates(100, 7), replicates(100, 8));
    assert_eq!(replicates(0, 7), []);
}

/// The variance over all draws of the mean of n numbers is their plug-in variance divided by n.
#[test]
fn replicates_of_the_mean_spread_as_theory_says() {
    let numbers: Vec<(f64, u64)> = vec![(1.0, 400), (2.0, 90), (5.0, 7), (-3.0, 3)];
    let statistic = Moments::new(&numbers);
    let mut observed = [None; 2];
    statistic.evaluate(statistic.multiplicities(), &mut observed);
    let replicates = bootstrap(&statistic, &Resampling { resamples: 20_000, seed: 4, threads: 2 });
    let mean: f64 = replicates.values(MEAN).flatten().sum::<f64>() / 20_000.0;
    let expected = (observed[VARIANCE].unwrap() / 500.0).sqrt();
    assert!((mean - observed[MEAN].unwrap()).abs() < 4.0 * expected / 20_000_f64.sqrt(), "{mean}");
    let found = replicates.percentile(MEAN).standard_error.unwrap();
    // The standard error of a standard deviation of 20,000 replicates is 0.5 %.
    assert!((found / expected - 1.0).abs() < 0.02, "{found} is not {expected}");
}

#[track_caller]
fn assert_ends(found: Resampled, low: f64, high: f64, tolerance: f64) {
    let interval = found.interval.unwrap();
    let width = high - low;
    assert!((interval.low - low).abs() <= tolerance * width, "{interval:?} is not {low}..{high}");
    assert!((interval.high - high).abs() <= tolerance * width, "{interval:?} is not {low}..{high}");
}

/// Percentile intervals and standard errors of 2000 draws by NumPy's generator, on the tables of Krippendorff (2011), "C", and Fleiss (1971).
#[test]
fn bootstrap_of_alpha_equals_the_peers_within_its_error() {
    let goldens = [
        (include_str!("../data/krippendorff_2011.csv"), [0.421_117_389_104_402_1, 1.0], 0.145_830_803_683_671_64),
        (
            include_str!("../data/fleiss_1971.csv"),
            [0.321_055_653_886_412_8, 0.526_448_807_083_804],
            0.054_051_833_496_722_02,
        ),
    ];
    for (text, [low, high], standard_error) in goldens {
        let found = bootstrap(&Alpha::read(text), &PLAN).percentile(0);
        assert_ends(found, low, high, 0.1);
        assert!((found.standard_error.unwrap() / standard_error - 1.0).abs() < 0.06, "{found:?}");
        assert_eq!((found.method, found.resamples, found.undefined), (Method::BootstrapPercentile, 2000, 0));
    }
}

/// 20 numbers of a skewed distribution, `numpy.random.default_rng(5).exponential(size=20).round(2)`.
const SKEWED: [f64; 20] = [
    1.99, 0.75, 1.3, 0.53, 0.03, 0.43, 0.64, 0.12, 0.06, 1.0, 1.09, 1.17, 0.23, 2.18, 1.43, 2.01, 0.52, 0.08, 0.44,
    0.57,
];

#[test]
fn bca_equals_scipy_within_its_error() {
    // scipy.stats.bootstrap((x,), f, n_resamples=200_000, method=m, random_state=1), SciPy 1.12
    let peers = [
        (MEAN, [0.5715, 1.1535], [0.554, 1.1285]),
        (VARIANCE, [0.248_674_885_460_444_5, 0.694_692_754_128_718_4], [0.191_433_8, 0.625_960_975]),
    ];
    let statistic = Moments::of(&SKEWED);
    let replicates = bootstrap(&statistic, &Resampling { resamples: 100_000, seed: 2, threads: 2 });
    let jackknife = jackknife(&statistic, 1);
    for (figure, [low, high], percentile) in peers {
        let bca = replicates.bca(figure, &jackknife[figure]);
        assert_eq!((bca.method, bca.no_bca), (Method::BootstrapBca, None));
        assert_ends(bca, low, high, 0.015);
        assert_ends(replicates.percentile(figure), percentile[0], percentile[1], 0.015);
    }
}

#[test]
fn bca_gives_way_to_percentiles_with_a_reason() {
    /// How much of the items' worth is drawn at all: never more than all of it.
    struct Found([u64; 30]);
    impl Statistic for Found {
        fn multiplicities(&self) -> &[u64] {
            &self.0
        }
        fn figures(&self) -> usize {
            1
        }
        fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
            figures[0] =
                Some((0_u32..).zip(times).filter(|&(_, &times)| times > 0).map(|(unit, _)| f64::from(unit)).sum());
        }
    }
    let statistic = Found([1; 30]);
    let replicates = bootstrap(&statistic, &PLAN);
    let found = replicates.bca(0, &jackknife(&statistic, 1)[0]);
    assert_eq!(found, Resampled { no_bca: Some(NoBca::OneSided), ..replicates.percentile(0) });
    assert!(found.interval.is_ok());
}

#[test]
fn without_a_jackknife_there_is_no_acceleration() {
    // One item alone carries the second label: without it alpha is undefined.
    let items = (0..40).map(|item| vec![(0, usize::from(item == 0)), (1, 0)]).collect();
    let alpha = Alpha::new(items, 2, 2);
    let replicates = bootstrap(&alpha, &PLAN);
    let found = replicates.bca(0, &jackknife(&alpha, 1)[0]);
    assert_eq!(found.no_bca, Some(NoBca::NoAcceleration));
    assert_eq!(found.method, Method::BootstrapPercentile);
    // It is missing in (1 - 1/40)^40 of the draws.
    let missing = found.undefined as f64 / found.resamples as f64;
    assert!((missing - 0.3632).abs() < 0.05, "{missing}");
    assert_eq!(found.interval, Err(Undefined::UndefinedInResamples));
}

#[test]
fn perfect_agreement_does_not_vary() {
    let alpha = Alpha::new((0..30).map(|item| vec![(0, item % 2), (1, item % 2)]).collect(), 2, 2);
    let found = bootstrap(&alpha, &PLAN).percentile(0);
    assert_eq!((found.interval, found.standard_error), (Err(Undefined::ZeroVariance), Ok(0.0)));
}
