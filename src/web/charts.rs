//! Interactive charts: plotly figures as JSON in the page, drawn by `assets/assay.js`. Behind each lies a table with the same
//! figures. It is written once: what a chart says under the pointer and where a click leads are read from that table.

use maud::{Markup, PreEscaped, html};
use plotly::common::{Anchor, ErrorData, ErrorType, HoverInfo, Line, Marker, Mode, Orientation};
use plotly::layout::{
    Annotation, Axis, AxisType, BarMode, DragMode, HoverMode, Legend, Margin, Shape, ShapeLayer, ShapeLine, ShapeType,
};
use plotly::{Bar, HeatMap, Layout, Scatter, Trace, Traces};
use serde::Serialize;

use super::layout::scroll;
use super::text::shorten;

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

/// How values become colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// −1 … 1 with a neutral middle: coefficients.
    Diverging,
    /// 0 … 1: shares.
    Sequential,
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
}

/// A stretch of the axis with a name, drawn behind the values.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    pub name: String,
    pub from: f64,
    pub to: f64,
}

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

/// The figure as plotly.js takes it. `plotly::Plot` would serialise to the same, but each one holds a copy of all scripts.
#[derive(Serialize)]
struct Figure {
    data: Traces,
    layout: Layout,
}

/// A symmetric heat map of pairs of names; its table lists each pair once. `pairs` holds (row, column) with row < column.
pub fn pairs(names: &[String], pairs: &[((usize, usize), Row)], scale: Scale, caption: Caption<'_>) -> Markup {
    let mut z = vec![vec![None; names.len()]; names.len()];
    for ((row, column), pair) in pairs {
        (z[*row][*column], z[*column][*row]) = (pair.cell.value, pair.cell.value);
    }
    let table = html! {
        table {
            thead { tr { th scope="col" { (caption.names) } th scope="col" { "and" } (figure_headings(caption)) } }
            tbody {
                @for ((row, column), pair) in pairs {
                    tr data-at={ (row) "," (column) } {
                        th scope="row" { (names[*row]) } th scope="row" { (names[*column]) } (figure_cells(pair))
                    }
                }
            }
        }
    };
    heat_map("pairs", names, z, scale, caption, table)
}

/// A heat map whose table is a matrix; `cells[r][c]` belongs to row `r` and column `c`.
pub fn matrix(names: &[String], cells: &[Vec<Cell>], scale: Scale, caption: Caption<'_>) -> Markup {
    let z = cells.iter().map(|row| row.iter().map(|cell| cell.value).collect()).collect();
    let table = html! {
        table {
            thead { tr { th scope="col" { (caption.names) } @for name in names { th scope="col" { (name) } } } }
            tbody {
                @for (name, row) in names.iter().zip(cells) {
                    tr { th scope="row" { (name) } @for cell in row { td.num { (linked(cell)) } } }
                }
            }
        }
    };
    heat_map("matrix", names, z, scale, caption, table)
}

fn heat_map(
    kind: &'static str,
    names: &[String],
    z: Vec<Vec<Option<f64>>>,
    scale: Scale,
    caption: Caption<'_>,
    table: Markup,
) -> Markup {
    // Two digits fit on a phone; the table has them all.
    let digits = |value: f64| match scale {
        Scale::Diverging => format!("{value:.2}"),
        Scale::Sequential => format!("{:.0}%", value * 100.0),
    };
    let shown = z.iter().map(|row| row.iter().map(|value| value.map(digits).unwrap_or_default()).collect()).collect();
    // Without gaps, or with a colour bar, plotly.js sets style attributes, which the content security policy refuses.
    let trace = HeatMap::new(positions(names.len()), positions(names.len()), z)
        .zmin(if scale == Scale::Diverging { -1.0 } else { 0.0 })
        .zmax(1.0)
        .show_scale(false)
        .x_gap(2.0)
        .y_gap(2.0)
        .text_matrix(shown)
        .hover_info(HoverInfo::Text);
    let height = 70 + 34 * names.len();
    let layout = base_layout(height, named_axis(names).range(edges(names.len(), false)), rows_axis(names));
    let chart = Chart { kind, height, figure: Figure { data: only(trace), layout }, legend: legend(scale) };
    chart.render(caption, Some(scale), table)
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
    let names: Vec<String> = rows.iter().map(|(name, _)| name.clone()).collect();
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
                        @for row in &period.rows { td.num { (row.cell.shown) } td { (row.interval_shown) } }
                        td.num { @if let Some(row) = period.rows.first() { (row.n) } }
                    }
                }
            }
        }
    };
    Chart { kind: "time", height, figure: Figure { data, layout }, legend: html! {} }.render(caption, None, table)
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
    html! { td.num { (linked(&row.cell)) } td { (row.interval_shown) } td.num { (row.n) } }
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

