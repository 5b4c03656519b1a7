"""A faulty resource, listener or caller affects no other."""

from __future__ import annotations

import pytest
from inline import Probe, World
from session_sharing.core.behaviors import InitializationBehavior
from session_sharing.core.errors import (
    NotPermittedError,
    ResourceFailedError,
    ServerDrainingError,
)
from session_sharing.core.events import EventType, SessionEvent
from session_sharing.core.registry import RegistryOptions
from session_sharing.core.resources import Candidate
from session_sharing.core.sessions import Client, OpenRequest

ATTACH_THEN_CLOSE = InitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE


def test_kinds_do_not_share_their_resources() -> None:
    world = World(kinds={"lock": Probe, "output": Probe})
    lock = world.registry.open(OpenRequest("lock", "scope-1"), Client("a")).result()
    output = world.registry.open(OpenRequest("output", "scope-1"), Client("b")).result()

    assert lock.new_session and output.new_session


def test_a_release_goes_on_when_its_caller_stops_waiting() -> None:
    world = World()
    opened = world.registry.open(OpenRequest("probe", "r"), Client("a")).result()
    world.executor.held = True
    closing = world.registry.close(opened.session)
    follower = world.registry.open(OpenRequest("probe", "r"), Client("b"))
    closing.cancel()  # as asyncio does when the call is cancelled
    world.executor.held = False
    world.executor.run()

    assert follower.result(0).new_session
    assert world.released == [("close", "r")]


def test_a_request_that_is_cancelled_while_it_waits_leaves_no_session() -> None:
    given_back = []

    class Located(Probe):
        @classmethod
        def locate(cls, name: str, *, create: bool) -> Candidate:
            return Candidate(name, lambda: cls(name), lambda: given_back.append(name))

    world = World(kinds={"probe": Located})
    opened = world.registry.open(OpenRequest("probe", "r"), Client("a")).result()
    world.executor.held = True
    world.registry.close(opened.session)
    waiter = Client("b")
    waiting = world.registry.open(OpenRequest("probe", "r"), waiter)
    world.executor._tasks.rotate(-1)  # the request is located before the release ends
    world.executor.step()
    assert waiting.cancel()
    assert given_back == ["r"]
    world.executor.held = False
    world.executor.run()

    assert len(world.registry) == 0
    assert waiter.attachments == {}


def test_leaving_does_not_close_the_session_of_another_identity() -> None:
    world = World()
    mine = OpenRequest("probe", "r", principal="ann")
    theirs = OpenRequest("probe", "r", principal="ben", behavior=ATTACH_THEN_CLOSE)
    world.registry.open(mine, Client("a", "ann")).result()

    with pytest.raises(NotPermittedError):
        world.registry.open(theirs, Client("b", "ben")).result()


def test_a_session_that_anyone_may_close_is_closed_by_leaving() -> None:
    world = World()
    mine = OpenRequest("probe", "r", principal="ann", anyone_may_close=True)
    theirs = OpenRequest("probe", "r", principal="ben", behavior=ATTACH_THEN_CLOSE)
    world.registry.open(mine, Client("a", "ann")).result()
    opened = world.registry.open(theirs, Client("b", "ben")).result()
    assert opened.attachment is not None

    assert world.registry.end(opened.attachment).result()


def test_a_hook_that_exits_frees_its_resource() -> None:
    class Exits(Probe):
        def close(self) -> None:
            raise SystemExit(1)

    world = World(kinds={"probe": Exits})
    opened = world.registry.open(OpenRequest("probe", "r"), Client("a")).result()
    world.registry.close(opened.session)

    assert world.registry.open(OpenRequest("probe", "r"), Client("b")).result().new_session
    assert EventType.FAILED in [event.type for event in world.registry.events.since(1)[0]]  # type: ignore[union-attr]


