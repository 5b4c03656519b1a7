"""Log one record with the installed client; the state file names the server."""

import sys
from importlib.metadata import version
from pathlib import Path

from json_logger_client import ConnectOptions, JsonLoggerClient

options = ConnectOptions.from_state_file(Path(sys.argv[1]))
with JsonLoggerClient("smoke.ndjson", connection=options) as log:
    seq = log.log_data("smoke", {"python": sys.version_info[:2]}, {"values": [1.5, 2.5]})
versions = ", ".join(f"{name} {version(name)}" for name in ("protobuf", "grpcio"))
print(f"Python {sys.version.split()[0]}, {versions}: record {seq} is in the log")  # noqa: T201
