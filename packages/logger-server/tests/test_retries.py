"""P3: a retried call whose reply was lost makes one line, also across a restart of the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import psutil
import pytest
from capabilities import needs_ends_of_killed_servers
from chaos_proxy import ChaosProxy
from json_logger_client import ConnectOptions, JsonLoggerClient, StreamOptions
from logger_process import LoggerProcess, names_in
from processes import eventually
from session_sharing.client import (
    CallTimeoutError,
    InvalidArgumentError,
    ServerRestartedError,
    ServerUnavailableError,
)


@pytest.fixture
def proxy(own_logger: LoggerProcess) -> Iterator[ChaosProxy]:
    with ChaosProxy(own_logger.target) as proxy:
        yield proxy


@pytest.fixture
def log(own_logger: LoggerProcess, proxy: ChaosProxy) -> Iterator[JsonLoggerClient]:
    connect = ConnectOptions(proxy.target, own_logger.token, window=5.0)
    with JsonLoggerClient("a.ndjson", connection=connect) as log:
        yield log


def lose_the_reply(log: JsonLoggerClient, proxy: ChaosProxy, path: Path) -> threading.Thread:
    """Log a record whose acknowledgement never arrives; return when it is in the file."""
    proxy.loses_replies = True
    call = threading.Thread(target=log.log_data, args=("lost reply", {}, {}))
    call.start()
    eventually(lambda: "lost reply" in names_in(path))
    return call


def test_a_lost_reply_makes_one_line(
    own_logger: LoggerProcess, proxy: ChaosProxy, log: JsonLoggerClient
) -> None:
    path = own_logger.folder / "a.ndjson"
    log.log_data("first", {}, {})
    call = lose_the_reply(log, proxy, path)
    proxy.loses_replies = False
    proxy.cut()
    call.join()
    log.log_data("last", {}, {})

    assert names_in(path) == ["first", "lost reply", "last"]


def test_a_lost_reply_makes_one_line_across_a_restart(
    own_logger: LoggerProcess, proxy: ChaosProxy
) -> None:
    path = own_logger.folder / "a.ndjson"
    connect = ConnectOptions(proxy.target, presence=True, timeout=1.0)
    own_logger.kill()
    with LoggerProcess(own_logger.folder, "--anonymous") as first:
        proxy.upstream = first.target
        log = JsonLoggerClient("a.ndjson", connection=connect)
        proxy.loses_replies = True
        with pytest.raises((CallTimeoutError, ServerUnavailableError)):
            log.log_data("lost reply", {}, {})
        first.kill()
        assert names_in(path) == ["lost reply"]
    with LoggerProcess(own_logger.folder, "--anonymous") as second:
        proxy.upstream = second.target
        proxy.loses_replies = False
        proxy.cut()
        with pytest.raises(ServerRestartedError):
            log.log_data("kept until the session is reset", {}, {})
        log.reset()
        log.log_data("last", {}, {})
        log.close()

    assert names_in(path) == ["lost reply", "kept until the session is reset", "last"]


def test_a_stream_sends_unacknowledged_records_again_and_none_is_written_twice(
    own_logger: LoggerProcess, proxy: ChaosProxy, log: JsonLoggerClient
) -> None:
    path = own_logger.folder / "a.ndjson"
    count = 3000
    with log.stream(StreamOptions(max_batch_records=10, max_delay=0.001)) as stream:
        for number in range(count):
            if number % 500 == 250:
                proxy.loses_replies = True
            if number % 500 == 300:
                proxy.loses_replies = False
                proxy.cut()
            stream.log(f"m{number}", {}, {})

    assert names_in(path) == [f"m{number}" for number in range(count)]


def test_a_stream_continues_after_a_restart_when_the_session_is_reset(
    own_logger: LoggerProcess, proxy: ChaosProxy
) -> None:
    path = own_logger.folder / "a.ndjson"
    own_logger.kill()
    with LoggerProcess(own_logger.folder, "--anonymous") as first:
        proxy.upstream = first.target
        log = JsonLoggerClient("a.ndjson", connection=ConnectOptions(proxy.target, timeout=5.0))
        stream = log.stream(StreamOptions(max_batch_records=5))
        for number in range(100):
            stream.log(f"m{number}", {}, {})
        proxy.loses_replies = True
        for number in range(100, 150):
            stream.log(f"m{number}", {}, {"filler": "x" * 20_000})  # more than the tail, in all
        eventually(lambda: path.read_bytes().count(b"\n") > 120)  # while a line is being written
        first.kill()
    with LoggerProcess(own_logger.folder, "--anonymous") as second:
        proxy.upstream = second.target
        proxy.loses_replies = False
        proxy.cut()
        with pytest.raises(ServerRestartedError):
            stream.flush()
        log.reset()
        stream.log("last", {}, {})
        log.close()

    assert names_in(path) == [*(f"m{number}" for number in range(150)), "last"]


def test_two_sessions_of_one_connection_on_one_log_never_hide_each_others_records(
    own_logger: LoggerProcess, log: JsonLoggerClient
) -> None:
    with JsonLoggerClient("./a.ndjson", connection=log.connection) as other:
        for number in range(50):
            (log if number % 2 else other).log_data(f"m{number}", {}, {})
    assert names_in(own_logger.folder / "a.ndjson") == [f"m{n}" for n in range(50)]


@needs_ends_of_killed_servers
def test_a_caller_that_got_the_error_of_a_dead_server_does_not_wait_again_at_the_end_of_the_block(
    own_logger: LoggerProcess,
) -> None:
    """The record was tried for the whole timeout, so the end of the block tries only shortly."""
    log = JsonLoggerClient("a.ndjson", connection=own_logger.connect(timeout=4.0))
    with pytest.raises(ServerUnavailableError), log:
        own_logger.kill()
        with pytest.raises((ServerUnavailableError, CallTimeoutError)):
            log.log_data("lost with its server", {}, {})
        leaving = time.monotonic()
    assert time.monotonic() - leaving < 3.5


def test_a_stream_continues_after_a_restart_automatically_if_this_was_chosen(
    own_logger: LoggerProcess, proxy: ChaosProxy
) -> None:
    path = own_logger.folder / "a.ndjson"
    own_logger.kill()
    first = LoggerProcess(own_logger.folder, "--anonymous")
    proxy.upstream = first.target
    connect = ConnectOptions(proxy.target)
    with JsonLoggerClient("a.ndjson", connection=connect, reset_after_restart=True) as log:
        with log.stream(StreamOptions(max_batch_records=5)) as stream:
            for number in range(200):
                if number == 100:
                    first.kill()
                    second = LoggerProcess(own_logger.folder, "--anonymous")
                    proxy.upstream = second.target
                    proxy.cut()
                stream.log(f"m{number}", {}, {})
        log.log_data("a call", {}, {})
        with second:
            second.kill()
            with LoggerProcess(own_logger.folder, "--anonymous") as third:
                proxy.upstream = third.target
                proxy.cut()
                log.log_data("a call after a restart", {}, {})
                log.close()

    names = [f"m{number}" for number in range(200)]
    assert names_in(path) == [*names, "a call", "a call after a restart"]


def test_reset_sends_the_records_of_a_stream_that_was_left(
    own_logger: LoggerProcess, proxy: ChaosProxy
) -> None:
    path = own_logger.folder / "a.ndjson"
    own_logger.kill()
    first = LoggerProcess(own_logger.folder, "--anonymous")
    proxy.upstream = first.target
    log = JsonLoggerClient("a.ndjson", connection=ConnectOptions(proxy.target, timeout=5.0))
    stream = log.stream()
    stream.log("first", {}, {})
    stream.flush()
    first.kill()
    with LoggerProcess(own_logger.folder, "--anonymous") as second:
        proxy.upstream = second.target
        proxy.cut()
        stream.log("held", {}, {})
        with pytest.raises(ServerRestartedError):
            stream.close()
        assert stream.unacknowledged == 1
        log.reset()
        assert stream.unacknowledged == 0
        log.close()

    assert names_in(path) == ["first", "held"]


def test_a_refused_record_does_not_affect_other_calls(own_logger: LoggerProcess) -> None:
    """Several threads call at the same time; only one of their records is wrong."""
    deep: object = 1
    for _ in range(150):
        deep = [deep]
    with own_logger.client("a.ndjson") as log:
        failed: list[str] = []

        def call(number: int) -> None:
            try:
                log.log_data(f"m{number}", {}, {"value": deep if number % 10 == 5 else 1})
            except InvalidArgumentError:
                failed.append(f"m{number}")

        threads = [threading.Thread(target=call, args=(number,)) for number in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(failed) == sorted(f"m{number}" for number in range(5, 60, 10))
    expected = [f"m{number}" for number in range(60) if number % 10 != 5]
    assert sorted(names_in(own_logger.folder / "a.ndjson")) == sorted(expected)


def test_a_thread_that_gets_the_id_of_an_ended_thread_waits_like_any_other(
    own_logger: LoggerProcess,
) -> None:
    """The system gives the id of an ended thread to a new thread."""
    with own_logger.client("a.ndjson") as log:
        before = threading.enumerate()
        log.log_data("first", {}, {})
        of_the_stream = [thread for thread in threading.enumerate() if thread not in before]
        server = psutil.Process(own_logger.pid)
        server.suspend()  # so that it does not end the stream
        try:
            eventually(lambda: not all(thread.is_alive() for thread in of_the_stream))
            with ThreadPoolExecutor(5) as pool:
                answers = [pool.submit(log.log_data, f"m{n}", {}, {}) for n in range(5)]
                wait(answers, timeout=0.5)
                server.resume()
                assert sorted(answer.result() for answer in answers) == [2, 3, 4, 5, 6]
        finally:
            server.resume()
