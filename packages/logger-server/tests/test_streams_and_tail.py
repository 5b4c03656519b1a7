"""Streams wait, fail with clear errors and lose no record; readers follow while others write."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from capabilities import needs_whole_sends
from json_logger_client import JsonLoggerClient, StreamOptions
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from json_logger_server.json_log import Durability
from logger_process import LoggerProcess, names_in, records_in
from logger_thread import FaultyDisk, LoggerThread
from processes import eventually
from session_sharing.client import (
    CallTimeoutError,
    ConnectionClosedError,
    InvalidArgumentError,
    LimitExceededError,
    SessionExpiredError,
    connect,
)
from session_sharing.v1 import lifecycle_pb2


@pytest.fixture
def log(logger: LoggerProcess, request: pytest.FixtureRequest) -> Iterator[JsonLoggerClient]:
    with logger.client(f"{request.node.name}.ndjson") as log:
        yield log


@pytest.fixture
def path(logger: LoggerProcess, request: pytest.FixtureRequest) -> Path:
    return logger.folder / f"{request.node.name}.ndjson"


def deeply_nested() -> object:
    """Return a value that only the server refuses."""
    deep: object = 1
    for _ in range(150):
        deep = [deep]
    return deep


def test_a_stream_writes_every_record_in_order(log: JsonLoggerClient, path: Path) -> None:
    with log.stream() as stream:
        for number in range(10_000):
            stream.log(f"m{number}", {}, {"n": number})
    assert names_in(path) == [f"m{number}" for number in range(10_000)]


def test_a_single_record_is_sent_without_a_flush(log: JsonLoggerClient, path: Path) -> None:
    with log.stream(StreamOptions(max_delay=0.01)) as stream:
        stream.log("alone", {}, {})
        eventually(lambda: names_in(path) == ["alone"])


def test_flush_returns_when_every_record_is_in_the_file(log: JsonLoggerClient, path: Path) -> None:
    with log.stream(StreamOptions(max_delay=60)) as stream:
        for number in range(100):
            stream.log(f"m{number}", {}, {})
        stream.flush()
        assert stream.unacknowledged == 0
        assert len(names_in(path)) == 100
        stream.flush()


def test_several_threads_may_share_a_stream(log: JsonLoggerClient, path: Path) -> None:
    with log.stream() as stream:

        def run(name: str) -> None:
            for number in range(1000):
                stream.log(f"{name}{number}", {}, {})

        threads = [threading.Thread(target=run, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    names = names_in(path)
    for name in "abcd":
        assert [n for n in names if n[0] == name] == [f"{name}{i}" for i in range(1000)]


def test_a_value_without_json_form_is_refused_at_once_and_the_stream_goes_on(
    log: JsonLoggerClient, path: Path
) -> None:
    with log.stream() as stream:
        stream.log("before", {}, {})
        with pytest.raises(InvalidArgumentError):
            stream.log("wrong", {}, {"value": object()})
        stream.log("after", {}, {})
    assert names_in(path) == ["before", "after"]


def test_flush_log_and_close_raise_the_refusal_of_the_server(
    log: JsonLoggerClient, path: Path
) -> None:
    stream = log.stream()
    stream.log("fine", {}, {})
    stream.flush()
    stream.log("also fine", {}, {})
    stream.log("too deep", {}, {"value": deeply_nested()})
    with pytest.raises(InvalidArgumentError, match="Record 1 is nested deeper than 100"):
        stream.flush()
    with pytest.raises(InvalidArgumentError):
        stream.log("too late", {}, {})
    with pytest.raises(InvalidArgumentError):
        stream.close()
    assert stream.unacknowledged == 2
    assert names_in(path) == ["fine"]


def test_an_error_in_the_block_comes_before_an_error_of_closing(
    log: JsonLoggerClient,
) -> None:
    with pytest.raises(ZeroDivisionError), log.stream() as stream:
        stream.log("refused", {}, {"value": deeply_nested()})
        raise ZeroDivisionError
    assert stream.unacknowledged == 1


def test_a_closed_session_ends_its_stream_with_an_error(log: JsonLoggerClient) -> None:
    with pytest.raises(SessionExpiredError), log.stream() as stream:
        stream.log("m", {}, {})
        stream.flush()
        log.connection.lifecycle.Close(close_request(log))
        stream.log("too late", {}, {})


def close_request(log: JsonLoggerClient) -> object:
    return lifecycle_pb2.CloseRequest(session_name=log.session_name)


def test_a_stream_on_a_closed_connection_raises_the_error_at_once(logger: LoggerProcess) -> None:
    log = JsonLoggerClient("closed.ndjson", connection=logger.connect(timeout=60.0))
    log.connection.close()
    stream = log.stream()
    stream.log("too late", {}, {})
    with pytest.raises(ConnectionClosedError):
        stream.flush()
    with pytest.raises(ConnectionClosedError):
        stream.close()


def test_the_end_of_the_session_sends_the_remaining_records_of_its_streams(
    logger: LoggerProcess,
) -> None:
    with logger.client("left.ndjson") as log:
        stream = log.stream(StreamOptions(max_delay=60))
        stream.log("m", {}, {})
    assert names_in(logger.folder / "left.ndjson") == ["m"]


def test_a_refused_stream_does_not_stop_other_streams(logger: LoggerProcess) -> None:
    with pytest.raises(InvalidArgumentError), logger.client("two.ndjson") as log:
        refused, other = log.stream(StreamOptions(max_delay=60)), log.stream()
        refused.log("too deep", {}, {"value": deeply_nested()})
        other.log("fine", {}, {})
    assert names_in(logger.folder / "two.ndjson") == ["fine"]


def test_a_slow_disk_makes_log_wait_instead_of_filling_memory(tmp_path: Path) -> None:
    disk = FaultyDisk()
    disk.slow = ".ndjson"
    options = StreamOptions(max_batch_bytes=10_000, max_unacknowledged_bytes=100_000)
    with LoggerThread(tmp_path, disk, Durability.DURABLE) as logger:
        with logger.client("a.ndjson") as log, log.stream(options) as stream:
            disk.before_write.clear()
            logged = []

            def fill() -> None:
                for number in range(300):
                    stream.log(f"m{number}", {}, {"filler": "x" * 1000})
                    logged.append(number)

            filling = threading.Thread(target=fill)
            filling.start()
            eventually(lambda: len(logged) > 50)
            filling.join(0.5)
            assert filling.is_alive()
            assert len(logged) < 120
            disk.before_write.set()
            filling.join()
        assert len(names_in(tmp_path / "a.ndjson")) == 300


def test_a_record_that_waits_for_room_while_its_stream_is_closed_is_refused_not_lost(
    tmp_path: Path,
) -> None:
    disk = FaultyDisk()
    disk.slow = ".ndjson"
    options = StreamOptions(max_batch_bytes=1, max_unacknowledged_bytes=1000)
    with LoggerThread(tmp_path, disk, Durability.DURABLE) as logger:
        with logger.client("a.ndjson") as log:
            stream, logged, full = log.stream(options), [], threading.Event()
            disk.before_write.clear()

            def fill_until_refused() -> None:
                with pytest.raises(InvalidArgumentError, match="closed"):
                    for number in itertools.count():
                        if stream.unacknowledged >= 2:  # there is no room for more
                            full.set()
                        stream.log(f"m{number}", {}, {"filler": "x" * 200})
                        logged.append(f"m{number}")

            filling = threading.Thread(target=fill_until_refused)
            filling.start()
            assert full.wait(10)
            closing = threading.Thread(target=stream.close)
            closing.start()
            disk.before_write.set()
            closing.join(10)
            filling.join(10)
            assert not filling.is_alive()
        assert names_in(tmp_path / "a.ndjson") == logged


def test_flush_reports_in_time_that_the_server_does_not_answer(tmp_path: Path) -> None:
    disk = FaultyDisk()
    disk.slow = ".ndjson"
    with LoggerThread(tmp_path, disk, Durability.DURABLE) as logger:
        connect = logger.connect(timeout=0.5)
        log = JsonLoggerClient("a.ndjson", connection=connect)
        disk.before_write.clear()
        stream = log.stream()
        stream.log("m", {}, {})
        with pytest.raises(CallTimeoutError, match="acknowledged nothing"):
            stream.flush()
        disk.before_write.set()
        stream.close()
        log.close()
    assert names_in(tmp_path / "a.ndjson") == ["m"]


@needs_whole_sends
def test_an_array_of_a_million_doubles_arrives_as_json_without_a_python_list(
    logger: LoggerProcess, path: Path
) -> None:
    waveform = np.random.default_rng(1).normal(size=1_000_000)
    patient = logger.connect(timeout=60.0)  # tracing makes everything slow
    with (
        JsonLoggerClient(path.name, connection=patient, shortest_waveform=sys.maxsize) as log,
        log.stream() as stream,
    ):
        tracemalloc.start()
        for number in range(3):
            stream.log(f"scope {number}", {}, {"waveform": waveform})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    # Each is about 20 MB of JSON, which exists twice while it is put into its record; a list of a
    # million floats would take 32 MB more.
    assert peak < 110_000_000
    records = records_in(path)
    assert [record["measurement_name"] for record in records] == ["scope 0", "scope 1", "scope 2"]
    assert np.array_equal(records[2]["measurement_outputs"]["waveform"], waveform)


@needs_whole_sends
def test_a_value_of_ten_megabytes_is_stored(log: JsonLoggerClient, path: Path) -> None:
    text = "ä\n" * 4_000_000
    log.log_data("big", {}, {"text": text})
    (record,) = records_in(path)
    assert record["measurement_outputs"]["text"] == text


@needs_whole_sends
def test_a_record_that_is_too_large_is_refused_and_the_stream_can_still_be_used(
    log: JsonLoggerClient, path: Path
) -> None:
    text = "x" * (64 * 1024 * 1024)
    for use in (log.log_data, log.stream().log):
        with pytest.raises(LimitExceededError, match=r"has 671[0-9]+ bytes; the server accepts"):
            use("scope", {}, {"text": text})
    with log.stream() as stream:
        stream.log("before", {}, {})
        with pytest.raises(LimitExceededError):
            stream.log("scope", {}, {"text": text})
        stream.log("after", {}, {})
    log.log_data("then", {}, {})
    assert names_in(path) == ["before", "after", "then"]


def tail(
    log: JsonLoggerClient, from_seq: int = 0, follow: bool = False, **wanted: Any
) -> Iterator[pb.TailResponse]:
    """Read a log, on another connection than the client's."""
    with connect(log.connection.options) as connection:
        stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(connection.channel)
        request = pb.TailRequest(
            session_name=log.session_name, from_seq=from_seq, follow=follow, **wanted
        )
        yield from stub.Tail(request)


