"""The stream example: one publisher, many readers, and the slowest sets the pace."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from example_resources import Start, line, prepare, send, serve

PUBLISHER = """
import sys, threading
from dataclasses import replace
from data_stream import STATE, StreamSession
from session_sharing import CallTimeoutError, ConnectOptions

stopping = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stopping.set()), daemon=True).start()
options = replace(ConnectOptions.from_state_file(STATE), timeout=1)
with StreamSession("camera", options) as stream:
    print("ready")
    number, blocked = 0, False
    while not stopping.is_set():
        try:
            stream.publish(number.to_bytes(4, "big") + bytes(1 << 20))
        except CallTimeoutError:
            if not blocked:
                print("blocked")
            blocked = True
        else:
            if blocked:
                print("going on")
            blocked = False
        number += 1
"""
READER = """
import sys
from data_stream import STATE, StreamSession
from session_sharing import ConnectOptions, SessionSharingError

with StreamSession("camera", ConnectOptions.from_state_file(STATE)) as stream:
    print("ready")
    last = -1
    try:
        for data in stream.read():
            number = int.from_bytes(data[:4], "big")
            assert number > last
            if last < 0:
                print("first")
                if sys.argv[1] == "slow":
                    sys.stdin.readline()
            last = number
    except SessionSharingError as error:
        print(type(error).__name__, error)
"""


@pytest.fixture
def program(folder: Path, start: Start) -> Callable[..., subprocess.Popen[str]]:
    """Starts programs at the example's server, and waits until they are ready."""
    prepare("stream", folder)
    (folder / "publisher.py").write_text(PUBLISHER)
    (folder / "reader.py").write_text(READER)
    serve("data_stream.py", start)

    def run(script: str, *arguments: object) -> subprocess.Popen[str]:
        process = start(script, *arguments)
        assert line(process) == "ready"
        return process

    return run


@pytest.mark.parametrize("end", ["reads on", "is killed"])
def test_a_reader_that_does_not_read_holds_the_publisher_back_until_it(
    end: str, program: Callable[..., subprocess.Popen[str]]
) -> None:
    publisher = program("publisher.py")
    fast, slow = program("reader.py", "fast"), program("reader.py", "slow")
    assert line(fast) == line(slow) == "first"
    assert line(publisher) == "blocked"
    if end == "reads on":
        send(slow)
    else:
        slow.kill()

    assert line(publisher) == "going on"


def test_the_end_of_the_publisher_ends_the_readers_streams(
    program: Callable[..., subprocess.Popen[str]],
) -> None:
    publisher = program("publisher.py")
    readers = [program("reader.py", "fast") for _ in range(3)]
    assert [line(reader) for reader in readers] == ["first"] * 3
    publisher.kill()

    for reader in readers:
        assert line(reader).startswith("SessionExpiredError The session was closed for everybody")


def test_a_second_publisher_is_refused_and_follows_when_the_first_has_left(
    program: Callable[..., subprocess.Popen[str]],
) -> None:
    reader = program("reader.py", "fast")  # it has created the session, which so stays open
    first = program("publisher.py")
    assert line(reader) == "first"
    second = program("publisher.py")
    assert second.stdout
    assert "Another program publishes to 'camera'" in second.stdout.read()
    send(first)
    assert first.wait(60) == 0
    third = program("publisher.py")
    send(third)

    assert third.wait(60) == 0
