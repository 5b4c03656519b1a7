"""What the calls of NI-Digital share: files, and the indices of pins."""

from __future__ import annotations

from device_sim.base.files import FileKind
from device_sim.drivers.nidigital.session import DigitalSession
from device_sim.errors import READING_FILE_FAILED, DriverError


def read(session: DigitalSession, path: str, kind: FileKind) -> bytes:
    """Return the content of a file of the server's disk.

    Raises:
        DriverError: It cannot be read, or clients have no access to it.
    """
    try:
        return session.files.read(path, kind)
    except OSError as error:
        raise DriverError(READING_FILE_FAILED, str(error)) from error