def test_a_tail_returns_the_lines_from_any_number_on(log: JsonLoggerClient, path: Path) -> None:
    with log.stream() as stream:
        for number in range(5000):
            stream.log(f"m{number}", {}, {"filler": "x" * (number % 300)})
    lines = path.read_bytes().splitlines(keepends=True)
    for seq in (0, 1, 2, 2500, 4999, 5000, 5001, 9000):
        answers = list(tail(log, seq))
        assert b"".join(answer.ndjson for answer in answers) == b"".join(lines[max(seq - 1, 0) :])
        if answers:
            assert answers[-1].next_seq == 5001


def test_a_tail_of_numbers_says_what_is_acknowledged_and_ends_with_the_session(
    log: JsonLoggerClient, path: Path
) -> None:
    numbers: list[int] = []

    def follow() -> None:
        for answer in tail(log, from_seq=1, follow=True, only_numbers=True, pace_ms=20):
            assert not answer.ndjson
            assert answer.next_seq - 1 <= len(path.read_bytes().splitlines())
            numbers.append(answer.next_seq)

    reader = threading.Thread(target=follow)
    reader.start()
    for number in range(300):
        log.log_data(f"m{number}", {}, {})
    eventually(lambda: numbers[-1:] == [301])
    log.close()
    reader.join(30)

    assert not reader.is_alive()
    assert numbers == sorted(set(numbers))


