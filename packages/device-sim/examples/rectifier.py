"""A rectifier: the capacitor charges at the peaks and feeds the load between them."""

from __future__ import annotations

import grpc
import niscope
import numpy as np

X, Y = "milliseconds", "volts"
RATE = 100e3


def measure(channel: grpc.Channel) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the voltages over time at the transformer and at the load."""
    options = niscope.GrpcSessionOptions(channel, "")
    with niscope.Session("SCOPE1", grpc_options=options) as scope:
        scope.channels["0,1"].configure_vertical(50.0, niscope.VerticalCoupling.DC)
        scope.channels["0,1"].probe_attenuation = 10.0
        scope.configure_horizontal_timing(RATE, 8000, 0.0, 1, True)
        scope.configure_trigger_immediate()
        with scope.initiate():
            records = scope.channels["0,1"].fetch(num_samples=8000)
    milliseconds = 1e3 * np.arange(8000) / RATE
    return {
        name: (milliseconds, np.array(record.samples))
        for name, record in zip(("transformer", "load"), records, strict=True)
    }
