"""Keep the clients: their presence streams, their grace, and the end of their attachments."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary

from session_sharing.core.admission import Shares, check_text, server_is_draining
from session_sharing.core.behaviors import MIN_SECRET_BYTES
from session_sharing.core.errors import InvalidArgumentError, SessionExpiredError
from session_sharing.core.leases import Lease
from session_sharing.core.registry import SessionRegistry
from session_sharing.core.sessions import Client, Expiry, Opened, OpenRequest

_REMEMBERED_OPENS = 256
"""How many of a client's latest requests the server recognises when they are repeated."""
_REMEMBERED_EXPIRIES = 1_000
"""How many of the latest expired clients hear, when they come back, that they expired."""
_LONGEST_REQUEST_ID = 256
"""Characters."""


@dataclass(frozen=True, slots=True)
class WindowRange:
    """Presence windows that a server grants, in seconds."""

    default: float = 2.0
    """For clients that ask for none."""
    shortest: float = 0.5
    longest: float = 60.0

    def grant(self, wanted: float) -> float:
        """Return the wanted window, limited to the range; 0 asks for the default."""
        return min(max(wanted or self.default, self.shortest), self.longest)


class Clients:
    """The clients of a registry. Thread-safe.

    A client is known by a secret that it chose. It is present while it holds a stream. When its
    last stream breaks, it can come back with the same secret within half a window. After that its
    attachments end.
    """

    def __init__(self, registry: SessionRegistry, windows: WindowRange | None = None) -> None:
        """Start without clients.

        Args:
            registry: The registry that holds the clients' attachments.
            windows: Presence windows that the server grants.
        """
        self._registry = registry
        self._windows = windows or WindowRange()
        limits = registry.options.limits
        self._shares = Shares("clients", limits.max_clients, fair=limits.fair)
        self._clients: dict[tuple[str, str], Client] = {}
        self._expiries: dict[tuple[str, str], Expiry] = {}
        self._callers: WeakKeyDictionary[Future[Opened], int] = WeakKeyDictionary()
        """How many callers wait for an answer, or have got it."""
        self._abandoned: dict[Future[Opened], Lease] = {}
        """Answers without a waiting caller, and how long a caller may repeat the request."""

    def hold(
        self, secret: bytes, window: float, label: str = "", principal: str = ""
    ) -> tuple[Client, bool]:
        """Begin or resume a client whose stream has just opened.

        Args:
            secret: The client's secret; one that is unknown or expired begins a new client.
            window: Seconds in which the server is to notice that the client is lost, within the
                server's range; 0 for the default.
            label: Name of the client for people.
            principal: Its identity; the same secret from another identity is another client.

        Returns:
            The client, and whether it was known and keeps its attachments. If the client had
            expired, it is a new client, and its `expiry` says how the client before it ended.

        Raises:
            InvalidArgumentError: The secret is too short, or the label has a control character.
            LimitExceededError: There are too many clients.
            ServerDrainingError: The server is stopping.
        """
        with self._registry.lock:
            client = self._clients.get(self._key(secret, principal))
            resumed = client is not None
            if client is None:
                client = self._begin(secret, window, label, principal)
            client.streams += 1
            if client.lease is not None:
                client.lease.end()
                client.lease = None
            return client, resumed

    def release(self, client: Client) -> None:
        """Note that one of a client's streams has ended; after the last one the grace begins."""
        with self._registry.lock:
            client.streams -= 1
            if client.streams == 0 and not client.ended:
                if client.attachments or client.is_opening:
                    self._grant(client, client.window / 2)
                else:
                    self._forget(client)

    def open(
        self, secret: bytes, request: OpenRequest, request_id: str = "", *, by_calls: bool = False
    ) -> Future[Opened]:
        """Open a session for a client; the same request id gives the same answer again.

        Args:
            secret: The client's secret.
            request: What to open.
            request_id: Chosen by the client for each request; empty for requests that never repeat.
            by_calls: The client holds no stream; its calls keep it present.

        Raises:
            SessionExpiredError: No client with this secret is present.
            InvalidArgumentError: The request id is too long.
        """
        if len(request_id) > _LONGEST_REQUEST_ID:
            raise InvalidArgumentError(
                f"The request id is too long. Use at most {_LONGEST_REQUEST_ID} characters."
            )
        with self._registry.lock:
            client = self._clients.get(self._key(secret, request.principal))
            if client is None and by_calls:
                client = self._begin_by_calls(secret, request)
            if client is None:
                raise SessionExpiredError(
                    "This client is not present. Open a presence stream (Hold) first."
                )
            client.note_call()
            answer = client.opens.get(request_id)
            if answer is None or answer.cancelled():
                answer = self._registry.open(request, client)
                if request_id:
                    self._remember(client, request_id, answer)
            self._callers[answer] = self._callers.get(answer, 0) + 1
            lease = self._abandoned.pop(answer, None)
            if lease is not None:
                lease.end()
            return answer

    def caller_left(self, answer: Future[Opened]) -> None:
        """Note that a caller of `open` left before it got the answer.

        If no other caller waits for the same answer, the request is withdrawn. If the server is
        carrying it out already, and no caller repeats it within a window, the new attachment ends
        again, because no client knows it.
        """
        with self._registry.lock:
            self._callers[answer] -= 1
            if self._callers[answer] or answer.cancel():
                return
            undo = partial(self._undo, answer)
            self._abandoned[answer] = self._registry.leases.grant(self._windows.default, undo)

    def expire(self, client: Client, reason: str) -> None:
        """End a client and all its attachments, unless it came back in time."""
        with self._registry.lock:
            if client.ended or client.streams:
                return
            if client.lease is not None and client.lease.live:
                return  # it came back and was lost again, which began a new grace
            self._forget(client)
            attachments = list(client.attachments.values())
            if attachments:
                self._remember_expiry(client, Expiry(reason, len(attachments)))
        for attachment in attachments:
            self._registry.end(attachment, reason)

    def __len__(self) -> int:
        """Count the clients, present or in their grace."""
        return len(self._clients)

    def _undo(self, answer: Future[Opened]) -> None:
        with self._registry.lock:
            if self._abandoned.pop(answer, None) is not None:
                answer.add_done_callback(self._end_abandoned)

    def _end_abandoned(self, answer: Future[Opened]) -> None:
        if answer.cancelled() or answer.exception() is not None:
            return
        attachment = answer.result().attachment
        assert attachment is not None
        with self._registry.lock:
            opens = attachment.client.opens
            for request_id in [key for key, value in opens.items() if value is answer]:
                del opens[request_id]
        self._registry.end(attachment, "the caller did not wait for the answer")

    def _begin_by_calls(self, secret: bytes, request: OpenRequest) -> Client:
        client = self._begin(secret, 0.0, request.label, request.principal)
        client.present_by_calls = True
        client.window = self._registry.options.call_ttl
        self._grant(client, client.window)
        return client

    def _begin(self, secret: bytes, window: float, label: str, principal: str) -> Client:
        if len(secret) < MIN_SECRET_BYTES:
            raise InvalidArgumentError(
                f"The client secret is too short. Use at least {MIN_SECRET_BYTES} random bytes."
            )
        check_text(label)
        if self._registry.draining:
            raise server_is_draining()
        self._shares.check_room(principal)
        limits = self._registry.options.limits
        key = self._key(secret, principal)
        granted = self._windows.grant(window)
        client = Client(key[1], principal, label[: limits.max_name_length], granted)
        client.expiry = self._expiries.pop(key, None)
        self._clients[key] = client
        self._shares.take(principal)
        return client

    @staticmethod
    def _remember(client: Client, request_id: str, answer: Future[Opened]) -> None:
        while len(client.opens) >= _REMEMBERED_OPENS:
            del client.opens[next(iter(client.opens))]
        client.opens[request_id] = answer

    def _remember_expiry(self, client: Client, expiry: Expiry) -> None:
        while len(self._expiries) >= _REMEMBERED_EXPIRIES:
            del self._expiries[next(iter(self._expiries))]
        self._expiries[client.principal, client.id] = expiry

    def _grant(self, client: Client, seconds: float) -> None:
        reason = f"silent for more than {seconds:g} s"
        expire = partial(self.expire, client, reason)
        client.lease = self._registry.leases.grant(seconds, expire)

    def _forget(self, client: Client) -> None:
        client.ended = True
        del self._clients[client.principal, client.id]
        self._shares.release(client.principal)

    @staticmethod
    def _key(secret: bytes, principal: str) -> tuple[str, str]:
        return principal, client_id(secret)


def client_id(secret: bytes) -> str:
    """Return a client's public name, derived from its secret; a restart does not change it."""
    return hashlib.sha256(b"session-sharing client" + secret).hexdigest()[:32]
