"""What servers and clients agree on in discovery."""

from __future__ import annotations

from dataclasses import dataclass

TOKEN_FILE_ANNOTATION = "session-sharing/token-file"  # noqa: S105 - names a file, is no secret
"""Annotation of a registration: path of the file that holds the server's token."""


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
