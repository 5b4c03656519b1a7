"""Build message classes for a plug-in's parameters from its metadata.

Each class has a separate descriptor pool. So it does not conflict with a plug-in of the same
service class in this process, or with another version of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from google.protobuf import descriptor_pool, message_factory, type_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from plugin_kit.calling.metadata import Parameter
from plugin_kit.errors import PluginCallError

_PACKAGE = "plugin_kit.calling"
_NEVER_PACKED = (type_pb2.Field.TYPE_STRING, type_pb2.Field.TYPE_BYTES, type_pb2.Field.TYPE_MESSAGE)
_KNOWN_MESSAGE_MODULES = (
    "array_pb2",
    "scalar_pb2",
    "vector_pb2",
    "vector_wrappers_pb2",
    "waveform_pb2",
    "waveform_wrappers_pb2",
    "xydata_pb2",
    "xydata_wrappers_pb2",
)


def field_name(parameter: Parameter) -> str:
    """Return the name of a parameter's field; only the number matters on the wire."""
    return f"field_{parameter.field_number}"


def message_class(name: str, parameters: Iterable[Parameter]) -> type[Message]:
    """Build the class of a configuration or output message.

    Args:
        name: A name for the message, for error texts.
        parameters: Its fields.

    Raises:
        PluginCallError: This client does not know a field's message type.
    """
    pool = DescriptorPool()
    # proto2, because its fields can be sent when they are zero: see values.send_zero_enums.
    file = FileDescriptorProto(name=f"{name}.proto", package=_PACKAGE, syntax="proto2")
    message = file.message_type.add(name=name)
    for parameter in parameters:
        field = message.field.add(name=field_name(parameter), number=parameter.field_number)
        field.label = (
            FieldDescriptorProto.LABEL_REPEATED
            if parameter.is_repeated
            else FieldDescriptorProto.LABEL_OPTIONAL
        )
        field.type = _field_type(parameter)
        if parameter.is_repeated and parameter.type not in _NEVER_PACKED:
            field.options.packed = True
        if parameter.type == type_pb2.Field.TYPE_MESSAGE:
            field.type_name = f".{parameter.message_type}"
            source = _file_of(parameter.message_type)
            _add_with_dependencies(pool, source, set())
            if source.name not in file.dependency:
                file.dependency.append(source.name)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


def _field_type(parameter: Parameter) -> FieldDescriptorProto.Type.ValueType:
    if parameter.type == type_pb2.Field.TYPE_ENUM:
        return FieldDescriptorProto.TYPE_INT32  # the same bytes, and no enum type to declare
    return FieldDescriptorProto.Type.ValueType(parameter.type)


def _file_of(message_type: str) -> FileDescriptor:
    for module in _KNOWN_MESSAGE_MODULES:
        importlib.import_module(f"ni.protobuf.types.{module}")
    try:
        return descriptor_pool.Default().FindMessageTypeByName(message_type).file
    except KeyError:
        raise PluginCallError(
            f"The plug-in uses the message type {message_type}, which this client does not know. "
            "It knows the types of the package ni-protobuf-types. Update that package."
        ) from None


def _add_with_dependencies(pool: DescriptorPool, file: FileDescriptor, added: set[str]) -> None:
    if file.name in added:
        return
    added.add(file.name)
    for dependency in file.dependencies:
        _add_with_dependencies(pool, dependency, added)
    copy = FileDescriptorProto()
    file.CopyToProto(copy)
    pool.Add(copy)
