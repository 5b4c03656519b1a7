"""Runs `json-logger` with a disk on which writes of hang.ndjson never return."""

from __future__ import annotations

import threading
from pathlib import Path

from json_logger_server.cli import main
from json_logger_server.storage.log_file import SystemDisk

write = SystemDisk.write


def write_or_hang(disk: SystemDisk, handle: int, data: memoryview) -> int:
    if Path(f"/proc/self/fd/{handle}").readlink().name == "hang.ndjson":
        threading.Event().wait()
    return write(disk, handle, data)


SystemDisk.write = write_or_hang  # type: ignore[method-assign]
main(prog_name="json-logger")
