//! The answers of one bucket as codes. Its files are sorted by item and annotation, so they are merged as they are read: nothing is joined,
//! sorted or hashed by id.

use std::ops::Range;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::concat;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};

use hashbrown::HashMap;

use crate::error::{Error, Result};
use crate::lake::read_leaves;
use crate::reports::columns::{Columns, value_at};

/// What is read of each table; the leaves of geometry only tell whether there is one.
const ITEMS: [&str; 1] = ["item_id"];
const ANNOTATIONS: [&str; 9] =
    ["item_id", "annotation_id", "kind", "rater_id", "native_id", "draft", "cancelled", "ground_truth", "updated_at"];
const RESULTS: [&str; 12] = [
    "annotation_id",
    "control",
    "type",
    "label",
    "number",
    "label_index",
    "result_index",
    "bbox.x",
    "points.list.element.x",
    // As files of schema version 1 name it.
    "points.list.item.x",
    "start",
    "start_text",
];

/// No label, or no item.
pub const NONE: u32 = u32::MAX;

/// The first policy that leaves an annotation out, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Used,
    Prediction,
    Draft,
    Skipped,
    GroundTruth,
    /// The same annotator's annotation with a higher native id counts.
    Repeat,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Prediction => "prediction",
            Self::Draft => "draft",
            Self::Skipped => "skipped",
            Self::GroundTruth => "ground_truth",
            Self::Repeat => "repeat_by_same_annotator",
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Annotation {
    /// Code into `Bucket::raters`.
    pub rater: u32,
    pub status: Status,
    pub updated_at: Option<i64>,
    /// The first of its results.
    results: u32,
}

/// One label, or one number, of one result.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// Code into `Bucket::controls`, or [`NONE`].
    pub control: u32,
    /// Code into `Bucket::labels`, or [`NONE`].
    pub label: u32,
    pub number: Option<f64>,
    /// Among the labels of the result.
    pub label_index: u32,
    /// Among the results of the annotation.
    pub result_index: u32,
    /// It lies somewhere in the item: in an image, a text, a time.
    pub region: bool,
}

/// The files of a bucket.
#[derive(Debug, Clone, Default)]
pub struct Files {
    pub items: Option<bytes::Bytes>,
    pub annotations: Option<bytes::Bytes>,
    pub results: Option<bytes::Bytes>,
}

#[derive(Debug)]
pub struct Bucket {
    /// Ascending.
    items: StringArray,
    starts: Vec<u32>,
    annotations: Vec<Annotation>,
    annotation_ids: StringArray,
    marks: Vec<Mark>,
    pub raters: Vec<String>,
    /// Name and type.
    pub controls: Vec<(String, String)>,
    pub labels: Vec<String>,
}

impl Bucket {
    pub fn read(files: Files) -> Result<Self> {
        let mut bucket = Self {
            items: whole(files.items, &ITEMS, |columns| columns.text("item_id").cloned())?,
            starts: Vec::new(),
            annotations: Vec::new(),
            annotation_ids: StringArray::new_null(0),
            marks: Vec::new(),
            raters: Vec::new(),
            controls: Vec::new(),
            labels: Vec::new(),
        };
        bucket.read_annotations(files.annotations)?;
        bucket.read_results(files.results)?;
        Ok(bucket)
    }

