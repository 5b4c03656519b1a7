"""Draft a sequence from the metadata of plug-ins: one measurement step for each."""

from __future__ import annotations

import math
from collections.abc import Mapping

from plugin_kit.calling import EnumValue, Parameter, PluginMetadata

from platform_sim.sequence.model import (
    MeasurementCall,
    MeasurementParameter,
    PinMapUpdate,
    Sequence,
    SequenceFile,
    Step,
)
from platform_sim.sequence.parameter_types import (
    PIN_SPECIALIZATIONS,
    instrument_type,
    specialization,
    type_name,
)


def draft_sequence(plugins: Mapping[str, PluginMetadata], pin_map: str) -> SequenceFile:
    """Return a sequence that loads a pin map and measures with each plug-in, by its defaults.

    Args:
        plugins: Metadata by service class, in the order of the steps.
        pin_map: Path of the pin map, relative to the sequence file.
    """
    path = pin_map.replace("/", "\\")
    setup = (Step("Update pin map", PinMapUpdate(f'"{path}"')),)
    steps = [
        Step(metadata.display_name, _call(service_class, metadata))
        for service_class, metadata in plugins.items()
    ]
    return SequenceFile((Sequence("MainSequence", setup=setup, main=tuple(steps)),))


def pins_of(plugins: Mapping[str, PluginMetadata]) -> dict[str, str]:
    """Return the pins that the defaults of plug-ins name, each with its instrument type id.

    The type is empty if no plug-in says which instrument the pin needs.
    """
    found: dict[str, str] = {}
    for metadata in plugins.values():
        for parameter in metadata.parameters:
            if specialization(parameter) in PIN_SPECIALIZATIONS:
                for name in _names(parameter.default):
                    found[name] = found.get(name) or instrument_type(parameter)
    return found


def _names(default: object) -> list[str]:
    names = default if isinstance(default, list) else [default]
    return [name for name in names if isinstance(name, str) and name]


def _call(service_class: str, metadata: PluginMetadata) -> MeasurementCall:
    inputs = [_parameter(one, output=False) for one in metadata.parameters]
    outputs = [_parameter(one, output=True) for one in metadata.outputs]
    return MeasurementCall(service_class, (*inputs, *outputs), metadata.version)


def _parameter(parameter: Parameter, *, output: bool) -> MeasurementParameter:
    return MeasurementParameter(
        name=parameter.name,
        type=type_name(parameter),
        id=parameter.field_number,
        value="" if output else expression_of(parameter.default),
        output=output,
        repeated=parameter.is_repeated,
        specialization=specialization(parameter),
        enum_values=parameter.enum_values,
        message_type=parameter.message_type,
        log=output,
    )


def expression_of(value: object) -> str:
    """Return the expression of a default value; empty if expressions cannot write it.

    A parameter without an expression gets its default from the plug-in.
    """
    if isinstance(value, EnumValue):
        return f"{value.number}i64"
    if isinstance(value, int):  # and bool: True
        return str(value)
    if isinstance(value, float):
        return repr(value).removesuffix(".0") if math.isfinite(value) else ""
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):
        items = [expression_of(item) for item in value]
        return f"{{{', '.join(items)}}}" if items and all(items) else ""
    return ""


def _string(text: str) -> str:
    if not text.isprintable():
        return ""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
