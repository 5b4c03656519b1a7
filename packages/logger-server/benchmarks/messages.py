"""The records that are sent to every server, and a batch of them as protobuf maps."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from json_logger_proto import json_logger_pb2 as pb

CONFIGURATIONS = {"voltage_level": "3.300000", "current_limit": "0.010000", "range": "auto"}
OUTPUTS = {
    "measurement_sites": "[0, 1, 2, 3]",
    "measurement_pin_names": "[Vdd, Vdd, Vdd, Vdd]",
    "voltage_measurements": "[3.300123, 3.299871, 3.300456, 3.299012]",
    "current_measurements": "[0.001234, 0.001233, 0.001236, 0.001231]",
}
TIMESTAMP = "2026-01-01T12:00:00.123456Z"
LINE = json.dumps(
    {
        "timestamp": TIMESTAMP,
        "measurement_name": "leakage",
        "measurement_configurations": CONFIGURATIONS,
        "measurement_outputs": OUTPUTS,
    },
    separators=(",", ":"),
).encode()
BATCH = 100
"""Records of a batch."""


def record(session: str) -> pb.LogMeasurementDataRequest:
    """Make the record as the reference protocol sends it."""
    request = pb.LogMeasurementDataRequest(
        session_name=session,
        measurement_name="leakage",
        measurement_configurations=CONFIGURATIONS,
        measurement_outputs=OUTPUTS,
    )
    request.timestamp.FromJsonString(TIMESTAMP)
    return request


def map_batch_class() -> Any:
    """Make a message class: repeated records of the reference protocol, with their maps."""
    file = descriptor_pb2.FileDescriptorProto(
        name="benchmark.proto", package="benchmark", syntax="proto3"
    )
    file.dependency.append("json_logger.proto")
    field = file.message_type.add(name="MapBatch").field.add(name="records", number=1)
    field.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
    field.type_name = ".json_logger.LogMeasurementDataRequest"
    pool = descriptor_pool.Default()
    pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("benchmark.MapBatch"))
