"""Note every control action: who did what, when, and how it ended."""

from __future__ import annotations

import json
import logging
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TextIO

from session_sharing.core.errors import NotPermittedError
from session_sharing.places import append_private

from measurement_console.errors import OptionsError
from measurement_console.security.visitors import Visitor

_MOST_SHOWN = 50
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Action:
    """A control action."""

    who: str
    """Name of the visitor."""
    what: str
    """The action, such as "close session"."""
    object: str
    """Name of the thing that it changes."""
    result: str
    """"ok", or why it failed."""
    time: datetime = field(default_factory=lambda: datetime.now(timezone.utc))


class Audit:
    """The last actions, and the file of all actions."""

    def __init__(self, path: Path | None) -> None:
        """Open the file.

        Raises:
            OptionsError: The file cannot be opened, or other users can write it.
        """
        self.actions: deque[Action] = deque(maxlen=_MOST_SHOWN)
        """The last actions, the newest last."""
        self._file: TextIO | None = None
        if path is not None:
            try:
                self._file = append_private(path)
            except (OSError, NotPermittedError) as error:
                raise OptionsError(
                    f"The audit trail {path} cannot be opened: {error}. Name another file."
                ) from error

    def note(self, visitor: Visitor, what: str, thing: str, result: str = "ok") -> None:
        """Note an action, in the file and for the page.

        Args:
            visitor: Who did it.
            what: The action, such as "close session".
            thing: Name of the thing that it changes.
            result: "ok", or why it failed.
        """
        action = Action(visitor.name, what, thing, result)
        self.actions.append(action)
        _log.info("%s: %s %s: %s", action.who, what, thing, result)
        if self._file is not None:
            facts = {
                "time": action.time.isoformat(),
                "who": action.who,
                "role": visitor.role.value,
                "action": what,
                "object": thing,
                "result": result,
            }
            try:
                self._file.write(json.dumps(facts) + "\n")
                self._file.flush()
            except OSError:
                _log.exception("The audit trail cannot be written.")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
