//! Interactive charts: plotly figures as JSON in the page, drawn by `assets/assay.js`. Behind each lies a table with the same
//! figures. It is written once: what a chart says under the pointer and where a click leads are read from that table.

mod heat;
mod time;

use maud::{Markup, PreEscaped, html};
use plotly::common::{Anchor, ErrorData, ErrorType, HoverInfo, Marker, Mode, Orientation};
use plotly::layout::{
    Annotation, Axis, BarMode, DragMode, HoverMode, Legend, Margin, Shape, ShapeLayer, ShapeLine, ShapeType,
};
use plotly::{Bar, Layout, Scatter, Trace, Traces};
use serde::Serialize;

use super::caution::signed;
use super::layout::scroll;
use super::text::shorten;

pub use heat::{Scale, matrix, pairs};
pub use time::{Period, over_time};

const LONGEST_TICK: usize = 24;

/// What every chart has around it.
#[derive(Debug, Clone, Copy)]
pub struct Caption<'a> {
    /// Unique in the page.
    pub id: &'a str,
    pub title: &'a str,
    /// How to read the chart, in a sentence.
    pub note: &'a str,
    /// Heading over the names in the table.
    pub names: &'a str,
    /// Heading over the values in the table.
    pub values: &'a str,
}

/// One value. `href` is where a click leads.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    pub value: Option<f64>,
    /// The value as text, or why there is none.
    pub shown: String,
    pub href: Option<String>,
}

/// A value with its interval and n, as a row of the table.
#[derive(Debug)]
pub struct Row {
    pub cell: Cell,
    /// Ends of the 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// The same as text.
    pub interval_shown: String,
    pub n: String,
    pub items: u64,
    /// Why the interval may hold too little.
    pub caution: Option<String>,
}

/// A stretch of the axis with a name, drawn behind the values.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    pub name: String,
    pub from: f64,
    pub to: f64,
}

/// The figure as plotly.js takes it. `plotly::Plot` would serialise to the same, but each one holds a copy of all scripts.
#[derive(Serialize)]
struct Figure {
    data: Traces,
    layout: Layout,
}

/// Values with intervals, one line each, on an axis from `low` to 1, with `bands` behind them.
pub fn dots(rows: &[(String, Row)], low: f64, bands: &[Band], caption: Caption<'_>) -> Markup {
    let index = positions(rows.len());
    let shown: Vec<(f64, f64, &Row)> =
        rows.iter().zip(&index).filter_map(|((_, row), at)| Some((*at, row.cell.value?, row))).collect();
    let errors = errors(shown.iter().map(|(_, _, row)| *row));
    let (at, values): (Vec<f64>, Vec<f64>) = shown.iter().map(|(at, value, _)| (*at, *value)).unzip();
    let trace = Scatter::new(values, at)
        .mode(Mode::Markers)
        .marker(Marker::new().size(9))
        .error_x(errors)
        .hover_info(HoverInfo::Text)
        .show_legend(false);
    let names: Vec<String> = rows.iter().map(|(name, row)| signed(name, row.caution.is_some())).collect();
    let height = 60 + 30 * rows.len();
    let table = html! {
        table {
            thead { tr { th scope="col" { (caption.names) } (figure_headings(caption)) } }
            tbody { @for (name, row) in rows { tr { th scope="row" { (name) } (figure_cells(row)) } } }
        }
    };
    let mut layout = base_layout(height, value_axis(low), rows_axis(&names));
    if !bands.is_empty() {
        let of_band = |(place, band): (usize, &Band)| shape(band, place, bands.len(), low);
        layout = layout.shapes(bands.iter().enumerate().map(of_band).collect());
        layout = layout.annotations(bands.iter().filter_map(|band| band_name(band, low)).collect());
        layout = layout.margin(Margin::new().left(10).right(14).top(26).bottom(30));
    }
    let chart = Chart { kind: "dots", height, figure: Figure { data: only(trace), layout }, legend: html! {} };
    chart.render(caption, None, table)
}

/// The whiskers of some rows; none where there is no interval.
fn errors<'a>(rows: impl Iterator<Item = &'a Row>) -> ErrorData {
    let reach = |row: &Row| {
        let (value, (low, high)) = (row.cell.value?, row.interval?);
        Some(((high - value).max(0.0), (value - low).max(0.0)))
    };
    let (above, below) = rows.map(|row| reach(row).unwrap_or_default()).unzip();
    ErrorData::new(ErrorType::Data).symmetric(false).array(above).array_minus(below).thickness(2.0).width(0)
}

