"""Who calls: the user of this host, a holder of an API key, or the owner of a certificate."""

from __future__ import annotations

import hmac
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from session_sharing.core.errors import (
    InvalidArgumentError,
    LimitExceededError,
    NotAuthenticatedError,
)

Metadata = Iterable[tuple[str, "str | bytes"]]
"""What comes before a request."""
Identify = Callable[[Metadata], str]
"""Tells the caller's principal before anything of the request is read.

Empty where only the connection can tell; raises `NotAuthenticatedError`.
"""

USER = "user"
"""The principal of all who can read the server user's files; of everybody when anonymous."""

_WRONG_TOKENS_PER_SECOND = 20.0


def everybody(_: Metadata) -> str:
    """Identify the callers of a listener that only the server's user can reach, or anybody may."""
    return USER


def holder_of_certificate(_: Metadata) -> str:
    """Leave it to the connection, for which a certificate was needed."""
    return ""


def certificate_principal(auth_context: Mapping[str, Iterable[bytes]]) -> str:
    """Name the owner of the certificate that a connection was made with.

    Args:
        auth_context: What gRPC says of the connection.

    Raises:
        NotAuthenticatedError: The certificate names nobody.
    """
    name = next(iter(auth_context.get("x509_common_name", [])), b"").decode("utf-8", "replace")
    if not name:
        raise NotAuthenticatedError("The client certificate has no common name.")
    return f"certificate:{name}"


class Authenticator:
    """Knows the token and the keys of one host."""

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
        """Tell who shows the token or a key.

        Raises:
            NotAuthenticatedError: The call shows none, or a wrong one.
            LimitExceededError: There were too many wrong ones just now.
        """
        for key, value in metadata:
            if key == "authorization":
                return self._check(value if isinstance(value, str) else value.decode("latin-1"))
        self._count_wrong_try()
        raise NotAuthenticatedError(
            "This server wants a token. Its state file names the file that holds it; clients of "
            "the same user find it by themselves through discovery."
        )

    def _check(self, authorization: str) -> str:
        scheme, _, given = authorization.partition(" ")
        key_id, _, key = given.partition(":")
        if scheme == "Bearer" and _same(given, self.token):
            return USER
        if scheme == "ApiKey" and _same(key, self._api_keys.get(key_id, "")) and key:
            return f"key:{key_id}"
        self._count_wrong_try()
        raise NotAuthenticatedError("The token or key is not one of this server's.")

    def _count_wrong_try(self) -> None:
        """Slow down guessing: a bucket of tries that fills up again with time."""
        now = self._clock()
        self._tries += (now - self._tries_at) * _WRONG_TOKENS_PER_SECOND
        self._tries = min(self._tries, _WRONG_TOKENS_PER_SECOND)
        self._tries_at = now
        if self._tries < 1:
            raise LimitExceededError("Too many wrong tokens; wait a moment.", limit="wrong_tokens")
        self._tries -= 1


def read_api_keys(file: Path) -> dict[str, str]:
    """Read API keys from a JSON object, id to key, in a file that only its owner can read.

    Raises:
        InvalidArgumentError: It is not such a file.
    """
    try:
        if os.name != "nt" and file.stat().st_mode & 0o077:
            raise InvalidArgumentError(f"Others can read {file}: `chmod 600` it.")
        keys = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidArgumentError(f"The API keys in {file} cannot be read: {error}") from error
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise InvalidArgumentError(f"{file} must hold a JSON object of ids and keys.")
    return keys


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
