//! Items with true labels and raters who know them, guess or mistake them: populations whose coefficients are known exactly.

use assay_stats::resample::Generator;

/// Who rates an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Design {
    /// All raters.
    All(usize),
    /// So many of all raters, drawn anew for each item.
    Some { of_item: usize, raters: usize },
    /// Between two and so many of all raters, drawn anew for each item.
    UpTo { of_item: usize, raters: usize },
}

impl Design {
    pub fn raters(self) -> usize {
        match self {
            Self::All(raters) | Self::Some { raters, .. } | Self::UpTo { raters, .. } => raters,
        }
    }

    /// How many raters the next item gets.
    fn of_item(self, generator: &mut Generator) -> usize {
        match self {
            Self::All(raters) => raters,
            Self::Some { of_item, .. } => of_item,
            Self::UpTo { of_item, .. } => 2 + generator.below(of_item as u64 - 1) as usize,
        }
    }
}

/// What raters say when they do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// A guess from the shares of the labels.
    Guess,
    /// Mostly a neighbour of the true label, as on a scale.
    Near,
}

/// The shares of the true labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prevalence {
    Balanced,
    /// The first label has 90 %, the others the rest in equal parts.
    Skewed,
}

/// For each true label the probabilities of what a rater says.
type Confusion = Vec<Vec<f64>>;

/// One setting of a simulation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scene {
    pub items: usize,
    pub design: Design,
    pub labels: usize,
    pub prevalence: Prevalence,
    pub errors: Errors,
    /// Fleiss' kappa of the population.
    pub kappa: f64,
    /// Whether each simulation takes other raters of the same kinds. Then the truth is that of all raters there are.
    pub other_raters: bool,
}

#[derive(Debug, Clone)]
pub struct Population {
    scene: Scene,
    shares: Vec<f64>,
    kinds: Vec<Confusion>,
}

/// Pairs of raters in the limit of infinitely many items: how often one says k and the other l.
#[derive(Debug, Clone)]
pub struct Truth {
    pub tables: Vec<Vec<Vec<f64>>>,
}

