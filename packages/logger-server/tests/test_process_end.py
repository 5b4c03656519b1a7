"""A program that ends without closing its log loses no record, or reports how many."""

from __future__ import annotations

import subprocess
import sys

import pytest
from logger_process import LoggerProcess, records_in

PROGRAM = """
import atexit, os, sys
from json_logger_client import ConnectOptions, JsonLoggerClient
connect = ConnectOptions.from_state_file(sys.argv[1])
log = JsonLoggerClient("exit.ndjson", connection=connect)
stream = log.stream()
for i in range(500):
    stream.log("m", {}, {"i": i})
"""
ENDS = {
    "the last line": "",
    "sys.exit": "sys.exit(0)",
    "an exception": "raise RuntimeError",
    "a handler of its own that closes": "atexit.register(lambda: (stream.close(), log.detach()))",
    "a handler of its own that logs": "atexit.register(lambda: log.log_data('bye', {}, {}))",
    "a stream that was let go": "del stream",
}


@pytest.mark.parametrize("end", ENDS)
def test_the_records_of_a_stream_are_sent_when_the_program_ends(
    own_logger: LoggerProcess, end: str
) -> None:
    command = [sys.executable, "-c", PROGRAM + ENDS[end], str(own_logger.state_file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    names = [r["measurement_name"] for r in records_in(own_logger.folder / "exit.ndjson")]
    assert names.count("m") == 500, ended.stderr
    assert names.count("bye") == ("logs" in end)
    assert "The process ended" not in ended.stderr


def test_records_that_cannot_be_sent_at_the_end_are_counted(own_logger: LoggerProcess) -> None:
    end = f"os.kill({own_logger.pid}, 9); stream.log('m', {{}}, {{'i': 500}})"
    command = [sys.executable, "-c", PROGRAM + "stream.flush()\n" + end]
    ended = subprocess.run(
        [*command, str(own_logger.state_file)], capture_output=True, text=True, timeout=60
    )
    assert "The process ended before 1 record of exit.ndjson could be written" in ended.stderr
    assert "Traceback" not in ended.stderr
