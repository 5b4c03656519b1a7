"""What the sequences must have measured and logged, and the checks that say so."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import ChainError

VOLTAGE = 6.0
"""Volts: a simulated SMU measures the level it sources."""

CURRENT = 1e-4
"""Amperes: a simulated SMU measures one hundredth of its current limit of 10 mA."""

ABSOLUTE_RESOLUTION = 5e-5
"""Volts: of a simulated DMM at 10 V and 5.5 digits."""

_RANGE = 10.0
_SMU_STEP = "Source and measure DC voltage"
_DMM_STEP = "Measure with the DMM"
_SESSION = re.compile(r"session (\S+) \(([^)]*)\)")


@dataclass(frozen=True)
class PinValue:
    """One measured value."""

    site: int
    """Site number."""

    pin: str
    """Pin name."""

    text: str
    """Value with unit."""


def check_run(result: Mapping[str, Any], sites: Sequence[int], log: Path) -> list[PinValue]:
    """Check what a run reported.

    Args:
        result: The JSON that ``platform-sim run`` printed.
        sites: Sites of the pin map.
        log: Log of the run.

    Returns:
        The measured values.

    Raises:
        ChainError: Something is not as it must be.
    """
    steps = {step["step"]: step for step in result["steps"]}
    for step in result["steps"]:
        if step["status"] not in ("Done", "Passed"):
            raise ChainError(f"{step['step']}: {step['status']}: {step['message']}", log)
    return [
        *_check_smu(_measurements(steps, _SMU_STEP, log), sites, log),
        *_check_dmm(_measurements(steps, _DMM_STEP, log), sites, log),
    ]


def check_records(lines: Sequence[str], sites: Sequence[int], log: Path) -> list[dict[str, Any]]:
    """Check what a run wrote into the log file: one SMU record and a DMM record per site.

    Returns:
        The records.

    Raises:
        ChainError: A record is missing, too many, or wrong.
    """
    records = [json.loads(line) for line in lines]
    smu = [record for record in records if "voltage_measurements" in _outputs(record)]
    dmm = [record for record in records if "measured_value" in _outputs(record)]
    found = len(smu), len(dmm), len(records)
    due = 1, len(sites), 1 + len(sites)
    if found != due:
        raise ChainError(f"{found} SMU, DMM and all records, and {due} were due", log)
    outputs = _outputs(smu[0])
    _expect("logged sites", outputs["measurement_sites"], list(sites), log)
    _expect("logged voltages", outputs["voltage_measurements"], [VOLTAGE] * len(sites), log)
    _expect("logged currents", outputs["current_measurements"], [CURRENT] * len(sites), log)
    _expect("logged compliance", outputs["in_compliance"], [False] * len(sites), log)
    _expect(
        "sites of the DMM records",
        sorted(_outputs(record)["measurement_sites"][0] for record in dmm),
        list(sites),
        log,
    )
    for record in dmm:
        resolution = _outputs(record)["absolute_resolution"]
        _expect("logged absolute resolution", resolution, ABSOLUTE_RESOLUTION, log)
    return records


def check_one_session(run_log: Path, plugin_logs: Sequence[tuple[Path, str]]) -> str:
    """Check that one log session carried both plug-ins: made once, attached to after that.

    Args:
        run_log: Log of the run, in which the code module tells of the session it opened.
        plugin_logs: Log of each plug-in, and what of it was written during the run.

    Returns:
        The name of the session.

    Raises:
        ChainError: The plug-ins made or used other sessions.
    """
    opened = _SESSION.findall(run_log.read_text(encoding="utf-8", errors="replace"))
    if len(opened) != 1 or opened[0][1] != "new":
        raise ChainError(f"the code module should have opened one new session: {opened}", run_log)
    name = str(opened[0][0])
    for log, text in plugin_logs:
        used = _SESSION.findall(text)
        if not used:
            raise ChainError(f"{log.stem} says nothing of its log session", log)
        if any(one != (name, "attached") for one in used):
            raise ChainError(f"{log.stem} was due to attach to session {name}: {used}", log)
    return name


def _check_smu(
    measurements: Sequence[Mapping[str, Any]], sites: Sequence[int], log: Path
) -> list[PinValue]:
    _expect("calls of the SMU plug-in", len(measurements), 1, log)
    outputs = measurements[0]["outputs"]
    _expect("measured sites", outputs["measurement_sites"], list(sites), log)
    _expect("voltages", outputs["voltage_measurements"], [VOLTAGE] * len(sites), log)
    _expect("currents", outputs["current_measurements"], [CURRENT] * len(sites), log)
    _expect("in compliance", outputs["in_compliance"], [False] * len(sites), log)
    return [
        PinValue(site, pin, f"{voltage:g} V, {current:g} A, in compliance: {limited}")
        for site, pin, voltage, current, limited in zip(
            outputs["measurement_sites"],
            outputs["measurement_pin_names"],
            outputs["voltage_measurements"],
            outputs["current_measurements"],
            outputs["in_compliance"],
            strict=True,
        )
    ]


def _check_dmm(
    measurements: Sequence[Mapping[str, Any]], sites: Sequence[int], log: Path
) -> list[PinValue]:
    several = len(sites) > 1
    called = [one["site"] for one in measurements]
    _expect("sites that the DMM measured", called, list(sites) if several else [None], log)
    values = []
    for site, one in zip(sites, measurements, strict=True):
        outputs = one["outputs"]
        value = outputs["measured_value"]
        if value is None or not 0 < abs(value) <= _RANGE:
            raise ChainError(f"site {site}: the DMM measured {value}", log)
        _expect("out of range", outputs["signal_out_of_range"], False, log)
        _expect("absolute resolution", outputs["absolute_resolution"], ABSOLUTE_RESOLUTION, log)
        resolution = outputs["absolute_resolution"]
        values.append(PinValue(site, "DMMPin", f"{value:g} V, resolution {resolution:g} V"))
    return values


def _measurements(steps: Mapping[str, Any], name: str, log: Path) -> list[dict[str, Any]]:
    if name not in steps:
        raise ChainError(f"the step {name!r} did not run", log)
    measurements: list[dict[str, Any]] = steps[name]["measurements"]
    return measurements


def _outputs(record: Mapping[str, Any]) -> dict[str, Any]:
    outputs: dict[str, Any] = record["measurement_outputs"]
    return outputs


def _expect(what: str, actual: Any, due: Any, log: Path) -> None:
    if isinstance(due, list) and isinstance(actual, list):
        fits = len(actual) == len(due) and all(map(_equal, actual, due))
    else:
        fits = _equal(actual, due)
    if not fits:
        raise ChainError(f"{what}: {actual}, and {due} was due", log)


def _equal(actual: Any, due: Any) -> bool:
    if isinstance(due, float) and isinstance(actual, (int, float)):
        return math.isclose(actual, due, rel_tol=1e-9)
    return bool(actual == due)
