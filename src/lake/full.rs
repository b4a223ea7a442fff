//! The files are the whole truth about their source: what they do not hold is removed.
//!
//! A form that carries less never empties what a fuller one brought: predictions and drafts that a task names by id only stay as they are,
//! and so does whatever the task has no list for. An answer that was refused is no sign that others of its task are gone: what could be the
//! one it means stays too. What another source brought is not spoken of.

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::UInt8Type;
use assay_formats::label_studio::{INCOMPLETE_ANNOTATIONS, INCOMPLETE_DRAFTS, INCOMPLETE_PREDICTIONS};
use hashbrown::{HashMap, HashSet};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::merge::{BucketRows, typed};
use super::stage::{INCOMPLETE, StagedBucket, item_ids, text_column};
use crate::error::{Error, Result};

/// Rows of a bucket that the files do not hold, by their place in it.
#[derive(Debug, Default)]
pub(super) struct Gone {
    pub items: HashSet<usize>,
    pub annotations: HashSet<usize>,
}

impl Gone {
    pub fn of(source: &str, old: &BucketRows, staged: &StagedBucket) -> Result<Self> {
        let said = said_of_items(&staged.items.keys)?;
        let held: HashSet<&str> = text_column(&staged.annotations.keys, "annotation_id")?.iter().flatten().collect();

        let (ids, sources) = (item_ids(&old.items)?, text_column(&old.items, "source")?);
        let items: HashSet<usize> =
            (0..ids.len()).filter(|&row| sources.value(row) == source && !said.contains_key(ids.value(row))).collect();
        let gone_items: HashSet<&str> = items.iter().map(|&row| ids.value(row)).collect();

        let answers = Answers::of(&old.annotations)?;
        let annotations = (0..old.annotations.num_rows()).filter(|&row| {
            let item = answers.items.value(row);
            gone_items.contains(item)
                || answers.sources.value(row) == source
                    && !held.contains(answers.ids.value(row))
                    && !said.get(item).is_some_and(|said| answers.may_be_there(row, said))
        });
        Ok(Self { annotations: annotations.collect(), items })
    }
}

/// What decides whether an old annotation stays.
struct Answers<'a> {
    ids: &'a StringArray,
    items: &'a StringArray,
    sources: &'a StringArray,
    natives: &'a StringArray,
    kinds: &'a StringArray,
    drafts: &'a arrow::array::BooleanArray,
}

impl<'a> Answers<'a> {
    fn of(annotations: &'a RecordBatch) -> Result<Self> {
        let drafts = annotations.column_by_name("draft").and_then(|column| column.as_boolean_opt());
        Ok(Self {
            ids: text_column(annotations, "annotation_id")?,
            items: item_ids(annotations)?,
            sources: text_column(annotations, "source")?,
            natives: text_column(annotations, "native_id")?,
            kinds: text_column(annotations, "kind")?,
            drafts: drafts.ok_or_else(|| Error::internal(anyhow::anyhow!("column draft is missing or not boolean")))?,
        })
    }

    /// Whether the task says that it has this answer without holding it, or does not tell everything about answers of its kind.
    fn may_be_there(&self, row: usize, said: &Said) -> bool {
        let native = self.natives.value(row);
        if self.kinds.value(row) == "prediction" {
            said.incomplete & INCOMPLETE_PREDICTIONS != 0 || said.predictions.contains(native)
        } else if self.drafts.value(row) {
            said.incomplete & INCOMPLETE_DRAFTS != 0 || said.drafts.contains(native)
        } else {
            said.incomplete & INCOMPLETE_ANNOTATIONS != 0
        }
    }
}

/// What the files say of an item's answers that they do not hold.
#[derive(Debug, Default)]
struct Said {
    incomplete: u8,
    predictions: HashSet<String>,
    drafts: HashSet<String>,
}

/// The lists with ids in an item's `raw`: there are none where a task holds all it names.
#[derive(Debug, Default, Deserialize)]
struct Lists<'a> {
    #[serde(borrow, default)]
    predictions: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    drafts: Vec<&'a RawValue>,
}

fn said_of_items(items: &RecordBatch) -> Result<HashMap<&str, Said>> {
    let (ids, raw, incomplete) = (item_ids(items)?, text_column(items, "raw")?, typed::<UInt8Type>(items, INCOMPLETE)?);
    let mut said: HashMap<&str, Said> = HashMap::with_capacity(items.num_rows());
    for row in 0..items.num_rows() {
        let of_item = said.entry(ids.value(row)).or_default();
        of_item.incomplete |= incomplete.value(row);
        if raw.is_valid(row) {
            let lists: Lists<'_> = serde_json::from_str(raw.value(row)).map_err(Error::internal)?;
            of_item.predictions.extend(lists.predictions.into_iter().map(|id| id.get().to_owned()));
            of_item.drafts.extend(lists.drafts.into_iter().map(|id| id.get().to_owned()));
        }
    }
    Ok(said)
}
