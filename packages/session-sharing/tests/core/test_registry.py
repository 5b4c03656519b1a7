"""The registry keeps one session for each resource, and decides who closes it."""

from __future__ import annotations

import pytest
from inline import Probe, World
from session_sharing.core.admission import Limits
from session_sharing.core.behaviors import RULES, ClosePolicy, InitializationBehavior
from session_sharing.core.errors import (
    InvalidArgumentError,
    LimitExceededError,
    NameInUseError,
    NotPermittedError,
    ResourceBusyError,
    ResourceFailedError,
    ServerDrainingError,
    SessionAlreadyOpenError,
    SessionExpiredError,
    SessionNotFoundError,
)
from session_sharing.core.events import EventType
from session_sharing.core.registry import RegistryOptions
from session_sharing.core.resources import Candidate, Resource
from session_sharing.core.sessions import Attachment, Client, OpenRequest

AUTO = InitializationBehavior.AUTO
NEW = InitializationBehavior.INITIALIZE_SERVER_SESSION
ATTACH = InitializationBehavior.ATTACH_TO_SERVER_SESSION
NEW_THEN_DETACH = InitializationBehavior.INITIALIZE_SESSION_THEN_DETACH


def ask(
    resource: str = "r", behavior: InitializationBehavior = AUTO, **more: object
) -> OpenRequest:
    return OpenRequest("probe", resource, behavior=behavior, **more)  # type: ignore[arg-type]


def test_a_refusal_names_the_holder_and_the_time_of_opening() -> None:
    world = World()
    world.registry.open(ask(label="plug-in A"), Client("a")).result()

    with pytest.raises(SessionAlreadyOpenError) as refusal:
        world.registry.open(ask(behavior=NEW), Client("b")).result()

    assert refusal.value.details["holder"] == "plug-in A"
    assert "since" in refusal.value.details


def test_names_are_aliases_and_belong_to_one_resource() -> None:
    world = World()
    opened = world.registry.open(ask("r", session_name="n"), Client("a")).result()

    with pytest.raises(NameInUseError):
        world.registry.open(ask("other", session_name="n"), Client("a")).result()
    with pytest.raises(NameInUseError):
        world.registry.open(ask("r", session_name="m"), Client("a")).result()
    by_name = world.registry.open(
        OpenRequest("probe", session_name="n", behavior=ATTACH), Client("b")
    )

    assert by_name.result().session is opened.session


def test_a_slow_opening_delays_only_its_own_resource() -> None:
    world = World()
    world.executor.held = True
    slow = world.registry.open(ask("slow"), Client("a"))
    follower = world.registry.open(ask("slow"), Client("b"))
    refused = world.registry.open(ask("slow", NEW), Client("c"))
    world.executor.step()  # this runs the opening of `slow`
    world.executor.held = False
    world.executor.run()

    assert slow.result().new_session
    assert not follower.result().new_session
    with pytest.raises(SessionAlreadyOpenError):
        refused.result()


def test_requests_for_a_resource_that_is_being_opened_wait_and_share_its_failure() -> None:
    waiting = []

    class Stubborn(Probe):
        @classmethod
        def locate(cls, name: str, *, create: bool) -> Candidate:
            def fail() -> Probe:
                for behavior in (AUTO, ATTACH):
                    waiting.append(world.registry.open(ask("r", behavior), Client("b")))
                world.executor.step()
                world.executor.step()
                raise PermissionError("no")

            return Candidate(name, fail)

    world = World(kinds={"probe": Stubborn})
    first = world.registry.open(ask(), Client("a"))

    with pytest.raises(ResourceFailedError, match="PermissionError: no"):
        first.result()
    with pytest.raises(ResourceFailedError, match="PermissionError: no"):
        waiting[0].result()
    with pytest.raises(SessionNotFoundError):
        waiting[1].result()
    assert world.registry.sessions() == []


def test_a_failed_opening_leaves_nothing_behind() -> None:
    class Broken(Probe):
        def __init__(self, name: str) -> None:
            raise OSError("broken")

    world = World(kinds={"probe": Broken})
    with pytest.raises(ResourceFailedError, match="OSError: broken"):
        world.registry.open(ask(session_name="n"), Client("a")).result()

    assert world.registry.sessions() == []
    with pytest.raises(ResourceFailedError, match="OSError: broken"):
        world.registry.open(ask("other", session_name="n"), Client("a")).result()


