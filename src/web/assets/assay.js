// Draws the charts of a page, opens what a selected cell stands for, and keeps addresses of filters short.
(() => {
  "use strict";

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const ramp = (kind) => {
    const colours = css(`--heat-${kind}`).split(/\s+/);
    return colours.map((colour, at) => [at / (colours.length - 1), colour]);
  };

  // Colours depend on the reader's theme, so they are set here and not by the server.
  function themed(kind, figure, width) {
    const text = css("--text"), quiet = css("--quiet"), line = css("--line"), panel = css("--panel");
    const font = { family: css("--font"), size: 12, color: text };
    const layout = { ...figure.layout, font, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)" };
    layout.hoverlabel = { bgcolor: panel, bordercolor: quiet, align: "left", font };
    for (const axis of ["xaxis", "yaxis"]) {
      layout[axis] = { ...layout[axis], gridcolor: line, linecolor: line, zerolinecolor: quiet, tickcolor: line };
    }
    if (figure.data[0].type === "heatmap" && width < 420 && figure.data[0].x.length > 3) {
      layout.xaxis.tickangle = -90;
      layout.height += 60;
    }
    const data = figure.data.map((trace, at) => {
      const colour = css(at === 0 ? "--accent" : "--second");
      if (trace.type === "heatmap") return { ...trace, colorscale: ramp(kind), texttemplate: "%{text}", textfont: { color: text } };
      if (trace.type === "bar") return { ...trace, marker: { color: colour } };
      return { ...trace, marker: { ...trace.marker, color: colour }, error_x: { ...trace.error_x, color: colour } };
    });
    return { data, layout };
  }

  // The cell of the table behind a chart that a point of the chart stands for.
  function cellOf(chart, point) {
    const column = chart.dataset.chart === "bars" ? point.curveNumber : chart.dataset.chart === "dots" ? 0 : point.x;
    const row = chart.querySelector("details table").tBodies[0].rows[point.y];
    return row && row.cells[column + 1];
  }

  function draw(chart) {
    const place = chart.querySelector(".plot");
    const figure = JSON.parse(chart.querySelector("script[type='application/json']").textContent);
    const config = { displayModeBar: false, responsive: true };
    const show = () => {
      const { data, layout } = themed(chart.dataset.chart, figure, place.clientWidth);
      return Plotly.react(place, data, layout, config);
    };
    const linkOf = (event) => cellOf(chart, event.points[0])?.querySelector("a");
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
