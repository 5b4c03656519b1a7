"""The session and the calls of NI-Digital."""

from __future__ import annotations

from device_sim.base.driver import Physics
from device_sim.drivers.nidigital.level_calls import LevelCalls
from device_sim.drivers.nidigital.models import DigitalModel
from device_sim.drivers.nidigital.pattern_calls import PatternCalls
from device_sim.drivers.nidigital.pin_calls import PinCalls
from device_sim.drivers.nidigital.session import DigitalSession
from device_sim.drivers.nidigital.timing_calls import TimingCalls
from device_sim.drivers.nidigital.trigger_calls import TriggerCalls
from device_sim.drivers.nidigital.waveform_calls import WaveformCalls

PHYSICS = Physics(
    DigitalSession,
    (PinCalls(), LevelCalls(), TimingCalls(), PatternCalls(), WaveformCalls(), TriggerCalls()),
    DigitalModel,
)
