"""Show who holds what since when, what happened last, and close sessions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from session_sharing.client import SessionSharingError
from session_sharing.roles import Role
from session_sharing.v1 import lifecycle_pb2 as pb
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from measurement_console.console import Console
from measurement_console.errors import RefusedError
from measurement_console.live.feed import Message
from measurement_console.pages.page import (
    Arguments,
    Facts,
    Page,
    console_of,
    form_of,
    notice,
    require_control,
)
from measurement_console.rendering import shown
from measurement_console.sources.event_log import Event, EventLog

_BEHAVIORS = {
    pb.BEHAVIOR_AUTO: "automatic",
    pb.BEHAVIOR_INITIALIZE_SERVER_SESSION: "opens, closes",
    pb.BEHAVIOR_ATTACH_TO_SERVER_SESSION: "attaches, detaches",
    pb.BEHAVIOR_INITIALIZE_SESSION_THEN_DETACH: "opens, detaches",
    pb.BEHAVIOR_ATTACH_TO_SESSION_THEN_CLOSE: "attaches, closes",
}


def _open(console: Console, _: Arguments) -> Facts:
    return {"servers": console.servers.all, "behaviors": _BEHAVIORS}


class _EventFeed:
    """Rows of the table of events, for the JavaScript of the page."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def since(self, position: int) -> Sequence[Message]:
        """Return the events after a number."""
        events = self._log.since(position)
        if not events:
            return ()
        missed = events[0].number - position - 1 if position else 0
        data = {"missed": missed, "rows": [_row(event) for event in events]}
        return (Message("rows", json.dumps(data), events[-1].number),)

    def close(self) -> None:
        """Do nothing: the log is shared."""


def _row(event: Event) -> list[str]:
    return [
        event.time.astimezone().strftime("%H:%M:%S"),
        event.type.lower(),
        shown(event.resource or event.session, 100),
        shown(event.who, 80),
        shown(event.reason, 300),
        shown(event.server, 40),
    ]


async def _close(request: Request) -> Response:
    """Close a session for everybody."""
    visitor = require_control(request, Role.ADMINISTRATE)
    console, form = console_of(request), await form_of(request)
    name = form.get("session", "")
    server = console.servers.find(form.get("server", ""))
    if server is None:
        raise RefusedError(404, "There is no such server.")
    resource = next((one.resource for one in server.sessions if one.name == name), name)
    try:
        closed = await asyncio.to_thread(server.close_session, name)
    except SessionSharingError as error:
        console.audit.note(visitor, "close session", resource, str(error))
        return notice(request, f"{resource} was not closed. {error}", is_problem=True)
    result = "closed" if closed else "closes with its last attachment"
    console.audit.note(visitor, "close session", resource, result)
    return notice(request, f"{resource}: {result}.")


SESSIONS = Page(
    "sessions",
    "Sessions",
    sections={"sessions-open": _open},
    feeds=lambda console, arguments: [_EventFeed(console.servers.events)],
    routes=(Route("/sessions/close", _close, methods=["POST"]),),
)
