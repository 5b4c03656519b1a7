"""How sessions begin: a request meets what stands at its resource, and is answered."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from session_sharing.core.admission import (
    check_attach,
    check_may_create,
    check_request,
    describe_holder,
    may_close,
    no_session_for,
)
from session_sharing.core.behaviors import RULES
from session_sharing.core.endings import Endings
from session_sharing.core.errors import (
    ResourceBusyError,
    ResourceNotFoundError,
    ServerDrainingError,
    SessionExpiredError,
    SessionSharingError,
    as_domain_error,
)
from session_sharing.core.events import EventType
from session_sharing.core.resources import Resource, ResourceKind
from session_sharing.core.sessions import (
    Attachment,
    Client,
    Opened,
    OpenRequest,
    PendingOpen,
    Session,
    Transition,
)
from session_sharing.core.state import RegistryState

_log = logging.getLogger(__name__)

Step = Callable[[], None]
"""What follows a decision and must run without the lock."""


class Openings:
    """The part of a registry that creates sessions and attaches to them."""

    def __init__(self, state: RegistryState) -> None:
        self._state = state
        self._endings = Endings(state, self._decide)
        self._generation = 0

    @property
    def endings(self) -> Endings:
        """The part that ends what this one begins, and hands back the requests that waited."""
        return self._endings

    def open(self, request: OpenRequest, client: Client | None) -> Future[Opened]:
        """See `SessionRegistry.open`."""
        state = self._state
        result: Future[Opened] = Future()
        try:
            kind = check_request(request, state.kinds, state.options.limits)
            self._refuse_when_draining()
            if request.resource:
                state.executor.submit(self._locate, kind, request, client, result)
            else:
                result.set_result(self._attach_by_name(request, client))
        except SessionSharingError as error:
            state.refuse(request, error)
            result.set_exception(error)
        return result

    def _attach_by_name(self, request: OpenRequest, client: Client | None) -> Opened:
        with self._state.lock:
            session = self._state.slots.named(request.session_name)
            if session is None:
                raise no_session_for(request)
            return self._attach(session, request, client)

    def _locate(
        self,
        kind: ResourceKind,
        request: OpenRequest,
        client: Client | None,
        result: Future[Opened],
    ) -> None:
        may_create = RULES[request.behavior].may_create
        try:
            candidate = kind.locate(request.resource, create=may_create)
        except BaseException as error:
            missing = isinstance(error, ResourceNotFoundError) and not may_create
            answer = no_session_for(request) if missing else _explain(error, request)
            self._state.refuse(request, answer)
            if result.set_running_or_notify_cancel():
                result.set_exception(answer)
        else:
            self._decide(PendingOpen(request, client, candidate, result))

    def _decide(self, pending: PendingOpen) -> None:
        """Create, attach, wait, reclaim or refuse: the one place where a request meets state."""
        try:
            with self._state.lock:
                step = self._next_step(pending)
        except BaseException as error:
            answer = _explain(error, pending.request)
            self._state.refuse(pending.request, answer)
            pending.fail(answer)
        else:
            step()

    def _next_step(self, pending: PendingOpen) -> Step:
        request = pending.request
        if pending.result.cancelled():
            return pending.discard
        slot = self._state.slots.at(pending.key)
        if isinstance(slot, Transition):
            return self._wait(pending, slot)
        if slot is not None and request.reclaim and self._is_reclaimable(slot, request):
            pending.reclaimed = describe_holder(slot)
            self._state.publish(EventType.RECLAIMED, slot, reason=f"for {request.label}")
            self._endings.release(slot, "reclaimed, as nobody was attached", first=pending)
            return _nothing
        if slot is None:
            check_may_create(request)
            if (orphan := self._orphan_in_the_way(pending)) is not None:
                return self._make_room(pending, orphan)
        if not pending.claim():
            return pending.discard
        if slot is None:
            return partial(self._create, pending, self._begin_opening(pending))
        return partial(pending.succeed, self._attach(slot, request, pending.client))

    def _wait(self, pending: PendingOpen, transition: Transition) -> Step:
        """Have a request decided again after a transition, or withdrawn when it is cancelled."""
        if transition.stuck:
            raise ResourceBusyError(f"{pending.request.resource!r} is still being released.")
        transition.waiting.append(pending)

        def withdraw(answer: Future[Opened]) -> None:
            if answer.cancelled():
                with self._state.lock:
                    was_waiting = transition.withdraw(pending)
                if was_waiting:
                    pending.discard()

        # Outside the lock: a request that was cancelled meanwhile is withdrawn at once.
        return partial(pending.result.add_done_callback, withdraw)

    def _begin_opening(self, pending: PendingOpen) -> Transition:
        request, slots = pending.request, self._state.slots
        if not self._has_room(pending):
            slots.shares.check_room(request.principal)
        self._refuse_when_draining()
        name = request.session_name or secrets.token_hex(16)
        return slots.begin(name, pending.key, request.principal)

    def _has_room(self, pending: PendingOpen) -> bool:
        """Tell whether one more session may be opened; a request takes room from one at most."""
        shares = self._state.slots.shares
        return shares.has_room(pending.request.principal) or (pending.made_room and shares.free > 0)

    def _orphan_in_the_way(self, pending: PendingOpen) -> Session | None:
        """Find the session that is to be closed, as nobody uses it and its room is needed."""
        if self._has_room(pending):
            return None
        orphans = self._state.slots.orphans_that_yield_to(pending.request.principal)
        return next(filter(self._is_quiet, orphans), None)

    def _make_room(self, pending: PendingOpen, orphan: Session) -> Step:
        """Close a session and have the request decided again when that is done."""
        pending.made_room = True
        self._state.publish(EventType.RECLAIMED, orphan, reason=f"for {pending.request.label}")
        why = "nobody was attached, and its room was needed"
        self._endings.release(orphan, why, first=pending)
        return _nothing

    def _refuse_when_draining(self) -> None:
        if self._state.draining:
            raise ServerDrainingError("The server is stopping and opens no more sessions.")

    def _create(self, pending: PendingOpen, transition: Transition) -> None:
        try:
            resource = pending.candidate.open()
        except BaseException as error:
            self._fail_to_create(pending, transition, _explain(error, pending.request))
            return
        try:
            with self._state.lock:
                waiting = transition.take_waiting()
                session = self._start_session(pending, transition, resource)
                if self._state.closed:
                    raise ServerDrainingError("The server has stopped.")
                opened = self._attach(session, pending.request, pending.client, created=True)
        except SessionSharingError as error:
            self._endings.release(session, str(error))
            pending.result.set_exception(error)
        else:
            pending.result.set_result(replace(opened, reclaimed=pending.reclaimed))
        for follower in waiting:
            self._decide(follower)

    def _fail_to_create(
        self, pending: PendingOpen, transition: Transition, error: SessionSharingError
    ) -> None:
        self._state.refuse(pending.request, error)
        waiting = self._endings.leave(transition, pending.key)
        pending.result.set_exception(error)
        for follower in waiting:
            may_create = RULES[follower.request.behavior].may_create
            follower.fail(error if may_create else no_session_for(follower.request))

    def _start_session(
        self, pending: PendingOpen, transition: Transition, resource: Resource
    ) -> Session:
        self._generation += 1
        session = Session(transition.name, pending.key, self._generation, resource, pending.request)
        self._state.slots.settle(session)
        self._state.publish(EventType.OPENED, session)
        return session

    def _attach(
        self, session: Session, request: OpenRequest, client: Client | None, created: bool = False
    ) -> Opened:
        if not created:
            check_attach(session, request, self._state.options.limits)
        if client is None:
            session.last_call = self._state.clock()
            self._endings.watch_for_orphan(session)
            return Opened(session, created, None)
        if client.ended:
            raise SessionExpiredError("This client was away for too long.")
        if session.orphan_lease is not None:
            session.orphan_lease.end()
        attachment = Attachment(
            secrets.token_urlsafe(18), session, client, request.behavior, created, request.label
        )
        self._state.slots.attach(attachment)
        if not created:
            self._state.publish(EventType.ATTACHED, session, attachment)
        return Opened(session, created, attachment)

    def _is_reclaimable(self, session: Session, request: OpenRequest) -> bool:
        in_the_way = not RULES[request.behavior].may_attach
        theirs = may_close(session, request.principal)
        unused = self._is_quiet(session) and not session.attachments
        return in_the_way and theirs and unused

    def _is_quiet(self, session: Session) -> bool:
        """Tell whether nobody without an attachment has used a session of late."""
        return self._state.clock() - session.last_call >= self._state.options.call_ttl


def _explain(error: BaseException, request: OpenRequest) -> SessionSharingError:
    """Say why a resource cannot be opened; what its own code raised goes to the log as well."""
    explained = as_domain_error(error, f"{request.resource!r} cannot be opened")
    if explained is not error:
        _log.error("%s", explained, exc_info=error)
        explained.__cause__ = error
    return explained


def _nothing() -> None:
    """The step after which nothing remains to be done."""
