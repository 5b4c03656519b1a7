"""Make the web application: pages, their streams, and the ways in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from measurement_console import rendering
from measurement_console.console import Console
from measurement_console.errors import RefusedError
from measurement_console.live.board import Section
from measurement_console.live.stream import EventStream, Place, View
from measurement_console.pages import PAGES
from measurement_console.pages.page import (
    Arguments,
    Page,
    arguments_of,
    visitor_of,
)
from measurement_console.security.guard import Guard
from measurement_console.security.visitors import Visitor
from measurement_console.ways_in import Ways

_MOST_STREAMS = 200
"""Open streams of all browsers."""
_STREAMS_OF_BROWSER = 4
"""Open streams of one browser, which has six connections to one host."""


class Site:
    """The pages of one console."""

    def __init__(self, console: Console, secret: str) -> None:
        """Prepare the pages.

        Args:
            console: What the pages show.
            secret: With this secret, the command line asks for another link.
        """
        self._console = console
        self._environment = rendering.make_environment()
        self._environment.globals.update(pages=PAGES, control=console.control)
        self._streams = 0
        self._ended = asyncio.Event()
        self._ways = Ways(console, secret, self._render_plain)

    def make_app(self) -> ASGIApp:
        """Return the guarded application."""
        routes: list[Route | Mount] = [
            Route("/", lambda request: RedirectResponse(PAGES[0].path)),
            Route("/control/take", self._take, methods=["POST"]),
            Route("/control/release", self._release, methods=["POST"]),
            *self._ways.routes,
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
        ]
        for page in PAGES:
            routes.append(Route(page.path, partial(self._show, page), methods=["GET"]))
            routes.append(Route(f"/live{page.path}", partial(self._live, page), methods=["GET"]))
            routes += page.routes
        app = Starlette(
            routes=routes,
            lifespan=self._lifespan,
            exception_handlers={
                RefusedError: self._handle_refusal,
                HTTPException: self._handle_http_error,
                Exception: self._handle_failure,
            },
        )
        app.state.console = self._console
        app.state.render = self._render
        console = self._console
        return Guard(app, console.options, console.visitors, cookie_name, self._refuse)

    def end_streams(self) -> None:
        """End all streams, so that the server can stop."""
        self._ended.set()
        self._console.changes.announce()

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._console.start()
        try:
            yield
        finally:
            await asyncio.to_thread(self._console.stop)

    def _render(self, template: str, facts: Mapping[str, Any]) -> str:
        return rendering.render(self._environment, template, facts)

    def _render_plain(self, template: str, facts: Mapping[str, Any], status: int) -> Response:
        return HTMLResponse(self._render(template, facts), status)

    async def _show(self, page: Page, request: Request) -> Response:
        arguments = arguments_of(request)
        sections = self._sections(page, arguments)
        place = Place(self._console.board.revision)
        facts = {
            "page": page,
            "visitor": visitor_of(request),
            "own": self._own(visitor_of(request)),
            "query": request.url.query,
            "place": place,
            "section": lambda name: rendering.section_element(name, sections[name].html),
            **page.facts(self._console, arguments),
        }
        return HTMLResponse(self._render(f"{page.name}.html", facts))

    async def _live(self, page: Page, request: Request) -> Response | ASGIApp:
        if self._streams >= _MOST_STREAMS:
            raise RefusedError(503, "Too many browsers watch this console. Close some of them.")
        arguments, visitor = arguments_of(request), visitor_of(request)
        known = request.headers.get("last-event-id") or request.query_params.get("after", "")
        view = View(
            sections=partial(self._sections, page, arguments),
            feeds=page.feeds(self._console, arguments),
            own=partial(self._own, visitor),
            revision=lambda: self._console.board.revision,
        )
        return self._counted(view, Place.parse(known), visitor)

    def _counted(self, view: View, place: Place, visitor: Visitor) -> ASGIApp:
        """Return a stream that is counted while it is open."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            is_short = visitor.streams >= _STREAMS_OF_BROWSER
            self._streams += 1
            visitor.streams += 1
            try:
                stream = EventStream(
                    view, place, self._console.changes, is_short=is_short, ended=self._ended
                )
                await stream(scope, receive, send)
            finally:
                self._streams -= 1
                visitor.streams -= 1

        return serve

    def _sections(self, page: Page, arguments: Arguments) -> Mapping[str, Section]:
        key = (page.name, *sorted(arguments.items()))
        render = partial(self._render_sections, page, arguments)
        return self._console.board.sections(key, self._console.changes.count, render)

    def _render_sections(self, page: Page, arguments: Arguments) -> dict[str, str]:
        return {
            name: self._render(
                f"sections/{name.replace('-', '_')}.html", facts_of(self._console, arguments)
            )
            for name, facts_of in page.sections.items()
        }

    def _own(self, visitor: Visitor) -> str:
        """Return what only this visitor sees: who is in control."""
        html = self._render("control.html", {"visitor": visitor})
        return f'<hx-partial hx-target="#control" hx-swap="outerMorph">{html}</hx-partial>'

    async def _take(self, request: Request) -> Response:
        visitor = visitor_of(request)
        self._console.control.take(visitor)
        self._console.audit.note(visitor, "take", "control")
        return HTMLResponse(self._own(visitor))

    async def _release(self, request: Request) -> Response:
        visitor = visitor_of(request)
        self._console.control.release(visitor)
        self._console.audit.note(visitor, "release", "control")
        return HTMLResponse(self._own(visitor))

    def _refuse(self, request: Request, error: RefusedError) -> Response:
        """Return the answer to a refused request: a notice in the page, or a page of its own."""
        if request.headers.get("hx-request") == "true":
            notice = self._render("notice.html", {"text": str(error), "is_problem": True})
            return HTMLResponse(notice, error.status)
        facts = {"status": error.status, "text": str(error), "has_keys": self._ways.has_keys}
        return HTMLResponse(self._render("refused.html", facts), error.status)

    async def _handle_refusal(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        return self._refuse(request, error)

    async def _handle_http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        texts = {404: "There is no such page.", 405: "This address does not take such requests."}
        text = texts.get(error.status_code, error.detail)
        return self._refuse(request, RefusedError(error.status_code, text))

    async def _handle_failure(self, request: Request, error: Exception) -> Response:
        text = f"The console failed with an unexpected {type(error).__name__}. See its output."
        return self._refuse(request, RefusedError(500, text))


def cookie_name(scope: Scope) -> str:
    """Return the name of the cookie. Browsers send cookies of one port to every other port."""
    return f"measurement-console-{scope['server'][1]}"
