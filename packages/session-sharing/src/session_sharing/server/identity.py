"""Who calls: the user of this host, shown by a unix socket or by a token."""

from __future__ import annotations

import hmac
import secrets

from session_sharing.core.errors import NotAuthenticatedError
from session_sharing.server.interceptor import Context

USER = "user"
"""The principal of all who can read the server user's files; of everybody when anonymous."""


class Authenticator:
    """Checks the callers of one server."""

    def __init__(self, *, anonymous: bool = False) -> None:
        self._anonymous = anonymous
        self.token = secrets.token_urlsafe(32)
        self._expected = f"Bearer {self.token}".encode()

    def __call__(self, context: Context) -> str:
        """Tell the caller's principal.

        Raises:
            NotAuthenticatedError: The call came by TCP without the server's token.
        """
        if self._anonymous or context.peer().startswith("unix:"):
            return USER
        for key, value in context.invocation_metadata() or ():
            if key == "authorization":
                given = value if isinstance(value, bytes) else value.encode()
                if hmac.compare_digest(given, self._expected):
                    return USER
                raise NotAuthenticatedError("The token is not this server's.")
        raise NotAuthenticatedError(
            "This server wants a token. Its state file names the file that holds it; clients of "
            "the same user find it by themselves through discovery."
        )
