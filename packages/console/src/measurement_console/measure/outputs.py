"""Describe the outputs of a measurement as a page shows them: values, lists, tables and plots."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from plugin_kit.calling import json_value
from plugin_kit.limits import PINS_OUTPUT, SITES_OUTPUT

from measurement_console.live.plots import MOST_LINES, Line, Plot, plots_json, reduce_line

MOST_CHARACTERS = 2_000
"""Characters of a text that are shown."""
MOST_ELEMENTS = 20
"""Elements of a list that are shown as text."""
MOST_ROWS = 64
"""Rows of a table that are shown."""
_LONGEST_WITHOUT_PLOT = 8
"""Whole numbers, such as of sites, that have no plot."""


@dataclass(frozen=True, slots=True)
class ShownOutput:
    """One output as a page shows it."""

    name: str
    """Name of the output."""
    text: str
    """The value as text, shortened."""
    left_out: str = ""
    """A sentence about what the text leaves out, "" for nothing."""
    rows: Sequence[Sequence[str]] = ()
    """Rows of a 2D array."""
    lines: Sequence[Line] = ()
    """Lines of its plot, reduced; empty for an output that has no plot."""
    x_label: str = ""
    """Name and unit of the plot's horizontal axis."""


@dataclass(frozen=True, slots=True)
class SiteTable:
    """Outputs that have one value for each site and pin, as one table."""

    header: tuple[str, ...]
    """Names of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """One row for each site and pin."""


@dataclass(frozen=True, slots=True)
class ShownOutputs:
    """All outputs of one update of a measurement."""

    outputs: tuple[ShownOutput, ...] = ()
    """The outputs that are not in the table, in the order of the plug-in."""
    table: SiteTable | None = None
    """The outputs with one value for each site and pin, None if there are none."""
    plots: str = ""
    """The plots as JSON for the page; "" for none."""


def show_outputs(outputs: Mapping[str, object]) -> ShownOutputs:
    """Return how a page shows the outputs of one update."""
    table, in_table = _site_table(outputs)
    rest = {name: value for name, value in outputs.items() if name not in in_table}
    shown = tuple(_show(name, value) for name, value in rest.items())
    return ShownOutputs(shown, table, _plots_json(shown))


def plain_text(value: object) -> str:
    """Return a scalar for people: a number with up to ten digits, an enum by name and number."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    if value is None:
        return "not set"
    number = getattr(value, "number", None)
    return str(value) if number is None else f"{value} ({number})"


def _plots_json(outputs: Iterable[ShownOutput]) -> str:
    plots = [Plot(one.name, one.x_label, one.lines) for one in outputs if one.lines]
    return plots_json(plots) if plots else ""


def _site_table(outputs: Mapping[str, object]) -> tuple[SiteTable | None, set[str]]:
    sites = outputs.get(SITES_OUTPUT)
    if not isinstance(sites, list) or not sites:
        return None, set()
    columns = {
        name: value
        for name, value in outputs.items()
        if isinstance(value, list) and len(value) == len(sites) and all(map(_is_scalar, value))
    }
    if len(columns) < 2 or SITES_OUTPUT not in columns:
        return None, set()
    first = [name for name in (SITES_OUTPUT, PINS_OUTPUT) if name in columns]
    names = [*first, *(name for name in columns if name not in first)]
    rows = islice(zip(*(columns[name] for name in names), strict=True), MOST_ROWS)
    shown = tuple(tuple(_cut(plain_text(one)) for one in row) for row in rows)
    titles = {SITES_OUTPUT: "site", PINS_OUTPUT: "pin"}
    return SiteTable(tuple(titles.get(name, name) for name in names), shown), set(columns)


def _show(name: str, value: object) -> ShownOutput:
    if isinstance(value, str):
        more = len(value) - MOST_CHARACTERS
        return ShownOutput(
            name, _cut(plain_text(value)), f"{more:,} more characters." if more > 0 else ""
        )
    if isinstance(value, list):
        return _show_list(name, value)
    if isinstance(value, Mapping):
        lines, label = _lines_of_message(value)
        shown, left_out = _shortened_json(value)
        return ShownOutput(name, shown, left_out, lines=lines, x_label=label)
    return ShownOutput(name, plain_text(value))


