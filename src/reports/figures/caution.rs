//! Where a 95 % interval holds the truth less often than it says: the rule behind the marks beside figures.
//!
//! The borders are those of the simulations in docs/INTERVALS.md, outside of which intervals cover less than 93 %.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Setting;
use crate::reports::measure::Measure;

/// Why an interval may hold the truth less often than 95 times in 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Caution {
    /// Fewer than 50 items count.
    FewItems,
    /// One label has at least four fifths of the ratings, and fewer than 100 items count.
    SkewedLabels,
    /// Fewer than 10 items have the label.
    RareLabel,
    /// The two annotators, or an annotator and the others, share fewer than 50 items; of a mean over pairs: the pairs on average.
    FewSharedItems,
}

impl Caution {
    pub const ALL: [Self; 4] = [Self::FewItems, Self::SkewedLabels, Self::RareLabel, Self::FewSharedItems];

    pub fn name(self) -> &'static str {
        match self {
            Self::FewItems => "few_items",
            Self::SkewedLabels => "skewed_labels",
            Self::RareLabel => "rare_label",
            Self::FewSharedItems => "few_shared_items",
        }
    }

    /// In plain English, for a mark beside a figure.
    pub fn words(self) -> &'static str {
        match self {
            Self::FewItems => "fewer than 50 items",
            Self::SkewedLabels => "one label dominates, and fewer than 100 items",
            Self::RareLabel => "fewer than 10 items have the label",
            Self::FewSharedItems => "fewer than 50 shared items",
        }
    }
}

const FEW_ITEMS: u64 = 50;
const FEW_SKEWED: u64 = 100;
const FEW_WITH_LABEL: u64 = 10;
/// The simulations have a label with 90 % of the ratings; the border is set lower, to err on the side of the warning.
const DOMINANT: f64 = 0.8;

/// Marks the figures of a subject whose intervals may hold too little. A figure without an interval needs no mark.
pub(super) fn mark(setting: &Setting<'_>, measures: &mut [Measure]) {
    let labels = measures.iter().any(|measure| measure.scope.by == "label");
    let mean = measures.iter().any(|measure| measure.measure == MEAN_OF_PAIRS);
    let ground = Ground {
        skewed: is_skewed(setting),
        items_with: if labels { items_with_labels(setting) } else { BTreeMap::new() },
        mean_shared: if mean { mean_shared(setting) } else { f64::INFINITY },
    };
    for measure in measures {
        measure.caution = ground.caution(measure);
    }
}

const MEAN_OF_PAIRS: &str = "mean_pairwise_cohen_kappa";

/// What cautions are judged by, besides the figure itself.
#[derive(Debug)]
struct Ground {
    skewed: bool,
    /// By label: the items with two ratings of which one is this label.
    items_with: BTreeMap<String, u64>,
    /// Items that two annotators share, on average over the pairs that share one.
    mean_shared: f64,
}

impl Ground {
    fn caution(&self, measure: &Measure) -> Option<Caution> {
        measure.ci_low?;
        let few = measure.n_items < FEW_ITEMS;
        let with_label = || measure.scope.label.as_ref().and_then(|label| self.items_with.get(label)).copied();
        match measure.scope.by.as_str() {
            "pair" | "annotator" if few => Some(Caution::FewSharedItems),
            "label" if with_label().is_some_and(|items| items < FEW_WITH_LABEL) => Some(Caution::RareLabel),
            _ if measure.measure == MEAN_OF_PAIRS && self.mean_shared < FEW_ITEMS as f64 => {
                Some(Caution::FewSharedItems)
            }
            _ if few => Some(Caution::FewItems),
            _ if self.skewed && measure.n_items < FEW_SKEWED && depends_on_shares(&measure.measure) => {
                Some(Caution::SkewedLabels)
            }
            _ => None,
        }
    }
}

/// Whether chance agreement, and with it the interval, hangs on the shares of the labels. That of percent agreement, AC1, AC2 and S hardly does.
fn depends_on_shares(measure: &str) -> bool {
    measure.contains("kappa") || measure.contains("alpha") || measure == "scott_pi"
}

fn is_skewed(setting: &Setting<'_>) -> bool {
    if setting.options.sets.is_some() {
        // A set is no label: that many answers are the same set says little about the shares of labels.
        return false;
    }
    let counts = setting.subject.facts.pairable_label_counts();
    let (most, all) = (counts.iter().max().copied().unwrap_or_default(), counts.iter().sum::<u64>());
    most as f64 >= DOMINANT * all as f64
}

