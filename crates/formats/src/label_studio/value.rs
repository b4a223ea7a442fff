//! One result becomes its rows: a row per label, text, path or rank, with geometry and times in their columns and the rest in `raw`.

use std::borrow::Cow;

use arrow::error::ArrowError;
use serde_json::value::RawValue;

use super::json::{Fields, Leftovers, Scalar, Text, read, read_number};
use super::record::ResultItem;
use crate::rows::{Frame, ResultRow, ResultRows};

/// Between the parts of a taxonomy path.
const PATH_SEPARATOR: &str = " > ";
const RELATION: &str = "relation";

/// What a `value` holds, sorted into columns.
#[derive(Debug, Default)]
struct Value<'a> {
    labels: Option<Labels<'a>>,
    texts: Option<Vec<Text<'a>>>,
    number: Option<f64>,
    start: Scalar<'a>,
    end: Scalar<'a>,
    offsets: Option<[f64; 2]>,
    geometry: [Option<f64>; 5],
    points: Option<Vec<[f64; 2]>>,
    rle: Option<Vec<u8>>,
    frames: Option<Vec<Frame>>,
    unit: Option<&'static str>,
}

#[derive(Debug)]
enum Labels<'a> {
    Plain(Vec<Text<'a>>),
    Paths(Vec<Vec<Text<'a>>>),
    Ranks(Vec<Rank<'a>>),
}

#[derive(Debug)]
struct Rank<'a> {
    bucket: Option<Cow<'a, str>>,
    id: Cow<'a, str>,
    rank: i64,
}

/// Appends the rows of a result. `common` carries whose they are; `written` reads its fields again, for one of an unexpected type.
pub fn push_rows<'a>(
    rows: &mut ResultRows,
    common: &ResultRow<'_>,
    item: &ResultItem<'a>,
    leftovers: &mut Leftovers,
    written: impl FnOnce() -> Fields<'a>,
) -> Result<(), ArrowError> {
    let kind = item.r#type.text().unwrap_or_default();
    let is_relation = kind == RELATION;
    let Sorted { value, unused, unused_labels } = sort_value(kind, item);
    leftovers.clear();
    for (key, raw) in &item.rest {
        leftovers.add(key, raw.get());
    }
    if let Some(raw) = unused_labels {
        leftovers.add("labels", raw.get());
    }
    if !unused.is_empty() {
        let mut inner = Leftovers::default();
        for (key, raw) in unused {
            inner.add(key, raw.get());
        }
        if let Some(inner) = inner.finish() {
            leftovers.add("value", inner);
        }
    }
    let is_text = |scalar: &Scalar<'_>| matches!(scalar, Scalar::Null | Scalar::Text(_));
    let is_number = |scalar: &Scalar<'_>| *scalar == Scalar::Null || scalar.number().is_some();
    let has_column = [
        ("id", is_text(&item.id)),
        ("from_name", is_text(&item.from_name)),
        ("to_name", is_text(&item.to_name)),
        ("parentID", is_text(&item.parent_id)),
        ("from_id", item.from_id == Scalar::Null || is_relation && is_text(&item.from_id)),
        ("to_id", item.to_id == Scalar::Null || is_relation && is_text(&item.to_id)),
        ("direction", is_text(&item.direction)),
        ("score", is_number(&item.score)),
        ("original_width", is_number(&item.original_width)),
        ("original_height", is_number(&item.original_height)),
    ];
    leftovers.add_misfits(&has_column, written);
    let [x, y, width, height, rotation] = value.geometry;
    let bbox = match (x, y, width, height) {
        (Some(x), Some(y), Some(width), Some(height)) => Some([x, y, width, height, rotation.unwrap_or_default()]),
        _ => None,
    };
    let single_point = [[x.unwrap_or_default(), y.unwrap_or_default()]];
    let points = match (&value.points, bbox, x, y) {
        (Some(points), ..) => Some(points.as_slice()),
        (None, None, Some(_), Some(_)) => Some(single_point.as_slice()),
        _ => None,
    };
    let base = ResultRow {
        r#type: kind,
        control: item.from_name.text(),
        target: item.to_name.text(),
        region_id: item.id.text(),
        parent_region_id: item.parent_id.text(),
        number: value.number,
        start: value.offsets.map(|offsets| offsets[0]).or_else(|| value.start.number()),
        end: value.offsets.map(|offsets| offsets[1]).or_else(|| value.end.number()),
        unit: value.unit,
        start_text: if is_relation { item.from_id.text() } else { value.start.text() },
        end_text: if is_relation { item.to_id.text() } else { value.end.text() },
        bbox,
        points,
        rle: value.rle.as_deref(),
        frames: value.frames.as_deref(),
        score: item.score.number(),
        direction: item.direction.text(),
        original_width: item.original_width.number(),
        original_height: item.original_height.number(),
        raw: leftovers.finish(),
        ..common.clone()
    };
    push_labelled(rows, &base, &value)
}

