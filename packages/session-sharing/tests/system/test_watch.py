"""Watchers get each event once and in order, or a gap for missed events."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from processes import LockServer, Process
from session_sharing.client import (
    Connection,
    ConnectOptions,
    EventType,
    Gap,
    SessionEvent,
    SessionOptions,
    SessionWatch,
    SharedSession,
    connect,
)


class LockSession(SharedSession):
    kind = "lock"


def _take(watch: SessionWatch, count: int) -> list[tuple[str, str]]:
    events = [watch.get_event(timeout=60) for _ in range(count)]
    return [(e.type.name, e.resource) for e in events if isinstance(e, SessionEvent)]


def test_a_watcher_sees_a_sessions_life_in_order(server: LockServer, observer: Connection) -> None:
    options = ConnectOptions(server.target)
    with SessionWatch(observer) as watch:
        with LockSession("a", options), LockSession("a", options):
            pass

        assert _take(watch, 4) == [
            ("OPENED", "a"),
            ("ATTACHED", "a"),
            ("DETACHED", "a"),
            ("DETACHED", "a"),
        ]
        assert _take(watch, 1) == [("CLOSED", "a")]
        assert watch.get_event(timeout=0) is None


def test_the_event_of_a_killed_client_has_the_reason(
    server: LockServer, observer: Connection, keep: Callable[[Process], Process]
) -> None:
    client = keep(server.client("a"))
    assert client.line() == "new"
    with SessionWatch(observer) as watch:
        client.kill()
        expired = watch.get_event(timeout=5)

    assert isinstance(expired, SessionEvent)
    assert expired.type is EventType.EXPIRED
    assert "silent" in expired.reason


def test_a_watch_is_resumed_from_a_revision_and_filtered_by_name(
    server: LockServer, observer: Connection
) -> None:
    options = ConnectOptions(server.target)
    for name in ("x-1", "y-1", "x-2"):
        with LockSession(name, options, SessionOptions(session_name=name)):
            pass

    with SessionWatch(observer, from_revision=1, name_prefix="x-") as watch:
        names = [name for _, name in _take(watch, 6)]

    assert names == ["x-1"] * 3 + ["x-2"] * 3


def test_a_callback_gets_every_event(server: LockServer, observer: Connection) -> None:
    seen: list[str] = []
    closed = threading.Event()

    def note(event: SessionEvent | Gap) -> None:
        assert isinstance(event, SessionEvent)
        seen.append(event.type.name)
        if event.type is EventType.CLOSED:
            closed.set()

    with SessionWatch(observer, on_event=note):
        with LockSession("a", ConnectOptions(server.target)):
            pass
        assert closed.wait(10)

    assert seen == ["OPENED", "DETACHED", "CLOSED"]


def test_a_watch_goes_on_after_a_restart_of_the_server_with_a_gap(
    server: LockServer, folder: Path, keep: Callable[[Process], Process]
) -> None:
    options = ConnectOptions(server.target, presence=False)
    with connect(options) as connection, SessionWatch(connection) as watch:
        with LockSession("a", ConnectOptions(server.target)):
            pass
        assert len(_take(watch, 3)) == 3
        server.kill()
        keep(LockServer(folder))
        with LockSession("b", ConnectOptions(server.target)):
            pass

        assert watch.get_event(timeout=60) == Gap(4, 0)
        assert _take(watch, 3) == [("OPENED", "b"), ("DETACHED", "b"), ("CLOSED", "b")]
