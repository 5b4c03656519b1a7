"""The hook for the end of one attachment: once, after its calls, and never beside another hook."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from inline import Probe, World
from session_sharing.core.behaviors import ClosePolicy
from session_sharing.core.errors import (
    ResourceBusyError,
    ResourceFailedError,
    SessionExpiredError,
)
from session_sharing.core.events import EventType, SessionEvent
from session_sharing.core.sessions import Attachment, Client, OpenRequest


class Table(Probe):
    """A resource in which each attachment has a part of its own."""

    def end_attachment(self, attachment: str, reason: str) -> None:
        self.log.append(("end", reason or "left"))


@pytest.fixture
def world() -> World:
    return World(kinds={"table": Table})


def attach(world: World, who: str, policy: ClosePolicy = ClosePolicy.FOR_EVERYONE) -> Attachment:
    request = OpenRequest("table", "t", close_policy=policy)
    attachment = world.registry.open(request, Client(who)).result().attachment
    assert attachment is not None
    return attachment


def test_the_hook_runs_once_for_an_attachment_whose_session_stays_open(world: World) -> None:
    attach(world, "a")
    killed, leaving = attach(world, "b"), attach(world, "c")
    world.registry.end(killed, "silent")
    assert world.registry.end(leaving).result(0) is False
    world.registry.end(leaving)

    assert world.released == [("end", "silent"), ("end", "left")]


def test_an_explicit_close_that_waits_for_the_others_ends_the_callers_part(world: World) -> None:
    first = attach(world, "a", ClosePolicy.WITH_LAST_ATTACHMENT)
    attach(world, "b")
    assert world.registry.close(first.session, attachment=first).result(0) is False

    assert world.released == [("end", "left")]


def test_the_end_of_the_session_is_one_hook_for_all_its_attachments(world: World) -> None:
    creator = attach(world, "a")
    attach(world, "b")
    assert world.registry.end(creator).result(0) is True

    assert world.released == [("close", "t")]


def test_the_hook_waits_for_the_calls_of_its_attachment_only(world: World) -> None:
    other, ending = attach(world, "a"), attach(world, "b")
    for used in (other, ending, ending):
        world.registry.begin_use(used)
    done = world.registry.end(ending, "silent")
    world.registry.end_use(ending)
    assert not done.done() and not world.released

    world.registry.end_use(ending)

    assert done.result(0) is False
    assert world.released == [("end", "silent")]


def test_no_call_begins_to_use_an_attachment_that_has_ended(world: World) -> None:
    attach(world, "a")
    ended = attach(world, "b")
    world.registry.end(ended, "silent")

    with pytest.raises(SessionExpiredError, match="silent"):
        world.registry.begin_use(ended)
    with pytest.raises(SessionExpiredError, match="silent"):
        world.registry.run(lambda: None, ended, alone=True)


def test_the_hook_waits_for_work_whose_caller_has_gone(world: World) -> None:
    attach(world, "a")
    ending = attach(world, "b")
    world.executor.held = True
    running: Future[object] = world.registry.run(
        lambda: Probe.log.append(("work", "t")), ending, alone=True
    )
    world.registry.end(ending, "silent")
    world.executor.held = False
    world.executor.run()
    running.set_result(None)  # the executor of this test returns futures that nothing completes

    assert world.released == [("work", "t"), ("end", "silent")]


def test_work_that_never_began_does_not_delay_the_hook(world: World) -> None:
    attach(world, "a")
    ending = attach(world, "b")
    world.executor.held = True
    assert world.registry.run(lambda: None, ending, alone=True).cancel()
    done = world.registry.end(ending, "silent")
    world.executor.held = False
    world.executor.run()

    assert done.result(0) is False


def test_the_hook_is_not_called_after_the_session_was_closed(world: World) -> None:
    creator, ending = attach(world, "a"), attach(world, "b")
    world.registry.begin_use(ending)
    done = world.registry.end(ending)
    world.registry.end(creator)
    world.registry.end_use(ending)

    assert done.result(0) is False
    assert world.released == [("close", "t")]


def test_a_hook_that_fails_reaches_the_client_and_the_session_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Table, attachment: str, reason: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Table, "end_attachment", fail)
    creator, ending = attach(world, "a"), attach(world, "b")
    with pytest.raises(ResourceFailedError, match="Input/output error"):
        world.registry.end(ending).result(0)
    failures = [
        event.client_id
        for event in world.registry.events.since(1)[0]
        if isinstance(event, SessionEvent) and event.type is EventType.FAILED
    ]

    assert failures == ["b"]
    assert world.registry.end(creator).result(0) is True
    assert attach(world, "c").created


def test_a_call_that_does_not_return_delays_the_hook_and_nobody_else(world: World) -> None:
    creator, ending = attach(world, "a"), attach(world, "b")
    world.registry.begin_use(ending)
    done = world.registry.end(ending)
    world.pass_time(world.registry.options.release_timeout)
    with pytest.raises(ResourceBusyError, match="does not return"):
        done.result(0)

    assert attach(world, "c").session is creator.session
    world.registry.end_use(ending)
    assert world.released == [("end", "left")]


def test_a_resource_without_the_hook_counts_no_calls() -> None:
    world = World()
    opened = world.registry.open(OpenRequest("probe", "r"), Client("a")).result()
    assert opened.attachment is not None
    world.registry.begin_use(opened.attachment)

    assert opened.attachment.uses == 0
