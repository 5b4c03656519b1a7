"""The calls of NI-DCPower: what is in a request goes to the session, what it says goes back."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, ClassVar

from nidcpower.enums import MeasurementTypes, OutputCutoffReason, TriggerType

from platform_sim.devices.call import Call
from platform_sim.devices.channels import expand_numbers
from platform_sim.devices.drivers.nidcpower import errors
from platform_sim.devices.drivers.nidcpower.engine import Trigger
from platform_sim.devices.drivers.nidcpower.session import DCPowerSession
from platform_sim.devices.errors import INVALID_VALUE, UNKNOWN_CHANNEL, DriverError, sizes_differ
from platform_sim.devices.service import DriverService, Fields, enum_value, snake_case

_CALIBRATED = {"year": 1940, "month": 3, "day": 1, "hour": 0, "minute": 0}
_CALIBRATION_INTERVAL = 12  # months
_TEMPERATURE = 25.0  # °C

# What ExportSignal names a signal, and the attribute with its terminal.
_SIGNALS: Mapping[int, str] = {
    1023: "source_complete_event_output_terminal",
    1024: "measure_complete_event_output_terminal",
    1025: "sequence_iteration_complete_event_output_terminal",
    1026: "sequence_engine_done_event_output_terminal",
    1034: "exported_start_trigger_output_terminal",
    1035: "exported_source_trigger_output_terminal",
    1036: "exported_measure_trigger_output_terminal",
    1037: "exported_sequence_advance_trigger_output_terminal",
    1051: "pulse_complete_event_output_terminal",
    1052: "ready_for_pulse_trigger_event_output_terminal",
    1053: "exported_pulse_trigger_output_terminal",
}

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

_TRIGGER_NAMES = ("Start", "SequenceAdvance", "Source", "Measure", "Pulse", "Shutdown")


class DCPowerService(DriverService):
    """Serves NI-DCPower sessions."""

    ERRORS = errors.ALL
    CONFIGURES: ClassVar[Mapping[str, Mapping[str, str]]] = _LEVELS_AND_RANGES | {
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

    # Channels.

    def get_channel_name(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """The name of a channel, counted from 1."""
        return {"channel_name": _channel_names(session, str(request.index - 1))}

    def get_channel_name_from_string(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> Fields:
        """The names of channels, counted from 0."""
        return {"channel_name": _channel_names(session, request.index)}

    # The programming flow.

    def initiate_with_channels(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Start channels."""
        session.initiate(session.select_for_flow(_channels(request)))

    def abort_with_channels(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Stop channels."""
        session.abort(session.select_for_flow(_channels(request)))

    def commit_with_channels(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Check the attributes of channels."""
        for index in session.select_for_flow(_channels(request)):
            session.units[index].commit()

    def reset_with_channels(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Reset channels."""
        session.reset(session.select_for_flow(_channels(request)))

    def reset_device(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Reset everything."""
        session.reset(range(len(session.channels)))
        session.reset_attributes()

    initiate = initiate_with_channels
    abort = abort_with_channels
    commit = commit_with_channels
    reset = reset_with_channels
    reset_with_defaults = reset_device

    def disable(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Switch all outputs off."""
        session.disable()

    # Events and triggers.

    def wait_for_event_with_channels(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """Wait for an event on channels."""
        indices = session.select_for_flow(_channels(request))
        session.wait_for_event(indices, enum_value(request, "event_id"), request.timeout, call)

    wait_for_event = wait_for_event_with_channels

    def send_software_edge_trigger_with_channels(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """Have a trigger arrive at channels."""
        indices = session.select_for_flow(_channels(request))
        if not session.independent and len(indices) > 1:
            raise DriverError(errors.NOT_WITH_SEVERAL_CHANNELS)
        _send_trigger(session, indices, enum_value(request, "trigger"))

    send_software_edge_trigger = send_software_edge_trigger_with_channels

    def export_signal_with_channels(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """Route an event or trigger to a terminal."""
        attribute = _SIGNALS.get(enum_value(request, "signal"))
        if attribute is None:
            raise DriverError(INVALID_VALUE, "Unknown signal")
        session.set(attribute, request.output_terminal, _channels(request))

    export_signal = export_signal_with_channels

    # Measuring.

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
        """Whether a channel is at its limit."""
        unit = session.units[session.select_one(request.channel_name)]
        now = session.clock.now()
        unit.advance(now)
        return {"in_compliance": unit.state(now, now).limited}

    def query_output_state(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Whether a channel is in a state of operation."""
        unit = session.units[session.select_one(request.channel_name)]
        now = session.clock.now()
        unit.advance(now)
        return {"in_state": unit.output_state(enum_value(request, "output_state"), now)}

    def query_latched_output_cutoff_state(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> Fields:
        """Whether an output cutoff has tripped."""
        _require_feature(session, "output_cutoff")
        unit = session.units[session.select_one(request.channel_name)]
        reason = enum_value(request, "output_cutoff_reason")
        every = reason == OutputCutoffReason.ALL.value
        return {"output_cutoff_state": bool(unit.latched_cutoffs & (-1 if every else reason))}

    def clear_latched_output_cutoff_state(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """Forget that output cutoffs have tripped."""
        _require_feature(session, "output_cutoff")
        reason = enum_value(request, "output_cutoff_reason")
        for index in session.select(request.channel_name):
            keep = 0 if reason == OutputCutoffReason.ALL.value else ~reason
            session.units[index].latched_cutoffs &= keep

    def query_max_current_limit(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """The largest current at a voltage."""
        session.select_one(request.channel_name)
        fitting = [a for v, a in session.smu.envelope if abs(request.voltage_level) <= v]
        return {"max_current_limit": _largest(fitting, "voltage_level", request.voltage_level)}

    def query_max_voltage_level(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """The largest voltage at a current."""
        session.select_one(request.channel_name)
        fitting = [v for v, a in session.smu.envelope if abs(request.current_limit) <= a]
        return {"max_voltage_level": _largest(fitting, "current_limit", request.current_limit)}

    def query_min_current_limit(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """The smallest current limit at a voltage: 1 % of the smallest range."""
        session.select_one(request.channel_name)
        fitting = [a for v, a in session.smu.envelope if abs(request.voltage_level) <= v]
        _largest(fitting, "voltage_level", request.voltage_level)
        return {"min_current_limit": session.smu.current[0].limit / 100.0}

    # Sequences.

    def set_sequence(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """Set the levels, and perhaps delays, of the simple sequence."""
        values, delays = list(request.values), list(request.source_delays)
        if delays and len(delays) != len(values):
            raise sizes_differ("values", "source_delays")
        if not values:
            raise DriverError(INVALID_VALUE, "A sequence needs at least one value.")
        session.each(
            session.select(request.channel_name),
            lambda unit: unit.sequences.set_simple(values, delays),
        )

    def create_advanced_sequence_with_channels(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """Begin an advanced sequence."""
        _require_feature(session, "sequencing")
        names = frozenset(session.table.get(number).name for number in request.attribute_ids)
        indices = session.select_for_flow(_channels(request))
        session.each(indices, lambda u: u.sequences.create(request.sequence_name, names))
        if request.set_as_active_sequence:
            session.set("active_advanced_sequence", request.sequence_name, _channels(request))

    create_advanced_sequence = create_advanced_sequence_with_channels

    def create_advanced_sequence_step_with_channels(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """Add a step to the active advanced sequence."""
        for index in session.select_for_flow(_channels(request)):
            active = str(session.get("active_advanced_sequence", index))
            steps = session.units[index].sequences.get(active).steps
            steps.append({})
            if request.set_as_active_step:
                store = session.per_channel[index]
                store[session.table["active_advanced_sequence_step"]] = len(steps) - 1

    create_advanced_sequence_step = create_advanced_sequence_step_with_channels

    def create_advanced_sequence_commit_step_with_channels(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """No simulated model has a commit step."""
        session.select_for_flow(_channels(request))
        raise DriverError(errors.OPERATION_NOT_SUPPORTED)

    def delete_advanced_sequence_with_channels(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """Forget an advanced sequence."""
        active = session.table["active_advanced_sequence"]
        for index in session.select_for_flow(_channels(request)):
            session.units[index].sequences.delete(request.sequence_name)
            store = session.per_channel[index]
            if store[active] == request.sequence_name:
                store[active] = ""

    delete_advanced_sequence = delete_advanced_sequence_with_channels

    # Calibration.

    def cal_self_calibrate(self, session: DCPowerSession, request: Any, call: Call) -> None:
        """A simulated device has nothing to calibrate; NI keeps its date, too."""
        session.select_for_flow(request.channel_name)

    def get_ext_cal_last_date_and_time(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> Fields:
        """NI's date for simulated devices."""
        return _CALIBRATED

    get_self_cal_last_date_and_time = get_ext_cal_last_date_and_time

    def get_ext_cal_last_temp(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """NI's temperature for simulated devices, in °C."""
        return {"temperature": _TEMPERATURE}

    get_self_cal_last_temp = get_ext_cal_last_temp
    read_current_temperature = get_ext_cal_last_temp

    def get_ext_cal_recommended_interval(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> Fields:
        """Months between external calibrations."""
        return {"months": _CALIBRATION_INTERVAL}

    # LCR.

    def measure_multiple_lcr(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Measure impedances of channels, in the order of the request."""
        units = session.for_lcr(session.select(request.channel_name))
        seconds = max(unit.measurement_seconds() for unit in units)
        session.sleep(call, session.clock.now() + seconds)
        return {"measurements": [unit.acquire().fields() for unit in units]}

    def fetch_multiple_lcr(self, session: DCPowerSession, request: Any, call: Call) -> Fields:
        """Take LCR measurements from the buffer of one channel."""
        index = session.select_one(request.channel_name)
        unit = session.for_lcr([index])[0]
        records = session.fetch(index, request.count, request.timeout, call)
        return {
            "measurements": [unit.acquire().fields() for _ in records],
            "actual_count": len(records),
        }

    def _compensate(self, compensation: int) -> Any:
        def method(session: DCPowerSession, request: Any, call: Call) -> None:
            _require_feature(session, "lcr")
            now = datetime.datetime.now()
            date = (now.year, now.month, now.day, now.hour, now.minute)
            for index in session.select(request.channel_name):
                session.lcr[index].compensations.dates[compensation] = date

        return method

    def find(self, rpc: str) -> Any:
        """As the base class, with the families of calls that differ in one word only."""
        if rpc in _COMPENSATIONS:
            return self._compensate(_COMPENSATIONS[rpc])
        for name in _TRIGGER_NAMES:
            trigger = snake_case(name)
            for suffix in ("", "WithChannels"):
                if rpc == f"ConfigureSoftwareEdge{name}Trigger{suffix}":
                    return _set_trigger(trigger, TriggerType.SOFTWARE_EDGE)
                if rpc == f"ConfigureDigitalEdge{name}Trigger{suffix}":
                    return _set_trigger(trigger, TriggerType.DIGITAL_EDGE)
                if rpc == f"Disable{name}Trigger{suffix}":
                    return _set_trigger(trigger, TriggerType.NONE)
        return super().find(rpc)

    def serves(self, rpc: str) -> bool:
        """As the base class, with those families."""
        family = (
            rpc in _COMPENSATIONS
            or "EdgeTrigger" in rpc
            or (rpc.startswith(("ConfigureSoftwareEdge", "ConfigureDigitalEdge", "Disable")))
        )
        return family or super().serves(rpc)

    def get_lcr_compensation_last_date_and_time(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> Fields:
        """When a compensation was last performed."""
        _require_feature(session, "lcr")
        unit = session.lcr[session.select_one(request.channel_name)]
        date = unit.last_compensation(enum_value(request, "compensation_type"))
        return dict(zip(("year", "month", "day", "hour", "minute"), date, strict=True))

    def get_lcr_custom_cable_compensation_data(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> Fields:
        """The data of a custom cable."""
        _require_feature(session, "lcr")
        unit = session.lcr[session.select_one(request.channel_name)]
        return {"custom_cable_compensation_data": unit.compensations.custom_cable}

    def configure_lcr_custom_cable_compensation(
        self, session: DCPowerSession, request: Any, call: Call
    ) -> None:
        """Set the data of a custom cable."""
        _require_feature(session, "lcr")
        for index in session.select(request.channel_name):
            session.lcr[index].compensations.custom_cable = request.custom_cable_compensation_data


_COMPENSATIONS = {
    "PerformLCROpenCompensation": 1130,
    "PerformLCRShortCompensation": 1131,
    "PerformLCRLoadCompensation": 1132,
    "PerformLCROpenCustomCableCompensation": 1133,
    "PerformLCRShortCustomCableCompensation": 1134,
}


def _channels(request: Any) -> str:
    """The channel string; calls of legacy sessions have none and mean all channels."""
    name: str = getattr(request, "channel_name", "")
    return name


def _channel_names(session: DCPowerSession, indices: str) -> str:
    names = []
    for token in "".join(indices.split()).split(","):
        for number in expand_numbers(token):
            if not number.isdecimal() or int(number) >= len(session.channels):
                raise DriverError(UNKNOWN_CHANNEL, f"Index: {number}")
            names.append(session.channels.names[int(number)])
    return ",".join(names)


def _send_trigger(session: DCPowerSession, indices: list[int], number: int) -> None:
    now = session.clock.now()
    try:
        trigger = Trigger(number)
    except ValueError as error:
        raise DriverError(INVALID_VALUE, f"Trigger: {number}") from error
    for index in indices:
        unit = session.units[index]
        unit.advance(now)
        if unit.engine:
            unit.engine.send(trigger, now)
            unit.advance(now)
    session.lock.notify_all()


def _set_trigger(trigger: str, kind: TriggerType) -> Any:
    def method(session: DCPowerSession, request: Any, call: Call) -> None:
        if kind is TriggerType.DIGITAL_EDGE:
            terminal = f"digital_edge_{trigger}_trigger_input_terminal"
            session.set(terminal, request.input_terminal, _channels(request))
        session.set(f"{trigger}_trigger_type", kind.value, _channels(request))

    return method


def _require_feature(session: DCPowerSession, feature: str) -> None:
    if feature not in session.smu.features:
        raise DriverError(errors.OPERATION_NOT_SUPPORTED)


def _largest(fitting: list[float], name: str, value: float) -> float:
    if not fitting:
        raise DriverError(INVALID_VALUE, f"Parameter: {name}\nValue: {value:g}")
    return max(fitting)
