"""The plots of a quantity: over time or by unit under test, and its distribution, with limits."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import plotly.graph_objects as go
import plotly.io

from json_logger_server.report.histograms import Histogram, histogram
from json_logger_server.report.parts import BAD, COLORS, limits_text
from json_logger_server.report.results import Bounds
from json_logger_server.report.series import Quantity, Series, thinned

MOST_POINTS = 5_000
"""Points of a curve. A curve with more points is thinned; its extremes stay."""
_MOST_HISTOGRAMS = 6
_MOST_LIMITS = 4
"""Number of different limits that one plot shows."""
_MOST_MARKERS = 2_000


def plots_of(name: str, unit: str, quantity: Quantity, serials: Sequence[str]) -> str:
    """Return the plots of a quantity as HTML; nothing if it never varies.

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
    by_unit = any(index >= 0 for series in quantity.series.values() for index in series.uuts)
    if by_unit:
        curves = _titled(f"{label} by unit under test", _trend(quantity, name, label, serials))
    else:
        curves = _titled(label, _over_time(quantity, name, label))
    return curves + _distributions(quantity, name, label)


def _titled(caption: str, body: str) -> str:
    return f"<h3>{html.escape(caption)}</h3>{body}"


def _varies(series: Series) -> bool:
    """Return whether a plot is useful; a constant value is in the table."""
    return bool(series.values) and min(series.values) < max(series.values)


def _over_time(quantity: Quantity, name: str, label: str) -> str:
    figure = go.Figure()
    for color, (place, series) in zip(cycle(COLORS), quantity.series.items(), strict=False):
        kept = thinned(series, MOST_POINTS)
        values = [series.values[i] for i in kept]
        _add_curve(figure, place or name, [series.times[i] for i in kept], values, color)
        _add_outside(figure, series, kept, [series.times[i] for i in kept])
    _add_limit_lines(figure, quantity.series)
    return _draw(figure, "time (UTC)", label)


def _trend(quantity: Quantity, name: str, label: str, serials: Sequence[str]) -> str:
    """Draw the values of each unit under test, in the order in which the units came."""
    figure = go.Figure()
    for color, (place, series) in zip(cycle(COLORS), quantity.series.items(), strict=False):
        kept = [i for i in thinned(series, MOST_POINTS) if series.uuts[i] >= 0]
        figure.add_trace(
            go.Scatter(
                x=[series.uuts[i] + 1 for i in kept],
                y=[series.values[i] for i in kept],
                text=[html.escape(serials[series.uuts[i]]) for i in kept],
                name=html.escape(place or name),
                mode="markers",
                marker={"color": color, "size": 4, "opacity": 0.75},
                hovertemplate="%{text}: %{y}",
            )
        )
        _add_outside(figure, series, kept, [series.uuts[i] + 1 for i in kept])
    _add_limit_lines(figure, quantity.series)
    return _draw(figure, "unit under test, in the order of the log", label)


def _waveform(quantity: Quantity, name: str, label: str) -> str:
    figure = go.Figure()
    count = len(quantity.waveform)
    every = -(-count // MOST_POINTS)
    shown = range(0, count, every)
    x = [index * quantity.step for index in shown] if quantity.step else [*shown]
    _add_curve(figure, name, x, [quantity.waveform[index] for index in shown], COLORS[0])
    return _draw(figure, "time (s)" if quantity.step else "sample", label)


def _distributions(quantity: Quantity, name: str, label: str) -> str:
    """Draw a histogram for each group of places that have the same limits."""
    groups: dict[Bounds, dict[str, Series]] = {}
    for place, series in quantity.series.items():
        bounds = series.usual_bounds
        if bounds is not None and series.values:
            groups.setdefault(bounds, {})[place or name] = series
    drawn = []
    for bounds, places in [*groups.items()][:_MOST_HISTOGRAMS]:
        found = histogram({place: series.values for place, series in places.items()}, bounds)
        if found is None:
            continue
        where = "" if len(groups) == 1 else f"{', '.join(places)}: "
        caption = f"{where}distribution, limits {limits_text(bounds)}"
        colors = [_color_of(quantity, place, name) for place in places]
        drawn.append(f"<div>{_titled(caption, _bars(found, bounds, colors, label))}</div>")
    return f'<div class="pair">{"".join(drawn)}</div>' if drawn else ""


def _color_of(quantity: Quantity, place: str, name: str) -> str:
    places = [one or name for one in quantity.series]
    return COLORS[places.index(place) % len(COLORS)]


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
    return _draw(figure, found.axis(label), "values", height=260)


def _add_curve(figure: Any, name: str, x: Sequence[Any], y: Sequence[float], color: str) -> None:
    line = {"color": color, "width": 1.5}
    mode = "lines+markers" if len(x) <= 200 else "lines"
    # plotly would read text from a log as markup.
    figure.add_trace(go.Scatter(x=x, y=y, name=html.escape(name), mode=mode, line=line))


def _add_outside(figure: Any, series: Series, kept: Sequence[int], x: Sequence[Any]) -> None:
    """Mark the values that are outside the usual limits of their place."""
    bounds = series.usual_bounds
    if bounds is None:
        return
    outside = [
        (at, series.values[i])
        for at, i in zip(x, kept, strict=True)
        if not bounds.allow(series.values[i])
    ][:_MOST_MARKERS]
    if outside:
        figure.add_trace(
            go.Scatter(
                x=[at for at, _ in outside],
                y=[value for _, value in outside],
                mode="markers",
                marker={"color": BAD, "size": 8, "symbol": "circle-open", "line": {"width": 2}},
                name="outside its limits",
                legendgroup="outside",
                showlegend=not any(trace.legendgroup == "outside" for trace in figure.data),
                hoverinfo="skip",
            )
        )


def _add_limit_lines(figure: Any, series: Mapping[str, Series]) -> None:
    for value in [*dict.fromkeys(_limits(series))][: 2 * _MOST_LIMITS]:
        figure.add_hline(y=value, line={"color": BAD, "width": 1, "dash": "dash"})


def _limits(series: Mapping[str, Series]) -> Iterator[float]:
    for one in series.values():
        bounds = one.usual_bounds
        if bounds is not None:
            yield from (value for value in (bounds.low, bounds.high) if value is not None)


def _draw(figure: Any, x_title: str, y_title: str, height: int = 300) -> str:
    figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 70, "r": 20, "t": 10, "b": 45},
        legend={"orientation": "h", "y": 1.14, "x": 0},
        showlegend=len(figure.data) > 1,
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
