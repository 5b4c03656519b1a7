"""What a server writes down about itself: a log for people, an audit trail for later questions."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import TracebackType

from session_sharing.core.errors import InvalidArgumentError
from session_sharing.core.events import SessionEvent

_log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for programs that collect logs."""

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
    """Send the log of this process to standard error."""
    handler = logging.StreamHandler()
    if as_json:
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class AuditTrail:
    """Appends every session event as a line of JSON: who opened, closed, expired, was refused."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            InvalidArgumentError: It cannot be opened.
        """
        try:
            self._file = path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise InvalidArgumentError(f"The audit trail cannot be opened: {error}") from error
        self._failed = False

    def note(self, event: SessionEvent) -> None:
        """Write an event down; a full disk is reported once and does not stop the server."""
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
        try:
            known = {key: value for key, value in facts.items() if value}
            self._file.write(json.dumps(known) + "\n")
            self._failed = False
        except OSError as error:
            if not self._failed:
                _log.error("The audit trail cannot be written: %s", error)
            self._failed = True

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> AuditTrail:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
