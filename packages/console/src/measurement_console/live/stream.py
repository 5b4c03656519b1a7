"""Stream the changes of one page to one browser as Server-Sent Events.

The id of each event is the place up to which the browser knows all: EPOCH.REVISION.POSITIONS.
A page begins its stream with the place in which it was rendered. A broken stream continues with the
place of its last event. So neither a reload nor a broken line loses or repeats anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from starlette.types import Receive, Scope, Send

from measurement_console.live.board import Section
from measurement_console.live.changes import Changes
from measurement_console.live.feed import Feed

EPOCH = secrets.token_hex(4)
"""Identifies this run of the console."""
_PLACE = re.compile(r"(?P<epoch>\w+)\.(?P<revision>\d{1,18})\.(?P<positions>[\d-]{0,99})", re.ASCII)
_BEAT_SECONDS = 1.0
"""Every stream sends something so often, so that a browser notices a broken line."""
_FRAME_SECONDS = 0.09
"""Shortest time between two updates of a page."""
_SEND_SECONDS = 20.0
"""Longest time that a browser may not read."""


@dataclass(frozen=True, slots=True)
class Place:
    """How much of a page a browser knows."""

    revision: int = 0
    positions: tuple[int, ...] = ()
    """The position in each feed of the page."""

    @classmethod
    def parse(cls, text: str) -> Place:
        """Return the place that a browser names; the beginning if this console did not give it."""
        found = _PLACE.fullmatch(text)
        if found is None or found["epoch"] != EPOCH:
            return cls()
        positions = tuple(int(number) for number in found["positions"].split("-") if number)
        return cls(int(found["revision"]), positions)

    def position(self, index: int) -> int:
        """Return the position in a feed; 0 if nothing of it is known."""
        return self.positions[index] if index < len(self.positions) else 0

    def moved(self, index: int, position: int) -> Place:
        """Return the place with another position in a feed."""
        count = max(index + 1, len(self.positions))
        positions = [self.position(number) for number in range(count)]
        positions[index] = position
        return replace(self, positions=tuple(positions))

    def __str__(self) -> str:
        return f"{EPOCH}.{self.revision}.{'-'.join(map(str, self.positions))}"


@dataclass(frozen=True, slots=True)
class View:
    """What one browser sees of one page."""

    sections: Callable[[], Mapping[str, Section]]
    """Returns the page's sections by name."""
    feeds: Sequence[Feed]
    """What the page shows live beside its sections."""
    own: Callable[[], str]
    """Returns the HTML that only this visitor sees."""
    revision: Callable[[], int]
    """Returns the revision of the last change of any section."""


class EventStream:
    """The answer to a request for the stream of a page. It is an ASGI application."""

    def __init__(
        self, view: View, place: Place, changes: Changes, *, is_short: bool, ended: asyncio.Event
    ) -> None:
        """Prepare a stream.

        Args:
            view: What the browser sees.
            place: What it knows already.
            changes: Wake the stream.
            is_short: End after the first answer; the browser asks again a second later. A browser
                has six connections to one host, so not every page of it can keep one.
            ended: Set when the console is stopping.
        """
        self._view = view
        self._place = place
        self._changes = changes
        self._is_short = is_short
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the browser goes."""
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        left = asyncio.ensure_future(_until_gone(receive))
        try:
            async for chunk in self._chunks(left):
                message = {"type": "http.response.body", "body": chunk, "more_body": True}
                await asyncio.wait_for(send(message), _SEND_SECONDS)
            await send({"type": "http.response.body", "body": b""})
        except (asyncio.TimeoutError, OSError):
            pass  # the browser does not read, or has gone
        finally:
            left.cancel()
            for feed in self._view.feeds:
                feed.close()

    async def _chunks(self, left: asyncio.Future[None]) -> AsyncIterator[bytes]:
        own = ""
        with self._changes.listen() as changed:
            yield _event("alive", "{}", retry=1000 if self._is_short else 300)
            while not left.done() and not self._ended.is_set():
                changed.clear()
                now = self._view.own()
                news = self._news(now if now != own else "")
                own = now
                yield news or _event("alive", "{}")
                if self._is_short:
                    return
                await asyncio.sleep(_FRAME_SECONDS)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(changed.wait(), _BEAT_SECONDS)

    def _news(self, own: str) -> bytes:
        """Return the events that the browser does not know yet."""
        events = []
        place = self._place
        for index, feed in enumerate(self._view.feeds):
            for message in feed.since(place.position(index)):
                place = place.moved(index, message.position)
                events.append(_event(message.event, message.data, place=str(place)))
        sections = self._view.sections()
        parts = [own] if own else []
        parts += [
            f'<hx-partial hx-target="#{name}" hx-swap="innerMorph">{section.html}</hx-partial>'
            for name, section in sections.items()
            if section.revision > place.revision
        ]
        if parts:
            place = replace(place, revision=self._view.revision())
            events.append(_event("", "\n".join(parts), place=str(place)))
        self._place = place
        return b"".join(events)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(name: str, data: str, *, place: str = "", retry: int = 0) -> bytes:
    """Return an event on the wire."""
    lines = [f"event: {name}"] if name else []
    lines += [f"id: {place}"] if place else []
    lines += [f"retry: {retry}"] if retry else []
    lines += [f"data: {line}" for line in data.splitlines() or [""]]
    return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")
