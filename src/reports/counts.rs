//! How often each answer was given, by people and by models, and which answers meet on one item.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use assay_stats::agreement::{Facts, label_pairs};

use super::answers::Answers;
use super::controls::AnswerKind;
use super::ratings::{ControlRatings, MOST_LABELS_OF_NUMBERS};
use super::views::{Bin, ConfusionCell, LabelCount};

/// Bins of a histogram: enough to see a shape, few enough to read.
const BINS: usize = 10;

/// How often each label was given, by control, the most frequent first. Of a set each label counts.
pub fn label_counts(answers: &Answers) -> BTreeMap<String, Vec<LabelCount>> {
    let mut found: BTreeMap<String, Vec<LabelCount>> = BTreeMap::new();
    for ((control, label), counted) in answers.label_counts() {
        found.entry(control.to_owned()).or_default().push(LabelCount {
            label: answers.labels()[label as usize].clone(),
            annotations: counted.annotations,
            predictions: counted.predictions,
        });
    }
    // Labels come in ascending order and stay in it where they are as frequent.
    let by_use = |count: &LabelCount| Reverse((count.annotations, count.predictions));
    found.values_mut().for_each(|labels| labels.sort_by_key(by_use));
    found
}

/// Labels in the order of a scale instead of by how frequent they are; those that only models gave come last.
pub fn in_order(mut counts: Vec<LabelCount>, scale: &[String]) -> Vec<LabelCount> {
    let place = |count: &LabelCount| scale.iter().position(|label| *label == count.label).unwrap_or(scale.len());
    counts.sort_by_key(place);
    counts
}

/// A number with the times that annotators and models gave it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberCount {
    number: f64,
    annotations: u64,
    predictions: u64,
}

/// How often each number was given, ascending.
pub fn number_counts(answers: &Answers, control: &str) -> Vec<NumberCount> {
    let counts = answers.number_counts(control).into_iter().map(|(bits, counted)| NumberCount {
        number: f64::from_bits(bits),
        annotations: counted.annotations,
        predictions: counted.predictions,
    });
    let mut found: Vec<NumberCount> = counts.filter(|count| count.number.is_finite()).collect();
    found.sort_by(|a, b| a.number.total_cmp(&b.number));
    found
}

/// A few numbers as labels, in their order; many as a histogram of equal bins.
pub fn spread(counts: &[NumberCount]) -> (Vec<LabelCount>, Vec<Bin>) {
    if counts.len() <= MOST_LABELS_OF_NUMBERS {
        let label = |count: &NumberCount| LabelCount {
            label: (count.number + 0.0).to_string(),
            annotations: count.annotations,
            predictions: count.predictions,
        };
        return (counts.iter().map(label).collect(), Vec::new());
    }
    let (low, high) = (counts[0].number, counts[counts.len() - 1].number);
    // A weighted mean of the ends is finite whatever the range.
    let share = |bin: usize| bin as f64 / BINS as f64;
    let edge = |bin: usize| if bin == BINS { high } else { low * (1.0 - share(bin)) + high * share(bin) };
    let mut bins: Vec<Bin> =
        (0..BINS).map(|bin| Bin { from: edge(bin), to: edge(bin + 1), annotations: 0, predictions: 0 }).collect();
    for count in counts {
        let place = bins.partition_point(|bin| bin.from <= count.number).saturating_sub(1);
        bins[place].annotations += count.annotations;
        bins[place].predictions += count.predictions;
    }
    (Vec::new(), bins)
}

/// The pairs of labels that two annotators gave to one item, or why they are not listed.
pub fn confusion(facts: &Facts, ratings: &ControlRatings) -> (Vec<ConfusionCell>, Option<String>) {
    if ratings.kind == AnswerKind::Set {
        let why = "an answer is a set of labels: two sets can share some of them; the figures by label tell which labels are hard";
        return (Vec::new(), Some(why.to_owned()));
    }
    if !ratings.has_few_labels() {
        let why = format!(
            "the answers are {} different numbers: too many to set them against each other one by one",
            ratings.labels.len()
        );
        return (Vec::new(), Some(why));
    }
    let name = |code: u32| ratings.labels[code as usize].clone();
    let pairs = label_pairs(facts).into_iter();
    let cells = pairs.map(|pair| ConfusionCell { label: name(pair.label), other: name(pair.other), n: pair.pairs });
    (cells.collect(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(number: f64) -> NumberCount {
        NumberCount { number, annotations: 2, predictions: 1 }
    }

    #[test]
    fn few_numbers_are_labels_and_many_are_bins() {
        let (labels, bins) = spread(&[count(-0.0), count(2.5)]);
        assert_eq!(labels.iter().map(|label| label.label.as_str()).collect::<Vec<_>>(), ["0", "2.5"]);
        assert!(bins.is_empty());
        let many: Vec<NumberCount> = (0..=100).map(|n| count(f64::from(n))).collect();
        let (labels, bins) = spread(&many);
        assert_eq!((labels.len(), bins.len()), (0, BINS));
        let annotations: Vec<u64> = bins.iter().map(|bin| bin.annotations).collect();
        assert_eq!(annotations, [20, 20, 20, 20, 20, 20, 20, 20, 20, 22], "the last bin has its upper end");
        assert_eq!((bins[0].from, bins[9].to, bins[3].predictions), (0.0, 100.0, 10));
        assert_eq!(spread(&[]), (vec![], vec![]));
    }

    #[test]
    fn the_widest_range_has_bins_too() {
        let numbers = (0..20).map(|n| count(f64::MAX * (f64::from(n) / 10.0 - 0.95))).collect::<Vec<_>>();
        let bins = spread(&numbers).1;
        assert!(bins.iter().all(|bin| bin.from.is_finite() && bin.from < bin.to), "{bins:?}");
        assert_eq!(bins.iter().map(|bin| bin.annotations).sum::<u64>(), 40);
    }

    #[test]
    fn labels_follow_their_scale() {
        let label = |name: &str| LabelCount { label: name.to_owned(), annotations: 1, predictions: 0 };
        let scale = ["low", "middle", "high"].map(str::to_owned);
        let ordered = in_order(vec![label("high"), label("new"), label("low")], &scale);
        assert_eq!(ordered.iter().map(|count| count.label.as_str()).collect::<Vec<_>>(), ["low", "high", "new"]);
    }
}
