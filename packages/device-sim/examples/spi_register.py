"""Read an SPI register: a digital pattern asks, a device answers, and a digitizer looks at it."""

from __future__ import annotations

from pathlib import Path

import grpc
import nidigital
import niscope
import numpy as np

X, Y = "microseconds", "volts"

FILES = Path(__file__).with_suffix("")


def measure(channel: grpc.Channel) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the clock, 4 V higher, and the answer, while the pattern reads a register."""
    options = nidigital.GrpcSessionOptions(channel, "")
    scope_options = niscope.GrpcSessionOptions(channel, "")
    with (
        nidigital.Session("DIG1", grpc_options=options) as digital,
        niscope.Session("SCOPE1", grpc_options=scope_options) as scope,
    ):
        load(digital)
        scope.channels["0,1"].configure_vertical(10.0, niscope.VerticalCoupling.DC)
        scope.configure_horizontal_timing(200e6, 4000, 10.0, 1, True)
        scope.configure_trigger_edge("0", 1.65, niscope.TriggerCoupling.DC)
        with scope.initiate():
            passed = digital.burst_pattern("read_register")
            records = scope.channels["0,1"].fetch(num_samples=4000)
        if passed != {0: True}:
            raise RuntimeError(f"The pattern failed: {digital.get_fail_count()}")
    seconds = records[0].relative_initial_x + np.arange(4000) * records[0].x_increment
    clock, answer = (np.array(record.samples) for record in records)
    return {"clock + 4 V": (1e6 * seconds, clock + 4.0), "answer": (1e6 * seconds, answer)}


def load(digital: nidigital.Session) -> None:
    """Load the pins, the levels, the timing and the pattern."""
    digital.load_pin_map(str(FILES / "bus.pinmap"))
    digital.load_specifications_levels_and_timing(
        str(FILES / "bus.specs"), str(FILES / "bus.digilevels"), str(FILES / "bus.digitiming")
    )
    digital.apply_levels_and_timing("bus", "bus")
    digital.load_pattern(str(FILES / "read_register.digipat"))
