"""The promises of sessions, to be tested with the server and the clients of any resource.

A package derives a class whose name begins with Test. So all kinds of resources are tested by the
same tests: five behaviors, crashes, stale clients, races, close policies.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import ClassVar, Protocol

import pytest
from capabilities import needs_ends_of_killed_servers
from processes import Process, eventually, server_address
from server_process import ServerProcess
from session_sharing.client import (
    ClosePolicy,
    Connection,
    ConnectOptions,
    InitializationBehavior,
    ServerRestartedError,
    SessionAlreadyOpenError,
    SessionExpiredError,
    SessionNotFoundError,
    SessionOptions,
    SharedSession,
)
from session_sharing.v1 import lifecycle_pb2 as pb

AUTO = InitializationBehavior.AUTO
NEW = InitializationBehavior.INITIALIZE_SERVER_SESSION
ATTACH = InitializationBehavior.ATTACH_TO_SERVER_SESSION
NEW_THEN_DETACH = InitializationBehavior.INITIALIZE_SESSION_THEN_DETACH
ATTACH_THEN_CLOSE = InitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE

ROWS = {
    (AUTO, "creates"): False,
    (AUTO, "attaches"): True,
    (NEW, "creates"): False,
    (ATTACH, "attaches"): True,
    (NEW_THEN_DETACH, "creates"): True,
    (ATTACH_THEN_CLOSE, "attaches"): False,
}
"""Whether a session stays open after the end of its only client, by behavior."""

RACERS = 24


class SessionKit(Protocol):
    """How the tests open and use a resource: a module in the support folder of its package."""

    __name__: str

    def resource(self, name: str) -> str:
        """Return the name of a resource of this kind."""

    def open_session(
        self, resource: str, connection: Connection | ConnectOptions, options: SessionOptions
    ) -> SharedSession:
        """Open a session."""

    def use(self, session: SharedSession) -> object:
        """Make a call of the resource."""


class Holder(Process):
    """A process with sessions, which obeys the lines of its standard input."""

    def __init__(self, kit: SessionKit, target: str, *sessions: str) -> None:
        super().__init__(
            "session_holder.py",
            kit.__name__,
            target,
            *sessions,
            more_path=Path(str(importlib.import_module(kit.__name__).__file__)).parent,
        )


class SessionPromises:
    """Derive a class whose name begins with Test, and set `server_class` and `kit`."""

    server_class: ClassVar[type[ServerProcess]]
    kit: ClassVar[SessionKit]

    @pytest.fixture
    def short_folder(self) -> Iterator[Path]:
        """A folder with a short path, because a socket's path must be short."""
        with tempfile.TemporaryDirectory(prefix="ss-") as name:
            yield Path(name)

    @pytest.fixture
    def start(self, short_folder: Path) -> Iterator[Callable[[], ServerProcess]]:
        """Start the server, again at the same address; every server ends with the test."""
        with ExitStack() as stack:
            yield lambda: stack.enter_context(
                self.server_class(short_folder, "--anonymous", address=server_address(short_folder))
            )

    @pytest.fixture
    def server(self, start: Callable[[], ServerProcess]) -> ServerProcess:
        return start()

    @pytest.fixture
    def target(self, server: ServerProcess) -> ConnectOptions:
        return ConnectOptions(server.target)

    @pytest.fixture
    def hold(self, server: ServerProcess) -> Iterator[Callable[..., Holder]]:
        """Start processes with sessions, which end with the test."""
        held: list[Holder] = []

        def start(*sessions: str) -> Holder:
            held.append(Holder(self.kit, server.target, *sessions))
            return held[-1]

        yield start
        for holder in held:
            holder.end()

    def open(
        self,
        target: ConnectOptions,
        resource: str = "r",
        behavior: InitializationBehavior = AUTO,
        **options: object,
    ) -> SharedSession:
        wanted = replace(SessionOptions(behavior), **options)  # type: ignore[arg-type]
        return self.kit.open_session(self.kit.resource(resource), target, wanted)

    @pytest.mark.parametrize("way", ["leave", "raise", "kill", "silence"])
    def test_the_end_of_a_client_closes_the_sessions_that_its_behaviors_say(
        self, way: str, target: ConnectOptions, hold: Callable[..., Holder]
    ) -> None:
        names = {}
        for number, (behavior, role) in enumerate(ROWS):
            names[behavior, role] = name = self.kit.resource(f"r{number}")
            if role == "attaches":
                self.kit.open_session(name, target, SessionOptions(NEW_THEN_DETACH)).detach()
        holder = hold(*(f"{name}={behavior.name}" for (behavior, _), name in names.items()))
        assert holder.line() == "open"
        with Connection(replace(target, presence=False)) as observer:
            assert attachments(observer) == dict.fromkeys(names.values(), 1)

            end(holder, way)

            due = {names[row]: 0 for row, stays in ROWS.items() if stays}
            eventually(lambda: attachments(observer) == due)
        if way == "silence":
            holder.go_on()
            holder.send("use")
            assert holder.line().startswith("refused SESSION_EXPIRED"), (
                "a stale client never writes"
            )

    def test_what_a_behavior_does_not_allow_is_refused(self, target: ConnectOptions) -> None:
        for behavior in (ATTACH, ATTACH_THEN_CLOSE):
            with pytest.raises(SessionNotFoundError):
                self.open(target, behavior=behavior)
        with self.open(target):
            for behavior in (NEW, NEW_THEN_DETACH):
                with pytest.raises(SessionAlreadyOpenError):
                    self.open(target, behavior=behavior)

    def test_a_close_for_everyone_ends_the_session_of_all(self, target: ConnectOptions) -> None:
        with self.open(target), self.open(target) as other:
            self.kit.use(other)
            self.open(target, behavior=ATTACH_THEN_CLOSE).detach()

            with pytest.raises(SessionExpiredError):
                self.kit.use(other)

    def test_a_close_with_the_last_attachment_waits_for_it(self, target: ConnectOptions) -> None:
        last = ClosePolicy.WITH_LAST_ATTACHMENT
        first = self.open(target, close_policy=last)
        with self.open(target, close_policy=last) as other:
            first.detach()
            self.kit.use(other)
            with pytest.raises(SessionAlreadyOpenError):
                self.open(target, behavior=NEW)
        self.open(target, behavior=NEW).detach()

    def test_a_stale_client_is_refused_after_the_session_was_opened_again(
        self, target: ConnectOptions
    ) -> None:
        with self.open(target) as first, self.open(target) as stale:
            first.close()
            with self.open(target) as again:
                with pytest.raises(SessionExpiredError):
                    self.kit.use(stale)
                self.kit.use(again)

    def test_a_session_that_nobody_is_attached_to_can_be_reclaimed(
        self, target: ConnectOptions
    ) -> None:
        self.open(target, behavior=NEW_THEN_DETACH).detach()
        with self.open(target, behavior=NEW, reclaim=True) as session:
            assert session.reclaimed
            self.kit.use(session)

    @needs_ends_of_killed_servers
    def test_after_a_crash_of_the_server_clients_know_it_and_open_again(
        self, server: ServerProcess, target: ConnectOptions, start: Callable[[], ServerProcess]
    ) -> None:
        with self.open(target) as session:
            self.kit.use(session)
            server.kill()
            start()

            with pytest.raises(ServerRestartedError):
                self.kit.use(session)
            session.reset()
            assert session.new_session
            self.kit.use(session)

    @pytest.mark.parametrize("behavior", [AUTO, NEW])
    def test_of_many_clients_that_ask_at_once_one_creates_the_session(
        self, behavior: InitializationBehavior, target: ConnectOptions
    ) -> None:
        at_once = Barrier(RACERS)

        def ask(_: int) -> SharedSession | SessionAlreadyOpenError:
            with closing(Connection(target)) as connection:
                connection.be_present()
                at_once.wait()
                options = SessionOptions(behavior)
                try:
                    session = self.kit.open_session(self.kit.resource("r"), connection, options)
                except SessionAlreadyOpenError as error:
                    session = error  # type: ignore[assignment]
                at_once.wait()
            return session

        with ThreadPoolExecutor(RACERS) as pool:
            answers = list(pool.map(ask, range(RACERS)))

        opened = [answer for answer in answers if isinstance(answer, SharedSession)]
        assert sum(session.new_session for session in opened) == 1
        assert len({session.session_name for session in opened}) == 1
        assert len(opened) == (RACERS if behavior is AUTO else 1)

    def test_clients_that_are_killed_while_they_race_leave_no_session(
        self, target: ConnectOptions, hold: Callable[..., Holder]
    ) -> None:
        holders = [hold(f"{self.kit.resource('r')}=AUTO") for _ in range(4)]
        assert holders[0].line() == "open"
        for holder in holders:
            holder.kill()

        with Connection(replace(target, presence=False)) as observer:
            eventually(lambda: attachments(observer) == {})
        self.open(target, behavior=NEW).detach()


def attachments(observer: Connection) -> dict[str, int]:
    """Count the attachments to each open session, by resource."""
    found = observer.call(observer.lifecycle.ListSessions, pb.ListSessionsRequest())
    return {session.resource: len(session.attachments) for session in found.sessions}


def end(holder: Holder, way: str) -> None:
    """End a process with sessions, or suspend it."""
    if way == "kill":
        holder.kill()
    elif way == "silence":
        holder.stop()
    else:
        holder.send(way)
