"""The registry: at most one open session for each resource, however many race for it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Hashable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import replace

from session_sharing.core.admission import check_may_close
from session_sharing.core.errors import SessionExpiredError, SessionNotFoundError
from session_sharing.core.leases import Clock
from session_sharing.core.openings import Openings
from session_sharing.core.resources import ResourceKind
from session_sharing.core.sessions import (
    Attachment,
    Client,
    FailedSession,
    Opened,
    OpenRequest,
    Session,
)
from session_sharing.core.state import RegistryOptions, RegistryState

__all__ = ["RegistryOptions", "SessionRegistry"]


class SessionRegistry:
    """Opens, shares and closes sessions. Thread-safe; no method waits for a resource.

    Opening and releasing run on the executor, outside the lock, and a resource that is being opened
    or released delays only requests for itself: they wait in its slot and are decided again.
    `Openings` and `Endings` do the work; this is what others see of it.
    """

    def __init__(
        self,
        kinds: Mapping[str, ResourceKind],
        executor: Executor,
        *,
        clock: Clock = time.monotonic,
        options: RegistryOptions | None = None,
    ) -> None:
        self._state = RegistryState(kinds, executor, clock, options or RegistryOptions())
        self._openings = Openings(self._state)
        self._endings = self._openings.endings
        self.kinds = self._state.kinds
        self.options = self._state.options
        self.events = self._state.events
        self.leases = self._state.leases
        self.lock = self._state.lock
        self.epoch = secrets.token_hex(8)
        """Changes with every start of the server."""

    def __len__(self) -> int:
        """Count the sessions that are open, being opened or being released."""
        return len(self._state.slots)

    @property
    def draining(self) -> bool:
        """Whether new sessions and attachments are refused."""
        return self._state.draining

    def open(self, request: OpenRequest, client: Client | None = None) -> Future[Opened]:
        """Create a session or attach to the open one, as the request's behavior says.

        Args:
            request: What to open, and how.
            client: Who gets the attachment; without one, later calls name the session.

        Returns:
            The outcome; it fails with a `SessionSharingError`, also when the resource's own code
            raised something else (`ResourceFailedError`).
            Cancelling it withdraws the request, unless it is being carried out already.
        """
        return self._openings.open(request, client)

    def attachment(self, attachment_id: str, principal: str = "") -> Attachment:
        """Find a live attachment by its id; this is identity, lease check and fence in one.

        Raises:
            SessionExpiredError: The id is unknown, over or somebody else's.
        """
        attachment = self._state.slots.attachment(attachment_id)
        if attachment is None or attachment.client.principal != principal:
            foreign = attachment is not None
            why = "" if foreign else self._state.slots.why_ended(attachment_id)
            raise SessionExpiredError(
                why or "The session is not known here: it was closed long ago, or never opened.",
                epoch=self.epoch,
            )
        attachment.client.note_call()
        return attachment

    def session(self, name: str) -> Session:
        """Find an open session by name.

        Raises:
            SessionNotFoundError: There is none.
        """
        session = self._state.slots.named(name)
        if session is None:
            raise SessionNotFoundError(f"There is no open session {name!r}.", session_name=name)
        return session

    def touch(self, session: Session) -> None:
        """Note a call on a session by somebody without an attachment."""
        session.last_call = self._state.clock()

    def move(self, session: Session, key: Hashable) -> bool:
        """Note that a session's resource gets a new identity, as a rotated log file does.

        The identity before goes on meaning the session until the next move, so that requests which
        located the resource just before this still find it. Call it before the resource changes.

        Args:
            session: The session.
            key: The identity that `Candidate.key` will have from now on.

        Returns:
            False when the session is not open any more; then its resource must stay as it is.
        """
        with self.lock:
            if session.open:
                self._state.slots.move(session, (session.request.kind, key))
            return session.open

    def sessions(self, prefix: str = "") -> list[Session]:
        """Take a snapshot of the open sessions whose names begin with `prefix`."""
        with self.lock:
            return [
                replace(session, attachments=dict(session.attachments))
                for session in self._state.slots.sessions()
                if session.name.startswith(prefix)
            ]

    def failed_sessions(self) -> list[FailedSession]:
        """Give the sessions whose resource was not released as it should be, the oldest first.

        One is forgotten when a later session of its resource is released well.
        """
        with self.lock:
            return list(self._state.failed.values())

    def end(self, attachment: Attachment, reason: str = "") -> Future[bool]:
        """End an attachment; its behavior says what becomes of the session.

        Args:
            attachment: The attachment; one that is over already is left alone.
            reason: Why its holder is gone, when it did not leave by itself.

        Returns:
            Whether the session is closed, once that is done. It fails with a `SessionSharingError`
            when the session is closed and its resource was not released as it should be.
        """
        return self._endings.end(attachment, reason)

    def close(
        self, session: Session, principal: str = "", attachment: Attachment | None = None
    ) -> Future[bool]:
        """Close a session on somebody's word, as its close policy says.

        Args:
            session: The session.
            principal: Identity of the caller.
            attachment: The caller's own attachment, which ends with this.

        Returns:
            Whether the session is closed, once that is done; False when it waits for its last
            attachment. It fails as that of `end` does.

        Raises:
            NotPermittedError: The session belongs to another identity.
        """
        check_may_close(session, principal)
        return self._endings.close(session, attachment)

    def fail(self, session: Session, reason: str) -> Future[bool]:
        """Close a session whose resource broke, for everybody and at once."""
        return self._endings.fail(session, reason)

    def drain(self) -> None:
        """Refuse every new session and attachment from now on."""
        self._state.draining = True

    def close_all(self) -> Future[bool]:
        """Close every session, whatever its policy, and open none from now on.

        Returns:
            True once every resource is free, those included that were just being opened or
            released; never, when a release hook does not return.
        """
        return self._endings.close_all()
