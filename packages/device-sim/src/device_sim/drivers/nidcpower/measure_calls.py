"""Serve the calls of NI-DCPower that measure, or that ask for the state of an output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nidcpower.enums import MeasurementTypes, OutputCutoffReason

from device_sim.base.wire import Fields, enum_value
from device_sim.call import Call
from device_sim.drivers.nidcpower.engine import Record
from device_sim.drivers.nidcpower.errors import ERRORS
from device_sim.drivers.nidcpower.session import DCPowerSession
from device_sim.errors import INVALID_VALUE, DriverError


class MeasureCalls:
    """Measure, and report the states and limits of outputs."""

    def measure(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Measure the voltage or the current of one channel."""
        which = enum_value(request, "measurement_type")
        record = session.measure([session.select_one(request.channel_name)], call)[0]
        voltage = which == MeasurementTypes.VOLTAGE.value
        return {"measurement": record.voltage if voltage else record.current}

    def measure_multiple(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Measure voltage and current of channels, in the order of the request."""
        records = session.measure(session.select(request.channel_name), call)
        return {
            "voltage_measurements": [record.voltage for record in records],
            "current_measurements": [record.current for record in records],
        }

    def fetch_multiple(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Take measurements from the buffer of one channel."""
        index = session.select_one(request.channel_name)
        records = session.fetch(index, request.count, request.timeout, call)
        return {
            "voltage_measurements": [record.voltage for record in records],
            "current_measurements": [record.current for record in records],
            "in_compliance": [record.in_compliance for record in records],
            "actual_count": len(records),
        }

    def query_in_compliance(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Return whether a channel is at its limit."""
        unit = session.units[session.select_one(request.channel_name)]
        now = session.now
        return {"in_compliance": unit.state(now, now).limited}

    def query_output_state(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Return whether a channel is in a state of operation."""
        unit = session.units[session.select_one(request.channel_name)]
        now = session.now
        return {"in_state": unit.output_state(enum_value(request, "output_state"), now)}

    def query_latched_output_cutoff_state(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> Fields:
        """Return whether an output cutoff has tripped."""
        unit = session.units[session.select_one(request.channel_name)]
        unit.watch_cutoffs(session.now)
        reason = enum_value(request, "output_cutoff_reason")
        every = reason == OutputCutoffReason.ALL.value
        return {"output_cutoff_state": bool(unit.latched_cutoffs & (-1 if every else reason))}

    def clear_latched_output_cutoff_state(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """Forget that output cutoffs have tripped."""
        reason = enum_value(request, "output_cutoff_reason")
        for index in session.select(request.channel_name):
            keep = 0 if reason == OutputCutoffReason.ALL.value else ~reason
            session.units[index].latched_cutoffs &= keep

    def query_max_current_limit(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Return the largest current at a voltage."""
        session.select_one(request.channel_name)
        fitting = [a for v, a in session.model.envelope if abs(request.voltage_level) <= v]
        return {"max_current_limit": _largest(fitting, "voltage_level", request.voltage_level)}

    def query_max_voltage_level(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Return the largest voltage at a current."""
        session.select_one(request.channel_name)
        fitting = [v for v, a in session.model.envelope if abs(request.current_limit) <= a]
        return {"max_voltage_level": _largest(fitting, "current_limit", request.current_limit)}

    def query_min_current_limit(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Return the smallest current limit at a voltage: 1 % of the smallest range."""
        session.select_one(request.channel_name)
        fitting = [a for v, a in session.model.envelope if abs(request.voltage_level) <= v]
        _largest(fitting, "voltage_level", request.voltage_level)
        return {"min_current_limit": session.model.steps["current"][0] / 100.0}

    # LCR.

    def measure_multiple_lcr(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Measure impedances of channels, in the order of the request."""
        indices = session.select(request.channel_name)
        session.require_lcr(indices)
        return {"measurements": _lcr_fields(session.measure(indices, call))}

    def fetch_multiple_lcr(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Take LCR measurements from the buffer of one channel."""
        index = session.select_one(request.channel_name)
        session.require_lcr([index])
        records = session.fetch(index, request.count, request.timeout, call)
        return {"measurements": _lcr_fields(records), "actual_count": len(records)}


def _lcr_fields(records: Sequence[Record]) -> list[Fields]:
    if any(record.lcr is None for record in records):
        raise DriverError(
            ERRORS.OPERATION_NOT_SUPPORTED, "These measurements were not made in LCR mode."
        )
    return [record.lcr.fields() for record in records if record.lcr]


def _largest(fitting: list[float], name: str, value: float) -> float:
    if not fitting:
        raise DriverError(INVALID_VALUE, f"Parameter: {name}\nValue: {value:g}")
    return max(fitting)
