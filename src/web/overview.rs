//! The overview of a project: figures with intervals, who agrees with whom, which labels are confused, what was left out.

use maud::{Markup, html};

use super::caution;
use super::figures::headline_table;
use super::guide;
use super::layout::{Frame, empty, older, page, scroll};
use super::links::{self, Links};
use super::matrices;
use super::reading;
use super::text;
use super::view::{Place, Query, View, address, choose, chosen, headline_alpha};
use crate::reports::figures::Level;
use crate::reports::measure::{Dropped, Measure};
use crate::reports::views::{AgreementReport, AnswerKind, ControlData, ProjectView, SnapshotView};

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
                    (choose(links, &project.id, report, control, query))
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

pub fn snapshot_line(links: Links<'_>, project: &ProjectView, snapshot: &SnapshotView) -> Markup {
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
            (compared_as(control))
            (scroll("Agreement figures", headline_table(&headline)))
            (caution::line(headline.iter().copied()))
            @if let Some(sentence) = reading::spread(&headline) {
                p.reading { (sentence) " " a href="/metrics-guide" { "How to read these figures" } }
            }
            p {
                a href=(address(links, &project.id, &query.at(Place::Agreement))) {
                    @match control.answers {
                        Some(AnswerKind::Set) => { "All of agreement: coefficients side by side, over time and by slice" }
                        _ => { "All of agreement: benchmarks, over time, by slice, and what more labels would give" }
                    }
                }
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

/// How answers that are no single choices are compared.
pub fn compared_as(control: &ControlData) -> Markup {
    let how = match (control.answers, control.level) {
        (Some(AnswerKind::Set), _) => {
            "Answers are sets of labels: those that share most of their labels agree in part. Quote the alpha with MASI’s distance."
        }
        (_, Some(Level::Ordinal)) => {
            "Answers are on an ordinal scale: the fewer grades lie between two of them, the more they agree."
        }
        (_, Some(Level::Interval | Level::Ratio)) => {
            "Answers are numbers: the nearer two of them are, the more they agree."
        }
        _ => return html! {},
    };
    html! {
        p.quiet {
            (how) " " a href=(links::guide("levels")) { "Levels" }
            @if control.empty_sets > 0 {
                ". " (text::counted(control.empty_sets, "answer is", "answers are")) " the empty set: nothing was chosen."
            }
        }
    }
}

/// The overall figures of a control, in the guide's order, unknown ones last; of sets the alpha to quote comes first.
pub fn headline<'a>(report: &'a AgreementReport, control: &str) -> Vec<&'a Measure> {
    let mut found: Vec<&Measure> =
        report.measures.iter().filter(|m| m.scope.by == "overall" && m.scope.control == control).collect();
    let data = report.data.controls.iter().find(|data| data.control == control);
    let of_sets = data.filter(|data| data.answers == Some(AnswerKind::Set)).map(headline_alpha);
    found.sort_by_key(|measure| (of_sets != Some(measure.measure.as_str()), guide::rank(&measure.measure)));
    found
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

pub fn nothing_to_report(report: &AgreementReport, query: &Query) -> Markup {
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

pub fn no_data(name: &str) -> Markup {
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
