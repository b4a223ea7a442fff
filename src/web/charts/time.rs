//! Figures over time, with the number of items below them.

use maud::{Markup, html};
use plotly::common::{Anchor, HoverInfo, Line, Marker, Mode, Orientation};
use plotly::layout::{Axis, AxisType, Legend, Margin};
use plotly::{Bar, Scatter, Traces};

use super::{Caption, Chart, Figure, Row, base_layout, errors, interval_cell, literal, value_axis};

/// One period of a chart over time. Its row links to what it stands for.
#[derive(Debug)]
pub struct Period {
    pub name: String,
    /// The first day and the one after the last, as `2026-01-31`, and the time in its middle.
    pub first: String,
    pub next: String,
    pub middle: String,
    /// Where the figures stand: beside each other about the middle, so that no interval hides another.
    pub places: Vec<String>,
    pub days: f64,
    pub href: String,
    /// One row for each of the chart's figures.
    pub rows: Vec<Row>,
}

const MILLIS_PER_DAY: f64 = 86_400_000.0;

/// Figures over time with their intervals, and below them how many items each period has. `figures` are the names of the rows of
/// every period; the number of items is that of the first one.
pub fn over_time(figures: &[String], periods: &[Period], low: f64, caption: Caption<'_>) -> Markup {
    let mut data = Traces::new();
    for (at, name) in figures.iter().enumerate() {
        let of_figure = || periods.iter().filter_map(|period| period.rows.get(at));
        let places = periods.iter().filter_map(|period| period.places.get(at).cloned()).collect::<Vec<_>>();
        let trace = Scatter::new(places, of_figure().map(|row| row.cell.value).collect::<Vec<_>>())
            .mode(Mode::LinesMarkers)
            .line(Line::new().width(1.5))
            .marker(Marker::new().size(8))
            .error_y(errors(of_figure()))
            .connect_gaps(false)
            .name(literal(name))
            .hover_info(HoverInfo::Text);
        data.push(trace);
    }
    let items = periods.iter().map(|period| period.rows.first().map(|row| row.items)).collect::<Vec<_>>();
    let width = periods.iter().map(|period| period.days).fold(f64::INFINITY, f64::min) * MILLIS_PER_DAY * 0.8;
    let middles = periods.iter().map(|period| period.middle.clone()).collect::<Vec<_>>();
    let bars = Bar::new(middles, items).name("Items").width(width).y_axis("y2").hover_info(HoverInfo::Text);
    data.push(bars);
    let height = 374;
    let ends = [periods.first().map(|period| &period.first), periods.last().map(|period| &period.next)];
    let time = Axis::new()
        .type_(AxisType::Date)
        .range(ends.into_iter().flatten().cloned().collect::<Vec<String>>())
        .fixed_range(true)
        .show_grid(false)
        .anchor("y2");
    let counts = Axis::new().domain(&[0.0, 0.2]).fixed_range(true).n_ticks(3).anchor("x").auto_margin(true);
    let legend = Legend::new().orientation(Orientation::Horizontal).x(0.0).y(1.0).y_anchor(Anchor::Bottom);
    let values = value_axis(low).domain(&[0.28, 1.0]).auto_margin(true);
    // Dates have a second line for the year.
    let margin = Margin::new().left(10).right(14).top(8).bottom(44);
    let layout = base_layout(height, time, values).y_axis2(counts).legend(legend).margin(margin);
    let table = html! {
        table {
            thead {
                tr {
                    th scope="col" { (caption.names) }
                    @for name in figures { th.num scope="col" { (name) } th scope="col" { "95 % interval" } }
                    th.num scope="col" { "Items" }
                }
            }
            tbody {
                @for period in periods {
                    tr {
                        th scope="row" { a href=(period.href) { (period.name) } }
                        @for row in &period.rows { td.num { (row.cell.shown) } td { (interval_cell(row)) } }
                        td.num { @if let Some(row) = period.rows.first() { (row.n) } }
                    }
                }
            }
        }
    };
    Chart { kind: "time", height, figure: Figure { data, layout }, legend: html! {} }.render(caption, None, table)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{CAPTION, figure_json, row};
    use super::*;

    #[test]
    fn a_period_without_a_figure_leaves_a_gap_and_keeps_its_items_and_link() {
        let period = |name: &str, value| Period {
            name: name.to_owned(),
            first: format!("{name}-01"),
            next: format!("{name}-28"),
            middle: format!("{name}-15"),
            places: vec![format!("{name}-14")],
            days: 28.0,
            href: format!("/x?from={name}-01"),
            rows: vec![row(value, if value.is_some() { "0.500" } else { "undefined" })],
        };
        let periods = [period("2026-01", Some(0.5)), period("2026-02", None), period("2026-03", Some(0.75))];
        let markup = over_time(&["Alpha".to_owned()], &periods, 0.0, CAPTION).into_string();
        let figure = figure_json(&markup);
        assert_eq!(figure["data"][0]["y"], serde_json::json!([0.5, null, 0.75]));
        assert_eq!(figure["data"][0]["error_y"]["array"], serde_json::json!([0.5, 0.0, 0.5]));
        assert_eq!(figure["data"][0]["x"][2], "2026-03-14");
        assert_eq!(
            (&figure["data"][1]["y"], &figure["data"][1]["x"][2]),
            (&serde_json::json!([3, 3, 3]), &"2026-03-15".into())
        );
        assert_eq!(figure["layout"]["xaxis"]["range"], serde_json::json!(["2026-01-01", "2026-03-28"]));
        assert_eq!(markup.matches("<a href=\"/x?from=").count(), 3, "{markup}");
    }
}
