//! The page of agreement: all coefficients side by side and what they mean, by annotator, by label, over time, by slice, and what
//! more labels would give.

use maud::{Markup, html};

use super::caution;
use super::charts::{self, Band, Caption, Row};
use super::figures::{detail_table, reason};
use super::guide;
use super::interval::Axis;
use super::layout::{Frame, older, page, scroll};
use super::links::{self, Links};
use super::matrices::{self, MOST_ROWS, measured, missing};
use super::outlook;
use super::overview::{compared_as, headline, no_data, nothing_to_report, snapshot_line};
use super::parts;
use super::reading;
use super::text;
use super::view::{Query, View, address, choose, chosen};
use crate::reports::figures::Insight;
use crate::reports::measure::Measure;
use crate::reports::views::{AgreementReport, AnswerKind, ProjectView, SliceField};

const ALPHA: &str = "krippendorff_alpha";
/// McNemar's z from which a different use of labels is no accident (as in the explanation).
const SIGNIFICANT: f64 = 3.3;

/// `GET /w/{workspace}/projects/{project}/agreement`. `report` covers all controls; it is `None` before the first import.
pub fn render(
    links: Links<'_>,
    project: &ProjectView,
    report: Option<&AgreementReport>,
    fields: &[SliceField],
    query: &Query,
) -> Markup {
    let control = report.and_then(|report| chosen(report, query));
    let title = format!("Agreement · {}", project.name);
    let frame = Frame {
        links,
        title: &title,
        project: Some((&project.id, &project.name)),
        section: "agreement",
        charts: control.is_some(),
    };
    page(
        frame,
        html! {
            (older(links, project, &address(links.newest(), &project.id, query)))
            div.head {
                h1 { "Agreement" }
                @if let Some(snapshot) = &project.snapshot { (snapshot_line(links, project, snapshot)) }
            }
            @match (report, control) {
                (Some(report), Some(control)) => {
                    (choose(links, &project.id, report, Some(control), query))
                    (contents(control.answers == Some(AnswerKind::Set)))
                    (sections(View { links, project: &project.id, report, control, query }, fields))
                }
                (Some(report), None) => {
                    (choose(links, &project.id, report, None, query))
                    (nothing_to_report(report, query))
                }
                _ => { (no_data(&project.name)) }
            }
        },
    )
}

/// `of_sets`: what is made of single labels has no place on the page.
fn contents(of_sets: bool) -> Markup {
    let all = [
        ("side-by-side", "Coefficients"),
        ("benchmarks", "How good is it?"),
        ("by-annotator", "Annotators"),
        ("by-label", "Labels"),
        ("time", "Over time"),
        ("slices", "Slices"),
        ("planning", "More labels"),
    ];
    let parts = all.into_iter().filter(|(id, _)| !of_sets || !["benchmarks", "planning"].contains(id));
    html! {
        nav.pills.small aria-label="On this page" { @for (id, name) in parts { a href={ "#" (id) } { (name) } } }
    }
}

fn sections(view: View<'_>, fields: &[SliceField]) -> Markup {
    let insight = view.control.insight.as_ref();
    html! {
        (side_by_side(view, insight))
        @if view.control.answers != Some(AnswerKind::Set) { (outlook::benchmarks(insight)) }
        h2.part id="by-annotator" { "By annotator" }
        div.grid {
            section.panel { (matrices::annotators(view)) }
            section.panel { (matrices::against_others(view)) }
        }
        div.grid {
            section.panel { (without_each(view)) }
            section.panel { (shifts(view, insight)) }
        }
        h2.part id="by-label" { "By label" }
        (matrices::per_label(view))
        div.grid {
            section.panel { (matrices::confusion(view)) }
            section.panel { (matrices::distribution(view)) }
        }
        section.panel aria-labelledby="time" {
            h2 id="time" { "Over time" }
            (parts::over_time(view))
        }
        section.panel aria-labelledby="slices" {
            h2 id="slices" { "By slice" }
            (parts::by_slice(view, fields))
        }
        @if view.control.answers != Some(AnswerKind::Set) { (outlook::planning(insight)) }
    }
}

