"""The errors of reading records."""

from __future__ import annotations

from session_sharing import NotAResourceError, ResourceLostError


class DamagedLogError(NotAResourceError):
    """A line of a log is not a record. `json-logger verify` says more about the log."""


class DamagedWaveformError(ResourceLostError):
    """The samples of a waveform are missing, or are not those that were written."""
