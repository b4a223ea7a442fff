//! Interactive charts: plotly figures as JSON in the page, drawn by `assets/assay.js`. Each has a table behind it with the
//! same figures; the links of that table are also where a click in the chart leads, so they are written once.

use maud::{Markup, PreEscaped, html};
use plotly::common::{ErrorData, ErrorType, HoverInfo, Marker, Mode, Orientation};
use plotly::layout::{Axis, BarMode, DragMode, HoverMode, Legend, Margin};
use plotly::{Bar, HeatMap, Layout, Scatter, Traces};
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
    /// Heading over the first column of the table.
    pub corner: &'a str,
}

/// What one cell or dot shows. `href` is where a click leads.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    pub value: Option<f64>,
    /// The value as text, or why there is none.
    pub shown: String,
    /// Lines of the hover box.
    pub hover: Vec<String>,
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

/// A matrix of values; `cells[r][c]` belongs to row `r` and column `c`.
#[derive(Debug)]
pub struct Heat {
    pub rows: Vec<String>,
    pub columns: Vec<String>,
    pub cells: Vec<Vec<Cell>>,
    pub scale: Scale,
}

/// A value with its interval, one line each.
#[derive(Debug)]
pub struct Dot {
    pub name: String,
    pub cell: Cell,
    pub interval: Option<(f64, f64)>,
    pub n: String,
}

/// Horizontal bars of several series over the same names.
#[derive(Debug)]
pub struct Bars {
    pub names: Vec<String>,
    pub series: Vec<(&'static str, Vec<Cell>)>,
}

/// The figure as plotly.js takes it. `plotly::Plot` would serialise to the same, but each one holds a copy of all scripts.
#[derive(Serialize)]
struct Figure {
    data: Traces,
    layout: Layout,
}

impl Heat {
    /// What stands in the cells: two digits, so that it fits on a phone. The hover box and the table say it in full.
    fn digits(&self) -> Vec<Vec<String>> {
        let digits = |value: f64| match self.scale {
            Scale::Diverging => format!("{value:.2}"),
            Scale::Sequential => format!("{:.0}%", value * 100.0),
        };
        self.cells
            .iter()
            .map(|row| row.iter().map(|cell| cell.value.map(digits).unwrap_or_default()).collect())
            .collect()
    }

