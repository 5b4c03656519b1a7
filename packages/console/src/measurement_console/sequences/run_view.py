"""The state of a run as a table, built from the events of platform_sim.v1.Sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf import json_format
from plugin_kit.limits import PINS_OUTPUT, SITES_OUTPUT

from measurement_console.measure.outputs import plain_text

MOST_CELL_LINES = 12
"""Values of one step and site that the table shows."""
_LONGEST_VALUE = 80
_RUNNING = "running"

ALL_SITES = None
"""Key of the values that belong to no single site."""


@dataclass(frozen=True, slots=True)
class CellLine:
    """One value of a step on a site."""

    name: str
    """Name of the output and pin, such as "voltage (A)"."""
    text: str
    """The value, shortened."""
    limits: str = ""
    """The limits, such as "5.9 to 6.1"; "" for none."""
    passed: bool | None = None
    """Whether the value is within its limits; None if it has none."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of a run."""

    number: int
    """Place in the table, from 1."""
    revision: int
    """Number of the event that changed the row last."""
    group: str
    """"setup", "main" or "cleanup"."""
    name: str
    """Name of the step."""
    state: str = _RUNNING
    """"running", or how it ended: "done", "passed", "failed", "error" or "skipped"."""
    started_at: float = 0.0
    """Time of its start, in seconds since 1970."""
    seconds: float | None = None
    """Duration; None while it runs."""
    message: str = ""
    """Why it failed."""
    details: str = ""
    """More about the reason, such as a traceback."""
    is_ignored: bool = False
    """Whether the run passes all the same."""
    cells: Mapping[int | None, Sequence[CellLine]] = field(default_factory=dict)
    """Values by site."""
    left_out: int = 0
    """Number of calls of the measurement whose values were left out."""


@dataclass(slots=True)
class RunView:
    """A run as a table. `add` its events in their order; events that it has are ignored."""

    revision: int = 0
    """Number of the last event."""
    rows: list[StepRow] = field(default_factory=list)
    """The steps, in the order of their start."""
    notes: list[str] = field(default_factory=list)
    """Notes for the user."""
    outcome: str = ""
    """"passed", "failed", "terminated", "refused" or "aborted"; "" while it runs."""
    message: str = ""
    """The reason of the outcome."""
    head_revision: int = 0
    """Number of the event that changed the notes, the sites or the outcome last."""

    @property
    def sites(self) -> list[int]:
        """The sites that have values."""
        return sorted({one for row in self.rows for one in row.cells if one is not None})

    @property
    def has_values_of_no_site(self) -> bool:
        """Whether there are values that belong to no single site."""
        return any(ALL_SITES in row.cells for row in self.rows)

    def add(self, event: Any) -> None:
        """Add an event, a message RunEvent."""
        if event.number <= self.revision:
            return
        sites = self.sites
        self.revision = event.number
        kind = event.WhichOneof("event")
        if kind == "note":
            self.notes.append(event.note.text)
        elif kind == "step_started":
            self._start(event)
        elif kind == "step_ended":
            self._end(event)
        elif kind == "ended":
            self.outcome = word(event.ended, "outcome")
            self.message = event.ended.message
        if kind in ("note", "ended") or self.sites != sites:
            self.head_revision = event.number

    def _start(self, event: Any) -> None:
        started = event.step_started
        self.rows.append(
            StepRow(
                number=len(self.rows) + 1,
                revision=event.number,
                group=word(started, "group"),
                name=started.step,
                started_at=event.at.ToNanoseconds() / 1e9,
            )
        )

    def _end(self, event: Any) -> None:
        """Complete the row of a step. A step that was skipped has not started."""
        ended = event.step_ended
        at = event.at.ToNanoseconds() / 1e9
        row = StepRow(
            number=len(self.rows) + 1,
            revision=event.number,
            group=word(ended, "group"),
            name=ended.step,
            state=word(ended, "status"),
            started_at=at - ended.seconds,
            seconds=ended.seconds,
            message=ended.message,
            details=ended.details,
            is_ignored=ended.is_ignored,
            cells=_cells(ended.measurements),
            left_out=ended.measurements_left_out,
        )
        last = self.rows[-1] if self.rows else None
        if last and last.state == _RUNNING and (last.group, last.name) == (row.group, row.name):
            self.rows[-1] = replace(row, number=last.number)
        else:
            self.rows.append(row)


def word(message: Any, field_name: str) -> str:
    """Return the value of an enum field as a word: STEP_STATUS_DONE becomes "done"."""
    kind = message.DESCRIPTOR.fields_by_name[field_name].enum_type
    number = getattr(message, field_name)
    value = kind.values_by_number.get(number)
    prefix = kind.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return value.name.removeprefix(prefix).lower() if value else f"unknown {number}"


def _cells(measurements: Sequence[Any]) -> dict[int | None, list[CellLine]]:
    """Return the values of a step by site: those with limits first, then the other ones."""
    cells: dict[int | None, list[CellLine]] = {}
    for measurement in measurements:
        checked = set()
        for check in measurement.limit_checks:
            site = check.site if check.HasField("site") else ALL_SITES
            checked.add(check.output)
            cells.setdefault(site, []).append(_checked_line(check))
        for site, line in _other_lines(measurement, checked):
            cells.setdefault(site, []).append(line)
    return {site: _shortened(lines) for site, lines in cells.items()}


def _checked_line(check: Any) -> CellLine:
    low, high = (
        f"{getattr(check, name):g}" if check.HasField(name) else "" for name in ("low", "high")
    )
    limits = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
    name = f"{check.output} ({check.pin})" if check.pin else check.output
    value = _value_text(json_format.MessageToDict(check.value))
    return CellLine(name, value, limits if low or high else "", check.passed)


def _other_lines(measurement: Any, checked: set[str]) -> Iterator[tuple[int | None, CellLine]]:
    """Yield the outputs without limits, each with its site."""
    values: dict[str, Any] = {
        one.name: json_format.MessageToDict(one.value) for one in measurement.outputs
    }
    sites, pins = values.get(SITES_OUTPUT), values.get(PINS_OUTPUT)
    call_site = measurement.site if measurement.HasField("site") else ALL_SITES
    for name, value in values.items():
        if name in checked or name in (SITES_OUTPUT, PINS_OUTPUT):
            continue
        if not (isinstance(sites, list) and isinstance(value, list) and len(value) == len(sites)):
            yield call_site, CellLine(name, _value_text(value))
            continue
        named = pins if isinstance(pins, list) and len(pins) == len(value) else [""] * len(value)
        for one, site, pin in zip(value, sites, named, strict=True):
            at = int(site) if isinstance(site, float) and site.is_integer() else ALL_SITES
            label = f"{name} ({pin})" if pin else name
            yield at, CellLine(label, _value_text(one))


def _shortened(lines: list[CellLine]) -> list[CellLine]:
    rest = len(lines) - MOST_CELL_LINES
    if rest <= 0:
        return lines
    return [*lines[:MOST_CELL_LINES], CellLine(f"{rest} more values", "in the JUnit report")]


def _value_text(value: Any) -> str:
    if isinstance(value, list):
        shown = ", ".join(_value_text(one) for one in value[:4])
        return f"[{shown}, … {len(value)} values]" if len(value) > 4 else f"[{shown}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(value)}}}"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = "null" if value is None else plain_text(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