impl Population {
    /// Raters as skilled as the kappa of the scene takes. None when such errors cannot make it so low.
    ///
    /// Skills (the probability of knowing an item's label) differ by up to 0.15 from their mean. Every second rater guesses from
    /// the true shares of the labels, the others half from these and half from equal shares.
    pub fn new(scene: Scene) -> Option<Self> {
        let (mut low, mut high) = (0.0, 1.0);
        if Self::skilled(scene, 0.0).fleiss() > scene.kappa {
            return None;
        }
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if Self::skilled(scene, middle).fleiss() < scene.kappa { low = middle } else { high = middle }
        }
        Some(Self::skilled(scene, low))
    }

    fn skilled(scene: Scene, skill: f64) -> Self {
        let rare = 0.1 / (scene.labels as f64 - 1.0);
        let share = |label: usize| match scene.prevalence {
            Prevalence::Balanced => 1.0 / scene.labels as f64,
            Prevalence::Skewed => {
                if label == 0 {
                    0.9
                } else {
                    rare
                }
            }
        };
        let shares: Vec<f64> = (0..scene.labels).map(share).collect();
        let last = scene.design.raters() as f64 - 1.0;
        let apart = skill.min(1.0 - skill).min(0.15);
        let kind = |rater: usize| {
            let skill = skill + apart * (2.0 * rater as f64 / last - 1.0);
            let even = if rater.is_multiple_of(2) { 0.0 } else { 0.5 / scene.labels as f64 };
            let guess: Vec<f64> =
                shares.iter().map(|share| if even > 0.0 { share / 2.0 + even } else { *share }).collect();
            (0..scene.labels).map(|truth| said(truth, skill, &guess, scene.errors)).collect()
        };
        Self { scene, kinds: (0..scene.design.raters()).map(kind).collect(), shares }
    }

    fn fleiss(&self) -> f64 {
        self.truth().fleiss(&|k, l| f64::from(u8::from(k != l)))
    }

    /// Every pair of raters; when raters are drawn, every pair of kinds, a kind with itself included.
    pub fn truth(&self) -> Truth {
        let mut tables = Vec::new();
        for (place, first) in self.kinds.iter().enumerate() {
            let others = if self.scene.other_raters { &self.kinds[..] } else { &self.kinds[place + 1..] };
            tables.extend(others.iter().map(|second| self.table(first, second)));
        }
        Truth { tables }
    }

    fn table(&self, first: &Confusion, second: &Confusion) -> Vec<Vec<f64>> {
        let both = |k: usize, l: usize| {
            self.shares.iter().zip(first.iter().zip(second)).map(|(share, (a, b))| share * a[k] * b[l]).sum()
        };
        (0..self.shares.len()).map(|k| (0..self.shares.len()).map(|l| both(k, l)).collect()).collect()
    }

    /// Draws items: for each the (rater, label) of those who rate it, ascending.
    pub fn draw(&self, generator: &mut Generator) -> Vec<Vec<(u32, u32)>> {
        let draw_kind = |place: usize, generator: &mut Generator| match self.scene.other_raters {
            true => generator.below(self.kinds.len() as u64) as usize,
            false => place,
        };
        let raters: Vec<&Confusion> =
            (0..self.kinds.len()).map(|place| &self.kinds[draw_kind(place, generator)]).collect();
        (0..self.scene.items).map(|_| self.draw_item(&raters, generator)).collect()
    }

    fn draw_item(&self, raters: &[&Confusion], generator: &mut Generator) -> Vec<(u32, u32)> {
        let truth = draw_from(&self.shares, generator);
        let mut missing = self.scene.design.of_item(generator);
        let mut answers = Vec::with_capacity(missing);
        for (place, confusion) in raters.iter().enumerate() {
            // Each of those that are left is as likely as the others to be among the missing.
            if (generator.below((raters.len() - place) as u64) as usize) < missing {
                missing -= 1;
                answers.push((place as u32, draw_from(&confusion[truth], generator) as u32));
            }
        }
        answers
    }
}

/// What a rater of this skill says of an item with this label.
fn said(truth: usize, skill: f64, guess: &[f64], errors: Errors) -> Vec<f64> {
    let neighbours = [truth.wrapping_sub(1), truth + 1].into_iter().filter(|&label| label < guess.len());
    let n = neighbours.clone().count() as f64;
    let near = match errors {
        Errors::Guess => 0.0,
        Errors::Near => 0.7,
    };
    let mut said: Vec<f64> = guess.iter().map(|share| (1.0 - skill) * (1.0 - near) * share).collect();
    neighbours.for_each(|label| said[label] += (1.0 - skill) * near / n);
    said[truth] += skill;
    said
}

fn draw_from(shares: &[f64], generator: &mut Generator) -> usize {
    let mut left = generator.unit();
    for (outcome, share) in shares.iter().enumerate() {
        if left < *share {
            return outcome;
        }
        left -= share;
    }
    shares.len() - 1
}

/// How much two labels disagree.
pub type Apart<'a> = &'a dyn Fn(usize, usize) -> f64;

impl Truth {
    fn labels(&self) -> usize {
        self.tables[0].len()
    }

    fn over_pairs(&self, of_table: impl Fn(&Vec<Vec<f64>>) -> f64) -> f64 {
        self.tables.iter().map(of_table).sum::<f64>() / self.tables.len() as f64
    }

    pub fn disagreement(&self, apart: Apart<'_>) -> f64 {
        self.over_pairs(|table| expect(table, apart))
    }

    /// The shares of the labels over all raters.
    pub fn shares(&self) -> Vec<f64> {
        let share = |label| self.over_pairs(|table| (row(table, label) + column(table, label)) / 2.0);
        (0..self.labels()).map(share).collect()
    }

    /// Also alpha: they differ by what vanishes with many items.
    pub fn fleiss(&self, apart: Apart<'_>) -> f64 {
        let shares = self.shares();
        1.0 - self.disagreement(apart) / expect(&product(&shares, &shares), apart)
    }