def _show_list(name: str, value: list[Any]) -> ShownOutput:
    if value and all(isinstance(row, list) for row in value):
        return _show_table(name, value)
    if value and all(isinstance(one, Mapping) for one in value):
        found = [_lines_of_message(one, f"{n}: ") for n, one in enumerate(value[:MOST_LINES])]
        lines = [line for some, _ in found for line in some]
        shown, left_out = _shortened_json(value)
        return ShownOutput(name, shown, left_out, lines=lines, x_label=found[0][1])
    first = ", ".join(_cut(plain_text(one)) for one in value[:MOST_ELEMENTS])
    more = len(value) - MOST_ELEMENTS
    left_out = f"{more:,} more of {len(value):,} values." if more > 0 else ""
    is_short = len(value) <= _LONGEST_WITHOUT_PLOT and all(isinstance(one, int) for one in value)
    has_plot = len(value) > 1 and not is_short and all(map(_is_number, value))
    lines = [reduce_line(Line(name, range(len(value)), value))] if has_plot else []
    return ShownOutput(name, first or "empty", left_out, lines=lines, x_label="index")


def _show_table(name: str, value: list[list[Any]]) -> ShownOutput:
    rows = [[_cut(plain_text(one)) for one in row[:MOST_ELEMENTS]] for row in value[:MOST_ROWS]]
    width = max(map(len, value))
    size = f"{len(value):,} rows of {width:,} values"
    is_whole = len(value) <= MOST_ROWS and width <= MOST_ELEMENTS
    lines = [
        reduce_line(Line(f"row {number}", range(len(row)), row))
        for number, row in enumerate(value[:MOST_LINES])
        if len(row) > 1 and all(map(_is_number, row))
    ]
    left_out = "" if is_whole else f"The table shows the first of {size}."
    return ShownOutput(name, size, left_out, rows=rows, lines=lines, x_label="index")


def _lines_of_message(value: Mapping[str, Any], prefix: str = "") -> tuple[list[Line], str]:
    """Return the line of XY data, a waveform or a spectrum, and the name of its horizontal axis."""
    if _are_numbers(value.get("x_data")) and _are_numbers(value.get("y_data")):
        return [reduce_line(Line(f"{prefix}y", value["x_data"], value["y_data"]))], "x"
    if "dt" in value and _are_numbers(value.get("y_data")):
        step, y = value["dt"] or 1.0, value["y_data"]
        line = Line(f"{prefix}y", _places(0.0, step, len(y)), y)
        return [reduce_line(line)], "time in s" if value["dt"] else "index"
    if "frequency_increment" in value and _are_numbers(value.get("data")):
        start, step = value.get("start_frequency", 0.0), value["frequency_increment"]
        line = Line(f"{prefix}level", _places(start, step, len(value["data"])), value["data"])
        return [reduce_line(line)], "frequency in Hz"
    return [], ""


def _places(start: float, step: float, count: int) -> list[float]:
    return [start + step * index for index in range(count)]


def _shortened_json(value: Any) -> tuple[str, str]:
    """Return a message as JSON with short lists, and a sentence about what is left out."""
    shortened = _short(json_value(value))
    left_out = "Long lists show their first values." if shortened != json_value(value) else ""
    return _cut(json.dumps(shortened, ensure_ascii=False)), left_out


def _short(value: Any) -> Any:
    if isinstance(value, list):
        rest = len(value) - MOST_ELEMENTS
        shown = [_short(one) for one in value[:MOST_ELEMENTS]]
        return [*shown, f"… {rest:,} more"] if rest > 0 else shown
    if isinstance(value, dict):
        return {name: _short(one) for name, one in value.items()}
    return value


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def _is_scalar(value: object) -> bool:
    return isinstance(value, (str, int, float, bool))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _are_numbers(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_number, value))
