"""What server and client must agree on to share memory."""

from __future__ import annotations

import re
import secrets
import struct

NUMBER = struct.Struct("<Q")
"""The message with which the descriptor of a memory file is sent over a socket."""

_NAME = re.compile(r"(Local\\)?json-logger-[0-9a-f]{32}")


def new_name() -> str:
    """Return a name that nobody can guess, for a socket or a memory that two processes share."""
    return f"json-logger-{secrets.token_hex(16)}"


def is_name(name: str) -> bool:
    """Return whether a name is one of these, also in the namespace of a Windows session."""
    return _NAME.fullmatch(name) is not None