    pub fn n_items(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn item(&self, item: usize) -> &str {
        self.items.value(item)
    }

    /// Places of an item's annotations.
    pub fn of_item(&self, item: usize) -> Range<usize> {
        self.starts[item] as usize..self.starts[item + 1] as usize
    }

    pub fn annotation(&self, place: usize) -> &Annotation {
        &self.annotations[place]
    }

    pub fn annotation_id(&self, place: usize) -> &str {
        self.annotation_ids.value(place)
    }

    /// In the order of results and labels.
    pub fn marks(&self, place: usize) -> &[Mark] {
        let end = self.annotations.get(place + 1).map_or(self.marks.len(), |next| next.results as usize);
        &self.marks[self.annotations[place].results as usize..end]
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        let texts = self.items.get_array_memory_size() + self.annotation_ids.get_array_memory_size();
        let names = self.raters.iter().chain(&self.labels).map(|name| name.len() + size_of::<String>()).sum::<usize>();
        texts
            + names
            + size_of_val(&self.annotations[..])
            + size_of_val(&self.marks[..])
            + size_of_val(&self.starts[..])
    }

    fn read_annotations(&mut self, file: Option<bytes::Bytes>) -> Result<()> {
        let mut codes = Codes::default();
        let (mut ids, mut native_ids): (Vec<StringArray>, Vec<StringArray>) = (Vec::new(), Vec::new());
        self.starts.push(0);
        for batch in batches(file, &ANNOTATIONS)? {
            let batch = batch?;
            let columns = Columns(&batch);
            let (items, kinds, raters) = (columns.text("item_id")?, columns.text("kind")?, columns.text("rater_id")?);
            let flag = |name| columns.bool(name);
            let (drafts, cancelled, truths) = (flag("draft")?, flag("cancelled")?, flag("ground_truth")?);
            let times = columns.number::<TimestampMicrosecondType>("updated_at")?;
            for row in 0..batch.num_rows() {
                self.go_to_item(items.value(row))?;
                let status = match () {
                    () if kinds.value(row) == "prediction" => Status::Prediction,
                    () if drafts.value(row) => Status::Draft,
                    () if cancelled.value(row) => Status::Skipped,
                    () if truths.value(row) => Status::GroundTruth,
                    () => Status::Used,
                };
                let rater = codes.code(raters.value(row), &mut self.raters);
                self.annotations.push(Annotation { rater, status, updated_at: value_at(times, row), results: 0 });
            }
            ids.push(columns.text("annotation_id")?.clone());
            native_ids.push(columns.text("native_id")?.clone());
        }
        self.starts.resize(self.items.len() + 1, self.annotations.len() as u32);
        self.annotation_ids = joined(&ids)?;
        self.leave_out_repeats(&joined(&native_ids)?);
        Ok(())
    }

    /// Ends items until the one that the next annotation belongs to is open. Items without annotations have none.
    fn go_to_item(&mut self, id: &str) -> Result<()> {
        loop {
            let open = self.starts.len() - 1;
            if open >= self.items.len() {
                return Err(out_of_order("annotations", id));
            }
            if self.items.value(open) == id {
                return Ok(());
            }
            self.starts.push(self.annotations.len() as u32);
        }
    }

    /// Of several usable annotations by one rater on one item the one with the highest native id counts; native ids are decimal, so the
    /// longer one is the higher.
    fn leave_out_repeats(&mut self, native_ids: &StringArray) {
        let rank = |place: usize| (native_ids.value(place).len(), native_ids.value(place));
        for item in 0..self.n_items() {
            let places = self.of_item(item);
            for place in places.clone() {
                let rater = self.annotations[place].rater;
                let is_rival = |other: &usize| {
                    let other_one = &self.annotations[*other];
                    other_one.rater == rater && matches!(other_one.status, Status::Used | Status::Repeat)
                };
                let is_used = self.annotations[place].status == Status::Used;
                if is_used && places.clone().filter(is_rival).any(|other| rank(other) > rank(place)) {
                    self.annotations[place].status = Status::Repeat;
                }
            }
        }
    }

    fn read_results(&mut self, file: Option<bytes::Bytes>) -> Result<()> {
        let (mut labels, mut controls) = (Codes::default(), HashMap::new());
        // Results lie in the order of their annotations.
        let mut place = 0;
        let total = self.annotations.len();
        for batch in batches(file, &RESULTS)? {
            let batch = batch?;
            let columns = Columns(&batch);
            let (owners, names, types) =
                (columns.text("annotation_id")?, columns.text("control")?, columns.text("type")?);
            let (texts, numbers) = (columns.text("label")?, columns.number::<Float64Type>("number")?);
            let (label_index, result_index) =
                (columns.number::<Int64Type>("label_index")?, columns.number::<Int64Type>("result_index")?);
            let regions = Regions::of(&batch);
            for row in 0..batch.num_rows() {
                while place < total && self.annotation_id(place) != owners.value(row) {
                    place += 1;
                    if let Some(next) = self.annotations.get_mut(place) {
                        next.results = self.marks.len() as u32;
                    }
                }
                if place == total {
                    return Err(out_of_order("results", owners.value(row)));
                }
                let control = match names.is_valid(row) {
                    true => code_of(&mut controls, &mut self.controls, names.value(row), types.value(row)),
                    false => NONE,
                };
                let label = match texts.is_valid(row) {
                    true => labels.code(texts.value(row), &mut self.labels),
                    false => NONE,
                };
                self.marks.push(Mark {
                    control,
                    label,
                    number: value_at(numbers, row),
                    label_index: small(label_index.value(row)),
                    result_index: small(result_index.value(row)),
                    region: regions.at(row),
                });
            }
        }
        for after in self.annotations.iter_mut().skip(place + 1) {
            after.results = self.marks.len() as u32;
        }
        Ok(())
    }
}

/// Where results have a place in their item.
struct Regions(Vec<arrow::array::ArrayRef>);

impl Regions {
    fn of(batch: &RecordBatch) -> Self {
        let columns = ["bbox", "points", "start", "start_text"].into_iter();
        Self(
            columns
                .filter_map(|name| batch.column_by_name(name))
                .filter(|column| column.null_count() < column.len())
                .cloned()
                .collect(),
        )
    }

