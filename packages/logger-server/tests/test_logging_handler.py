"""A program's `logging` writes to a shared log, and never waits for the server."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from capabilities import needs_fork
from json_logger_client import ConnectOptions, JsonLoggerHandler
from logger_process import LoggerProcess, records_in
from processes import eventually

FORKS = {"GRPC_ENABLE_FORK_SUPPORT": "1"}
HEAD = """
import logging, os, sys
from json_logger_client import ConnectOptions, JsonLoggerHandler

handler = JsonLoggerHandler("app.ndjson", connection=ConnectOptions.from_state_file(sys.argv[1]))
log = logging.getLogger("app")
log.addHandler(handler)
log.setLevel(logging.INFO)
"""
NO_SERVER = ConnectOptions("ipv4:127.0.0.1:9", timeout=10.0)
"""Nothing listens at the discard port of this host."""


@contextmanager
def logging_to(handler: JsonLoggerHandler, name: str) -> Iterator[logging.Logger]:
    """Add a handler to a logger during the block; close the handler at the end."""
    log = logging.getLogger(name)
    log.setLevel(logging.DEBUG)
    log.propagate = False  # pytest-xdist cannot report a captured text with a lone surrogate
    log.addHandler(handler)
    try:
        yield log
    finally:
        log.removeHandler(handler)
        handler.close()


def app_records(logger: LoggerProcess) -> list[dict[str, Any]]:
    return records_in(logger.folder / "app.ndjson")


def messages_in(folder: Path) -> list[str]:
    return [r["measurement_outputs"]["message"] for r in records_in(folder / "app.ndjson")]


def run(
    logger: LoggerProcess, program: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program that logs by `logging`; return how it ended."""
    return subprocess.run(
        [sys.executable, "-c", HEAD + program, str(logger.state_file)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_a_log_record_becomes_a_record_with_its_level_extra_fields_and_exception(
    own_logger: LoggerProcess,
) -> None:
    handler = JsonLoggerHandler("app.ndjson", connection=own_logger.connect())
    with logging_to(handler, "bench.power") as log:
        log.warning("%s is hot", "U1", extra={"temperature": 81.5, "pins": ["A", "B"], "level": 2})
        try:
            raise ValueError("broken")
        except ValueError:
            log.exception("failed")
    first, second = app_records(own_logger)
    assert first["measurement_name"] == "bench.power"
    assert first["measurement_outputs"] == {
        "level": "WARNING",
        "message": "U1 is hot",
        "temperature": 81.5,
        "pins": ["A", "B"],
        "extra_level": 2,
    }
    source = first["measurement_configurations"]
    assert source["logger"] == "bench.power"
    assert source["file"] == __file__
    assert source["process"] == os.getpid()
    assert second["measurement_outputs"]["level"] == "ERROR"
    assert second["measurement_outputs"]["exception"].endswith("ValueError: broken")


def test_a_value_that_json_does_not_have_is_written_as_text_of_that_moment(
    own_logger: LoggerProcess,
) -> None:
    handler = JsonLoggerHandler(
        "app.ndjson", connection=own_logger.connect(), measurement_name="events"
    )
    changing = [1]
    with logging_to(handler, "bench.odd") as log:
        log.info("a lone surrogate: \udc80", extra={"one": object, "\udcff": 1, "list": changing})
        changing.append(2)
        log.info("NaN and nothing", extra={"nan": float("nan"), "none": None})
    first, second = app_records(own_logger)
    assert first["measurement_name"] == "events"
    assert first["measurement_outputs"]["message"] == "a lone surrogate: \\udc80"
    assert first["measurement_outputs"]["one"] == "<class 'object'>"
    assert first["measurement_outputs"]["\\udcff"] == 1
    assert first["measurement_outputs"]["list"] == [1]
    assert second["measurement_outputs"]["nan"] == "NaN"
    assert second["measurement_outputs"]["none"] is None


def test_without_a_server_no_call_waits_and_standard_error_tells_what_was_dropped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler = JsonLoggerHandler(
        "app.ndjson", connection=NO_SERVER, max_waiting_bytes=20_000, flush_timeout=0.2
    )
    with logging_to(handler, "bench.lonely") as log:
        slowest = 0.0
        for number in range(200):
            began = time.perf_counter()
            log.info("number %d", number)
            slowest = max(slowest, time.perf_counter() - began)
        assert handler.dropped > 100
        assert handler.waiting + handler.dropped == 200
        assert slowest < 5  # the client itself waits twice as long
    assert "200 log records were not written to app.ndjson" in capsys.readouterr().err


def test_the_log_says_how_many_records_were_dropped_while_the_server_was_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = JsonLoggerHandler(
        "app.ndjson", connection=ConnectOptions(timeout=1.0), max_waiting_bytes=10_000
    )
    with logging_to(handler, "bench.away") as log:
        for number in range(100):
            log.info("number %d", number)
        kept = handler.waiting
        assert 0 < kept < 100
        with LoggerProcess(tmp_path) as process:
            let_clients_find(process, monkeypatch)
            eventually(lambda: handler.waiting == 0, within=60)
            log.info("the last")
            handler.close()
    records = [record["measurement_outputs"] for record in records_in(tmp_path / "app.ndjson")]
    assert [r["message"] for r in records[:kept]] == [f"number {n}" for n in range(kept)]
    assert [r["dropped"] for r in records if "dropped" in r] == [100 - kept]
    assert records[-1]["message"] == "the last"


def let_clients_find(process: LoggerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSON_LOGGER_TARGET", process.target)
    monkeypatch.setenv("JSON_LOGGER_TOKEN_FILE", process.state["token_file"])


def test_logging_continues_after_a_restart_of_the_server_at_another_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = JsonLoggerHandler("app.ndjson", connection=ConnectOptions(timeout=1.0))
    with logging_to(handler, "bench.moving") as log:
        for run in range(3):
            with LoggerProcess(tmp_path) as process:
                let_clients_find(process, monkeypatch)
                log.info("in run %d", run)
                eventually(lambda: handler.waiting == 0, within=60)
                process.kill()
            if run < 2:
                log.info("after run %d", run)
    expected = ["in run 0", "after run 0", "in run 1", "after run 1", "in run 2"]
    assert messages_in(tmp_path) == expected


def test_logging_continues_in_a_new_session_after_somebody_closed_the_log(
    own_logger: LoggerProcess,
) -> None:
    handler = JsonLoggerHandler("app.ndjson", connection=own_logger.connect())
    with logging_to(handler, "bench.closed") as log:
        log.info("before")
        handler.flush()
        own_logger.client("app.ndjson").close()
        log.info("after")
        eventually(lambda: handler.waiting == 0, within=60)
    assert messages_in(own_logger.folder) == ["before", "after"]


def test_the_messages_of_the_client_itself_are_not_logged_again(own_logger: LoggerProcess) -> None:
    handler = JsonLoggerHandler("app.ndjson", connection=own_logger.connect())
    with logging_to(handler, "session_sharing") as log:
        log.warning("about the writing")
        assert handler.waiting == 0
    assert not (own_logger.folder / "app.ndjson").exists()


def test_the_end_of_the_program_writes_the_remaining_log_records(own_logger: LoggerProcess) -> None:
    ended = run(own_logger, "for number in range(500): log.info('number %d', number)")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert messages_in(own_logger.folder) == [f"number {number}" for number in range(500)]


def test_the_end_of_the_program_without_a_server_tells_what_was_lost(
    own_logger: LoggerProcess,
) -> None:
    ended = run(
        own_logger,
        """
log.removeHandler(handler)
log.addHandler(JsonLoggerHandler("app.ndjson", connection=ConnectOptions("ipv4:127.0.0.1:9")))
log.info("one")
log.info("two")
""",
    )
    assert ended.returncode == 0
    assert "2 log records were not written to app.ndjson" in ended.stderr


@needs_fork
def test_a_forked_child_process_logs_by_itself_and_writes_nothing_twice(
    own_logger: LoggerProcess,
) -> None:
    ended = run(
        own_logger,
        """
import multiprocessing

def work(number):
    log.info("child %d", number)

log.info("parent before")
handler.flush()
log.info("parent meanwhile")
context = multiprocessing.get_context("fork")
children = [context.Process(target=work, args=(number,)) for number in range(3)]
for child in children: child.start()
for child in children: child.join()
print([child.exitcode for child in children])
log.info("parent after")
""",
        **FORKS,
    )
    assert ended.stdout == "[0, 0, 0]\n", ended.stderr
    found = messages_in(own_logger.folder)
    children = [f"child {number}" for number in range(3)]
    parents = [f"parent {when}" for when in ("before", "meanwhile", "after")]
    assert [message for message in found if message.startswith("parent")] == parents
    assert sorted(message for message in found if message.startswith("child")) == children
