//! One result becomes its rows: a row per label, text, path or rank, with geometry and times in their columns and the rest in `raw`.

use std::borrow::Cow;

use arrow::error::ArrowError;
use serde_json::value::RawValue;

use super::json::{Fields, Leftovers, Scalar, Text, read};
use super::record::ResultItem;
use crate::rows::{Frame, ResultRow, ResultRows};

/// Between the parts of a taxonomy path.
const PATH_SEPARATOR: &str = " > ";

/// What a `value` holds, sorted into columns.
#[derive(Debug, Default)]
struct Value<'a> {
    labels: Option<Vec<Text<'a>>>,
    paths: Option<Vec<Vec<Text<'a>>>>,
    texts: Option<Vec<Text<'a>>>,
    ranks: Option<Vec<Rank<'a>>>,
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
struct Rank<'a> {
    bucket: Option<Cow<'a, str>>,
    id: Cow<'a, str>,
    rank: i64,
}

/// Appends the rows of a result. `common` carries whose they are.
pub fn push_rows<'a>(
    rows: &mut ResultRows,
    common: &ResultRow<'_>,
    item: &ResultItem<'a>,
    leftovers: &mut Leftovers,
) -> Result<(), ArrowError> {
    let kind = item.r#type.text().unwrap_or_default();
    let (value, unused) = sort_value(kind, item);
    leftovers.clear();
    for (key, raw) in &item.rest {
        leftovers.add(key, raw.get());
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
    for (key, scalar, number) in [
        ("id", &item.id, false),
        ("from_name", &item.from_name, false),
        ("to_name", &item.to_name, false),
        ("parentID", &item.parent_id, false),
        ("from_id", &item.from_id, false),
        ("to_id", &item.to_id, false),
        ("direction", &item.direction, false),
        ("score", &item.score, true),
        ("original_width", &item.original_width, true),
        ("original_height", &item.original_height, true),
    ] {
        add_misfit(leftovers, key, scalar, number);
    }
    let is_relation = kind == "relation";
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
    let mut index = 0;
    let mut push = |row: ResultRow<'_>| {
        let row = ResultRow { label_index: index, ..row };
        index += 1;
        rows.push(&row)
    };
    if let Some(ranks) = &value.ranks {
        for rank in ranks {
            push(ResultRow {
                label: Some(&rank.id),
                text: rank.bucket.as_deref(),
                rank: Some(rank.rank),
                ..base.clone()
            })?;
        }
    } else if let Some(paths) = &value.paths {
        for path in paths {
            let label = path.iter().map(|part| part.0.as_ref()).collect::<Vec<_>>().join(PATH_SEPARATOR);
            push(ResultRow { label: Some(&label), ..base.clone() })?;
        }
    } else if let Some(labels) = &value.labels {
        // A region's own text stands on each of its labels.
        let text = value.texts.as_ref().and_then(|texts| texts.first()).map(|text| text.0.as_ref());
        for label in labels {
            push(ResultRow { label: Some(&label.0), text, ..base.clone() })?;
        }
    } else if let Some(texts) = &value.texts {
        for text in texts {
            push(ResultRow { text: Some(&text.0), ..base.clone() })?;
        }
    }
    if index == 0 {
        // An empty list, or a value without labels or texts, is an answer as well.
        rows.push(base)?;
    }
    Ok(())
}

/// Keeps a field of an unexpected type, as a text for readers of `raw`.
fn add_misfit(leftovers: &mut Leftovers, key: &str, scalar: &Scalar<'_>, number: bool) {
    let fits = match scalar {
        Scalar::Null => true,
        Scalar::Text(_) => !number,
        Scalar::Integer(_) | Scalar::Number(_) => number,
        Scalar::Bool(_) | Scalar::List | Scalar::Object => false,
    };
    if !fits {
        leftovers.add(key, &serde_json::to_string(&scalar.describe()).unwrap_or_default());
    }
}

type Unused<'v, 'a> = Vec<(&'v str, &'a RawValue)>;

/// Sorts the fields of a value into columns; those that do not fit one are returned.
fn sort_value<'v, 'a>(kind: &str, item: &'v ResultItem<'a>) -> (Value<'a>, Unused<'v, 'a>) {
    let mut value = Value::default();
    let mut unused = Vec::new();
    for (key, raw) in &item.value.0 {
        if !take_field(&mut value, kind, key, raw) {
            unused.push((key.as_ref(), *raw));
        }
    }
    if let Some(raw) = item.labels {
        value.labels = read(raw);
        if value.labels.is_none() {
            unused.push(("labels", raw));
        }
    }
    for (key, raw) in &item.value.0 {
        if has_no_column(&value, key) && !unused.iter().any(|(unused, _)| unused == key) {
            unused.push((key.as_ref(), *raw));
        }
    }
    value.unit = unit(kind, &value, item);
    (value, unused)
}

