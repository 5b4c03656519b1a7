"""Return facts about the call that the current task serves: its caller and its attachment."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from session_sharing.core.sessions import Attachment
from session_sharing.roles import Role
from session_sharing.server.quota import Held

__all__ = ["attachment", "held", "may_administrate", "principal"]
"""For servicers; the interceptor and the host use the other functions."""


@dataclass(slots=True)
class Call:
    """The caller of a request, and the attachment that the request names, if the method has one."""

    principal: str
    window: float
    """Presence window, in seconds, of callers of this listener that ask for none."""
    attachment: Attachment | None = None
    role: Role = Role.OBSERVE
    """What the caller may do; set when the caller is known."""
    held: Held | None = None
    """Bytes and streams that the call holds; set when the caller is known."""


_current: ContextVar[Call] = ContextVar("session_sharing_call")


def begin(principal: str, window: float) -> Call:
    """Start a call in the current task."""
    call = Call(principal, window)
    _current.set(call)
    return call


def current() -> Call:
    """Return the call that the current task serves."""
    return _current.get()


def principal() -> str:
    """Return the identity of the caller."""
    return _current.get().principal


def may_administrate() -> bool:
    """Return whether the caller may also close and change sessions of others."""
    return _current.get().role.includes(Role.ADMINISTRATE)


def known_principal() -> str:
    """Return the identity of the caller; empty when it showed none."""
    call = _current.get(None)
    return call.principal if call else ""


def default_window() -> float:
    """Return the presence window, in seconds, for a caller that asks for none."""
    return _current.get().window


def held() -> Held:
    """Return the bytes and streams that this call holds.

    A stream that keeps requests in memory counts their bytes there.
    """
    found = _current.get().held
    assert found is not None  # the interceptor sets it first
    return found


def attachment() -> Attachment:
    """Return the live attachment that the request names.

    Raises:
        LookupError: The method does not have the option `requires_lease`.
    """
    found = _current.get().attachment
    if found is None:
        raise LookupError(
            "This method has no attachment. Set the option requires_lease in its .proto file."
        )
    return found
