"""No identity takes everything: identities share the limits, and orphans make room."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from inline import World
from session_sharing.core.admission import Limits, Shares
from session_sharing.core.behaviors import InitializationBehavior
from session_sharing.core.clients import Clients
from session_sharing.core.errors import LimitExceededError, SessionExpiredError
from session_sharing.core.events import EventType
from session_sharing.core.registry import RegistryOptions
from session_sharing.core.sessions import Attachment, Client, OpenRequest

THEN_DETACH = InitializationBehavior.INITIALIZE_SESSION_THEN_DETACH
PEOPLE = ["ann", "ben", "cy", "dan"]


def world_of(most: int, *, fair: bool = True) -> World:
    return World(RegistryOptions(limits=Limits(max_sessions=most, max_clients=most, fair=fair)))


def open_one(world: World, resource: str, principal: str) -> Attachment:
    request = OpenRequest("probe", resource, behavior=THEN_DETACH, principal=principal)
    opened = world.registry.open(request, Client(principal, principal)).result()
    assert opened.attachment is not None
    return opened.attachment


def take_all(world: World, principal: str, *, leave: bool) -> int:
    """Open sessions until one is refused; return how many are open."""
    for number in range(1000):
        try:
            attachment = open_one(world, f"{principal}{number}", principal)
        except LimitExceededError:
            break
        if leave:
            world.registry.end(attachment)
    return len(world.registry)


@given(st.lists(st.tuples(st.sampled_from(PEOPLE), st.booleans())), st.integers(1, 20))
def test_an_identity_that_holds_nothing_finds_room_while_any_is_free(
    steps: list[tuple[str, bool]], most: int
) -> None:
    shares, held = Shares("things", most, fair=True), Counter[str]()
    for who, more in steps:
        if more and shares.has_room(who):
            shares.take(who)
            held[who] += 1
        elif not more and held[who]:
            shares.release(who)
            held[who] -= 1
        assert shares.free == most - held.total() >= 0
        assert shares.has_room("newcomer") == (shares.free > 0)


def test_one_identity_leaves_half_of_the_sessions_to_others() -> None:
    world = world_of(8)
    assert take_all(world, "greedy", leave=False) == 4
    open_one(world, "a", "honest")


def test_a_single_identity_may_have_all_sessions() -> None:
    assert take_all(world_of(8, fair=False), "user", leave=False) == 8


@pytest.mark.parametrize("fair", [True, False])
def test_orphans_are_closed_for_new_sessions_the_oldest_first(fair: bool) -> None:
    world = world_of(4, fair=fair)
    for number in range(40):
        world.registry.end(open_one(world, f"r{number}", "greedy"))
    left = sorted(session.request.resource for session in world.registry.sessions())
    assert left == [f"r{number}" for number in range(40 - len(left), 40)]
    assert len(left) == (2 if fair else 4)
    reasons = {e.reason for e in world.registry.events.since(1)[0] if e.type is EventType.CLOSED}
    assert reasons == {"no client was attached, and another session needed its place"}


def test_orphans_of_the_identity_with_most_sessions_are_closed_first_and_of_no_smaller_one() -> (
    None
):
    world = world_of(8)
    keeper = open_one(world, "kept", "modest")
    world.registry.end(keeper)
    take_all(world, "greedy", leave=True)
    for number in range(6):
        open_one(world, f"new{number}", f"p{number}")
    resources = {session.request.resource for session in world.registry.sessions()}
    assert "kept" in resources
    assert {f"new{number}" for number in range(6)} <= resources


def test_a_session_with_an_attachment_or_a_recent_call_is_never_closed_for_another() -> None:
    world = world_of(2, fair=False)
    open_one(world, "attended", "greedy")
    world.registry.open(OpenRequest("probe", "called", principal="greedy")).result()
    with pytest.raises(LimitExceededError, match="2 sessions"):
        open_one(world, "r", "honest")
    world.clock.advance(60)
    open_one(world, "r", "honest")
    assert world.released == [("abandon", "called")]


def test_a_session_that_a_client_attached_to_again_is_not_an_orphan() -> None:
    world = world_of(1, fair=False)
    world.registry.end(open_one(world, "r", "ann"))
    again = OpenRequest("probe", "r", principal="ann")
    world.registry.open(again, Client("2", "ann")).result()
    with pytest.raises(LimitExceededError):
        open_one(world, "other", "ann")


def test_clients_are_shared_too() -> None:
    world = world_of(4)
    clients = Clients(world.registry)
    for number in range(2):
        clients.hold(bytes([number]) * 16, 2.0, principal="greedy")
    with pytest.raises(LimitExceededError, match="its share of"):
        clients.hold(b"x" * 16, 2.0, principal="greedy")
    client, _ = clients.hold(b"x" * 16, 2.0, principal="honest")
    clients.release(client)
    clients.hold(b"x" * 16, 2.0, principal="honest")


@dataclass
class Held:
    owner: str
    attachment: Attachment | None


class SharesMachine(RuleBasedStateMachine):
    """Identities open, leave and come back; a short model says which requests are accepted."""

    MOST = 7

    def __init__(self) -> None:
        super().__init__()
        self.world = world_of(self.MOST)
        self.model: dict[str, Held] = {}
        """By resource, the sessions without attachments; the first one was left first."""
        self.names = iter(map(str, range(10_000)))

    def count(self, who: str) -> int:
        return sum(held.owner == who for held in self.model.values())

    @rule(who=st.sampled_from(PEOPLE))
    def open(self, who: str) -> None:
        free = self.MOST - len(self.model)
        gone = None
        if self.count(who) >= free:
            orphans = [name for name, held in self.model.items() if held.attachment is None]
            owners = {name: self.model[name].owner for name in orphans}
            may_go = [name for name in orphans if self.count(owners[name]) >= self.count(who)]
            if not may_go:
                with pytest.raises(LimitExceededError):
                    open_one(self.world, next(self.names), who)
                return
            most = max(self.count(owners[name]) for name in may_go)
            gone = {name for name in may_go if self.count(owners[name]) == most}
        name = next(self.names)
        before = set(self.model)
        self.model[name] = Held(who, open_one(self.world, name, who))
        if gone is not None:
            (victim,) = before - self.resources()
            assert victim in gone
            owner = self.model[victim].owner
            assert victim == next(
                n for n in self.model if n in gone and self.model[n].owner == owner
            )
            del self.model[victim]

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        attended = [name for name, held in self.model.items() if held.attachment is not None]
        if not attended:
            return
        name = data.draw(st.sampled_from(attended))
        held = self.model.pop(name)
        assert held.attachment is not None
        self.world.registry.end(held.attachment)
        self.model[name] = replace(held, attachment=None)

    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        left = [name for name, held in self.model.items() if held.attachment is None]
        if not left:
            return
        held = self.model[data.draw(st.sampled_from(left))]
        resource = next(name for name, item in self.model.items() if item is held)
        request = OpenRequest("probe", resource, principal=held.owner)
        held.attachment = (
            self.world.registry.open(request, Client("c", held.owner)).result().attachment
        )

    @invariant()
    def the_registry_holds_what_the_model_holds(self) -> None:
        assert self.resources() == set(self.model)
        assert len(self.model) <= self.MOST

    @invariant()
    def who_was_let_in_and_stayed_is_still_there(self) -> None:
        for held in self.model.values():
            if held.attachment is not None:
                try:
                    self.world.registry.attachment(held.attachment.id, held.owner)
                except SessionExpiredError as error:  # pragma: no cover - the failure itself
                    raise AssertionError("an attended session yielded") from error

    def resources(self) -> set[str]:
        return {session.request.resource for session in self.world.registry.sessions()}


TestSharesModel = SharesMachine.TestCase
TestSharesModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