/// Whether a field was understood but finds no place beside the others: half a box, a second text of labels.
fn has_no_column(value: &Value<'_>, key: &str) -> bool {
    let [x, y, width, height, _] = value.geometry.map(|number| number.is_some());
    let is_box = x && y && width && height;
    match key {
        "x" | "y" => !(is_box || x && y && value.points.is_none()),
        "width" | "height" | "rotation" => !is_box,
        "text" => {
            let has_labels = value.labels.is_some() || value.paths.is_some() || value.ranks.is_some();
            has_labels && value.texts.as_ref().is_some_and(|texts| texts.len() > 1)
        }
        _ => false,
    }
}

fn take_field<'a>(value: &mut Value<'a>, kind: &str, key: &str, raw: &'a RawValue) -> bool {
    match key {
        "choices" => take(&mut value.labels, raw),
        "taxonomy" => take_paths(value, raw),
        "text" => take_texts(value, kind, raw),
        "rating" | "number" => take(&mut value.number, raw),
        "datetime" => take_one(&mut value.texts, raw),
        "selected" => take_one(&mut value.labels, raw),
        "ranker" => take_ranks(value, raw),
        "start" => take_simple(&mut value.start, raw),
        "end" => take_simple(&mut value.end, raw),
        "globalOffsets" => take_offsets(value, raw),
        "ranges" => take_range(value, raw),
        "x" => take(&mut value.geometry[0], raw),
        "y" => take(&mut value.geometry[1], raw),
        // The size of a key point's dot is no geometry.
        "width" if kind != "keypointlabels" && kind != "keypoint" => take(&mut value.geometry[2], raw),
        "height" => take(&mut value.geometry[3], raw),
        "rotation" if !kind.starts_with("ellipse") => take(&mut value.geometry[4], raw),
        "points" => take(&mut value.points, raw),
        "rle" => take(&mut value.rle, raw),
        "sequence" => take_frames(value, raw),
        key if key == kind || key.ends_with("labels") => take(&mut value.labels, raw),
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

fn take_one<'a>(slot: &mut Option<Vec<Text<'a>>>, raw: &'a RawValue) -> bool {
    let mut one: Option<Text<'a>> = None;
    let taken = slot.is_none() && take(&mut one, raw);
    if taken {
        *slot = one.map(|text| vec![text]);
    }
    taken
}

fn take_simple<'a>(slot: &mut Scalar<'a>, raw: &'a RawValue) -> bool {
    match read(raw) {
        Some(scalar @ (Scalar::Integer(_) | Scalar::Number(_) | Scalar::Text(_))) => {
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
    let taken = take(&mut value.paths, raw);
    // A part that contains the separator cannot be told from two parts: then the paths are kept as written too.
    let ambiguous = |paths: &Vec<Vec<Text<'_>>>| paths.iter().flatten().any(|part| part.0.contains(PATH_SEPARATOR));
    taken && !value.paths.as_ref().is_some_and(ambiguous)
}

/// Three shapes: a list; lists by control; lists by bucket.
fn take_ranks<'a>(value: &mut Value<'a>, raw: &'a RawValue) -> bool {
    let ranked = |bucket: Option<Cow<'a, str>>, ids: Vec<Text<'a>>| {
        (1..).zip(ids).map(move |(rank, id)| Rank { bucket: bucket.clone(), id: id.0, rank }).collect::<Vec<_>>()
    };
    if let Some(ids) = read::<Vec<Text<'a>>>(raw) {
        value.ranks = Some(ranked(None, ids));
        return true;
    }
    let Some(lists) = read::<Fields<'a>>(raw) else { return false };
    let mut all = Vec::new();
    for (bucket, list) in lists.0 {
        let Some(ids) = read::<Vec<Text<'a>>>(list) else { return false };
        all.extend(ranked(Some(bucket), ids));
    }
    value.ranks = Some(all);
    true
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
    let fields = read::<Vec<Fields<'a>>>(raw).unwrap_or_default();
    fields.iter().flat_map(|frame| &frame.0).all(|(key, _)| KNOWN.contains(&key.as_ref()))
}

fn take_offsets<'a>(value: &mut Value<'a>, raw: &'a RawValue) -> bool {
    #[derive(serde::Deserialize)]
    struct Offsets {
        start: f64,
        end: f64,
    }
    value.offsets = read::<Offsets>(raw).map(|offsets| [offsets.start, offsets.end]);
    value.offsets.is_some()
}

/// One range fits the columns; of several the first stands there and all are kept as written.
fn take_range<'a>(value: &mut Value<'a>, raw: &'a RawValue) -> bool {
    #[derive(serde::Deserialize)]
    struct Range {
        start: f64,
        end: f64,
    }
    let Some(ranges) = read::<Vec<Range>>(raw) else { return false };
    if let Some(first) = ranges.first() {
        value.offsets = Some([first.start, first.end]);
    }
    ranges.len() == 1
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
