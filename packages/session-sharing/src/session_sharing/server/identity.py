"""Identify callers: by the server's token, by an API key, or by a client certificate."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from session_sharing.core.errors import (
    InvalidArgumentError,
    LimitExceededError,
    NotAuthenticatedError,
    NotPermittedError,
)
from session_sharing.places import check_secret

Metadata = Iterable[tuple[str, "str | bytes"]]
"""Metadata of a call, which arrives before its request."""
Identify = Callable[[Metadata], str]
"""Returns the caller's principal before the request is read; raises `NotAuthenticatedError`.

The principal is empty when only the connection's certificate can say it.
"""

USER = "user"
"""The principal of all callers with the token; of every caller when the server is anonymous."""

_WRONG_TOKENS_PER_SECOND = 20.0


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
        api_keys: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api_keys = dict(api_keys or {})
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

    def _check(self, authorization: str) -> str:
        scheme, _, given = authorization.partition(" ")
        key_id, _, key = given.partition(":")
        if scheme == "Bearer" and _same(given, self.token):
            return USER
        if scheme == "ApiKey" and _same(key, self._api_keys.get(key_id, "")) and key:
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


def read_api_keys(file: Path) -> dict[str, str]:
    """Read API keys by id from a JSON object in a file that only its owner can read.

    Raises:
        InvalidArgumentError: Other users can read the file, or it is not such a JSON object.
    """
    try:
        check_secret(file)
        keys = json.loads(file.read_text(encoding="utf-8"))
    except NotPermittedError as error:
        raise InvalidArgumentError(f"These API keys are no secret: {error}") from error
    except (OSError, ValueError) as error:
        raise InvalidArgumentError(
            f"The API keys in {file} cannot be read: {error}. Write a JSON object such as "
            '{"id": "key"}.'
        ) from error
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise InvalidArgumentError(
            f'{file} is not a file of API keys. Write a JSON object such as {{"id": "key"}}.'
        )
    return keys


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
