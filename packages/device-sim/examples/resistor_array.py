"""A multiplexed resistor array: a matrix brings each resistor to one multimeter in turn."""

from __future__ import annotations

import warnings

import grpc
import nidmm
import niswitch
import numpy as np

X, Y = "resistor", "ohms"
COUNT = 16


def measure(channel: grpc.Channel) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the ohms that the multimeter reads. The one with the relay that sticks is NaN."""
    switch_options = niswitch.GrpcSessionOptions(channel, "")
    options = nidmm.GrpcSessionOptions(channel, "")
    readings = []
    with (
        niswitch.Session("SWITCH1", "", grpc_options=switch_options) as switch,
        nidmm.Session("DMM1", grpc_options=options) as meter,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", nidmm.errors.DriverWarning)  # an open circuit overloads
        meter.configure_measurement_digits(nidmm.Function.TWO_WIRE_RES, 100e3, 6.5)
        for number in range(COUNT):
            switch.connect("r0", f"c{number}")
            switch.wait_for_debounce()
            readings.append(meter.read())
            switch.disconnect("r0", f"c{number}")
            switch.wait_for_debounce()
    return {"measured": (np.arange(COUNT), np.array(readings))}
