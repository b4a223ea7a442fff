//! The overview of a project: figures with intervals, who agrees with whom, which labels are confused, what was left out.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::figures::headline_table;
use super::guide;
use super::layout::{Frame, empty, older, page, pinned, scroll};
use super::links::{self, Links};
use super::matrices::{self, View};
use super::reading;
use super::text;
use crate::reports::measure::{Dropped, Measure};
use crate::reports::views::{AgreementReport, ControlData, ProjectView, SnapshotView};

/// What the address asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    pub control: Option<String>,
    pub slice: BTreeMap<String, String>,
    /// The figure of the heat map of annotators: Cohen's kappa unless `percent_agreement` is named.
    pub pairs: Option<String>,
}

/// `GET /w/{workspace}/projects/{project}`. `report` covers all controls; it is `None` before the first import.
pub fn render(links: Links<'_>, project: &ProjectView, report: Option<&AgreementReport>, query: &Query) -> Markup {
    let control = report.and_then(|report| chosen(report, query));
    let frame = Frame {
        links,
        title: &project.name,
        project: Some((&project.id, &project.name)),
        section: "overview",
        charts: control.is_some(),
    };
    page(
        frame,
        html! {
            (older(links, project, &address(links.newest(), &project.id, query)))
            div.head {
                h1 { (project.name) }
                @if let Some(snapshot) = &project.snapshot { (snapshot_line(links, project, snapshot)) }
            }
            @match (report, &project.snapshot) {
                (Some(report), Some(snapshot)) => {
                    (tiles(snapshot, report))
                    (choose(links, project, report, control, query))
                    @match control {
                        Some(control) => { (figures(links, project, report, control, query)) }
                        None => { (nothing_to_report(report, query)) }
                    }
                    (left_out(report, control))
                    (not_reported(report))
                }
                _ => { (no_data(&project.name)) }
            }
        },
    )
}

/// The control that the address names, or the first one with figures.
fn chosen<'a>(report: &'a AgreementReport, query: &Query) -> Option<&'a ControlData> {
    let mut reported = report.data.controls.iter().filter(|control| control.reported);
    match &query.control {
        Some(name) => reported.find(|control| control.control == *name),
        None => reported.next(),
    }
}

/// The address of this page with one thing changed.
pub fn address(links: Links<'_>, project: &str, query: &Query) -> String {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    pairs.extend(query.control.clone().map(|control| ("control", control)));
    pairs.extend(query.slice.iter().map(|(key, value)| ("slice", format!("{key}={value}"))));
    pairs.extend(query.pairs.clone().map(|measure| ("pairs", measure)));
    links::with_query(&links.overview(project), pairs.iter().map(|(name, value)| (*name, value.as_str())))
}

fn snapshot_line(links: Links<'_>, project: &ProjectView, snapshot: &SnapshotView) -> Markup {
    html! {
        p.quiet {
            "Snapshot " (snapshot.number) " · " (text::time(&snapshot.created_at)) " UTC · "
            a href=(links.snapshots(&project.id)) { "all snapshots" }
        }
    }
}

fn tiles(snapshot: &SnapshotView, report: &AgreementReport) -> Markup {
    let tiles = [
        ("Items", snapshot.items),
        ("Annotations", snapshot.annotations),
        ("Predictions", snapshot.predictions),
        ("Raters", snapshot.raters),
        ("Compared annotations", report.data.annotations),
        ("Rejected records", snapshot.rejects),
    ];
    html! { dl.tiles { @for (name, n) in tiles { div { dt { (name) } dd { (text::count(n)) } } } } }
}

fn choose(
    links: Links<'_>,
    project: &ProjectView,
    report: &AgreementReport,
    control: Option<&ControlData>,
    query: &Query,
) -> Markup {
    let with_control = |name: &str| Query { control: Some(name.to_owned()), ..query.clone() };
    html! {
        div.choose {
            nav.pills aria-label="Control" {
                @for data in report.data.controls.iter().filter(|data| data.reported) {
                    a href=(address(links, &project.id, &with_control(&data.control)))
                        aria-current=[control.filter(|chosen| chosen.control == data.control).map(|_| "true")] {
                        (data.control)
                        @if let Some(alpha) = overall(report, &data.control, "krippendorff_alpha").and_then(|alpha| alpha.value) {
                            " " span.quiet title="Krippendorff’s alpha" { "α " (text::value("krippendorff_alpha", alpha)) }
                        }
                    }
                }
            }
            (slice_form(links, project, query))
        }
    }
}

fn slice_form(links: Links<'_>, project: &ProjectView, query: &Query) -> Markup {
    html! {
        form.slice method="get" action=(links.overview(&project.id)) aria-label="Slice of the items" data-tidy="" {
            (pinned(links))
            @if let Some(control) = &query.control { input type="hidden" name="control" value=(control); }
            @if let Some(pairs) = &query.pairs { input type="hidden" name="pairs" value=(pairs); }
            @for (key, value) in &query.slice {
                @let shown = format!("{key} = {value}");
                input type="hidden" name="slice" value={ (key) "=" (value) };
                a.chip.remove href=(address(links, &project.id, &without(query, key))) aria-label={ "Remove slice " (shown) } { (shown) }
            }
            input type="text" name="slice_key" aria-label="Slice: field" placeholder="field" size="9" autocomplete="off";
            span aria-hidden="true" { "=" }
            input type="text" name="slice_value" aria-label="Slice: value" placeholder="value" size="9" autocomplete="off";
            button type="submit" { "Slice" }
        }
    }
}