    pub fn mean_cohen(&self, apart: Apart<'_>) -> f64 {
        self.over_pairs(|table| {
            let labels = 0..table.len();
            let rows: Vec<f64> = labels.clone().map(|label| row(table, label)).collect();
            let columns: Vec<f64> = labels.map(|label| column(table, label)).collect();
            1.0 - expect(table, apart) / expect(&product(&rows, &columns), apart)
        })
    }

    /// Conger's kappa: chance is the mean over pairs.
    pub fn conger(&self, apart: Apart<'_>) -> f64 {
        let chance = self.over_pairs(|table| {
            let labels = 0..table.len();
            let rows: Vec<f64> = labels.clone().map(|label| row(table, label)).collect();
            let columns: Vec<f64> = labels.map(|label| column(table, label)).collect();
            expect(&product(&rows, &columns), apart)
        });
        1.0 - self.disagreement(apart) / chance
    }

    pub fn gwet(&self, apart: Apart<'_>) -> f64 {
        let (q, weights) = self.sum_of_weights(apart);
        let chance = weights / (q * (q - 1.0)) * self.shares().iter().map(|share| share * (1.0 - share)).sum::<f64>();
        1.0 - self.disagreement(apart) / (1.0 - chance)
    }

    pub fn brennan_prediger(&self, apart: Apart<'_>) -> f64 {
        let (q, weights) = self.sum_of_weights(apart);
        1.0 - self.disagreement(apart) / (1.0 - weights / (q * q))
    }

    fn sum_of_weights(&self, apart: Apart<'_>) -> (f64, f64) {
        let labels = 0..self.labels();
        let weights = labels.clone().flat_map(|k| labels.clone().map(move |l| 1.0 - apart(k, l))).sum();
        (self.labels() as f64, weights)
    }

    pub fn specific(&self, label: usize) -> f64 {
        self.over_pairs(|table| table[label][label]) / self.shares()[label]
    }

    /// The first pair of raters alone.
    pub fn first_pair(&self) -> Self {
        Self { tables: self.tables[..1].to_vec() }
    }

    /// The first rater against each of the others.
    pub fn first_rater(&self, raters: usize) -> Self {
        Self { tables: self.tables[..raters - 1].to_vec() }
    }

    /// One label (now 1) against all others (now 0).
    pub fn of_label(&self, label: usize) -> Self {
        let code = |k: usize| usize::from(k == label);
        let merge = |table: &Vec<Vec<f64>>| {
            let mut merged = vec![vec![0.0; 2]; 2];
            table.iter().enumerate().for_each(|(k, row)| {
                row.iter().enumerate().for_each(|(l, share)| merged[code(k)][code(l)] += share);
            });
            merged
        };
        Self { tables: self.tables.iter().map(merge).collect() }
    }

    /// The first rater's kappa against the others together, whose labels have their mean shares.
    pub fn against_others(&self, apart: Apart<'_>) -> f64 {
        let labels = 0..self.labels();
        let own: Vec<f64> = labels.clone().map(|label| self.over_pairs(|table| row(table, label))).collect();
        let others: Vec<f64> = labels.map(|label| self.over_pairs(|table| column(table, label))).collect();
        1.0 - self.disagreement(apart) / expect(&product(&own, &others), apart)
    }
}

fn row(table: &[Vec<f64>], label: usize) -> f64 {
    table[label].iter().sum()
}

fn column(table: &[Vec<f64>], label: usize) -> f64 {
    table.iter().map(|row| row[label]).sum()
}

fn product(rows: &[f64], columns: &[f64]) -> Vec<Vec<f64>> {
    rows.iter().map(|row| columns.iter().map(|column| row * column).collect()).collect()
}

fn expect(table: &[Vec<f64>], apart: Apart<'_>) -> f64 {
    let of_row =
        |(k, row): (usize, &Vec<f64>)| row.iter().enumerate().map(|(l, share)| share * apart(k, l)).sum::<f64>();
    table.iter().enumerate().map(of_row).sum()
}
