"""Check every request before a page sees it: host, origin, cookie and token; add the policy."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from measurement_console.errors import RefusedError
from measurement_console.options import ConsoleOptions
from measurement_console.security.visitors import Visitors

CSRF_HEADER = "x-csrf-token"
"""Header with the visitor's token, which every POST of a page has."""
_LARGEST_BODY = 1024 * 1024
_OPEN_PATHS = ("/enter", "/sign-in", "/link", "/alive")
"""Paths that need no cookie, beside static files. They show nothing of the station."""
_METHODS = ("GET", "HEAD", "POST")

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """An ASGI application that lets only good requests through to another one."""

    def __init__(
        self,
        app: ASGIApp,
        options: ConsoleOptions,
        visitors: Visitors,
        cookie_name: Callable[[Scope], str],
        refuse: Callable[[Request, RefusedError], Response],
    ) -> None:
        """Guard an application.

        Args:
            app: The application.
            options: Where the console listens.
            visitors: The browsers that are signed in.
            cookie_name: Returns the name of the cookie for a request.
            refuse: Makes the answer for a browser whose request is refused.
        """
        self._app = app
        self._options = options
        self._visitors = visitors
        self._cookie_name = cookie_name
        self._refuse = refuse
        self._names = _own_names(options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        guarded = _with_headers(send, _cache_of(scope["path"]))
        try:
            self._check(scope)
        except RefusedError as error:
            request = Request(scope, receive)
            is_foreign = error.status in (400, 421)
            answer = (
                PlainTextResponse(str(error), error.status)
                if is_foreign
                else self._refuse(request, error)
            )
            await answer(scope, receive, guarded)
            return
        await self._app(scope, _limited(receive), guarded)

    def _check(self, scope: Scope) -> None:
        """Check a request, and note its visitor in the scope.

        Raises:
            RefusedError: The request is refused.
        """
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._is_own_host(host, scope):
            raise RefusedError(421, "This is not the address of the console.")
        if scope["method"] not in _METHODS:
            raise RefusedError(400, "The console knows GET and POST only.")
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not (
            scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
        ):
            raise RefusedError(403, "Another page has sent this request.")
        path = scope["path"]
        is_open = path in _OPEN_PATHS or path.startswith("/static/")
        visitor = self._visitors.find(self._cookie_of(scope))
        scope["visitor"] = visitor
        if visitor is None and not is_open:
            raise RefusedError(401, "This browser is not signed in.")
        if scope["method"] == "POST" and path != "/link":
            own = f"{'https' if self._options.speaks_tls else 'http'}://{host}"
            if headers.get("origin") != own:
                raise RefusedError(403, "Another page has sent this request.")
            if visitor is not None and not is_open:
                given = headers.get(CSRF_HEADER, "")
                if not hmac.compare_digest(given.encode(), visitor.csrf.encode()):
                    raise RefusedError(403, "This page is too old. Load it again.")

    def _cookie_of(self, scope: Scope) -> str:
        return Request(scope).cookies.get(self._cookie_name(scope), "")

    def _is_own_host(self, host: str, scope: Scope) -> bool:
        """Return whether a Host header names this console. It is no proof of who asks."""
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        default = 443 if self._options.speaks_tls else 80
        if (port or default) != scope["server"][1]:
            return False
        if name in self._names:
            return True
        if self._options.is_loopback:
            return False
        try:  # a page of another site has a name: it cannot make a browser send an address
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _own_names(options: ConsoleOptions) -> frozenset[str]:
    names = {"127.0.0.1", "localhost", "::1", options.host}
    if not options.is_loopback:
        names |= {socket.gethostname(), socket.getfqdn(), *options.names}
    return frozenset(name.lower() for name in names)


def _limited(receive: Receive) -> Receive:
    """Return a function that reads a request, but not more than the largest body."""
    size = 0

    async def read() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > _LARGEST_BODY:
            raise RefusedError(413, "The request is too large.")
        return message

    return read


def _cache_of(path: str) -> str:
    """Return how long a browser may keep an answer; names of vendored files have a version."""
    if path.startswith("/static/vendor/"):
        return "max-age=86400"
    return "no-cache" if path.startswith("/static/") else "no-store"


def _with_headers(send: Send, cache: str) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", cache)
        await send(message)

    return send_with_headers
