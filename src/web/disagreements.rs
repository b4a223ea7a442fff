//! The list of items on which annotators differ, with filters whose state is the address.

use maud::{Markup, html};

use super::layout::{Frame, empty, older, page, pinned, scroll};
use super::links::{self, Links};
use super::palette::Palette;
use super::text;
use crate::reports::views::{
    AgreementReport, ControlData, Disagreement, DisagreementFilter, Page, ProjectView, RaterName, Vote,
};

/// A filter that cannot be used: its field (empty: none in particular) and what is wrong.
pub type Complaint = (&'static str, String);

/// What the page shows.
#[derive(Debug)]
pub struct Data<'a> {
    pub project: &'a ProjectView,
    /// Names the controls, labels and annotators to choose from.
    pub report: Option<&'a AgreementReport>,
    pub filter: &'a DisagreementFilter,
    pub complaints: &'a [Complaint],
    pub list: &'a Page<Disagreement>,
    /// Whether this is not the first page.
    pub continued: bool,
}

/// `GET /w/{workspace}/projects/{project}/disagreements`
pub fn render(links: Links<'_>, data: &Data<'_>) -> Markup {
    let project = data.project;
    let title = format!("Disagreements · {}", project.name);
    let frame = Frame {
        links,
        title: &title,
        project: Some((&project.id, &project.name)),
        section: "disagreements",
        charts: false,
    };
    let here = links.disagreements(&project.id);
    page(
        frame,
        html! {
            (older(links, project, &links::filtered(&links.newest().disagreements(&project.id), data.filter, None)))
            div.head {
                h1 { "Disagreements" }
                p.quiet { "Items on which annotators differ, most contested first." }
            }
            (form(links, &here, data))
            (chips(&here, data))
            @for (_, complaint) in data.complaints.iter().filter(|(at, _)| at.is_empty()) { p.complaint role="alert" { (complaint) } }
            @if !data.complaints.is_empty() {
                p { "Nothing is listed until that is mended." }
            } @else if data.list.items.is_empty() {
                (nothing(&here, data))
            } @else {
                section.panel { (scroll("Disagreements", table(links, data))) }
                (pager(&here, data))
            }
        },
    )
}

fn controls(report: Option<&AgreementReport>) -> Vec<&ControlData> {
    report.map(|report| report.data.controls.iter().filter(|control| control.reported).collect()).unwrap_or_default()
}

fn raters(report: Option<&AgreementReport>) -> &[RaterName] {
    report.map_or(&[], |report| &report.data.raters)
}

fn rater_name<'a>(report: Option<&'a AgreementReport>, rater: &'a str) -> &'a str {
    raters(report).iter().find(|named| named.rater_id == rater).map_or(rater, |named| &named.name)
}

fn form(links: Links<'_>, here: &str, data: &Data<'_>) -> Markup {
    let filter = data.filter;
    let controls = controls(data.report);
    let labels: Vec<(&str, &str)> = controls
        .iter()
        .filter(|control| filter.control.as_ref().is_none_or(|name| *name == control.control))
        .flat_map(|control| control.labels.iter().map(|count| (count.label.as_str(), count.label.as_str())))
        .collect();
    let controls: Vec<(&str, &str)> =
        controls.iter().map(|control| (control.control.as_str(), control.control.as_str())).collect();
    let raters: Vec<(&str, &str)> =
        raters(data.report).iter().map(|rater| (rater.rater_id.as_str(), rater.name.as_str())).collect();
    let any = *filter != DisagreementFilter::default() || !data.complaints.is_empty();
    html! {
        details.filters open[any] {
            summary { "Filter" }
            form method="get" action=(here) data-tidy="" {
                (pinned(links))
                (choice(data, "control", "Control", filter.control.as_deref(), &controls))
                (choice(data, "label", "Label", filter.label.as_deref(), &labels))
                (choice(data, "other_label", "Against label", filter.other_label.as_deref(), &labels))
                (choice(data, "annotator", "Annotator", filter.annotator.as_deref(), &raters))
                (choice(data, "other_annotator", "Against annotator", filter.other_annotator.as_deref(), &raters))
                @for (key, value) in &filter.slice { input type="hidden" name="slice" value={ (key) "=" (value) }; }
                (field(data, "slice_key", "Slice: field", html! {
                    input type="text" id="slice_key" name="slice_key" autocomplete="off";
                }))
                (field(data, "slice_value", "Slice: value", html! {
                    input type="text" id="slice_value" name="slice_value" autocomplete="off";
                }))
                (field(data, "from", "Updated from", html! {
                    input type="date" id="from" name="from" value=(day(filter.from.as_deref()));
                }))
                (field(data, "to", "Updated before", html! {
                    input type="date" id="to" name="to" value=(day(filter.to.as_deref()));
                }))
                (field(data, "min_score", "Score at least", html! {
                    input type="number" id="min_score" name="min_score" min="0" max="1" step="any" value=[filter.min_score];
                }))
                div.buttons {
                    button.primary type="submit" { "Apply" }
                    a href=(here) { "Clear" }
                }
            }
        }
    }
}

