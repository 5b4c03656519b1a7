"""Know the browsers that may see the console: by one-time links, by keys, and by cookies."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from session_sharing.roles import ApiKey, Role

_MOST_LINKS = 20
"""Links that nobody has opened yet; an older one is void."""
_MOST_VISITORS = 200
"""Browsers that are signed in; the one that was away for the longest time must sign in again."""
_WRONG_KEYS_PER_SECOND = 5.0


@dataclass(slots=True, eq=False)
class Visitor:
    """A browser that is signed in."""

    name: str
    """Name for people and for the audit trail."""
    role: Role
    """What the visitor may do."""
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    """The secret in the browser's cookie."""
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    """The secret in the console's own pages, which every POST sends back."""
    streams: int = 0
    """Open streams of this browser."""


class Visitors:
    """The links that are not used yet, and the browsers that are signed in."""

    def __init__(
        self,
        keys: Mapping[str, ApiKey],
        *,
        user: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with no link and no visitor.

        Args:
            keys: API keys by id.
            user: Name of the user who runs the console, for visitors with a link.
            clock: Returns the time in seconds.
        """
        self._keys = keys
        self._user = user
        self._clock = clock
        self._links: OrderedDict[str, Role] = OrderedDict()
        self._visitors: OrderedDict[str, Visitor] = OrderedDict()
        self._numbers = 0
        self._tries = _WRONG_KEYS_PER_SECOND
        self._tries_at = clock()

    @property
    def has_keys(self) -> bool:
        """Whether a browser can sign in with a key."""
        return bool(self._keys)

    def make_link(self, role: Role) -> str:
        """Return a new one-time token.

        Args:
            role: What the browser that opens the link may do.
        """
        token = secrets.token_urlsafe(32)
        self._links[token] = role
        while len(self._links) > _MOST_LINKS:
            self._links.popitem(last=False)
        return token

    def use_link(self, token: str) -> Visitor | None:
        """Sign a browser in by a one-time token; return None if the token is void."""
        role = self._links.pop(token, None)
        if role is None:
            return None
        self._numbers += 1
        return self._sign_in(f"{self._user}, browser {self._numbers}", role)

    def use_key(self, key_id: str, key: str) -> Visitor | None:
        """Sign a browser in by an API key; return None if it is wrong, or after too many tries."""
        now = self._clock()
        self._tries += (now - self._tries_at) * _WRONG_KEYS_PER_SECOND
        self._tries = min(self._tries, _WRONG_KEYS_PER_SECOND)
        self._tries_at = now
        if self._tries < 1:
            return None
        known = self._keys.get(key_id)
        expected = known.key if known else secrets.token_urlsafe(32)
        if not hmac.compare_digest(key.encode(), expected.encode()) or known is None:
            self._tries -= 1
            return None
        return self._sign_in(f"key {key_id}", known.role)

    def find(self, cookie: str) -> Visitor | None:
        """Return the visitor with a cookie, None if there is none."""
        visitor = self._visitors.get(cookie)
        if visitor is not None:
            self._visitors.move_to_end(cookie)
        return visitor

    def sign_out(self, visitor: Visitor) -> None:
        """Forget a visitor."""
        self._visitors.pop(visitor.cookie, None)

    def _sign_in(self, name: str, role: Role) -> Visitor:
        visitor = Visitor(name, role)
        self._visitors[visitor.cookie] = visitor
        while len(self._visitors) > _MOST_VISITORS:
            self._visitors.popitem(last=False)
        return visitor
