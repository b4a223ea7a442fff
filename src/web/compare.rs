//! Answers side by side as a grid: a row per question (a control, a span, the regions of a control), a column per annotation.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::item::badges;
use super::palette::{self, Palette};
use super::spans;
use super::text;
use super::timeline;
use crate::reports::views::{AnnotationView, ResultView};

/// One question and everybody's answers to it.
#[derive(Debug, PartialEq)]
pub struct Row {
    pub control: String,
    /// The quoted span, `regions` or `segments` (then answers are counted); empty for answers about the whole item.
    pub about: String,
    /// One answer per annotation: its values, empty when there is none.
    pub answers: Vec<Vec<String>>,
    /// Whether an annotation without this answer disagrees (spans, regions), or merely did not answer.
    absence_counts: bool,
}

/// What a result is about; orders the rows of a control by place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Item,
    Span { start: u64, end: u64, quote: String },
    Segments,
    Regions,
}

fn about(result: &ResultView) -> About {
    if result.bbox.is_some() || result.points.is_some() {
        return About::Regions;
    }
    if timeline::is_segment(result) {
        return About::Segments;
    }
    match (result.start, result.end) {
        (Some(start), Some(end)) => {
            About::Span { start: order(start), end: order(end), quote: quote(result, start, end) }
        }
        _ => About::Item,
    }
}

/// A key that sorts numbers by size, to the millionth.
fn order(value: f64) -> u64 {
    (value.max(0.0) * 1e6) as u64
}

fn quote(result: &ResultView, start: f64, end: f64) -> String {
    let range = format!("{} – {}", text::number(start), text::number(end));
    match result.text.as_deref().filter(|quote| !quote.is_empty() && is_labelled(result)) {
        Some(quote) => format!("“{}” {range}", text::shorten(quote, 60)),
        None => range,
    }
}

/// Whether a result's text is the text it marks, and not the answer itself.
fn is_labelled(result: &ResultView) -> bool {
    !result.labels.is_empty()
}