/// The query without the slice on this field.
fn without(query: &Query, field: &str) -> Query {
    let mut rest = query.clone();
    rest.slice.remove(field);
    rest
}

fn figures(
    links: Links<'_>,
    project: &ProjectView,
    report: &AgreementReport,
    control: &ControlData,
    query: &Query,
) -> Markup {
    let headline: Vec<&Measure> = headline(report, &control.control);
    let view = View { links, project: &project.id, report, control, query };
    html! {
        section.panel aria-labelledby="agreement" {
            h2 id="agreement" { "Agreement between annotators on " code { (control.control) } }
            (scroll("Agreement figures", headline_table(&headline)))
            @if let Some(sentence) = reading::spread(&headline) {
                p.reading { (sentence) " " a href="/metrics-guide" { "How to read these figures" } }
            }
        }
        div.grid {
            section.panel { (matrices::annotators(view)) }
            section.panel { (matrices::against_others(view)) }
            section.panel { (matrices::confusion(view)) }
            section.panel { (matrices::distribution(view)) }
        }
        (matrices::per_label(view))
    }
}

/// The overall figures of a control, in the guide's order, unknown ones last.
fn headline<'a>(report: &'a AgreementReport, control: &str) -> Vec<&'a Measure> {
    let mut found: Vec<&Measure> =
        report.measures.iter().filter(|m| m.scope.by == "overall" && m.scope.control == control).collect();
    found.sort_by_key(|measure| guide::rank(&measure.measure));
    found
}

fn overall<'a>(report: &'a AgreementReport, control: &str, name: &str) -> Option<&'a Measure> {
    report.measures.iter().find(|m| m.scope.by == "overall" && m.scope.control == control && m.measure == name)
}

fn left_out(report: &AgreementReport, control: Option<&ControlData>) -> Markup {
    let of_control = control.map(|control| (control.control.as_str(), control.dropped.as_slice()));
    let rows: Vec<(Option<&str>, &Dropped)> = report
        .data
        .dropped
        .iter()
        .map(|dropped| (None, dropped))
        .chain(
            of_control.into_iter().flat_map(|(name, dropped)| dropped.iter().map(move |dropped| (Some(name), dropped))),
        )
        .filter(|(_, dropped)| dropped.annotations > 0)
        .collect();
    html! {
        section.panel aria-labelledby="left-out" {
            h2 id="left-out" { "What was left out, and why" }
            @if rows.is_empty() {
                p { "Nothing: every annotation counts." }
            } @else {
                (scroll("Annotations left out", html! {
                    table {
                        thead { tr { th scope="col" { "Rule" } th scope="col" { "Applies to" } th.num scope="col" { "Annotations" } } }
                        tbody {
                            @for (control, dropped) in rows {
                                tr {
                                    th scope="row" { (text::dropped(&dropped.reason)) }
                                    td { @match control { Some(name) => { code { (name) } } None => { "all controls" } } }
                                    td.num { (text::count(dropped.annotations)) }
                                }
                            }
                        }
                    }
                }))
            }
        }
    }
}

fn not_reported(report: &AgreementReport) -> Markup {
    let controls: Vec<&ControlData> = report.data.controls.iter().filter(|control| !control.reported).collect();
    html! {
        @if !controls.is_empty() {
            section.panel aria-labelledby="not-reported" {
                h2 id="not-reported" { "Controls without agreement figures" }
                (scroll("Controls without figures", html! {
                    table {
                        thead { tr { th scope="col" { "Control" } th scope="col" { "Type" } th scope="col" { "Why" } } }
                        tbody {
                            @for control in controls {
                                tr {
                                    th scope="row" { code { (control.control) } }
                                    td { (control.r#type) }
                                    td { (control.why_not.as_deref().unwrap_or("agreement is not computed for it")) }
                                }
                            }
                        }
                    }
                }))
            }
        }
    }
}

fn nothing_to_report(report: &AgreementReport, query: &Query) -> Markup {
    match &query.control {
        Some(name) if report.data.controls.iter().any(|control| control.control == *name) => {
            empty(&format!("No agreement figures for {name}"), html! { p { "The list below says why." } })
        }
        Some(name) => empty(&format!("This project has no control {name}"), html! { p { "Choose another one." } }),
        None => {
            empty("No control of this project has agreement figures yet", html! { p { "The list below says why." } })
        }
    }
}

fn no_data(name: &str) -> Markup {
    empty(
        "Nothing was imported yet",
        html! { p { "Import an export of your labelling tool:" } pre { "assay import export.json --project " (shell_word(name)) } },
    )
}

/// A name as one word of a shell command.
pub fn shell_word(name: &str) -> String {
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if plain { name.to_owned() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}
