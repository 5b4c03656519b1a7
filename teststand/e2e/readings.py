"""Read the measured values of a run, site by site: from its report, and from the log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import ChainError

SMU_STEP = "Source and measure DC voltage"
DMM_STEP = "Measure with the DMM"
STEPS = (SMU_STEP, DMM_STEP)
SMU_PIN = "DCPowerPin"
DMM_PIN = "DMMPin"

_OUTPUTS_BY_SITE = (
    "measurement_sites",
    "measurement_pin_names",
    "voltage_measurements",
    "current_measurements",
    "in_compliance",
)


@dataclass(frozen=True)
class SiteReading:
    """The readings of both plug-ins on one site."""

    site: int
    """Site number."""

    voltage: float
    """Volts at the SMU."""

    current: float
    """Amperes out of the SMU."""

    limited: bool
    """Whether the SMU was in compliance."""

    dmm_value: float | None
    """Reading of the DMM; None when the signal was out of range."""

    dmm_out_of_range: bool
    """Whether the DMM reported that the signal was out of range."""

    dmm_resolution: float
    """Absolute resolution of the DMM."""


def readings_of_run(result: Mapping[str, Any], sites: Sequence[int]) -> list[SiteReading]:
    """Return the readings that a run reports.

    Args:
        result: The JSON that ``platform-sim run`` printed.
        sites: Sites of the pin map.

    A step that failed its limits has readings, too; `check_steps` refuses it.

    Raises:
        ChainError: A step did not run or failed, or a site is missing.
    """
    check_steps([step for step in result["steps"] if not _has_failed_its_limits(step)])
    measurements = {step["step"]: step["measurements"] for step in result["steps"]}
    for name in (SMU_STEP, DMM_STEP):
        if name not in measurements:
            raise ChainError(f"the step {name!r} did not run")
    smu, dmm = measurements[SMU_STEP], measurements[DMM_STEP]
    if len(smu) != 1:
        raise ChainError(f"{SMU_STEP}: {len(smu)} calls, but one for all sites was expected")
    called = [one["site"] for one in dmm]
    due = list(sites) if len(sites) > 1 else [None]
    if called != due:
        raise ChainError(f"{DMM_STEP}: called for the sites {called}, but {due} was expected")
    return _join(smu[0]["outputs"], [one["outputs"] for one in dmm], sites)


def check_steps(steps: Sequence[Mapping[str, Any]]) -> None:
    """Check that steps of a run passed.

    Raises:
        ChainError: A step did not run or failed.
    """
    for step in steps:
        if step["status"] not in ("Done", "Passed"):
            raise ChainError(f"{step['step']}: {step['status']}: {step['message']}")


def _has_failed_its_limits(step: Mapping[str, Any]) -> bool:
    limits = [limit for one in step["measurements"] for limit in one["limits"]]
    return step["status"] == "Failed" and not all(limit["passed"] for limit in limits)


def readings_of_records(
    records: Sequence[Mapping[str, Any]], sites: Sequence[int]
) -> list[SiteReading]:
    """Return the readings that a run logged: one SMU record, and one DMM record for each site.

    Raises:
        ChainError: There are too few or too many records, or a record lacks a site.
    """
    outputs = [record["measurement_outputs"] for record in records]
    smu = [one for one in outputs if "voltage_measurements" in one]
    dmm = [one for one in outputs if "measured_value" in one]
    found = len(smu), len(dmm), len(records)
    due = 1, len(sites), 1 + len(sites)
    if found != due:
        raise ChainError(f"{found} records of SMU, DMM and in all, but {due} were expected")
    logged = [one["measurement_sites"] for one in dmm]
    if logged != [[site] for site in sites]:
        raise ChainError(
            f"DMM records of the sites {logged}, but one of each of {sites} was expected"
        )
    return _join(smu[0], dmm, sites)


def parse_records(lines: Sequence[str]) -> list[dict[str, Any]]:
    """Return the records in lines of the log file.

    Raises:
        ChainError: A line is not JSON.
    """
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise ChainError(f"a line of the log file is not JSON: {error}") from None


def check_meaning(records: Sequence[Mapping[str, Any]], sequence: str) -> None:
    """Check that the records of a run name their station, sequence and result.

    Raises:
        ChainError: A record lacks something, or the records name several runs.
    """
    places = [record.get("sequence", {}) for record in records]
    files = {Path(str(place.get("file", ""))).name for place in places}
    executions = {place.get("execution") for place in places}
    if files != {sequence} or len(executions) != 1 or None in executions:
        raise ChainError(f"the records name the sequence files {files} and runs {executions}")
    for record, place in zip(records, places, strict=True):
        what = record.get("station"), record.get("status"), bool(record.get("limits"))
        if not what[0] or what[1:] != ("passed", True) or place.get("step") not in STEPS:
            raise ChainError(f"{place}: station, status and limits are {what}")


def _join(
    smu: Mapping[str, Any], dmm: Sequence[Mapping[str, Any]], sites: Sequence[int]
) -> list[SiteReading]:
    for name in _OUTPUTS_BY_SITE:
        if len(smu[name]) != len(sites) or None in smu[name]:
            raise ChainError(f"{SMU_STEP}: {name} is {smu[name]}, for the sites {list(sites)}")
    if smu["measurement_sites"] != list(sites):
        measured = smu["measurement_sites"]
        raise ChainError(f"{SMU_STEP}: the sites {measured}, but {list(sites)} was expected")
    if set(smu["measurement_pin_names"]) != {SMU_PIN}:
        raise ChainError(f"{SMU_STEP}: the pins {smu['measurement_pin_names']}, not {SMU_PIN}")
    return [
        SiteReading(
            site,
            smu["voltage_measurements"][place],
            smu["current_measurements"][place],
            smu["in_compliance"][place],
            reading["measured_value"],
            reading["signal_out_of_range"],
            reading["absolute_resolution"],
        )
        for place, (site, reading) in enumerate(zip(sites, dmm, strict=True))
    ]
