"""Requests that wait for a resource get it in the order in which they came."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from inline import Probe, World
from session_sharing.core.admission import Limits
from session_sharing.core.behaviors import InitializationBehavior
from session_sharing.core.errors import (
    LimitExceededError,
    ServerDrainingError,
    SessionAlreadyOpenError,
)
from session_sharing.core.registry import RegistryOptions, SessionRegistry
from session_sharing.core.sessions import Client, Opened, OpenRequest

THEN_DETACH = InitializationBehavior.INITIALIZE_SESSION_THEN_DETACH
INITIALIZE = InitializationBehavior.INITIALIZE_SERVER_SESSION
AUTO = InitializationBehavior.AUTO


class Lock(Probe):
    exclusive = True


@pytest.fixture
def world() -> World:
    return World(RegistryOptions(limits=Limits(max_attachments=3)), {"lock": Lock, "log": Probe})


def ask(
    world: World,
    who: str,
    wait: float = 30.0,
    kind: str = "lock",
    behavior: InitializationBehavior = AUTO,
) -> Future[Opened]:
    request = OpenRequest(kind, "scope-1", behavior=behavior, wait=wait, label=who)
    return world.registry.open(request, Client(who))


def leave(world: World, asked: Future[Opened]) -> None:
    attachment = asked.result(0).attachment
    assert attachment is not None
    world.registry.end(attachment)


def holders(*asked: Future[Opened]) -> list[bool]:
    return [future.done() for future in asked]


def test_a_lock_goes_to_those_who_wait_in_the_order_in_which_they_came(world: World) -> None:
    first, second, third = (ask(world, who) for who in ("a", "b", "c"))
    assert holders(first, second, third) == [True, False, False]
    leave(world, first)
    assert holders(second, third) == [True, False]
    leave(world, second)
    leave(world, third)

    assert len(world.registry) == 0
    assert world.released == [("close", "scope-1")] * 3


def test_nobody_overtakes_while_the_lock_is_being_released(world: World) -> None:
    first, second = ask(world, "a"), ask(world, "b")
    world.executor.held = True
    leave(world, first)
    newcomer = ask(world, "c")
    world.executor.held = False
    world.executor.run()
    assert holders(second, newcomer) == [True, False]
    leave(world, second)

    assert newcomer.done()


def test_a_persistent_lock_goes_to_the_next_when_its_holder_detaches(world: World) -> None:
    first = ask(world, "a", behavior=THEN_DETACH)
    second, third = ask(world, "b"), ask(world, "c")
    leave(world, first)
    assert holders(second, third) == [True, False]
    assert not second.result().new_session
    leave(world, second)

    assert third.done()


def test_a_request_for_a_new_session_waits_for_the_end_of_the_open_one(world: World) -> None:
    first = ask(world, "a", kind="log")
    new = ask(world, "b", kind="log", behavior=INITIALIZE)
    shared = ask(world, "c", kind="log")
    assert holders(new, shared) == [False, True]
    leave(world, first)

    assert new.result(0).new_session


def test_a_request_that_waited_too_long_learns_who_holds_and_who_is_ahead(world: World) -> None:
    ask(world, "ann")
    ask(world, "ben", wait=60)
    late = ask(world, "cy", wait=30)
    world.pass_time(30)
    with pytest.raises(SessionAlreadyOpenError, match=r"opened by ann .* this client: ben\.") as e:
        late.result(0)
    assert (e.value.details["holder"], e.value.details["ahead"]) == ("ann", "ben")

    with pytest.raises(SessionAlreadyOpenError, match=r"opened by ann .* 1 attached, 1 waiting"):
        ask(world, "dan", wait=0).result(0)


def test_a_request_that_is_cancelled_leaves_the_line(world: World) -> None:
    first, second, third = (ask(world, who) for who in ("a", "b", "c"))
    assert second.cancel()
    leave(world, first)

    assert third.done()
    world.pass_time(60)
    assert third.result().session.open


def test_those_who_wait_are_listed_in_their_order(world: World) -> None:
    for who in ("a", "b", "c"):
        ask(world, who)
    (session,) = world.registry.sessions()

    assert session.waiting.labels == ["b", "c"]


def test_a_server_that_stops_refuses_those_who_wait_at_once(world: World) -> None:
    ask(world, "a")
    waiting = ask(world, "b")
    world.registry.drain()

    with pytest.raises(ServerDrainingError):
        waiting.result(0)
    with pytest.raises(ServerDrainingError):
        ask(world, "c").result(0)


def test_the_line_has_a_limit(world: World) -> None:
    for number in range(4):
        ask(world, str(number))
    with pytest.raises(LimitExceededError, match="3 clients wait"):
        ask(world, "one too many").result(0)


def test_threads_that_wait_for_one_lock_hold_it_one_at_a_time_and_all_get_it() -> None:
    with ThreadPoolExecutor(2) as workers, ThreadPoolExecutor(8) as people:
        registry = SessionRegistry({"lock": Lock}, workers)
        inside, most = 0, 0

        def hold(number: int) -> None:
            nonlocal inside, most
            request = OpenRequest("lock", "scope-1", wait=60.0)
            attachment = registry.open(request, Client(str(number))).result(60).attachment
            assert attachment is not None
            inside += 1
            most = max(most, inside)
            inside -= 1
            registry.end(attachment).result(60)

        list(people.map(hold, range(300)))
        assert most == 1
        assert len(registry) == 0