fn side_by_side(view: View<'_>, insight: Option<&Insight>) -> Markup {
    let headline = headline(view.report, &view.control.control);
    html! {
        section.panel aria-labelledby="side-by-side" {
            h2 id="side-by-side" { "Coefficients side by side on " code { (view.control.control) } }
            div.beside {
                (coefficients(&headline, insight))
                div {
                    @if let Some(explanation) = insight.and_then(|insight| insight.explanation.as_ref()) {
                        p.reading { (explanation.text) }
                    } @else if let Some(sentence) = reading::spread(&headline) {
                        p.reading { (sentence) }
                    }
                    @if let Some(sentence) = reading::far_apart(&headline) { p.reading.warn { (sentence) } }
                    (balance(insight))
                }
            }
            (compared_as(view.control))
            (scroll("Agreement figures in full", detail_table(&headline)))
            (caution::line(headline.iter().copied()))
        }
    }
}

/// Where the labels' shares and the annotators' habits stand.
fn balance(insight: Option<&Insight>) -> Markup {
    let Some(balance) = insight.and_then(|insight| insight.balance.as_ref()) else { return html! {} };
    let or_none = |value: Option<f64>| value.map_or_else(|| "undefined".to_owned(), |value| format!("{value:.2}"));
    html! {
        dl.fields {
            dt { a href=(links::guide("balance")) { "Prevalence" } }
            dd { b { (or_none(balance.prevalence_index)) } span.quiet { " from 0, all labels equally often, to 1, one label only" } }
            dt { a href=(links::guide("balance")) { "Entropy" } }
            dd { b { (or_none(balance.normalised_entropy)) } span.quiet { " from 0, one label only, to 1, all labels equally often" } }
            dt { a href=(links::guide("balance")) { "Bias" } }
            dd { b { (format!("{:.2}", balance.bias_index)) } span.quiet { " from 0, everybody uses the labels equally often, to 1" } }
        }
    }
}

fn coefficients(headline: &[&Measure], insight: Option<&Insight>) -> Markup {
    let low = Axis::over(headline.iter().copied()).low;
    let rows: Vec<(String, Row)> = headline
        .iter()
        .map(|measure| (guide::title(&measure.measure), measured(measure, links::guide(&measure.measure))))
        .collect();
    let bands = bands(insight);
    let scale = if bands.is_empty() {
        ""
    } else {
        " Behind them the bands of Landis and Koch, which are meant for figures with chance taken out."
    };
    let cautions = caution::note(headline.iter().copied());
    let note = format!("Each with its 95 % interval.{scale} Select a dot to read how it is made.{cautions}");
    let caption =
        Caption { id: "coefficients", title: "Value and interval", note: &note, names: "Figure", values: "Value" };
    charts::dots(&rows, low, &bands, caption)
}

/// The bands of Landis and Koch, the lowest first.
pub fn bands(insight: Option<&Insight>) -> Vec<Band> {
    let standing = insight.and_then(|insight| insight.benchmarks.iter().find(|one| one.benchmark == "landis_koch"));
    let Some(standing) = standing else { return Vec::new() };
    let mut to = 1.0;
    let mut bands: Vec<Band> = standing
        .bands
        .iter()
        .map(|band| {
            let stretch = Band { name: band.band.clone(), from: band.from, to };
            to = band.from;
            stretch
        })
        .collect();
    bands.reverse();
    bands
}

/// Alpha of the others when one annotator is left out, the greatest gain first.
fn without_each(view: View<'_>) -> Markup {
    let title = "Without each annotator";
    let change = |measure: &Measure| measure.detail.get("change");
    let mut rows: Vec<&Measure> = view.measures("without_annotator").collect();
    if rows.is_empty() {
        let why = match view.control.answers {
            Some(AnswerKind::Set) => "Leaving annotators out is not done for sets of labels yet.",
            _ => "Nobody can be left out: it takes three annotators to have an agreement of the others.",
        };
        return missing(title, why);
    }
    rows.sort_by(|a, b| change(b).unwrap_or(f64::NEG_INFINITY).total_cmp(&change(a).unwrap_or(f64::NEG_INFINITY)));
    let total = rows.len();
    rows.truncate(MOST_ROWS);
    let axis = Axis::over(rows.iter().copied());
    html! {
        h3 { a href=(links::guide("without_annotator")) { (title) } }
        p.quiet {
            "Krippendorff’s alpha of all others, the greatest change first. A change above 0 says that they agree better among themselves \
             than with this annotator."
            @if total > rows.len() { " The " (rows.len()) " greatest changes of " (total) " are shown." }
        }
        (scroll(title, html! {
            table {
                thead {
                    tr {
                        th scope="col" { "Left out" }
                        th.num scope="col" { "Change" }
                        th.num scope="col" { "Alpha" }
                        th.drawn scope="col" { (axis.legend()) span.sr { "Alpha and interval drawn" } }
                        th scope="col" { "95 % interval" }
                        th.num scope="col" { "Items" }
                    }
                }
                tbody {
                    @for measure in rows {
                        @let rater = measure.scope.annotator.as_deref().unwrap_or_default();
                        tr {
                            th scope="row" {
                                a href=(view.drill(|filter| filter.annotator = Some(rater.to_owned()))) { (view.name(rater)) }
                            }
                            @match (measure.value, change(measure)) {
                                (Some(value), change) => {
                                    td.num { b { (change.map_or_else(|| "—".to_owned(), signed)) } }
                                    td.num { (text::value(ALPHA, value)) }
                                    td.drawn { (axis.draw(measure)) }
                                    td.nowrap { (interval(measure)) (caution::mark(measure)) }
                                }
                                (None, _) => { td.undefined colspan="4" { "undefined: " (reason(measure)) } }
                            }
                            td.num { (text::count(measure.n_items)) }
                        }
                    }
                }
            }
        }))
    }
}

