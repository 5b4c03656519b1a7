"""The parts of NI-DCPower: its sessions, its models, and the calls with a meaning."""

from __future__ import annotations

from device_sim.base.driver import Physics
from device_sim.drivers.nidcpower.calibration_calls import CalibrationCalls
from device_sim.drivers.nidcpower.measure_calls import MeasureCalls
from device_sim.drivers.nidcpower.models import SmuModel
from device_sim.drivers.nidcpower.sequence_calls import SequenceCalls
from device_sim.drivers.nidcpower.session import DCPowerSession
from device_sim.drivers.nidcpower.trigger_calls import TriggerCalls

PHYSICS = Physics(
    DCPowerSession,
    (MeasureCalls(), SequenceCalls(), TriggerCalls(), CalibrationCalls()),
    SmuModel,
)
