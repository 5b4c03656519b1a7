"""The step of a low-pass: a digitizer triggers at the step of an SMU."""

from __future__ import annotations

import grpc
import nidcpower
import niscope
import numpy as np

X, Y = "milliseconds", "volts"


def measure(channel: grpc.Channel) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the voltages over time on both sides of the resistor."""
    options = niscope.GrpcSessionOptions(channel, "")
    smu_options = nidcpower.GrpcSessionOptions(channel, "")
    with (
        niscope.Session("SCOPE1", grpc_options=options) as scope,
        nidcpower.Session("SMU1/0", grpc_options=smu_options) as smu,
    ):
        scope.channels["0,1"].configure_vertical(10.0, niscope.VerticalCoupling.DC)
        scope.configure_horizontal_timing(1e6, 6000, 20.0, 1, True)
        scope.configure_trigger_edge("0", 1.0, niscope.TriggerCoupling.DC)
        smu.source_mode = nidcpower.SourceMode.SEQUENCE
        smu.set_sequence([0.0, 3.0], source_delays=[0.01, 0.01])
        smu.current_limit_range = 0.1
        smu.current_limit = 0.1
        with scope.initiate(), smu.initiate():
            records = scope.channels["0,1"].fetch(num_samples=6000)
    return {
        name: (1e3 * times_of(record), np.array(record.samples))
        for name, record in zip(("in", "out"), records, strict=True)
    }


def times_of(record: niscope.waveform_info.WaveformInfo) -> np.ndarray:
    """Return the seconds of the samples since the trigger."""
    return record.relative_initial_x + np.arange(len(record.samples)) * record.x_increment
