//! Figures of parts of a control's items: over time, and by the values of a field.

use jiff::Span;
use jiff::civil::Time;
use maud::{Markup, html};

use super::agreement::bands;
use super::caution;
use super::charts::{self, Caption, Period as Point, Row};
use super::figures::reason;
use super::guide;
use super::interval::Axis;
use super::layout::scroll;
use super::links;
use super::matrices::{self, measured};
use super::text;
use super::view::{View, headline_alpha, hidden};
use crate::reports::measure::Measure;
use crate::reports::views::{AnswerKind, ControlData, SliceField};
use crate::reports::{Period, period_days};

/// A field with more values than this is rather an id or a text than something to slice by.
const MOST_VALUES: u64 = 100;

/// How agreement went from period to period.
pub fn over_time(view: View<'_>) -> Markup {
    let query = view.query;
    let names = figures(view.control);
    let column = |name: &'static str| view.measures("period").filter(move |measure| measure.measure == name);
    let points: Vec<Point> =
        column(names[0]).zip(column(names[1])).filter_map(|(one, other)| point(view, one, other)).collect();
    html! {
        form.slice method="get" action=(view.links.agreement(view.project)) aria-label="Period" data-tidy="" {
            (hidden(view.links, query, &["period"]))
            label for="period" { "By" }
            select id="period" name="period" {
                option value="" { "what suits" }
                @for period in Period::ALL {
                    option value=(period.name()) selected[query.period == Some(period)] { (period.name()) }
                }
            }
            button type="submit" { "Show" }
        }
        @match &view.control.time {
            Some(time) if !points.is_empty() => {
                @let note = format!(
                    "An item belongs to the {} of its newest answer. Select a {0} to see its disagreements.{}{}{}",
                    time.period.name(),
                    left_out(time.periods, time.shown, "newest", &format!("{}s", time.period.name())),
                    without(time.items_without, "no time"),
                    caution::note(view.measures("period").filter(|measure| measure.measure == names[0])),
                );
                @let low = Axis::over(view.measures("period")).low;
                @let figures = names.map(guide::title);
                @let caption = Caption { id: "over-time", title: "Agreement over time", note: &note, names: "Period", values: "" };
                (charts::over_time(&figures, &points, low, caption))
            }
            _ => { p.quiet { "The answers to this control have no times." } }
        }
    }
}

/// The figures that are shown over time: an alpha, and what it is best read beside.
fn figures(control: &ControlData) -> [&'static str; 2] {
    match control.answers {
        Some(AnswerKind::Set) => [headline_alpha(control), "krippendorff_alpha_jaccard"],
        _ => [headline_alpha(control), "percent_agreement"],
    }
}

fn point(view: View<'_>, alpha: &Measure, other: &Measure) -> Option<Point> {
    let (first, next) = period_days(&alpha.scope)?;
    let days = first.until(next).ok()?.get_days();
    let after = |hours: i32| {
        let time = first.to_datetime(Time::midnight()).checked_add(Span::new().hours(hours)).ok()?;
        Some(time.to_string())
    };
    let href = view.drill(|filter| (filter.from, filter.to) = (Some(first.to_string()), Some(next.to_string())));
    Some(Point {
        name: alpha.scope.value.clone()?,
        first: first.to_string(),
        next: next.to_string(),
        middle: after(12 * days)?,
        places: vec![after(11 * days)?, after(13 * days)?],
        days: f64::from(days),
        rows: vec![measured(alpha, href.clone()), measured(other, href.clone())],
        href,
    })
}

fn left_out(all: u64, shown: u64, which: &str, what: &str) -> String {
    if all > shown { format!(" The {shown} {which} of {all} {what} are shown.") } else { String::new() }
}

fn without(items: u64, what: &str) -> String {
    match items {
        0 => String::new(),
        1 => format!(" One item has {what}."),
        n => format!(" {} items have {what}.", text::count(n)),
    }
}

/// Agreement of the items with each value of a field.
pub fn by_slice(view: View<'_>, fields: &[SliceField]) -> Markup {
    let query = view.query;
    let offered = |field: &&SliceField| {
        (2..=MOST_VALUES).contains(&field.values) || query.by_slice.as_ref() == Some(&field.field)
    };
    let offered: Vec<&SliceField> = fields.iter().filter(offered).collect();
    html! {
        @if offered.is_empty() {
            p.quiet { "The items have no field with a few values to slice by." }
        } @else {
            form.slice method="get" action=(view.links.agreement(view.project)) aria-label="Slices" data-tidy="" {
                (hidden(view.links, query, &["by_slice"]))
                label for="by_slice" { "By" }
                select id="by_slice" name="by_slice" {
                    option value="" { "no field" }
                    @for field in &offered {
                        option value=(field.field) selected[query.by_slice.as_ref() == Some(&field.field)] { (field.field) }
                    }
                }
                button type="submit" { "Show" }
            }
        }
        @if let Some(split) = &view.control.by_slice {
            @let note = format!(
                "{} of the items with each value of {}, lowest first. Select a dot to see the slice’s disagreements.{}{}",
                guide::title(headline_alpha(view.control)),
                split.field,
                left_out(split.values, split.shown, "most frequent", "values"),
                without(split.items_without, "no such field"),
            );
            (slice_charts(view, &split.field, &note))
        } @else if !offered.is_empty() {
            p.quiet { "Choose a field to see the figures of the items with each of its values." }
        }
    }
}

