use assay_stats::resample::Statistic;

/// The mean and the variance (divided by n) of numbers, each with its multiplicity.
pub struct Moments {
    numbers: Vec<f64>,
    multiplicities: Vec<u64>,
}

pub const MEAN: usize = 0;
pub const VARIANCE: usize = 1;

impl Moments {
    pub fn new(numbers: &[(f64, u64)]) -> Self {
        let (numbers, multiplicities) = numbers.iter().copied().unzip();
        Self { numbers, multiplicities }
    }

    /// Each number once.
    pub fn of(numbers: &[f64]) -> Self {
        Self { numbers: numbers.to_vec(), multiplicities: vec![1; numbers.len()] }
    }
}

impl Statistic for Moments {
    fn multiplicities(&self) -> &[u64] {
        &self.multiplicities
    }

    fn figures(&self) -> usize {
        2
    }

    fn evaluate(&self, times: &[u64], figures: &mut [Option<f64>]) {
        let n = times.iter().sum::<u64>() as f64;
        let weighted = || times.iter().map(|&times| times as f64).zip(&self.numbers);
        let mean = weighted().map(|(times, number)| times * number).sum::<f64>() / n;
        let variance = weighted().map(|(times, number)| times * (number - mean).powi(2)).sum::<f64>() / n;
        figures[MEAN] = (n > 0.0).then_some(mean);
        figures[VARIANCE] = (n > 0.0).then_some(variance);
    }
}