@pytest.mark.parametrize("key", [[], {}], ids=["list", "dict"])
def test_a_kind_whose_identities_cannot_be_compared_answers_with_the_error(key: object) -> None:
    class Unhashable(Probe):
        @classmethod
        def locate(cls, name: str, *, create: bool) -> Candidate:
            return Candidate(key, lambda: cls(name))  # type: ignore[arg-type]

    world = World(kinds={"probe": Unhashable})
    with pytest.raises(ResourceFailedError, match="TypeError: unhashable"):
        world.registry.open(OpenRequest("probe", "r"), Client("a")).result(0)


def test_a_discard_that_fails_does_not_cost_the_caller_its_answer() -> None:
    class Sticky(Probe):
        @classmethod
        def locate(cls, name: str, *, create: bool) -> Candidate:
            def discard() -> None:
                raise OSError("sticks")

            return Candidate(name, lambda: cls(name), discard)

    world = World(kinds={"probe": Sticky})
    world.registry.open(OpenRequest("probe", "r"), Client("a")).result(0)

    assert not world.registry.open(OpenRequest("probe", "r"), Client("b")).result(0).new_session


def test_a_listener_that_fails_stops_neither_the_registry_nor_the_next_listener() -> None:
    world = World()
    heard: list[EventType] = []

    def fail(event: SessionEvent) -> None:
        raise RuntimeError("the loop is closed")

    world.registry.events.listen(fail)
    world.registry.events.listen(lambda event: heard.append(event.type))
    opened = world.registry.open(OpenRequest("probe", "r"), Client("a")).result(0)
    world.registry.close(opened.session).result(0)

    assert heard == [EventType.OPENED, EventType.CLOSED]


def test_a_lease_whose_callback_fails_does_not_stop_the_next_lease() -> None:
    world = World()
    ended: list[str] = []

    def fail() -> None:
        raise RuntimeError("as told")

    world.registry.leases.grant(1.0, fail)
    world.registry.leases.grant(2.0, lambda: ended.append("second"))
    world.pass_time(3.0)

    assert ended == ["second"]


def test_a_client_that_attaches_just_before_the_orphan_timeout_renews_it() -> None:
    world = World(RegistryOptions(orphan_timeout=100))
    detach = InitializationBehavior.INITIALIZE_SESSION_THEN_DETACH
    opened = world.registry.open(OpenRequest("probe", "r", behavior=detach), Client("a")).result()
    assert opened.attachment is not None
    world.registry.end(opened.attachment)
    old_lease = opened.session.orphan_lease
    assert old_lease is not None
    again = world.registry.open(OpenRequest("probe", "r"), Client("b")).result()
    assert again.attachment is not None
    world.registry.end(again.attachment)

    old_lease.on_expiry()  # it was due earlier, and runs only now

    assert opened.session.open


def test_a_refused_request_is_not_remembered_at_any_length() -> None:
    world = World()
    huge = OpenRequest("probe", "x" * 1_000_000)
    with pytest.raises(Exception, match="1000000 characters"):
        world.registry.open(huge, Client("a")).result()
    with pytest.raises(Exception, match="1000000 characters"):
        world.registry.open(OpenRequest("x" * 1_000_000, "r"), Client("a")).result()

    for event in world.registry.events.since(1)[0]:
        assert isinstance(event, SessionEvent)
        assert len(event.resource) + len(event.kind) + len(event.reason) < 5000


def test_a_resource_that_is_being_opened_when_all_are_closed_is_released() -> None:
    world = World()

    class Slow(Probe):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            self.all_free = world.registry.close_all()
            assert not self.all_free.done()
            closing.append(self.all_free)

    closing: list[object] = []
    world.registry.kinds["probe"] = Slow
    with pytest.raises(ServerDrainingError):
        world.registry.open(OpenRequest("probe", "r"), Client("a")).result(0)

    assert closing[0].result(0)  # type: ignore[attr-defined]
    assert world.released == [("abandon", "r")]