fn slice_charts(view: View<'_>, field: &str, note: &str) -> Markup {
    let alpha = headline_alpha(view.control);
    let alphas = matrices::weakest_first(view.measures("slice").filter(|measure| measure.measure == alpha));
    if alphas.is_empty() {
        return html! { p.quiet { "No item of this control has the field " (field) "." } };
    }
    let low = Axis::over(alphas.iter().copied()).low;
    let rows: Vec<(String, Row)> = alphas
        .iter()
        .map(|alpha| {
            let value = alpha.scope.value.clone().unwrap_or_default();
            let href = view.drill(|filter| drop(filter.slice.insert(field.to_owned(), value.clone())));
            (value, measured(alpha, href))
        })
        .collect();
    let caption = Caption { id: "by-slice", title: "Alpha by slice", note, names: field, values: "Alpha" };
    html! {
        (charts::dots(&rows, low, &bands(view.control.insight.as_ref()), caption))
        (caution::line(alphas.iter().copied()))
        (scroll("All figures by slice", slice_table(view, field, &alphas)))
    }
}

/// Every figure of every value; a row for each value.
fn slice_table(view: View<'_>, field: &str, alphas: &[&Measure]) -> Markup {
    let mut names: Vec<&str> = view.measures("slice").map(|measure| measure.measure.as_str()).collect();
    names.sort_unstable_by_key(|name| (guide::rank(name), *name));
    names.dedup();
    html! {
        table.compact.wide {
            thead {
                tr {
                    th scope="col" { (field) }
                    @for name in &names { th.num scope="col" { a href=(links::guide(name)) { (guide::title(name)) } } }
                    th.num scope="col" { "Items" }
                }
            }
            tbody {
                @for alpha in alphas {
                    @let of_value = || view.measures("slice").filter(|measure| measure.scope.value == alpha.scope.value);
                    tr {
                        th scope="row" { (alpha.scope.value.as_deref().unwrap_or_default()) }
                        @for name in &names {
                            td.num {
                                @match of_value().find(|measure| measure.measure == *name) {
                                    Some(Measure { value: Some(value), .. }) => { (text::value(name, *value)) }
                                    Some(measure) => { span.undefined title=(reason(measure)) { "undefined" } }
                                    None => { "—" }
                                }
                            }
                        }
                        td.num { (text::count(alpha.n_items)) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::agreement::render;
    use super::super::links::Links;
    use super::*;
    use crate::web::fixtures;
    use crate::web::view::{Place, Query};

    fn page_of(query: &Query) -> String {
        let fields = fixtures::slice_fields();
        render(Links::of("default"), &fixtures::project(), Some(&fixtures::agreement_report()), &fields, query)
            .into_string()
    }

    #[test]
    fn a_period_and_a_slice_lead_to_their_disagreements() {
        let page = page_of(&Query { place: Place::Agreement, by_slice: Some("source".into()), ..Query::default() });
        let from = "/disagreements?control=sentiment&amp;from=2026-02-01&amp;to=2026-03-01";
        assert!(page.contains(from), "{page}");
        assert!(page.contains("/disagreements?control=sentiment&amp;slice=source%3Dapp_store"), "{page}");
        assert!(
            page.contains("undefined: no item was answered by two annotators"),
            "a period without figures says why"
        );
        assert!(page.contains("3 items have no such field"), "what is in no slice is counted");
    }

    #[test]
    fn forms_keep_what_they_do_not_ask_for() {
        let query = Query {
            place: Place::Agreement,
            control: Some("sentiment".into()),
            slice: [("language".to_owned(), "de".to_owned())].into(),
            period: Some(Period::Week),
            by_slice: Some("source".into()),
            ..Query::default()
        };
        let page = page_of(&query);
        let form = |label: &str| {
            let (_, rest) = page.split_once(&format!("aria-label=\"{label}\"")).unwrap();
            rest.split("</form>").next().unwrap().to_owned()
        };
        let (period, slices) = (form("Period"), form("Slices"));
        assert!(
            period.contains("name=\"by_slice\" value=\"source\"")
                && !period.contains("type=\"hidden\" name=\"period\"")
        );
        assert!(
            slices.contains("name=\"period\" value=\"week\"") && slices.contains("value=\"language=de\""),
            "{slices}"
        );
        assert!(slices.contains("<option value=\"source\" selected>") && !slices.contains("\"text\">text"), "{slices}");
    }
}
