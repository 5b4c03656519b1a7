"""Make one HTML page of a log. The page needs no other file and no network."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from pathlib import Path

from plotly.offline import get_plotlyjs

from json_logger_server.report.outcome import outcome_section
from json_logger_server.report.parts import STYLE, counted, limits_text, number, table
from json_logger_server.report.plots import plots_of
from json_logger_server.report.series import (
    LogContents,
    Measurement,
    Quantity,
    Series,
    Tally,
    statistics,
)

_TEXTS_SHOWN = 6
"""Number of different texts of an output, or values of a configuration, that are shown."""
_HEAD = (
    *("output", "where", "limits", "count", "outside"),
    *("lowest", "mean", "highest", "last", "unit", "no number"),
)


def make_page(contents: LogContents, path: Path) -> str:
    """Return the page as HTML.

    Args:
        contents: The contents of the log.
        path: The log, for the title.
    """
    measurements = [contents.measurements[key] for key in sorted(contents.measurements)]
    serials = [*contents.uuts]
    # Anchors are numbers, because names that differ only in signs would make the same anchor.
    anchors = [f"m{number}" for number in range(1, len(measurements) + 1)]
    sections = [
        _section(anchor, measurement, serials)
        for anchor, measurement in zip(anchors, measurements, strict=True)
    ]
    links = "".join(
        f'<a href="#{anchor}">{html.escape(_title(measurement))}</a>'
        for anchor, measurement in zip(anchors, measurements, strict=True)
    )
    title = html.escape(path.name)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body><main>"
        f'<h1>{title}</h1><p class="facts">{_facts(contents)}</p>{_left_out(contents)}'
        f"{outcome_section(contents.results)}"
        f"<nav><p>{links}</p></nav>"
        f"{''.join(sections) or '<section>The log has no records.</section>'}"
        "</main></body></html>\n"
    )


def _title(measurement: Measurement) -> str:
    name, condition = measurement.name, measurement.condition
    return f"{name}, {condition}" if condition else name


def _facts(contents: LogContents) -> str:
    facts = [f"{counted(contents.records, 'record')}"]
    if len(contents.files) > 1:
        facts.append(f"in {len(contents.files)} files")
    if contents.first and contents.last:
        first, last = (f"{t:%Y-%m-%d %H:%M:%S} UTC" for t in (contents.first, contents.last))
        facts.append(f"{first} to {last}")
    if contents.uuts:
        facts.append(counted(len(contents.uuts), "unit under test", "units under test"))
    if contents.writers:
        facts.append(f"written by {counted(len(contents.writers), 'program')}")
    return html.escape(" · ".join(facts))


def _left_out(contents: LogContents) -> str:
    """Return a paragraph about the lines and values that the page does not show."""
    parts = []
    if contents.unreadable:
        are = "is not a record" if contents.unreadable == 1 else "are not records"
        parts.append(f"{counted(contents.unreadable, 'line')} that {are}")
    if contents.left_out:
        parts.append(f"{counted(contents.left_out, 'value')} that cannot be shown")
    if not parts:
        return ""
    return (
        f'<p class="left">Left out: {" and ".join(parts)}. See <code>json-logger verify</code>.</p>'
    )


def _section(anchor: str, measurement: Measurement, serials: Sequence[str]) -> str:
    quantities = measurement.quantities.items()
    tables = [
        table(
            ("configuration", "values"),
            [[name, _shown(tally)] for name, tally in measurement.configurations.items()],
            texts=2,
        ),
        table(
            _HEAD,
            [row for (name, unit), quantity in quantities for row in _rows(name, unit, quantity)],
            texts=3,
            bad=("outside",),
        ),
        table(
            ("output", "where", "count", "texts"),
            [row for (name, _), quantity in quantities for row in _text_rows(name, quantity)],
            texts=4,
        ),
    ]
    plots = [plots_of(name, unit, quantity, serials) for (name, unit), quantity in quantities]
    return (
        f'<section id="{anchor}"><h2>{html.escape(_title(measurement))}</h2>'
        f'<p class="facts">{counted(measurement.records, "record")}</p>'
        f"{''.join(tables)}{''.join(plots)}</section>"
    )


def _rows(name: str, unit: str, quantity: Quantity) -> Iterable[list[str]]:
    for place, series in quantity.series.items():
        missing = f"{series.missing:,}" if series.missing else ""
        count = f"{len(series.values) + series.missing:,}"
        numbers = _statistics(series.values)
        limits, outside = _limits(series)
        yield [name, place, limits, count, outside, *numbers, unit, missing]
    if len(quantity.waveform):
        samples = f"latest waveform, {len(quantity.waveform):,} samples"
        yield [name, samples, "", "", "", *_statistics(quantity.waveform), unit, ""]


def _limits(series: Series) -> tuple[str, str]:
    """Return the limits of a series, and the number of values outside."""
    bounds = series.usual_bounds
    if bounds is None:
        return "", ""
    changed = " (changed)" if len(series.bounds) > 1 else ""
    return f"{limits_text(bounds)}{changed}", f"{series.results.failed:,}"


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
    return [*map(number, (found.lowest, found.mean, found.highest, found.last))]