fn push_labelled(rows: &mut ResultRows, base: &ResultRow<'_>, value: &Value<'_>) -> Result<(), ArrowError> {
    // A region's own text stands on each of its labels; with ranks the column holds the bucket.
    let text = match (&value.labels, &value.texts) {
        (Some(Labels::Plain(_) | Labels::Paths(_)), Some(texts)) => texts.first().map(|text| text.0.as_ref()),
        _ => None,
    };
    let count = match (&value.labels, &value.texts) {
        (Some(Labels::Plain(labels)), _) => labels.len(),
        (Some(Labels::Paths(paths)), _) => paths.len(),
        (Some(Labels::Ranks(ranks)), _) => ranks.len(),
        (None, texts) => texts.as_ref().map_or(0, Vec::len),
    };
    rows.reserve(count.max(1), &ResultRow { text, ..base.clone() })?;
    let mut index = 0;
    let mut push = |row: ResultRow<'_>| {
        let row = ResultRow { label_index: index, ..row };
        index += 1;
        rows.push(&row)
    };
    match (&value.labels, &value.texts) {
        (Some(Labels::Ranks(ranks)), _) => {
            for rank in ranks {
                push(ResultRow {
                    label: Some(&rank.id),
                    text: rank.bucket.as_deref(),
                    rank: Some(rank.rank),
                    ..base.clone()
                })?;
            }
        }
        (Some(Labels::Paths(paths)), _) => {
            for path in paths {
                let label = path.iter().map(|part| part.0.as_ref()).collect::<Vec<_>>().join(PATH_SEPARATOR);
                push(ResultRow { label: Some(&label), text, ..base.clone() })?;
            }
        }
        (Some(Labels::Plain(labels)), _) => {
            for label in labels {
                push(ResultRow { label: Some(&label.0), text, ..base.clone() })?;
            }
        }
        (None, Some(texts)) => {
            for text in texts {
                push(ResultRow { text: Some(&text.0), ..base.clone() })?;
            }
        }
        (None, None) => {}
    }
    if count == 0 {
        // An empty list, or a value without labels or texts, is an answer as well.
        rows.push(&ResultRow { text, ..base.clone() })?;
    }
    Ok(())
}

/// A result's value by columns, and the fields that do not fit one.
struct Sorted<'v, 'a> {
    value: Value<'a>,
    unused: Vec<(&'v str, &'a RawValue)>,
    /// The labels that stand beside the value, unless they are the result's labels.
    unused_labels: Option<&'a RawValue>,
}

fn sort_value<'v, 'a>(kind: &str, item: &'v ResultItem<'a>) -> Sorted<'v, 'a> {
    let mut value = Value::default();
    let mut unused = Vec::new();
    let mut unused_labels = item.labels;
    if kind == RELATION {
        unused_labels = unused_labels.filter(|raw| !take_labels(&mut value, raw));
    }
    // What the control itself says goes first: the text and labels of the region that it speaks of may stand beside it, in any order.
    let own = own_field(kind);
    let fields = || item.value.0.iter();
    for (key, raw) in fields().filter(|(key, _)| key == own).chain(fields().filter(|(key, _)| key != own)) {
        if !take_field(&mut value, kind, key, raw) {
            unused.push((key.as_ref(), *raw));
        }
    }
    if kind != RELATION {
        unused_labels = unused_labels.filter(|raw| !take_labels(&mut value, raw));
    }
    for (key, raw) in &item.value.0 {
        if has_no_column(&value, kind, key) && !unused.iter().any(|(unused, _)| unused == key) {
            unused.push((key.as_ref(), *raw));
        }
    }
    value.unit = unit(kind, &value, item);
    Sorted { value, unused, unused_labels }
}

