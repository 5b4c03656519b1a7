"""Read specifications, levels sheets and timing sheets. Their values are formulas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lxml import etree

from device_sim.drivers.nidigital.files.formulas import FormulaError, Formulas
from device_sim.drivers.nidigital.files.xml import children, local_name, parse, text
from device_sim.drivers.nidigital.levels import DriveFormat, Edges, Termination

_LEVELS = {
    "Vil": "vil", "Vih": "vih", "Vol": "vol", "Voh": "voh", "Vterm": "vterm",
    "Iol": "active_load_iol", "Ioh": "active_load_ioh", "Vcom": "active_load_vcom",
}  # fmt: skip
"""The attribute that each element of a levels sheet sets."""

_TERMINATIONS = {
    "highz": Termination.HIGH_Z,
    "vterm": Termination.VTERM,
    "activeload": Termination.ACTIVE_LOAD,
}
_FORMATS = {
    "DriveNonReturn": DriveFormat.NR,
    "ReturnToLow": DriveFormat.RL,
    "ReturnToHigh": DriveFormat.RH,
    "SurroundByComplement": DriveFormat.SBC,
}
_DRIVE_EDGES = {
    "On": "on", "Data": "data", "Return": "returns", "Off": "off", "Data2": "data2",
    "Return2": "returns2",
}  # fmt: skip
_COMPARE_EDGES = {"Strobe": "strobe", "Strobe2": "strobe2"}


@dataclass(frozen=True, slots=True)
class LevelSet:
    """The levels of a pin or pin group."""

    pin: str
    """The pin or group."""

    values: Mapping[str, float | int]
    """The values of attributes, by name."""


@dataclass(frozen=True, slots=True)
class PinEdges:
    """The edges of a pin or pin group in a time set."""

    pin: str
    """The pin or group."""

    edges: Edges
    """The edges."""


@dataclass(frozen=True, slots=True)
class TimeSetRow:
    """A time set of a timing sheet."""

    name: str
    """Its name."""

    period: float
    """Seconds of a cycle."""

    pins: list[PinEdges] = field(default_factory=list)
    """The edges of its pins."""


def read_specifications(content: bytes) -> dict[str, str]:
    """Return the formulas of a file by the names of the variables, such as `ac.period`.

    Raises:
        DriverError: The file has an error.
    """
    root = parse(content, "Specifications")
    return {
        f"{section.get('name', '')}.{each.get('symbol', '')}".lower(): text(each, "Definition")
        for section in children(root, "Section")
        for each in children(section, "Formula")
    }


def levels_of(sheet: etree._Element, formulas: Formulas) -> Iterator[LevelSet]:
    """Yield the levels of a sheet.

    Raises:
        FormulaError: A value cannot be evaluated.
    """
    for each in children(sheet, "PinLevelsSheet", "DigitalPinLevelSets", "DigitalPinLevelSet"):
        values: dict[str, float | int] = {
            _LEVELS[local_name(value)]: formulas.evaluate(value.text)
            for value in each
            if local_name(value) in _LEVELS and value.text
        }
        termination = text(each, "TerminationMode")
        if termination:
            values["termination_mode"] = _named(_TERMINATIONS, termination.lower(), termination)
        yield LevelSet(each.get("pin", ""), values)


def time_sets_of(sheet: etree._Element, formulas: Formulas) -> Iterator[TimeSetRow]:
    """Yield the time sets of a sheet.

    Raises:
        FormulaError: A value cannot be evaluated.
    """
    for each in children(sheet, "TimingSheet", "TimeSets", "TimeSet"):
        yield TimeSetRow(
            each.get("name", ""),
            formulas.evaluate(text(each, "Period")),
            [
                PinEdges(row.get("pin", ""), _edges(row, formulas))
                for row in children(each, "PinEdges", "PinEdge")
            ],
        )


def _edges(row: etree._Element, formulas: Formulas) -> Edges:
    edges = Edges(multiplier=2 if row.get("edgeMultiplier", "").lower().startswith("2") else 1)
    for part in row:
        kind = local_name(part)
        names = _COMPARE_EDGES if kind == "CompareStrobe" else _DRIVE_EDGES
        if kind in _FORMATS:
            edges = replace(edges, drive_format=_FORMATS[kind])
        elif kind != "CompareStrobe":
            continue
        times: dict[str, Any] = {
            names[local_name(edge)]: formulas.evaluate(edge.text)
            for edge in part
            if local_name(edge) in names and edge.text
        }
        edges = replace(edges, **times)
    return edges


def _named(values: Mapping[str, Termination], name: str, given: str) -> Termination:
    if name not in values:
        raise FormulaError(f"{given} is not a termination mode.")
    return values[name]
