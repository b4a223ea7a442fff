//! How long does it take to count items, or items and raters, anew? Times the bootstrap, the jackknife and the two-way bootstrap of coefficients
//! that need to know the raters, on generated ratings.
//!
//!     cargo run --release -p assay-stats --example resampling -- [--items 1000000] [--per-item 5] [--raters 1000] [--labels 5] [--resamples 1000]
//!         [--threads 2] [--seed 1] [--weights identity] [--run bootstrap,jackknife,two-way] [--measures conger,mean-cohen]
//!
//! Every item is rated by `--per-item` different raters, who give its true label seven times in ten. `digest` is a hash of every bit of the
//! result: equal for any number of threads, and for two versions of the code that count the same.
#![expect(clippy::expect_used, reason = "a tool for developers ends with what is wrong")]

use std::collections::HashMap;
use std::time::Instant;

use assay_stats::agreement::{Coefficient, Facts, RaterCoefficients, Ratings, Scheme, Weights};
use assay_stats::resample::{Generator, Resampling, bootstrap, jackknife, two_way};

fn main() {
    let options = Options::read(std::env::args().skip(1));
    let (per_item, raters, labels) = (options.number("per-item"), options.number("raters"), options.number("labels"));
    let ratings = ratings(options.number("items"), per_item, raters, labels);
    let facts = timed("count", || (Facts::new(ratings), 0));
    let scheme = Scheme::ALL.into_iter().find(|scheme| scheme.name() == options.text("weights"));
    let weights = Weights::by_rank(scheme.expect("a scheme of weights"), labels);
    let resampling = Resampling {
        resamples: options.number("resamples"),
        seed: options.number("seed") as u64,
        threads: options.number("threads"),
    };
    for name in options.text("measures").split(',') {
        let member = match name {
            "conger" => Coefficient::CongerKappa,
            "mean-cohen" => Coefficient::MeanPairwiseCohenKappa { min_shared: 2 },
            "ordinal-alpha" => Coefficient::KrippendorffOrdinalAlpha,
            "alpha" => Coefficient::KrippendorffAlpha,
            other => panic!("no measure {other}"),
        };
        let statistic = RaterCoefficients::new(&facts, &weights, vec![member]);
        for run in options.text("run").split(',') {
            let _ = timed(&format!("{name} {run}"), || match run {
                "bootstrap" => {
                    let made = bootstrap(&statistic, &resampling);
                    let digest = digest(made.values(0).map(|value| value.unwrap_or(f64::NAN)));
                    (made.percentile(0).interval.map(|interval| (interval.low, interval.high)), digest)
                }
                "jackknife" => {
                    let made = jackknife(&statistic, resampling.threads)[0];
                    let (value, error) = (made.value.unwrap_or(f64::NAN), made.standard_error.unwrap_or(f64::NAN));
                    (made.standard_error.map(|error| (value, error)), digest([value, error].into_iter()))
                }
                "two-way" => {
                    let made = two_way(&statistic, &resampling)[0];
                    let ends = made.interval.map(|interval| (interval.low, interval.high));
                    let error = made.standard_error.unwrap_or(f64::NAN);
                    let (low, high) = ends.unwrap_or((f64::NAN, f64::NAN));
                    (ends, digest([low, high, error].into_iter()))
                }
                other => panic!("no run {other}"),
            });
        }
    }
}

/// Prints how long it took, and a digest of what came out.
fn timed<T: std::fmt::Debug>(what: &str, run: impl FnOnce() -> (T, u64)) -> T {
    let start = Instant::now();
    let (made, digest) = run();
    let shown = if digest == 0 { String::new() } else { format!("{made:?}, digest {digest:016x}") };
    println!("{what:<24} {:>9.3} s  {shown}", start.elapsed().as_secs_f64());
    made
}

/// FNV-1a over the bits of the figures.
fn digest(figures: impl Iterator<Item = f64>) -> u64 {
    figures
        .flat_map(|figure| figure.to_bits().to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn ratings(items: usize, per_item: usize, raters: usize, labels: usize) -> Ratings {
    assert!(per_item <= raters, "an item cannot have more ratings than there are raters");
    let mut generator = Generator::stream(42, 0);
    let mut cells: Vec<(u32, u32)> = Vec::with_capacity(items * per_item);
    for item in 0..items {
        let truth = generator.below(labels as u64) as u32;
        while cells.len() < (item + 1) * per_item {
            let rater = generator.below(raters as u64) as u32;
            if cells[item * per_item..].iter().all(|&(known, _)| known != rater) {
                let label = if generator.below(10) < 7 { truth } else { generator.below(labels as u64) as u32 };
                cells.push((rater, label));
            }
        }
    }
    let offsets = (0..=items).map(|item| item * per_item).collect();
    Ratings::from_cells(offsets, cells, raters, labels).expect("generated ratings fit")
}

struct Options {
    given: HashMap<String, String>,
}

const DEFAULTS: [(&str, &str); 10] = [
    ("items", "1000000"),
    ("per-item", "5"),
    ("raters", "1000"),
    ("labels", "5"),
    ("resamples", "1000"),
    ("threads", "2"),
    ("seed", "1"),
    ("weights", "identity"),
    ("run", "bootstrap,jackknife,two-way"),
    ("measures", "conger,mean-cohen"),
];

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Self {
        let mut given: HashMap<String, String> =
            DEFAULTS.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").filter(|&name| given.contains_key(name));
            let name = name.unwrap_or_else(|| panic!("no option {word}")).to_owned();
            let value = words.next().unwrap_or_else(|| panic!("{word} needs a value"));
            given.insert(name, value);
        }
        Self { given }
    }

    fn text(&self, name: &str) -> &str {
        &self.given[name]
    }

    fn number(&self, name: &str) -> usize {
        self.given[name].parse().unwrap_or_else(|_| panic!("--{name} needs a number"))
    }
}
