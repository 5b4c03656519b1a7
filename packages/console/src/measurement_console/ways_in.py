"""Let browsers in: by a one-time link, by a key, and by another link from the command line."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from measurement_console.console import Console
from measurement_console.errors import RefusedError
from measurement_console.pages.page import form_of
from measurement_console.security.visitors import Visitor

_USED = (
    "This link was used already, or the console was started again. Each link works once. Make "
    "another one with: measurement-console link"
)


class Ways:
    """The ways in."""

    def __init__(
        self,
        console: Console,
        secret: str,
        render: Callable[[str, Mapping[str, Any], int], Response],
    ) -> None:
        """Serve a console.

        Args:
            console: The console.
            secret: With this secret, the command line asks for another link.
            render: Returns a template as an answer, with a status.
        """
        self._console = console
        self._secret = secret
        self._render = render
        self.routes = [
            Route("/enter", self._enter, methods=["GET"]),
            Route("/sign-in", self._sign_in, methods=["GET", "POST"]),
            Route("/sign-out", self._sign_out, methods=["POST"]),
            Route("/link", self._link, methods=["POST"]),
            Route("/alive", self._alive, methods=["GET"]),
        ]

    @property
    def has_keys(self) -> bool:
        """Whether a browser can sign in with a key."""
        return self._console.visitors.has_keys

    async def _enter(self, request: Request) -> Response:
        visitor = self._console.visitors.use_link(request.query_params.get("token", ""))
        if visitor is None:
            raise RefusedError(403, _USED)
        return self._let_in(request, visitor)

    async def _sign_in(self, request: Request) -> Response:
        if request.method == "GET":
            return self._render("sign_in.html", {"problem": ""}, 200)
        form = await form_of(request)
        visitor = self._console.visitors.use_key(form.get("id", ""), form.get("key", ""))
        if visitor is None:
            problem = "The console does not know this id with this key. Check both."
            return self._render("sign_in.html", {"problem": problem}, 403)
        return self._let_in(request, visitor)

    async def _sign_out(self, request: Request) -> Response:
        visitor = request.scope["visitor"]
        self._console.control.release(visitor)
        self._console.visitors.sign_out(visitor)
        return Response(status_code=204, headers={"HX-Redirect": "/sign-in"})

    async def _link(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._secret}".encode()):
            raise RefusedError(403, "Only the user who runs the console can make a link.")
        return JSONResponse({"token": self._console.make_link()})

    async def _alive(self, request: Request) -> Response:
        return Response(status_code=204 if request.scope["visitor"] else 401)

    def _let_in(self, request: Request, visitor: Visitor) -> Response:
        """Give the browser its cookie.

        The page leads on by itself: after a redirect from another site, a browser would not send
        the new cookie.
        """
        answer = self._render("entered.html", {}, 200)
        answer.set_cookie(
            f"measurement-console-{request.scope['server'][1]}",
            visitor.cookie,
            httponly=True,
            samesite="strict",
            secure=self._console.options.speaks_tls,
        )
        return answer
