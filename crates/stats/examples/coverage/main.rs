//! How often do 95 % intervals of agreement hold the truth? Simulates ratings whose population coefficient is known exactly and
//! prints coverage and width of every interval of every measure as a Markdown table.
//!
//!     cargo run --release -p assay-stats --example coverage -- [--simulations 500] [--resamples 0] [--threads 1] [--seed 1]
//!         [--items 20,50,100,500] [--raters 2,3,5,10of30,2to6of30] [--categories 2,3,5] [--prevalence balanced,skewed]
//!         [--kappa 0.2,0.4,0.6,0.8,0.9] [--errors guess,near] [--measures NAME,…] [--methods NAME,…] [--other-raters] [--each]
//!
//! A row of the table sums up scenes (combinations of raters, categories, prevalence, errors and kappa) in which the measure's own true
//! value lies in 0.2 … 0.9; `--each` prints the scenes, too. Coverage is the share of simulations whose interval holds the true
//! value, among those that have an interval; `none` is the largest share of simulations without one. With 2000 simulations coverage
//! has a standard error of 0.5 %. `--kappa` is Fleiss' kappa of the population, whatever the measure. Without `--resamples` no bootstrap
//! is made. `--other-raters` draws the raters anew in each simulation: then the truth is that of all raters, and two-way intervals are
//! those that should hold it.
//!
//! The same seed gives the same table, for any number of threads. `population.rs` says who labels what, `measures.rs` holds the
//! measures, `methods.rs` the intervals.
#![expect(clippy::expect_used, reason = "a tool for developers ends with what is wrong")]

mod measures;
mod methods;
mod options;
mod population;
mod table;

use assay_stats::resample::{Generator, Resampling};

use measures::Sample;
use methods::{Intervals, Method};
use options::Options;
use population::{Population, Scene};
use table::{Row, Tally};

fn main() {
    let options = Options::read(std::env::args().skip(1));
    let mut rows = Vec::new();
    for scene in options.scenes() {
        if let Some(population) = Population::new(scene) {
            rows.extend(simulate(&options, scene, &population));
        }
    }
    print!("{}", table::summary(&rows));
    if options.each {
        print!("\n{}", table::each(&rows));
    }
}

/// All simulations of a scene: one row for each measure and method.
fn simulate(options: &Options, scene: Scene, population: &Population) -> Vec<Row> {
    let truths: Vec<f64> =
        options.measures.iter().map(|measure| measure.truth(population, scene.design.raters())).collect();
    let bounds = |part: usize| options.simulations * part / options.threads;
    let parts: Vec<Vec<Tally>> = std::thread::scope(|scope| {
        let start = |part: usize| {
            let truths = &truths;
            scope.spawn(move || simulate_part(options, scene, population, truths, bounds(part)..bounds(part + 1)))
        };
        let running: Vec<_> = (0..options.threads).map(start).collect();
        running.into_iter().map(|thread| thread.join().expect("no simulation panics")).collect()
    });
    let place = |measure: usize, method: usize| measure * Method::ALL.len() + method;
    let row = |measure: usize, method: usize| {
        let tally: Tally = parts.iter().map(|part| part[place(measure, method)]).sum();
        (tally.asked > 0).then(|| Row {
            scene,
            measure: options.measures[measure].name,
            method: Method::ALL[method],
            truth: truths[measure],
            tally,
        })
    };
    (0..truths.len())
        .flat_map(|measure| (0..Method::ALL.len()).filter_map(move |method| row(measure, method)))
        .collect()
}

fn simulate_part(
    options: &Options,
    scene: Scene,
    population: &Population,
    truths: &[f64],
    simulations: std::ops::Range<usize>,
) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); truths.len() * Method::ALL.len()];
    for number in simulations {
        // Data and bootstrap draw from seeds of their own.
        let mut generator = Generator::stream(options.seed, number as u64);
        let sample = Sample::new(&population.draw(&mut generator), scene.design.raters(), scene.labels);
        let resampling = Resampling { resamples: options.resamples, seed: generator.next_u64(), threads: 1 };
        for (place, (measure, &truth)) in options.measures.iter().zip(truths).enumerate() {
            let mut made = Vec::new();
            measure.intervals(&sample, Intervals { methods: &options.methods, resampling, made: &mut made });
            for (method, interval) in made {
                tallies[place * Method::ALL.len() + method as usize].add(interval, truth);
            }
        }
    }
    tallies
}
