//! Segments of audio, video and time series: a lane per rater on one common axis.

use maud::{Markup, html};

use super::compare::question;
use super::palette::{self, Palette};
use super::text;
use crate::reports::views::{AnnotationView, ResultView};

/// Lanes are drawn in thousandths of the axis.
const WIDTH: f64 = 1000.0;

/// A result that marks a stretch of time (or of anything else that is not the letters of a text).
pub fn is_segment(result: &ResultView) -> bool {
    let bounded =
        matches!((result.start, result.end), (Some(start), Some(end)) if start.is_finite() && end.is_finite());
    let quotes = !result.labels.is_empty() && result.text.as_deref().is_some_and(|text| !text.is_empty());
    bounded && !quotes && result.bbox.is_none()
}

/// The lanes of an item's segments; nothing when it has none.
pub fn render(annotations: &[AnnotationView], palette: &Palette) -> Markup {
    let labelled = |result: &&ResultView| is_segment(result) && !result.labels.is_empty();
    let all = || annotations.iter().flat_map(|annotation| annotation.results.iter().filter(labelled));
    let start = all().filter_map(|result| result.start).fold(f64::INFINITY, f64::min).min(0.0);
    let end = all().filter_map(|result| result.end).fold(f64::NEG_INFINITY, f64::max);
    html! {
        @if end > start {
            div.lanes role="group" aria-label="Segments of each rater" {
                @for (at, annotation) in annotations.iter().enumerate() {
                    @let segments: Vec<&ResultView> = annotation.results.iter().filter(labelled).collect();
                    span { span class={ "swatch " (palette::rater(at)) } {} (annotation.rater_name) }
                    @let n = text::counted(segments.len() as u64, "segment", "segments");
                    svg.lane viewBox=(format!("0 0 {WIDTH} 14")) preserveAspectRatio="none" role="img" aria-label=(n) {
                        @for segment in segments { (bar(segment, start, end, palette)) }
                    }
                }
                span {}
                span.ends { span { (text::number(start)) } span { (text::number(rounded(end))) } }
            }
        }
    }
}

fn bar(segment: &ResultView, start: f64, end: f64, palette: &Palette) -> Markup {
    let place = |value: Option<f64>| (value.unwrap_or(start) - start) / (end - start) * WIDTH;
    let (from, to) = (place(segment.start), place(segment.end));
    let (x, width) = (format!("{from:.1}"), format!("{:.1}", (to - from).max(1.0)));
    html! {
        rect class=(palette.label(question(segment), &segment.labels[0])) x=(x) width=(width) height="14" {
            title { (segment.labels.join(", ")) " " (range(segment)) }
        }
    }
}

/// `3.92 – 5.18`: enough digits for seconds, none for frames.
pub fn range(segment: &ResultView) -> String {
    let end = |value: Option<f64>| text::number(rounded(value.unwrap_or_default()));
    format!("{} – {}", end(segment.start), end(segment.end))
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures;

    fn segment(start: f64, end: f64) -> ResultView {
        ResultView { text: None, ..fixtures::span(start, end, "", "speech") }
    }

    #[test]
    fn quoted_spans_are_no_segments() {
        assert!(is_segment(&segment(3.920_546, 5.176)));
        assert!(!is_segment(&fixtures::span(0.0, 5.0, "Paris", "LOC")));
        assert!(!is_segment(&segment(f64::NAN, 1.0)));
        assert_eq!(range(&segment(3.920_546, 5.0)), "3.92 – 5");
    }

    #[test]
    fn lanes_share_one_axis() {
        let mut annotations = fixtures::text_item().annotations;
        for (annotation, (start, end)) in annotations.iter_mut().zip([(0.0, 5.0), (5.0, 10.0)]) {
            annotation.results = vec![segment(start, end)];
        }
        let drawn = render(&annotations, &Palette::new(None, [])).into_string();
        assert!(
            drawn.contains("x=\"0.0\" width=\"500.0\"") && drawn.contains("x=\"500.0\" width=\"500.0\""),
            "{drawn}"
        );
        let none = render(&fixtures::image_item().annotations, &Palette::new(None, [])).into_string();
        assert_eq!(none, "");
    }
}
