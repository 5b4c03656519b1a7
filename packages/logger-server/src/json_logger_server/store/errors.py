"""Define the errors of a store. No caller of the logger sees them: they wait for the file only."""

from __future__ import annotations

from json_logger_proto.store import StoreError


class LogRefusedError(StoreError):
    """The store and the file contradict each other, or the log belongs to another role."""


class LogMovedError(StoreError):
    """The log is not where it was: another program has copied records of it, or it was rotated."""


class LineRefusedError(StoreError):
    """The store refuses a line, now and at every later try."""
