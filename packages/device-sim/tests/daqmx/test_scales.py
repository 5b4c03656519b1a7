"""Custom scales: a line, two points, a polynomial, a table; and channels that have one."""

from __future__ import annotations

import nidaqmx
import numpy as np
import pytest
from daqmx_refusals import refused
from nidaqmx.constants import UnitsPreScaled, VoltageUnits
from nidaqmx.error_codes import DAQmxErrors
from nidaqmx.scale import Scale


def test_a_channel_with_a_scale_has_its_limits_in_the_clients_units(task, grpc_options):
    Scale.create_lin_scale("bar", 2.0, y_intercept=1.0, grpc_options=grpc_options)
    channel = task.ai_channels.add_ai_voltage_chan(
        "Dev1/ai0",
        min_val=1.0,
        max_val=9.0,
        units=VoltageUnits.FROM_CUSTOM_SCALE,
        custom_scale_name="bar",
    )
    assert (channel.ai_min, channel.ai_max) == (1.0, 9.0)
    assert (channel.ai_rng_low, channel.ai_rng_high) == (-5.0, 5.0)  # 0 to 4 V
    assert all(1.0 <= value <= 9.0 for value in task.read(200))


def test_an_output_with_a_scale_refuses_what_is_beyond_its_volts(task, grpc_options):
    Scale.create_map_scale("percent", -10.0, 10.0, 0.0, 100.0, grpc_options=grpc_options)
    task.ao_channels.add_ao_voltage_chan(
        "Dev1/ao0",
        min_val=0.0,
        max_val=100.0,
        units=VoltageUnits.FROM_CUSTOM_SCALE,
        custom_scale_name="percent",
    )
    assert task.write(100.0) == 1
    refused(DAQmxErrors.SAMPLE_VALUE_OUT_OF_RANGE, lambda: task.write(101.0))


@pytest.fixture
def bench(request, bench_file):
    content = getattr(request, "param", None)
    return bench_file(content) if content else None


def test_an_unknown_scale_is_refused(task):
    refused(
        DAQmxErrors.CUSTOM_SCALE_DOES_NOT_EXIST,
        lambda: task.ai_channels.add_ai_voltage_chan(
            "Dev1/ai0", units=VoltageUnits.FROM_CUSTOM_SCALE, custom_scale_name="nobody's"
        ),
    )
    refused(DAQmxErrors.CAN_NOT_PERFORM_OP_WHEN_NO_CHANS_IN_TASK, task.start)


def test_a_scale_has_the_properties_of_its_type_only(grpc_options):
    line = Scale.create_lin_scale(
        "line", 3.0, pre_scaled_units=UnitsPreScaled.AMPS, grpc_options=grpc_options
    )
    assert (line.lin_slope, line.lin_y_intercept) == (3.0, 0.0)
    assert line.pre_scaled_units is UnitsPreScaled.AMPS
    line.lin_slope = 4.0
    assert line.lin_slope == 4.0
    refused(DAQmxErrors.PROPERTY_NOT_SUPPORTED_FOR_SCALE_TYPE, lambda: line.poly_forward_coeff)


def test_the_inverse_of_a_polynomial_undoes_it(grpc_options):
    forward = [1.0, 2.0, 0.1]
    reverse = Scale.calculate_reverse_poly_coeff(
        forward,
        0.0,
        3.0,
        num_points_to_compute=100,
        reverse_poly_order=5,
        grpc_options=grpc_options,
    )
    values = np.linspace(0.0, 3.0, 7)
    scaled = np.polynomial.polynomial.polyval(values, forward)
    back = np.polynomial.polynomial.polyval(scaled, reverse)
    assert back == pytest.approx(values, abs=1e-3)


@pytest.mark.parametrize(
    "make",
    [
        lambda options: Scale.create_lin_scale("s", 0.0, grpc_options=options),
        lambda options: Scale.create_map_scale("s", 1.0, 1.0, 0.0, 1.0, grpc_options=options),
        lambda options: Scale.create_table_scale("s", [1.0], [2.0], grpc_options=options),
        lambda options: Scale.create_lin_scale("s", float("nan"), grpc_options=options),
    ],
)
def test_what_is_no_scale_is_refused(grpc_options, make):
    refused(DAQmxErrors.INVALID_ATTRIBUTE_VALUE, lambda: make(grpc_options))


WIRED = """
[[connect]]
channel = "Dev1/ai0"
hi = "net"

[[part]]
name = "V1"
kind = "source"
a = "net"
b = "GND"
voltage = 1.5
resistance = 50.0
"""


@pytest.mark.parametrize("bench", [WIRED], indirect=True, ids=["bench"])
def test_volts_of_the_bench_are_scaled(task: nidaqmx.Task, grpc_options, bench, clock):
    Scale.create_table_scale(
        "table", [0.0, 1.0, 2.0], [0.0, 100.0, 300.0], grpc_options=grpc_options
    )
    task.ai_channels.add_ai_voltage_chan(
        "Dev1/ai0",
        min_val=0.0,
        max_val=300.0,
        units=VoltageUnits.FROM_CUSTOM_SCALE,
        custom_scale_name="table",
    )
    clock.advance(1e-3)  # The capacitance of the input has to be charged.
    assert task.read() == pytest.approx(200.0, abs=1.0)
