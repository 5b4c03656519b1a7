"""Define the errors of a store. No caller of the logger sees them: they wait for the file only."""

from __future__ import annotations

from session_sharing import SessionSharingError


class StoreError(SessionSharingError):
    """Root of the errors of a store."""


class StoreAwayError(StoreError):
    """The store cannot be used now: it does not answer, is full, or does not let this role in."""


class StoreVersionError(StoreError):
    """The store and this program do not fit together."""


class LogRefusedError(StoreError):
    """The store and the file contradict each other, or the log belongs to another role."""


class LogMovedError(StoreError):
    """The log is not where it was: another program has copied records of it, or it was rotated."""


class LineRefusedError(StoreError):
    """The store refuses a line, now and at every later try."""
