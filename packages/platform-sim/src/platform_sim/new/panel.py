"""Write the panel of a plug-in that was never run: from the parameters that a template names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from google.protobuf import type_pb2
from plugin_kit.calling import Parameter, PluginMetadata

from platform_sim.measui.document import measui_text

_KINDS = {
    "Boolean": type_pb2.Field.TYPE_BOOL,
    "Double": type_pb2.Field.TYPE_DOUBLE,
    "Int32": type_pb2.Field.TYPE_INT32,
    "IOResource": type_pb2.Field.TYPE_STRING,
    "String": type_pb2.Field.TYPE_STRING,
}


def panel(
    service_class: str,
    display_name: str,
    parameters: Iterable[Sequence[str]],
    outputs: Iterable[Sequence[str]],
) -> str:
    """Return the .measui of a plug-in.

    Args:
        service_class: Service class of the plug-in.
        display_name: Name that its users see.
        parameters: Name and SDK type (``nims.DataType``) of each parameter; more items may follow.
        outputs: The same of each output.
    """
    metadata = PluginMetadata(display_name, "", _all(parameters), _all(outputs))
    return measui_text(service_class, metadata).rstrip("\n")


def _all(entries: Iterable[Sequence[str]]) -> tuple[Parameter, ...]:
    return tuple(_parameter(number, *entry[:2]) for number, entry in enumerate(entries, start=1))


def _parameter(number: int, name: str, type_name: str) -> Parameter:
    annotations = {"ni/type_specialization": "ioresource"} if type_name == "IOResource" else {}
    return Parameter(name, number, _KINDS[type_name], annotations=annotations)
