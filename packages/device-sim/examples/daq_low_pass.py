"""A square through a low-pass: a multifunction device generates and records at once."""

from __future__ import annotations

import grpc
import nidaqmx
import numpy as np
from nidaqmx.constants import AcquisitionType

X, Y = "milliseconds", "volts"
RATE, POINTS = 100e3, 1000


def measure(channel: grpc.Channel) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the record of both sides of the low-pass over time."""
    options = nidaqmx.GrpcSessionOptions(channel, "")
    with (
        nidaqmx.Task(grpc_options=options) as generate,
        nidaqmx.Task(grpc_options=options) as record,
    ):
        generate.ao_channels.add_ao_voltage_chan("Dev1/ao0")
        # 250 Hz: two samples of 2 ms.
        generate.timing.cfg_samp_clk_timing(
            500.0, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=2
        )
        generate.write([3.0, -1.0])
        record.ai_channels.add_ai_voltage_chan("Dev1/ai0:1")
        record.timing.cfg_samp_clk_timing(RATE, samps_per_chan=POINTS)
        record.triggers.start_trigger.cfg_dig_edge_start_trig("/Dev1/ao/StartTrigger")
        record.start()
        generate.start()
        before, after = np.array(record.read(POINTS))
    milliseconds = np.arange(POINTS) / RATE * 1e3
    return {"in": (milliseconds, before), "out": (milliseconds, after)}
