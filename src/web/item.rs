//! One item with everything that was said about it, side by side.

use maud::{Markup, html};
use serde::Serialize;
use serde_json::Value;

use super::compare;
use super::layout::{Frame, older, page, scroll};
use super::links::Links;
use super::palette::{self, Palette};
use super::regions;
use super::spans::{self, Span};
use super::text;
use super::timeline;
use crate::reports::views::{AgreementReport, AnnotationView, ItemView, ProjectView, ResultView};

/// Longer texts are shown without spans in the cards: each card would repeat them.
const LONGEST_SPANNED: usize = 20_000;
/// Beyond this a page cannot hold a text; the API gives it whole.
const LONGEST_SHOWN: usize = 200_000;
/// Up to so many answers fit beside the data.
const FEW: usize = 3;
/// Raters that can be hidden by a tick each (`.who0` … in the stylesheet).
const MOST_TICKS: usize = 16;

/// `GET /w/{workspace}/projects/{project}/items/{item_id}`. The report gives labels their colours.
pub fn render(links: Links<'_>, project: &ProjectView, report: Option<&AgreementReport>, item: &ItemView) -> Markup {
    let seen = item.annotations.iter().flat_map(|annotation| &annotation.results);
    let seen = seen.flat_map(|result| result.labels.iter().map(|label| (compare::question(result), label.as_str())));
    let palette = Palette::new(report, seen);
    let title = format!("{} · {}", item.item_id, project.name);
    let frame =
        Frame { links, title: &title, project: Some((&project.id, &project.name)), section: "item", charts: false };
    let drawn = item
        .annotations
        .iter()
        .flat_map(|annotation| &annotation.results)
        .any(|result| regions::shape(result).is_some());
    let fields = text_fields(&item.data);
    let spanned =
        compare::spanned_text(&fields, &item.annotations).filter(|text| text.chars().nth(LONGEST_SPANNED).is_none());
    page(
        frame,
        html! {
            (older(links, project, &links.newest().item(&project.id, &item.item_id)))
            div.head {
                h1 { "Item " span.id { (item.item_id) } }
                p.quiet { (tally(&item.annotations)) " · snapshot " (item.snapshot) }
            }
            div.split[drawn || item.annotations.len() <= FEW] {
                section.panel aria-labelledby="data" {
                    h2 id="data" { "Data" }
                    (data(item, drawn))
                    (timeline::render(&item.annotations, &palette))
                }
                section.panel aria-labelledby="answers" {
                    h2 id="answers" { "Answers side by side" }
                    @if item.annotations.is_empty() {
                        p.quiet { "Nobody has answered this item yet." }
                    } @else {
                        (scroll("Answers side by side", compare::render(&item.annotations, &palette)))
                    }
                }
            }
            h2.sr { "Annotations" }
            div.cards { @for (at, annotation) in item.annotations.iter().enumerate() { (card(at, annotation, spanned, &palette)) } }
            section.panel {
                details {
                    summary { "Item as imported (JSON)" }
                    (json("Item data", &item.data))
                    @if !is_empty(&item.meta) { (json("Item metadata", &item.meta)) }
                }
            }
        },
    )
}

fn tally(annotations: &[AnnotationView]) -> String {
    let predictions = annotations.iter().filter(|annotation| annotation.kind == "prediction").count() as u64;
    let people = annotations.len() as u64 - predictions;
    format!(
        "{}, {}",
        text::counted(people, "annotation", "annotations"),
        text::counted(predictions, "prediction", "predictions")
    )
}

