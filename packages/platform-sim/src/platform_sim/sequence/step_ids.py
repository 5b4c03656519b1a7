"""Make step ids that stay the same from build to build.

TestStand's own ids are time-based GUIDs. It only needs that no two steps of a file have the same id
(observed: ``ID#:`` and 22 characters for 16 bytes).
"""

from __future__ import annotations

import base64
import hashlib

_PREFIX = "ID#:"
_ALPHABET = b"+/"


def step_id(sequence: str, group: str, name: str, occurrence: int) -> str:
    """Return the id of a step. It depends on the names by which a person knows the step.

    Args:
        sequence: Name of the sequence.
        group: Name of the step group.
        name: Name of the step.
        occurrence: The number of steps with that name before it in the group.
    """
    key = "\0".join((sequence, group, name, str(occurrence)))
    digest = hashlib.sha256(key.encode()).digest()[:16]
    return _PREFIX + base64.b64encode(digest, _ALPHABET).decode().rstrip("=")