/// The field of a value that holds what a control says.
fn own_field(kind: &str) -> &str {
    match kind {
        "textarea" => "text",
        "pairwise" => "selected",
        kind => kind,
    }
}

/// Whether a field was understood but finds no place beside the others: half a box, a second text of labels.
fn has_no_column(value: &Value<'_>, kind: &str, key: &str) -> bool {
    let [x, y, width, height, _] = value.geometry.map(|number| number.is_some());
    let is_box = x && y && width && height;
    let no_place = |scalar: &Scalar<'_>| match scalar {
        Scalar::Text(_) => kind == RELATION,
        scalar => value.offsets.is_some() && scalar.number().is_some(),
    };
    match key {
        "x" | "y" => !(is_box || x && y && value.points.is_none()),
        "width" | "height" | "rotation" => !is_box,
        "start" => no_place(&value.start),
        "end" => no_place(&value.end),
        "text" | "datetime" => match (&value.labels, &value.texts) {
            (Some(Labels::Ranks(_)), Some(_)) => true,
            (Some(_), Some(texts)) => texts.len() > 1,
            _ => false,
        },
        _ => false,
    }
}

fn take_field<'a>(value: &mut Value<'a>, kind: &str, key: &str, raw: &'a RawValue) -> bool {
    match key {
        "choices" => take_labels(value, raw) || take_paths(value, raw),
        "taxonomy" => take_paths(value, raw),
        "text" => take_texts(value, kind, raw),
        "rating" | "number" => take_number(&mut value.number, raw),
        "datetime" => take_one(&mut value.texts, raw),
        "selected" => take_selected(value, raw),
        "ranker" => take_ranks(value, raw),
        "start" => take_simple(&mut value.start, raw),
        "end" => take_simple(&mut value.end, raw),
        "globalOffsets" => take_offsets(value, raw),
        "ranges" => take_range(value, raw),
        "x" => take_number(&mut value.geometry[0], raw),
        "y" => take_number(&mut value.geometry[1], raw),
        // The size of a key point's dot is no geometry.
        "width" if kind != "keypointlabels" && kind != "keypoint" => take_number(&mut value.geometry[2], raw),
        "height" => take_number(&mut value.geometry[3], raw),
        "rotation" if !kind.starts_with("ellipse") => take_number(&mut value.geometry[4], raw),
        "points" => take(&mut value.points, raw),
        "rle" => take(&mut value.rle, raw),
        "sequence" => take_frames(value, raw),
        key if key == kind || key.ends_with("labels") => take_labels(value, raw),
        _ => false,
    }
}

fn take<'a, T: serde::Deserialize<'a>>(slot: &mut Option<T>, raw: &'a RawValue) -> bool {
    if slot.is_some() {
        return false;
    }
    *slot = read(raw);
    slot.is_some()
}

fn take_number(slot: &mut Option<f64>, raw: &RawValue) -> bool {
    if slot.is_some() {
        return false;
    }
    *slot = read_number(raw);
    slot.is_some()
}

fn take_one<'a>(slot: &mut Option<Vec<Text<'a>>>, raw: &'a RawValue) -> bool {
    let mut one: Option<Text<'a>> = None;
    let taken = slot.is_none() && take(&mut one, raw);
    if taken {
        *slot = one.map(|text| vec![text]);
    }
    taken
}

fn take_labels<'a>(value: &mut Value<'a>, raw: &'a RawValue) -> bool {
    let taken = if value.labels.is_none() { read(raw) } else { None };
    let is_taken = taken.is_some();
    value.labels = taken.map(Labels::Plain).or(value.labels.take());
    is_taken
}

fn take_selected<'a>(value: &mut Value<'a>, raw: &'a RawValue) -> bool {
    let mut one = None;
    let taken = value.labels.is_none() && take_one(&mut one, raw);
    if taken {
        value.labels = one.map(Labels::Plain);
    }
    taken
}

fn take_simple<'a>(slot: &mut Scalar<'a>, raw: &'a RawValue) -> bool {
    match Scalar::of(raw) {
        scalar @ (Scalar::Integer(_) | Scalar::Number(_) | Scalar::Text(_)) => {
            *slot = scalar;
            true
        }
        _ => false,
    }
}

