"""Define what a page is, and what an action of a page needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl

from session_sharing.roles import Role
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from measurement_console.console import Console
from measurement_console.errors import RefusedError
from measurement_console.live.feed import Feed
from measurement_console.security.visitors import Visitor

Arguments = Mapping[str, str]
"""The query of the page's address."""
Facts = Mapping[str, Any]
"""Values for a template."""
Answer = Callable[[Request], Awaitable[Response]]

_LONGEST_ARGUMENT = 16 * 1024
_MOST_FIELDS = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the console.

    Its template is ``templates/NAME.html``, which extends ``base.html``. It shows a section by
    ``{{ section("now-services") }}``.
    """

    name: str
    """Name in addresses and files, such as "now"."""
    title: str
    """Title, as in the menu."""
    sections: Mapping[str, Callable[[Console, Arguments], Facts]] = field(default_factory=dict)
    """Parts of the page that change by themselves. The name is the id of the HTML element and, with
    underscores, the name of the template: ``templates/sections/NAME.html``. The function returns
    the values for the template. It is called after every change, so it must be fast."""
    facts: Callable[[Console, Arguments], Facts] = lambda console, arguments: {}
    """Returns the values for the page's own template."""
    feeds: Callable[[Console, Arguments], Sequence[Feed]] = lambda console, arguments: ()
    """Returns what the page shows live beside its sections."""
    routes: Sequence[Route] = ()
    """Actions and downloads of the page."""
    scripts: Sequence[str] = ()
    """Files in ``static/`` that the page needs beside ``console.js``."""

    @property
    def path(self) -> str:
        """Path of the page."""
        return f"/{self.name}"


def console_of(request: Request) -> Console:
    """Return the console that serves a request."""
    return cast(Console, request.app.state.console)


def visitor_of(request: Request) -> Visitor:
    """Return the visitor who has sent a request."""
    return cast(Visitor, request.scope["visitor"])


def arguments_of(request: Request) -> dict[str, str]:
    """Return the query of a request; too long values are cut off."""
    query = dict(request.query_params)
    return {key: value[:_LONGEST_ARGUMENT] for key, value in query.items() if key != "after"}


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form."""
    return dict(await form_fields_of(request))


async def form_fields_of(request: Request) -> list[tuple[str, str]]:
    """Return the fields of a form in their order; a name can come several times.

    Raises:
        RefusedError: This is not a form, or it is too large.
    """
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind != "application/x-www-form-urlencoded":
        raise RefusedError(415, "This is not a form.")
    try:
        text = (await request.body()).decode("ascii")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise RefusedError(400, "The form cannot be read.") from error


def require_control(request: Request, role: Role = Role.USE) -> Visitor:
    """Return the visitor who has sent an action, who must be in control.

    Raises:
        RefusedError: The visitor is not in control, or the key has not the role.
    """
    visitor = visitor_of(request)
    console_of(request).control.require(visitor, role)
    return visitor


def notice(request: Request, text: str, *, is_problem: bool = False, html: str = "") -> Response:
    """Return the answer to an action: a notice for the user, and parts of the page.

    Args:
        request: The request of the action.
        text: What happened, and what to do.
        is_problem: Whether the action failed.
        html: HTML that replaces the target of the action.
    """
    render: Callable[[str, Mapping[str, Any]], str] = request.app.state.render
    facts = {"text": text, "is_problem": is_problem}
    return HTMLResponse(html + render("notice.html", facts))