def test_a_tail_of_numbers_keeps_its_pace_and_says_the_last_number(log: JsonLoggerClient) -> None:
    answers: list[tuple[float, int]] = []

    def follow() -> None:
        for answer in tail(log, from_seq=1, follow=True, only_numbers=True, pace_ms=200):
            answers.append((time.monotonic(), answer.next_seq))

    reader = threading.Thread(target=follow)
    reader.start()
    end = time.monotonic() + 2
    count = 0
    while time.monotonic() < end:
        log.log_data("m", {}, {})
        count += 1
    eventually(lambda: answers[-1:] and answers[-1][1] == count + 1)
    length = answers[-1][0] - answers[0][0]
    log.close()
    reader.join(30)

    assert not reader.is_alive()
    assert len(answers) <= length / 0.2 + 3


def test_a_tail_with_a_pace_returns_every_record_in_fewer_answers(log: JsonLoggerClient) -> None:
    answers: list[pb.TailResponse] = []
    reader = threading.Thread(
        target=lambda: answers.extend(tail(log, from_seq=1, follow=True, pace_ms=300))
    )
    reader.start()
    for number in range(200):
        log.log_data(f"m{number}", {}, {})
    log.close()
    reader.join(30)

    lines = b"".join(answer.ndjson for answer in answers).splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, 201))
    assert len(answers) < 100


