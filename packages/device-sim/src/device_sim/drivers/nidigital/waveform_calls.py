"""Serve source and capture waveforms."""

from __future__ import annotations

from typing import Any

import numpy as np
from nidigital.enums import BitOrder, SourceDataMapping

from device_sim.base.wire import Fields, enum_value
from device_sim.call import Call
from device_sim.drivers.nidigital.files import kinds
from device_sim.drivers.nidigital.files.waveforms import read_capture, read_source
from device_sim.drivers.nidigital.requests import read
from device_sim.drivers.nidigital.session import DigitalSession
from device_sim.drivers.nidigital.waveforms import (
    ALL_SITES,
    CaptureWaveform,
    Samples,
    SourceWaveform,
)
from device_sim.errors import INVALID_VALUE, DriverError, sizes_differ

_WIDEST = 32
_MOST_SAMPLES = 2**24


class WaveformCalls:
    """Serve the calls about waveforms."""

    # Source waveforms.

    def create_source_waveform_parallel(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Create a waveform with a bit for each pin."""
        _create_source(session, request)

    def create_source_waveform_serial(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Create a waveform whose bits one pin drives one after the other."""
        _create_source(session, request)

    def create_source_waveform_from_file_tdms(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Create a waveform as a file says, with or without its samples."""
        source = _read_source(session, request)
        written = source.written if request.write_waveform_data else {}
        session.memory.add_source(request.waveform_name, source, written)

    def write_source_waveform_data_from_file_tdms(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Write the samples in a file."""
        session.memory.write(request.waveform_name, dict(_read_source(session, request).written))

    def write_source_waveform_broadcast(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Write the same samples for all sites."""
        samples = np.array(request.waveform_data, dtype=np.uint32)
        session.memory.write(request.waveform_name, {ALL_SITES: samples})

    def write_source_waveform_site_unique(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Write the samples of each site."""
        sites = session.require_pin_map().select_sites(request.site_list)
        count, length = request.num_waveforms, request.samples_per_waveform
        if count != len(sites) or count * length != len(request.waveform_data):
            raise sizes_differ("site_list", "waveform_data")
        samples: Samples = np.array(request.waveform_data, dtype=np.uint32)
        rows = samples.reshape(count, length)
        session.memory.write(request.waveform_name, dict(zip(sites, rows, strict=True)))

    # Capture waveforms.

    def create_capture_waveform_parallel(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Create a waveform with a bit for each pin."""
        session.places(request.pin_list)
        session.memory.add_capture(request.waveform_name, CaptureWaveform(request.pin_list))

    def create_capture_waveform_serial(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Create a waveform whose bits come from one pin one after the other."""
        session.places(request.pin_list)
        waveform = CaptureWaveform(request.pin_list, _width(request), _is_msb_first(request))
        session.memory.add_capture(request.waveform_name, waveform)

    def create_capture_waveform_from_file_digicapture(
        self, session: DigitalSession, request: Any, call: Call
    ) -> None:
        """Create a waveform as a file says."""
        content = read(session, request.waveform_file_path, kinds.CAPTURE_WAVEFORM)
        waveform = read_capture(content, request.waveform_name)
        session.places(waveform.pins)
        session.memory.add_capture(request.waveform_name, waveform)

    def fetch_capture_waveform(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return captured samples: zeros, as NI's simulation."""
        session.memory.capture(request.waveform_name)
        sites = session.results_of(session.pins.select_sites(request.site_list))
        length = max(request.samples_to_read, 0)  # -1: all that are there
        if length * len(sites) > _MOST_SAMPLES:
            raise DriverError(INVALID_VALUE, f"Samples to read: {length}")
        return {
            "data": bytes(length * len(sites)),
            "actual_num_waveforms": len(sites),
            "actual_samples_per_waveform": length,
        }


def _create_source(session: DigitalSession, request: Any) -> None:
    session.places(request.pin_list)
    mapping = enum_value(request, "data_mapping")
    if mapping not in [each.value for each in SourceDataMapping]:
        raise DriverError(INVALID_VALUE, f"Data mapping: {mapping}")
    is_serial = hasattr(request, "sample_width")
    source = SourceWaveform(
        request.pin_list,
        mapping == SourceDataMapping.BROADCAST.value,
        _width(request) if is_serial else 0,
        _is_msb_first(request) if is_serial else True,
    )
    session.memory.add_source(request.waveform_name, source, {})


def _read_source(session: DigitalSession, request: Any) -> SourceWaveform:
    content = read(session, request.waveform_file_path, kinds.SOURCE_WAVEFORM)
    source = read_source(content, request.waveform_name)
    session.places(source.pins)
    return source


def _width(request: Any) -> int:
    width: int = request.sample_width
    if not 1 <= width <= _WIDEST:
        raise DriverError(INVALID_VALUE, f"Sample width: {width}")
    return width


def _is_msb_first(request: Any) -> bool:
    order = enum_value(request, "bit_order")
    if order not in [each.value for each in BitOrder]:
        raise DriverError(INVALID_VALUE, f"Bit order: {order}")
    return bool(order == BitOrder.MSB.value)
