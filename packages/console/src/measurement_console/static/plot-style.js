// Give all plots one look, in the colors of the page.
"use strict";

const plotStyle = (() => {
  function color(name) {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  function axis(label) {
    const line = { stroke: color("--edge"), width: 0.5 };
    return { label, labelSize: 20, stroke: color("--dim"), grid: line, ticks: line };
  }

  // Return the ends of the vertical axis. A flat line is in its middle.
  function range(chart, low, high) {
    if (low === null) return [0, 1];
    const margin = Math.abs(low) / 10 || 1;
    return low === high ? [low - margin, high + margin] : uPlot.rangeNum(low, high, 0.1, true);
  }

  function scales() {
    return { x: { time: false }, y: { range } };
  }

  return { color, axis, scales };
})();