fn interval(measure: &Measure) -> String {
    let ends = measure.ci_low.zip(measure.ci_high);
    ends.map_or_else(|| "—".to_owned(), |(low, high)| text::interval(&measure.measure, low, high))
}

/// `+0.031`, `−0.002`.
fn signed(change: f64) -> String {
    let shown = text::value(ALPHA, change);
    if change > 0.0 && shown != "0.000" { format!("+{shown}") } else { shown }
}

/// Who uses labels differently from the others on the same items.
fn shifts(view: View<'_>, insight: Option<&Insight>) -> Markup {
    let title = "Use of labels";
    let Some(balance) = insight.and_then(|insight| insight.balance.as_ref()) else {
        return missing(title, "Not known: no two annotators share an item, or the answers have a scale, or are sets.");
    };
    let mut shifts: Vec<_> = balance.annotators.iter().collect();
    shifts.sort_by(|a, b| b.shift.total_cmp(&a.shift));
    let total = shifts.len();
    shifts.truncate(MOST_ROWS);
    html! {
        h3 { a href=(links::guide("balance")) { (title) } }
        p.quiet {
            "How far each annotator’s shares of the labels differ from those of the others on the same items, and on which label most."
            @if total > shifts.len() { " The " (shifts.len()) " greatest of " (total) " are shown." }
        }
        (scroll(title, html! {
            table {
                thead {
                    tr {
                        th scope="col" { "Annotator" }
                        th.num scope="col" { "Shift" }
                        th scope="col" { "Mostly" }
                        th.num scope="col" { "z" }
                        th.num scope="col" { "Items" }
                    }
                }
                tbody {
                    @for shift in shifts {
                        @let differs = shift.z.is_some_and(|z| z.abs() >= SIGNIFICANT);
                        tr {
                            th scope="row" {
                                a href=(view.drill(|filter| {
                                    filter.annotator = Some(shift.annotator.clone());
                                    filter.label = Some(shift.label.clone());
                                })) { (view.name(&shift.annotator)) }
                                @if differs { span.badge.warn { "differs" } }
                            }
                            td.num { (format!("{:.1} %", shift.shift * 100.0)) }
                            td {
                                (shift.label) " "
                                span.quiet.nowrap { (points(shift.difference)) }
                            }
                            td.num { (shift.z.map_or_else(|| "—".to_owned(), signed_z)) }
                            td.num { (text::count(shift.items)) }
                        }
                    }
                }
            }
        }))
    }
}

fn points(difference: f64) -> String {
    let shown = text::number((difference * 1000.0).round() / 10.0);
    format!("{}{shown} points", if difference > 0.0 { "+" } else { "" })
}

fn signed_z(z: f64) -> String {
    text::number((z * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures;

    #[test]
    fn changes_have_their_sign() {
        assert_eq!([signed(0.0312), signed(-0.002), signed(0.0001)], ["+0.031", "−0.002", "0.000"]);
        assert_eq!([points(0.0512), points(-0.1)], ["+5.1 points", "−10 points"]);
    }

    #[test]
    fn bands_cover_the_axis_from_the_lowest_up() {
        let report = fixtures::agreement_report();
        let bands = bands(report.data.controls[0].insight.as_ref());
        assert_eq!((bands[0].from, bands.last().map(|band| band.to)), (-1.0, Some(1.0)));
        assert!(bands.windows(2).all(|two| two[0].to == two[1].from), "{bands:?}");
    }
}
