//! Text with labelled spans: overlapping and nested ones share segments, and no text is ever lost.

use maud::{Markup, html};

use crate::reports::views::ResultView;

/// A labelled stretch of a text, in code points, end excluded.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
    pub label: String,
    /// Class of its colour.
    pub class: String,
}

/// A stretch of text and the spans over it (places in the list), the shortest last.
#[derive(Debug, PartialEq)]
struct Segment {
    start: usize,
    end: usize,
    over: Vec<usize>,
}

/// Where a result lies in a text, in code points. Offsets of old exports are UTF-16 units: if the result carries its own
/// text, that text decides. `None` when the offsets do not fit this text at all.
pub fn place(text: &str, result: &ResultView) -> Option<(usize, usize)> {
    let (start, end) = (offset(result.start?)?, offset(result.end?)?);
    if start >= end {
        return None;
    }
    let slice = slice(text, start, end);
    let Some(expected) = result.text.as_deref() else {
        return slice.map(|_| (start, end));
    };
    if slice.is_some_and(|slice| slice == expected) {
        return Some((start, end));
    }
    let (start, end) = (from_utf16(text, start)?, from_utf16(text, end)?);
    (self::slice(text, start, end)? == expected).then_some((start, end))
}

fn offset(value: f64) -> Option<usize> {
    (value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value)).then_some(value as usize)
}

fn slice(text: &str, start: usize, end: usize) -> Option<&str> {
    let byte = |at: usize| text.char_indices().map(|(byte, _)| byte).chain([text.len()]).nth(at);
    text.get(byte(start)?..byte(end)?)
}

/// A place in UTF-16 units as a place in code points.
fn from_utf16(text: &str, units: usize) -> Option<usize> {
    let mut seen = 0;
    for (at, c) in text.chars().enumerate() {
        if seen == units {
            return Some(at);
        }
        seen += c.len_utf16();
    }
    (seen == units).then(|| text.chars().count())
}

/// Cuts `0..length` wherever a span begins or ends. Spans must lie within.
fn split(length: usize, spans: &[Span]) -> Vec<Segment> {
    let mut cuts: Vec<usize> = spans.iter().flat_map(|span| [span.start, span.end]).chain([0, length]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2)
        .map(|cut| {
            let mut over: Vec<usize> =
                (0..spans.len()).filter(|at| spans[*at].start <= cut[0] && cut[1] <= spans[*at].end).collect();
            over.sort_by_key(|at| std::cmp::Reverse(spans[*at].end - spans[*at].start));
            Segment { start: cut[0], end: cut[1], over }
        })
        .collect()
}

/// The text with its spans marked: coloured by the innermost label, underlined where several overlap, each span's label at
/// its end.
pub fn render(text: &str, spans: &[Span]) -> Markup {
    let chars: Vec<char> = text.chars().collect();
    let spans: Vec<Span> =
        spans.iter().filter(|span| span.start < span.end && span.end <= chars.len()).cloned().collect();
    let piece = |segment: &Segment| chars[segment.start..segment.end].iter().collect::<String>();
    html! {
        p.text {
            @for segment in split(chars.len(), &spans) {
                @match segment.over.last() {
                    None => { (piece(&segment)) }
                    Some(inner) => {
                        @let nested = segment.over.len() > 1;
                        mark class={ (spans[*inner].class) @if nested { " nested" } } title=(labels(&spans, &segment.over)) {
                            (piece(&segment))
                        }
                        @for at in segment.over.iter().rev().filter(|at| spans[**at].end == segment.end) {
                            span class={ "tag " (spans[*at].class) } { (spans[*at].label) }
                        }
                    }
                }
            }
        }
    }
}

fn labels(spans: &[Span], over: &[usize]) -> String {
    over.iter().rev().map(|at| spans[*at].label.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures;

    fn span(start: usize, end: usize, label: &str) -> Span {
        Span { start, end, label: label.into(), class: "l0".into() }
    }

    fn over(length: usize, spans: &[Span]) -> Vec<(usize, usize, Vec<usize>)> {
        split(length, spans).into_iter().map(|s| (s.start, s.end, s.over)).collect()
    }

    #[test]
    fn overlapping_and_nested_spans_share_segments() {
        let crossing = [span(0, 5, "A"), span(3, 8, "B")];
        assert_eq!(over(10, &crossing), [(0, 3, vec![0]), (3, 5, vec![0, 1]), (5, 8, vec![1]), (8, 10, vec![])]);
        let nested = [span(2, 4, "in"), span(0, 8, "out")];
        assert_eq!(over(8, &nested), [(0, 2, vec![1]), (2, 4, vec![1, 0]), (4, 8, vec![1])]);
        assert_eq!(over(3, &[]), [(0, 3, vec![])]);
        assert_eq!(over(0, &[]), []);
    }

    #[test]
    fn rendering_keeps_every_character_and_escapes_it() {
        let page = render("a<b>&ñ😀z", &[span(1, 4, "X"), span(2, 6, "<i>"), span(4, 99, "outside")]).into_string();
        assert!(page.contains("&lt;i&gt;") && !page.contains("<b>") && !page.contains("<i>"), "{page}");
        assert!(!page.contains("outside"), "a span beyond the text is not drawn: {page}");
        let tag = page.replace("</mark>", "");
        let mut text = String::new();
        for part in tag.split('<').filter(|part| !part.starts_with("span")) {
            text.push_str(part.split_once('>').map_or(part, |(_, rest)| rest));
        }
        assert_eq!(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"), "a<b>&ñ😀z");
    }

    #[test]
    fn offsets_are_code_points_and_old_utf16_ones_are_understood() {
        let text = "😀 Paris";
        assert_eq!(place(text, &fixtures::span(2.0, 7.0, "Paris", "LOC")), Some((2, 7)));
        assert_eq!(place(text, &fixtures::span(3.0, 8.0, "Paris", "LOC")), Some((2, 7)));
        assert_eq!(place(text, &fixtures::span(0.0, 5.0, "Paris", "LOC")), None);
        let unnamed = ResultView { text: None, ..fixtures::span(2.0, 7.0, "", "LOC") };
        assert_eq!(place(text, &unnamed), Some((2, 7)));
        assert_eq!(place("Par", &unnamed), None);
        assert_eq!(place(text, &fixtures::span(1.5, 7.0, "Paris", "LOC")), None, "seconds are not characters");
    }
}
