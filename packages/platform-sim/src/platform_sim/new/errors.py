"""The errors of `platform-sim new`."""

from __future__ import annotations

from platform_sim.errors import PlatformSimError


class NewProjectError(PlatformSimError):
    """A project cannot be made: an answer is wrong, or a file cannot be written."""
