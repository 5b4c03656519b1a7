// Draw what the stream of a page sends for its plot: points of a series, or one waveform.
"use strict";

(() => {
  const place = document.getElementById("plot");
  if (!place) return;
  const text = document.getElementById("plot-text");
  const ink = plotStyle.color("--link"), good = plotStyle.color("--good");
  let buckets = [];
  let limits = [null, null];
  let plot = null;

  function band(u) { // the limits of the record, behind the line
    const [low, high] = limits;
    if (low === null && high === null) return;
    const { left, top, width, height } = u.bbox;
    const at = (value, other) => value === null ? other
      : Math.min(Math.max(u.valToPos(value, "y", true), top), top + height);
    const upper = at(high, top), lower = at(low, top + height);
    u.ctx.save();
    u.ctx.globalAlpha = 0.12;
    u.ctx.fillStyle = good;
    u.ctx.fillRect(left, upper, width, lower - upper);
    u.ctx.restore();
  }

  function make(label, data) {
    const options = {
      width: place.clientWidth,
      height: 320,
      scales: plotStyle.scales(),
      axes: [plotStyle.axis(label), { ...plotStyle.axis(), labelSize: 0, size: 80 }],
      series: [{ label }, { label: place.dataset.field.slice(0, 60), stroke: ink, width: 1.5, points: { size: 4 } }],
      hooks: { drawClear: [band] },
    };
    plot = new uPlot(options, data, place);
    new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 320 })).observe(place);
  }

  function draw(label, xs, ys) {
    place.points = [xs, ys]; // tests compare them with the log
    if (plot) plot.setData([xs, ys]); else make(label, [xs, ys]);
  }

  document.addEventListener("points", (event) => {
    const data = JSON.parse(event.detail.data);
    limits = data.limits;
    buckets.length = Math.min(buckets.length, data.first);
    buckets = buckets.concat(data.buckets);
    const points = buckets.flat();
    const last = points[points.length - 1];
    draw("Number of the record", points.map((point) => point[0]), points.map((point) => point[2]));
    if (last) text.textContent = `Record ${last[0]}, ${new Date(last[1] * 1000).toLocaleTimeString([], { hourCycle: "h23" })}: ${Number(last[2].toPrecision(10))}`;
  });

  document.addEventListener("waveform", (event) => {
    const data = JSON.parse(event.detail.data);
    text.textContent = data.problem || `Record ${data.seq}${data.unit ? `, in ${data.unit}` : ""}`;
    if (data.problem) return;
    const step = data.dt || 1;
    draw(data.dt ? "Seconds" : "Sample", data.points.map((point) => point[0] * step), data.points.map((point) => point[1]));
  });
})();
