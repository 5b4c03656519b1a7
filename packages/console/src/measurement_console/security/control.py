"""Know who is in control. One visitor at a time may change something."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from session_sharing.roles import Role

from measurement_console.errors import RefusedError
from measurement_console.security.visitors import Visitor


class Control:
    """Who is in control, and since when."""

    def __init__(self, *, is_allowed: bool, changed: Callable[[], None]) -> None:
        """Begin with nobody in control.

        Args:
            is_allowed: Whether the console was started with `--control`.
            changed: Called after every change.
        """
        self.is_allowed = is_allowed
        self.holder: Visitor | None = None
        self.since: datetime | None = None
        self.revision = 0
        """Number of changes so far."""
        self._changed = changed

    def take(self, visitor: Visitor) -> None:
        """Give control to a visitor. The visitor who had it loses it.

        Raises:
            RefusedError: The console is read-only, or the visitor may only observe.
        """
        if not self.is_allowed:
            raise RefusedError(
                403, "This console is read-only. Start it with: measurement-console --control"
            )
        if not visitor.role.includes(Role.USE):
            raise RefusedError(
                403, "Your key may only observe. Sign in with a key that has the role 'use'."
            )
        self._set(visitor)

    def release(self, visitor: Visitor) -> None:
        """Take control away from a visitor who has it."""
        if self.holder is visitor:
            self._set(None)

    def require(self, visitor: Visitor, role: Role = Role.USE) -> None:
        """Check that a visitor is in control.

        Raises:
            RefusedError: The visitor is not in control, or the key has not the role.
        """
        if self.holder is not visitor:
            in_control = f"{self.holder.name} is in control. " if self.holder else ""
            raise RefusedError(403, f"{in_control}Press 'Take control' first.")
        if not visitor.role.includes(role):
            raise RefusedError(
                403,
                f"This needs a key with the role '{role.value}'. Yours is '{visitor.role.value}'.",
            )

    def _set(self, visitor: Visitor | None) -> None:
        self.holder = visitor
        self.since = datetime.now().astimezone() if visitor else None
        self.revision += 1
        self._changed()
