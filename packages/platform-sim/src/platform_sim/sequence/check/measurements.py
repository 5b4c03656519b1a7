"""Check measurement steps against the metadata of their plug-ins."""

from __future__ import annotations

from collections.abc import Iterator

from plugin_kit.calling import MeasurementPlugin, Parameter, PluginCallError, PluginMetadata

from platform_sim.sequence.check.finding import Finding
from platform_sim.sequence.model import MeasurementCall, MeasurementParameter
from platform_sim.sequence.parameter_types import specialization, type_name


def plugin_metadata(call: MeasurementCall, discovery_address: str) -> PluginMetadata:
    """Return the metadata of the plug-in of a step. Discovery starts the plug-in if needed.

    Raises:
        PluginCallError: The plug-in does not exist, or cannot be started.
    """
    with MeasurementPlugin.resolve(
        call.service_class, discovery_address=discovery_address, version=call.version
    ) as plugin:
        return plugin.metadata


def check_measurement(
    where: str, call: MeasurementCall, discovery_address: str
) -> tuple[list[Finding], PluginMetadata | None]:
    """Return the differences between a step and its plug-in, and the plug-in's metadata."""
    try:
        metadata = plugin_metadata(call, discovery_address)
    except PluginCallError as error:
        wanted = call.service_class + (f" version {call.version}" if call.version else "")
        remedy = (
            "Name a plug-in that 'platform-sim services' lists, in one of its versions, or add its "
            "folder with 'platform-sim up --plugins DIR'"
        )
        return [Finding(where, f"{wanted} is not available: {_first_line(error)}", remedy)], None
    return list(check_against_metadata(where, call, metadata)), metadata


def check_against_metadata(
    where: str, call: MeasurementCall, metadata: PluginMetadata
) -> Iterator[Finding]:
    """Yield the differences between a measurement step and a plug-in's metadata."""
    if call.version and metadata.version and call.version != metadata.version:
        yield Finding(
            where,
            f"the step needs version {call.version}, and the plug-in has {metadata.version}",
            "Update the step in the sequence editor, or in its description",
        )
    for kind, declared, actual in (
        ("parameter", call.inputs, metadata.parameters),
        ("output", call.outputs, metadata.outputs),
    ):
        there = {parameter.name: parameter for parameter in actual}
        known = set()
        for item in declared:
            known.add(item.name)
            if item.name in there:
                yield from _check_parameter(where, kind, item, there[item.name])
            else:
                names = ", ".join(there) or "none"
                yield Finding(
                    where,
                    f"the plug-in has no {kind} {item.name}",
                    f"Its {kind}s are {names}; correct the name",
                )
        for name in there:
            if name not in known:
                yield Finding(
                    where, f"the step lacks the {kind} {name} of the plug-in", "Add it to the step"
                )


def _check_parameter(
    where: str, kind: str, declared: MeasurementParameter, actual: Parameter
) -> Iterator[Finding]:
    pairs: tuple[tuple[str, object, object], ...] = (
        ("field number", declared.id, actual.field_number),
        ("type", declared.type, type_name(actual)),
        ("dimension", int(declared.repeated), int(actual.is_repeated)),
        ("specialization", declared.specialization, specialization(actual)),
    )
    for what, stated, true in pairs:
        if stated != true:
            yield Finding(
                where,
                f"{kind} {declared.name}: the step has the {what} {stated}, the plug-in {true}",
                f"Set it to {true}",
            )
    # Older versions of the step type do not write enum definitions.
    if declared.enum_values and dict(declared.enum_values) != actual.enum_values:
        differing = sorted(set(declared.enum_values.items()) ^ set(actual.enum_values.items()))
        spelled = ", ".join(f"{name} = {number}" for name, number in differing)
        yield Finding(
            where,
            f"{kind} {declared.name}: the enum values differ from the plug-in's ({spelled})",
            "Copy the plug-in's values",
        )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
