"""Check pin map steps and pin arguments against the pin map file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from plugin_kit.calling import PluginMetadata

from platform_sim.errors import PlatformSimError
from platform_sim.pin_map.model import PinMap
from platform_sim.pin_map.parser import parse_pin_map
from platform_sim.pin_map.queries import query_pins
from platform_sim.pin_map.validator import refuse_unusable
from platform_sim.sequence.check.finding import Finding
from platform_sim.sequence.errors import SequenceError
from platform_sim.sequence.expressions import evaluate
from platform_sim.sequence.model import MeasurementCall, PinMapUpdate
from platform_sim.sequence.parameter_types import PIN_SPECIALIZATIONS, instrument_type
from platform_sim.sequence.paths import evaluate_path, resolve
from platform_sim.sequence.variables import ExecutionVariables


def check_pin_map(
    where: str, call: PinMapUpdate, folder: Path, variables: ExecutionVariables
) -> tuple[list[Finding], PinMap | None]:
    """Return the errors of the pin map that a step names, and the pin map."""
    try:
        path = resolve(folder, evaluate_path(call.path, variables))
    except SequenceError as error:
        remedy = "Name the pin map by a path relative to the sequence file"
        return [Finding(where, str(error).rstrip("."), remedy)], None
    try:
        pin_map = parse_pin_map(path.read_text(encoding="utf-8-sig"))
        refuse_unusable(pin_map)
    except OSError as error:
        problem = f"the pin map {path} cannot be read: {error.strerror}"
        return [Finding(where, problem, "Correct the path, or add the file")], None
    except PlatformSimError as error:
        problem = f"the pin map {path} is not valid: {str(error).rstrip('.')}"
        return [Finding(where, problem, "Correct the pin map")], None
    return [], pin_map


def check_pins(
    where: str,
    call: MeasurementCall,
    pin_map: PinMap,
    variables: ExecutionVariables,
    metadata: PluginMetadata | None,
) -> Iterator[Finding]:
    """Yield pin arguments that name no pin, or a pin without an instrument of the right type.

    Arguments that can be evaluated only in a run are not checked.
    """
    for parameter in call.inputs:
        if parameter.specialization not in PIN_SPECIALIZATIONS or not parameter.value:
            continue
        try:
            value = evaluate(parameter.value, variables)
        except SequenceError:
            continue
        for name in value if isinstance(value, list) else [value]:
            yield from _check_pin(
                where,
                parameter.name,
                str(name),
                pin_map,
                _type_of(parameter.name, metadata),
            )


def _check_pin(
    where: str, parameter: str, name: str, pin_map: PinMap, wanted_type: str
) -> Iterator[Finding]:
    known = _names(pin_map)
    if name not in known:
        yield Finding(
            where,
            f"parameter {parameter} has the pin {name!r}, which the pin map does not have",
            f"Use one of its pins and pin groups: {', '.join(known)}",
        )
        return
    if name not in _names(pin_map, wanted_type):
        yield Finding(
            where,
            f"parameter {parameter} has the pin {name!r}, which is connected to no instrument of "
            f"type {wanted_type}",
            "Connect the pin, or use another",
        )


def _names(pin_map: PinMap, wanted_type: str = "") -> list[str]:
    pins, groups = query_pins(pin_map, wanted_type)
    return [pin.name for pin in pins] + [group.name for group in groups]


def _type_of(name: str, metadata: PluginMetadata | None) -> str:
    parameters = metadata.parameters if metadata else ()
    return next((instrument_type(item) for item in parameters if item.name == name), "")
