"""Every call of all services, with valid and with invalid requests.

For any request, a client gets an answer, the driver's error, or INVALID_ARGUMENT, but never an
exception of the simulation. The client itself refuses a record that is longer than its messages.
"""

from __future__ import annotations

import grpc
import pytest
from device_sim.base.wire import session_field
from driver_client import invalid_session, invoke, open_session, request_for
from every_driver import DRIVERS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_requests import check, odd_request, odd_values

CALLS = [
    (driver, rpc)
    for driver in DRIVERS.values()
    for rpc in driver.rpcs
    if rpc not in driver.folder.initialisers
]


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


odd_calls = st.sampled_from(CALLS).flatmap(
    lambda call: st.tuples(st.just(call[0]), st.just(call[1]), odd_values(*call))
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
        pytest.param(WIRED, id="wired"),
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
    check(rpc, invoke(channel, driver, rpc, odd_request(driver, rpc, driver.name, values)))