/// The day of an RFC 3339 time, as a date field takes it.
fn day(time: Option<&str>) -> &str {
    time.and_then(|time| time.get(..10)).unwrap_or_default()
}

fn field(data: &Data<'_>, name: &str, label: &str, control: Markup) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            (control)
            @for (_, complaint) in data.complaints.iter().filter(|(at, _)| *at == name) { p.complaint role="alert" { (complaint) } }
        }
    }
}

/// A list to choose from; a chosen value that is not in it is kept, so that no filter is lost.
fn choice(data: &Data<'_>, name: &str, label: &str, chosen: Option<&str>, options: &[(&str, &str)]) -> Markup {
    let unknown = chosen.filter(|chosen| !options.iter().any(|(value, _)| value == chosen));
    field(
        data,
        name,
        label,
        html! {
            select id=(name) name=(name) {
                option value="" { "any" }
                @if let Some(unknown) = unknown { option value=(unknown) selected { (unknown) } }
                @for (value, shown) in options { option value=(value) selected[chosen == Some(*value)] { (shown) } }
            }
        },
    )
}

/// The filters in force; each leads to the list without it.
fn chips(here: &str, data: &Data<'_>) -> Markup {
    let filter = data.filter;
    let mut chips: Vec<(String, DisagreementFilter)> = Vec::new();
    let mut chip = |text: String, without: &dyn Fn(&mut DisagreementFilter)| {
        let mut rest = filter.clone();
        without(&mut rest);
        chips.push((text, rest));
    };
    if let Some(control) = &filter.control {
        chip(format!("control {control}"), &|f| f.control = None);
    }
    if let Some(label) = &filter.label {
        chip(format!("label {label}"), &|f| f.label = f.other_label.take());
    }
    if let Some(label) = &filter.other_label {
        chip(format!("against label {label}"), &|f| f.other_label = None);
    }
    if let Some(rater) = &filter.annotator {
        chip(format!("annotator {}", rater_name(data.report, rater)), &|f| f.annotator = f.other_annotator.take());
    }
    if let Some(rater) = &filter.other_annotator {
        chip(format!("against {}", rater_name(data.report, rater)), &|f| f.other_annotator = None);
    }
    for (key, value) in &filter.slice {
        chip(format!("{key} = {value}"), &|f| drop(f.slice.remove(key)));
    }
    if let Some(time) = &filter.from {
        chip(format!("from {time}"), &|f| f.from = None);
    }
    if let Some(time) = &filter.to {
        chip(format!("before {time}"), &|f| f.to = None);
    }
    if let Some(score) = filter.min_score {
        chip(format!("score ≥ {}", text::number(score)), &|f| f.min_score = None);
    }
    html! {
        @if !chips.is_empty() {
            ul.chips aria-label="Filters in force" {
                @for (text, rest) in &chips {
                    li { a.chip.remove href=(links::filtered(here, rest, None)) aria-label={ "Remove filter: " (text) } { (text) } }
                }
            }
        }
    }
}

fn table(links: Links<'_>, data: &Data<'_>) -> Markup {
    // Of numbers with many values none has a colour of its own: it would be another one on the next page.
    let all = controls(data.report);
    let many = |control: &str| all.iter().any(|data| data.control == control && !data.histogram.is_empty());
    let coloured = data.list.items.iter().filter(|item| !many(&item.control));
    let votes = coloured
        .flat_map(|item| item.votes.iter().flat_map(|vote| labels(vote).map(|label| (item.control.as_str(), label))));
    let palette = Palette::new(data.report, votes);
    html! {
        table.list.disagreements {
            thead {
                tr {
                    th scope="col" { "Item" }
                    th scope="col" { "Who said what" }
                    th scope="col" { "Control" }
                    th.num scope="col" { abbr title="How far the item’s annotators are apart, on average over their pairs: from 0, the same, to 1" { "Score" } }
                    th scope="col" { "Updated (UTC)" }
                }
            }
            tbody { @for item in &data.list.items { (line(links, data, &palette, item)) } }
        }
    }
}

fn line(links: Links<'_>, data: &Data<'_>, palette: &Palette, item: &Disagreement) -> Markup {
    let preview = if item.preview.is_empty() { &item.item_id } else { &item.preview };
    html! {
        tr {
            th scope="row" {
                a href=(links.item(&data.project.id, &item.item_id)) { (text::shorten(preview, 140)) }
                small { (item.item_id) }
            }
            td { (votes(data, palette, item)) }
            td { code { (item.control) } }
            td.num {
                (format!("{:.2}", item.score))
                (bar(item.score))
            }
            td.nowrap { @match &item.updated_at { Some(time) => { (text::time(time)) } None => { span.quiet { "—" } } } }
        }
    }
}