fn legend(scale: Scale) -> Markup {
    let (class, low, high) = match scale {
        Scale::Diverging => ("ramp diverging", "−1 always differ", "1 always agree"),
        Scale::Sequential => ("ramp sequential", "0 %", "100 %"),
    };
    html! {
        div.scale aria-hidden="true" {
            span { (low) }
            span class=(class) {}
            @if scale == Scale::Diverging { span { "0 chance" } span class="ramp diverging upper" {} }
            span { (high) }
        }
    }
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

    const CAPTION: Caption<'_> =
        Caption { id: "x", title: "Pairs", note: "How to read.", names: "Annotator", values: "Kappa" };

    fn row(value: Option<f64>, shown: &str) -> Row {
        let href = value.map(|_| "/x?a=1&b=2".to_owned());
        let interval = value.map(|value| (value - 0.25, value + 0.5));
        Row {
            cell: Cell { value, shown: shown.into(), href },
            interval,
            interval_shown: "i".into(),
            n: "3".into(),
            items: 3,
        }
    }

    fn figure_json(markup: &str) -> serde_json::Value {
        let (_, rest) = markup.split_once("application/json\">").unwrap();
        serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
    }

    #[test]
    fn pairs_are_a_symmetric_heat_map_with_gaps_and_each_pair_once_in_the_table() {
        let names = ["Ann", "Bo", "Cy"].map(str::to_owned);
        let rows = [((0, 1), row(Some(0.5), "0.500")), ((0, 2), row(None, "no shared items"))];
        let markup = pairs(&names, &rows, Scale::Diverging, CAPTION).into_string();
        let figure = figure_json(&markup);
        assert_eq!(figure["data"][0]["type"], "heatmap");
        assert_eq!(
            figure["data"][0]["z"],
            serde_json::json!([[null, 0.5, null], [0.5, null, null], [null, null, null]])
        );
        assert_eq!(figure["layout"]["yaxis"]["range"], serde_json::json!([2.5, -0.5]));
        assert_eq!(markup.matches("<a href=\"/x?a=1&amp;b=2\">0.500</a>").count(), 1, "{markup}");
        assert!(markup.contains("data-at=\"0,2\"") && markup.contains("no shared items"), "{markup}");
    }

    #[test]
    fn names_cannot_break_out_of_the_script_or_become_markup() {
        let names = ["</script><b>x</b>&amp;".to_owned()];
        let markup = matrix(&names, &[vec![Cell::default()]], Scale::Sequential, CAPTION).into_string();
        assert_eq!(markup.matches("</script>").count(), 1, "{markup}");
        assert_eq!(
            figure_json(&markup)["layout"]["yaxis"]["ticktext"][0],
            "&lt;/script&gt;&lt;b&gt;x&lt;/b&gt;&amp;amp;"
        );
    }

    #[test]
    fn undefined_dots_stay_in_the_table_only() {
        let rows = [("Ann".to_owned(), row(None, "no shared items")), ("Bo".to_owned(), row(Some(0.5), "0.5"))];
        let bands = [("poor", -1.0, 0.0), ("fair", 0.0, 0.4), ("good", 0.4, 1.0)];
        let bands = bands.map(|(name, from, to)| Band { name: name.to_owned(), from, to });
        let markup = dots(&rows, 0.0, &bands, CAPTION).into_string();
        let figure = figure_json(&markup);
        assert_eq!(figure["data"][0]["error_x"]["array"], serde_json::json!([0.5]));
        assert_eq!(figure["data"][0]["error_x"]["arrayminus"], serde_json::json!([0.25]));
        assert_eq!(figure["data"][0]["y"], serde_json::json!([1.0]), "a dot keeps the place of its row");
        assert!(markup.contains("no shared items"));
        assert_eq!(figure["layout"]["shapes"][0]["x0"], -0.02, "a band ends where the axis does");
        let named: Vec<&str> = figure["layout"]["annotations"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|name| name["text"].as_str())
            .collect();
        assert_eq!(named, ["fair", "good"], "a sliver has no room for a name");
    }

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
