"""Define the names by which servers and clients find each other in discovery."""

from __future__ import annotations

from dataclasses import dataclass

STATE_FILE_ANNOTATION = "session-sharing/state-file"
"""Annotation of a registration: path of the server's state file, which shows who owns it."""


@dataclass(frozen=True, slots=True)
class DiscoveryName:
    """Name of a service in discovery."""

    interface: str
    """Provided interface, such as ``ni.logger.v1.json``."""
    service_class: str
    """Service class, such as ``ni.logger.JSONLogService``."""
    display_name: str = ""
    description_url: str = ""
    version: str = ""


def first_line(error: BaseException) -> str:
    """Return the first line of an error that NI's client raised."""
    details = getattr(error, "details", None)
    text = str(details() if callable(details) else error)
    return text.splitlines()[0] if text else type(error).__name__
