"""The calls of NI-FGEN with a meaning: decode, call the session, encode."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np
from nifgen.enums import ByteOrder, RelativeTo, ScriptTriggerType

from device_sim.base.driver import Physics
from device_sim.base.files import WAVEFORM
from device_sim.base.wire import Fields, channel_name, enum_value, field_value
from device_sim.call import Call
from device_sim.drivers.nifgen.errors import ERRORS
from device_sim.drivers.nifgen.memory import NO_MARKER, FrequencyList, Key, Step, check_samples
from device_sim.drivers.nifgen.session import FgenSession
from device_sim.drivers.nifgen.signals import Floats
from device_sim.errors import (
    FUNCTION_NOT_SUPPORTED,
    INVALID_VALUE,
    READING_FILE_FAILED,
    DriverError,
    sizes_differ,
)

_FULL_SCALE = 32768.0

_ARB_WAVEFORMS = {
    "maximum_number_of_waveforms": "max_num_waveforms",
    "waveform_quantum": "waveform_quantum",
    "minimum_waveform_size": "min_waveform_size",
    "maximum_waveform_size": "max_waveform_size",
}
_ARB_SEQUENCES = {
    "maximum_number_of_sequences": "max_num_sequences",
    "minimum_sequence_length": "min_sequence_length",
    "maximum_sequence_length": "max_sequence_length",
    "maximum_loop_count": "max_loop_count",
}
_LISTS = {
    "maximum_number_of_freq_lists": "max_num_freq_lists",
    "minimum_frequency_list_length": "min_freq_list_length",
    "maximum_frequency_list_length": "max_freq_list_length",
    "minimum_frequency_list_duration": "min_freq_list_duration",
    "maximum_frequency_list_duration": "max_freq_list_duration",
    "frequency_list_duration_quantum": "freq_list_duration_quantum",
}


class MemoryCalls:
    """Serve waveforms, sequences, frequency lists and scripts."""

    # Capabilities.

    def query_arb_wfm_capabilities(self, session: FgenSession, request: Any, call: Call) -> Fields:
        """Return the limits of waveforms."""
        return _attributes(session, _ARB_WAVEFORMS)

    def query_arb_seq_capabilities(self, session: FgenSession, request: Any, call: Call) -> Fields:
        """Return the limits of sequences."""
        return _attributes(session, _ARB_SEQUENCES)

    def query_freq_list_capabilities(
        self, session: FgenSession, request: Any, call: Call
    ) -> Fields:
        """Return the limits of frequency lists."""
        return _attributes(session, _LISTS)

    # Waveforms.

    def create_waveform(self, session: FgenSession, request: Any, call: Call) -> Fields:
        """Store a waveform."""
        return _create(session, request, _samples(request, "waveform_data_array"))

    def create_waveform_from_file(self, session: FgenSession, request: Any, call: Call) -> Fields:
        """Store the waveform in a file of the server's disk: numbers without a header."""
        order = ">" if enum_value(request, "byte_order") == ByteOrder.BIG.value else "<"
        is_binary = request.DESCRIPTOR.name.endswith("I16Request")
        kind = np.dtype(f"{order}{'i2' if is_binary else 'f8'}")
        try:
            content = session.files.read(request.file_name, WAVEFORM)
        except OSError as error:
            raise DriverError(READING_FILE_FAILED, str(error)) from error
        if len(content) % kind.itemsize:
            raise DriverError(INVALID_VALUE, f"{request.file_name} ends within a sample.")
        values = np.frombuffer(content, kind).astype(np.float64)
        return _create(session, request, values / _FULL_SCALE if is_binary else values)

    def allocate_waveform(self, session: FgenSession, request: Any, call: Call) -> Fields:
        """Make room for a waveform with a handle or name."""
        channels, named = _channels(session, request), hasattr(request, "waveform_name")
        name = _name(request) if named else ""
        handle = session.memory.allocate(channels, request.waveform_size, name)
        return {} if named else {"waveform_handle": handle}

    def write_waveform(self, session: FgenSession, request: Any, call: Call) -> None:
        """Write samples of a waveform."""
        samples = _samples(request, "data")
        session.memory.write(_key(request), _channels(session, request), samples)

    def set_waveform_next_write_position(
        self, session: FgenSession, request: Any, call: Call
    ) -> None:
        """Set where the next samples of a waveform go to."""
        relative = enum_value(request, "relative_to") == RelativeTo.CURRENT.value
        channels = _channels(session, request)
        session.memory.seek(_key(request), channels, request.offset, relative=relative)

    def delete_named_waveform(self, session: FgenSession, request: Any, call: Call) -> None:
        """Remove a waveform by its name."""
        session.memory.delete(_name(request))

    def clear_arb_waveform(self, session: FgenSession, request: Any, call: Call) -> None:
        """Remove one waveform, or all."""
        session.memory.delete(enum_value(request, "waveform_handle"))

    def clear_arb_memory(self, session: FgenSession, request: Any, call: Call) -> None:
        """Remove waveforms, sequences and scripts."""
        session.memory.clear()

    def define_user_standard_waveform(self, session: FgenSession, request: Any, call: Call) -> None:
        """Store the user's own standard waveform."""
        samples = _samples(request, "waveform_data_array")
        check_samples(samples)
        if not len(samples):
            raise DriverError(INVALID_VALUE, "The waveform has no samples.")
        session.memory.user.update(dict.fromkeys(_channels(session, request), samples))

    def clear_user_standard_waveform(self, session: FgenSession, request: Any, call: Call) -> None:
        """Forget the user's own standard waveform."""
        for channel in _channels(session, request):
            session.memory.user.pop(channel, None)

    # Sequences.

    def create_arb_sequence(self, session: FgenSession, request: Any, call: Call) -> Fields:
        """Store a sequence of waveforms."""
        return {"sequence_handle": session.memory.add_sequence(_steps(request, (), ()))}

    def create_advanced_arb_sequence(
        self, session: FgenSession, request: Any, call: Call
    ) -> Fields:
        """Store a sequence of parts of waveforms, with markers."""
        markers = list(request.marker_location_array)
        steps = _steps(request, request.sample_counts_array, markers)
        handle = session.memory.add_sequence(steps)
        return {"sequence_handle": handle, "coerced_markers_array": markers}

    def clear_arb_sequence(self, session: FgenSession, request: Any, call: Call) -> None:
        """Remove one sequence, or all."""
        session.memory.sequences.clear(enum_value(request, "sequence_handle"))

    # Frequency lists.

    def create_freq_list(self, session: FgenSession, request: Any, call: Call) -> Fields:
        """Store a frequency list."""
        if len(request.frequency_array) != len(request.duration_array):
            raise sizes_differ("frequency_array", "duration_array")
        waveform = session.table["func_waveform"].check(enum_value(request, "waveform"))
        for frequency in request.frequency_array:
            for channel in session.attributes.channels:
                channel.coerce(session.table["func_frequency"], frequency)
        durations = tuple(request.duration_array)
        listed = FrequencyList(int(waveform), tuple(request.frequency_array), durations)
        handle = session.memory.add_list(listed)
        session.set("func_waveform", waveform)
        return {"frequency_list_handle": handle}

    def configure_freq_list(self, session: FgenSession, request: Any, call: Call) -> None:
        """Choose a frequency list."""
        listed = session.memory.lists.get(request.frequency_list_handle)
        channel = channel_name(request)
        session.set("func_amplitude", request.amplitude, channel)
        session.set("func_dc_offset", request.dc_offset, channel)
        session.set("func_start_phase", request.start_phase, channel)
        session.set("func_waveform", listed.waveform, channel)
        session.set("freq_list_handle", request.frequency_list_handle)

    def clear_freq_list(self, session: FgenSession, request: Any, call: Call) -> None:
        """Remove one frequency list, or all."""
        session.memory.lists.clear(enum_value(request, "frequency_list_handle"))

    # Scripts.

    def write_script(self, session: FgenSession, request: Any, call: Call) -> None:
        """Store the scripts in a text."""
        session.select(channel_name(request))
        session.memory.write_scripts(request.script)

    def delete_script(self, session: FgenSession, request: Any, call: Call) -> None:
        """Remove a script."""
        session.select(channel_name(request))
        session.memory.script(request.script_name)
        del session.memory.scripts[request.script_name]


