// Draws the charts of a page, opens what a selected cell stands for, and keeps addresses of filters short.
(() => {
  "use strict";

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const ramp = (kind) => {
    const colours = css(`--heat-${kind}`).split(/\s+/);
    return colours.map((colour, at) => [at / (colours.length - 1), colour]);
  };

  // plotly.js reads a little markup in texts; names and labels are to be shown as they are.
  const literal = (text) => text.trim().replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

  // What the table behind a chart says of a point: names, values with their headings, and the link.
  function entry(chart, row, column, series) {
    const table = chart.querySelector("details table");
    const headings = [...table.tHead.rows[0].cells];
    const kind = chart.dataset.chart;
    const line = kind === "pairs"
      ? table.querySelector(`tr[data-at="${Math.min(row, column)},${Math.max(row, column)}"]`)
      : table.tBodies[0].rows[row];
    if (!line) return { text: "" };
    const cells = [...line.cells];
    const only = kind === "matrix" ? column + 1 : kind === "bars" ? series + 1 : 0;
    const names = cells.filter((cell) => cell.tagName === "TH").map((cell) => cell.textContent);
    if (only) names.push(headings[only].textContent);
    const values = only
      ? [cells[only].textContent]
      : cells.flatMap((cell, at) => (cell.tagName === "TD" ? [`${headings[at].textContent}: ${cell.textContent}`] : []));
    const link = (only ? cells[only] : line).querySelector("a");
    return { text: [names.join(" – "), ...values].map(literal).join("<br>"), link };
  }

  // Colours depend on the reader's theme, so they are set here and not by the server.
  function themed(chart, figure, width) {
    const text = css("--text"), quiet = css("--quiet"), line = css("--line"), panel = css("--panel");
    const font = { family: css("--font"), size: 12, color: text };
    const layout = { ...figure.layout, font, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)" };
    layout.hoverlabel = { bgcolor: panel, bordercolor: quiet, align: "left", font };
    for (const axis of ["xaxis", "yaxis", "yaxis2"].filter((axis) => figure.layout[axis])) {
      layout[axis] = { ...layout[axis], gridcolor: line, linecolor: line, zerolinecolor: quiet, tickcolor: line };
    }
    if (figure.data[0].type === "heatmap" && width < 420 && figure.data[0].x.length > 3) {
      layout.xaxis.tickangle = -90;
      layout.height += 60;
    }
    layout.shapes = figure.layout.shapes?.map((shape) => ({ ...shape, fillcolor: css("--accent") }));
    // Names of bands need room.
    layout.annotations = width < 560 ? [] : figure.layout.annotations?.map((note) => ({ ...note, font: { ...font, size: 10, color: quiet } }));
    const overTime = chart.dataset.chart === "time";
    const data = figure.data.map((trace, at) => {
      const colour = css(at === 0 ? "--accent" : "--second");
      if (trace.type === "heatmap") {
        const hovertext = trace.z.map((row, r) => row.map((_, c) => entry(chart, r, c).text));
        return { ...trace, hovertext, colorscale: ramp(chart.dataset.scale), texttemplate: "%{text}", textfont: { color: text } };
      }
      const hovertext = trace.y.map((row, point) => entry(chart, overTime ? point : row, 0, at).text);
      if (trace.type === "bar") return { ...trace, hovertext, marker: { color: overTime ? quiet : colour } };
      if (overTime) {
        const error = { ...trace.error_y, color: colour };
        return { ...trace, hovertext, line: { ...trace.line, color: colour }, marker: { ...trace.marker, color: colour }, error_y: error };
      }
      return { ...trace, hovertext, marker: { ...trace.marker, color: colour }, error_x: { ...trace.error_x, color: colour } };
    });
    return { data, layout };
  }

  function draw(chart) {
    const place = chart.querySelector(".plot");
    const figure = JSON.parse(chart.querySelector("script[type='application/json']").textContent);
    const config = { displayModeBar: false, responsive: true };
    const show = () => {
      const { data, layout } = themed(chart, figure, place.clientWidth);
      return Plotly.react(place, data, layout, config);
    };
    const rowOf = (point) => (chart.dataset.chart === "time" ? point.pointIndex : point.y);
    const linkOf = ({ points: [point] }) => entry(chart, rowOf(point), point.x, point.curveNumber).link;
    place.replaceChildren();
    show().then(() => {
      place.on("plotly_click", (event) => linkOf(event)?.click());
      place.on("plotly_hover", (event) => place.classList.toggle("linked", Boolean(linkOf(event))));
      place.on("plotly_unhover", () => place.classList.remove("linked"));
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  }

  // Empty fields say nothing: leave them out of the address.
  function tidy(form) {
    form.addEventListener("submit", () => {
      for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
    });
    // Coming back to the page from the browser's history, the fields are needed again.
    addEventListener("pageshow", () => {
      for (const field of form.elements) field.disabled = false;
    });
  }

  document.querySelectorAll("form[data-tidy]").forEach(tidy);
  if (window.Plotly) document.querySelectorAll("figure.chart").forEach(draw);
})();
