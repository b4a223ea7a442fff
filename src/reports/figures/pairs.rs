//! Figures of pairs of raters.

use assay_stats::agreement::paradox::{PairParadox, by_pair_paradox};
use assay_stats::agreement::{PairAgreement, PairCoefficients, by_pair};
use assay_stats::interval::Bounds;

use super::Setting;
use super::interval::{self, Drawn, FIXED_PAIR, MOST_PARTS, Wanted};
use super::overall::are_few_pairs;
use crate::reports::measure::{Measure, Scope};

/// In the order of the figures of [`PairCoefficients`].
const NAMES: [&str; 4] = ["percent_agreement", "cohen_kappa", "scott_pi", "pabak"];
const BOUNDS: [Bounds; 4] = [Bounds::SHARE, Bounds::AGREEMENT, Bounds::AGREEMENT, Bounds::AGREEMENT];

/// All pairs with a shared item, and which of their figures are wanted.
pub(super) struct PairFigures {
    pairs: Vec<PairAgreement>,
    /// Parallel to the pairs; empty if nothing of them is wanted.
    paradoxes: Vec<PairParadox>,
    wanted: [bool; 4],
}

/// The figures of each pair; Scott's pi is not a usual one, and PABAK only of pairs that are few.
pub(super) fn of_each(setting: &Setting<'_>, measures: &mut Vec<Measure>) {
    let few = are_few_pairs(setting.subject.facts.sample().raters as usize);
    let wants = |name: &str| {
        let usual = match name {
            "scott_pi" => false,
            "pabak" => few,
            _ => true,
        };
        setting.options.measures.wants(name, usual)
    };
    PairFigures::new(setting, wants).push(setting, "pair", measures);
}

impl PairFigures {
    pub(super) fn new(setting: &Setting<'_>, wants: impl Fn(&str) -> bool) -> Self {
        let (facts, options) = (&setting.subject.facts, setting.options);
        let wanted = NAMES.map(wants);
        if !wanted.contains(&true) {
            return Self { pairs: Vec::new(), paradoxes: Vec::new(), wanted };
        }
        let pairs = by_pair(facts, &setting.weights, options.threads);
        let paradoxes = if wanted[1] || wanted[3] { by_pair_paradox(facts, options.threads) } else { Vec::new() };
        Self { pairs, paradoxes, wanted }
    }

    pub(super) fn push(&self, setting: &Setting<'_>, by: &str, measures: &mut Vec<Measure>) {
        let start = measures.len();
        // Hundreds of thousands of pairs are not moved again and again.
        measures.reserve_exact(self.pairs.len() * self.wanted.iter().filter(|&&wanted| wanted).count());
        for (place, pair) in self.pairs.iter().enumerate() {
            let scope = || Scope {
                annotator: setting.subject.rater(pair.rater),
                other: setting.subject.rater(pair.other),
                ..setting.scope(by)
            };
            let paradox = self.paradoxes.get(place);
            if self.wanted[0] {
                measures.push(setting.measure(NAMES[0], scope(), pair.percent, true));
            }
            if self.wanted[1] {
                let mut kappa = setting.measure(NAMES[1], scope(), pair.kappa, true);
                if let Some(paradox) = paradox {
                    explain(&mut kappa, paradox, setting.weights.is_identity());
                }
                measures.push(kappa);
            }
            if self.wanted[2] {
                measures.push(setting.measure(NAMES[2], scope(), pair.pi, true));
            }
            if let Some(paradox) = paradox.filter(|_| self.wanted[3]) {
                measures.push(setting.measure(NAMES[3], scope(), paradox.pabak, false));
            }
        }
        self.resample(setting, start, measures);
    }

    /// Each pair by itself: the items that the two share are drawn.
    fn resample(&self, setting: &Setting<'_>, start: usize, measures: &mut [Measure]) {
        if !setting.options.interval.is_resampled() || !self.wanted.contains(&true) {
            return;
        }
        if self.pairs.len() > MOST_PARTS {
            let why = format!("more than {MOST_PARTS} pairs");
            return interval::refuse_from(setting, start, &why, measures);
        }
        let mut place = start;
        let (facts, threads) = (&setting.subject.facts, setting.options.threads);
        for statistic in PairCoefficients::of_each(facts, &setting.weights, threads) {
            let mut wanted = Vec::new();
            for figure in (0..NAMES.len()).filter(|&figure| self.wanted[figure]) {
                wanted.push(Wanted { place, figure, bounds: BOUNDS[figure] });
                place += 1;
            }
            let drawn = Drawn { items: &statistic, both: Err(FIXED_PAIR), counts_anew: true };
            interval::resample(setting, &drawn, &wanted, measures);
        }
    }
}

/// What limits a kappa. The largest one that the label shares allow is that of labels without weights.
fn explain(kappa: &mut Measure, paradox: &PairParadox, is_nominal: bool) {
    kappa.detail.insert("bias_index", paradox.bias_index);
    if let Some(index) = paradox.prevalence_index {
        kappa.detail.insert("prevalence_index", index);
    }
    if let Some(most) = paradox.kappa_max.filter(|_| is_nominal) {
        kappa.detail.insert("kappa_max", most);
    }
}
