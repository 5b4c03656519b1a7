"""Make one HTML page of a log. The page needs no other file and no network."""

from __future__ import annotations

import html
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
    Series,
    Tally,
    statistics,
    thinned,
)

MOST_POINTS = 5_000
"""Points of a curve. A curve with more points is thinned; its extremes stay."""
_TEXTS_SHOWN = 6
"""Number of different texts of an output, or values of a configuration, that are shown."""
_TEXT_CELL = ' class="text"'
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
table { border-collapse: collapse; width: 100%; margin-bottom: 16px;
  font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 4px 10px; border-bottom: 1px solid #e5e7eb; }
th { color: #6b7280; font-weight: 600; }
th.text, td.text { text-align: left; }
td { overflow-wrap: anywhere; }
p.left { color: #92400e; background: #fef3c7; border-radius: 6px; padding: 6px 12px; }
nav a { color: #2563eb; margin-right: 14px; display: inline-block; }
"""


def make_page(contents: LogContents, path: Path) -> str:
    """Return the page as HTML.

    Args:
        contents: The contents of the log.
        path: The log, for the title.
    """
    measurements = [contents.measurements[key] for key in sorted(contents.measurements)]
    # Anchors are numbers, because names that differ only in signs would make the same anchor.
    anchors = [f"m{number}" for number in range(1, len(measurements) + 1)]
    sections = [_section(*pair) for pair in zip(anchors, measurements, strict=True)]
    links = "".join(
        f'<a href="#{anchor}">{html.escape(_title(measurement))}</a>'
        for anchor, measurement in zip(anchors, measurements, strict=True)
    )
    title = html.escape(path.name)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style><script>{get_plotlyjs()}</script></head><body><main>"
        f'<h1>{title}</h1><p class="facts">{_facts(contents)}</p>{_left_out(contents)}'
        f"<nav><p>{links}</p></nav>"
        f"{''.join(sections) or '<section>The log has no records.</section>'}"
        "</main></body></html>\n"
    )


def _title(measurement: Measurement) -> str:
    name, condition = measurement.name, measurement.condition
    return f"{name}, {condition}" if condition else name


def _facts(contents: LogContents) -> str:
    facts = [f"{_counted(contents.records, 'record')}"]
    if contents.files > 1:
        facts.append(f"in {contents.files} files")
    if contents.first and contents.last:
        first, last = (f"{t:%Y-%m-%d %H:%M:%S} UTC" for t in (contents.first, contents.last))
        facts.append(f"{first} to {last}")
    if contents.writers:
        facts.append(f"written by {_counted(len(contents.writers), 'program')}")
    return html.escape(" · ".join(facts))


def _left_out(contents: LogContents) -> str:
    """Return a paragraph about the lines and values that the page does not show."""
    parts = []
    if contents.unreadable:
        are = "is not a record" if contents.unreadable == 1 else "are not records"
        parts.append(f"{_counted(contents.unreadable, 'line')} that {are}")
    if contents.left_out:
        parts.append(f"{_counted(contents.left_out, 'value')} that cannot be shown")
    if not parts:
        return ""
    return (
        f'<p class="left">Left out: {" and ".join(parts)}. See <code>json-logger verify</code>.</p>'
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _section(anchor: str, measurement: Measurement) -> str:
    quantities = measurement.quantities.items()
    tables = [
        _table(
            ("configuration", "values"),
            [[name, _shown(tally)] for name, tally in measurement.configurations.items()],
            texts=2,
        ),
        _table(
            ("output", "where", "count", "lowest", "mean", "highest", "last", "unit", "no number"),
            [row for (name, unit), quantity in quantities for row in _rows(name, unit, quantity)],
            texts=2,
        ),
        _table(
            ("output", "where", "count", "texts"),
            [row for (name, _), quantity in quantities for row in _text_rows(name, quantity)],
            texts=4,
        ),
    ]
    plots = [_plot(name, unit, quantity) for (name, unit), quantity in quantities]
    return (
        f'<section id="{anchor}"><h2>{html.escape(_title(measurement))}</h2>'
        f'<p class="facts">{_counted(measurement.records, "record")}</p>'
        f"{''.join(tables)}{''.join(plots)}</section>"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> str:
    """Return a table without its empty columns. Its first `texts` columns are texts."""
    used = [index for index in range(len(head)) if any(row[index] for row in rows)]

    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(
            f"<{tag}{_TEXT_CELL if index < texts else ''}>{html.escape(cells[index])}</{tag}>"
            for index in used
        )

    if not rows:
        return ""
    return f"<table>{row(head, 'th')}{''.join(row(cells, 'td') for cells in rows)}</table>"


def _rows(name: str, unit: str, quantity: Quantity) -> Iterable[list[str]]:
    for place, series in quantity.series.items():
        missing = f"{series.missing:,}" if series.missing else ""
        count = f"{len(series.values) + series.missing:,}"
        yield [name, place, count, *_statistics(series.values), unit, missing]
    if quantity.waveform:
        samples = f"latest waveform, {len(quantity.waveform):,} samples"
        yield [name, samples, "", *_statistics(quantity.waveform), unit, ""]


def _text_rows(name: str, quantity: Quantity) -> Iterable[list[str]]:
    for place, tally in quantity.tallies.items():
        yield [name, place, f"{tally.total:,}", _shown(tally)]


def _shown(tally: Tally) -> str:
    """Return the most frequent texts with their counts, and the number of the other texts."""
    shown = [
        text if count == tally.total else f"{text} ({count:,} times)"
        for text, count in tally.counts.most_common(_TEXTS_SHOWN)
    ]
    others = len(tally.counts) - len(shown)
    if others > 0:
        more = "more than " if tally.others else ""
        shown.append(f"and {more}{others:,} others")
    return " · ".join(shown)


def _statistics(values: Sequence[float]) -> list[str]:
    found = statistics(values)
    if found is None:
        return ["", "", "", ""]
    numbers = (found.lowest, found.mean, found.highest, found.last)
    return [f"{number:.6g}" for number in numbers]


def _plot(name: str, unit: str, quantity: Quantity) -> str:
    """Draw a quantity over time, a curve for each place, or its latest waveform."""
    label = f"{name} ({unit})" if unit else name
    figure = go.Figure()
    caption, axis = label, "time (UTC)"
    if quantity.waveform:
        caption, axis = f"{label}, latest waveform", "sample"
        step = -(-len(quantity.waveform) // MOST_POINTS)
        shown = quantity.waveform[::step]
        _add_curve(figure, name, list(range(0, len(quantity.waveform), step)), shown)
    elif any(_varies(series) for series in quantity.series.values()):
        for place, series in quantity.series.items():
            times, values = thinned(series, MOST_POINTS)
            _add_curve(figure, place or name, times, values)
    else:
        return ""
    return f"<h3>{html.escape(caption)}</h3>{_draw(figure, axis, label)}"


def _varies(series: Series) -> bool:
    """Return whether a plot is useful; a constant value is in the table."""
    return bool(series.values) and min(series.values) < max(series.values)


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
    # plotly would read text from a log as markup.
    figure.add_trace(go.Scatter(x=x, y=y, name=html.escape(name), mode=mode, line=line))
