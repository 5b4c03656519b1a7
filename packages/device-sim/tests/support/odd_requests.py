"""Requests with odd values, and what any answer to them may be."""

from __future__ import annotations

import math
from typing import Any

import grpc
from driver_client import request_for
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import strategies as st

_PARTIAL_READ = -200284  # NI-DAQmx's status of a read that gives fewer samples than wanted.

ODD = {
    FieldDescriptor.CPPTYPE_STRING: ["", "0", "no/such", "Dev1/0-3,,:", "é"],
    FieldDescriptor.CPPTYPE_DOUBLE: [0.0, -1.0, math.nan, math.inf, 1e300],
    FieldDescriptor.CPPTYPE_INT32: [0, -1, 1, 1030, 1250001, 2**31 - 1],
    FieldDescriptor.CPPTYPE_UINT32: [0, 1],
    FieldDescriptor.CPPTYPE_INT64: [0, -1, 2**62],
    FieldDescriptor.CPPTYPE_UINT64: [0, 2, 2**62],
    FieldDescriptor.CPPTYPE_ENUM: [0, 1, 1006],
    FieldDescriptor.CPPTYPE_BOOL: [True, False],
}


def check(rpc: str, answer: Any) -> None:
    """Check that a driver has answered or refused, and has not failed."""
    status, code, details = answer
    if status is grpc.StatusCode.UNKNOWN:
        assert code is not None, (rpc, details)
        assert code < 0, rpc
    elif status is grpc.StatusCode.RESOURCE_EXHAUSTED:
        assert "Received message larger than max" in details, (rpc, details)
    else:
        assert status in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT), (rpc, details)
        assert not code or code > 0 or code == _PARTIAL_READ, rpc  # A warning.


def odd_values(driver: Any, rpc: str) -> Any:
    """Return a strategy for the values of the fields of a request, by name."""
    method = driver.descriptor.methods_by_name[rpc]
    fields = [f for f in method.input_type.fields if f.cpp_type in ODD]
    odd = [[b"", b"{}"] if f.type == f.TYPE_BYTES else ODD[f.cpp_type] for f in fields]
    return st.tuples(*(st.sampled_from(values) for values in odd)).map(
        lambda values: dict(zip((f.name for f in fields), values, strict=True))
    )


def odd_request(driver: Any, rpc: str, session: str, values: dict[str, Any]) -> Any:
    """Return a request with some values, which does not take long."""
    request = request_for(driver, rpc, session)
    for name, value in values.items():
        field = request.DESCRIPTOR.fields_by_name[name]
        if field.is_repeated:
            getattr(request, name).extend([value])
        else:
            setattr(request, name, value)
    if hasattr(request, "count"):
        request.count = min(abs(request.count), 5)
    if hasattr(request, "array_size"):
        request.array_size = min(abs(request.array_size), 5)
    for name, longest in (
        ("timeout", 1.0),
        ("maximum_time", 1000),
        ("maximum_time_ms", 1000),
        ("time_to_wait", 1.0),
    ):
        if hasattr(request, name) and not getattr(request, name) <= longest:  # NaN is not, either
            setattr(request, name, longest)
    if driver.name in ("nidaqmx", "niscope") and hasattr(request, "timeout"):
        request.timeout = abs(request.timeout)  # A negative one has no end.
    if hasattr(request, "time_to_wait"):
        request.time_to_wait = abs(request.time_to_wait)
    return request