fn take_texts<'a>(value: &mut Value<'a>, kind: &str, raw: &'a RawValue) -> bool {
    if kind == "textarea" {
        return take(&mut value.texts, raw) || take_one(&mut value.texts, raw);
    }
    take_one(&mut value.texts, raw)
}

fn take_paths<'a>(value: &mut Value<'a>, raw: &'a RawValue) -> bool {
    if value.labels.is_some() {
        return false;
    }
    let Some(paths) = read::<Vec<Vec<Text<'a>>>>(raw) else { return false };
    // A part that contains the separator cannot be told from two parts: then the paths are kept as written too.
    let ambiguous = paths.iter().flatten().any(|part| part.0.contains(PATH_SEPARATOR));
    value.labels = Some(Labels::Paths(paths));
    !ambiguous
}

/// Three shapes: a list; lists by control; lists by bucket. A bucket without members makes no row and is kept as written too.
fn take_ranks<'a>(value: &mut Value<'a>, raw: &'a RawValue) -> bool {
    if value.labels.is_some() {
        return false;
    }
    let ranked = |bucket: Option<Cow<'a, str>>, ids: Vec<Text<'a>>| {
        (1..).zip(ids).map(move |(rank, id)| Rank { bucket: bucket.clone(), id: id.0, rank }).collect::<Vec<_>>()
    };
    if let Some(ids) = read::<Vec<Text<'a>>>(raw) {
        value.labels = Some(Labels::Ranks(ranked(None, ids)));
        return true;
    }
    let Some(lists) = read::<Fields<'a>>(raw) else { return false };
    let (mut all, mut complete) = (Vec::new(), true);
    for (bucket, list) in lists.0 {
        let Some(ids) = read::<Vec<Text<'a>>>(list) else { return false };
        complete &= !ids.is_empty();
        all.extend(ranked(Some(bucket), ids));
    }
    value.labels = Some(Labels::Ranks(all));
    complete
}

/// Key frames only: an export can fill in the frames between them. Frames with more than the columns hold are kept as written too.
fn take_frames<'a>(value: &mut Value<'a>, raw: &'a RawValue) -> bool {
    const KNOWN: [&str; 9] = ["frame", "enabled", "x", "y", "width", "height", "rotation", "time", "auto"];
    if !take(&mut value.frames, raw) {
        return false;
    }
    if let Some(frames) = &mut value.frames {
        frames.retain(|frame| !frame.auto);
    }
    read::<Vec<Fields<'a>>>(raw).unwrap_or_default().iter().all(|frame| frame.are_among(&KNOWN))
}

#[derive(serde::Deserialize)]
struct Range {
    start: f64,
    end: f64,
}

/// Offsets with more than the columns hold are kept as written too.
fn take_offsets<'a>(value: &mut Value<'a>, raw: &'a RawValue) -> bool {
    if value.offsets.is_some() {
        return false;
    }
    value.offsets = read::<Range>(raw).map(|offsets| [offsets.start, offsets.end]);
    value.offsets.is_some() && read::<Fields<'a>>(raw).is_some_and(|fields| fields.are_among(&["start", "end"]))
}

/// One range fits the columns; of several the first stands there and all are kept as written.
fn take_range<'a>(value: &mut Value<'a>, raw: &'a RawValue) -> bool {
    let Some(ranges) = read::<Vec<&'a RawValue>>(raw) else { return false };
    let first = ranges.first().is_some_and(|first| take_offsets(value, first));
    first && ranges.len() == 1
}

/// What `start` and `end` count.
fn unit(kind: &str, value: &Value<'_>, item: &ResultItem<'_>) -> Option<&'static str> {
    let has_numbers = value.offsets.is_some() || value.start.number().is_some();
    let is_audio = item.rest.iter().any(|(key, _)| key == "original_length")
        || item.value.0.iter().any(|(key, _)| key == "channel");
    match kind {
        _ if !has_numbers => None,
        "timelinelabels" => Some("frame"),
        "timeserieslabels" | "timeseries" => Some("axis"),
        _ if is_audio => Some("second"),
        "labels" | "hypertextlabels" | "paragraphlabels" => Some("code_point"),
        _ => None,
    }
}
