//! The results of two versions of an annotation, compared as lists of result rows.
//!
//! A row is the same answer as the one of its control and region with its label; else the one of its control and region; else, in the
//! order of the list, one of its control. What finds no counterpart was added or removed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;

use arrow::array::{Array, RecordBatch, StringArray};

use super::values::{all_fields, field_changes};
use crate::error::Result;
use crate::reports::columns::{Columns, text_at};
use crate::reports::views::{ResultChange, RowChange};

/// Columns that every row of the annotation has in common.
const KEYS: [&str; 4] = ["annotation_id", "item_id", "rater_id", "rater_kind"];
/// Besides them, the place in the list: one more result in front moves all others, which is no news of them.
const KEYS_AND_PLACE: [&str; 6] = ["annotation_id", "item_id", "rater_id", "rater_kind", "result_index", "label_index"];
/// The columns that a [`ResultChange`] is named by.
const NAMES: [&str; 9] = [
    "annotation_id",
    "item_id",
    "rater_id",
    "rater_kind",
    "result_index",
    "label_index",
    "control",
    "type",
    "region_id",
];

struct Answers<'a> {
    batch: &'a RecordBatch,
    controls: &'a StringArray,
    types: &'a StringArray,
    regions: &'a StringArray,
    labels: &'a StringArray,
}

impl<'a> Answers<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self> {
        let columns = Columns(batch);
        Ok(Self {
            batch,
            controls: columns.text("control")?,
            types: columns.text("type")?,
            regions: columns.text("region_id")?,
            labels: columns.text("label")?,
        })
    }

    fn change(&self, row: usize, change: RowChange) -> ResultChange {
        ResultChange {
            change,
            control: text_at(self.controls, row),
            r#type: self.types.value(row).to_owned(),
            region_id: text_at(self.regions, row),
            fields: Vec::new(),
        }
    }
}

/// What differs between the rows of one annotation: changed and added ones in the new order, then those removed in the old one.
pub(super) fn result_changes(
    (old, old_rows): (&RecordBatch, Range<usize>),
    (new, new_rows): (&RecordBatch, Range<usize>),
) -> Result<Vec<ResultChange>> {
    let (old, new) = (Answers::of(old)?, Answers::of(new)?);
    let counterparts = counterparts(&old, old_rows.clone(), &new, new_rows.clone());
    let changes = told(&old, old_rows.clone(), &new, new_rows.clone(), &counterparts, &KEYS_AND_PLACE)?;
    if changes.is_empty() {
        // Nothing but their order.
        return told(&old, old_rows, &new, new_rows, &counterparts, &KEYS);
    }
    Ok(changes)
}

/// How close two rows must be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    Control,
    Region,
    Label,
}

type Key<'a> = [Option<&'a str>; 4];

impl<'a> Answers<'a> {
    fn key(&self, row: usize, likeness: Likeness) -> Key<'a> {
        let text = |column: &'a StringArray, least: Likeness| {
            (likeness >= least && column.is_valid(row)).then(|| column.value(row))
        };
        [
            text(self.controls, Likeness::Control),
            text(self.types, Likeness::Control),
            text(self.regions, Likeness::Region),
            text(self.labels, Likeness::Label),
        ]
    }
}

/// For each new row the old one that it is compared with.
fn counterparts(
    old: &Answers<'_>,
    old_rows: Range<usize>,
    new: &Answers<'_>,
    new_rows: Range<usize>,
) -> Vec<Option<usize>> {
    let mut found: Vec<Option<usize>> = vec![None; new_rows.len()];
    let mut taken: HashSet<usize> = HashSet::new();
    for likeness in [Likeness::Label, Likeness::Region, Likeness::Control] {
        let mut waiting: HashMap<Key<'_>, VecDeque<usize>> = HashMap::new();
        for i in old_rows.clone().filter(|i| !taken.contains(i)) {
            waiting.entry(old.key(i, likeness)).or_default().push_back(i);
        }
        for (place, j) in new_rows.clone().enumerate() {
            if found[place].is_some() {
                continue;
            }
            if let Some(i) = waiting.get_mut(&new.key(j, likeness)).and_then(VecDeque::pop_front) {
                found[place] = Some(i);
                taken.insert(i);
            }
        }
    }
    found
}

fn told(
    old: &Answers<'_>,
    old_rows: Range<usize>,
    new: &Answers<'_>,
    new_rows: Range<usize>,
    counterparts: &[Option<usize>],
    left_out: &[&str],
) -> Result<Vec<ResultChange>> {
    let mut changes = Vec::new();
    for (j, counterpart) in new_rows.zip(counterparts) {
        match counterpart {
            None => {
                let fields = all_fields((new.batch, j), &NAMES, true)?;
                changes.push(ResultChange { fields, ..new.change(j, RowChange::Added) });
            }
            Some(i) => {
                let fields = field_changes((old.batch, *i), (new.batch, j), left_out)?;
                if !fields.is_empty() {
                    changes.push(ResultChange { fields, ..new.change(j, RowChange::Changed) });
                }
            }
        }
    }
    let kept: HashSet<usize> = counterparts.iter().flatten().copied().collect();
    for i in old_rows.filter(|i| !kept.contains(i)) {
        let fields = all_fields((old.batch, i), &NAMES, false)?;
        changes.push(ResultChange { fields, ..old.change(i, RowChange::Removed) });
    }
    Ok(changes)
}
