//! Items on which annotators differ: the whole list of a snapshot, filtered and paged.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use datafusion::common::ScalarValue;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::agreement::ReportContext;
use super::answers::Answers;
use super::columns::{Columns, rfc3339};
use super::controls::{AnswerKind, controls};
use super::distance::Distance;
use super::ratings::ControlRatings;
use super::tidy;
use super::views::{Disagreement, DisagreementFilter, Page, Vote};
use crate::engine::{Engine, TableSet};
use crate::error::{Error, Result};
use crate::lake::hex;

pub const MAX_PAGE: usize = 500;
const PREVIEW_CHARS: usize = 160;
const ROWS_PER_TABLE: usize = 8192;

/// A disagreement with its time as a number, without a preview.
#[derive(Debug, Clone, PartialEq)]
pub struct Differing {
    pub row: Disagreement,
    pub updated_at: Option<i64>,
}

/// Every disagreement of the snapshot (or of a slice of it): highest score first, then by item and control.
pub fn all(answers: &Answers, context: &ReportContext) -> Result<Vec<Differing>> {
    let mut found = Vec::new();
    for control in controls(answers, context.config.as_deref()) {
        if control.why_not.is_none() {
            let ratings = ControlRatings::read(answers, &control, control.level(None)?)?;
            let distance = Distance::of(&ratings);
            let items = 0..ratings.items.len();
            found.extend(items.filter_map(|item| differing(&control.name, &ratings, &distance, item)));
        }
    }
    found.sort_by(|a, b| key(&a.row).cmp(&key(&b.row)));
    Ok(found)
}

/// Bits of a non-negative number order as the number does; the highest score comes first.
fn key(row: &Disagreement) -> (std::cmp::Reverse<u64>, &str, &str) {
    (std::cmp::Reverse(row.score.to_bits()), &row.item_id, &row.control)
}

fn differing(control: &str, ratings: &ControlRatings, distance: &Distance, item: usize) -> Option<Differing> {
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    for answer in &ratings.answers[ratings.of_item(item)] {
        *counts.entry(answer.label).or_default() += 1;
    }
    let counts: Vec<(u32, u64)> = counts.into_iter().collect();
    let score = distance.score(&counts).filter(|score| *score > 0.0)?;
    let votes = ratings.of_item(item).map(|at| vote(ratings, at));
    let updated_at = ratings.updated_at[item];
    let row = Disagreement {
        item_id: ratings.items[item].clone(),
        control: control.to_owned(),
        score,
        n_ratings: counts.iter().map(|(_, n)| n).sum(),
        votes: votes.collect(),
        preview: String::new(),
        updated_at: updated_at.and_then(rfc3339),
    };
    Some(Differing { row, updated_at })
}

fn vote(ratings: &ControlRatings, at: usize) -> Vote {
    let answer = ratings.answers[at];
    let one_by_one = || ratings.labels_of(answer.label).into_iter().map(str::to_owned).collect();
    Vote {
        annotator: ratings.raters[answer.rater as usize].clone(),
        label: ratings.shown(answer.label).into_owned(),
        labels: if ratings.kind == AnswerKind::Set { one_by_one() } else { Vec::new() },
        annotation_id: ratings.annotation_ids[at].clone(),
    }
}

/// A filter with its times read, without the slice (which `tables` carries).
struct Matcher<'f> {
    filter: &'f DisagreementFilter,
    from: Option<i64>,
    to: Option<i64>,
}

impl<'f> Matcher<'f> {
    fn new(filter: &'f DisagreementFilter) -> Result<Self> {
        let time = |name: &str, text: &Option<String>| text.as_deref().map(|text| parse_time(name, text)).transpose();
        if let Some(score) = filter.min_score.filter(|score| !(0.0..=1.0).contains(score)) {
            return Err(Error::invalid(format!("min_score must lie in 0 to 1, found {score}")));
        }
        Ok(Self::with_times(filter, (time("from", &filter.from)?, time("to", &filter.to)?)))
    }

