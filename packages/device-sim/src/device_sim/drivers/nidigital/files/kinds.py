"""The kinds of files that clients of NI-Digital name."""

from __future__ import annotations

from device_sim.base.files import FileKind

PIN_MAP = FileKind("a pin map", (".pinmap",))
SPECIFICATIONS = FileKind("a specifications file", (".specs",))
LEVELS = FileKind("a levels sheet", (".digilevels",))
TIMING = FileKind("a timing sheet", (".digitiming",))
PATTERN = FileKind("a compiled pattern", (".digipat",))
SOURCE_WAVEFORM = FileKind("a source waveform", (".tdms",))
CAPTURE_WAVEFORM = FileKind("a capture waveform", (".digicapture",))
