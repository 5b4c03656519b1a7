"""Serve a call: its caller, its attachment and resource, and threads for its blocking work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from session_sharing.core.errors import InvalidArgumentError
from session_sharing.core.registry import SessionRegistry
from session_sharing.core.resources import Resource
from session_sharing.core.sessions import Attachment
from session_sharing.roles import Role
from session_sharing.server.quota import Held

__all__ = [
    "attach",
    "attachment",
    "held",
    "in_thread",
    "may_administrate",
    "principal",
    "resource",
]
"""For servicers; the interceptor and the host use the other functions."""

_Result = TypeVar("_Result")
_Resource = TypeVar("_Resource", bound=Resource)


@dataclass(slots=True)
class Call:
    """The caller of a request, and the attachment that the request names, if the method has one."""

    principal: str
    window: float
    """Presence window, in seconds, of callers of this listener that ask for none."""
    registry: SessionRegistry
    attachment: Attachment | None = None
    role: Role = Role.OBSERVE
    """What the caller may do; set when the caller is known."""
    held: Held | None = None
    """Bytes and streams that the call holds; set when the caller is known."""
    uses_attachment: bool = False
    """The hook for the end of the attachment waits for this call."""

    def begin_use(self) -> None:
        """Let the hook for the end of the attachment, if there is one, wait for this call.

        Raises:
            SessionExpiredError: The attachment has ended.
        """
        if self.attachment is not None:
            self.registry.uses.begin(self.attachment)
            self.uses_attachment = True

    def end_use(self) -> None:
        """Let the hook wait for this call no more."""
        if self.attachment is not None and self.uses_attachment:
            self.uses_attachment = False
            self.registry.uses.end(self.attachment)


_current: ContextVar[Call] = ContextVar("session_sharing_call")


def begin(principal: str, window: float, registry: SessionRegistry) -> Call:
    """Start a call in the current task."""
    call = Call(principal, window, registry)
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


def attach(attachment_id: str) -> Attachment:
    """Take the attachment of a call that names it elsewhere than in its field `attachment`.

    Use it for a protocol that has no such field, whose clients send the id in the metadata.

    Raises:
        SessionExpiredError: The attachment has ended, or belongs to another identity.
    """
    call = current()
    call.attachment = found = call.registry.attachment(attachment_id, call.principal)
    return found


def resource(kind: type[_Resource]) -> _Resource:
    """Return the resource of the attachment that the request names.

    Args:
        kind: The class of the resource.

    Raises:
        InvalidArgumentError: The attachment belongs to a resource of another class.
        LookupError: The method does not have the option `requires_lease`.
    """
    session = attachment().session
    if not isinstance(session.resource, kind):
        raise InvalidArgumentError(
            f"The attachment belongs to {session.request.resource!r}, a resource of the kind "
            f"{session.request.kind!r}, which does not have this call."
        )
    return session.resource


async def in_thread(
    function: Callable[..., _Result], *arguments: object, parallel: bool = False
) -> _Result:
    """Call a function that may be slow, in one of the server's worker threads.

    Use it for everything that waits, as for a disk, a network or hardware: a servicer that waits in
    the event loop stops the whole server. The functions of one session run one after the other, in
    the order of the calls, and never beside a hook of the resource. The function goes on when the
    client is gone, and then `end_attachment` or the release of the resource waits for it.

    Args:
        function: The function, such as a method of the resource.
        *arguments: Its arguments.
        parallel: Let the function run beside others of the session, and beside its hooks. Set it
            for functions that wait long, when the resource has locks of its own.

    Raises:
        SessionExpiredError: The attachment has ended, or the session was closed.
        LookupError: The method does not have the option `requires_lease`.
        Exception: The function raised it.
    """
    used = attachment()
    work = partial(copy_context().run, function, *arguments)
    run = partial(_current.get().registry.uses.run, work, used, alone=not parallel)
    if parallel:
        return await asyncio.wrap_future(run())
    async with used.session.turns:
        return await asyncio.wrap_future(run())