/// Bands are the stronger the higher they lie; their colour is set with the reader's theme.
fn shape(band: &Band, place: usize, of: usize, low: f64) -> Shape {
    Shape::new()
        .shape_type(ShapeType::Rect)
        .layer(ShapeLayer::Below)
        .x_ref("x")
        .x0(band.from.max(low - 0.02))
        .x1(band.to.min(1.02))
        .y_ref("paper")
        .y0(0.0)
        .y1(1.0)
        .opacity(0.02 + 0.16 * place as f64 / of as f64)
        .line(ShapeLine::new().width(0.0))
}

/// Over the middle of what is seen of the band.
fn band_name(band: &Band, low: f64) -> Option<Annotation> {
    let (from, to) = (band.from.max(low - 0.02), band.to.min(1.02));
    let annotation = || {
        Annotation::new()
            .text(literal(&band.name))
            .show_arrow(false)
            .x_ref("x")
            .x((from + to) / 2.0)
            .y_ref("paper")
            .y(1.0)
            .y_anchor(Anchor::Bottom)
    };
    (to - from > 0.1).then(annotation)
}

/// Horizontal bars of several series of shares over the same names.
pub fn bars(names: &[String], series: &[(&'static str, Vec<Cell>)], caption: Caption<'_>) -> Markup {
    let mut data = Traces::new();
    for (name, cells) in series {
        let trace = Bar::new(cells.iter().map(|cell| cell.value).collect(), positions(cells.len()))
            .orientation(Orientation::Horizontal)
            .name(name)
            .hover_info(HoverInfo::Text);
        data.push(trace);
    }
    let height = 70 + (12 + 16 * series.len()) * names.len();
    let legend = Legend::new().orientation(Orientation::Horizontal).x(0.0).y(1.0).y_anchor(Anchor::Bottom);
    let layout = base_layout(height, value_axis(0.0).tick_format(".0%"), rows_axis(names))
        .bar_mode(BarMode::Group)
        .bar_gap(0.25)
        .legend(legend);
    let table = html! {
        table {
            thead { tr { th scope="col" { (caption.names) } @for (name, _) in series { th scope="col" { (name) } } } }
            tbody {
                @for (at, name) in names.iter().enumerate() {
                    tr { th scope="row" { (name) } @for (_, cells) in series { td.num { (linked(&cells[at])) } } }
                }
            }
        }
    };
    Chart { kind: "bars", height, figure: Figure { data, layout }, legend: html! {} }.render(caption, None, table)
}

fn figure_headings(caption: Caption<'_>) -> Markup {
    html! {
        th.num scope="col" { (caption.values) }
        th scope="col" { "95 % interval" }
        th.num scope="col" { "Items" }
    }
}

fn figure_cells(row: &Row) -> Markup {
    html! { td.num { (linked(&row.cell)) } td { (interval_cell(row)) } td.num { (row.n) } }
}

fn interval_cell(row: &Row) -> Markup {
    html! { (row.interval_shown) @if let Some(caution) = &row.caution { " " span.caution { (caution) } } }
}

fn linked(cell: &Cell) -> Markup {
    html! {
        @match &cell.href {
            Some(href) => { a href=(href) { (cell.shown) } }
            None => { (cell.shown) }
        }
    }
}

fn only(trace: Box<dyn Trace>) -> Traces {
    let mut traces = Traces::new();
    traces.push(trace);
    traces
}

struct Chart {
    kind: &'static str,
    height: usize,
    figure: Figure,
    legend: Markup,
}

impl Chart {
    fn render(self, caption: Caption<'_>, scale: Option<Scale>, table: Markup) -> Markup {
        let colours = scale.map(|scale| if scale == Scale::Diverging { "diverging" } else { "sequential" });
        html! {
            figure.chart id=(caption.id) data-chart=(self.kind) data-scale=[colours] {
                figcaption {
                    h3 { (caption.title) }
                    p { (caption.note) }
                }
                (self.legend)
                div.plot role="img" aria-label={ (caption.title) ". The table below has the same figures." } {
                    // Keeps the place until the chart is drawn; a height in CSS would need an inline style.
                    svg.hold width="1" height=(self.height) aria-hidden="true" {}
                }
                noscript { p.quiet { "The chart needs JavaScript; the table has the same figures." } }
                details {
                    summary { "Show as a table" }
                    (scroll(&format!("Table: {}", caption.title), table))
                }
                script type="application/json" { (json(&self.figure)) }
            }
        }
    }
}

/// JSON that is safe inside a script element: no `<` is left, so no tag or comment can begin or end in it.
fn json(figure: &Figure) -> PreEscaped<String> {
    let text = serde_json::to_string(figure).unwrap_or_else(|_| "{}".to_owned());
    PreEscaped(text.replace('<', "\\u003c"))
}

/// plotly.js reads a little markup in texts; labels and names are to be shown as they are.
fn literal(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn base_layout(height: usize, x: Axis, y: Axis) -> Layout {
    Layout::new()
        .height(height)
        .margin(Margin::new().left(10).right(14).top(8).bottom(30))
        .hover_mode(HoverMode::Closest)
        .drag_mode(DragMode::False)
        .x_axis(x)
        .y_axis(y)
}

/// Names at 0, 1, 2 …: positions and not categories, because two annotators may have one name.
fn named_axis(names: &[String]) -> Axis {
    Axis::new()
        .tick_values(positions(names.len()))
        .tick_text(names.iter().map(|name| literal(&shorten(name, LONGEST_TICK))).collect())
        .fixed_range(true)
        .auto_margin(true)
        .show_grid(false)
        .zero_line(false)
}

/// Rows from the top down.
fn rows_axis(names: &[String]) -> Axis {
    named_axis(names).range(edges(names.len(), true))
}

fn value_axis(low: f64) -> Axis {
    Axis::new().range(vec![low - 0.02, 1.02]).fixed_range(true).zero_line(low < 0.0).show_grid(true)
}

fn positions(n: usize) -> Vec<f64> {
    (0..n).map(|at| at as f64).collect()
}

fn edges(n: usize, downwards: bool) -> Vec<f64> {
    let (start, end) = (-0.5, n as f64 - 0.5);
    if downwards { vec![end, start] } else { vec![start, end] }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const CAPTION: Caption<'_> =
        Caption { id: "x", title: "Pairs", note: "How to read.", names: "Annotator", values: "Kappa" };

    pub(super) fn row(value: Option<f64>, shown: &str) -> Row {
        let href = value.map(|_| "/x?a=1&b=2".to_owned());
        let interval = value.map(|value| (value - 0.25, value + 0.5));
        Row {
            cell: Cell { value, shown: shown.into(), href },
            interval,
            interval_shown: "i".into(),
            n: "3".into(),
            items: 3,
            caution: None,
        }
    }

    pub(super) fn figure_json(markup: &str) -> serde_json::Value {
        let (_, rest) = markup.split_once("application/json\">").unwrap();
        serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
    }

    #[test]
    fn undefined_dots_stay_in_the_table_only() {
        let mut rows = [("Ann".to_owned(), row(None, "no shared items")), ("Bo".to_owned(), row(Some(0.5), "0.5"))];
        rows[1].1.caution = Some("⚠ few items".to_owned());
        let bands = [("poor", -1.0, 0.0), ("fair", 0.0, 0.4), ("good", 0.4, 1.0)];
        let bands = bands.map(|(name, from, to)| Band { name: name.to_owned(), from, to });
        let markup = dots(&rows, 0.0, &bands, CAPTION).into_string();
        let figure = figure_json(&markup);
        assert_eq!(figure["data"][0]["error_x"]["array"], serde_json::json!([0.5]));
        assert_eq!(figure["data"][0]["error_x"]["arrayminus"], serde_json::json!([0.25]));
        assert_eq!(figure["data"][0]["y"], serde_json::json!([1.0]), "a dot keeps the place of its row");
        assert!(markup.contains("no shared items"));
        assert_eq!(figure["layout"]["yaxis"]["ticktext"], serde_json::json!(["Ann", "Bo ⚠"]));
        assert!(markup.contains("<span class=\"caution\">⚠ few items</span>"), "{markup}");
        assert_eq!(figure["layout"]["shapes"][0]["x0"], -0.02, "a band ends where the axis does");
        let named: Vec<&str> = figure["layout"]["annotations"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|name| name["text"].as_str())
            .collect();
        assert_eq!(named, ["fair", "good"], "a sliver has no room for a name");
    }
}