    fn at(&self, row: usize) -> bool {
        self.0.iter().any(|column| column.is_valid(row))
    }
}

fn batches(
    file: Option<bytes::Bytes>,
    leaves: &'static [&'static str],
) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
    Ok(file.map(|bytes| read_leaves(bytes, leaves)).transpose()?.into_iter().flatten())
}

fn out_of_order(table: &str, id: &str) -> Error {
    Error::internal(anyhow::anyhow!("the file of {table} is not in the order of its bucket: {id} is out of place"))
}

/// Indices below 0 or beyond 32 bits do not occur; they would be counted as the last.
fn small(index: i64) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// One column of a whole file.
fn whole(
    file: Option<bytes::Bytes>,
    leaves: &'static [&'static str],
    column: impl Fn(Columns<'_>) -> Result<StringArray>,
) -> Result<StringArray> {
    let parts = batches(file, leaves)?.map(|batch| column(Columns(&batch?))).collect::<Result<Vec<_>>>()?;
    joined(&parts)
}

fn joined(parts: &[StringArray]) -> Result<StringArray> {
    if parts.is_empty() {
        return Ok(StringArray::new_null(0));
    }
    let parts: Vec<&dyn Array> = parts.iter().map(|part| part as &dyn Array).collect();
    Ok(concat(&parts).map_err(Error::internal)?.as_string::<i32>().clone())
}

/// Codes of texts by first appearance.
#[derive(Default)]
struct Codes(HashMap<String, u32>);

impl Codes {
    fn code(&mut self, text: &str, names: &mut Vec<String>) -> u32 {
        if let Some(&code) = self.0.get(text) {
            return code;
        }
        let code = names.len() as u32;
        names.push(text.to_owned());
        self.0.insert(text.to_owned(), code);
        code
    }
}

fn code_of(
    codes: &mut HashMap<String, Vec<u32>>,
    controls: &mut Vec<(String, String)>,
    name: &str,
    r#type: &str,
) -> u32 {
    let of_name = codes.entry_ref(name).or_default();
    if let Some(&code) = of_name.iter().find(|&&code| controls[code as usize].1 == r#type) {
        return code;
    }
    let code = controls.len() as u32;
    controls.push((name.to_owned(), r#type.to_owned()));
    of_name.push(code);
    code
}