/// The score as a bar; the digits stand beside it.
fn bar(score: f64) -> Markup {
    html! {
        svg.score width="56" height="5" aria-hidden="true" focusable="false" {
            rect.track width="56" height="5" rx="2.5" {}
            rect.share width=(format!("{:.1}", 56.0 * score.clamp(0.0, 1.0))) height="5" rx="2.5" {}
        }
    }
}

/// The labels of an answer one by one; none of the empty set.
fn labels(vote: &Vote) -> impl Iterator<Item = &str> {
    let single = Some(vote.label.as_str()).filter(|label| vote.labels.is_empty() && !label.is_empty());
    single.into_iter().chain(vote.labels.iter().map(String::as_str))
}

/// Votes by answer, the most frequent one first, each with the names behind it.
fn votes(data: &Data<'_>, palette: &Palette, item: &Disagreement) -> Markup {
    let mut groups: Vec<(&Vote, Vec<&str>)> = Vec::new();
    for vote in &item.votes {
        let name = rater_name(data.report, &vote.annotator);
        match groups.iter_mut().find(|(same, _)| (&same.label, &same.labels) == (&vote.label, &vote.labels)) {
            Some((_, names)) => names.push(name),
            None => groups.push((vote, vec![name])),
        }
    }
    groups.sort_by_key(|(vote, names)| (std::cmp::Reverse(names.len()), &vote.label));
    html! {
        ul.votes {
            @for (vote, names) in &groups {
                li {
                    @for label in labels(vote) {
                        span class={ "chip " (palette.label(&item.control, label)) } { (text::shorten(label, 40)) } " "
                    }
                    @if labels(vote).next().is_none() { span.chip.plain { "none" } " " }
                    span.names { (names.join(", ")) }
                }
            }
        }
    }
}

fn pager(here: &str, data: &Data<'_>) -> Markup {
    html! {
        nav.pager aria-label="Pages of the list" {
            @if data.continued { a href=(links::filtered(here, data.filter, None)) { "First page" } }
            @if let Some(cursor) = &data.list.next_cursor {
                a.next rel="next" href=(links::filtered(here, data.filter, Some(cursor))) { "Next page" }
            } @else {
                span.quiet { "End of the list" }
            }
        }
    }
}

fn nothing(here: &str, data: &Data<'_>) -> Markup {
    if *data.filter == DisagreementFilter::default() {
        empty(
            "No disagreements",
            html! {
                p {
                    "No item has differing answers by two annotators on a control that is compared. Either everybody agrees, or each \
                     item was answered once: the overview tells which."
                }
            },
        )
    } else {
        empty(
            "No disagreement matches",
            html! { p { "Remove a filter, or " a href=(here) { "clear all of them" } "." } },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures;

    fn page_of(filter: &DisagreementFilter, complaints: &[Complaint], next: Option<&str>) -> String {
        let report = fixtures::report();
        let list = Page { items: fixtures::disagreements(), next_cursor: next.map(str::to_owned) };
        let project = fixtures::project();
        let data = Data { project: &project, report: Some(&report), filter, complaints, list: &list, continued: false };
        render(Links::of("default"), &data).into_string()
    }

    #[test]
    fn filters_are_in_the_form_the_chips_and_the_next_link() {
        let filter = DisagreementFilter {
            control: Some("sentiment".into()),
            label: Some("Negative".into()),
            annotator: Some("reviews/user/2".into()),
            ..DisagreementFilter::default()
        };
        let page = page_of(&filter, &[], Some("abc"));
        assert!(page.contains("<option value=\"Negative\" selected>"), "{page}");
        assert!(page.contains("Remove filter: annotator Ann Novak"), "{page}");
        assert!(page.contains("cursor=abc") && page.contains("annotator=reviews%2Fuser%2F2&amp;cursor"), "{page}");
        assert!(
            page.contains("href=\"/w/default/projects/0198/disagreements?control=sentiment&amp;label=Negative\""),
            "{page}"
        );
    }

    #[test]
    fn a_filter_that_is_not_an_option_is_kept_and_escaped() {
        let filter = DisagreementFilter { label: Some("\"><script>".into()), ..DisagreementFilter::default() };
        let page = page_of(&filter, &[("min_score", "not a number".into())], None);
        assert!(page.contains("<option value=\"&quot;&gt;&lt;script&gt;\" selected>"), "{page}");
        assert!(page.contains("role=\"alert\">not a number"), "{page}");
    }

    #[test]
    fn previews_and_labels_are_text() {
        let page = page_of(&DisagreementFilter::default(), &[], None);
        assert!(!page.contains("<img src=x") && page.contains("&lt;img src=x"), "{page}");
    }
}
