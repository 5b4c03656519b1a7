"""How sessions end: by the end of an attachment, by a word, by failure, or as orphans."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import partial

from session_sharing.core.behaviors import ClosePolicy, EndAction
from session_sharing.core.events import EventType
from session_sharing.core.releases import Release, Releases
from session_sharing.core.sessions import Attachment, PendingOpen, Session, Transition
from session_sharing.core.state import RegistryState

_log = logging.getLogger(__name__)


class Endings:
    """The part of a registry that ends attachments and sessions and frees resources."""

    def __init__(self, state: RegistryState, decide: Callable[[PendingOpen], None]) -> None:
        """Work on a registry's state.

        Args:
            state: The state that all parts share.
            decide: Decides a request again that waited for a resource to come free.
        """
        self._state = state
        self._decide = decide
        self._releases = Releases(
            state.executor,
            state.leases,
            state.options.release_timeout,
            self._on_free,
            self._on_late,
        )
        self._all_free: Future[bool] | None = None

    def end(self, attachment: Attachment, reason: str) -> Future[bool]:
        """End an attachment and do to the session what its behavior says."""
        state = self._state
        with state.lock:
            if state.slots.attachment(attachment.id) is not attachment:
                return _done(False)
            event = EventType.EXPIRED if reason else EventType.DETACHED
            state.slots.drop(attachment, _why_attachment_ended(reason))
            state.publish(event, attachment.session, attachment, reason)
            if attachment.end_action is EndAction.CLOSE:
                return self._close_by_end(attachment, reason)
            return self._after_leaving(attachment.session, reason)

    def close(self, session: Session, attachment: Attachment | None) -> Future[bool]:
        """Close a session as its close policy says; the caller's own attachment ends with it."""
        state = self._state
        with state.lock:
            if not session.open:
                return _done(True)
            if attachment is not None and state.slots.attachment(attachment.id):
                state.slots.drop(attachment, "This client has closed the session.")
                state.publish(EventType.DETACHED, session, attachment)
            if self._waits_for_last(session):
                session.closing = session.closes_with_last = True
                return _done(False)
            return self.release(session, why=_why_closed(attachment, ""))

    def fail(self, session: Session, reason: str) -> Future[bool]:
        """Close a session whose resource broke, for everybody and at once."""
        with self._state.lock:
            if not session.open:
                return _done(True)
            self._state.publish(EventType.FAILED, session, reason=reason)
            return self.release(session, reason, why=f"The session has failed: {reason}.")

    def close_all(self) -> Future[bool]:
        """Close every session whatever its policy; what is being opened follows when it is open."""
        state = self._state
        with state.lock:
            state.draining = state.closed = True
            if self._all_free is None:
                self._all_free = Future()
                self._all_free.set_running_or_notify_cancel()
                for session in list(state.slots.sessions()):
                    self.release(session, why="The session was closed, as the server is stopping.")
                self._tell_when_all_is_free()
            return self._all_free

    def release(
        self,
        session: Session,
        abandoned: str = "",
        first: PendingOpen | None = None,
        why: str = "",
    ) -> Future[bool]:
        """Take a session away from everybody and release its resource on the executor.

        Args:
            session: An open session.
            abandoned: Why nobody closed it properly; empty when somebody did.
            first: A request to decide first once the resource is free.
            why: A sentence for those who are still attached.
        """
        with self._state.lock:
            if session.orphan_lease is not None:
                session.orphan_lease.end()
            why = why or f"The session was closed: {abandoned}."
            transition = self._state.slots.vacate(session, first, why)
        return self._releases.start(session, transition, abandoned)

    def leave(self, transition: Transition, key: Hashable) -> list[PendingOpen]:
        """Free a resource; the requests that waited for it are the caller's to answer."""
        with self._state.lock:
            self._state.slots.leave(transition, key)
            self._tell_when_all_is_free()
            return transition.take_waiting()

    def watch_for_orphan(self, session: Session, seconds: float | None = None) -> None:
        """Close a session unless somebody attaches to it in time, or calls it."""
        if session.orphan_lease is not None:
            session.orphan_lease.end()
        if session.attachments:
            return
        self._state.slots.note_orphan(session)
        timeout = self._state.options.orphan_timeout if seconds is None else seconds
        if timeout > 0:
            orphaned = partial(self._orphaned, session)
            session.orphan_lease = self._state.leases.grant(timeout, orphaned)

    def _after_leaving(self, session: Session, reason: str) -> Future[bool]:
        if session.attachments:
            return _done(False)
        if session.closes_with_last:
            return self.release(session, reason)
        self.watch_for_orphan(session)
        return _done(False)

    def _close_by_end(self, attachment: Attachment, reason: str) -> Future[bool]:
        """Close a session as an attachment's end has it; one that others use may be joined."""
        session = attachment.session
        if self._waits_for_last(session):
            session.closes_with_last = True
            return _done(False)
        return self.release(session, reason, why=_why_closed(attachment, reason))

    @staticmethod
    def _waits_for_last(session: Session) -> bool:
        policy = session.request.close_policy
        return policy is ClosePolicy.WITH_LAST_ATTACHMENT and bool(session.attachments)

    def _orphaned(self, session: Session) -> None:
        timeout = self._state.options.orphan_timeout
        with self._state.lock:
            if not session.open or session.attachments:
                return
            if session.orphan_lease is not None and session.orphan_lease.live:
                return  # somebody came and went since, which began a new lease
            left = session.last_call + timeout - self._state.clock()
            if left > 0:
                self.watch_for_orphan(session, left)
            else:
                self.release(session, f"nobody was attached for {timeout:g} s")

    def _on_free(self, release: Release) -> None:
        session, transition = release.session, release.transition
        failure = release.failure
        with self._state.lock:
            self._state.note_release(session, str(failure or ""))
            if failure is not None:
                self._state.publish(EventType.FAILED, session, reason=str(failure))
            waiting = self.leave(transition, session.key)
            self._state.publish(EventType.CLOSED, session, reason=release.abandoned)
        if failure is not None:
            _log.error("%s", failure, exc_info=release.error)
        if not transition.stuck:
            release.tell(failure)
        for pending in waiting:
            self._decide(pending)

    def _on_late(self, release: Release) -> None:
        session, transition = release.session, release.transition
        with self._state.lock:
            if self._state.slots.at(session.key) is not transition:
                return
            transition.stuck = True
            waiting = transition.take_waiting()
            reason = "its release hook does not return"
            self._state.publish(EventType.FAILED, session, reason=reason)
        release.done.set_exception(release.busy)
        for pending in waiting:
            pending.fail(release.busy)

    def _tell_when_all_is_free(self) -> None:
        if self._all_free is not None and not len(self._state.slots) and not self._all_free.done():
            self._all_free.set_result(True)


def _why_attachment_ended(reason: str) -> str:
    if not reason:
        return "This client has left the session."
    return f"The server has ended this client's attachment, as the client was {reason}."


def _why_closed(attachment: Attachment | None, reason: str) -> str:
    """Say who closed a session for everybody, and how to keep it open."""
    who = "a client that is not attached" if attachment is None else attachment.label or "a client"
    how = f", which was {reason}," if reason else ""
    return (
        f"The session was closed for everybody by the end of {who}{how}. To keep a session until "
        "the last client leaves, open it with close_policy=WITH_LAST_ATTACHMENT."
    )


def _done(closed: bool) -> Future[bool]:
    done: Future[bool] = Future()
    done.set_result(closed)
    return done