    pub fn render(&self, caption: Caption<'_>) -> Markup {
        let (low, kind) = if self.scale == Scale::Diverging { (-1.0, "diverging") } else { (0.0, "sequential") };
        let hovers: Vec<Vec<String>> = self.cells.iter().map(|row| row.iter().map(hover).collect()).collect();
        let z: Vec<Vec<Option<f64>>> =
            self.cells.iter().map(|row| row.iter().map(|cell| cell.value).collect()).collect();
        let trace = HeatMap::new(positions(self.columns.len()), positions(self.rows.len()), z)
            .zmin(low)
            .zmax(1.0)
            .show_scale(false)
            .x_gap(2.0)
            .y_gap(2.0)
            .text_matrix(self.digits())
            .hover_text_matrix(hovers)
            .hover_info(HoverInfo::Text);
        let height = 70 + 34 * self.rows.len();
        let layout = base_layout(
            height,
            named_axis(&self.columns).range(edges(self.columns.len(), false)),
            rows_axis(&self.rows),
        );
        let table = html! {
            table {
                thead { tr { th scope="col" { (caption.corner) } @for name in &self.columns { th scope="col" { (name) } } } }
                tbody {
                    @for (name, row) in self.rows.iter().zip(&self.cells) {
                        tr { th scope="row" { (name) } @for cell in row { td.num { (linked(cell)) } } }
                    }
                }
            }
        };
        figure(caption, kind, height, trace, layout, html! { (legend(self.scale)) }, table)
    }
}

/// Dots with intervals between `low` and 1.
pub fn dots(rows: &[Dot], low: f64, caption: Caption<'_>) -> Markup {
    let shown: Vec<(usize, &Dot, f64)> =
        rows.iter().enumerate().filter_map(|(at, row)| Some((at, row, row.cell.value?))).collect();
    let index = positions(rows.len());
    let reach = |pick: fn((f64, f64), f64) -> f64| -> Vec<f64> {
        shown
            .iter()
            .map(|(_, row, value)| row.interval.map_or(0.0, |interval| pick(interval, *value).max(0.0)))
            .collect()
    };
    let errors = ErrorData::new(ErrorType::Data)
        .symmetric(false)
        .array(reach(|(_, high), value| high - value))
        .array_minus(reach(|(low, _), value| value - low))
        .thickness(2.0)
        .width(0);
    let trace = Scatter::new(
        shown.iter().map(|(_, _, value)| *value).collect(),
        shown.iter().map(|(at, _, _)| index[*at]).collect(),
    )
    .mode(Mode::Markers)
    .marker(Marker::new().size(9))
    .error_x(errors)
    .hover_text_array(shown.iter().map(|(_, row, _)| hover(&row.cell)).collect())
    .hover_info(HoverInfo::Text)
    .show_legend(false);
    let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    let height = 60 + 30 * rows.len();
    let layout = base_layout(height, value_axis(low), rows_axis(&names));
    let table = html! {
        table {
            thead { tr { th scope="col" { (caption.corner) } th scope="col" { "Value" } th scope="col" { "95 % interval and n" } } }
            tbody {
                @for row in rows {
                    tr { th scope="row" { (row.name) } td.num { (linked(&row.cell)) } td { (row.n) } }
                }
            }
        }
    };
    figure(caption, "dots", height, trace, layout, html! {}, table)
}

impl Bars {
    pub fn render(&self, caption: Caption<'_>) -> Markup {
        let mut traces = Traces::new();
        for (name, cells) in &self.series {
            let trace = Bar::new(cells.iter().map(|cell| cell.value).collect(), positions(cells.len()))
                .orientation(Orientation::Horizontal)
                .name(name)
                .hover_text_array(cells.iter().map(hover).collect())
                .hover_info(HoverInfo::Text);
            traces.push(trace);
        }
        let height = 70 + (12 + 16 * self.series.len()) * self.names.len();
        let legend =
            Legend::new().orientation(Orientation::Horizontal).x(0.0).y(1.0).y_anchor(plotly::common::Anchor::Bottom);
        let layout = base_layout(height, value_axis(0.0).tick_format(".0%"), rows_axis(&self.names))
            .bar_mode(BarMode::Group)
            .bar_gap(0.25)
            .legend(legend);
        let table = html! {
            table {
                thead { tr { th scope="col" { (caption.corner) } @for (name, _) in &self.series { th scope="col" { (name) } } } }
                tbody {
                    @for (at, name) in self.names.iter().enumerate() {
                        tr { th scope="row" { (name) } @for (_, cells) in &self.series { td.num { (linked(&cells[at])) } } }
                    }
                }
            }
        };
        frame(caption, "bars", height, &Figure { data: traces, layout }, html! {}, table)
    }
}

fn figure(
    caption: Caption<'_>,
    kind: &str,
    height: usize,
    trace: Box<dyn plotly::Trace>,
    layout: Layout,
    legend: Markup,
    table: Markup,
) -> Markup {
    let mut data = Traces::new();
    data.push(trace);
    frame(caption, kind, height, &Figure { data, layout }, legend, table)
}

fn frame(caption: Caption<'_>, kind: &str, height: usize, figure: &Figure, legend: Markup, table: Markup) -> Markup {
    html! {
        figure.chart id=(caption.id) data-chart=(kind) {
            figcaption {
                h3 { (caption.title) }
                p { (caption.note) }
            }
            (legend)
            div.plot role="img" aria-label={ (caption.title) ". The table below has the same figures." } {
                // Keeps the place until the chart is drawn; a height in CSS would need an inline style.
                svg.hold width="1" height=(height) aria-hidden="true" {}
            }
            noscript { p.quiet { "The chart needs JavaScript; the table has the same figures." } }
            details {
                summary { "Show as a table" }
                (scroll(&format!("Table: {}", caption.title), table))
            }
            script type="application/json" { (json(figure)) }
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

fn hover(cell: &Cell) -> String {
    cell.hover.iter().map(|line| literal(line)).collect::<Vec<_>>().join("<br>")
}

fn linked(cell: &Cell) -> Markup {
    html! {
        @match &cell.href {
            Some(href) => { a href=(href) { (cell.shown) } }
            None => { (cell.shown) }
        }
    }
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

#[expect(clippy::cast_precision_loss, reason = "positions on an axis of at most some dozens of names")]
fn positions(n: usize) -> Vec<f64> {
    (0..n).map(|at| at as f64).collect()
}

#[expect(clippy::cast_precision_loss, reason = "positions on an axis of at most some dozens of names")]
fn edges(n: usize, downwards: bool) -> Vec<f64> {
    let (start, end) = (-0.5, n as f64 - 0.5);
    if downwards { vec![end, start] } else { vec![start, end] }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPTION: Caption<'_> = Caption { id: "pairs", title: "Pairs", note: "How to read.", corner: "Annotator" };

    fn heat(name: &str) -> String {
        let cell =
            Cell { value: Some(0.5), shown: "0.500".into(), hover: vec![name.into()], href: Some("/x?a=1&b=2".into()) };
        let none = Cell { shown: "no shared items".into(), hover: vec!["no shared items".into()], ..Cell::default() };
        let names = vec![name.to_owned(), "Bo".to_owned()];
        Heat {
            rows: names.clone(),
            columns: names,
            cells: vec![vec![none, cell.clone()], vec![cell, Cell::default()]],
            scale: Scale::Diverging,
        }
        .render(CAPTION)
        .into_string()
    }

    fn figure_json(markup: &str) -> serde_json::Value {
        let (_, rest) = markup.split_once("application/json\">").unwrap();
        serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
    }

    #[test]
    fn a_heat_map_is_plotly_json_with_gaps_as_null_and_a_table_behind() {
        let markup = heat("Ann");
        let figure = figure_json(&markup);
        assert_eq!(figure["data"][0]["type"], "heatmap");
        assert_eq!(figure["data"][0]["z"], serde_json::json!([[null, 0.5], [0.5, null]]));
        assert_eq!(figure["layout"]["yaxis"]["range"], serde_json::json!([1.5, -0.5]));
        assert!(
            markup.contains("<a href=\"/x?a=1&amp;b=2\">0.500</a>") && markup.contains("no shared items"),
            "{markup}"
        );
    }

    #[test]
    fn names_cannot_break_out_of_the_script_or_become_markup() {
        let markup = heat("</script><b>x</b>&amp;");
        assert_eq!(markup.matches("</script>").count(), 1, "{markup}");
        let figure = figure_json(&markup);
        assert_eq!(figure["data"][0]["hovertext"][0][1], "&lt;/script&gt;&lt;b&gt;x&lt;/b&gt;&amp;amp;");
        assert!(!figure["layout"]["yaxis"]["ticktext"][0].as_str().unwrap().contains('<'));
    }

    #[test]
    fn undefined_dots_stay_in_the_table_only() {
        let rows = [
            Dot {
                name: "Ann".into(),
                cell: Cell { value: Some(0.5), shown: "0.5".into(), ..Cell::default() },
                interval: Some((0.25, 1.0)),
                n: "n 3".into(),
            },
            Dot {
                name: "Bo".into(),
                cell: Cell { shown: "no shared items".into(), ..Cell::default() },
                interval: None,
                n: "n 0".into(),
            },
        ];
        let markup = dots(&rows, 0.0, CAPTION).into_string();
        let figure = figure_json(&markup);
        assert_eq!(figure["data"][0]["error_x"]["array"], serde_json::json!([0.5]));
        assert_eq!(figure["data"][0]["error_x"]["arrayminus"], serde_json::json!([0.25]));
        assert_eq!(figure["data"][0]["x"].as_array().unwrap().len(), 1);
        assert!(markup.contains("no shared items"));
    }
}
