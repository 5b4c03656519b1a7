"""The call that is being served: its caller, its attachment, what it takes of the server."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from session_sharing.core.sessions import Attachment
from session_sharing.server.quota import Held

__all__ = ["attachment", "held", "principal"]
"""For servicers; the rest is between the interceptor and the host."""


@dataclass(slots=True)
class Call:
    """The caller, and the attachment of its request where the method requires one."""

    principal: str
    window: float
    """Presence window of callers from there that ask for none, in seconds."""
    attachment: Attachment | None = None
    held: Held | None = None
    """What it takes of the server; there once the caller is known."""


_current: ContextVar[Call] = ContextVar("session_sharing_call")


def begin(principal: str, window: float) -> Call:
    """Start a call in the current task."""
    call = Call(principal, window)
    _current.set(call)
    return call


def current() -> Call:
    """The call that the current task serves."""
    return _current.get()


def principal() -> str:
    """Identity of the caller."""
    return _current.get().principal


def known_principal() -> str:
    """Identity of the caller; empty when it showed none."""
    call = _current.get(None)
    return call.principal if call else ""


def default_window() -> float:
    """Presence window for a caller that asks for none, in seconds."""
    return _current.get().window


def held() -> Held:
    """Give what this call takes of the server; a stream that keeps requests counts them there."""
    found = _current.get().held
    assert found is not None  # the interceptor begins with it
    return found


def attachment() -> Attachment:
    """The live attachment that the request named; only in methods marked `requires_lease`."""
    found = _current.get().attachment
    if found is None:
        raise LookupError("This method is not marked requires_lease.")
    return found
