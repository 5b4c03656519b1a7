"""The patterns and waveforms in the memory of a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from device_sim.drivers.nidigital.errors import ERRORS
from device_sim.drivers.nidigital.files.digipat import PatternFile
from device_sim.drivers.nidigital.waveforms import CaptureWaveform, Samples, SourceWaveform
from device_sim.errors import INVALID_VALUE, DriverError

W = TypeVar("W", SourceWaveform, CaptureWaveform)


class DigitalMemory:
    """Patterns, source waveforms and capture waveforms, each by name."""

    def __init__(self) -> None:
        self.patterns: dict[str, PatternFile] = {}
        self.sources: dict[str, SourceWaveform] = {}
        self.captures: dict[str, CaptureWaveform] = {}

    def clear(self, *, with_keep_alive: bool = True) -> None:
        """Forget the waveforms, and the patterns; with or without the keep alive pattern."""
        self.sources.clear()
        self.captures.clear()
        for name, file in list(self.patterns.items()):
            if with_keep_alive or not file.pattern.is_keep_alive:
                del self.patterns[name]

    def find(self, label: str) -> tuple[PatternFile, int]:
        """Return the pattern in which a burst starts, and the first vector.

        Args:
            label: The name of a pattern, or a label that one exports.

        Raises:
            DriverError: There is none.
        """
        if label in self.patterns:
            return self.patterns[label], 0
        for file in self.patterns.values():
            if label in file.exported_labels:
                return file, file.pattern.labels[label]
        known = ", ".join(self.patterns) or "none"
        raise DriverError(INVALID_VALUE, f"Start label: {label}\nLoaded patterns: {known}")

    def name_of(self, index: int) -> str:
        """Return the name of the pattern with an index, counted from 0.

        Raises:
            DriverError: There is none.
        """
        if not 0 <= index < len(self.patterns):
            raise DriverError(INVALID_VALUE, f"Pattern index: {index}")
        return list(self.patterns)[index]

    def source(self, name: str) -> SourceWaveform:
        """Return a source waveform.

        Raises:
            DriverError: There is none with this name.
        """
        return _find(self.sources, name)

    def capture(self, name: str) -> CaptureWaveform:
        """Return a capture waveform; errors are those of `source`."""
        return _find(self.captures, name)

    def add_source(self, name: str, source: SourceWaveform, written: Mapping[int, Samples]) -> None:
        """Create a source waveform with these samples. It replaces one of the same name.

        Raises:
            DriverError: The name is empty.
        """
        self.sources[_checked(name)] = replace(source, written=dict(written))

    def add_capture(self, name: str, capture: CaptureWaveform) -> None:
        """Create a capture waveform; as `add_source`."""
        self.captures[_checked(name)] = capture

    def write(self, name: str, samples: dict[int, Samples]) -> None:
        """Write samples of a source waveform, by site.

        Raises:
            DriverError: There is no such waveform.
        """
        source = self.source(name)
        self.sources[name] = replace(source, written={**source.written, **samples})

    def check_sources(self, file: PatternFile, sites: list[int]) -> None:
        """Raise DriverError if a waveform that a pattern sources has no samples for a site."""
        for name in file.source_waveforms:
            source = self.sources.get(name)
            if source is None or not source.has_samples(sites):
                raise DriverError(
                    ERRORS.SOURCE_WAVEFORM_NOT_WRITTEN,
                    f"Pattern: {file.pattern.name}\nWaveform: {name}",
                )


def _checked(name: str) -> str:
    if not name.strip():
        raise DriverError(INVALID_VALUE, "The waveform has no name.")
    return name


def _find(waveforms: dict[str, W], name: str) -> W:
    if name not in waveforms:
        known = ", ".join(waveforms) or "none"
        raise DriverError(INVALID_VALUE, f"Waveform: {name}\nWaveforms: {known}")
    return waveforms[name]