    fn with_times(filter: &'f DisagreementFilter, (from, to): (Option<i64>, Option<i64>)) -> Self {
        Self { filter, from, to }
    }

    fn times(&self) -> (Option<i64>, Option<i64>) {
        (self.from, self.to)
    }

    fn matches(&self, found: &Differing) -> bool {
        let (filter, row) = (self.filter, &found.row);
        let voted = |label: &String| row.votes.iter().any(|vote| vote.has(label));
        let answer_of = |annotator: &String| {
            let vote = row.votes.iter().find(|vote| vote.annotator == *annotator);
            vote.map(|vote| (&vote.label, &vote.labels))
        };
        filter.control.as_ref().is_none_or(|control| *control == row.control)
            && filter.label.as_ref().is_none_or(voted)
            && filter.other_label.as_ref().is_none_or(voted)
            && filter.min_score.is_none_or(|least| row.score >= least)
            && self.from.is_none_or(|from| found.updated_at.is_some_and(|time| time >= from))
            && self.to.is_none_or(|to| found.updated_at.is_some_and(|time| time < to))
            && match (&filter.annotator, &filter.other_annotator) {
                (None, None) => true,
                (Some(one), None) | (None, Some(one)) => answer_of(one).is_some(),
                (Some(one), Some(other)) => match (answer_of(one), answer_of(other)) {
                    (Some(a), Some(b)) => a != b,
                    _ => false,
                },
            }
    }
}

/// A time, or a day (its beginning in UTC).
fn parse_time(name: &str, text: &str) -> Result<i64> {
    let day = || format!("{text}T00:00:00Z").parse::<jiff::Timestamp>();
    let time = text.parse::<jiff::Timestamp>().or_else(|_| day());
    time.map(jiff::Timestamp::as_microsecond).map_err(|_| {
        Error::invalid(format!(
            "{name} must be a time such as 2026-01-31T12:00:00Z or a day such as 2026-01-31, found {text:?}"
        ))
    })
}

/// Where the next page begins: bound to the snapshot and the filter, so that pages fit together.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    snapshot: i64,
    filter: String,
    score: u64,
    item: String,
    control: String,
}

fn filter_hash(filter: &DisagreementFilter) -> Result<String> {
    let text = serde_json::to_vec(filter).map_err(Error::internal)?;
    Ok(hex(&Sha256::digest(text)[..8]))
}

fn read_cursor(text: &str) -> Result<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| Error::invalid("the cursor is not one that this list gave out; start again without a cursor"))
}

/// The snapshot that a cursor continues.
pub fn cursor_snapshot(cursor: &str) -> Result<i64> {
    Ok(read_cursor(cursor)?.snapshot)
}

/// One page of `list` (as [`all`] gives it), without previews.
pub fn page(
    list: &[Differing],
    filter: &DisagreementFilter,
    snapshot: i64,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Disagreement>> {
    let hash = filter_hash(filter)?;
    let start = match cursor {
        None => 0,
        Some(text) => {
            let cursor = read_cursor(text)?;
            if cursor.filter != hash || cursor.snapshot != snapshot {
                return Err(Error::invalid(
                    "the cursor belongs to another filter or snapshot; start again without a cursor",
                ));
            }
            let last = (std::cmp::Reverse(cursor.score), cursor.item.as_str(), cursor.control.as_str());
            list.partition_point(|found| key(&found.row) <= last)
        }
    };
    let matcher = Matcher::new(filter)?;
    let limit = limit.clamp(1, MAX_PAGE);
    let mut items: Vec<Disagreement> = list[start..]
        .iter()
        .filter(|found| matcher.matches(found))
        .take(limit + 1)
        .map(|found| found.row.clone())
        .collect();
    let mut next_cursor = None;
    if items.len() > limit {
        items.truncate(limit);
        if let Some(last) = items.last() {
            let cursor = Cursor {
                snapshot,
                filter: hash,
                score: last.score.to_bits(),
                item: last.item_id.clone(),
                control: last.control.clone(),
            };
            next_cursor = Some(URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).map_err(Error::internal)?));
        }
    }
    Ok(Page { items, next_cursor })
}