/// The control of a result; relations have none.
pub fn question(result: &ResultView) -> &str {
    if result.control.is_empty() { &result.r#type } else { &result.control }
}

/// The answer of one result as short text: labels, else a number, else words, else that something is there.
pub fn values(result: &ResultView) -> Vec<String> {
    if result.r#type == "ranker" {
        // Order is the answer, so it must survive the sorting of values.
        vec![result.labels.join(" › ")]
    } else if !result.labels.is_empty() {
        result.labels.clone()
    } else if let Some(number) = result.number {
        vec![text::number(number)]
    } else if let Some(words) = &result.text {
        vec![words.clone()]
    } else {
        vec![result.raw.as_ref().map_or_else(|| result.r#type.clone(), |raw| text::shorten(&raw.to_string(), 120))]
    }
}

/// The grid of an item's answers.
pub fn rows(annotations: &[AnnotationView]) -> Vec<Row> {
    let mut grid: BTreeMap<(String, About), Vec<Vec<String>>> = BTreeMap::new();
    for (at, annotation) in annotations.iter().enumerate() {
        for result in &annotation.results {
            let answers = grid
                .entry((question(result).to_owned(), about(result)))
                .or_insert_with(|| vec![Vec::new(); annotations.len()]);
            answers[at].extend(values(result));
        }
    }
    grid.into_iter()
        .map(|((control, about), mut answers)| {
            let absence_counts = about != About::Item;
            answers.iter_mut().for_each(|values| *values = counted(values));
            let about = match about {
                About::Item => String::new(),
                About::Span { quote, .. } => quote,
                About::Segments => "segments".to_owned(),
                About::Regions => "regions".to_owned(),
            };
            Row { control, about, answers, absence_counts }
        })
        .collect()
}

/// `["car", "tree", "car"]` as `["car × 2", "tree"]`.
fn counted(values: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().map(|(value, n)| if n == 1 { value.to_owned() } else { format!("{value} × {n}") }).collect()
}

/// Whether an annotation is one of the answers to compare: submitted by a person, not skipped, not the reference.
pub fn compared(annotation: &AnnotationView) -> bool {
    annotation.kind == "annotation" && !annotation.cancelled && !annotation.draft && !annotation.ground_truth
}

impl Row {
    /// For each annotation whether it departs from the commonest answer. In a tie everybody does; where nothing is compared
    /// or all agree, nobody does.
    pub fn odd(&self, annotations: &[AnnotationView]) -> Vec<bool> {
        let counts = |at: usize| compared(&annotations[at]) && (self.absence_counts || !self.answers[at].is_empty());
        let mut groups: BTreeMap<&[String], usize> = BTreeMap::new();
        for at in (0..annotations.len()).filter(|at| counts(*at)) {
            *groups.entry(&self.answers[at]).or_default() += 1;
        }
        let most = groups.values().copied().max().unwrap_or(0);
        let tied = groups.values().filter(|n| **n == most).count() > 1;
        (0..annotations.len())
            .map(|at| counts(at) && groups.len() > 1 && (tied || groups[self.answers[at].as_slice()] < most))
            .collect()
    }
}

/// The grid as a table; rows on which annotators differ say so in words as well as in colour.
pub fn render(annotations: &[AnnotationView], palette: &Palette) -> Markup {
    let rows = rows(annotations);
    html! {
        table.compare {
            thead {
                tr {
                    th scope="col" { "Question" }
                    @for (at, annotation) in annotations.iter().enumerate() {
                        th scope="col" {
                            span class={ "swatch " (palette::rater(at)) } {} (annotation.rater_name) (badges(annotation))
                        }
                    }
                }
            }
            tbody {
                @for row in &rows {
                    @let odd = row.odd(annotations);
                    @let differs = odd.contains(&true);
                    tr.differs[differs] {
                        th scope="row" {
                            code { (row.control) } @if !row.about.is_empty() { " " span.about { (row.about) } }
                            @if differs { span.badge.warn { "differs" } }
                        }
                        @for (at, values) in row.answers.iter().enumerate() {
                            td.odd[odd[at]] { (answer(row, values, palette)) }
                        }
                    }
                }
            }
        }
    }
}

fn answer(row: &Row, values: &[String], palette: &Palette) -> Markup {
    html! {
        @if values.is_empty() { span.quiet { "—" } }
        @for value in values {
            @let label = value.split(" × ").next().unwrap_or(value);
            span class={ "chip " (palette.label(&row.control, label)) } { (text::shorten(value, 120)) } " "
        }
    }
}

/// The text field that an item's spans lie in: the one in which most of them fit.
pub fn spanned_text<'a>(fields: &[(&'a str, &'a str)], annotations: &[AnnotationView]) -> Option<&'a str> {
    let results: Vec<&ResultView> =
        annotations.iter().flat_map(|annotation| &annotation.results).filter(|r| is_labelled(r)).collect();
    let fitting = |text: &str| results.iter().filter(|result| spans::place(text, result).is_some()).count();
    fields
        .iter()
        .map(|(_, text)| (fitting(text), *text))
        .filter(|(n, _)| *n > 0)
        .max_by_key(|(n, text)| (*n, std::cmp::Reverse(text.len())))
        .map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures::{image_item, text_item};

    #[test]
    fn rows_are_controls_and_spans_and_odd_ones_stand_out() {
        let annotations = text_item().annotations;
        let rows = rows(&annotations);
        let names: Vec<(&str, &str)> = rows.iter().map(|row| (row.control.as_str(), row.about.as_str())).collect();
        assert_eq!(names[0], ("ner", "“Angela Merkel” 0 – 13"));
        assert_eq!(names.last(), Some(&("sentiment", "")));
        let sentiment = rows.last().unwrap();
        assert_eq!(
            sentiment.odd(&annotations),
            [false, true, false, false, false],
            "one of three departs; model and skip do not count"
        );
        let google = rows.iter().find(|row| row.about.starts_with("“Google”")).unwrap();
        assert_eq!(
            google.odd(&annotations),
            [false, false, true, false, false],
            "no span where others have one is a difference"
        );
    }

    #[test]
    fn regions_are_counted_by_label() {
        let annotations = image_item().annotations;
        let rows = rows(&annotations);
        assert_eq!(rows[0].answers, [vec!["car".to_owned()], vec!["truck".to_owned()]]);
        assert_eq!(rows[0].odd(&annotations), [true, true], "a tie has no winner");
        assert_eq!(counted(&["a".into(), "b".into(), "a".into()]), ["a × 2", "b"]);
    }

    #[test]
    fn rankings_differ_by_their_order() {
        let rank = |labels: [&str; 2]| ResultView {
            r#type: "ranker".into(),
            labels: labels.map(str::to_owned).to_vec(),
            ..ResultView::default()
        };
        assert_ne!(values(&rank(["a", "b"])), values(&rank(["b", "a"])));
    }

    #[test]
    fn the_spanned_field_is_the_one_in_which_spans_fit() {
        let item = text_item();
        let text = item.data["text"].as_str().unwrap();
        assert_eq!(spanned_text(&[("title", "Angela"), ("text", text)], &item.annotations), Some(text));
        assert_eq!(spanned_text(&[("title", "A")], &item.annotations), None);
    }
}
