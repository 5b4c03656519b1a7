"""The calls of NI-DAQmx: which objects serve them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from device_sim.drivers.nidaqmx.attribute_calls import AttributeCalls
from device_sim.drivers.nidaqmx.attributes import AttributeTable
from device_sim.drivers.nidaqmx.configure_calls import ConfigureCalls
from device_sim.drivers.nidaqmx.control_calls import ControlCalls, ErrorCalls
from device_sim.drivers.nidaqmx.counter_calls import CounterReads, CounterWrites
from device_sim.drivers.nidaqmx.create_calls import CreateCalls
from device_sim.drivers.nidaqmx.device_calls import DeviceCalls
from device_sim.drivers.nidaqmx.event_calls import EventCalls
from device_sim.drivers.nidaqmx.read_calls import AnalogReads, DigitalReads, RawReads
from device_sim.drivers.nidaqmx.scale_calls import ScaleCalls
from device_sim.drivers.nidaqmx.waveform_calls import WaveformCalls
from device_sim.drivers.nidaqmx.write_calls import AnalogWrites, DigitalWrites, RawWrites


def make_calls(table: AttributeTable, tables: Mapping[str, Any]) -> Sequence[object]:
    """Return the objects whose methods serve the calls of the same names, in snake case.

    An object with a method `find` serves calls by rule: it gets the descriptor of a call, and
    returns the method, or None.

    Args:
        table: The properties.
        tables: The content of `calls.toml`.
    """
    return (
        ControlCalls(),
        ErrorCalls(),
        DeviceCalls(),
        CreateCalls(tables["create"], table),
        ConfigureCalls(tables["configures"], table),
        AttributeCalls(table),
        AnalogReads(),
        DigitalReads(),
        RawReads(),
        CounterReads(),
        AnalogWrites(),
        DigitalWrites(),
        RawWrites(),
        CounterWrites(),
        WaveformCalls(),
        EventCalls(),
        ScaleCalls(),
    )
