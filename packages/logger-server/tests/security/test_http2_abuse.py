"""T45: a connection that abuses HTTP/2 is limited, and other clients are served meanwhile."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import bare_http2
import psutil
import pytest
from bare_http2 import BEGIN, CONTINUATION, PING, RST_STREAM, frame
from capabilities import needs_limits
from json_logger_client import JsonLoggerClient
from logger_process import LoggerProcess

LIST = "/session_sharing.v1.SessionLifecycle/ListSessions"
MOST_GROWTH = 256 << 20
"""Bytes that any abuse of one connection may make the server take."""


@contextmanager
def watched(logger: LoggerProcess) -> Iterator[None]:
    """Check that another client is served meanwhile, and that the server's memory stays small."""
    before = psutil.Process(logger.pid).memory_info().rss
    with logger.client("honest.log") as log:
        yield
        for number in range(20):
            log.log_data(f"m{number}", {}, {})
    assert psutil.Process(logger.pid).memory_info().rss - before < MOST_GROWTH


def is_closed(connection: socket.socket, seconds: float) -> bool:
    """Return whether the server ends the connection in time."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            if not connection.recv(1 << 16):
                return True
        except TimeoutError:
            return False
        except OSError:
            return True
    return False


@pytest.mark.parametrize("greeting", [b"", bare_http2.PREFACE[:10], bare_http2.PREFACE])
def test_a_silent_connection_is_closed(greeting: bytes, logger: LoggerProcess) -> None:
    with bare_http2.connect(logger.target) as connection, watched(logger):
        connection.sendall(greeting)
        assert is_closed(connection, 30)


def test_a_connection_that_answers_no_pings_is_closed(logger: LoggerProcess) -> None:
    with bare_http2.connect(logger.target) as connection, watched(logger):
        connection.sendall(BEGIN)
        assert is_closed(connection, 20)


def _many_headers() -> Iterator[bytes]:
    big = {f"x-{number}": "v" * 8000 for number in range(10)}
    for stream in range(1, 2001, 2):
        yield bare_http2.stream(stream, LIST, None, **big)


def _endless_headers() -> Iterator[bytes]:
    begin = bare_http2.stream(1, LIST, None)
    yield begin[:4] + bytes([0]) + begin[5:]  # without the flag that ends the headers
    literal = b"\0\x01x\x7f\x81\x7c" + b"v" * 16000  # a header of 16,000 bytes, RFC 7541, 6.2.2
    for _ in range(20_000):
        yield frame(CONTINUATION, 0, 1, literal)


def _pings() -> Iterator[bytes]:
    for _ in range(2000):
        yield frame(PING, 0, 0, bytes(8)) * 100


def _resets() -> Iterator[bytes]:
    for stream in range(1, 40_001, 2):
        yield bare_http2.stream(stream, LIST, None) + frame(RST_STREAM, 0, stream, bytes(4))


ABUSES: dict[str, Callable[[], Iterator[bytes]]] = {
    "huge metadata": _many_headers,
    "headers without an end": _endless_headers,
    "a flood of pings": _pings,
    "calls that are begun and reset": _resets,
}


@pytest.mark.parametrize("abuse", ABUSES.values(), ids=ABUSES.keys())
def test_an_abuse_is_bounded_and_others_are_served(
    abuse: Callable[[], Iterator[bytes]], logger: LoggerProcess
) -> None:
    with bare_http2.connect(logger.target) as connection, watched(logger):
        connection.sendall(BEGIN)
        reading = threading.Thread(target=bare_http2.answer_pings, args=(connection,))
        reading.start()
        with contextlib.suppress(OSError):  # the server may end it
            for piece in abuse():
                connection.sendall(piece)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        reading.join()


@needs_limits
def test_ten_thousand_connections_cost_memory_and_nobody_who_is_connected(tmp_path: Path) -> None:
    import resource

    wanted = 10_000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted + 500:
        pytest.skip(f"this user may open {hard} files only")
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with LoggerProcess(tmp_path) as logger, ExitStack() as stack:
            process = psutil.Process(logger.pid)
            before = process.memory_info().rss
            patient = logger.connect(window=60.0)  # the connections can keep a busy machine busy
            with JsonLoggerClient("a.log", connection=patient) as log:
                for _ in range(wanted):
                    connection = stack.enter_context(bare_http2.connect(logger.target))
                    connection.sendall(BEGIN)
                grown = process.memory_info().rss - before
                assert log.log_data("m", {}, {}) == 1
            assert grown < 1 << 30
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