def test_closing_for_everyone_ends_every_attachment() -> None:
    world = World()
    owner = world.registry.open(ask(), Client("a")).result()
    other = world.registry.open(ask(), Client("b")).result()
    assert owner.attachment and other.attachment

    assert world.registry.end(owner.attachment).result()

    with pytest.raises(SessionExpiredError):
        world.registry.attachment(other.attachment.id)
    assert world.released == [("close", "r")]


def test_with_last_attachment_a_client_that_leaves_does_not_close_and_others_may_attach() -> None:
    world = World()
    policy = ClosePolicy.WITH_LAST_ATTACHMENT
    owner = world.registry.open(ask(close_policy=policy), Client("a")).result()
    other = world.registry.open(ask(), Client("b")).result()
    assert owner.attachment and other.attachment

    assert not world.registry.end(owner.attachment).result()
    late = world.registry.open(ask(), Client("c")).result()
    assert late.attachment and not late.new_session
    assert not world.registry.end(other.attachment).result()
    assert world.registry.attachment(late.attachment.id) is late.attachment
    assert world.registry.end(late.attachment).result()
    assert world.released == [("close", "r")]


def test_with_last_attachment_a_close_waits_and_refuses_new_attachments() -> None:
    world = World()
    policy = ClosePolicy.WITH_LAST_ATTACHMENT
    owner = world.registry.open(ask(close_policy=policy), Client("a")).result()
    other = world.registry.open(ask(), Client("b")).result()
    assert owner.attachment and other.attachment

    assert not world.registry.close(owner.session, attachment=owner.attachment).result()
    assert world.registry.attachment(other.attachment.id) is other.attachment
    with pytest.raises(SessionAlreadyOpenError):
        world.registry.open(ask(), Client("c")).result()
    assert world.registry.end(other.attachment).result()
    assert world.released == [("close", "r")]


def test_a_client_with_an_ended_attachment_learns_why_it_ended_and_who_ended_it() -> None:
    def why(attachment: Attachment | None) -> str:
        assert attachment is not None
        with pytest.raises(SessionExpiredError) as caught:
            world.registry.attachment(attachment.id)
        return str(caught.value)

    world = World()
    owner = world.registry.open(ask(label="script one"), Client("a")).result()
    other = world.registry.open(ask(label="script two"), Client("b")).result()
    assert owner.attachment and other.attachment
    world.registry.end(owner.attachment).result()
    assert why(owner.attachment) == "This client has left the session."
    assert "because script one closed or left it." in why(other.attachment)
    assert "close_policy=WITH_LAST_ATTACHMENT" in why(other.attachment)

    away = world.registry.open(ask(), Client("c")).result()
    assert away.attachment
    world.registry.end(away.attachment, "silent for more than 1 s").result()
    assert "has ended this client's attachment (silent for more than 1 s)" in why(away.attachment)

    failed = world.registry.open(ask(), Client("d")).result()
    world.registry.fail(failed.session, "the disk is gone").result()
    assert why(failed.attachment) == "The session has failed: the disk is gone."


@pytest.mark.parametrize("behavior", InitializationBehavior)
def test_an_exclusive_resource_has_one_attachment_whatever_behavior_others_ask_for(
    behavior: InitializationBehavior,
) -> None:
    class Port(Resource):
        exclusive = True

    world = World(kinds={"probe": Port})
    first = world.registry.open(ask(behavior=NEW_THEN_DETACH), Client("a")).result()
    assert first.attachment
    for client in (Client("b"), first.attachment.client):
        with pytest.raises(SessionAlreadyOpenError):
            world.registry.open(ask(behavior=behavior), client).result()
    world.registry.end(first.attachment)
    if RULES[behavior].may_attach:
        assert world.registry.open(ask(behavior=behavior), Client("b")).result().attachment


