"""Runs `json-logger`; once the file `armed` is there, kills it before the nth call that names a file.

Python tells of such calls before they are made (audit events).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from json_logger_server.cli import main

EVENTS = ("open", "os.link", "os.rename", "os.remove", "os.truncate", "os.scandir")

folder = os.getcwd()
left = int(sys.argv.pop(1))


def kill(event: str, arguments: tuple[object, ...]) -> None:
    global left
    if event in EVENTS and os.access(f"{folder}/armed", os.F_OK):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(kill)
main(prog_name=Path(sys.argv[0]).name)
