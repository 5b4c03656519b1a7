// Draw plots of lines as the stream of a page sends them.
"use strict";

(() => {
  const place = document.getElementById("line-plots");
  if (!place) return;
  const colors = ["#2f81f7", "#d9480f", "#2b8a3e", "#ae3ec9", "#c2255c", "#0c8599", "#e67700", "#5f3dc4"];
  let charts = [];

  // Return the data of several lines as uPlot wants it: one list of places for all of them.
  function joined(lines) {
    return lines.length === 1 ? [lines[0].x, lines[0].y] : uPlot.join(lines.map((line) => [line.x, line.y]));
  }

  function shape(plots) {
    return JSON.stringify(plots.map((plot) => [plot.name, plot.x_label, plot.lines.map((line) => line.label)]));
  }

  function make(plot) {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = plot.name;
    figure.append(caption);
    figure.setAttribute("aria-label", `Plot of ${plot.name}`);
    place.append(figure);
    const series = plot.lines.map((line, n) => ({ label: line.label, stroke: colors[n % colors.length], width: 1.5 }));
    return new uPlot({
      width: figure.clientWidth,
      height: 240,
      scales: plotStyle.scales(),
      axes: [plotStyle.axis(plot.x_label), { ...plotStyle.axis(), labelSize: 0, size: 80 }],
      series: [{ label: plot.x_label }, ...series],
    }, joined(plot.lines), figure);
  }

  let shown = "";
  document.getElementById("live").addEventListener("plots", (event) => {
    const plots = JSON.parse(event.detail.data);
    if (!plots.length && !charts.length) return; // the page says why
    place.plots = plots; // tests compare them with the bench
    if (shape(plots) === shown) {
      charts.forEach((chart, n) => chart.setData(joined(plots[n].lines)));
      return;
    }
    shown = shape(plots);
    charts.forEach((chart) => chart.destroy());
    place.replaceChildren();
    charts = plots.map(make);
  });
  addEventListener("resize", () => charts.forEach((chart) => chart.setSize({ width: place.clientWidth, height: 240 })));
})();