fn items_with_labels(setting: &Setting<'_>) -> BTreeMap<String, u64> {
    let labels = setting.subject.labels;
    let mut items = vec![0_u64; labels.len()];
    let mut of_elements: BTreeMap<String, u64> = BTreeMap::new();
    for answers in setting.subject.facts.ratings().items().filter(|answers| answers.len() > 1) {
        let given: BTreeSet<u32> = answers.iter().map(|&(_, label)| label).collect();
        match &setting.options.sets {
            Some(separator) => {
                let texts = given.iter().filter_map(|label| labels.get(*label as usize));
                let names: BTreeSet<&str> =
                    texts.flat_map(|text| text.split(separator.as_str())).map(str::trim).collect();
                for name in names.into_iter().filter(|name| !name.is_empty()) {
                    *of_elements.entry(name.to_owned()).or_default() += 1;
                }
            }
            None => given.iter().for_each(|label| items[*label as usize] += 1),
        }
    }
    if setting.options.sets.is_some() { of_elements } else { labels.iter().cloned().zip(items).collect() }
}

fn mean_shared(setting: &Setting<'_>) -> f64 {
    let (mut seen, mut meetings) = (HashSet::new(), 0_u64);
    for answers in setting.subject.facts.ratings().items() {
        for (place, &(rater, _)) in answers.iter().enumerate() {
            for &(other, _) in &answers[place + 1..] {
                seen.insert((rater.min(other), rater.max(other)));
                meetings += 1;
            }
        }
    }
    meetings as f64 / seen.len() as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use assay_stats::agreement::Ratings;

    use super::*;
    use crate::reports::figures::{FigureOptions, Subject, figures};
    use crate::reports::measure::Scope;

    fn names(prefix: &str, n: usize) -> Vec<String> {
        (0..n).map(|at| format!("{prefix}{at}")).collect()
    }

    /// `rows[item]` has the labels by rater.
    fn marked(rows: &[Vec<u32>], n_labels: usize) -> Vec<Measure> {
        let n_raters = rows.iter().map(Vec::len).max().unwrap_or_default();
        let mut offsets = vec![0];
        offsets.extend(rows.iter().scan(0, |end, row| {
            *end += row.len();
            Some(*end)
        }));
        let raters: Vec<u32> = rows.iter().flat_map(|row| 0..row.len() as u32).collect();
        let labels: Vec<u32> = rows.iter().flatten().copied().collect();
        let ratings = Ratings::new(offsets, &raters, &labels, n_raters, n_labels).unwrap();
        let (raters, labels) = (names("r", n_raters), names("l", n_labels));
        let subject = Subject::new(ratings, &raters, &labels);
        figures(&subject, &FigureOptions::default(), &Scope::default(), &BTreeMap::new()).unwrap()
    }

    fn caution(measures: &[Measure], name: &str, by: &str, label: Option<&str>) -> Option<Caution> {
        let is = |m: &&Measure| m.measure == name && m.scope.by == by && m.scope.label.as_deref() == label;
        measures.iter().find(is).unwrap().caution
    }

    /// Items of two raters: `n` on which they agree on the label, and `differ` on which they do not.
    fn items(n: usize, label: u32, differ: usize) -> Vec<Vec<u32>> {
        let differing = std::iter::repeat_n(vec![label, 1 - label], differ);
        std::iter::repeat_n(vec![label, label], n).chain(differing).collect()
    }

    #[test]
    fn fifty_balanced_items_are_enough() {
        let enough = marked(&[items(20, 0, 5), items(20, 1, 5)].concat(), 2);
        assert!(enough.iter().all(|measure| measure.caution.is_none()), "{enough:?}");
        let few = marked(&[items(20, 0, 4), items(20, 1, 5)].concat(), 2);
        assert_eq!(caution(&few, "krippendorff_alpha", "overall", None), Some(Caution::FewItems));
        assert_eq!(caution(&few, "cohen_kappa", "pair", None), Some(Caution::FewSharedItems));
        assert_eq!(caution(&few, "mean_pairwise_cohen_kappa", "overall", None), Some(Caution::FewSharedItems));
    }

    #[test]
    fn skewed_labels_need_a_hundred_items_where_chance_depends_on_them() {
        let skewed = marked(&[items(80, 0, 5), items(10, 1, 4)].concat(), 2);
        assert_eq!(caution(&skewed, "krippendorff_alpha", "overall", None), Some(Caution::SkewedLabels));
        assert_eq!(caution(&skewed, "gwet_ac1", "overall", None), None);
        let more = marked(&[items(81, 0, 5), items(10, 1, 4)].concat(), 2);
        assert_eq!(caution(&more, "krippendorff_alpha", "overall", None), None);
    }

    #[test]
    fn a_label_on_few_items_is_marked_whatever_the_number_of_items() {
        let rare = marked(&[items(150, 0, 4), items(5, 1, 0)].concat(), 2);
        assert_eq!(caution(&rare, "specific_agreement", "label", Some("l1")), Some(Caution::RareLabel));
        assert_eq!(caution(&rare, "specific_agreement", "label", Some("l0")), None);
    }

    #[test]
    fn without_an_interval_there_is_nothing_to_warn_of() {
        let alone = marked(&[vec![0], vec![1]], 2);
        assert!(alone.iter().all(|measure| measure.caution.is_none() && measure.ci_low.is_none()));
    }
}
