"""Define what the holder of a key may do: observe, use or administrate."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from session_sharing.core.errors import InvalidArgumentError, NotPermittedError
from session_sharing.places import check_secret


class Role(Enum):
    """What a caller may do. Each role includes the ones before it."""

    OBSERVE = "observe"
    """List and watch sessions, and read records."""
    USE = "use"
    """Also open and use sessions, and close sessions of this caller."""
    ADMINISTRATE = "administrate"
    """Also close sessions of other callers."""

    def __init__(self, _: str) -> None:
        """Note the place in the order of the roles; every call to a server compares it."""
        self._place = len(type(self).__members__)

    def includes(self, other: Role) -> bool:
        """Return whether a caller with this role may do what the other role allows."""
        return self._place >= other._place


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key by which a caller from another host shows who it is."""

    key: str = field(repr=False)
    """The secret."""
    role: Role = Role.USE
    """What its holder may do."""


def read_api_keys(file: Path) -> dict[str, ApiKey]:
    """Read API keys by id from a JSON object in a file that only its owner can read.

    A key is a text, or an object such as ``{"key": "…", "role": "observe"}``. A text has the role
    ``use``.

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
    if not isinstance(keys, dict):
        raise InvalidArgumentError(
            f'{file} is not a file of API keys. Write a JSON object such as {{"id": "key"}}.'
        )
    return {key_id: _api_key(file, key_id, value) for key_id, value in keys.items()}


def _api_key(file: Path, key_id: str, value: object) -> ApiKey:
    if isinstance(value, str):
        return ApiKey(value)
    if isinstance(value, dict) and isinstance(value.get("key"), str):
        try:
            return ApiKey(value["key"], Role(value.get("role", Role.USE.value)))
        except ValueError:
            pass
    roles = ", ".join(role.value for role in Role)
    raise InvalidArgumentError(
        f"{file} is not a file of API keys: the entry {key_id!r} must be a text, or an object such "
        f'as {{"key": "…", "role": "use"}}. The roles are {roles}.'
    )