class GenerationCalls:
    """Serve triggers and the state of the generation."""

    def get_hardware_state(self, session: FgenSession, request: Any, call: Call) -> Fields:
        """Return the state of the generation."""
        return {"state_raw": session.state}

    def is_done(self, session: FgenSession, request: Any, call: Call) -> Fields:
        """Return whether nothing is generated any more."""
        return {"done": session.is_done}

    def wait_until_done(self, session: FgenSession, request: Any, call: Call) -> None:
        """Wait for the end of the generation."""
        session.wait_until_done(request.max_time, call)

    def send_software_edge_trigger(self, session: FgenSession, request: Any, call: Call) -> None:
        """Send a trigger."""
        session.send_trigger(enum_value(request, "trigger"), request.trigger_id)

    def export_signal(self, session: FgenSession, request: Any, call: Call) -> None:
        """Put a signal onto a terminal, too."""
        signal = enum_value(request, "signal")
        session.export(signal, request.signal_identifier, request.output_terminal)

    def configure_software_edge_script_trigger(
        self, session: FgenSession, request: Any, call: Call
    ) -> None:
        """Let a script trigger come by software."""
        _set_type(session, request, ScriptTriggerType.SOFTWARE_EDGE)

    def disable_script_trigger(self, session: FgenSession, request: Any, call: Call) -> None:
        """Let a script trigger have no source."""
        _set_type(session, request, ScriptTriggerType.TRIG_NONE)

    def configure_digital_edge_script_trigger(
        self, session: FgenSession, request: Any, call: Call
    ) -> None:
        """Let a script trigger come from a terminal."""
        session.set("digital_edge_script_trigger_source", request.source, request.trigger_id)
        session.set("digital_edge_script_trigger_edge", request.edge, request.trigger_id)
        _set_type(session, request, ScriptTriggerType.DIGITAL_EDGE)

    def get_self_cal_last_date_and_time(
        self, session: FgenSession, request: Any, call: Call
    ) -> Fields:
        """Return the present, as NI's simulation."""
        now = datetime.datetime.now()
        names = ("year", "month", "day", "hour", "minute")
        return {name: getattr(now, name) for name in names}

    def get_ext_cal_last_date_and_time(
        self, session: FgenSession, request: Any, call: Call
    ) -> Fields:
        """Refuse, as NI's simulation."""
        raise DriverError(ERRORS.NOT_FOR_SIMULATED_DEVICES)

    def get_ext_cal_last_temp(self, session: FgenSession, request: Any, call: Call) -> Fields:
        """Refuse, as NI's simulation."""
        raise DriverError(FUNCTION_NOT_SUPPORTED)


