"""Identify callers: by the server's token, by an API key, or by a client certificate."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Iterable, Mapping

from session_sharing.core.errors import LimitExceededError, NotAuthenticatedError
from session_sharing.roles import ApiKey, Role

Metadata = Iterable[tuple[str, "str | bytes"]]
"""Metadata of a call, which arrives before its request."""
Identify = Callable[[Metadata], str]
"""Returns the caller's principal before the request is read; raises `NotAuthenticatedError`.

The principal is empty when only the connection's certificate can say it.
"""

USER = "user"
"""The principal of all callers with the token; of every caller when the server is anonymous."""

_WRONG_TOKENS_PER_SECOND = 20.0
_NO_KEY = ApiKey("")


def everybody(_: Metadata) -> str:
    """Return the principal of callers that need no token: of a unix socket, or when anonymous."""
    return USER


def holder_of_certificate(_: Metadata) -> str:
    """Return an empty principal: the certificate of the connection says it later."""
    return ""


def certificate_principal(auth_context: Mapping[str, Iterable[bytes]]) -> str:
    """Return the principal of the client certificate of a connection.

    Args:
        auth_context: Properties of the connection, as gRPC gives them.

    Raises:
        NotAuthenticatedError: The certificate has no common name.
    """
    name = next(iter(auth_context.get("x509_common_name", [])), b"").decode("utf-8", "replace")
    if not name:
        raise NotAuthenticatedError(
            "The client certificate has no common name, by which the server knows clients. Use a "
            "certificate that has one."
        )
    return f"certificate:{name}"


class Authenticator:
    """Checks the token and the API keys of one server."""

    def __init__(
        self,
        *,
        api_keys: Mapping[str, str | ApiKey] | None = None,
        users_role: Role = Role.ADMINISTRATE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know the callers.

        Args:
            api_keys: API keys by id; a text is a key with the role `use`.
            users_role: Role of the principal `USER`.
            clock: Returns the time in seconds.
        """
        keys = (api_keys or {}).items()
        self._api_keys = {i: ApiKey(key) if isinstance(key, str) else key for i, key in keys}
        self._roles = {f"key:{key_id}": key.role for key_id, key in self._api_keys.items()}
        self._roles[USER] = users_role
        self._clock = clock
        self._tries = _WRONG_TOKENS_PER_SECOND
        self._tries_at = clock()
        self.token = secrets.token_urlsafe(32)

    def holder_of_token(self, metadata: Metadata) -> str:
        """Return the principal of the token or API key in the metadata.

        Raises:
            NotAuthenticatedError: The call has no token or key, or a wrong one.
            LimitExceededError: There were too many such calls just now.
        """
        for key, value in metadata:
            if key == "authorization":
                return self._check(value if isinstance(value, str) else value.decode("latin-1"))
        self._count_wrong_try()
        raise NotAuthenticatedError(
            "This server needs a token, and the call has none. Connect with the server's state "
            "file, which names the token file, or set a token or an API key."
        )

    def role_of(self, principal: str) -> Role:
        """Return what a caller may do. The holder of a client certificate may use sessions."""
        return self._roles.get(principal, Role.USE)

    def _check(self, authorization: str) -> str:
        scheme, _, given = authorization.partition(" ")
        key_id, _, key = given.partition(":")
        if scheme == "Bearer" and _same(given, self.token):
            return USER
        known = self._api_keys.get(key_id, _NO_KEY)
        if scheme == "ApiKey" and _same(key, known.key) and key:
            return f"key:{key_id}"
        self._count_wrong_try()
        raise NotAuthenticatedError(
            "The server does not know this token or API key. Each start of a server makes a new "
            "token: read it again from the file that the state file names."
        )

    def _count_wrong_try(self) -> None:
        """Limit how many tokens per second a caller can guess; tries come back with time."""
        now = self._clock()
        self._tries += (now - self._tries_at) * _WRONG_TOKENS_PER_SECOND
        self._tries = min(self._tries, _WRONG_TOKENS_PER_SECOND)
        self._tries_at = now
        if self._tries < 1:
            raise LimitExceededError(
                "The server got too many calls with a wrong token. Try again in a second.",
                limit="wrong_tokens",
            )
        self._tries -= 1


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