fn text_fields(data: &Value) -> Vec<(&str, &str)> {
    let fields = data.as_object().into_iter().flatten();
    fields.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// The item's fields: images with the regions drawn on them, text in full, the rest as values.
fn data(item: &ItemView, drawn: bool) -> Markup {
    let target = drawn.then(|| drawn_field(item)).flatten();
    html! {
        @if drawn { (stage(item, target)) }
        @match item.data.as_object() {
            Some(fields) => {
                dl.fields {
                    @for (name, value) in fields {
                        dt { (name) }
                        dd { (field(value, target == Some(name.as_str()))) }
                    }
                }
            }
            None => { pre { (item.data.to_string()) } }
        }
    }
}

fn field(value: &Value, drawn: bool) -> Markup {
    match value {
        Value::String(words) => match regions::loadable(words).filter(|_| !drawn && regions::looks_like_image(words)) {
            Some(address) => {
                html! { img.picture src=(address) alt="" loading="lazy" referrerpolicy="no-referrer"; (address_text(words)) }
            }
            None if regions::looks_like_image(words) => address_text(words),
            None => long_text(words),
        },
        Value::Array(_) | Value::Object(_) => {
            html! { pre { (serde_json::to_string_pretty(value).unwrap_or_default()) } }
        }
        other => html! { code { (other.to_string()) } },
    }
}

/// An image's address as text; embedded pixels are not worth reading.
fn address_text(address: &str) -> Markup {
    html! { code.address { (text::shorten(address, 120)) } }
}

fn long_text(words: &str) -> Markup {
    let shown = text::shorten(words, LONGEST_SHOWN);
    html! {
        p.text { (shown) }
        @if shown.len() < words.len() {
            p.quiet { "Cut after " (text::count(LONGEST_SHOWN as u64)) " characters; the API has the whole text." }
        }
    }
}

/// The data field that the regions are drawn on: the one with the target's name, else the first image.
fn drawn_field(item: &ItemView) -> Option<&str> {
    let images: Vec<&str> = text_fields(&item.data)
        .into_iter()
        .filter(|(_, value)| regions::looks_like_image(value))
        .map(|(name, _)| name)
        .collect();
    let regions = item
        .annotations
        .iter()
        .flat_map(|annotation| &annotation.results)
        .filter(|result| regions::shape(result).is_some());
    let targets: Vec<&str> = regions.filter_map(|result| result.target.as_deref()).collect();
    images.iter().find(|name| targets.contains(name)).or(images.first()).copied()
}

/// The image with all regions over it. Where it cannot be loaded, a neutral canvas of its shape shows the regions.
fn stage(item: &ItemView, target: Option<&str>) -> Markup {
    let size = regions::size(&item.annotations);
    let address = target.and_then(|name| item.data.get(name)).and_then(Value::as_str).and_then(regions::loadable);
    html! {
        fieldset.layers {
            legend { "Show regions of" }
            @for (at, annotation) in item.annotations.iter().enumerate().take(MOST_TICKS) {
                label {
                    input type="checkbox" id={ "show" (at) } checked autocomplete="off";
                    span class={ "swatch " (palette::rater(at)) } {}
                    (annotation.rater_name)
                }
            }
        }
        div.stage.free[!size.known && address.is_some()] {
            @if let Some(address) = address { img src=(address) alt="The item’s image" referrerpolicy="no-referrer"; }
            (regions::overlay(&item.annotations, size))
        }
        @if address.is_none() {
            p.quiet {
                "The image lies where this page cannot load it from; the regions are drawn on an empty canvas"
                @if size.known { " of its shape" } "."
            }
        }
    }
}

/// What sets an annotation apart from a plain submitted one.
pub fn badges(annotation: &AnnotationView) -> Markup {
    html! {
        @if annotation.kind == "prediction" { " " span.badge { "model" } }
        @if annotation.ground_truth { " " span.badge.good { "ground truth" } }
        @if annotation.cancelled { " " span.badge.warn { "skipped" } }
        @if annotation.draft { " " span.badge { "draft" } }
    }
}

fn card(at: usize, annotation: &AnnotationView, spanned: Option<&str>, palette: &Palette) -> Markup {
    let marked = spanned.map(|text| (text, spans_of(text, annotation, palette))).filter(|(_, spans)| !spans.is_empty());
    html! {
        article.card.panel {
            header {
                h3 { span class={ "swatch " (palette::rater(at)) } {} (annotation.rater_name) (badges(annotation)) }
                (facts(annotation))
            }
            @if let Some((text, spans)) = &marked { (spans::render(text, spans)) }
            @if annotation.results.is_empty() {
                p.quiet { @if annotation.cancelled { "Skipped." } @else { "Submitted without a result." } }
            } @else {
                (results(annotation, spanned, palette))
            }
            details { summary { "JSON" } (json("Annotation", annotation)) }
        }
    }
}

fn facts(annotation: &AnnotationView) -> Markup {
    html! {
        ul.facts {
            @if let Some(version) = &annotation.model_version { li { "version " (version) } }
            @if let Some(score) = annotation.score { li { "score " (format!("{score:.3}")) } }
            @if let Some(time) = annotation.updated_at.as_ref().or(annotation.created_at.as_ref()) { li { (text::time(time)) } }
            @if let Some(seconds) = annotation.lead_time_s { li { span title="Lead time" { (text::duration(seconds)) } } }
        }
    }
}

fn spans_of(text: &str, annotation: &AnnotationView, palette: &Palette) -> Vec<Span> {
    let placed = annotation.results.iter().filter(|result| !result.labels.is_empty());
    placed
        .filter_map(|result| {
            let (start, end) = spans::place(text, result)?;
            Some(Span {
                start,
                end,
                label: result.labels.join(", "),
                class: palette.label(compare::question(result), &result.labels[0]),
            })
        })
        .collect()
}

/// The results as values; spans that are marked in the text above are not repeated.
fn results(annotation: &AnnotationView, spanned: Option<&str>, palette: &Palette) -> Markup {
    let in_text = |result: &ResultView| {
        !result.labels.is_empty() && spanned.is_some_and(|text| spans::place(text, result).is_some())
    };
    let rest: Vec<&ResultView> = annotation.results.iter().filter(|result| !in_text(result)).collect();
    html! {
        @if !rest.is_empty() {
            dl.results {
                @for result in rest {
                    dt { code { (compare::question(result)) } }
                    dd { (value(result, palette)) }
                }
            }
        }
    }
}

fn value(result: &ResultView, palette: &Palette) -> Markup {
    html! {
        @if result.labels.is_empty() || result.r#type == "ranker" {
            @for value in compare::values(result) { span.value { (text::shorten(&value, 2000)) } }
        } @else {
            @for label in &result.labels { span class={ "chip " (palette.label(compare::question(result), label)) } { (label) } " " }
            @if let Some(quote) = &result.text { q { (text::shorten(quote, 500)) } " " }
        }
        @if result.start.is_some() && result.end.is_some() { span.quiet { (timeline::range(result)) } }
        @if let Some(shape) = regions::shape(result) { span.quiet { (shape.words()) } }
        @if let Some(score) = result.score { " " span.quiet { "score " (format!("{score:.3}")) } }
    }
}

