//! What to simulate.

use crate::measures::{MEASURES, Measure};
use crate::methods::Method;
use crate::population::{Design, Errors, Prevalence, Scene};

#[derive(Debug)]
pub struct Options {
    pub simulations: usize,
    pub resamples: usize,
    pub threads: usize,
    pub seed: u64,
    pub measures: Vec<Measure>,
    pub methods: Vec<Method>,
    pub each: bool,
    other_raters: bool,
    items: Vec<usize>,
    designs: Vec<Design>,
    categories: Vec<usize>,
    prevalences: Vec<Prevalence>,
    errors: Vec<Errors>,
    kappas: Vec<f64>,
}

impl Options {
    pub fn read(arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self {
            simulations: 500,
            resamples: 0,
            threads: 1,
            seed: 1,
            measures: MEASURES.to_vec(),
            methods: Vec::new(),
            each: false,
            other_raters: false,
            items: vec![20, 50, 100, 500],
            designs: list("2,3,5,10of30", design),
            categories: vec![2, 3, 5],
            prevalences: vec![Prevalence::Balanced, Prevalence::Skewed],
            errors: vec![Errors::Guess],
            kappas: vec![0.2, 0.4, 0.6, 0.8, 0.9],
        };
        let mut arguments = arguments.peekable();
        while let Some(option) = arguments.next() {
            match option.as_str() {
                "--each" => options.each = true,
                "--other-raters" => options.other_raters = true,
                _ => options.set(&option, &arguments.next().unwrap_or_default()),
            }
        }
        if options.methods.is_empty() {
            options.methods = Method::ALL.to_vec();
            let two_way = options.other_raters;
            options.methods.retain(|&method| two_way || method != Method::TwoWay);
        }
        if options.resamples == 0 {
            options.methods.retain(|&method| !matches!(method, Method::Percentile | Method::Bca | Method::TwoWay));
        }
        options
    }

    fn set(&mut self, option: &str, value: &str) {
        match option {
            "--simulations" => self.simulations = number(value),
            "--resamples" => self.resamples = number(value),
            "--threads" => self.threads = number::<usize>(value).max(1),
            "--seed" => self.seed = number(value),
            "--items" => self.items = list(value, number),
            "--raters" => self.designs = list(value, design),
            "--categories" => self.categories = list(value, number),
            "--kappa" => self.kappas = list(value, number),
            "--prevalence" => {
                self.prevalences =
                    list(value, one_of(&[("balanced", Prevalence::Balanced), ("skewed", Prevalence::Skewed)]));
            }
            "--errors" => self.errors = list(value, one_of(&[("guess", Errors::Guess), ("near", Errors::Near)])),
            "--measures" => self.measures = list(value, one_of(&MEASURES.map(|measure| (measure.name, measure)))),
            "--methods" => self.methods = list(value, one_of(&Method::ALL.map(|method| (method.name(), method)))),
            _ => panic!("{option} is no option; the beginning of main.rs lists them"),
        }
    }

    pub fn scenes(&self) -> Vec<Scene> {
        let mut scenes = Vec::new();
        for &items in &self.items {
            for &design in &self.designs {
                for &labels in &self.categories {
                    for &prevalence in &self.prevalences {
                        for &errors in &self.errors {
                            let of_kappa = |&kappa: &f64| {
                                let other_raters = self.other_raters;
                                Scene { items, design, labels, prevalence, errors, kappa, other_raters }
                            };
                            scenes.extend(self.kappas.iter().map(of_kappa));
                        }
                    }
                }
            }
        }
        scenes
    }
}

/// Values between commas; measures whose names hold one are separated by semicolons.
fn list<T>(text: &str, read: impl Fn(&str) -> T) -> Vec<T> {
    text.split(if text.contains(';') { ';' } else { ',' }).map(|value| read(value.trim())).collect()
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().unwrap_or_else(|| panic!("{text} is not such a number"))
}

fn one_of<T: Copy>(known: &[(&str, T)]) -> impl Fn(&str) -> T {
    move |name| {
        let found = known.iter().find(|(known, _)| *known == name);
        found
            .unwrap_or_else(|| {
                panic!("{name} is not one of {:?}", known.iter().map(|(name, _)| name).collect::<Vec<_>>())
            })
            .1
    }
}

/// `3`, `10of30` or `2to6of30`.
fn design(text: &str) -> Design {
    match text.split_once("of") {
        None => Design::All(number(text)),
        Some((of_item, raters)) => match of_item.split_once("to") {
            None => Design::Some { of_item: number(of_item), raters: number(raters) },
            Some((_, most)) => Design::UpTo { of_item: number(most), raters: number(raters) },
        },
    }
}
