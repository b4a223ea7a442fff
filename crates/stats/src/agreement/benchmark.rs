//! Words for figures, with the probability that they are deserved.

use crate::distribution::normal_cdf;
use crate::estimate::{Estimate, Undefined};

/// A scale that gives agreement a word. All are conventions; none follows from theory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Benchmark {
    /// Landis and Koch (1977).
    LandisKoch,
    /// Altman (1991).
    Altman,
    /// Fleiss (1981).
    Fleiss,
    /// Cicchetti and Sparrow (1981).
    CicchettiSparrow,
    /// Regier and others (2013), the field trials of DSM-5.
    Regier,
    /// Krippendorff (2004): rely on data from 0.800, draw tentative conclusions from 0.667.
    Krippendorff,
}

/// One word of a scale: from this value up to the next band, the last down to -1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    pub name: &'static str,
    pub from: f64,
}

/// A band with the probability that the true figure lies in it, and in it or a higher one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandProbability {
    pub band: Band,
    pub probability: f64,
    pub cumulative: f64,
}

/// Where a figure stands on a scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub benchmark: Benchmark,
    /// The highest band first.
    pub bands: Vec<BandProbability>,
    /// The band of the value itself, as if it were exact.
    pub of_value: Band,
    /// The highest band that the figure reaches, or exceeds, with a probability of at least [`CERTAINTY`].
    pub reached: Band,
}

/// The probability with which a band has to be reached (Gwet 2014).
pub const CERTAINTY: f64 = 0.95;

const fn band(name: &'static str, from: f64) -> Band {
    Band { name, from }
}

const LANDIS_KOCH: [Band; 6] = [
    band("almost perfect", 0.8),
    band("substantial", 0.6),
    band("moderate", 0.4),
    band("fair", 0.2),
    band("slight", 0.0),
    band("poor", -1.0),
];
const ALTMAN: [Band; 5] =
    [band("very good", 0.8), band("good", 0.6), band("moderate", 0.4), band("fair", 0.2), band("poor", -1.0)];
const FLEISS: [Band; 3] = [band("excellent", 0.75), band("fair to good", 0.4), band("poor", -1.0)];
const CICCHETTI_SPARROW: [Band; 4] =
    [band("excellent", 0.75), band("good", 0.6), band("fair", 0.4), band("poor", -1.0)];
const REGIER: [Band; 5] = [
    band("excellent", 0.8),
    band("very good", 0.6),
    band("good", 0.4),
    band("questionable", 0.2),
    band("unacceptable", -1.0),
];
const KRIPPENDORFF: [Band; 3] = [band("reliable", 0.8), band("tentative", 0.667), band("unreliable", -1.0)];

impl Benchmark {
    pub const ALL: [Self; 6] =
        [Self::LandisKoch, Self::Altman, Self::Fleiss, Self::CicchettiSparrow, Self::Regier, Self::Krippendorff];