fn json(label: &str, value: &impl Serialize) -> Markup {
    html! { pre.json tabindex="0" aria-label=(label) { (serde_json::to_string_pretty(value).unwrap_or_default()) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures;

    fn page_of(item: &ItemView) -> String {
        render(Links::of("default"), &fixtures::project(), Some(&fixtures::report()), item).into_string()
    }

    #[test]
    fn uploaded_text_is_never_markup_and_never_an_address() {
        let mut item = fixtures::text_item();
        item.data["evil"] = "<script>alert(1)</script>".into();
        item.data["picture"] = "javascript:alert(1)//.png".into();
        item.annotations[0].rater_name = "\"><img src=x onerror=alert(1)>".into();
        item.annotations[0].results[0].labels[0] = "<svg onload=alert(1)>".into();
        let page = page_of(&item);
        for bad in
            ["<script>alert", "<img src=x", "<svg onload", "src=\"javascript", "href=\"javascript", "<b>on Monday"]
        {
            assert!(!page.contains(bad), "{bad} in {page}");
        }
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "shown as text");
    }

    #[test]
    fn every_annotation_has_a_card_with_its_marks() {
        let page = page_of(&fixtures::text_item());
        assert_eq!(page.matches("<article").count(), 5);
        assert!(
            page.contains("<span class=\"badge\">model</span>")
                && page.contains("<span class=\"badge warn\">skipped</span>")
        );
        assert!(page.contains("<mark class=\"l") && page.contains("nested"), "spans are marked");
    }

    #[test]
    fn regions_stay_visible_when_the_image_cannot_be_loaded() {
        let page = page_of(&fixtures::image_item());
        assert!(
            page.contains("viewBox=\"0 0 640 480\"")
                && page.contains("empty canvas")
                && !page.contains("<img src=\"/data"),
            "{page}"
        );
    }

    #[test]
    fn an_item_without_answers_says_so() {
        let item = ItemView { annotations: vec![], ..fixtures::text_item() };
        assert!(page_of(&item).contains("Nobody has answered"));
    }
}
