//! Counts and ratings, read off the answers.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Annotation, Answers, Mark, NONE, Part, Status};

/// How often a label was given in a control.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CountedLabel {
    /// By annotations that count.
    pub annotations: u64,
    pub predictions: u64,
}

/// What the results of a control show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeenControl {
    /// Some annotation has several labels, or several results, in it.
    pub several: bool,
    pub regions: bool,
    /// Annotations that count and have an answer in it.
    pub answers: u64,
}

/// One annotation with its place.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    part: &'a Part,
    place: usize,
    annotation: &'a Annotation,
}

impl<'a> Given<'a> {
    /// Code among the raters of the snapshot.
    pub fn rater(self) -> u32 {
        self.part.raters[self.annotation.rater as usize]
    }

    pub fn id(self) -> &'a str {
        self.part.bucket.annotation_id(self.place)
    }

    pub fn updated_at(self) -> Option<i64> {
        self.annotation.updated_at
    }

    /// What it says in a control: labels as codes among those of the snapshot.
    pub fn marks(self, control: u32) -> impl Iterator<Item = (Option<u32>, Option<f64>)> {
        let part = self.part;
        let of_control = move |mark: &&Mark| mark.control != NONE && part.controls[mark.control as usize] == control;
        let label = move |mark: &Mark| (mark.label != NONE).then(|| part.labels[mark.label as usize]);
        self.part.bucket.marks(self.place).iter().filter(of_control).map(move |mark| (label(mark), mark.number))
    }
}

impl Answers {
    /// Raters by code, ascending.
    pub fn raters(&self) -> &[String] {
        &self.whole.raters
    }

    /// Labels by code, ascending.
    pub fn labels(&self) -> &[String] {
        &self.whole.labels
    }

    /// Names and types of controls by code, ascending.
    pub fn controls(&self) -> &[(String, String)] {
        &self.whole.controls
    }

    pub fn n_items(&self) -> usize {
        self.selected.as_ref().map_or(self.whole.order.len(), |selected| selected.len())
    }

    /// Part, and places of the annotations, of each item, in the order of item ids.
    fn items(&self) -> impl Iterator<Item = (&Part, usize, Range<usize>)> {
        let place = |n: usize| match &self.selected {
            Some(selected) => selected[n] as usize,
            None => n,
        };
        (0..self.n_items()).map(move |n| {
            let (bucket, item) = self.whole.order[place(n)];
            let part = &self.whole.buckets[bucket as usize];
            (part, item as usize, part.bucket.of_item(item as usize))
        })
    }

    /// The items with their annotations that count, by rater.
    pub fn used(&self) -> impl Iterator<Item = (&str, Vec<Given<'_>>)> {
        self.items().map(|(part, item, places)| {
            let given = places.map(|place| Given { part, place, annotation: part.bucket.annotation(place) });
            let mut used: Vec<Given<'_>> = given.filter(|given| given.annotation.status == Status::Used).collect();
            used.sort_by_key(|given| given.rater());
            (part.bucket.item(item), used)
        })
    }

    /// Annotations by the policy that leaves them out.
    pub fn statuses(&self) -> BTreeMap<Status, u64> {
        let mut counts = BTreeMap::new();
        for (part, _, places) in self.items() {
            for place in places {
                *counts.entry(part.bucket.annotation(place).status).or_default() += 1;
            }
        }
        counts
    }

    /// How often each label was given, by (control name, label code).
    pub fn label_counts(&self) -> BTreeMap<(&str, u32), CountedLabel> {
        let mut counts: BTreeMap<(u32, u32), CountedLabel> = BTreeMap::new();
        self.each_mark(|part, status, mark| {
            if mark.control != NONE && mark.label != NONE {
                let key = (part.controls[mark.control as usize], part.labels[mark.label as usize]);
                count(counts.entry(key).or_default(), status);
            }
        });
        let mut by_name: BTreeMap<(&str, u32), CountedLabel> = BTreeMap::new();
        for ((control, label), counted) in counts {
            let total = by_name.entry((&self.whole.controls[control as usize].0, label)).or_default();
            total.annotations += counted.annotations;
            total.predictions += counted.predictions;
        }
        by_name
    }

    /// How often each number was given in a control, by the number's bits.
    pub fn number_counts(&self, control: &str) -> BTreeMap<u64, CountedLabel> {
        let mut counts: BTreeMap<u64, CountedLabel> = BTreeMap::new();
        self.each_mark(|part, status, mark| {
            if let Some(number) = mark.number.filter(|_| mark.control != NONE)
                && part.bucket.controls[mark.control as usize].0 == control
            {
                count(counts.entry((number + 0.0).to_bits()).or_default(), status);
            }
        });
        counts
    }

    /// Every control with an answer, by code.
    pub fn seen_controls(&self) -> BTreeMap<u32, SeenControl> {
        let mut seen: BTreeMap<u32, SeenControl> = BTreeMap::new();
        let mut first: Vec<(u32, u32)> = Vec::new();
        for (part, _, places) in self.items() {
            for place in places {
                let used = part.bucket.annotation(place).status == Status::Used;
                first.clear();
                for mark in part.bucket.marks(place).iter().filter(|mark| mark.control != NONE) {
                    let code = part.controls[mark.control as usize];
                    let entry = seen.entry(code).or_default();
                    entry.regions |= mark.region;
                    let own = self.whole.controls[code as usize].0.as_str();
                    // The first result of the control, whatever its type.
                    let earlier = first.iter().find(|(other, _)| self.whole.controls[*other as usize].0 == own);
                    let offset = earlier.map_or(0, |(_, index)| mark.result_index - index);
                    entry.several |= mark.label_index > 0 || offset > 0;
                    if !first.iter().any(|(other, _)| *other == code) {
                        entry.answers += u64::from(used);
                        let index = earlier.map_or(mark.result_index, |(_, index)| *index);
                        first.push((code, index));
                    }
                }
            }
        }
        seen
    }

    fn each_mark(&self, mut tell: impl FnMut(&Part, Status, &Mark)) {
        for (part, _, places) in self.items() {
            for place in places {
                let status = part.bucket.annotation(place).status;
                if matches!(status, Status::Used | Status::Prediction) {
                    part.bucket.marks(place).iter().for_each(|mark| tell(part, status, mark));
                }
            }
        }
    }
}

fn count(counted: &mut CountedLabel, status: Status) {
    match status {
        Status::Prediction => counted.predictions += 1,
        _ => counted.annotations += 1,
    }
}
