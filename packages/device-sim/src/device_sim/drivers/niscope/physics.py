"""The calls of NI-SCOPE with a meaning: decode, call the session, encode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from niscope.enums import AcquisitionStatus

from device_sim.base.driver import Physics
from device_sim.base.packing import pack_doubles, pack_integers
from device_sim.base.wire import Fields, enum_value, field_value
from device_sim.call import Call
from device_sim.drivers.niscope.acquisition import Volts
from device_sim.drivers.niscope.models import ScopeModel
from device_sim.drivers.niscope.session import MOST_SAMPLES, Excerpt, ScopeSession
from device_sim.errors import INVALID_VALUE, DriverError

_BYTE = 8  # Bits of the samples of FetchBinary8.


class AcquisitionCalls:
    """Serve the acquisitions of NI-SCOPE sessions."""

    def auto_setup(self, session: ScopeSession, request: Any, call: Call) -> None:
        """Choose the configuration by the signals."""
        session.set_up()

    def send_software_trigger_edge(self, session: ScopeSession, request: Any, call: Call) -> None:
        """Send a trigger."""
        session.send_trigger(enum_value(request, "which_trigger"))

    def export_signal(self, session: ScopeSession, request: Any, call: Call) -> None:
        """Put a signal onto a terminal, too."""
        terminal = field_value(request, "output_terminal")
        if isinstance(terminal, int):  # as an enum, whose names have NI's text after VAL_
            values = request.DESCRIPTOR.fields_by_name["output_terminal_mapped"].enum_type
            terminal = f"VAL_{values.values_by_number[terminal].name.partition('_VAL_')[2]}"
        session.export(enum_value(request, "signal"), terminal)

    def acquisition_status(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Return whether an acquisition is in progress."""
        if session.activity is not None:
            session.activity.check()
        status = (
            AcquisitionStatus.COMPLETE if session.is_complete else AcquisitionStatus.IN_PROGRESS
        )
        return {"acquisition_status_raw": status.value}

    def actual_record_length(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Return the number of samples in a record."""
        return {"record_length": session.configuration.length}

    def sample_rate(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Return the rate in samples per second."""
        return {"sample_rate": session.configuration.rate}

    def actual_num_wfms(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Return the number of waveforms that a fetch returns."""
        records = int(session.number("_fetch_num_records"))
        if records < 0:
            records = int(session.number("horz_num_records"))
        return {"num_wfms": records * len(session.select_enabled(request.channel_list))}


class FetchCalls:
    """Serve the fetches of NI-SCOPE sessions."""

    def read(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Acquire and return volts."""
        session.initiate()
        return self.fetch(session, request, call)

    def fetch(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Return volts."""
        excerpts = _fetch(session, request, call)
        return {
            "waveform": pack_doubles(_in_rows([e.volts for e in excerpts], request.num_samples)),
            "wfm_info": [_info(each, session.model.bits) for each in excerpts],
        }

    def fetch_binary8(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Return codes of eight bits."""
        codes, infos = _codes(session, request, call, min(session.model.bits, _BYTE))
        return {"waveform": codes.astype(np.int8).tobytes(), "wfm_info": infos}

    def fetch_binary16(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Return the codes of the converter."""
        codes, infos = _codes(session, request, call, session.model.bits)
        return {"waveform": pack_integers(codes), "wfm_info": infos}

    fetch_binary32 = fetch_binary16

    def get_scaling_coefficients(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Return the volts of each code, for each channel."""
        steps = [
            session.model.step(session.number("vertical_range", index))
            for index in session.select(request.channel_list)
        ]
        return _coefficients(steps)

    def get_normalization_coefficients(
        self, session: ScopeSession, request: Any, call: Call
    ) -> Fields:
        """Return coefficients without effect, for each channel: codes need no correction."""
        return _coefficients([1.0] * len(session.select(request.channel_list)))


class MeasureCalls:
    """Serve the measurements of NI-SCOPE sessions."""

    def add_waveform_processing(self, session: ScopeSession, request: Any, call: Call) -> None:
        """Add a step before all measurements."""
        function = enum_value(request, "meas_function")
        session.results.add_processing(session.select(request.channel_list), function)

    def clear_waveform_processing(self, session: ScopeSession, request: Any, call: Call) -> None:
        """Remove all steps."""
        session.results.clear_processing(session.select(request.channel_list))

    def clear_waveform_measurement_stats(
        self, session: ScopeSession, request: Any, call: Call
    ) -> None:
        """Clear statistics."""
        function = enum_value(request, "clearable_measurement_function")
        session.results.clear_statistics(session.select(request.channel_list), function)

    def actual_meas_wfm_size(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Return the number of values of an array measurement."""
        function = enum_value(request, "array_meas_function")
        return {"meas_waveform_size": session.results.size(function)}

    def fetch_measurement_stats(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Return a scalar measurement of each record, with its statistics."""
        function = enum_value(request, "scalar_meas_function")
        chosen = session.select_enabled(request.channel_list)
        found = session.results.scalars(chosen, function, request.timeout, call)
        return {
            "result": [each.result for each in found],
            "mean": [each.mean for each in found],
            "stdev": [each.deviation for each in found],
            "min": [each.least for each in found],
            "max": [each.most for each in found],
            "num_in_stats": [each.count for each in found],
        }

    def fetch_measurement(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Return a scalar measurement of each record."""
        return {"result": self.fetch_measurement_stats(session, request, call)["result"]}

    def read_measurement(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Acquire, and return a scalar measurement of each record."""
        session.initiate()
        return self.fetch_measurement(session, request, call)

    def fetch_array_measurement(self, session: ScopeSession, request: Any, call: Call) -> Fields:
        """Return an array measurement of each record."""
        function = enum_value(request, "array_meas_function")
        has_size = request.HasField("meas_wfm_size") and request.meas_wfm_size >= 0
        longest = request.meas_wfm_size if has_size else MOST_SAMPLES
        chosen = session.select_enabled(request.channel_list)
        found = session.results.arrays(chosen, function, request.timeout, call)
        values = [wave.values[:longest] for _, wave in found]
        width = longest if has_size else max(map(len, values), default=0)
        infos = [
            {
                **_info(excerpt, session.model.bits),
                "relative_initial_x": wave.begin,
                "x_increment": 1.0 / wave.rate,
                "actual_samples": len(part),
            }
            for (excerpt, wave), part in zip(found, values, strict=True)
        ]
        return {"meas_wfm": pack_doubles(_in_rows(values, width)), "wfm_info": infos}


def _fetch(session: ScopeSession, request: Any, call: Call) -> list[Excerpt]:
    chosen = session.select_enabled(request.channel_list)
    return session.fetch(chosen, request.num_samples, request.timeout, call)


def _in_rows(waveforms: Sequence[Volts], width: int) -> Volts:
    """Return waveforms one after the other, each with the same number of values.

    Args:
        waveforms: The waveforms.
        width: The number; negative for that of the longest waveform. What is missing is 0.
    """
    width = max(map(len, waveforms), default=0) if width < 0 else width
    if width * len(waveforms) > MOST_SAMPLES:
        raise DriverError(INVALID_VALUE, f"Fetch up to {MOST_SAMPLES} samples, not {width}.")
    if all(len(waveform) == width for waveform in waveforms):
        return np.concatenate(waveforms) if len(waveforms) != 1 else waveforms[0]
    rows = np.zeros((len(waveforms), width))
    for row, waveform in zip(rows, waveforms, strict=True):
        row[: len(waveform)] = waveform
    return rows.ravel()


def _codes(
    session: ScopeSession, request: Any, call: Call, bits: int
) -> tuple[Volts, list[dict[str, Any]]]:
    """Return the samples as codes of the converter, and how to make volts of them."""
    excerpts = _fetch(session, request, call)
    infos = [_info(each, bits) for each in excerpts]
    largest = 2 ** (bits - 1)
    codes = [
        np.clip(np.rint((e.volts - info["offset"]) / info["gain"]), -largest, largest - 1)
        for e, info in zip(excerpts, infos, strict=True)
    ]
    return _in_rows(codes, request.num_samples), infos


def _info(excerpt: Excerpt, bits: int) -> dict[str, Any]:
    """Return when a waveform was taken, and the volts of its codes."""
    return {
        "absolute_initial_x": excerpt.at,
        "relative_initial_x": excerpt.since_trigger,
        "x_increment": 1.0 / excerpt.rate,
        "actual_samples": len(excerpt.volts),
        "offset": excerpt.scale.offset,
        "gain": excerpt.scale.range / float(2**bits),
    }


def _coefficients(gains: Sequence[float]) -> Fields:
    return {
        "coefficient_info": [{"offset": 0.0, "gain": gain} for gain in gains],
        "number_of_coefficient_sets": len(gains),
    }


PHYSICS = Physics(ScopeSession, (AcquisitionCalls(), FetchCalls(), MeasureCalls()), ScopeModel)
