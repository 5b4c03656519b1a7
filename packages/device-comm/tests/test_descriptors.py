"""The protocol is the reference's, message by message, and lives beside the logger's."""

from __future__ import annotations

import subprocess
import sys

import pytest
from device_comm import device_comm_service_pb2 as pb
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

STRING, BOOL, UINT32 = "string", "bool", "uint32"
MESSAGES = {
    "InitializeRequest": {
        "resource_name": STRING,
        "protocol": "Protocol",
        "reset": BOOL,
        "register_map_path": STRING,
        "initialization_behavior": "SessionInitializationBehavior",
    },
    "InitializeResponse": {"session_name": STRING, "new_session": BOOL},
    "WriteRegisterRequest": {"session_name": STRING, "register_name": STRING, "value": UINT32},
    "ReadRegisterRequest": {"session_name": STRING, "register_name": STRING},
    "ReadRegisterResponse": {"value": UINT32},
    "WriteGpioChannelRequest": {
        "session_name": STRING,
        "port": UINT32,
        "channel": UINT32,
        "state": BOOL,
    },
    "ReadGpioChannelRequest": {"session_name": STRING, "port": UINT32, "channel": UINT32},
    "ReadGpioChannelResponse": {"state": BOOL},
    "WriteGpioPortRequest": {
        "session_name": STRING,
        "port": UINT32,
        "mask": UINT32,
        "state": UINT32,
    },
    "ReadGpioPortRequest": {"session_name": STRING, "port": UINT32, "mask": UINT32},
    "ReadGpioPortResponse": {"state": UINT32},
    "CloseRequest": {"session_name": STRING},
    "StatusResponse": {},
}
CALLS = {
    "Initialize": "InitializeResponse",
    "WriteRegister": "StatusResponse",
    "ReadRegister": "ReadRegisterResponse",
    "WriteGpioChannel": "StatusResponse",
    "ReadGpioChannel": "ReadGpioChannelResponse",
    "WriteGpioPort": "StatusResponse",
    "ReadGpioPort": "ReadGpioPortResponse",
    "Close": "StatusResponse",
}
ENUMS = {
    "Protocol": ["UNKNOWN_PROTOCOL", "SPI", "I2C", "UART"],
    "SessionInitializationBehavior": [
        f"SESSION_INITIALIZATION_BEHAVIOR_{name}"
        for name in ("UNSPECIFIED", "INITIALIZE_NEW", "ATTACH_TO_EXISTING")
    ],
}


def reference_file() -> FileDescriptorProto:
    """Return the descriptor of the reference's file, from the tables above."""
    file = FileDescriptorProto(
        name="device_comm_service.proto", package="DeviceCommunication", syntax="proto3"
    )
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field_name, kind) in enumerate(fields.items(), start=1):
            field = message.field.add(name=field_name, number=number, label="LABEL_OPTIONAL")
            if kind in ENUMS:
                field.type = FieldDescriptorProto.TYPE_ENUM
                field.type_name = f".DeviceCommunication.{kind}"
            else:
                field.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    for name, values in ENUMS.items():
        enum = file.enum_type.add(name=name)
        for number, value in enumerate(values):
            enum.value.add(name=value, number=number)
    service = file.service.add(name="DeviceCommunication")
    for name, answer in CALLS.items():
        method = service.method.add(
            name=name,
            input_type=f".DeviceCommunication.{name}Request",
            output_type=f".DeviceCommunication.{answer}",
        )
        method.options.SetInParent()  # empty options are in the reference's descriptor
    return file


def test_the_descriptor_is_equal_to_the_references() -> None:
    ours = FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(ours)

    assert ours == reference_file()
    # A process refuses a second file of the same name unless its bytes are the same.
    assert pb.DESCRIPTOR.serialized_pb == reference_file().SerializeToString(deterministic=True)


@pytest.mark.parametrize("first", [0, 1])
def test_the_protocols_of_logger_and_devices_live_in_one_process(first: int) -> None:
    modules = ["json_logger_proto.json_logger_pb2", "device_comm.device_comm_service_pb2"]
    imports = [f"import {modules[first]}", f"import {modules[1 - first]}"]
    script = "; ".join([*imports, "print('both')"])

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.stdout.strip() == "both", done.stderr