def _attributes(session: FgenSession, names: dict[str, str]) -> Fields:
    indices = range(1)
    return {
        field: session.combine(session.table[attribute], indices)
        for field, attribute in names.items()
    }


def _channels(session: FgenSession, request: Any) -> list[int]:
    return session.select(channel_name(request))


def _samples(request: Any, field: str) -> Floats:
    """Return samples from -1 to 1, of doubles or of 16-bit numbers."""
    values = np.array(field_value(request, field), dtype=np.float64)
    return values / _FULL_SCALE if "16" in request.DESCRIPTOR.name else values


def _create(session: FgenSession, request: Any, samples: Floats) -> Fields:
    return {"waveform_handle": session.memory.create(_channels(session, request), samples)}


def _name(request: Any) -> str:
    name: str = request.waveform_name
    if not name.isidentifier():
        raise DriverError(INVALID_VALUE, f"Waveform name: {name!r}")
    return name


def _key(request: Any) -> Key:
    return _name(request) if hasattr(request, "waveform_name") else int(request.waveform_handle)


def _steps(request: Any, counts: Sequence[int], markers: Sequence[int]) -> list[Step]:
    handles, loops = request.waveform_handles_array, request.loop_counts_array
    if len(loops) not in (0, len(handles)):
        raise sizes_differ("waveform_handles_array", "loop_counts_array")
    for name, array in (("sample_counts_array", counts), ("marker_location_array", markers)):
        if len(array) not in (0, len(handles)):
            raise sizes_differ("waveform_handles_array", name)
    return [
        Step(
            waveform=handle,
            loops=loops[n] if loops else 1,
            length=counts[n] if counts else None,
            marker=markers[n] if markers else NO_MARKER,
        )
        for n, handle in enumerate(handles)
    ]


def _set_type(session: FgenSession, request: Any, kind: ScriptTriggerType) -> None:
    session.set("script_trigger_type", kind.value, request.trigger_id)


PHYSICS = Physics(FgenSession, (MemoryCalls(), GenerationCalls()))
