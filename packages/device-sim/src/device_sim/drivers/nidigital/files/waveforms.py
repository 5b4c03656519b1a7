"""Read source waveforms (`.tdms`) and the settings of capture waveforms (`.digicapture`)."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

import nptdms
import numpy as np

from device_sim.drivers.nidigital.waveforms import (
    ALL_SITES,
    CaptureWaveform,
    Samples,
    SourceWaveform,
)
from device_sim.errors import INVALID_VALUE, READING_FILE_FAILED, DriverError

_PREFIX = "NI_DigiPat_"
_SITE = re.compile(r"site(\d{1,9})", re.IGNORECASE)


def read_source(content: bytes, name: str) -> SourceWaveform:
    """Return a source waveform of a file, with its samples.

    Args:
        content: The content of the file.
        name: The waveform; may be empty if the file has only one.

    Raises:
        DriverError: The file has an error, or no such waveform.
    """
    group = _group(content, name)
    settings = _settings(group)
    is_broadcast = settings["DataMapping"] == "Broadcast"
    samples = {_site(channel.name): _samples(channel) for channel in group.channels()}
    if is_broadcast:
        samples = {ALL_SITES: next(iter(samples.values()))} if samples else {}
    return SourceWaveform(
        settings["PinItems"],
        is_broadcast,
        _width(settings),
        settings["BitOrder"] == "MSB",
        samples,
    )


def read_capture(content: bytes, name: str) -> CaptureWaveform:
    """Return a capture waveform of a file. Arguments and errors are those of `read_source`."""
    settings = _settings(_group(content, name))
    return CaptureWaveform(settings["PinItems"], _width(settings), settings["BitOrder"] == "MSB")


def _group(content: bytes, name: str) -> Any:
    try:
        groups = nptdms.TdmsFile.read(io.BytesIO(content)).groups()
    except Exception as error:  # npTDMS raises whatever a wrong byte leads to.
        raise DriverError(READING_FILE_FAILED, f"The file is not TDMS: {error!r}.") from error
    found = [group for group in groups if group.name == name or (not name and len(groups) == 1)]
    if not found:
        known = ", ".join(group.name for group in groups) or "none"
        raise DriverError(INVALID_VALUE, f"Waveform: {name}\nWaveforms in the file: {known}")
    return found[0]


def _settings(group: Any) -> dict[str, str]:
    """Return the settings of a waveform, with NI's names for them."""
    given = {name: str(value) for name, value in group.properties.items()}
    defaults = {"PinItems": "", "BitOrder": "MSB", "DataMapping": "Broadcast"}
    own = {name.removeprefix(_PREFIX): value for name, value in given.items()}
    return defaults | own


def _width(settings: Mapping[str, str]) -> int:
    """Return the bits of a serial sample, 0 for a parallel waveform."""
    width = settings.get("SampleWidth", "1")
    if settings.get("WaveformMode") != "Serial":
        return 0
    if not (width.isascii() and width.isdecimal() and 1 <= int(width[:9]) <= 32):
        raise DriverError(READING_FILE_FAILED, f"A sample cannot have {width} bits.")
    return int(width)


def _site(name: str) -> int:
    found = _SITE.fullmatch(name)
    if not found:
        raise DriverError(READING_FILE_FAILED, f"{name} is not the name of a site.")
    return int(found[1])


def _samples(channel: Any) -> Samples:
    try:
        return np.asarray(channel[:]).astype(np.uint32)
    except Exception as error:
        raise DriverError(READING_FILE_FAILED, f"{channel.name} has no samples.") from error
