"""The gain of a low-pass over frequency: a generator sweeps, a digitizer sees both sides."""

from __future__ import annotations

import grpc
import nifgen
import niscope
import numpy as np

X, Y = "hertz", "gain"
CYCLES, POINTS = 40, 4000
SETTLED = slice(3 * POINTS // 4, POINTS)


def measure(channel: grpc.Channel) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the gain over frequency."""
    frequencies = np.geomspace(1e3, 1e6, 16)
    fgen_options = nifgen.GrpcSessionOptions(channel, "")
    options = niscope.GrpcSessionOptions(channel, "")
    gains = []
    with (
        nifgen.Session("FGEN1", grpc_options=fgen_options) as generator,
        niscope.Session("SCOPE1", grpc_options=options) as scope,
    ):
        generator.output_mode = nifgen.OutputMode.FUNC
        scope.channels["0,1"].configure_vertical(5.0, niscope.VerticalCoupling.DC)
        scope.configure_trigger_immediate()
        for hertz in frequencies:
            generator.configure_standard_waveform(
                nifgen.Waveform.SINE, amplitude=2.0, frequency=float(hertz)
            )
            rate = float(hertz) * POINTS / CYCLES
            scope.configure_horizontal_timing(rate, POINTS, 50.0, 1, True)
            with generator.initiate(), scope.initiate():
                before, after = scope.channels["0,1"].fetch(num_samples=POINTS)
            gains.append(np.std(after.samples[SETTLED]) / np.std(before.samples[SETTLED]))
    return {"low-pass": (frequencies, np.array(gains))}
