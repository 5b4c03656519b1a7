"""All calls of NI-DCPower: decode the request, call the session, encode the answer."""

from __future__ import annotations

from device_sim.base.common_calls import CommonCalls
from device_sim.base.service import DriverService, snake_case
from device_sim.drivers.nidcpower import errors
from device_sim.drivers.nidcpower.calibration_calls import CalibrationCalls
from device_sim.drivers.nidcpower.flow_calls import FlowCalls
from device_sim.drivers.nidcpower.measure_calls import MeasureCalls
from device_sim.drivers.nidcpower.sequence_calls import SequenceCalls
from device_sim.drivers.nidcpower.trigger_calls import CONFIGURING, TriggerCalls

_LEVELS_AND_RANGES = {
    f"Configure{pulse}{bias}{quantity}{kind}": {
        kind.lower(): snake_case(f"{pulse}{bias}{quantity}{kind}")
    }
    for pulse, bias in (("", ""), ("Pulse", ""), ("Pulse", "Bias"))
    for quantity in ("Voltage", "Current")
    for kind in ("Level", "Limit")
} | {
    f"Configure{pulse}{quantity}{kind}Range": {"range": snake_case(f"{pulse}{quantity}{kind}Range")}
    for pulse in ("", "Pulse")
    for quantity in ("Voltage", "Current")
    for kind in ("Level", "Limit")
}


_CONFIGURES = _LEVELS_AND_RANGES | {
    "ConfigureSourceMode": {"source_mode": "source_mode"},
    "ConfigureSourceModeWithChannels": {"source_mode": "source_mode"},
    "ConfigureOutputFunction": {"function": "output_function"},
    "ConfigureOutputEnabled": {"enabled": "output_enabled"},
    "ConfigureOutputResistance": {"resistance": "output_resistance"},
    "ConfigureCurrentLimit": {"behavior": "current_limit_behavior", "limit": "current_limit"},
    "ConfigureAutoZero": {"auto_zero": "auto_zero"},
    "ConfigurePowerLineFrequency": {"powerline_frequency": "power_line_frequency"},
    "ConfigureSense": {"sense": "sense"},
    "ConfigureOvp": {"enabled": "ovp_enabled", "limit": "ovp_limit"},
    "ConfigureApertureTime": {"units": "aperture_time_units", "aperture_time": "aperture_time"},
}

SERVICE = DriverService(
    FlowCalls(),
    MeasureCalls(),
    SequenceCalls(),
    TriggerCalls(),
    CalibrationCalls(),
    CommonCalls(errors.ALL),
    methods=CONFIGURING,
    configures=_CONFIGURES,
)
