//! Tables of measures: value, interval drawn and in digits, what went in, how it was made. Never a bare number.

use maud::{Markup, html};

use super::caution;
use super::guide;
use super::interval::Axis;
use super::links;
use super::text;
use super::view::View;
use crate::reports::measure::Measure;

/// The overall measures of a control, one row each, with a line of explanation.
pub fn headline_table(measures: &[&Measure]) -> Markup {
    table("Measure", measures, |measure| {
        html! {
            a href=(links::guide(&measure.measure)) { (guide::title(&measure.measure)) }
            @if let Some(brief) = brief(measure) { small { (brief) } }
        }
    })
}

/// What a measure is, in a line. With a scale percent agreement is not about equal labels alone.
fn brief(measure: &Measure) -> Option<&'static str> {
    let has_scale = measure.options.get("level").is_some_and(|level| level != "nominal");
    match measure.measure.as_str() {
        "percent_agreement" | "pooled_percent_agreement" if has_scale => {
            Some("how close two annotators of an item are, from 0 % (the ends of the scale) to 100 % (the same)")
        }
        "krippendorff_alpha" if measure.options.get("nothing_chosen").is_some() => {
            Some("agreement beyond chance on sets of labels that are equal or not; sharing some counts for nothing")
        }
        name => guide::entry(name).map(|entry| entry.brief),
    }
}

/// The overall measures with the agreement behind them: what was seen, and what chance alone would give.
pub fn detail_table(measures: &[&Measure]) -> Markup {
    let of = |measure: &Measure, key: &str| {
        measure.detail.get(key).map_or_else(|| "—".to_owned(), |value| text::value("", value))
    };
    html! {
        table.compact {
            thead {
                tr {
                    th scope="col" { "Figure" }
                    th.num scope="col" { "Value" }
                    th scope="col" { "95 % interval" }
                    th.num scope="col" { "Observed" }
                    th.num scope="col" { "By chance" }
                    th.num scope="col" { "Standard error" }
                    th.num scope="col" { "Items" }
                    th.num scope="col" { "Ratings" }
                    th.num scope="col" { "Raters" }
                    th scope="col" { "Interval by" }
                }
            }
            tbody {
                @for measure in measures {
                    tr {
                        th.nowrap scope="row" { a href=(links::guide(&measure.measure)) { (guide::title(&measure.measure)) } }
                        @match (measure.value, measure.ci_low.zip(measure.ci_high)) {
                            (Some(value), Some((low, high))) => {
                                td.num { b { (text::value(&measure.measure, value)) } }
                                td.nowrap { (text::interval(&measure.measure, low, high)) (caution::mark(measure)) }
                            }
                            (Some(value), None) => { td.num { b { (text::value(&measure.measure, value)) } } td.quiet { "none" } }
                            (None, _) => { td.undefined colspan="2" { "undefined: " (reason(measure)) } }
                        }
                        td.num { (of(measure, "observed_agreement")) }
                        td.num { (of(measure, "expected_agreement")) }
                        td.num { (of(measure, "standard_error")) }
                        td.num { (text::count(measure.n_items)) }
                        td.num { (text::count(measure.n_ratings)) }
                        td.num { (text::count(measure.n_raters)) }
                        td.quiet { (method(&measure.method)) }
                    }
                }
            }
        }
    }
}

/// One measure of several labels, one row each.
pub fn label_table(view: View<'_>, measures: &[&Measure]) -> Markup {
    table("Label", measures, |measure| match measure.scope.label.as_deref() {
        Some(label) => {
            html! { a href=(view.drill(|filter| filter.label = Some(label.to_owned()))) title="Disagreements with this label" { (label) } }
        }
        None => html! { "—" },
    })
}

fn table(heading: &str, measures: &[&Measure], name: impl Fn(&Measure) -> Markup) -> Markup {
    let axis = Axis::over(measures.iter().copied());
    html! {
        table.figures {
            thead {
                tr {
                    th scope="col" { (heading) }
                    th.num scope="col" { "Value" }
                    th scope="col" { (axis.legend()) span.sr { "Value and interval drawn" } }
                    th scope="col" { "95 % interval" }
                    th.num scope="col" { "Items" }
                    th.num scope="col" { "Ratings" }
                    th.num scope="col" { "Raters" }
                    th scope="col" { "Interval by" }
                }
            }
            tbody { @for measure in measures { (row(name(measure), measure, axis)) } }
        }
    }
}

fn row(name: Markup, measure: &Measure, axis: Axis) -> Markup {
    html! {
        tr {
            th scope="row" { (name) }
            @match measure.value {
                Some(value) => {
                    td.num.big { (text::value(&measure.measure, value)) }
                    td { (axis.draw(measure)) }
                    td.nowrap {
                        @match (measure.ci_low, measure.ci_high) {
                            (Some(low), Some(high)) => { (text::interval(&measure.measure, low, high)) (caution::mark(measure)) }
                            _ => { span.quiet { "none" } }
                        }
                    }
                }
                None => { td.undefined colspan="3" { "undefined: " (reason(measure)) } }
            }
            td.num { (text::count(measure.n_items)) }
            td.num { (text::count(measure.n_ratings)) }
            td.num { (text::count(measure.n_raters)) }
            td.quiet { (method(&measure.method)) }
        }
    }
}

/// How the interval was made, or why there is none.
fn method(method: &str) -> String {
    match method.split_once("; no interval: ") {
        Some((_, code)) => format!("no interval: {}", text::undefined(code)),
        None => text::humanise(method),
    }
}

/// Why a measure has no value.
pub fn reason(measure: &Measure) -> String {
    measure.undefined_reason.as_deref().map_or_else(|| "no reason was recorded".to_owned(), text::undefined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures::measure;

    #[test]
    fn an_undefined_figure_shows_its_reason_and_its_n() {
        let mut one = measure("gwet_ac1", 0.0, (0.0, 0.0));
        (one.value, one.ci_low, one.ci_high) = (None, None, None);
        (one.undefined_reason, one.n_items) = (Some("single_category".into()), 1234);
        let table = headline_table(&[&one]).into_string();
        assert!(table.contains("undefined: only one label was ever used") && table.contains("1,234"), "{table}");
        assert!(!table.contains("NaN") && !table.contains("0.000"), "{table}");
        assert_eq!(method("t(n-1); no interval: one_item"), "no interval: one item alone shows no spread");
    }
}
