"""Odd values in the simulated calls of NI-DAQmx, on tasks of each kind that run and that do not.

For any request, a client gets an answer, the driver's error, or INVALID_ARGUMENT.
"""

from __future__ import annotations

import nidaqmx
import pytest
from driver_client import invoke
from every_driver import DRIVERS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nidaqmx.constants import AcquisitionType, LineGrouping
from odd_requests import check, odd_request, odd_values

DAQMX = DRIVERS["nidaqmx"]
PROPERTIES = [rpc for rpc in DAQMX.rpcs if "Attribute" in rpc]
CALLS = [
    rpc
    for rpc in DAQMX.rpcs
    if DAQMX.simulates(rpc) and rpc not in (*PROPERTIES, "CreateTask", "ClearTask")
]
KINDS = ("AI", "AO", "DI", "DO", "CI", "CO")


@pytest.fixture
def tasks(open_task) -> dict[str, nidaqmx.Task]:
    tasks = {kind: open_task(kind) for kind in KINDS}
    tasks["AI"].ai_channels.add_ai_voltage_chan("Dev1/ai0:1")
    tasks["AO"].ao_channels.add_ao_voltage_chan("Dev1/ao0")
    tasks["DI"].di_channels.add_di_chan(
        "Dev1/port0/line0:7", line_grouping=LineGrouping.CHAN_PER_LINE
    )
    tasks["DO"].do_channels.add_do_chan("Dev1/port1", line_grouping=LineGrouping.CHAN_FOR_ALL_LINES)
    tasks["CI"].ci_channels.add_ci_count_edges_chan("Dev1/ctr0")
    tasks["CO"].co_channels.add_co_pulse_chan_freq("Dev1/ctr1")
    for kind in ("AI", "AO", "DI", "DO"):
        tasks[kind].timing.cfg_samp_clk_timing(
            1000.0, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=10
        )
    return tasks


odd_calls = st.tuples(
    st.sampled_from(KINDS),
    st.sampled_from(CALLS).flatmap(lambda rpc: st.tuples(st.just(rpc), odd_values(DAQMX, rpc))),
)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(calls=st.lists(odd_calls, min_size=1, max_size=20))
def test_no_call_fails_whatever_its_values_are(channel, tasks, calls):
    for kind, (rpc, values) in calls:
        check(rpc, invoke(channel, DAQMX, rpc, odd_request(DAQMX, rpc, kind, values)))


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_property_fails_whatever_it_is_set_to(channel, tasks, data):
    """The numbers of properties are those that exist, so most of the requests have a meaning."""
    for rpc in data.draw(st.lists(st.sampled_from(PROPERTIES), min_size=1, max_size=20)):
        values = dict(data.draw(odd_values(DAQMX, rpc)))
        field = DAQMX.descriptor.methods_by_name[rpc].input_type.fields_by_name["attribute"]
        number = data.draw(st.sampled_from(sorted(field.enum_type.values_by_number)))
        values |= {"attribute": number, "attribute_raw": number}
        request = odd_request(DAQMX, rpc, data.draw(st.sampled_from(KINDS)), values)
        check(rpc, invoke(channel, DAQMX, rpc, request))
    for kind in KINDS:
        for rpc in ("StartTask", "StopTask"):
            check(rpc, invoke(channel, DAQMX, rpc, odd_request(DAQMX, rpc, kind, {})))
