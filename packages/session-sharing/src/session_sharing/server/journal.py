"""Write the server's log for people, and its audit trail of all session events."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import queue
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from session_sharing.core.errors import InvalidArgumentError
from session_sharing.core.events import SessionEvent

_WAITING = 10_000
"""Events that may wait for a slow disk. More are dropped, and the trail says how many."""
_CLOSING_SECONDS = 5.0
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)

_log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """Formats each log record as a line with a JSON object, for programs that collect logs."""

    def format(self, record: logging.LogRecord) -> str:
        """Encode a log record."""
        facts = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        return json.dumps(facts)


def configure_logging(*, as_json: bool) -> None:
    """Write the log of this process to standard error."""
    handler = logging.StreamHandler()
    if as_json:
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class AuditTrail:
    """Appends every session event to a file, as a line of JSON.

    A background thread writes, so that a slow disk does not delay calls.
    """

    def __init__(self, path: Path) -> None:
        """Open the file. A new file can be read by this user only.

        Raises:
            InvalidArgumentError: The file cannot be opened.
        """
        try:
            self._handle = os.open(path, _APPENDING, 0o600)
        except OSError as error:
            raise InvalidArgumentError(
                f"The audit trail cannot be opened: {error}. Name another file."
            ) from error
        self._events: queue.Queue[SessionEvent | None] = queue.Queue(_WAITING)
        self._failed = False
        self._thread = threading.Thread(target=self._run, name="audit-trail", daemon=True)
        self._thread.start()

    def note(self, event: SessionEvent) -> None:
        """Write an event in the background; if too many events wait, only count it as missing."""
        with contextlib.suppress(queue.Full):
            self._events.put_nowait(event)

    def close(self) -> None:
        """Write the waiting events, and close the file."""
        self._events.put(None)
        self._thread.join(timeout=_CLOSING_SECONDS)
        if self._thread.is_alive():
            _log.error(
                "The audit trail could not be written within %g s. Its last events are missing.",
                _CLOSING_SECONDS,
            )
        else:
            os.close(self._handle)

    def _run(self) -> None:
        last: int | None = None
        """Revision up to which all events are written, or reported as missing."""
        while (event := self._events.get()) is not None:
            last = event.revision - 1 if last is None else last
            missing = event.revision - 1 - last
            if missing and self._write({"event": "MISSING", "count": missing}):
                last += missing
            if last == event.revision - 1 and self._write(_facts(event)):
                last = event.revision

    def _write(self, facts: Mapping[str, object]) -> bool:
        """Write a whole line or nothing; a full disk is logged once and stops no server."""
        line = json.dumps(facts).encode() + b"\n"
        try:
            size = os.fstat(self._handle).st_size
            if os.write(self._handle, line) < len(line):
                os.truncate(self._handle, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            if not self._failed:
                _log.error("The audit trail cannot be written: %s", error)
            self._failed = True
            return False
        self._failed = False
        return True

    def __enter__(self) -> AuditTrail:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _facts(event: SessionEvent) -> dict[str, object]:
    facts = {
        "time": event.time.isoformat(),
        "revision": event.revision,
        "event": event.type.name,
        "principal": event.principal,
        "label": event.label,
        "client": event.client_id,
        "session": event.session_name,
        "kind": event.kind,
        "resource": event.resource,
        "generation": event.generation,
        "reason": event.reason,
    }
    return {key: value for key, value in facts.items() if value}
