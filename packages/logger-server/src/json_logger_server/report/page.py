"""Makes one HTML page of a log that needs nothing else to be looked at."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import plotly.io
from plotly.offline import get_plotlyjs

from json_logger_server.report.series import (
    LogContents,
    Measurement,
    Quantity,
    statistics,
    thinned,
)

MOST_POINTS = 5_000
"""Points of a curve; one with more is thinned, its extremes stay."""
_COLORS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f")
_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2937; background: #f3f4f6; margin: 0; }
main { max-width: 1080px; margin: 0 auto; padding: 24px; }
h1 { font-size: 26px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin: 0 0 12px; overflow-wrap: anywhere; }
h3 { font-size: 15px; margin: 20px 0 0; color: #374151; }
p.facts { color: #6b7280; margin: 0 0 20px; }
section { background: #fff; border: 1px solid #e5e7eb; border-radius: 8px; padding: 20px;
  margin-bottom: 20px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 4px 10px; border-bottom: 1px solid #e5e7eb; }
th { color: #6b7280; font-weight: 600; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
nav a { color: #2563eb; margin-right: 14px; }
"""


def make_page(contents: LogContents, path: Path) -> str:
    """Make the page.

    Args:
        contents: What the log tells.
        path: The log, for the title.
    """
    names = sorted(contents.measurements)
    sections = [_section(name, contents.measurements[name]) for name in names]
    links = "".join(f'<a href="#{_anchor(name)}">{html.escape(name)}</a>' for name in names)
    title = html.escape(path.name)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style><script>{get_plotlyjs()}</script></head><body><main>"
        f'<h1>{title}</h1><p class="facts">{_facts(contents)}</p><nav><p>{links}</p></nav>'
        f"{''.join(sections) or '<section>The log has no records.</section>'}"
        "</main></body></html>\n"
    )


def _facts(contents: LogContents) -> str:
    facts = [f"{contents.records:,} records"]
    if contents.first and contents.last:
        first, last = (f"{t:%Y-%m-%d %H:%M:%S} UTC" for t in (contents.first, contents.last))
        facts.append(f"{first} to {last}")
    if contents.writers:
        programs = len(contents.writers)
        facts.append(f"written by {programs} program{'s' if programs != 1 else ''}")
    if contents.unreadable:
        facts.append(f"{contents.unreadable:,} lines are no records; see `json-logger verify`")
    return html.escape(" · ".join(facts))


def _section(name: str, measurement: Measurement) -> str:
    quantities = measurement.quantities
    plots = [_plot(title, quantity) for title, quantity in quantities.items()]
    rows = [row for title, quantity in quantities.items() for row in _rows(title, quantity)]
    head = "<tr><th>output<th>where<th>count<th>lowest<th>mean<th>highest<th>last<th>unit</tr>"
    table = f"<table>{head}{''.join(rows)}</table>" if rows else "<p>No numbers.</p>"
    count = f"{measurement.records:,} record{'s' if measurement.records != 1 else ''}"
    return (
        f'<section id="{_anchor(name)}"><h2>{html.escape(name)}</h2>'
        f'<p class="facts">{count}</p>{table}{"".join(plots)}</section>'
    )


def _rows(title: str, quantity: Quantity) -> Iterable[str]:
    for place, series in quantity.series.items():
        numbers = _statistics(series.values)
        cells = [title, place, f"{len(series.values):,}", *numbers, quantity.unit]
        yield _row(cells)
    if quantity.waveform:
        samples = f"latest waveform, {len(quantity.waveform):,} samples"
        yield _row([title, samples, "", *_statistics(quantity.waveform), quantity.unit])
    if quantity.true or quantity.false:
        total = quantity.true + quantity.false
        yield _row([title, f"true in {quantity.true:,} of {total:,}", "", "", "", "", "", ""])


def _row(cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<td>{html.escape(cell)}" for cell in cells) + "</tr>"


def _statistics(values: Sequence[float]) -> list[str]:
    found = statistics(values)
    numbers = (found.lowest, found.mean, found.highest, found.last)
    return [f"{number:.6g}" for number in numbers]


def _plot(title: str, quantity: Quantity) -> str:
    """Draw a quantity over time, a curve for each place, or its latest waveform."""
    label = f"{title} ({quantity.unit})" if quantity.unit else title
    figure = go.Figure()
    caption, axis = label, "time (UTC)"
    if quantity.waveform:
        caption, axis = f"{label}, latest waveform", "sample"
        step = -(-len(quantity.waveform) // MOST_POINTS)
        shown = quantity.waveform[::step]
        _add_curve(figure, title, list(range(0, len(quantity.waveform), step)), shown)
    elif _varies(quantity):
        for place, series in quantity.series.items():
            times, values = thinned(series, MOST_POINTS)
            _add_curve(figure, place or title, times, values)
    else:
        return ""
    return f"<h3>{html.escape(caption)}</h3>{_draw(figure, axis, label)}"


def _varies(quantity: Quantity) -> bool:
    """Tell whether there is anything to see; what never changes stands in the table."""
    return any(min(s.values) < max(s.values) for s in quantity.series.values())


def _draw(figure: Any, axis: str, label: str) -> str:
    figure.update_layout(
        template="plotly_white",
        height=300,
        margin={"l": 70, "r": 20, "t": 10, "b": 45},
        legend={"orientation": "h", "y": 1.14, "x": 0},
        showlegend=len(figure.data) > 1,
        hovermode="x unified",
    )
    figure.update_xaxes(title=axis)
    figure.update_yaxes(title=html.escape(label), exponentformat="SI")
    return str(
        plotly.io.to_html(
            figure,
            include_plotlyjs=False,
            full_html=False,
            config={"displayModeBar": False, "responsive": True},
        )
    )


def _add_curve(figure: Any, name: str, x: Sequence[Any], y: Sequence[float]) -> None:
    line = {"color": _COLORS[len(figure.data) % len(_COLORS)], "width": 1.5}
    mode = "lines+markers" if len(x) <= 200 else "lines"
    # Text from a log must not be taken for markup.
    figure.add_trace(go.Scatter(x=x, y=y, name=html.escape(name), mode=mode, line=line))


def _anchor(name: str) -> str:
    return "m-" + re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
