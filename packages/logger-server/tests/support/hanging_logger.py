"""Run `json-logger` with a disk that hangs for ever when hang.ndjson is written or opened again."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from json_logger_server.cli import main
from json_logger_server.storage.disk import SystemDisk
from json_logger_server.storage.log_file import LogFile

HANGING = "hang.ndjson"
write, open_again = SystemDisk.write, LogFile.open_again


def write_or_hang(disk: SystemDisk, handle: int, data: memoryview) -> int:
    if Path(HANGING).exists() and os.path.samestat(os.fstat(handle), Path(HANGING).stat()):
        threading.Event().wait()
    return write(disk, handle, data)


def open_again_or_hang(file: LogFile) -> int:
    if file.path.name == HANGING:
        threading.Event().wait()
    return open_again(file)


SystemDisk.write = write_or_hang  # type: ignore[method-assign]
LogFile.open_again = open_again_or_hang  # type: ignore[method-assign]
main(prog_name="json-logger")