/// Every row of `list` that passes the filter, as tables of so many rows each, without previews.
pub fn tables(
    list: Arc<Vec<Differing>>,
    filter: DisagreementFilter,
    snapshot: i64,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send> {
    // What is wrong with the filter is said before anything is sent.
    let times = Matcher::new(&filter)?.times();
    let mut next = 0;
    Ok(std::iter::from_fn(move || {
        let matcher = Matcher::with_times(&filter, times);
        let mut rows = Vec::new();
        while let Some(found) = list.get(next).filter(|_| rows.len() < ROWS_PER_TABLE) {
            next += 1;
            if matcher.matches(found) {
                rows.push(found.clone());
            }
        }
        (!rows.is_empty()).then(|| tidy::disagreements(&rows, snapshot))
    }))
}

/// Fills in a short text of each item.
pub async fn add_previews(engine: &Engine, tables: &TableSet, page: &mut Page<Disagreement>) -> Result<()> {
    if page.items.is_empty() {
        return Ok(());
    }
    let ids: Vec<ScalarValue> = page.items.iter().map(|row| ScalarValue::from(row.item_id.as_str())).collect();
    let list = ScalarValue::List(ScalarValue::new_list_nullable(&ids, &arrow::datatypes::DataType::Utf8));
    let mut previews: BTreeMap<String, String> = BTreeMap::new();
    for batch in engine.query(tables, include_str!("../../queries/lake/previews.sql"), vec![("items", list)]).await? {
        let (items, data) = (Columns(&batch).text("item_id")?, Columns(&batch).text("data")?);
        previews.extend((0..batch.num_rows()).map(|row| (items.value(row).to_owned(), preview(data.value(row)))));
    }
    for row in &mut page.items {
        if let Some(preview) = previews.remove(&row.item_id) {
            row.preview = preview.clone();
            // One item can differ in several controls.
            previews.insert(row.item_id.clone(), preview);
        }
    }
    Ok(())
}

/// The longest text of the item's data that is not a link or an embedded file, cut to a line.
fn preview(data: &str) -> String {
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(data) else { return String::new() };
    let is_link = |text: &str| {
        ["http://", "https://", "data:", "/data/", "s3://", "gs://"].iter().any(|scheme| text.starts_with(scheme))
    };
    let texts = fields.values().filter_map(serde_json::Value::as_str).filter(|text| !is_link(text));
    let longest = texts.max_by_key(|text| text.len()).unwrap_or_default();
    let line: String = longest.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(PREVIEW_CHARS) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(item: &str, score: f64, votes: &[(&str, &str)], updated_at: i64) -> Differing {
        let votes = votes.iter().map(|(annotator, label)| Vote {
            annotator: (*annotator).to_owned(),
            label: (*label).to_owned(),
            labels: Vec::new(),
            annotation_id: format!("{item}/{annotator}"),
        });
        let row = Disagreement {
            item_id: item.to_owned(),
            control: "c".to_owned(),
            score,
            n_ratings: 2,
            votes: votes.collect(),
            preview: String::new(),
            updated_at: rfc3339(updated_at),
        };
        Differing { row, updated_at: Some(updated_at) }
    }

    fn list() -> Vec<Differing> {
        vec![
            found("a", 1.0, &[("x", "good"), ("y", "bad")], 0),
            found("b", 1.0, &[("x", "good"), ("z", "ugly")], 86_400_000_000),
            found("c", 0.5, &[("x", "good"), ("y", "good"), ("z", "bad")], 2 * 86_400_000_000),
        ]
    }

    fn ids(filter: &DisagreementFilter) -> Vec<String> {
        page(&list(), filter, 1, None, 10).unwrap().items.into_iter().map(|row| row.item_id).collect()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn every_filter_narrows() {
        let none = DisagreementFilter::default;
        assert_eq!(ids(&none()), ["a", "b", "c"]);
        assert_eq!(ids(&DisagreementFilter { label: some("bad"), ..none() }), ["a", "c"]);
        assert_eq!(ids(&DisagreementFilter { label: some("good"), other_label: some("ugly"), ..none() }), ["b"]);
        assert_eq!(ids(&DisagreementFilter { annotator: some("y"), ..none() }), ["a", "c"]);
        // x and y took part in c and agree there.
        assert_eq!(ids(&DisagreementFilter { annotator: some("x"), other_annotator: some("y"), ..none() }), ["a"]);
        assert_eq!(ids(&DisagreementFilter { min_score: Some(0.6), ..none() }), ["a", "b"]);
        assert_eq!(
            ids(&DisagreementFilter { from: some("1970-01-02"), to: some("1970-01-03T00:00:00Z"), ..none() }),
            ["b"]
        );
        assert_eq!(ids(&DisagreementFilter { control: some("other"), ..none() }), [""; 0]);
    }

    #[test]
    fn a_set_has_the_labels_that_it_contains() {
        let mut row = found("a", 1.0, &[("x", "A, B"), ("y", "A, B"), ("z", "")], 0);
        row.row.votes[0].labels = vec!["A, B".to_owned()];
        row.row.votes[1].labels = vec!["A".to_owned(), "B".to_owned()];
        let found = |filter: &DisagreementFilter| {
            let page = page(std::slice::from_ref(&row), filter, 1, None, 10).unwrap();
            !page.items.is_empty()
        };
        let labelled = |label: &str| DisagreementFilter { label: some(label), ..DisagreementFilter::default() };
        assert!(found(&labelled("A")) && found(&labelled("A, B")) && !found(&labelled("C")));
        let two = DisagreementFilter { annotator: some("x"), other_annotator: some("y"), ..labelled("B") };
        assert!(found(&two), "one label with a comma is not two labels");
    }

    #[test]
    fn bad_filters_are_named() {
        for (filter, part) in [
            (DisagreementFilter { from: some("yesterday"), ..Default::default() }, "from must be a time"),
            (DisagreementFilter { min_score: Some(1.5), ..Default::default() }, "min_score"),
            (DisagreementFilter { min_score: Some(f64::NAN), ..Default::default() }, "min_score"),
        ] {
            let message = page(&list(), &filter, 1, None, 10).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn pages_join_to_the_whole_list() {
        let filter = DisagreementFilter::default();
        let (mut cursor, mut seen) = (None, Vec::new());
        loop {
            let page = page(&list(), &filter, 1, cursor.as_deref(), 1).unwrap();
            seen.extend(page.items.into_iter().map(|row| row.item_id));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["a", "b", "c"]);
    }

    #[test]
    fn cursors_fit_one_filter_and_snapshot() {
        let filter = DisagreementFilter::default();
        let cursor = page(&list(), &filter, 1, None, 1).unwrap().next_cursor.unwrap();
        assert_eq!(cursor_snapshot(&cursor).unwrap(), 1);
        let other = DisagreementFilter { min_score: Some(0.1), ..filter.clone() };
        for result in [
            page(&list(), &other, 1, Some(&cursor), 1),
            page(&list(), &filter, 2, Some(&cursor), 1),
            page(&list(), &filter, 1, Some("x"), 1),
        ] {
            assert!(result.unwrap_err().to_string().contains("cursor"));
        }
    }

    #[test]
    fn previews_show_text_not_links() {
        assert_eq!(
            preview(r#"{"image":"https://example.org/a-long-link.png","text":"two\n lines","n":3}"#),
            "two lines"
        );
        assert_eq!(preview(&format!(r#"{{"text":"{}"}}"#, "é".repeat(200))).chars().count(), PREVIEW_CHARS + 1);
        assert_eq!(preview("not json"), "");
    }
}
