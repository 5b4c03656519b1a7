"""Define the errors of a store that every program can get."""

from __future__ import annotations

from session_sharing import SessionSharingError


class StoreError(SessionSharingError):
    """Root of the errors of a store."""


class StoreAwayError(StoreError):
    """The store cannot be used now: it does not answer, is full, or does not let this role in."""


class StoreVersionError(StoreError):
    """The store and this program do not fit together."""
