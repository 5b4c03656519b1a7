"""Open a log, print `open`, and wait to be killed: `logging_client.py STATE_FILE FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

from json_logger_client import ConnectOptions, JsonLoggerClient

state_file, file = sys.argv[1:3]
log = JsonLoggerClient(file, connection=ConnectOptions.from_state_file(Path(state_file)))
print("open", flush=True)
sys.stdin.read()
