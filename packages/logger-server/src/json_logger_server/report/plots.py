"""The plots of a quantity: over time or by unit under test, and its distribution, with limits."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import plotly.graph_objects as go
import plotly.io

from json_logger_server.report.histograms import Histogram, histogram
from json_logger_server.report.parts import BAD, COLORS, counted, limits_text
from json_logger_server.report.results import Bounds
from json_logger_server.report.series import Quantity, Series, thinned

MOST_POINTS = 5_000
"""Points of a curve. A curve with more points is thinned; its extremes stay."""
_MOST_GROUPS = 8
"""Different limits of one quantity whose places are drawn."""
_MOST_MARKERS = 2_000
"""Values outside the limits that one curve marks."""


def plots_of(name: str, unit: str, quantity: Quantity, serials: Sequence[str]) -> str:
    """Return the plots of a quantity as HTML; nothing if it never varies.

    Places with different limits have plots of their own.

    Args:
        name: Name of the output.
        unit: Its unit; may be empty.
        quantity: Its values.
        serials: The serial numbers of the units under test.
    """
    label = f"{name} ({unit})" if unit else name
    if len(quantity.waveform):
        return _titled(f"{label}, latest waveform", _waveform(quantity, name, label))
    if not any(map(_varies, quantity.series.values())):
        return ""
    groups = _groups(quantity, name)
    drawn = [
        _group(label, bounds, curves, serials, "" if len(groups) == 1 else f"{', '.join(curves)}: ")
        for bounds, curves in [*groups.items()][:_MOST_GROUPS]
    ]
    left = len(groups) - len(drawn)
    if left > 0:
        drawn.append(f"<p>And {counted(left, 'plot')} of places with other limits.</p>")
    return "".join(drawn)


@dataclass(frozen=True, slots=True)
class _Curve:
    """The series of a place, and the color of the place."""

    series: Series
    color: str


def _groups(quantity: Quantity, name: str) -> dict[Bounds | None, dict[str, _Curve]]:
    """Return the curves by place, for each of the limits that places have."""
    groups: dict[Bounds | None, dict[str, _Curve]] = {}
    for color, (place, series) in zip(cycle(COLORS), quantity.series.items(), strict=False):
        groups.setdefault(series.usual_bounds, {})[place or name] = _Curve(series, color)
    return groups


def _group(
    label: str,
    bounds: Bounds | None,
    curves: Mapping[str, _Curve],
    serials: Sequence[str],
    where: str,
) -> str:
    """Draw the places that have the same limits; with limits, also their distribution."""
    if any(index >= 0 for curve in curves.values() for index in curve.series.uuts):
        drawn = _titled(
            f"{where}{label} by unit under test", _trend(curves, bounds, label, serials)
        )
    else:
        drawn = _titled(f"{where}{label}", _over_time(curves, bounds, label))
    found = None
    if bounds is not None:
        values = {place: curve.series.values for place, curve in curves.items()}
        found = histogram(values, bounds)
    if bounds is None or found is None:
        return drawn
    bars = _bars(found, bounds, [curve.color for curve in curves.values()], label)
    distribution = _titled(f"{where}distribution, limits {limits_text(bounds)}", bars)
    return f'<div class="pair"><div>{drawn}</div><div>{distribution}</div></div>'


def _titled(caption: str, body: str) -> str:
    return f"<h3>{html.escape(caption)}</h3>{body}"


def _varies(series: Series) -> bool:
    """Return whether a plot is useful; a constant value is in the table."""
    return bool(series.values) and min(series.values) < max(series.values)


def _over_time(curves: Mapping[str, _Curve], bounds: Bounds | None, label: str) -> str:
    figure = go.Figure()
    for place, curve in curves.items():
        series = curve.series
        kept = thinned(series, MOST_POINTS)
        times = [series.times[i] for i in kept]
        values = [series.values[i] for i in kept]
        _add_curve(figure, place, times, values, curve.color)
        _add_outside(figure, bounds, times, values)
    _add_limit_lines(figure, bounds)
    return _draw(figure, "time (UTC)", label)


def _trend(
    curves: Mapping[str, _Curve], bounds: Bounds | None, label: str, serials: Sequence[str]
) -> str:
    """Draw the values of each unit under test, in the order in which the units came."""
    figure = go.Figure()
    for place, curve in curves.items():
        series = curve.series
        kept = [i for i in thinned(series, MOST_POINTS) if series.uuts[i] >= 0]
        numbers = [series.uuts[i] + 1 for i in kept]
        values = [series.values[i] for i in kept]
        figure.add_trace(
            go.Scatter(
                x=numbers,
                y=values,
                text=[html.escape(serials[number - 1]) for number in numbers],
                name=html.escape(place),
                mode="markers",
                marker={"color": curve.color, "size": 4, "opacity": 0.75},
                hovertemplate="%{text}: %{y}",
            )
        )
        _add_outside(figure, bounds, numbers, values)
    _add_limit_lines(figure, bounds)
    return _draw(figure, "unit under test, in the order of the log", label)


def _waveform(quantity: Quantity, name: str, label: str) -> str:
    figure = go.Figure()
    count = len(quantity.waveform)
    every = -(-count // MOST_POINTS)
    shown = range(0, count, every)
    x = [index * quantity.step for index in shown] if quantity.step else [*shown]
    _add_curve(figure, name, x, [quantity.waveform[index] for index in shown], COLORS[0])
    return _draw(figure, "time (s)" if quantity.step else "sample", label)


def _bars(found: Histogram, bounds: Bounds, colors: Sequence[str], label: str) -> str:
    figure = go.Figure()
    for color, (place, counts) in zip(colors, found.counts.items(), strict=True):
        bars = go.Bar(
            x=found.centers,
            y=counts,
            width=found.width,
            name=html.escape(place),
            marker={"color": color, "line": {"width": 0}},
            text=found.texts,
            textposition="none",
            hovertemplate="%{text}: %{y}",
        )
        figure.add_trace(bars)
    for name, value in (("low", bounds.low), ("high", bounds.high)):
        if value is not None:
            style = {"color": BAD, "width": 1.5, "dash": "dash"}
            figure.add_vline(x=value, line=style, annotation={"text": name, "font_size": 11})
    if bounds.nominal is not None:
        style = {"color": "#6b7280", "width": 1, "dash": "dot"}
        figure.add_vline(x=bounds.nominal, line=style)
    figure.update_layout(barmode="stack", bargap=0)
    # The curves beside it have the same colors.
    return _draw(figure, found.axis(label), "values", has_legend=False)


def _add_curve(figure: Any, name: str, x: Sequence[Any], y: Sequence[float], color: str) -> None:
    line = {"color": color, "width": 1.5}
    mode = "lines+markers" if len(x) <= 200 else "lines"
    # plotly would read text from a log as markup.
    figure.add_trace(go.Scatter(x=x, y=y, name=html.escape(name), mode=mode, line=line))


def _add_outside(
    figure: Any, bounds: Bounds | None, x: Sequence[Any], values: Sequence[float]
) -> None:
    """Mark the values that are outside the limits."""
    if bounds is None:
        return
    pairs = zip(x, values, strict=True)
    outside = [(at, value) for at, value in pairs if not bounds.allow(value)][:_MOST_MARKERS]
    if outside:
        figure.add_trace(
            go.Scatter(
                x=[at for at, _ in outside],
                y=[value for _, value in outside],
                mode="markers",
                marker={"color": BAD, "size": 8, "symbol": "circle-open", "line": {"width": 2}},
                name="outside the limits",
                legendgroup="outside",
                legendrank=2000,  # after the places
                showlegend=not any(trace.legendgroup == "outside" for trace in figure.data),
                hoverinfo="skip",
            )
        )


def _add_limit_lines(figure: Any, bounds: Bounds | None) -> None:
    for value in (bounds.low, bounds.high) if bounds is not None else ():
        if value is not None:
            figure.add_hline(y=value, line={"color": BAD, "width": 1, "dash": "dash"})


def _draw(figure: Any, x_title: str, y_title: str, *, has_legend: bool = True) -> str:
    figure.update_layout(
        template="plotly_white",
        height=300,
        margin={"l": 70, "r": 20, "t": 10, "b": 45},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        showlegend=has_legend and len(figure.data) > 1,
        hovermode="closest",
    )
    figure.update_xaxes(title=html.escape(x_title))
    figure.update_yaxes(title=html.escape(y_title), exponentformat="SI")
    return str(
        plotly.io.to_html(
            figure,
            include_plotlyjs=False,
            full_html=False,
            config={"displayModeBar": False, "responsive": True},
        )
    )