def test_a_session_without_attachments_is_closed_after_the_orphan_timeout() -> None:
    world = World(RegistryOptions(orphan_timeout=100))
    opened = world.registry.open(ask(behavior=NEW_THEN_DETACH), Client("a")).result()
    assert opened.attachment
    world.registry.end(opened.attachment)

    world.pass_time(99)
    assert world.registry.session(opened.session.name)
    world.pass_time(2)

    with pytest.raises(SessionNotFoundError):
        world.registry.session(opened.session.name)
    assert world.released == [("abandon", "r")]


def test_calls_without_an_attachment_keep_a_session_from_being_an_orphan() -> None:
    world = World(RegistryOptions(orphan_timeout=100))
    opened = world.registry.open(ask()).result()
    for _ in range(5):
        world.pass_time(60)
        world.registry.touch(world.registry.session(opened.session.name))

    assert world.registry.session(opened.session.name)
    world.pass_time(101)
    assert world.registry.sessions() == []


def test_a_session_without_attachments_is_reclaimed_and_one_in_use_is_not() -> None:
    world = World()
    left = world.registry.open(ask(behavior=NEW_THEN_DETACH, label="run 1"), Client("a")).result()
    assert left.attachment
    reclaim = ask(behavior=NEW_THEN_DETACH, reclaim=True)

    with pytest.raises(SessionAlreadyOpenError):
        world.registry.open(reclaim, Client("b")).result()
    world.registry.end(left.attachment)
    again = world.registry.open(reclaim, Client("b")).result()

    assert again.new_session
    assert "run 1" in again.reclaimed
    assert world.released == [("abandon", "r")]
    assert EventType.RECLAIMED in [event.type for event in world.registry.events.since(1)[0]]


def test_a_release_hook_that_hangs_blocks_only_its_resource_and_is_reported() -> None:
    world = World(RegistryOptions(release_timeout=5))
    opened = world.registry.open(ask(), Client("a")).result()
    assert opened.attachment

    class Hangs(Probe):
        def close(self) -> None:
            world.pass_time(6)  # the hook still runs after its timeout

    opened.session.resource = Hangs("r")
    closing = world.registry.end(opened.attachment)

    with pytest.raises(ResourceBusyError):
        closing.result()
    assert EventType.FAILED in [event.type for event in world.registry.events.since(1)[0]]
    assert world.registry.open(ask(), Client("b")).result().new_session


def test_another_identity_cannot_use_an_attachment_or_close_a_session() -> None:
    world = World()
    opened = world.registry.open(ask(principal="ann"), Client("a", "ann")).result()
    assert opened.attachment

    with pytest.raises(SessionExpiredError):
        world.registry.attachment(opened.attachment.id, "ben")
    with pytest.raises(NotPermittedError):
        world.registry.close(opened.session, "ben")
    assert world.registry.close(opened.session, "ann").result()


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (OpenRequest("nothing", "r"), InvalidArgumentError),
        (OpenRequest("probe", ""), InvalidArgumentError),
        (OpenRequest("probe", "", session_name="n"), InvalidArgumentError),
        (OpenRequest("probe", "x" * 5000), LimitExceededError),
        (OpenRequest("probe", "r", behavior=ATTACH), SessionNotFoundError),
    ],
)
def test_impossible_requests_are_refused(request_: OpenRequest, error: type) -> None:
    with pytest.raises(error):
        World().registry.open(request_, Client("a")).result()


def test_the_session_limit_refuses_more_until_a_session_closes() -> None:
    world = World(RegistryOptions(limits=Limits(max_sessions=1)))
    first = world.registry.open(ask("a"), Client("a")).result()
    with pytest.raises(LimitExceededError):
        world.registry.open(ask("b"), Client("a")).result()
    world.registry.close(first.session)

    assert world.registry.open(ask("b"), Client("a")).result().new_session


def test_a_draining_registry_opens_nothing_and_closes_everything() -> None:
    world = World()
    world.registry.open(ask("a"), Client("a")).result()
    world.registry.drain()

    with pytest.raises(ServerDrainingError):
        world.registry.open(ask("b"), Client("a")).result()
    assert world.registry.close_all().result()
    assert world.released == [("close", "a")]
