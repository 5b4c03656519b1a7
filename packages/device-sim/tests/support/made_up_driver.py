"""A driver that NI does not have. Its messages use other names than those of NI-DMM.

Its attributes are those of the package nidmm. The messages are made here, as protoc would.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from session_pb2 import DESCRIPTOR as SESSION_FILE

NAME = "made_up_pb2"
INTERFACE = "made_up_grpc.MadeUp"

_SESSION = ".nidevice_grpc.Session"
_TEXT, _INTEGER, _FLAG, _MESSAGE = (
    descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    descriptor_pb2.FieldDescriptorProto.TYPE_SINT32,
    descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
)

_MESSAGES = {
    "CreateTaskRequest": {
        "session_name": _TEXT,
        "resource_name": _TEXT,
        "initialization_behavior": _INTEGER,
    },
    "CreateTaskResponse": {"status": _INTEGER, "task": _MESSAGE, "new_session_initialized": _FLAG},
    "CloseRequest": {"task": _MESSAGE},
    "CloseResponse": {"status": _INTEGER},
    "GetAttributeViInt32Request": {"task": _MESSAGE, "channel_list": _TEXT, "attribute": _INTEGER},
    "GetAttributeViInt32Response": {"status": _INTEGER, "value": _INTEGER},
    "SetAttributeViInt32Request": {
        "task": _MESSAGE,
        "channel_list": _TEXT,
        "attribute": _INTEGER,
        "value": _INTEGER,
    },
    "SetAttributeViInt32Response": {"status": _INTEGER},
    "GetErrorRequest": {"task": _MESSAGE},
    "GetErrorResponse": {"status": _INTEGER, "error_code": _INTEGER, "error_description": _TEXT},
    "GetChannelNameRequest": {"task": _MESSAGE, "index": _INTEGER},
    "GetChannelNameResponse": {"status": _INTEGER, "names": _TEXT},
    "CountRequest": {"task": _MESSAGE, "up_to": _INTEGER},
    "CountResponse": {"status": _INTEGER, "number": _INTEGER},
}
CALLS = [name.removesuffix("Request") for name in _MESSAGES if name.endswith("Request")]

FILES = {
    "__init__.py": "",
    "driver.toml": f"""
package = "nidmm"
extra = "made-up"
protobuf = "{NAME}"
interface = "{INTERFACE}"
empty_resource = true
streams = ["Count"]

[initialisers]
CreateTask = "devices"

[capabilities.markers]
prefix = "Marker"
count = 2
""",
    "models.toml": """
default = "1"

[models.1]
board = "PXI"
channels = 2
unverified = ""
""",
    "attributes.toml": """
[owners]
channels = ["trigger_count"]
markers = ["sample_count"]

[defaults]
sample_count = 1
""",
    "physics.py": """
from device_sim.base.driver import Physics
from device_sim.base.instrument import InstrumentSession
from device_sim.errors import INVALID_VALUE, DriverError


class Calls:
    def count(self, session, request, call):
        for number in range(request.up_to):
            if number == 3:
                raise DriverError(INVALID_VALUE, "Three is too many.")
            session.sleep(call, session.clock.now() + 1.0)
            yield {"number": number}


PHYSICS = Physics(InstrumentSession, (Calls(),))
""",
}
"""The driver's folder."""


def write_folder(folder: Path) -> None:
    """Write the driver's folder."""
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content, encoding="utf-8")


def make_messages() -> ModuleType:
    """Return the module that protoc would generate."""
    pool = descriptor_pool.Default()
    try:
        file = pool.FindFileByName("made_up.proto")
    except KeyError:
        file = pool.AddSerializedFile(_file().SerializeToString())
    module = ModuleType(NAME)
    vars(module)["DESCRIPTOR"] = file
    for name, descriptor in file.message_types_by_name.items():
        vars(module)[name] = message_factory.GetMessageClass(descriptor)
    return module


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="made_up.proto", package="made_up_grpc", syntax="proto3"
    )
    file.dependency.append(SESSION_FILE.name)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), 1):
            added = message.field.add(name=field, number=number, type=kind, label=1)
            if kind == _MESSAGE:
                added.type_name = _SESSION
    service = file.service.add(name="MadeUp")
    for call in CALLS:
        service.method.add(
            name=call,
            input_type=f".made_up_grpc.{call}Request",
            output_type=f".made_up_grpc.{call}Response",
            server_streaming=call == "Count",
        )
    return file
