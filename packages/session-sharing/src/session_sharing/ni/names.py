"""What servers and clients agree on in discovery."""

from __future__ import annotations

from dataclasses import dataclass

STATE_FILE_ANNOTATION = "session-sharing/state-file"
"""Annotation of a registration: path of the server's state file, which proves whose it is."""


@dataclass(frozen=True, slots=True)
class DiscoveryName:
    """What a service is called in discovery."""

    interface: str
    """Provided interface, such as ``ni.logger.v1.json``."""
    service_class: str
    """Service class, such as ``ni.logger.JSONLogService``."""
    display_name: str = ""
    description_url: str = ""
    version: str = ""


def first_line(error: BaseException) -> str:
    """Say in one line what NI's client raised."""
    details = getattr(error, "details", None)
    text = str(details() if callable(details) else error)
    return text.splitlines()[0] if text else type(error).__name__