def test_a_following_tail_sees_each_record_once_and_ends_with_the_session(
    log: JsonLoggerClient,
) -> None:
    seen: list[int] = []
    resumed_from = 0

    def follow() -> None:
        nonlocal resumed_from
        for answer in tail(log, from_seq=resumed_from, follow=True):
            seen.extend(json.loads(line)["seq"] for line in answer.ndjson.splitlines())
            resumed_from = answer.next_seq

    reader = threading.Thread(target=follow)
    reader.start()
    for number in range(300):
        log.log_data(f"m{number}", {}, {})
    log.close()
    reader.join(10)

    assert not reader.is_alive()
    assert seen == list(range(1, 301))


def test_an_idle_stream_and_tail_do_not_delay_a_stopping_server(
    own_logger: LoggerProcess,
) -> None:
    """P8: the server ends open streams, and does not wait for them."""
    log = JsonLoggerClient("a.ndjson", connection=own_logger.connect(timeout=1.0))
    stream = log.stream()
    stream.log("m", {}, {})
    stream.flush()
    answers = tail(log, follow=True)
    assert next(answers).next_seq == 2
    last: list[pb.TailResponse] = []
    reader = threading.Thread(target=lambda: last.extend(answers))
    reader.start()

    stopping = time.monotonic()
    assert own_logger.terminate() == 0
    assert time.monotonic() - stopping < 3.0
    reader.join(10)
    assert last == [pb.TailResponse(next_seq=2, draining=True)]
    stderr = (own_logger.folder / "server.err").read_text()
    assert "Traceback" not in stderr
    log.connection.close()


def test_the_command_tail_says_when_the_server_stops(own_logger: LoggerProcess) -> None:
    log = JsonLoggerClient("a.ndjson", connection=own_logger.connect(timeout=1.0))
    log.log_data("m", {}, {})
    state = f"--state-file={own_logger.state_file}"
    command = [sys.executable, "-m", "json_logger_server", "tail", "-f", "a.ndjson", state]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout and reader.stderr
        assert "  m  " in reader.stdout.readline()
        assert own_logger.terminate() == 0
        assert reader.wait(10) == 1
        assert "The server is stopping; the next record is 2." in reader.stderr.read()
    log.connection.close()


def test_the_refused_record_is_named_by_its_index(log: JsonLoggerClient) -> None:
    stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(log.connection.channel)
    good = b'{"timestamp":"2026-01-01T00:00:00Z","measurement_name":"m",'
    good += b'"measurement_configurations":{},"measurement_outputs":{}}'
    request = pb.AppendRequest(
        attachment=log.attachment, first_client_seq=1, count=3, ndjson=good + b"\n{}\n" + good
    )
    with pytest.raises(InvalidArgumentError, match="Record 1"):
        log.call(stub.Append, request)
