//! Heat maps: of pairs of names, and of one set of names by another.

use maud::{Markup, html};
use plotly::HeatMap;
use plotly::common::HoverInfo;

use super::{
    Caption, Cell, Chart, Figure, Row, base_layout, edges, figure_cells, figure_headings, linked, named_axis, only,
    positions, rows_axis,
};

/// How values become colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// −1 … 1 with a neutral middle: coefficients.
    Diverging,
    /// 0 … 1: shares.
    Sequential,
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

#[cfg(test)]
mod tests {
    use super::super::tests::{CAPTION, figure_json, row};
    use super::*;

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
}
