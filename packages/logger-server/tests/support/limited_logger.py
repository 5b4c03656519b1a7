"""Run `json-logger` under a limit of the system: `limited_logger.py NOFILE=80 serve …`."""

from __future__ import annotations

import resource
import sys

from json_logger_server.cli import main

name, _, value = sys.argv.pop(1).partition("=")
kind = getattr(resource, f"RLIMIT_{name}")
hard = int(value) if name == "NOFILE" else resource.getrlimit(kind)[1]
resource.setrlimit(kind, (int(value), hard))
main(prog_name="json-logger")
