"""The curve of a diode: an SMU sweeps the supply, a multimeter reads the diode's voltage."""

from __future__ import annotations

import grpc
import nidcpower
import nidmm
import numpy as np

X, Y = "volts at the diode", "amperes"


def measure(channel: grpc.Channel) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the diode's current over its voltage."""
    smu_options = nidcpower.GrpcSessionOptions(channel, "")
    options = nidmm.GrpcSessionOptions(channel, "")
    volts, amperes = [], []
    with (
        nidcpower.Session("SMU1/0", grpc_options=smu_options) as smu,
        nidmm.Session("DMM1", grpc_options=options) as meter,
    ):
        meter.configure_measurement_digits(nidmm.Function.DC_VOLTS, 1.0, 6.5)
        meter.input_resistance = 1e10
        smu.voltage_level = 0.0
        smu.current_limit_range = 0.01
        smu.current_limit = 0.01
        with smu.initiate():
            for supply in np.geomspace(0.3, 9.0, 25):
                smu.voltage_level = float(supply)
                volts.append(meter.read())
                (measured,) = smu.measure_multiple()
                amperes.append(measured.current)
    return {"diode": (np.array(volts), np.array(amperes))}
