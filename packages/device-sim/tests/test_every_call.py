"""Every call of all services, with valid and with invalid requests.

For any request, a client gets an answer, the driver's error, or INVALID_ARGUMENT, but never an
exception of the simulation. The client itself refuses a record that is longer than its messages.
"""

from __future__ import annotations

import math

import grpc
import pytest
from capabilities import needs_complex_numbers
from device_sim.base.wire import session_field
from driver_client import invalid_session, invoke, open_session, request_for
from every_driver import DRIVERS
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CALLS = [
    (driver, rpc)
    for driver in DRIVERS.values()
    for rpc in driver.rpcs
    if rpc not in driver.folder.initialisers
]

ODD = {
    FieldDescriptor.CPPTYPE_STRING: ["", "0", "no/such", "Dev1/0-3,,:", "é"],
    FieldDescriptor.CPPTYPE_DOUBLE: [0.0, -1.0, math.nan, math.inf, 1e300],
    FieldDescriptor.CPPTYPE_INT32: [0, -1, 1, 1030, 1250001, 2**31 - 1],
    FieldDescriptor.CPPTYPE_UINT32: [0, 1],
    FieldDescriptor.CPPTYPE_INT64: [0, -1, 2**62],
    FieldDescriptor.CPPTYPE_ENUM: [0, 1, 1006],
    FieldDescriptor.CPPTYPE_BOOL: [True, False],
}


def check(rpc: str, answer) -> None:
    status, code, details = answer
    if status is grpc.StatusCode.UNKNOWN:
        assert code is not None, (rpc, details)
        assert code < 0, rpc
    elif status is grpc.StatusCode.RESOURCE_EXHAUSTED:
        assert "Received message larger than max" in details, (rpc, details)
    else:
        assert status in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT), (rpc, details)
        assert not code or code > 0, rpc  # A warning.


@pytest.fixture
def sessions(channel, open_dcpower, open_digital, open_dmm, open_fgen, open_scope, open_switch):
    open_session(channel, DRIVERS["nidaqmx"], "nidaqmx")
    open_dcpower("SMU1/0-3", name="nidcpower", model="4162")
    open_digital("DIG1", name="nidigital")
    open_dmm("DMM1", name="nidmm", model="4082")
    open_fgen("FGEN1", name="nifgen")
    open_scope("SCOPE1", name="niscope")
    open_switch("SWITCH1", name="niswitch")


def test_every_driver_has_a_session_here(server, sessions):
    assert {info.name for info in server.sessions} == DRIVERS.keys()


def test_with_empty_requests(channel, sessions):
    for driver, rpc in CALLS:
        if rpc != driver.folder.closer:
            check(rpc, invoke(channel, driver, rpc, request_for(driver, rpc, driver.name)))


def test_with_an_unknown_session(channel):
    for driver, rpc in CALLS:
        answer = invoke(channel, driver, rpc, request_for(driver, rpc, "nobody's"))
        if session_field(request_for(driver, rpc, "").DESCRIPTOR):
            assert answer[:2] == (grpc.StatusCode.UNKNOWN, invalid_session(driver)), rpc
        else:
            check(rpc, answer)


def odd_requests(driver, rpc: str):
    method = driver.descriptor.methods_by_name[rpc]
    fields = [f for f in method.input_type.fields if f.cpp_type in ODD]
    odd = [[b"", b"{}"] if f.type == f.TYPE_BYTES else ODD[f.cpp_type] for f in fields]
    return st.tuples(*(st.sampled_from(values) for values in odd)).map(
        lambda values: dict(zip((f.name for f in fields), values, strict=True))
    )


odd_calls = st.sampled_from(CALLS).flatmap(
    lambda call: st.tuples(st.just(call[0]), st.just(call[1]), odd_requests(*call))
)


WIRED = """
[[connect]]
channel = "SMU1/0"
hi = "net"

[[connect]]
channel = "SMU1/1"
hi = "net"
lo = "diode"

[[connect]]
channel = "DMM1"
hi = "net"

[[connect]]
channel = "SCOPE1/0"
hi = "net"

[[connect]]
channel = "DIG1/0"
hi = "net"

[[part]]
name = "C1"
kind = "capacitor"
a = "net"
b = "GND"
value = 1e-6

[[part]]
name = "D1"
kind = "diode"
a = "diode"
b = "GND"

[[part]]
name = "V1"
kind = "source"
a = "net"
b = "GND"
voltage = 1.0
resistance = 50.0
amplitude = 0.1
"""


@pytest.fixture
def bench(request, bench_file):
    content = getattr(request, "param", None)
    return bench_file(content) if content else None


@pytest.mark.parametrize(
    "bench",
    [
        pytest.param(None, id="free"),
        pytest.param(WIRED, id="wired", marks=needs_complex_numbers),
    ],
    indirect=True,
)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(call=odd_calls)
def test_with_odd_values(channel, server, sessions, tmp_path, call):
    driver, rpc, values = call
    if "File" in rpc or rpc == driver.folder.closer:  # Files are tested by themselves.
        return
    request = request_for(driver, rpc, driver.name)
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
    if driver.name == "niscope" and hasattr(request, "timeout"):
        request.timeout = abs(request.timeout)  # A negative one has no end.
    check(rpc, invoke(channel, driver, rpc, request))
