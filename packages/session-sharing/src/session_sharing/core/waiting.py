"""Keep the requests that wait for a resource, in the order of their arrival."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from session_sharing.core.leases import Lease
from session_sharing.core.resources import Candidate

if TYPE_CHECKING:
    from session_sharing.core.sessions import Client, Opened, OpenRequest

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class PendingOpen:
    """A request that the registry has not answered yet, with the resource that it means."""

    request: OpenRequest
    client: Client | None
    candidate: Candidate
    result: Future[Opened]
    reclaimed: str = ""
    made_room: bool = False
    """A session was closed for this one."""
    line: Line | None = None
    """Where it waits."""
    has_waited: bool = False
    patience: Lease | None = None
    """Ends the waiting, if the request says how long it waits."""

    @property
    def key(self) -> Hashable:
        """Identity of the resource, together with its kind."""
        return self.request.kind, self.candidate.key

    def claim(self) -> bool:
        """Begin to carry the request out; False when its caller has cancelled it."""
        return self.result.running() or self.result.set_running_or_notify_cancel()

    def succeed(self, opened: Opened) -> None:
        """Answer with a session that an earlier request opened."""
        self.result.set_result(opened)
        self.discard()

    def fail(self, error: BaseException) -> None:
        """Free what was opened, and then answer with an error, so that nothing is left by then."""
        is_wanted = self.claim()
        self.discard()
        if is_wanted:
            self.result.set_exception(error)

    def discard(self) -> None:
        """Free everything that locating the resource opened."""
        try:
            self.candidate.discard()
        except Exception:
            _log.exception("The function discard of a located resource has failed.")


class Line:
    """The requests that wait for one resource, the first in line first. Not thread-safe."""

    def __init__(self) -> None:
        self._waiting: list[PendingOpen] = []

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def labels(self) -> list[str]:
        """The names of those who wait, for people."""
        return [pending.request.label for pending in self._waiting]

    def add(self, pending: PendingOpen, *, first: bool = False) -> None:
        """Let a request wait: behind the others, or before them."""
        self._waiting.insert(0 if first else len(self._waiting), pending)
        pending.line = self

    def remove(self, pending: PendingOpen) -> list[str]:
        """Take one request out of the line; return the names of those before it."""
        place = self._waiting.index(pending)
        ahead = self.labels[:place]
        del self._waiting[place]
        pending.line = None
        return ahead

    def take(self) -> list[PendingOpen]:
        """Take all requests out of the line."""
        taken, self._waiting = self._waiting, []
        for pending in taken:
            pending.line = None
        return taken