    pub fn name(self) -> &'static str {
        match self {
            Self::LandisKoch => "landis_koch",
            Self::Altman => "altman",
            Self::Fleiss => "fleiss",
            Self::CicchettiSparrow => "cicchetti_sparrow",
            Self::Regier => "regier",
            Self::Krippendorff => "krippendorff",
        }
    }

    /// The highest band first; the last reaches down to -1.
    pub fn bands(self) -> &'static [Band] {
        match self {
            Self::LandisKoch => &LANDIS_KOCH,
            Self::Altman => &ALTMAN,
            Self::Fleiss => &FLEISS,
            Self::CicchettiSparrow => &CICCHETTI_SPARROW,
            Self::Regier => &REGIER,
            Self::Krippendorff => &KRIPPENDORFF,
        }
    }

    /// Gwet's cumulative membership probabilities: how probable it is that the true figure reaches each band, for a normal
    /// distribution around `value` cut to [-1, 1].
    ///
    /// Gwet (2014), chapter 6; equals `irrCAC.benchmark.Benchmark` (0.4.4) but for its rounding to five digits and its scales of Cicchetti
    /// and Sparrow and of Regier, whose lowest bands end at 0 there, so that a figure below 0 has no band; here they reach to -1.
    ///
    /// # Errors
    /// `zero_variance` unless the standard error is above 0: a word needs a spread.
    pub fn standing(self, value: f64, standard_error: f64) -> Result<Standing, Undefined> {
        if value.is_nan() || standard_error.is_nan() || standard_error <= 0.0 {
            return Err(Undefined::ZeroVariance);
        }
        let centre = value.clamp(-1.0, 1.0);
        let below = |bound: f64| normal_cdf((bound - centre) / standard_error);
        let (all, from_top) = (below(1.0) - below(-1.0), |bound: f64| below(1.0) - below(bound));
        let mut higher = 0.0;
        let bands: Vec<BandProbability> = self
            .bands()
            .iter()
            .map(|&band| {
                let cumulative = from_top(band.from) / all;
                let probability = cumulative - std::mem::replace(&mut higher, cumulative);
                BandProbability { band, probability, cumulative }
            })
            .collect();
        let lowest = self.bands()[self.bands().len() - 1];
        let first = |fits: &dyn Fn(&BandProbability) -> bool| {
            bands.iter().find(|band| fits(band)).map_or(lowest, |band| band.band)
        };
        Ok(Standing {
            benchmark: self,
            of_value: first(&|band| value >= band.band.from),
            reached: first(&|band| band.cumulative >= CERTAINTY),
            bands,
        })
    }

    /// Where an estimate stands, by its standard error.
    ///
    /// # Errors
    /// The reason why there is no value or no standard error.
    pub fn standing_of(self, estimate: &Estimate) -> Result<Standing, Undefined> {
        let value = estimate.value?;
        match estimate.spread {
            Some(spread) => self.standing(value, spread.standard_error),
            None => Err(estimate.interval.err().unwrap_or(Undefined::ZeroVariance)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    /// irrCAC.benchmark.Benchmark(coeff, se).landis_koch()["CumProb"] and so on, Python 0.4.4.
    #[test]
    fn cumulative_probabilities_are_those_of_irrcac() {
        let cases: [(f64, f64, Benchmark, &[f64]); 8] = [
            (0.67, 0.15, Benchmark::LandisKoch, &[0.18168, 0.67511, 0.96356, 0.99912, 1.0, 1.0]),
            (0.67, 0.15, Benchmark::Altman, &[0.18168, 0.67511, 0.96356, 0.99912, 1.0]),
            (0.67, 0.15, Benchmark::Fleiss, &[0.28699, 0.96356, 1.0]),
            (0.67, 0.15, Benchmark::CicchettiSparrow, &[0.28699, 0.67511, 0.96356, 1.0]),
            (0.9, 0.05, Benchmark::Regier, &[0.97672, 1.0, 1.0, 1.0, 1.0]),
            (0.2, 0.3, Benchmark::LandisKoch, &[0.01899, 0.08772, 0.24963, 0.49809, 0.74656, 1.0]),
            (-0.1, 0.1, Benchmark::LandisKoch, &[0.0, 0.0, 0.0, 0.00135, 0.15866, 1.0]),
            (0.95, 0.001, Benchmark::Fleiss, &[1.0, 1.0, 1.0]),
        ];
        for (value, standard_error, benchmark, expected) in cases {
            let standing = benchmark.standing(value, standard_error).unwrap();
            assert_eq!(standing.bands.len(), expected.len());
            for (band, expected) in standing.bands.iter().zip(expected) {
                assert!((band.cumulative - expected).abs() <= 5.1e-6, "{band:?} {expected}");
            }
            let all: f64 = standing.bands.iter().map(|band| band.probability).sum();
            assert!((all - 1.0).abs() < 1e-12);
        }
    }

    /// The documented example: 0.67 with a standard error of 0.15 is "good" by its value and "moderate" with 95 %.
    #[test]
    fn the_band_reached_may_be_below_that_of_the_value() {
        let standing = Benchmark::Altman.standing(0.67, 0.15).unwrap();
        assert_eq!((standing.of_value.name, standing.reached.name), ("good", "moderate"));
        let krippendorff = Benchmark::Krippendorff.standing(0.85, 0.02).unwrap();
        assert_eq!((krippendorff.of_value.name, krippendorff.reached.name), ("reliable", "reliable"));
        assert_eq!(Benchmark::Krippendorff.standing(0.82, 0.05).unwrap().reached.name, "tentative");
    }

    #[test]
    fn every_figure_has_a_band() {
        for benchmark in Benchmark::ALL {
            assert!(benchmark.bands().windows(2).all(|two| two[0].from > two[1].from), "{}", benchmark.name());
            for value in [-3.0, -1.0, -0.2, 0.0, 0.5, 1.0] {
                let standing = benchmark.standing(value, 1e-9).unwrap();
                assert!(standing.bands.iter().all(|band| band.cumulative.is_finite()));
                assert_eq!(standing.bands.last().unwrap().cumulative, 1.0);
                assert!(standing.reached.from <= standing.of_value.from);
            }
            assert_eq!(benchmark.standing(0.5, 0.0), Err(Undefined::ZeroVariance));
            assert_eq!(benchmark.standing(0.5, f64::NAN), Err(Undefined::ZeroVariance));
        }
    }
}
