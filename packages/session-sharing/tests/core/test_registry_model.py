"""T2: after any actions of clients, the registry has the state that a short model has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from inline import Probe, World
from session_sharing.core.behaviors import ClosePolicy, InitializationBehavior
from session_sharing.core.clients import Clients
from session_sharing.core.errors import (
    SessionAlreadyOpenError,
    SessionExpiredError,
    SessionNotFoundError,
    SessionSharingError,
)
from session_sharing.core.registry import RegistryOptions
from session_sharing.core.sessions import Client, OpenRequest

ORPHAN_TIMEOUT = 100.0
WINDOW = 2.0
RESOURCES = ["r1", "r2"]
PEOPLE = ["ann", "ben", "cy"]

CLOSES = {  # (behavior, created the session) -> the end of the attachment closes it
    (InitializationBehavior.AUTO, True): True,
    (InitializationBehavior.AUTO, False): False,
    (InitializationBehavior.INITIALIZE_SERVER_SESSION, True): True,
    (InitializationBehavior.ATTACH_TO_SERVER_SESSION, False): False,
    (InitializationBehavior.INITIALIZE_SESSION_THEN_DETACH, True): False,
    (InitializationBehavior.ATTACH_TO_SESSION_THEN_CLOSE, False): True,
}


@dataclass
class ModelSession:
    waits_for_last: bool
    attachments: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """By attachment id: its client, and whether its end closes the session."""
    closes_with_last: bool = False
    closing: bool = False
    """It refuses new attachments."""
    unattended_since: float = 0.0


class Parted(Probe):
    """A resource with a part for each attachment."""

    def end_attachment(self, attachment: str, reason: str) -> None:
        self.log.append(("end", self.name))


class RegistryMachine(RuleBasedStateMachine):
    """Clients open, leave, crash, come back and become silent, while time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(RegistryOptions(orphan_timeout=ORPHAN_TIMEOUT), {"probe": Parted})
        self.clients = Clients(self.world.registry)
        self.model: dict[str, ModelSession] = {}
        self.here: dict[str, Client] = {}
        self.away: dict[str, float] = {}
        self.ended_parts: Counter[str] = Counter()
        """By resource, the attachments that ended while their session stayed open."""

    @rule(person=st.sampled_from(PEOPLE))
    def arrive(self, person: str) -> None:
        if person in self.here:
            return
        client, resumed = self.clients.hold(_secret(person), WINDOW)
        assert resumed == (person in self.away)
        self.here[person] = client
        self.away.pop(person, None)

    @rule(person=st.sampled_from(PEOPLE))
    def lose_the_stream(self, person: str) -> None:
        client = self.here.pop(person, None)
        if client is not None:
            self.clients.release(client)
            if self._attachments_of(person):
                self.away[person] = self.world.clock.now

    @rule(
        person=st.sampled_from(PEOPLE),
        resource=st.sampled_from(RESOURCES),
        behavior=st.sampled_from(InitializationBehavior),
        policy=st.sampled_from(ClosePolicy),
        reclaim=st.booleans(),
    )
    def open(
        self,
        person: str,
        resource: str,
        behavior: InitializationBehavior,
        policy: ClosePolicy,
        reclaim: bool,
    ) -> None:
        request = OpenRequest(
            "probe", resource, behavior=behavior, close_policy=policy, reclaim=reclaim
        )
        expected = self._expected_opening(person, resource, behavior, reclaim)
        try:
            opened = self.clients.open(_secret(person), request).result()
        except SessionSharingError as error:
            assert type(error) is expected
            return
        assert opened.attachment is not None
        created = expected == "new"
        assert opened.new_session == created
        if created:
            waits = policy is ClosePolicy.WITH_LAST_ATTACHMENT
            self.model[resource] = ModelSession(waits)
        closes = CLOSES[behavior, created]
        self.model[resource].attachments[opened.attachment.id] = (person, closes)

    @precondition(lambda self: any(session.attachments for session in self.model.values()))
    @rule(data=st.data(), explicitly=st.booleans())
    def leave(self, data: st.DataObject, explicitly: bool) -> None:
        resource, attachment_id = data.draw(st.sampled_from(self._all_attachments()))
        attachment = self.world.registry.attachment(attachment_id)
        if explicitly:
            self.world.registry.close(attachment.session, attachment=attachment)
        else:
            self.world.registry.end(attachment)
        self._model_end(resource, attachment_id, closes=explicitly or None)

    @rule(seconds=st.sampled_from([0.5, 1.5, 60.0, 101.0]))
    def wait(self, seconds: float) -> None:
        self.world.pass_time(seconds)
        now = self.world.clock.now
        for person, since in sorted(self.away.items(), key=lambda item: item[1]):
            if now - since >= WINDOW / 2:
                del self.away[person]
                for resource, attachment_id in self._attachments_of(person):
                    if attachment_id in getattr(self.model.get(resource), "attachments", {}):
                        self._model_end(resource, attachment_id)
        for resource, session in list(self.model.items()):
            lonely = not session.attachments and now - session.unattended_since >= ORPHAN_TIMEOUT
            if lonely:
                del self.model[resource]

    @invariant()
    def the_registry_is_where_the_model_is(self) -> None:
        actual = {
            session.request.resource: (set(session.attachments), session.closing)
            for session in self.world.registry.sessions()
        }
        expected = {
            resource: (set(session.attachments), session.closing)
            for resource, session in self.model.items()
        }
        assert actual == expected

    @invariant()
    def nothing_is_released_twice_or_forgotten(self) -> None:
        opened = sum(
            event.type.name == "OPENED"
            for event in self.world.registry.events.since(1)[0]  # type: ignore[union-attr]
        )
        released = Counter(self.world.released)
        ended = {name: released.pop(("end", name), 0) for name in RESOURCES}
        assert opened - released.total() == len(self.model)
        assert +Counter(ended) == self.ended_parts

    def _expected_opening(
        self, person: str, resource: str, behavior: InitializationBehavior, reclaim: bool
    ) -> object:
        session = self.model.get(resource)
        may_create = behavior in (0, 1, 3)
        may_attach = behavior in (0, 2, 4)
        if person not in self.here and person not in self.away:
            return SessionExpiredError
        if session is None:
            return "new" if may_create else SessionNotFoundError
        if may_attach:
            return SessionAlreadyOpenError if session.closing else "attached"
        return "new" if reclaim and not session.attachments else SessionAlreadyOpenError

    def _model_end(self, resource: str, attachment_id: str, closes: bool | None = None) -> None:
        session = self.model[resource]
        _, by_behavior = session.attachments.pop(attachment_id)
        session.unattended_since = self.world.clock.now
        if by_behavior if closes is None else closes:
            session.closes_with_last = True
            session.closing |= bool(closes)
            if not session.waits_for_last:
                session.attachments.clear()
        if session.closes_with_last and not session.attachments:
            del self.model[resource]
        else:
            self.ended_parts[resource] += 1

    def _all_attachments(self) -> list[tuple[str, str]]:
        return [(r, a) for r, session in self.model.items() for a in session.attachments]

    def _attachments_of(self, person: str) -> list[tuple[str, str]]:
        return [
            (resource, attachment_id)
            for resource, session in self.model.items()
            for attachment_id, (owner, _) in session.attachments.items()
            if owner == person
        ]


def _secret(person: str) -> bytes:
    return person.encode().ljust(16, b"-")


TestRegistryModel = RegistryMachine.TestCase
TestRegistryModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
